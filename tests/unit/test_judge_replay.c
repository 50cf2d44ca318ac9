/*
 * Exactly once, in pure logic: whatever happens to the engine (ticks at odd
 * moments, a wall clock that jumps, a kill inside any hook, a new engine on the
 * old table or on an empty one), the bans and the totals that are committed in
 * the end are those of one uninterrupted reading, and those of a naive model
 * that looks through all history for every line.
 */
#include "judge_naive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const users[] = { "", "alice", "bob@example.org" };

/* Any hook may be the last thing an engine does. */
static void
perhaps_die(struct world *w)
{
	if (w->unrest && rnd(&w->seed) % 60 == 0)
		longjmp(w->killed, 1);
}

static uint64_t
on_failure(void *arg, const struct failure *f)
{
	struct world *w = arg;
	struct stored_failure *row = &w->now.failure[w->now.nfailures++];

	assert_true(w->now.nfailures <= FAILURES);
	*row = (struct stored_failure){ .key = f->key, .when = f->when };
	row->jail = w->spec[f->jail].name;
	row->count = f->count;
	row->user = 0;
	while (!span_is(f->user, users[row->user]))
		row->user++;
	perhaps_die(w);
	return w->now.nfailures;
}

static unsigned
on_past(void *arg, uint16_t jail, const struct prefix *key, int64_t since)
{
	struct world *w = arg;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < w->now.nbans; i++)
		n += w->now.ban[i].ban.jail == jail &&
		    prefix_eq(&w->now.ban[i].ban.key, key) &&
		    w->now.ban[i].ban.start >= since;
	perhaps_die(w);
	return n;
}

static void
use(struct world *w, const struct window_refs *refs)
{
	size_t i;

	for (i = 0; i < refs->n; i++) {
		assert_false(w->now.failure[refs->ref[i] - 1].used);
		w->now.failure[refs->ref[i] - 1].used = true;
	}
}

static uint64_t
on_ban(void *arg, const struct ban *b, const struct window_refs *why)
{
	struct world *w = arg;
	struct stored_ban *row = &w->now.ban[w->now.nbans++];

	*row = (struct stored_ban){ .ban = *b };
	row->ban.id = w->now.nbans;
	row->nfailures = (unsigned)why->n;
	use(w, why);
	perhaps_die(w);
	return row->ban.id;
}

static void
on_cleared(void *arg, const struct window_refs *refs)
{
	use(arg, refs);
	perhaps_die(arg);
}

static void
on_unban(void *arg, const struct ban *b, const char *why)
{
	struct world *w = arg;

	perhaps_die(w);
	if (b->id == 0)
		return;
	assert_true(b->id <= w->now.nbans);
	assert_true(prefix_eq(&w->now.ban[b->id - 1].ban.key, &b->key));
	/* Announced once, and for one reason only in this test. */
	assert_null(w->now.ban[b->id - 1].why);
	assert_string_equal(why, "time");
	w->now.ban[b->id - 1].why = why;
}

static const struct judge_hooks hooks = { on_failure, on_past, on_ban,
	on_cleared, on_unban };

static void
make_jails(struct world *w)
{
	static const struct jail_spec specs[JAILS] = {
		{ .name = "auth",
		    .maxretry = 3,
		    .findtime = 20,
		    .bantime = { 10, 30, 100 },
		    .nbantime = 3,
		    .memory = 200,
		    .prefix4 = 32,
		    .prefix6 = 64,
		    .reset_on_success = true },
		{ .name = "trial",
		    .maxretry = 2,
		    .findtime = 10,
		    .bantime = { 40 },
		    .nbantime = 1,
		    .memory = 200,
		    .prefix4 = 32,
		    .prefix6 = 128,
		    .mode = MODE_OBSERVE },
		{ .name = "recidive",
		    .maxretry = 2,
		    .findtime = 300,
		    .bantime = { 60, 400 },
		    .nbantime = 2,
		    .memory = 1000,
		    .prefix4 = 24,
		    .prefix6 = 48,
		    .recidive = true },
		{ .name = "flood",
		    .maxretry = 5,
		    .findtime = 40,
		    .bantime = { 5, DURATION_FOREVER },
		    .nbantime = 2,
		    .memory = 30,
		    .prefix4 = 32,
		    .prefix6 = 64 },
		{ .name = "recidive-trial",
		    .maxretry = 3,
		    .findtime = 500,
		    .bantime = { 50 },
		    .nbantime = 1,
		    .memory = 1000,
		    .prefix4 = 32,
		    .prefix6 = 64,
		    .recidive = true,
		    .mode = MODE_OBSERVE },
	};
	static const uint64_t rules[JAILS][2] = { { 3, 2 }, { 5, 0 }, { 0, 0 },
		{ 4, 5 }, { 0, 0 } };
	static struct prefix own[2];
	size_t i;

	memcpy(w->spec, specs, sizeof(specs));
	own[0] = prefix("192.0.2.3");
	own[1] = prefix("2001:db8::2");
	w->spec[2].ignoreip = own;
	w->spec[2].nignoreip = 1;
	w->spec[3].ignoreip = own + 1;
	w->spec[3].nignoreip = 1;
	for (i = 0; i < JAILS; i++) {
		w->spec[i].filters = w->f.both;
		w->spec[i].rules = rules[i];
		w->spec[i].nfilters = 2;
		w->spec[i].max_hosts = 1000;
	}
}

