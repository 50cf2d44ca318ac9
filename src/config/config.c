/* config_load and what is global. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/duration.h"
#include "mxward/listener.h"
#include "mxward/log.h"

/* A million bans take 128 MB at most; what is not used costs nothing. */
#define DEFAULT_MAX_BANS  1000000
#define DEFAULT_MAX_HOSTS 1000000
#define DEFAULT_HISTORY   (90 * INT64_C(86400))

static struct config *config_new(const char *path);
static int parse(struct loader *l, const char *path);
static void advise(struct loader *l);
static void free_strings(char **s, size_t n);

struct config *
config_load(const char *path, struct error *err,
    void (*warn)(void *arg, const char *text), void *arg)
{
	struct loader l = { .err = err, .warn = warn, .warn_arg = arg };
	int rc;

	l.conf = config_new(path);
	l.cfg = grammar_new();
	if (!l.conf || !l.cfg) {
		config_free(l.conf);
		error_set(err, "out of memory");
		return NULL;
	}
	loader_begin(&l);
	rc = parse(&l, path);
	if (rc == 0)
		rc = load_globals(&l) || load_filters(&l) || load_jails(&l) ||
		    load_sources(&l) || load_policy(&l) || load_enforcers(&l);
	if (rc == 0)
		advise(&l);
	cfg_free(l.cfg);
	loader_end(&l);
	if (rc == 0)
		return l.conf;
	config_free(l.conf);
	return NULL;
}

static struct config *
config_new(const char *path)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->path = strdup(path);
	c->user = strdup("mxward");
	c->group = strdup("mxward");
	c->statedir = strdup(MXWARD_STATEDIR);
	c->control = strdup(MXWARD_RUNDIR "/control");
	c->log_level = strdup("info");
	c->max_bans = DEFAULT_MAX_BANS;
	c->max_hosts = DEFAULT_MAX_HOSTS;
	c->history = DEFAULT_HISTORY;
	if (c->path && c->user && c->group && c->statedir && c->control &&
	    c->log_level)
		return c;
	config_free(c);
	return NULL;
}

static int
parse(struct loader *l, const char *path)
{
	int rc = text_parse(l->cfg, path);

	if (rc == CFG_SUCCESS)
		return 0;
	if (rc == CFG_FILE_ERROR)
		return loader_fail(l, path, 0, "cannot read it: %s%s",
		    strerror(errno),
		    errno == ENOENT ? ": write one (mxward.conf(5)) or name "
				      "another with -c FILE"
				    : ": name a file that can be read with -c "
				      "FILE");
	return loader_fail(l, path, l->cfg->line, "syntax error");
}

int
load_globals(struct loader *l)
{
	struct config *c = l->conf;
	cfg_t *g = l->cfg;

	if (value_string(l, g, "user", &c->user) != 0 ||
	    value_string(l, g, "group", &c->group) != 0 ||
	    value_string(l, g, "statedir", &c->statedir) != 0 ||
	    value_string(l, g, "control", &c->control) != 0 ||
	    value_string(l, g, "control_group", &c->control_group) != 0 ||
	    value_string(l, g, "log_level", &c->log_level) != 0 ||
	    value_size(l, g, "max_bans", 16, 100000000, &c->max_bans) != 0 ||
	    value_size(l, g, "max_hosts", 16, 100000000, &c->max_hosts) != 0 ||
	    value_duration(l, g, "history", &c->history) != 0 ||
	    value_networks(l, g, "ignoreip", &c->ignoreip, &c->nignoreip,
		&c->ignorehosts, &c->nignorehosts, &c->ignore_self) != 0)
		return -1;
	/* An empty list was written, too: it ignores nobody. */
	if (!(cfg_getopt(g, "ignoreip")->flags & CFGF_MODIFIED))
		c->ignore_self = true;
	if (log_level_parse(c->log_level) < 0)
		return option_fail(l, g, "log_level",
		    "log_level = \"%s\": write \"error\", \"warning\", "
		    "\"notice\", \"info\" or \"debug\"",
		    c->log_level);
	if (c->control[0] != '/' || c->statedir[0] != '/')
		return option_fail(l, g,
		    c->control[0] != '/' ? "control" : "statedir",
		    "\"%s\": write an absolute path",
		    c->control[0] != '/' ? c->control : c->statedir);
	return 0;
}

