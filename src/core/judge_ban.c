/*
 * How bans begin and end. The table comes first, always: when anybody is told
 * that a ban has begun, every door already refuses.
 */
#include <string.h>

#include "judge_priv.h"

/* Bans that one tick announces or forgets; their ends need nobody to do it, so
 * a million that end together need not hold up anything. */
#define TICK_BANS 2048
/* Keys that one tick looks at: all of them within a minute, or this many. */
#define TICK_KEYS    256
#define TICK_OF_KEYS 64

static int64_t ban_end(
    const struct jail_spec *spec, int64_t start, unsigned past);
static void tell_ban(struct judge *j, const struct ban *old, struct ban *b,
    const struct window_refs *why);
static void tell_replaced(
    struct judge *j, const struct ban *old, const struct ban *b);
static void count_recidive(struct judge *j, const struct judged *g,
    const struct failure *f, const struct ban *b);
static void forget(
    struct judge *j, const struct judged *g, const struct prefix *key);
static bool observed(const struct judged *g);

int
judge_ban(struct judge *j, struct ban *b, bool force, struct error *err)
{
	const struct judged *g;
	char text[PREFIX_STRLEN];
	struct ban old;
	bool had;

	if (b->jail >= BANTABLE_NO_JAIL || b->key.len > 128)
		return error_set(err, "no such jail; see mxwardctl status");
	g = j->of_number[b->jail];
	b->key = prefix_of(&b->key.addr, b->key.len);
	b->flags = observed(g) ? BAN_OBSERVE : 0;
	b->id = 0;
	b->nth = b->nth > 0 ? b->nth : 1;
	if (judge_spares(j, g, &b->key)) {
		if (!force)
			return error_set(err,
			    "%s is in ignoreip; take it out, or use --force",
			    prefix_format(&b->key, text));
		b->flags |= BAN_FORCED;
	}
	had = bantable_get(j->table, &b->key, b->jail, &old);
	if (judge_put(j, b, false) == -1)
		return error_set(err,
		    "the ban table is full (%zu entries); raise max_bans",
		    bantable_capacity(j->table));
	tell_ban(j, had ? &old : NULL, b, &(struct window_refs){ NULL, 0 });
	return 0;
}

unsigned
judge_unban(
    struct judge *j, const struct prefix *key, uint16_t jail, const char *why)
{
	struct ban bans[BANTABLE_JAILS];
	unsigned ended = 0;
	size_t i, n;

	n = bantable_of_key(j->table, key, bans, BANTABLE_JAILS);
	for (i = 0; i < n && i < BANTABLE_JAILS; i++) {
		if ((bans[i].flags & BAN_FRIEND) != 0 ||
		    (jail != BANTABLE_NO_JAIL && bans[i].jail != jail))
			continue;
		ended += (bans[i].flags & BAN_OVER) == 0;
		judge_end(j, &bans[i], why);
	}
	for (i = 0; i < j->njails; i++)
		if (jail == BANTABLE_NO_JAIL || j->jail[i].number == jail)
			forget(j, &j->jail[i], key);
	return ended;
}

bool
judge_tick(struct judge *j, int64_t now, int64_t clock)
{
	unsigned budget = TICK_BANS;
	struct ban b;
	size_t i;

	for (; budget > 0 && bantable_soonest_waiting(j->table, &b) &&
	     b.end <= now;
	     budget--) {
		if (b.flags & BAN_ORPHAN) {
			orphan_drop(j, &b);
			continue;
		}
		b.flags |= BAN_OVER;
		bantable_set_flags(j->table, &b.key, b.jail, b.flags);
		judge_tell_unban(j, &b, "time");
	}
	for (; budget > 0 && bantable_soonest_over(j->table, &b) &&
	     b.end <= clock;
	     budget--)
		bantable_del(j->table, &b.key, b.jail);
	for (i = 0; i < j->njails; i++)
		windows_prune(j->jail[i].windows, clock,
		    TICK_KEYS +
			windows_keys(j->jail[i].windows) / TICK_OF_KEYS);
	return budget == 0;
}

