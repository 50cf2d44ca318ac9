/*
 * Which filters to test: those that the enabled jails use; those named; those
 * in a file that is named. A filter file alone is no configuration, so one
 * that includes it is made up in memory.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static struct config *load(struct test *t, const char *path);
static struct config *load_including(struct test *t, const char *path);
static int use_routes(struct test *t, const struct config *conf);
static int use_named(struct test *t, struct config *conf, const char *name);
static int use_all(struct test *t, const struct config *conf);
static int use(struct test *t, struct filter *f);
static int make_probes(struct test *t);
static int pick(struct test *t, bool all);
static int no_such_filter(const struct config *conf, const char *name);

static bool
is_path(const char *name)
{
	return strchr(name, '/') != NULL;
}

int
test_load(struct test *t, bool all)
{
	int rc = pick(t, all);

	return rc == DONE ? make_probes(t) : rc;
}

void
test_unload(struct test *t)
{
	router_free(t->router);
	for (size_t i = 0; t->probes && i < t->nfilters; i++)
		filter_free(t->probes[i]);
	for (size_t i = 0; i < t->nconfs; i++)
		config_free(t->confs[i]);
	free(t->probes);
	free(t->confs);
	free(t->filters);
	free(t->optional);
}

bool
test_wants(const struct test *t, size_t i, const struct line *l)
{
	struct match m;

	return filter_match(t->probes[i], l, 0, &m) != VERDICT_NONE;
}

static int
pick(struct test *t, bool all)
{
	const struct ctl *c = t->c;
	const char *path = c->config ? c->config : MXWARD_CONF;
	struct config *main_conf = NULL;
	bool needs_conf = c->nfilters == 0;
	int rc = DONE;

	t->confs = calloc(c->nfilters + 1, sizeof(struct config *));
	if (!t->confs)
		return fail(USAGE, "out of memory");
	for (size_t i = 0; i < c->nfilters; i++)
		needs_conf |= !is_path(c->filter[i]);
	if (needs_conf) {
		/* Without a configuration, the filters that came with it. */
		bool bare =
		    !c->config && c->nfilters && access(path, F_OK) != 0;
		main_conf =
		    bare ? load_including(t, MXWARD_FILTERS) : load(t, path);
		if (!main_conf)
			return USAGE;
	}
	if (c->nfilters == 0)
		return all ? use_all(t, main_conf) : use_routes(t, main_conf);
	for (size_t i = 0; rc == DONE && i < c->nfilters; i++) {
		struct config *own;
		if (!is_path(c->filter[i]))
			rc = use_named(t, main_conf, c->filter[i]);
		else if ((own = load_including(t, c->filter[i])))
			rc = use_all(t, own);
		else
			rc = USAGE;
	}
	return rc;
}

static struct config *
load(struct test *t, const char *path)
{
	struct error err;
	/* What it warns of (no door, no jail) is no matter here. */
	struct config *conf = config_load(path, &err, NULL, NULL);

	if (!conf) {
		fail(USAGE, "%s", err.text);
		return NULL;
	}
	t->confs[t->nconfs++] = conf;
	return conf;
}

static struct config *
load_including(struct test *t, const char *path)
{
	char real[PATH_MAX], made_up[32];
	struct config *conf;
	int fd;

	if (!realpath(path, real)) {
		fail(USAGE, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (strpbrk(real, "\"\\\n")) {
		fail(USAGE, "%s: such a name cannot be included", path);
		return NULL;
	}
	fd = memfd_create("filters", MFD_CLOEXEC);
	if (fd < 0 || dprintf(fd, "include(\"%s\")\n", real) < 0) {
		fail(USAGE, "%s: %s", path, strerror(errno));
		return NULL;
	}
	snprintf(made_up, sizeof(made_up), "/proc/self/fd/%d", fd);
	conf = load(t, made_up);
	close(fd);
	return conf;
}

static int
use_routes(struct test *t, const struct config *conf)
{
	long n = config_routes(conf, &t->filters, &t->optional);

	if (n < 0)
		return fail(USAGE, "out of memory");
	t->nfilters = (size_t)n;
	if (n == 0)
		return fail(USAGE,
		    "%s: no jail is enabled that reads lines: write jail "
		    "\"postfix-auth\" {}, or name a filter with --filter",
		    conf->path);
	return DONE;
}

static int
use_all(struct test *t, const struct config *conf)
{
	int rc = DONE;

	for (size_t i = 0; rc == DONE && i < conf->nfilters; i++)
		rc = use(t, conf->filters[i]);
	if (conf->nfilters == 0)
		return fail(USAGE,
		    "%s: there is no filter in it: include(\"%s\")", conf->path,
		    MXWARD_FILTERS);
	return rc;
}

static int
use_named(struct test *t, struct config *conf, const char *name)
{
	for (size_t i = 0; i < conf->nfilters; i++)
		if (strcmp(conf->filters[i]->name, name) == 0)
			return use(t, conf->filters[i]);
	return no_such_filter(conf, name);
}

/* With all its optional rules. */
static int
use(struct test *t, struct filter *f)
{
	size_t n = t->nfilters + 1;
	struct filter **filters = reallocarray(t->filters, n, sizeof(*filters));
	uint64_t *optional;

	if (!filters)
		return fail(USAGE, "out of memory");
	t->filters = filters;
	optional = reallocarray(t->optional, n, sizeof(*optional));
	if (!optional)
		return fail(USAGE, "out of memory");
	t->optional = optional;
	for (size_t i = 0; i < t->nfilters; i++)
		if (filters[i] == f)
			return DONE;
	filters[t->nfilters] = f;
	optional[t->nfilters++] = UINT64_MAX;
	return DONE;
}

/* A filter with the same programs and one rule that every line matches: it
 * tells which lines the other one is asked about. */
static int
make_probes(struct test *t)
{
	const struct rule_spec any = {
		.name = "any", .kind = RULE_IGNORE, .regex = "^"
	};
	struct error err;

	t->probes = calloc(t->nfilters + 1, sizeof(struct filter *));
	for (size_t i = 0; t->probes && i < t->nfilters; i++) {
		struct filter *f = t->probes[i] = filter_new("probe");
		const struct filter *of = t->filters[i];
		for (size_t k = 0; f && k < of->nprograms; k++)
			if (filter_add_program(f, of->programs[k]) != 0)
				return fail(USAGE, "out of memory");
		if (!f || filter_add_rule(f, &any, &err) != 0)
			return fail(USAGE, "out of memory");
	}
	return t->probes ? DONE : fail(USAGE, "out of memory");
}

static int
no_such_filter(const struct config *conf, const char *name)
{
	char list[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < conf->nfilters && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i ? ", " : "", conf->filters[i]->name);
	return fail(USAGE,
	    "there is no filter \"%s\": there are %s; a file of filters is "
	    "named with a \"/\" in it",
	    name, n ? list : "none");
}