static void
advise_sources(struct loader *l)
{
	glob_t g;

	for (size_t i = 0; i < l->conf->nsources; i++) {
		const struct source_conf *s = &l->conf->sources[i];
		for (size_t f = 0; s->written && f < s->nfiles; f++) {
			if (glob(s->files[f], GLOB_NOSORT, NULL, &g) != 0)
				loader_warn(l, l->conf->path, 0,
				    "source \"%s\": %s is not there; it is "
				    "waited for",
				    s->name, s->files[f]);
			else
				globfree(&g);
		}
	}
}

static void
advise_ignoreip(struct loader *l)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < l->conf->nignoreip; i++) {
		const struct prefix *p = &l->conf->ignoreip[i];
		unsigned bits = addr_is_v4(&p->addr) && p->len >= 96
		    ? p->len - 96U
		    : p->len / 2U;
		if (bits < 8)
			loader_warn(l, l->conf->path, 0,
			    "ignoreip: %s is so large that hardly anybody can "
			    "be banned",
			    prefix_format(p, text));
	}
}

/* What is legal and probably not meant. */
static void
advise(struct loader *l)
{
	struct config *c = l->conf;
	size_t working = 0;

	for (size_t i = 0; i < c->njails; i++)
		working += c->jails[i].enabled && c->jails[i].spec.nfilters;
	advise_sources(l);
	advise_ignoreip(l);
	if (working == 0)
		loader_warn(l, c->path, 0,
		    "no jail counts anything: write jail \"postfix-auth\" {}");
	/* Postfix logs these as it logs its own refusals. */
	if (strncasecmp(c->policy.answer, "reject", 6) == 0 ||
	    strncmp(c->policy.answer, "554 5.7.1", 9) == 0)
		loader_warn(l, c->path, 0,
		    "policy: answer = \"%.20s…\" is logged like Postfix's own "
		    "refusals and would be counted by postfix-flood: begin it "
		    "with 521 or 421",
		    c->policy.answer);
	if (c->policy.nlisten == 0 && !c->nft.enabled)
		loader_warn(l, c->path, 0,
		    "neither policy nor enforcer \"nftables\": bans are "
		    "decided "
		    "and refuse nobody");
}

void
config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->njails; i++)
		jail_conf_clear(&c->jails[i]);
	for (size_t i = 0; i < c->nfilters; i++)
		filter_free(c->filters[i]);
	for (size_t i = 0; i < c->nsources; i++) {
		free(c->sources[i].name);
		free(c->sources[i].journal);
		free_strings(c->sources[i].files, c->sources[i].nfiles);
		free_strings(c->sources[i].match, c->sources[i].nmatch);
	}
	for (size_t i = 0; i < c->policy.nlisten; i++)
		listen_conf_clear(&c->policy.listen[i]);
	free_strings(c->ignorehosts, c->nignorehosts);
	free(c->jails);
	free(c->filters);
	free(c->sources);
	free(c->policy.listen);
	free(c->policy.answer);
	free(c->policy.socket_user);
	free(c->policy.socket_group);
	free(c->nft.table);
	free(c->ignoreip);
	free(c->path);
	free(c->user);
	free(c->group);
	free(c->statedir);
	free(c->control);
	free(c->control_group);
	free(c->log_level);
	free(c);
}

static void
free_strings(char **s, size_t n)
{
	for (size_t i = 0; s && i < n; i++)
		free(s[i]);
	free(s);
}

long
config_routes(
    const struct config *c, struct filter ***filters, uint64_t **optional)
{
	size_t n = 0;

	*filters = calloc(c->nfilters + 1, sizeof(**filters));
	*optional = calloc(c->nfilters + 1, sizeof(**optional));
	if (!*filters || !*optional) {
		free(*filters);
		free(*optional);
		return -1;
	}
	for (size_t f = 0; f < c->nfilters; f++) {
		bool used = false;
		for (size_t j = 0; j < c->njails; j++)
			for (size_t i = 0; c->jails[j].enabled &&
			     i < c->jails[j].spec.nfilters;
			     i++)
				if (c->jails[j].filters[i] == c->filters[f]) {
					used = true;
					(*optional)[n] |= c->jails[j].rules[i];
				}
		if (used)
			(*filters)[n++] = c->filters[f];
	}
	return (long)n;
}

long
config_jail_specs(const struct config *c, struct jail_spec **specs)
{
	size_t n = 0;

	*specs = calloc(c->njails + 1, sizeof(**specs));
	if (!*specs)
		return -1;
	for (size_t i = 0; i < c->njails; i++)
		if (c->jails[i].enabled)
			(*specs)[n++] = c->jails[i].spec;
	return (long)n;
}