static void
make_lines(struct world *w)
{
	static const char *const hosts[] = { "192.0.2.1", "192.0.2.2",
		"192.0.2.3", "198.51.100.1", "2001:db8::1", "2001:db8::2",
		"2001:db8:0:1::1", "203.0.113.5" };
	struct event *e;
	int64_t now = 1000;
	size_t i;

	for (i = 0; i < LINES; i++) {
		e = &w->event[i];
		now += (int64_t)(rnd(&w->seed) % 4);
		e->when = now - (int64_t)(rnd(&w->seed) % DISORDER);
		e->user = (unsigned)(rnd(&w->seed) % 3);
		e->filter = rnd(&w->seed) % 2;
		e->rule = rnd(&w->seed) % 8 == 0 ? 1 : rnd(&w->seed) % 2 * 2;
		e->host = prefix(hosts[rnd(&w->seed) % 8]).addr;
		e->count = rnd(&w->seed) % 6 == 0
		    ? 2 + (unsigned)(rnd(&w->seed) % 3)
		    : 1;
	}
	w->clock[LINES] = INT64_MAX;
	for (i = LINES; i-- > 0;)
		w->clock[i] = w->event[i].when < w->clock[i + 1]
		    ? w->event[i].when
		    : w->clock[i + 1];
}

/* A friend among the hosts, as the configuration would have it. */
static void
befriend(struct world *w)
{
	struct prefix friend = prefix("203.0.113.0/24");

	assert_int_equal(judge_friends(w->j, &friend, 1), 0);
}

static void
engine_start(struct world *w)
{
	size_t i;

	w->j = judge_new(w->spec, JAILS, w->t, &hooks, w);
	assert_non_null(w->j);
	for (i = 0; i < JAILS; i++)
		*judge_stats(w->j, i) = w->committed.stats[i];
}

static void
restore_failures(struct world *w)
{
	const struct stored_failure *f;
	size_t i;

	for (i = 0; i < w->committed.nfailures; i++) {
		f = &w->committed.failure[i];
		if (!f->used)
			judge_restore_failure(w->j, f->jail, &f->key, f->when,
			    f->count, span_of(users[f->user]), i + 1);
	}
}

/* Those that are not over, and those that late lines may still fall into (or
 * simply all that ever were). */
static void
restore_bans(struct world *w)
{
	int64_t clock = w->clock[w->committed.position];
	bool all = rnd(&w->seed) % 2 == 0;
	struct ban b;
	size_t i;

	for (i = 0; i < w->committed.nbans; i++) {
		b = w->committed.ban[i].ban;
		if (w->committed.ban[i].why != NULL) {
			if (!all && b.end <= clock)
				continue;
			b.flags |= BAN_OVER;
		}
		judge_restore_ban(w->j, &b);
	}
}

static bool
check_orphans(void *arg, const struct ban *b)
{
	(void)arg;
	assert_int_equal(b->flags & BAN_RESTORED, 0);
	return true;
}

struct in_force {
	struct addr host;
	int64_t end;
};

struct remembered {
	struct in_force ban[BANS];
	size_t n;
};

static bool
remember(void *arg, const struct ban *b)
{
	struct remembered *r = arg;

	if (ban_in_force(b, INT64_MIN))
		r->ban[r->n++] = (struct in_force){ b->key.addr, b->end };
	return true;
}

/* kill -9 and a new engine, on the table as it was left, or (the warden was
 * killed, too) on a new one. Nobody who was refused gets in between. */
