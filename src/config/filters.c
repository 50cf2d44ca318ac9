/* filter sections → struct filter, each rule compiled as it is read. */
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/enforcer.h"

static int load_filter(struct loader *l, cfg_t *sec, struct filter **out);
static int load_limits(struct loader *l, cfg_t *sec, struct filter *f);
static int load_rule(struct loader *l, cfg_t *sec, struct filter *f);

int
load_filters(struct loader *l)
{
	unsigned n = cfg_size(l->cfg, "filter");

	l->conf->filters = calloc(n + 1, sizeof(*l->conf->filters));
	if (!l->conf->filters)
		return loader_fail(l, l->conf->path, 0, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		cfg_t *sec = cfg_getnsec(l->cfg, "filter", i);
		struct filter **f = &l->conf->filters[l->conf->nfilters];
		if (load_filter(l, sec, f) != 0)
			return -1;
		l->conf->nfilters++;
	}
	return 0;
}

static int
load_filter(struct loader *l, cfg_t *sec, struct filter **out)
{
	struct filter *f = filter_new(cfg_title(sec));
	struct place p = place_of_section(l, sec);

	if (!f)
		return loader_fail(l, p.file, p.line, "out of memory");
	f->file = strdup(p.file);
	f->line = p.line;
	for (unsigned i = 0; i < cfg_size(sec, "program"); i++)
		if (filter_add_program(f, cfg_getnstr(sec, "program", i)) != 0)
			goto fail;
	if (load_limits(l, sec, f) != 0)
		goto fail;
	for (unsigned i = 0; i < cfg_size(sec, "rule"); i++)
		if (load_rule(l, cfg_getnsec(sec, "rule", i), f) != 0)
			goto fail;
	if (f->nrules == 0) {
		loader_fail(l, p.file, p.line,
		    "filter \"%s\" has no rule: write rule \"NAME\" { "
		    "failregex "
		    "= '^…' }",
		    f->name);
		goto fail;
	}
	*out = f;
	return 0;
fail:
	filter_free(f);
	return loader_fail(l, p.file, p.line, "out of memory");
}

static int
load_limits(struct loader *l, cfg_t *sec, struct filter *f)
{
	struct portgroup group;
	struct error e;

	if (value_string(l, sec, "description", &f->description) != 0 ||
	    value_string(l, sec, "ports", &f->limits.ports) != 0 ||
	    value_uint(l, sec, "maxretry", 1, 1000000, &f->limits.maxretry) !=
		0 ||
	    value_duration(l, sec, "findtime", &f->limits.findtime) != 0 ||
	    value_duration(l, sec, "bantime", &f->limits.bantime) != 0)
		return -1;
	if (f->limits.ports && portgroup_parse(f->limits.ports, &group, &e))
		return option_fail(l, sec, "ports", "%s", e.text);
	return 0;
}

/* Which of the three patterns a rule has; NULL unless it is exactly one. */
static const char *
rule_pattern(cfg_t *sec, struct rule_spec *spec)
{
	static const struct {
		const char *key;
		enum rule_kind kind;
	} kinds[] = { { "failregex", RULE_FAILURE },
		{ "successregex", RULE_SUCCESS },
		{ "ignoreregex", RULE_IGNORE } };
	const char *key = NULL;

	for (size_t i = 0; i < 3; i++) {
		if (!option_given(sec, kinds[i].key))
			continue;
		if (key)
			return NULL;
		key = kinds[i].key;
		spec->kind = kinds[i].kind;
		spec->regex = cfg_getstr(sec, key);
	}
	return key;
}

static int
load_rule(struct loader *l, cfg_t *sec, struct filter *f)
{
	struct rule_spec spec = { .name = cfg_title(sec) };
	const char *key = rule_pattern(sec, &spec);
	char **samples = NULL, **misses = NULL;
	struct error e;
	int rc = -1;

	if (!key) {
		struct place p = place_of_section(l, sec);
		return loader_fail(l, p.file, p.line,
		    "rule \"%s\" of filter \"%s\": write exactly one of "
		    "failregex, successregex, ignoreregex",
		    spec.name, f->name);
	}
	spec.optional =
	    option_given(sec, "optional") && cfg_getbool(sec, "optional");
	if (value_strings(l, sec, "sample", &samples, &spec.nsamples) != 0 ||
	    value_strings(l, sec, "miss", &misses, &spec.nmisses) != 0)
		goto out;
	spec.samples = (const char *const *)samples;
	spec.misses = (const char *const *)misses;
	rc = filter_add_rule(f, &spec, &e);
	if (rc != 0)
		option_fail(l, sec, key, "rule \"%s\" of filter \"%s\": %s",
		    spec.name, f->name, e.text);
out:
	for (size_t i = 0; samples && i < spec.nsamples; i++)
		free(samples[i]);
	for (size_t i = 0; misses && i < spec.nmisses; i++)
		free(misses[i]);
	free(samples);
	free(misses);
	return rc;
}
