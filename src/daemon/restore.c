/* What the store knew: bans, failures that still count, totals. */
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "mxward/log.h"

static const struct {
	const char *name;
	size_t offset;
} totals[] = {
	{ "failures", offsetof(struct jail_stats, failures) },
	{ "successes", offsetof(struct jail_stats, successes) },
	{ "bans", offsetof(struct jail_stats, bans) },
	{ "ignored", offsetof(struct jail_stats, ignored) },
	{ "after_ban", offsetof(struct jail_stats, after_ban) },
};
#define NTOTALS (sizeof(totals) / sizeof(totals[0]))

/* The stored name of the time that no line to come can be older than. */
#define CLOCK "line clock"

struct restored {
	struct engine *e;
	size_t n;
};

static uint64_t *
total(struct jail_stats *s, size_t i)
{
	return (uint64_t *)(void *)((char *)s + totals[i].offset);
}

static void
total_name(const struct engine *e, size_t jail, size_t i, char *buf, size_t n)
{
	snprintf(buf, n, "jail.%s.%s", judge_jail(e->judge, jail)->name,
	    totals[i].name);
}

/* A long restore must not look like a hung process. */
static void
beat(struct restored *r)
{
	if (++r->n % 65536 == 0)
		heart_beat(r->e->heart);
}

static void
on_ban(void *arg, const char *jail, const struct ban *b, const char *reason)
{
	struct restored *r = arg;
	struct ban ban = *b;

	(void)reason;
	beat(r);
	ban.jail = bantable_jail(r->e->w->table, jail);
	ban.state = BAN_PENDING;
	judge_restore_ban(r->e->judge, &ban);
}

/* A late line may still fall into it. The jail may be gone, and its name need
 * not take up room in the table. */
static void
on_ended(void *arg, const char *jail, const struct ban *b, const char *reason)
{
	struct restored *r = arg;
	struct ban ban = *b;

	(void)reason;
	beat(r);
	for (size_t i = 0; i < judge_jails(r->e->judge); i++) {
		if (strcmp(judge_jail(r->e->judge, i)->name, jail) != 0)
			continue;
		ban.jail = judge_jail_number(r->e->judge, i);
		ban.flags |= BAN_OVER;
		judge_restore_ban(r->e->judge, &ban);
	}
}

static void
on_failure(void *arg, uint64_t id, const char *jail, const struct prefix *key,
    int64_t when, unsigned count, struct span user)
{
	struct restored *r = arg;

	beat(r);
	judge_restore_failure(r->e->judge, jail, key, when, count, user, id);
}

/* No line will bear out a ban that a person ordered, and the answer was yes:
 * what the store could not take then is stored now. */
static bool
keep_by_hand(void *arg, const struct ban *b)
{
	struct engine *e = arg;
	struct ban kept = *b;

	if (!(b->flags & BAN_ORPHAN) || b->origin != ORIGIN_MANUAL)
		return true;
	kept.flags &= (uint8_t)~BAN_ORPHAN;
	if (e->store)
		kept.id = store_ban(e->store,
		    bantable_jail_name(e->w->table, b->jail), &kept, "by hand");
	bantable_put(e->w->table, &kept);
	e->batch = true;
	return true;
}

void
engine_restore(struct engine *e)
{
	struct restored bans = { e, 0 }, ended = { e, 0 }, failures = { e, 0 };
	char name[128];

	if (e->store) {
		e->clock_saved = (int64_t)store_number(e->store, CLOCK);
		if (store_bans_ended(
			e->store, e->clock_saved, on_ended, &ended) != 0 ||
		    store_bans_each(e->store, on_ban, &bans) != 0 ||
		    store_failures_each(e->store, on_failure, &failures) != 0)
			log_err("the store could not be read to its end");
		for (size_t j = 0; j < judge_jails(e->judge); j++) {
			for (size_t i = 0; i < NTOTALS; i++) {
				total_name(e, j, i, name, sizeof(name));
				*total(judge_stats(e->judge, j), i) =
				    store_number(e->store, name);
			}
			e->saved[j] = *judge_stats(e->judge, j);
		}
	}
	judge_adopt(e->judge);
	bantable_each(e->w->table, keep_by_hand, e);
	log_info("%zu bans and %zu failures remembered", bans.n, failures.n);
}

void
engine_save_totals(struct engine *e)
{
	char name[128];

	for (size_t j = 0; j < judge_jails(e->judge); j++) {
		struct jail_stats *now = judge_stats(e->judge, j);
		if (memcmp(now, &e->saved[j], sizeof(*now)) == 0)
			continue;
		for (size_t i = 0; i < NTOTALS; i++) {
			if (*total(now, i) == *total(&e->saved[j], i))
				continue;
			total_name(e, j, i, name, sizeof(name));
			store_number_put(e->store, name, *total(now, i));
		}
		e->saved[j] = *now;
	}
}

void
engine_save_clock(struct engine *e, int64_t clock)
{
	if (clock <= 0 || clock == e->clock_saved || !e->store ||
	    store_broken(e->store))
		return;
	store_number_put(e->store, CLOCK, (uint64_t)clock);
	e->clock_saved = clock;
	e->batch = true;
}
