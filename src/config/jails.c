/*
 * jail sections → struct jail_conf. What a jail does not say comes from the
 * global keys, then from its filter, then from the defaults below.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/control.h"
#include "mxward/duration.h"
#include "mxward/enforcer.h"

#define DEFAULT_MAXRETRY 5
#define DEFAULT_FINDTIME (10 * 60)
#define DEFAULT_MEMORY   (30 * 86400)
static const int64_t default_bantime[] = { 600, 3600, 86400, 7 * 86400 };

/* A recidive jail looks further back, and for longer. */
#define RECIDIVE_MAXRETRY 5
#define RECIDIVE_FINDTIME (24 * 3600)
#define RECIDIVE_BANTIME  (7 * 86400)

static int load_jail(struct loader *l, cfg_t *sec, struct jail_conf *j);
static int add_manual(struct loader *l);
static int load_filter_names(struct loader *l, cfg_t *sec, struct jail_conf *j);
static int load_rules(struct loader *l, cfg_t *sec, struct jail_conf *j);
static int load_limits(struct loader *l, cfg_t *sec, struct jail_conf *j);
static int load_ports(struct loader *l, cfg_t *sec, struct jail_conf *j);

int
load_jails(struct loader *l)
{
	unsigned n = cfg_size(l->cfg, "jail");

	if (n > BANTABLE_JAILS - 2)
		return loader_fail(l, l->conf->path, 0,
		    "%u jails: there can be at most %d", n, BANTABLE_JAILS - 2);
	l->conf->jails = calloc(n + 1, sizeof(*l->conf->jails));
	if (!l->conf->jails)
		return loader_fail(l, l->conf->path, 0, "out of memory");
	for (unsigned i = 0; i < n; i++)
		if (load_jail(l, cfg_getnsec(l->cfg, "jail", i),
			&l->conf->jails[l->conf->njails++]) != 0)
			return -1;
	return add_manual(l);
}

void
jail_conf_clear(struct jail_conf *j)
{
	free(j->name);
	free(j->filters);
	free(j->rules);
	free(j->ignoreip);
	free(j->ports);
	free(j->file);
}

