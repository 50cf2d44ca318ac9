/*
 * The judge: from what a filter says about a line to the jails that count it.
 * Nothing here looks at a clock: what is decided about a line depends on its
 * time and on the lines before it, so that reading them again decides the same.
 */
#include <stdlib.h>
#include <string.h>

#include "judge_priv.h"

/* Rules from here on have no bit and always count. */
#define RULE_BITS 64

static bool jail_add(struct judge *j, const struct jail_spec *spec);
static bool wants_add(struct judge *j, const struct filter *f);
static bool jail_wants(
    const struct jail_spec *spec, const struct filter *f, size_t rule);
static const struct wants *wants_of(
    const struct judge *j, const struct filter *f);
static struct failure failure_of(
    const struct match *m, int64_t when, struct span evidence);
static void fail(struct judge *j, struct judged *g, struct failure *f);
static void succeed(struct judge *j, struct judged *g, const struct match *m);
static bool ignores(const struct judged *g, const struct prefix *key);
static bool banned_at(const struct judge *j, const struct judged *g,
    const struct prefix *key, int64_t when);

struct judge *
judge_new(const struct jail_spec *jails, size_t n, struct bantable *table,
    const struct judge_hooks *hooks, void *arg)
{
	struct judge *j;
	size_t i, k;

	if (n >= BANTABLE_NO_JAIL || (j = calloc(1, sizeof(*j))) == NULL)
		return NULL;
	j->table = table;
	j->hooks = hooks;
	j->arg = arg;
	j->jail = calloc(n + 1, sizeof(*j->jail));
	if (j->jail == NULL)
		goto fail;
	for (i = 0; i < n; i++)
		if (!jail_add(j, &jails[i]))
			goto fail;
	for (i = 0; i < n; i++)
		for (k = 0; !jails[i].recidive && k < jails[i].nfilters; k++)
			if (!wants_add(j, jails[i].filters[k]))
				goto fail;
	return j;
fail:
	judge_free(j);
	return NULL;
}

void
judge_free(struct judge *j)
{
	size_t i;

	if (j == NULL)
		return;
	for (i = 0; i < j->njails; i++)
		windows_free(j->jail[i].windows);
	for (i = 0; i < j->nwants; i++) {
		free(j->wants[i].first);
		free(j->wants[i].jail);
	}
	free(j->wants);
	free(j->jail);
	free(j->held);
	free(j);
}

void
judge_match(
    struct judge *j, const struct match *m, int64_t when, struct span evidence)
{
	const struct wants *w;
	struct failure f;
	size_t i, rule = m->rule->index;

	if (!m->has_host || (w = wants_of(j, m->filter)) == NULL ||
	    rule >= w->nrules || w->first[rule] == w->first[rule + 1])
		return;
	f = failure_of(m, when, evidence);
	for (i = w->first[rule]; i < w->first[rule + 1]; i++) {
		if (m->verdict == VERDICT_FAILURE)
			fail(j, &j->jail[w->jail[i]], &f);
		else if (m->verdict == VERDICT_SUCCESS)
			succeed(j, &j->jail[w->jail[i]], m);
	}
}

size_t
judge_jails(const struct judge *j)
{
	return j->njails;
}

const struct jail_spec *
judge_jail(const struct judge *j, size_t i)
{
	return j->jail[i].spec;
}

uint16_t
judge_jail_number(const struct judge *j, size_t i)
{
	return j->jail[i].number;
}

const struct windows *
judge_windows(const struct judge *j, size_t i)
{
	return j->jail[i].windows;
}

struct jail_stats *
judge_stats(struct judge *j, size_t i)
{
	return &j->jail[i].stats;
}

bool
judge_spares(
    const struct judge *j, const struct judged *g, const struct prefix *key)
{
	return ignores(g, key) || bantable_friend(j->table, key);
}

bool
judge_spares_some(const struct judged *g, const struct prefix *key)
{
	size_t i;

	for (i = 0; g != NULL && i < g->spec->nignoreip; i++)
		if (g->spec->ignoreip[i].len > key->len &&
		    prefix_covers(key, &g->spec->ignoreip[i]))
			return true;
	return false;
}

uint32_t
judge_who(const struct judged *g, struct span user)
{
	return g->spec->reset_on_success ? windows_who(g->windows, user) : 0;
}

void
judge_count(struct judge *j, struct judged *g, const struct failure *f,
    const struct prefix *who)
{
	const struct prefix host = { f->host, 128 };
	struct window_refs why;
	uint64_t id = 0;

	/* A network may be banned for its last straw, who is spared here. */
	if (judge_spares(j, g, who) || ignores(g, &host)) {
		g->stats.ignored += f->count;
		return;
	}
	if (banned_at(j, g, &f->key, f->when) ||
	    (f->key.len < host.len && banned_at(j, g, &host, f->when))) {
		g->stats.after_ban += f->count;
		return;
	}
	g->stats.failures += f->count;
	if (j->hooks->failure != NULL)
		id = j->hooks->failure(j->arg, f);
	if (windows_fail(g->windows, &f->key, f->when, f->count, id,
		judge_who(g, f->user), &why) == 1) {
		g->stats.bans++;
		judge_decide(j, g, f, &why);
	}
}