static void
engine_killed(struct world *w)
{
	static struct remembered r;
	size_t i;

	w->kills++;
	judge_free(w->j);
	w->now = w->committed;
	r.n = 0;
	if (rnd(&w->seed) % 4 == 0) {
		bantable_unmap(w->t);
		w->t = bantable_map(1000);
	} else {
		bantable_each(w->t, remember, &r);
	}
	bantable_repair(w->t);
	engine_start(w);
	restore_failures(w);
	restore_bans(w);
	judge_adopt(w->j);
	befriend(w);
	bantable_each(w->t, check_orphans, NULL);
	for (i = 0; i < r.n; i++)
		assert_true(bantable_refuses(
		    w->t, &r.ban[i].host, r.ban[i].end - 1, NULL));
}

static void
commit(struct world *w, size_t position)
{
	size_t i;

	for (i = 0; i < JAILS; i++)
		w->now.stats[i] = *judge_stats(w->j, i);
	w->now.position = position;
	w->committed = w->now;
}

static void
unrest(struct world *w, size_t position)
{
	int64_t wall = (int64_t)(rnd(&w->seed) % 3000);
	int64_t clock = w->clock[position];

	if (rnd(&w->seed) % 3 == 0)
		judge_tick(w->j, wall,
		    clock == INT64_MAX ? clock
				       : clock - (int64_t)(rnd(&w->seed) % 9));
	if (rnd(&w->seed) % 8 == 0)
		commit(w, position);
	if (rnd(&w->seed) % 40 == 0)
		longjmp(w->killed, 1);
}

/* Reads all lines, however often it is killed. */
static void
run(struct world *w)
{
	/* Not in registers: they live over the longjmp. */
	volatile size_t i, reached = 0;
	volatile bool dropped = true;
	struct match m;

	w->t = bantable_map(1000);
	engine_start(w);
	befriend(w);
	commit(w, 0);
	if (setjmp(w->killed) != 0) {
		engine_killed(w);
		dropped = false;
	}
	for (i = w->committed.position; i < LINES; i++) {
		if (!dropped && i >= reached) {
			dropped = true;
			judge_drop_orphans(w->j);
		}
		if (i > reached)
			reached = i;
		m = fixture_match(&w->f, w->event[i].filter, w->event[i].rule,
		    &w->event[i].host, w->event[i].count);
		m.user = span_of(users[w->event[i].user]);
		judge_match(w->j, &m, w->event[i].when, span_of(""));
		if (w->unrest)
			unrest(w, i + 1);
	}
	if (!dropped)
		judge_drop_orphans(w->j);
	commit(w, LINES);
	judge_free(w->j);
	bantable_unmap(w->t);
}

static void
same(const struct rows *a, const struct rows *b)
{
	size_t i;

	assert_memory_equal(a->stats, b->stats, sizeof(a->stats));
	assert_int_equal(a->nfailures, b->nfailures);
	assert_int_equal(a->nbans, b->nbans);
	for (i = 0; i < a->nbans; i++) {
		const struct ban *x = &a->ban[i].ban, *y = &b->ban[i].ban;

		assert_int_equal(x->jail, y->jail);
		assert_true(prefix_eq(&x->key, &y->key));
		assert_int_equal(x->start, y->start);
		assert_true(x->end == y->end);
		assert_int_equal(x->nth, y->nth);
		assert_int_equal(a->ban[i].nfailures, b->ban[i].nfailures);
	}
}

static void
no_kill_and_no_tick_changes_what_is_decided(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rows *plain = malloc(sizeof(*plain));
	struct rows *naive = malloc(sizeof(*naive));
	unsigned kills = 0;
	size_t i, bans = 0;
	uint64_t seed;

	(void)state;
	fixture_init(&w->f);
	make_jails(w);
	for (seed = 1; seed <= 150; seed++) {
		w->seed = seed * UINT64_C(0x9e3779b97f4a7c15);
		make_lines(w);
		memset(naive, 0, sizeof(*naive));
		for (i = 0; i < LINES; i++)
			naive_line(w, naive, &w->event[i]);
		memset(&w->now, 0, sizeof(w->now));
		memset(&w->committed, 0, sizeof(w->committed));
		w->unrest = false;
		run(w);
		same(naive, &w->committed);
		*plain = w->committed;
		memset(&w->now, 0, sizeof(w->now));
		memset(&w->committed, 0, sizeof(w->committed));
		w->unrest = true;
		run(w);
		same(plain, &w->committed);
		kills += w->kills;
		w->kills = 0;
		bans += plain->nbans;
	}
	/* There was something to go wrong. */
	assert_true(kills > 1000);
	assert_true(bans > 5000);
	free(naive);
	free(plain);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kill_and_no_tick_changes_what_is_decided),
	};

	return cmocka_run_group_tests_name("judge_replay", tests, NULL, NULL);
}