static int
load_jail(struct loader *l, cfg_t *sec, struct jail_conf *j)
{
	const char *title = cfg_title(sec);
	struct place p = place_of_section(l, sec);

	j->name = strdup(title);
	j->file = strdup(p.file);
	j->line = p.line;
	j->enabled =
	    !option_given(sec, "enabled") || cfg_getbool(sec, "enabled");
	if (!j->name || !j->file)
		return loader_fail(l, p.file, p.line, "out of memory");
	if (title[0] == '\0' || strlen(title) >= BANTABLE_JAIL_LEN ||
	    strspn(title,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-") != strlen(title))
		return loader_fail(l, p.file, p.line,
		    "jail \"%s\": name it with at most %d letters, digits, "
		    "'.', '_' and '-'",
		    title, BANTABLE_JAIL_LEN - 1);
	j->spec.recidive = option_given(sec, "recidive")
	    ? cfg_getbool(sec, "recidive")
	    : strcmp(title, "recidive") == 0;
	if (load_filter_names(l, sec, j) != 0 || load_rules(l, sec, j) != 0 ||
	    load_limits(l, sec, j) != 0 || load_ports(l, sec, j) != 0)
		return -1;
	j->spec.name = j->name;
	j->spec.filters = (const struct filter *const *)j->filters;
	j->spec.rules = j->rules;
	j->spec.ignoreip = j->ignoreip;
	j->spec.max_hosts = l->conf->max_hosts;
	return 0;
}

/* Bans by hand need a jail, even where nobody wrote one. */
static int
add_manual(struct loader *l)
{
	struct jail_conf *j = &l->conf->jails[l->conf->njails];

	for (size_t i = 0; i < l->conf->njails; i++)
		if (strcmp(l->conf->jails[i].name, CONTROL_MANUAL_JAIL) == 0) {
			l->conf->jails[i].enabled = true;
			return 0;
		}
	j->name = strdup(CONTROL_MANUAL_JAIL);
	j->ports = strdup("all");
	j->file = strdup(l->conf->path);
	if (!j->name || !j->ports || !j->file)
		return loader_fail(l, l->conf->path, 0, "out of memory");
	l->conf->njails++;
	j->enabled = true;
	j->spec.name = j->name;
	j->spec.max_hosts = 1;
	return load_limits(l, l->cfg, j);
}

static struct filter *
filter_by_name(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nfilters; i++)
		if (strcmp(c->filters[i]->name, name) == 0)
			return c->filters[i];
	return NULL;
}

static int
load_filter_names(struct loader *l, cfg_t *sec, struct jail_conf *j)
{
	bool given = option_given(sec, "filter");
	unsigned n = given ? cfg_size(sec, "filter") : 1;

	j->filters = calloc(n + 1, sizeof(struct filter *));
	j->rules = calloc(n + 1, sizeof(*j->rules));
	if (!j->filters || !j->rules)
		return option_fail(l, sec, "filter", "out of memory");
	if (j->spec.recidive ||
	    (!given && !strcmp(j->name, CONTROL_MANUAL_JAIL)))
		return given ? option_fail(l, sec, "filter",
				   "a recidive jail counts bans, not lines: "
				   "leave out its filter")
			     : 0;
	for (unsigned i = 0; i < n; i++) {
		const char *name =
		    given ? cfg_getnstr(sec, "filter", i) : j->name;
		struct filter *f = filter_by_name(l->conf, name);
		if (!f)
			return option_fail(l, sec, "filter",
			    "jail \"%s\": there is no filter \"%s\": %s",
			    j->name, name,
			    l->conf->nfilters ? "write filter = { \"NAME\" } "
						"with one that is "
						"defined"
					      : "none is defined; "
						"include(\"" MXWARD_FILTERS
						"\") first");
		j->filters[j->spec.nfilters++] = f;
	}
	return 0;
}

/* Set or clear the bit of a rule in every filter of the jail that has it. */
static int
switch_rules(
    struct loader *l, cfg_t *sec, struct jail_conf *j, const char *key, bool on)
{
	unsigned n = option_given(sec, key) ? cfg_size(sec, key) : 0;

	for (unsigned i = 0; i < n; i++) {
		const char *name = cfg_getnstr(sec, key, i);
		bool found = false;
		for (size_t f = 0; f < j->spec.nfilters; f++) {
			struct rule *r = filter_rule(j->filters[f], name);
			if (!r)
				continue;
			found = true;
			if (r->index > 63)
				return option_fail(l, sec, key,
				    "rule \"%s\" is beyond the 64th of its "
				    "filter and cannot be switched",
				    name);
			if (on)
				j->rules[f] |= UINT64_C(1) << r->index;
			else
				j->rules[f] &= ~(UINT64_C(1) << r->index);
		}
		if (!found)
			return option_fail(l, sec, key,
			    "jail \"%s\": none of its filters has a rule "
			    "\"%s\"",
			    j->name, name);
	}
	return 0;
}

static int
load_rules(struct loader *l, cfg_t *sec, struct jail_conf *j)
{
	for (size_t f = 0; f < j->spec.nfilters; f++)
		for (size_t r = 0; r < j->filters[f]->nrules && r < 64; r++)
			if (!j->filters[f]->rules[r].optional)
				j->rules[f] |= UINT64_C(1) << r;
	if (switch_rules(l, sec, j, "enable", true) != 0)
		return -1;
	return switch_rules(l, sec, j, "disable", false);
}

static void
set_defaults(struct jail_conf *j)
{
	const struct filter_limits none = { 0 };
	const struct filter_limits *f =
	    j->spec.nfilters ? &j->filters[0]->limits : &none;
	struct jail_spec *s = &j->spec;

	s->maxretry = s->recidive ? RECIDIVE_MAXRETRY : DEFAULT_MAXRETRY;
	s->findtime = s->recidive ? RECIDIVE_FINDTIME : DEFAULT_FINDTIME;
	s->memory = DEFAULT_MEMORY;
	s->nbantime = sizeof(default_bantime) / sizeof(default_bantime[0]);
	memcpy(s->bantime, default_bantime, sizeof(default_bantime));
	s->prefix4 = 32;
	s->prefix6 = 64;
	s->mode = MODE_BAN;
	s->reset_on_success = true;
	if (f->maxretry)
		s->maxretry = f->maxretry;
	if (f->findtime)
		s->findtime = f->findtime;
	if (f->bantime || s->recidive) {
		s->bantime[0] = s->recidive ? RECIDIVE_BANTIME : f->bantime;
		s->nbantime = 1;
	}
}

/* The limits a section writes, over what is there. */
static int
read_limits(struct loader *l, cfg_t *sec, struct jail_spec *s)
{
	if (value_uint(l, sec, "maxretry", 1, 1000000, &s->maxretry) != 0 ||
	    value_duration(l, sec, "findtime", &s->findtime) != 0 ||
	    value_duration(l, sec, "memory", &s->memory) != 0 ||
	    value_durations(l, sec, "bantime", s->bantime, JAIL_BANTIMES_MAX,
		&s->nbantime) != 0 ||
	    value_mode(l, sec, "mode", &s->mode) != 0 ||
	    value_uint(l, sec, "prefix", 8, 32, &s->prefix4) != 0 ||
	    value_uint(l, sec, "prefix6", 16, 128, &s->prefix6) != 0)
		return -1;
	if (option_given(sec, "reset_on_success"))
		s->reset_on_success = cfg_getbool(sec, "reset_on_success");
	return 0;
}

static int
load_limits(struct loader *l, cfg_t *sec, struct jail_conf *j)
{
	enum jail_mode global_mode;
	struct jail_spec *s = &j->spec, saved;

	set_defaults(j);
	saved = *s;
	if (read_limits(l, l->cfg, s) != 0)
		return -1;
	if (s->recidive) {
		/* Global limits speak of lines; a recidive jail counts bans. */
		s->maxretry = saved.maxretry;
		s->findtime = saved.findtime;
		memcpy(s->bantime, saved.bantime, sizeof(s->bantime));
		s->nbantime = saved.nbantime;
	}
	global_mode = s->mode;
	if (sec == l->cfg)
		return 0;
	if (read_limits(l, sec, s) != 0 ||
	    value_networks(l, sec, "ignoreip", &j->ignoreip, &s->nignoreip,
		NULL, NULL, NULL) != 0)
		return -1;
	/* A global rehearsal refuses nobody, whatever a jail says. */
	if (global_mode == MODE_OBSERVE)
		s->mode = MODE_OBSERVE;
	if (s->findtime == DURATION_FOREVER)
		return option_fail(l, sec, "findtime",
		    "findtime = \"forever\" would count for ever: write a "
		    "length of time");
	return 0;
}

static int
load_ports(struct loader *l, cfg_t *sec, struct jail_conf *j)
{
	char text[256] = "all";
	struct portgroup group;
	struct error e;
	size_t used = 0;

	if (option_given(sec, "ports")) {
		for (unsigned i = 0; i < cfg_size(sec, "ports"); i++) {
			int n = snprintf(text + used, sizeof(text) - used,
			    "%s%s", i ? "," : "", cfg_getnstr(sec, "ports", i));
			if (n < 0 || (size_t)n >= sizeof(text) - used)
				return option_fail(
				    l, sec, "ports", "ports is too long");
			used += (size_t)n;
		}
	} else if (j->spec.nfilters && j->filters[0]->limits.ports) {
		snprintf(text, sizeof(text), "%s", j->filters[0]->limits.ports);
	}
	if (portgroup_parse(text, &group, &e) != 0)
		return option_fail(l, sec, "ports", "%s", e.text);
	j->ports = strdup(text);
	return j->ports ? 0 : option_fail(l, sec, "ports", "out of memory");
}