void
judge_decide(struct judge *j, const struct judged *g, const struct failure *f,
    const struct window_refs *why)
{
	struct ban old, b = { .key = f->key, .jail = g->number };
	unsigned past = 0;
	bool had;

	if (judge_spares_some(g, &b.key))
		b.key = (struct prefix){ f->host, 128 };
	if (j->hooks->past_bans != NULL)
		past = j->hooks->past_bans(j->arg, g->number, &b.key,
		    time_add(f->when, -g->spec->memory));
	b.origin = (uint8_t)f->origin;
	b.flags = observed(g) ? BAN_OBSERVE : 0;
	b.nth = (uint8_t)(past < UINT8_MAX ? past + 1 : UINT8_MAX);
	b.start = f->when;
	b.end = ban_end(g->spec, b.start, past);
	had = bantable_get(j->table, &b.key, b.jail, &old);
	if (judge_put(j, &b, true) == -1)
		return;
	tell_ban(j, had ? &old : NULL, &b, why);
	if (!g->spec->recidive)
		count_recidive(j, g, f, &b);
}

int
judge_put(struct judge *j, const struct ban *b, bool evict)
{
	struct ban out;

	while (bantable_put(j->table, b) == -1) {
		if (!bantable_soonest_over(j->table, &out) &&
		    !(evict && bantable_soonest(j->table, &out)))
			return -1;
		judge_end(j, &out, "evicted");
	}
	return 0;
}

void
judge_end(struct judge *j, const struct ban *b, const char *why)
{
	struct ban held, gone = *b;

	bantable_del(j->table, &b->key, b->jail);
	gone.flags &= (uint8_t)~BAN_RESTORED;
	if (b->flags & BAN_ORPHAN) {
		gone.id = 0;
		if (held_take(j, b, &held) && (held.flags & BAN_OVER) == 0)
			judge_tell_unban(j, &held, why);
	}
	if ((b->flags & BAN_OVER) == 0)
		judge_tell_unban(j, &gone, why);
}

void
judge_tell_unban(struct judge *j, const struct ban *b, const char *why)
{
	if (j->hooks->unban != NULL)
		j->hooks->unban(j->arg, b, why);
}

static int64_t
ban_end(const struct jail_spec *spec, int64_t start, unsigned past)
{
	size_t i = past < spec->nbantime ? past : spec->nbantime - 1;

	if (spec->bantime[i] == DURATION_FOREVER)
		return DURATION_FOREVER;
	return time_add(start, spec->bantime[i]);
}

/* old: what the ban replaced in the table, or NULL. */
static void
tell_ban(struct judge *j, const struct ban *old, struct ban *b,
    const struct window_refs *why)
{
	struct ban now;

	if (old != NULL)
		tell_replaced(j, old, b);
	if (j->hooks->ban == NULL)
		return;
	b->id = j->hooks->ban(j->arg, b, why);
	/* The hook may have changed the entry's state. */
	if (b->id == 0 || !bantable_get(j->table, &b->key, b->jail, &now))
		return;
	now.id = b->id;
	bantable_put(j->table, &now);
}

/* An orphan has been decided again, which is nothing to tell; but what it
 * stood in front of, if anything, is over. */
static void
tell_replaced(struct judge *j, const struct ban *old, const struct ban *b)
{
	struct ban gone = *old;

	if ((old->flags & BAN_ORPHAN) != 0 && !held_take(j, old, &gone))
		return;
	if ((gone.flags & BAN_OVER) == 0)
		judge_tell_unban(
		    j, &gone, gone.end <= b->start ? "time" : "replaced");
}

/*
 * One failure in each recidive jail; the evidence is the line that led to the
 * ban. A ban that refuses nobody feeds only jails that refuse nobody either.
 */
static void
count_recidive(struct judge *j, const struct judged *g, const struct failure *f,
    const struct ban *b)
{
	struct failure again = *f;
	struct judged *r;
	size_t i;

	again.count = 1;
	again.filter = "";
	again.rule = g->spec->name;
	for (i = 0; i < j->njails; i++) {
		r = &j->jail[i];
		if (!r->spec->recidive || (observed(g) && !observed(r)))
			continue;
		again.jail = r->number;
		again.key =
		    prefix_key(&f->host, r->spec->prefix4, r->spec->prefix6);
		/* A ban of a network is an offence of the network. */
		if (again.key.len > b->key.len)
			again.key = b->key;
		judge_count(j, r, &again, &b->key);
	}
}

static void
forget(struct judge *j, const struct judged *g, const struct prefix *key)
{
	struct window_refs refs;

	if (windows_clear(g->windows, key, &refs) > 0 && refs.n > 0 &&
	    j->hooks->cleared != NULL)
		j->hooks->cleared(j->arg, &refs);
}

static bool
observed(const struct judged *g)
{
	return g != NULL && g->spec->mode == MODE_OBSERVE;
}