static bool
jail_add(struct judge *j, const struct jail_spec *spec)
{
	struct judged *g = &j->jail[j->njails];

	g->spec = spec;
	g->number = bantable_jail(j->table, spec->name);
	if (g->number == BANTABLE_NO_JAIL || j->of_number[g->number] != NULL)
		return false;
	g->windows =
	    windows_new(spec->maxretry, spec->findtime, spec->max_hosts);
	if (g->windows == NULL)
		return false;
	j->of_number[g->number] = g;
	j->njails++;
	return true;
}

/* Once for each filter, over all jails. */
static bool
wants_add(struct judge *j, const struct filter *f)
{
	struct wants *w;
	size_t rule, i, n = 0;

	if (wants_of(j, f) != NULL)
		return true;
	w = realloc(j->wants, (j->nwants + 1) * sizeof(*w));
	if (w == NULL)
		return false;
	j->wants = w;
	w = &w[j->nwants++];
	w->filter = f;
	w->nrules = f->nrules;
	w->first = calloc(f->nrules + 1, sizeof(*w->first));
	w->jail = calloc(f->nrules * j->njails + 1, sizeof(*w->jail));
	if (w->first == NULL || w->jail == NULL)
		return false;
	for (rule = 0; rule < f->nrules; rule++) {
		w->first[rule] = n;
		for (i = 0; i < j->njails; i++)
			if (jail_wants(j->jail[i].spec, f, rule))
				w->jail[n++] = (uint8_t)i;
	}
	w->first[rule] = n;
	return true;
}

static bool
jail_wants(const struct jail_spec *spec, const struct filter *f, size_t rule)
{
	size_t i;

	for (i = 0; !spec->recidive && i < spec->nfilters; i++)
		if (spec->filters[i] == f &&
		    (rule >= RULE_BITS || (spec->rules[i] >> rule & 1) != 0))
			return true;
	return false;
}

/* There are a dozen filters: looking at each is faster than hashing. */
static const struct wants *
wants_of(const struct judge *j, const struct filter *f)
{
	size_t i;

	for (i = 0; i < j->nwants; i++)
		if (j->wants[i].filter == f)
			return &j->wants[i];
	return NULL;
}

static struct failure
failure_of(const struct match *m, int64_t when, struct span evidence)
{
	return (struct failure){
		.when = when,
		.count = m->count > 0 ? m->count : 1,
		.origin = ORIGIN_LOG,
		.host = m->host,
		.user = m->user,
		.filter = m->filter->name,
		.rule = m->rule->name,
		.evidence = evidence,
	};
}

static void
fail(struct judge *j, struct judged *g, struct failure *f)
{
	const struct prefix host = { f->host, 128 };

	f->jail = g->number;
	f->key = prefix_key(&f->host, g->spec->prefix4, g->spec->prefix6);
	judge_count(j, g, f, &host);
}

static void
succeed(struct judge *j, struct judged *g, const struct match *m)
{
	struct window_refs refs;
	struct prefix key;
	uint32_t who;

	g->stats.successes++;
	if ((who = judge_who(g, m->user)) == 0)
		return;
	key = prefix_key(&m->host, g->spec->prefix4, g->spec->prefix6);
	if (windows_clear_of(g->windows, &key, who, &refs) > 0 && refs.n > 0 &&
	    j->hooks->cleared != NULL)
		j->hooks->cleared(j->arg, &refs);
}

/* Whether all of key is in the ignoreip of the jail, which may be NULL. */
static bool
ignores(const struct judged *g, const struct prefix *key)
{
	size_t i;

	for (i = 0; g != NULL && i < g->spec->nignoreip; i++)
		if (prefix_covers(&g->spec->ignoreip[i], key))
			return true;
	return false;
}

/*
 * Whether this jail's ban of key was in force at `when`, or began after it:
 * then the line is a late one of the same attack. The entry stays in the table
 * until no line can be older than its end, so the answer does not depend on
 * when this is asked. An orphan does not count; it will be decided again.
 */
static bool
banned_at(const struct judge *j, const struct judged *g,
    const struct prefix *key, int64_t when)
{
	const struct ban *held;
	struct ban b;

	if (!bantable_get(j->table, key, g->number, &b))
		return false;
	if ((b.flags & BAN_ORPHAN) == 0)
		return when < b.end;
	held = held_find(j, &b);
	return held != NULL && when < held->end;
}
