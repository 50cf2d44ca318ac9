/*
 * The judge, case by case. Every hook writes a line, so that a test compares
 * what happened and in which order.
 */
#include "judge_fixture.h"

#include <stdio.h>
#include <string.h>

#define LOG_SIZE 8192

struct world {
	struct fixture f;
	struct bantable *t;
	struct judge *j;
	struct jail_spec spec[4];
	size_t nspecs;
	char log[LOG_SIZE];
	uint64_t id;
	unsigned past;
	int64_t since;
	struct failure last;
};

static void say(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct world *w, const char *fmt, ...)
{
	size_t n = strlen(w->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->log + n, sizeof(w->log) - n, fmt, ap);
	va_end(ap);
}

static void
heard(struct world *w, const char *want)
{
	assert_string_equal(w->log, want);
	w->log[0] = '\0';
}

static bool
refuses(const struct world *w, const char *host, int64_t now)
{
	struct prefix p = prefix(host);

	return bantable_refuses(w->t, &p.addr, now, NULL);
}

static uint64_t
on_failure(void *arg, const struct failure *f)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];

	w->last = *f;
	say(w, "failure %s %s %d x%u\n", bantable_jail_name(w->t, f->jail),
	    prefix_format(&f->key, key), (int)f->when, f->count);
	return ++w->id;
}

static unsigned
on_past(void *arg, uint16_t jail, const struct prefix *key, int64_t since)
{
	struct world *w = arg;

	(void)jail;
	(void)key;
	w->since = since;
	say(w, "past\n");
	return w->past;
}

static uint64_t
on_ban(void *arg, const struct ban *b, const struct window_refs *why)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];
	struct ban there;
	size_t i;

	/* The table comes first. */
	assert_true(bantable_get(w->t, &b->key, b->jail, &there));
	assert_true(there.end == b->end);
	say(w, "ban %s %s %d-%d nth %u because", bantable_jail_name(w->t, b->jail),
	    prefix_format(&b->key, key), (int)b->start, (int)b->end, b->nth);
	for (i = 0; i < why->n; i++)
		say(w, " %u", (unsigned)why->ref[i]);
	say(w, "\n");
	return ++w->id;
}

static void
on_cleared(void *arg, const struct window_refs *refs)
{
	size_t i;

	say(arg, "cleared");
	for (i = 0; i < refs->n; i++)
		say(arg, " %u", (unsigned)refs->ref[i]);
	say(arg, "\n");
}

static void
on_unban(void *arg, const struct ban *b, const char *why)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];

	assert_int_equal(b->flags & BAN_RESTORED, 0);
	say(w, "unban %s %s #%u %s\n", bantable_jail_name(w->t, b->jail),
	    prefix_format(&b->key, key), (unsigned)b->id, why);
}

static const struct judge_hooks hooks = { on_failure, on_past, on_ban,
	on_cleared, on_unban };

/* A jail that counts failures of the first filter's rule 0 and successes. */
static struct jail_spec *
jail(struct world *w, const char *name)
{
	static const uint64_t rules[2] = { 3, 0 };
	struct jail_spec *s = &w->spec[w->nspecs++];

	s->name = name;
	s->maxretry = 3;
	s->findtime = 100;
	s->bantime[0] = 600;
	s->nbantime = 1;
	s->memory = 5000;
	s->prefix4 = 32;
	s->prefix6 = 64;
	s->filters = w->f.both;
	s->rules = rules;
	s->nfilters = 2;
	s->max_hosts = 1000;
	return s;
}

static void
begin(struct world *w)
{
	w->j = judge_new(w->spec, w->nspecs, w->t, &hooks, w);
	assert_non_null(w->j);
}

/* Another engine on the same table. */
static void
restart(struct world *w)
{
	judge_free(w->j);
	begin(w);
}

static void
see(struct world *w, size_t rule, const char *host, int64_t when)
{
	struct prefix p = prefix(host);
	struct match m = fixture_match(&w->f, 0, rule, &p.addr, 1);

	judge_match(w->j, &m, when, span_of("the line"));
}

static void
fail_times(struct world *w, const char *host, int64_t when, int n)
{
	while (n-- > 0)
		see(w, 0, host, when);
}

static int
setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	fixture_init(&w.f);
	w.t = bantable_map(8);
	*state = &w;
	return w.t == NULL;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	judge_free(w->j);
	bantable_unmap(w->t);
	return 0;
}

static void
third_failure_bans_in_the_order_of_the_contract(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	see(w, 0, "192.0.2.1", 1000);
	see(w, 0, "192.0.2.2", 1001);
	see(w, 0, "192.0.2.1", 1002);
	assert_false(refuses(w, "192.0.2.1", 1003));
	see(w, 0, "192.0.2.1", 1003);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.2 1001 x1\n"
	    "failure auth 192.0.2.1 1002 x1\n"
	    "failure auth 192.0.2.1 1003 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1003-1603 nth 1 because 1 3 4\n");
	assert_int_equal(w->since, 1003 - 5000);
	assert_true(refuses(w, "192.0.2.1", 1003));
	assert_true(refuses(w, "192.0.2.1", 1602));
	assert_false(refuses(w, "192.0.2.1", 1603));
	assert_false(refuses(w, "192.0.2.2", 1003));
	assert_int_equal(judge_stats(w->j, 0)->failures, 4);
	assert_int_equal(judge_stats(w->j, 0)->bans, 1);
}

static void
failure_carries_what_the_line_said(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("2001:db8::5");
	struct match m = fixture_match(&w->f, 0, 0, &p.addr, 2);

	jail(w, "auth");
	begin(w);
	m.user = span_of("alice");
	judge_match(w->j, &m, 7, span_of("the line"));
	heard(w, "failure auth 2001:db8::/64 7 x2\n");
	assert_memory_equal(&w->last.host, &p.addr, sizeof(p.addr));
	assert_string_equal(w->last.filter, "auth");
	assert_string_equal(w->last.rule, "refused");
	assert_true(span_is(w->last.user, "alice"));
	assert_true(span_is(w->last.evidence, "the line"));
	assert_int_equal(w->last.origin, ORIGIN_LOG);
}

static void
ban_has_its_row_number_in_the_table(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");
	struct ban b;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	assert_true(bantable_get(w->t, &p, judge_jail_number(w->j, 0), &b));
	assert_int_equal(b.id, w->id);
	assert_int_equal(b.state, BAN_PENDING);
}

static void
failures_during_a_ban_extend_nothing(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	w->log[0] = '\0';
	fail_times(w, "192.0.2.1", 1001, 20);
	see(w, 0, "192.0.2.1", 1599);
	see(w, 0, "192.0.2.1", 990);
	heard(w, "");
	assert_int_equal(judge_stats(w->j, 0)->after_ban, 22);
	see(w, 0, "192.0.2.1", 1600);
	heard(w, "failure auth 192.0.2.1 1600 x1\n");
}

static void
end_is_announced_by_the_clock_and_forgotten_by_the_lines(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	w->log[0] = '\0';
	judge_tick(w->j, 1599, 0);
	heard(w, "");
	judge_tick(w->j, 1600, 0);
	heard(w, "unban auth 192.0.2.1 #4 time\n");
	judge_tick(w->j, 1700, 1599);
	see(w, 0, "192.0.2.1", 1599);
	heard(w, "");
	assert_int_equal(bantable_count(w->t), 1);
	judge_tick(w->j, 1700, 1600);
	heard(w, "");
	assert_int_equal(bantable_count(w->t), 0);
}

static void
old_lines_make_bans_that_are_over_at_once(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	judge_tick(w->j, 1000000, 1000);
	fail_times(w, "192.0.2.1", 1001, 3);
	fail_times(w, "192.0.2.1", 1650, 3);
	judge_tick(w->j, 1000000, 1650);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 1 2 3\n"
	    "unban auth 192.0.2.1 #4 time\n"
	    "failure auth 192.0.2.1 1650 x1\n"
	    "failure auth 192.0.2.1 1650 x1\n"
	    "failure auth 192.0.2.1 1650 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1650-2250 nth 1 because 5 6 7\n"
	    "unban auth 192.0.2.1 #8 time\n");
	assert_int_equal(judge_stats(w->j, 0)->after_ban, 3);
}

static void
next_ban_announces_an_end_that_no_tick_has_seen(void **state)
{
	struct world *w = *state;

	jail(w, "auth")->maxretry = 1;
	begin(w);
	see(w, 0, "192.0.2.1", 1000);
	see(w, 0, "192.0.2.1", 2000);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 1\n"
	    "failure auth 192.0.2.1 2000 x1\n"
	    "past\n"
	    "unban auth 192.0.2.1 #2 time\n"
	    "ban auth 192.0.2.1 2000-2600 nth 1 because 3\n");
}

static void
nth_ban_takes_the_nth_time(void **state)
{
	static const struct {
		unsigned past;
		int64_t end;
		unsigned nth;
	} cases[] = {
		{ 0, 1010, 1 },
		{ 1, 1060, 2 },
		{ 2, DURATION_FOREVER, 3 },
		{ 3, DURATION_FOREVER, 4 },
		{ 254, DURATION_FOREVER, 255 },
		{ 4000000000, DURATION_FOREVER, 255 },
	};
	struct world *w = *state;
	struct jail_spec *s = jail(w, "auth");
	struct prefix p = prefix("192.0.2.1");
	struct ban b;
	size_t i;

	s->nbantime = 3;
	s->bantime[0] = 10;
	s->bantime[1] = 60;
	s->bantime[2] = DURATION_FOREVER;
	begin(w);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w->past = cases[i].past;
		fail_times(w, "192.0.2.1", 1000, 3);
		assert_true(bantable_get(w->t, &p, 0, &b));
		assert_true(b.end == cases[i].end);
		assert_int_equal(b.nth, cases[i].nth);
		assert_int_equal(judge_unban(w->j, &p, 0, "by hand"), 1);
	}
}

static void
memory_without_end_reaches_back_without_end(void **state)
{
	struct world *w = *state;

	jail(w, "auth")->memory = DURATION_FOREVER;
	begin(w);
	fail_times(w, "192.0.2.1", -5, 3);
	assert_true(w->since == INT64_MIN || w->since < -INT64_MAX / 2);
}

static void
success_forgets_failures_where_the_jail_says_so(void **state)
{
	struct world *w = *state;

	jail(w, "forgiving")->reset_on_success = true;
	jail(w, "strict");
	begin(w);
	see(w, 1, "192.0.2.1", 999);
	fail_times(w, "192.0.2.1", 1000, 2);
	w->log[0] = '\0';
	see(w, 1, "192.0.2.1", 1001);
	heard(w, "cleared 1 3\n");
	see(w, 0, "192.0.2.1", 1002);
	heard(w,
	    "failure forgiving 192.0.2.1 1002 x1\n"
	    "failure strict 192.0.2.1 1002 x1\n"
	    "past\n"
	    "ban strict 192.0.2.1 1002-1602 nth 1 because 2 4 6\n");
	assert_int_equal(judge_stats(w->j, 0)->successes, 2);
	assert_int_equal(judge_stats(w->j, 1)->successes, 2);
}

static void
jail_counts_only_the_rules_it_wants(void **state)
{
	static const uint64_t flood[2] = { UINT64_C(1) << 63, 1 };
	struct world *w = *state;
	struct jail_spec *s = jail(w, "auth");
	struct prefix p = prefix("192.0.2.1");
	struct match m;

	s->maxretry = 9;
	s = jail(w, "flood");
	s->maxretry = 9;
	s->rules = flood;
	begin(w);
	see(w, 2, "192.0.2.1", 1);
	heard(w, "");
	see(w, 0, "192.0.2.1", 2);
	heard(w, "failure auth 192.0.2.1 2 x1\n");
	m = fixture_match(&w->f, 1, 0, &p.addr, 1);
	judge_match(w->j, &m, 3, span_of(""));
	heard(w, "failure flood 192.0.2.1 3 x1\n");
	see(w, 63, "192.0.2.1", 4);
	heard(w, "failure flood 192.0.2.1 4 x1\n");
	/* Beyond 63 there are no bits, and every jail counts. */
	see(w, 66, "192.0.2.1", 5);
	heard(w,
	    "failure auth 192.0.2.1 5 x1\n"
	    "failure flood 192.0.2.1 5 x1\n");
}

static void
match_that_says_nothing_is_nothing(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");
	struct match m = fixture_match(&w->f, 0, 0, &p.addr, 5);
	struct filter other = w->f.filter[0];

	jail(w, "auth");
	begin(w);
	m.has_host = false;
	m.hostname = span_of("evil.example.net");
	judge_match(w->j, &m, 1, span_of(""));
	m.has_host = true;
	m.verdict = VERDICT_IGNORED;
	judge_match(w->j, &m, 1, span_of(""));
	m.verdict = VERDICT_FAILURE;
	m.filter = &other;
	judge_match(w->j, &m, 1, span_of(""));
	heard(w, "");
	assert_int_equal(judge_stats(w->j, 0)->failures, 0);
}

static void
friends_are_counted_as_ignored_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct prefix friends[] = { prefix("192.0.2.0/24"),
		prefix("2001:db8::7") };
	struct prefix own = prefix("198.51.100.7");
	struct jail_spec *s = jail(w, "auth");

	s->ignoreip = &own;
	s->nignoreip = 1;
	jail(w, "other");
	begin(w);
	assert_int_equal(judge_friends(w->j, friends, 2), 0);
	fail_times(w, "192.0.2.9", 1, 5);
	heard(w, "");
	assert_int_equal(judge_stats(w->j, 0)->ignored, 5);
	see(w, 0, "198.51.100.7", 2);
	heard(w, "failure other 198.51.100.7 2 x1\n");
	/* A friend's neighbour in one /64: banned as that, but not the friend. */
	fail_times(w, "2001:db8::8", 3, 3);
	assert_true(refuses(w, "2001:db8::8", 4));
	assert_false(refuses(w, "2001:db8::7", 4));
}

static void
new_friend_lifts_bans_inside_it(void **state)
{
	struct world *w = *state;
	struct prefix friends[] = { prefix("192.0.2.7/24"),
		prefix("2001:db8::7") };
	struct ban forced = { .key = prefix("192.0.2.3"), .end = 9999 };
	struct ban b;

	jail(w, "auth");
	begin(w);
	assert_int_equal(judge_friends(w->j, friends + 1, 1), 0);
	fail_times(w, "192.0.2.1", 1000, 3);
	fail_times(w, "192.0.3.1", 1000, 3);
	fail_times(w, "2001:db8::1", 1000, 3);
	w->log[0] = '\0';
	assert_int_equal(judge_friends(w->j, friends, 2), 0);
	heard(w, "unban auth 192.0.2.1 #4 ignoreip\n");
	assert_false(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(judge_ban(w->j, &forced, true, NULL), 0);
	/* The same again changes nothing. */
	w->log[0] = '\0';
	assert_int_equal(judge_friends(w->j, friends, 2), 0);
	heard(w, "");
	assert_true(refuses(w, "192.0.2.3", 1000));
	/* And without them, there are none. */
	assert_int_equal(judge_friends(w->j, NULL, 0), 0);
	assert_false(bantable_get(w->t,
	    &(struct prefix){ friends[1].addr, 128 }, BANTABLE_NO_JAIL, &b));
	assert_true(refuses(w, "2001:db8::7", 1000));
}

static void
friends_find_room_in_a_full_table(void **state)
{
	struct world *w = *state;
	struct prefix friends[9];
	struct ban b = { .end = 500 };
	size_t i;

	jail(w, "auth");
	begin(w);
	for (i = 0; i < 8; i++) {
		b.key = prefix("198.51.100.1");
		b.key.addr.b[15] = (uint8_t)i;
		b.end++;
		assert_int_equal(judge_ban(w->j, &b, false, NULL), 0);
	}
	w->log[0] = '\0';
	friends[0] = prefix("192.0.2.1");
	assert_int_equal(judge_friends(w->j, friends, 1), 0);
	heard(w, "unban auth 198.51.100.0 #1 evicted\n");
	for (i = 0; i < 9; i++) {
		friends[i] = prefix("192.0.2.1");
		friends[i].addr.b[15] = (uint8_t)i;
	}
	assert_int_equal(judge_friends(w->j, friends, 9), -1);
}

static void
observing_jail_does_everything_but_refuse(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");
	struct ban b;

	jail(w, "auth")->mode = MODE_OBSERVE;
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 4);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 1 2 3\n");
	assert_false(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(judge_stats(w->j, 0)->after_ban, 1);
	assert_true(bantable_get(w->t, &p, 0, &b));
	assert_int_equal(b.flags, BAN_OBSERVE);
}

static void
recidive_counts_bans_of_the_other_jails(void **state)
{
	struct world *w = *state;
	struct jail_spec *s;

	jail(w, "auth")->maxretry = 1;
	s = jail(w, "recidive");
	s->recidive = true;
	s->maxretry = 2;
	s->findtime = 10000;
	s->bantime[0] = 50000;
	s->prefix4 = 24;
	begin(w);
	see(w, 0, "192.0.2.1", 1000);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 1\n"
	    "failure recidive 192.0.2.0/24 1000 x1\n");
	assert_string_equal(w->last.filter, "");
	assert_string_equal(w->last.rule, "auth");
	assert_true(span_is(w->last.evidence, "the line"));
	see(w, 0, "192.0.2.2", 2000);
	heard(w,
	    "failure auth 192.0.2.2 2000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.2 2000-2600 nth 1 because 4\n"
	    "failure recidive 192.0.2.0/24 2000 x1\n"
	    "past\n"
	    "ban recidive 192.0.2.0/24 2000-52000 nth 1 because 3 6\n");
	see(w, 0, "192.0.2.3", 2001);
	assert_int_equal(judge_stats(w->j, 1)->after_ban, 1);
}

static void
recidive_key_is_no_narrower_than_the_ban(void **state)
{
	struct world *w = *state;
	struct jail_spec *s;

	jail(w, "auth")->maxretry = 1;
	s = jail(w, "recidive");
	s->recidive = true;
	s->prefix6 = 128;
	begin(w);
	see(w, 0, "2001:db8::99", 1000);
	heard(w,
	    "failure auth 2001:db8::/64 1000 x1\n"
	    "past\n"
	    "ban auth 2001:db8::/64 1000-1600 nth 1 because 1\n"
	    "failure recidive 2001:db8::/64 1000 x1\n");
}

static void
observed_bans_feed_only_observing_recidive_jails(void **state)
{
	struct world *w = *state;
	struct jail_spec *s = jail(w, "trial");

	s->maxretry = 1;
	s->mode = MODE_OBSERVE;
	jail(w, "recidive")->recidive = true;
	s = jail(w, "recidive-trial");
	s->recidive = true;
	s->mode = MODE_OBSERVE;
	begin(w);
	see(w, 0, "192.0.2.1", 1000);
	heard(w,
	    "failure trial 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban trial 192.0.2.1 1000-1600 nth 1 because 1\n"
	    "failure recidive-trial 192.0.2.1 1000 x1\n");
}

static void
ban_by_hand_spares_friends_unless_forced(void **state)
{
	struct world *w = *state;
	struct prefix friend = prefix("192.0.2.0/24");
	struct ban b = { .key = prefix("192.0.2.1"), .end = 100 };
	struct error err;

	jail(w, "auth");
	jail(w, "recidive")->recidive = true;
	begin(w);
	assert_int_equal(judge_friends(w->j, &friend, 1), 0);
	assert_int_equal(judge_ban(w->j, &b, false, &err), -1);
	assert_non_null(strstr(err.text, "192.0.2.1 is in ignoreip"));
	heard(w, "");
	assert_int_equal(judge_ban(w->j, &b, true, &err), 0);
	heard(w, "ban auth 192.0.2.1 0-100 nth 1 because\n");
	assert_true(refuses(w, "192.0.2.1", 99));
	b.key = prefix("192.0.0.0/16");
	assert_int_equal(judge_ban(w->j, &b, false, &err), 0);
	assert_true(b.id != 0);
	assert_true(refuses(w, "192.0.3.1", 99));
	assert_false(refuses(w, "192.0.2.2", 99));
	b.jail = BANTABLE_NO_JAIL;
	assert_int_equal(judge_ban(w->j, &b, false, &err), -1);
}

static void
ban_by_hand_replaces_and_never_evicts(void **state)
{
	struct world *w = *state;
	struct ban b = { .key = prefix("192.0.2.1"), .end = 100 };
	struct error err;
	uint8_t i;

	jail(w, "auth");
	begin(w);
	assert_int_equal(judge_ban(w->j, &b, false, &err), 0);
	b.start = 50;
	b.end = 300;
	assert_int_equal(judge_ban(w->j, &b, false, &err), 0);
	heard(w,
	    "ban auth 192.0.2.1 0-100 nth 1 because\n"
	    "unban auth 192.0.2.1 #1 replaced\n"
	    "ban auth 192.0.2.1 50-300 nth 1 because\n");
	for (i = 2; i <= 8; i++) {
		b.key.addr.b[15] = i;
		assert_int_equal(judge_ban(w->j, &b, false, &err), 0);
	}
	b.key.addr.b[15] = 9;
	assert_int_equal(judge_ban(w->j, &b, false, &err), -1);
	assert_non_null(strstr(err.text, "max_bans"));
	/* One that is over gives way. */
	judge_tick(w->j, 300, 0);
	assert_int_equal(judge_ban(w->j, &b, false, &err), 0);
}

static void
full_table_evicts_what_is_over_then_the_next_to_end(void **state)
{
	struct world *w = *state;
	struct ban b = { .key = prefix("198.51.100.0") };
	uint8_t i;

	jail(w, "auth")->maxretry = 1;
	begin(w);
	for (i = 0; i < 8; i++) {
		b.key.addr.b[15] = i;
		b.end = 100 + i;
		assert_int_equal(judge_ban(w->j, &b, false, NULL), 0);
	}
	judge_tick(w->j, 100, 0);
	w->log[0] = '\0';
	see(w, 0, "192.0.2.1", 1000);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\npast\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 9\n");
	see(w, 0, "192.0.2.2", 1000);
	heard(w,
	    "failure auth 192.0.2.2 1000 x1\npast\n"
	    "unban auth 198.51.100.1 #2 evicted\n"
	    "ban auth 192.0.2.2 1000-1600 nth 1 because 11\n");
}

static void
unban_ends_bans_and_forgets_failures(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");

	jail(w, "auth");
	jail(w, "slow")->maxretry = 9;
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	w->log[0] = '\0';
	assert_int_equal(
	    judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 1);
	heard(w, "unban auth 192.0.2.1 #6 by hand\ncleared 2 4 7\n");
	assert_false(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(
	    judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 0);
	heard(w, "");
}

static void
unban_of_one_jail_leaves_the_others(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");

	jail(w, "auth");
	jail(w, "other");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	assert_int_equal(judge_unban(w->j, &p, 0, "by hand"), 1);
	assert_true(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(judge_unban(w->j, &p, 1, "by hand"), 1);
	assert_false(refuses(w, "192.0.2.1", 1000));
}

static void
unban_spares_the_friend_entry(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");

	jail(w, "auth");
	begin(w);
	assert_int_equal(judge_friends(w->j, &p, 1), 0);
	assert_int_equal(
	    judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 0);
	assert_true(bantable_friend(w->t, &p));
}

static void
orphan_refuses_and_is_decided_again(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");
	struct ban b;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	/* Killed before the commit: the store knows nothing. */
	restart(w);
	judge_adopt(w->j);
	w->log[0] = '\0';
	assert_true(refuses(w, "192.0.2.1", 1000));
	assert_true(bantable_get(w->t, &p, 0, &b));
	assert_int_equal(b.flags, BAN_ORPHAN);
	assert_int_equal(b.id, 0);
	fail_times(w, "192.0.2.1", 1000, 4);
	heard(w,
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "failure auth 192.0.2.1 1000 x1\n"
	    "past\n"
	    "ban auth 192.0.2.1 1000-1600 nth 1 because 5 6 7\n");
	assert_true(bantable_get(w->t, &p, 0, &b));
	assert_int_equal(b.flags, 0);
	assert_int_equal(judge_drop_orphans(w->j), 0);
	assert_true(refuses(w, "192.0.2.1", 1000));
}

static void
orphan_that_no_line_bears_out_is_dropped(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	fail_times(w, "192.0.2.2", 1000, 3);
	restart(w);
	judge_adopt(w->j);
	w->log[0] = '\0';
	judge_tick(w->j, 1599, 0);
	heard(w, "");
	assert_int_equal(judge_drop_orphans(w->j), 2);
	heard(w,
	    "unban auth 192.0.2.1 #0 orphan\n"
	    "unban auth 192.0.2.2 #0 orphan\n");
	assert_false(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(bantable_count(w->t), 0);
	assert_int_equal(judge_drop_orphans(w->j), 0);
}

static void
orphan_ends_with_its_time(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	fail_times(w, "192.0.2.1", 1000, 3);
	restart(w);
	judge_adopt(w->j);
	w->log[0] = '\0';
	judge_tick(w->j, 1600, 0);
	heard(w, "unban auth 192.0.2.1 #0 orphan\n");
	assert_int_equal(bantable_count(w->t), 0);
}

static struct ban
stored(const char *key, int64_t start, int64_t end, uint64_t id)
{
	struct ban b = { .key = prefix(key), .start = start, .end = end };

	b.id = id;
	b.nth = 1;
	return b;
}

static void
restored_ban_counts_as_before(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77);

	jail(w, "auth");
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	assert_true(refuses(w, "192.0.2.1", 1000));
	see(w, 0, "192.0.2.1", 1500);
	heard(w, "");
	judge_tick(w->j, 1600, 0);
	heard(w, "unban auth 192.0.2.1 #77 time\n");
}

static void
restored_ban_keeps_the_state_it_has_in_the_table(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77), out;

	jail(w, "auth");
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	bantable_set_state(w->t, &b.key, 0, BAN_ENFORCED);
	restart(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	assert_true(bantable_get(w->t, &b.key, 0, &out));
	assert_int_equal(out.state, BAN_ENFORCED);
	assert_int_equal(out.flags, 0);
	assert_int_equal(out.id, 77);
}

static void
restored_ban_that_is_over_refuses_nobody_and_takes_late_lines(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77);

	jail(w, "auth");
	begin(w);
	b.flags = BAN_OVER;
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	assert_false(refuses(w, "192.0.2.1", 1000));
	fail_times(w, "192.0.2.1", 1599, 9);
	judge_tick(w->j, 1700, 1599);
	heard(w, "");
	judge_tick(w->j, 1700, 1600);
	heard(w, "");
	assert_int_equal(bantable_count(w->t), 0);
}

static void
older_ban_from_the_store_opens_no_gap_in_a_newer_one(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77);

	jail(w, "auth");
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	fail_times(w, "192.0.2.1", 1700, 3);
	/* Killed: the ban of 1700 is in the table only. */
	restart(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	w->log[0] = '\0';
	assert_true(refuses(w, "192.0.2.1", 1800));
	see(w, 0, "192.0.2.1", 1599);
	heard(w, "");
	fail_times(w, "192.0.2.1", 1700, 3);
	heard(w,
	    "failure auth 192.0.2.1 1700 x1\n"
	    "failure auth 192.0.2.1 1700 x1\n"
	    "failure auth 192.0.2.1 1700 x1\n"
	    "past\n"
	    "unban auth 192.0.2.1 #77 time\n"
	    "ban auth 192.0.2.1 1700-2300 nth 1 because 5 6 7\n");
	assert_true(refuses(w, "192.0.2.1", 1800));
}

static void
dropped_orphan_gives_way_to_the_ban_it_stood_before(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77), out;

	jail(w, "auth");
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	fail_times(w, "192.0.2.1", 1700, 3);
	restart(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	w->log[0] = '\0';
	assert_int_equal(judge_drop_orphans(w->j), 1);
	heard(w, "unban auth 192.0.2.1 #0 orphan\n");
	assert_true(bantable_get(w->t, &b.key, 0, &out));
	assert_int_equal(out.end, 1600);
	assert_int_equal(out.flags, 0);
	judge_tick(w->j, 1700, 0);
	heard(w, "unban auth 192.0.2.1 #77 time\n");
}

static void
unban_lifts_an_orphan_and_what_it_stands_before(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77);

	jail(w, "auth");
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	fail_times(w, "192.0.2.1", 1700, 3);
	restart(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	w->log[0] = '\0';
	assert_int_equal(judge_unban(w->j, &b.key, 0, "by hand"), 1);
	heard(w,
	    "unban auth 192.0.2.1 #77 by hand\n"
	    "unban auth 192.0.2.1 #0 by hand\n");
	assert_int_equal(bantable_count(w->t), 0);
	assert_int_equal(judge_drop_orphans(w->j), 0);
}

static void
adopting_ends_what_todays_configuration_would_not_hold(void **state)
{
	struct world *w = *state;
	struct prefix own = prefix("198.51.100.0/24");
	struct prefix friend = prefix("203.0.113.0/24");
	struct jail_spec *s;
	struct ban b;

	jail(w, "auth");
	begin(w);
	s = &w->spec[0];
	b = stored("192.0.2.1", 1, 900, 1);
	b.jail = bantable_jail(w->t, "removed");
	judge_restore_ban(w->j, &b);
	b.key = prefix("192.0.2.2");
	b.origin = ORIGIN_MANUAL;
	judge_restore_ban(w->j, &b);
	b = stored("198.51.100.9", 1, 900, 2);
	judge_restore_ban(w->j, &b);
	b = stored("203.0.113.9", 1, 900, 3);
	judge_restore_ban(w->j, &b);
	b = stored("203.0.113.10", 1, 900, 4);
	b.flags = BAN_FORCED;
	judge_restore_ban(w->j, &b);
	s->ignoreip = &own;
	s->nignoreip = 1;
	b = (struct ban){ .key = friend, .jail = BANTABLE_NO_JAIL };
	b.flags = BAN_FRIEND;
	assert_int_equal(bantable_put(w->t, &b), 0);
	judge_adopt(w->j);
	heard(w,
	    "unban removed 192.0.2.1 #1 jail gone\n"
	    "unban auth 198.51.100.9 #2 ignoreip\n"
	    "unban auth 203.0.113.9 #3 ignoreip\n");
	assert_true(refuses(w, "192.0.2.2", 100));
	assert_true(refuses(w, "203.0.113.10", 100));
	assert_int_equal(judge_drop_orphans(w->j), 0);
}

static void
restored_ban_follows_the_mode_of_today(void **state)
{
	struct world *w = *state;
	struct ban b = stored("192.0.2.1", 1000, 1600, 77);
	struct jail_spec *s = jail(w, "auth");

	s->mode = MODE_OBSERVE;
	begin(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	assert_false(refuses(w, "192.0.2.1", 1000));
	s->mode = MODE_BAN;
	b.flags = BAN_OBSERVE;
	restart(w);
	judge_restore_ban(w->j, &b);
	judge_adopt(w->j);
	assert_true(refuses(w, "192.0.2.1", 1000));
}

static void
restored_failures_go_on_counting(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");

	jail(w, "auth");
	begin(w);
	judge_restore_failure(w->j, "auth", &p, 1000, 1, 41);
	judge_restore_failure(w->j, "gone", &p, 1000, 1, 42);
	judge_restore_failure(w->j, "auth", &p, 1001, 1, 43);
	heard(w, "");
	w->id = 50;
	see(w, 0, "192.0.2.1", 1002);
	heard(w,
	    "failure auth 192.0.2.1 1002 x1\npast\n"
	    "ban auth 192.0.2.1 1002-1602 nth 1 because 41 43 51\n");
	assert_int_equal(judge_stats(w->j, 0)->failures, 1);
}

static void
tick_bounds_its_work_and_says_so(void **state)
{
	struct world *w = *state;
	struct ban b = { .key = prefix("10.0.0.0"), .end = 100 };
	int i, calls = 0;

	bantable_unmap(w->t);
	w->t = bantable_map(10000);
	jail(w, "auth");
	begin(w);
	for (i = 0; i < 10000; i++) {
		b.key.addr.b[14] = (uint8_t)(i >> 8);
		b.key.addr.b[15] = (uint8_t)i;
		bantable_put(w->t, &b);
	}
	while (judge_tick(w->j, 100, 100))
		calls++;
	assert_true(calls > 1);
	assert_int_equal(bantable_count(w->t), 0);
}

static void
tick_forgets_hosts_that_stopped(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	begin(w);
	see(w, 0, "192.0.2.1", 1000);
	see(w, 0, "192.0.2.2", 1050);
	judge_tick(w->j, 2000, 1100);
	assert_int_equal(windows_keys(judge_windows(w->j, 0)), 2);
	judge_tick(w->j, 2000, 1101);
	assert_int_equal(windows_keys(judge_windows(w->j, 0)), 1);
	judge_tick(w->j, 2000, INT64_MIN);
	assert_int_equal(windows_keys(judge_windows(w->j, 0)), 1);
}

static void
judge_without_hooks_still_bans(void **state)
{
	static const struct judge_hooks none;
	struct world *w = *state;

	jail(w, "auth");
	w->j = judge_new(w->spec, w->nspecs, w->t, &none, NULL);
	fail_times(w, "192.0.2.1", 1000, 3);
	assert_true(refuses(w, "192.0.2.1", 1000));
	judge_tick(w->j, 5000, 5000);
	assert_int_equal(bantable_count(w->t), 0);
}

static void
two_jails_of_one_name_make_no_judge(void **state)
{
	struct world *w = *state;

	jail(w, "auth");
	jail(w, "auth");
	assert_null(judge_new(w->spec, 2, w->t, &hooks, w));
	assert_null(judge_new(w->spec, 1000, w->t, &hooks, w));
	judge_free(NULL);
	w->j = judge_new(w->spec, 1, w->t, &hooks, w);
	assert_int_equal(judge_jails(w->j), 1);
	assert_ptr_equal(judge_jail(w->j, 0), &w->spec[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(third_failure_bans_in_the_order_of_the_contract),
		TEST(failure_carries_what_the_line_said),
		TEST(ban_has_its_row_number_in_the_table),
		TEST(failures_during_a_ban_extend_nothing),
		TEST(end_is_announced_by_the_clock_and_forgotten_by_the_lines),
		TEST(old_lines_make_bans_that_are_over_at_once),
		TEST(next_ban_announces_an_end_that_no_tick_has_seen),
		TEST(nth_ban_takes_the_nth_time),
		TEST(memory_without_end_reaches_back_without_end),
		TEST(success_forgets_failures_where_the_jail_says_so),
		TEST(jail_counts_only_the_rules_it_wants),
		TEST(match_that_says_nothing_is_nothing),
		TEST(friends_are_counted_as_ignored_and_nothing_else),
		TEST(new_friend_lifts_bans_inside_it),
		TEST(friends_find_room_in_a_full_table),
		TEST(observing_jail_does_everything_but_refuse),
		TEST(recidive_counts_bans_of_the_other_jails),
		TEST(recidive_key_is_no_narrower_than_the_ban),
		TEST(observed_bans_feed_only_observing_recidive_jails),
		TEST(ban_by_hand_spares_friends_unless_forced),
		TEST(ban_by_hand_replaces_and_never_evicts),
		TEST(full_table_evicts_what_is_over_then_the_next_to_end),
		TEST(unban_ends_bans_and_forgets_failures),
		TEST(unban_of_one_jail_leaves_the_others),
		TEST(unban_spares_the_friend_entry),
		TEST(orphan_refuses_and_is_decided_again),
		TEST(orphan_that_no_line_bears_out_is_dropped),
		TEST(orphan_ends_with_its_time),
		TEST(restored_ban_counts_as_before),
		TEST(restored_ban_keeps_the_state_it_has_in_the_table),
		TEST(restored_ban_that_is_over_refuses_nobody_and_takes_late_lines),
		TEST(older_ban_from_the_store_opens_no_gap_in_a_newer_one),
		TEST(dropped_orphan_gives_way_to_the_ban_it_stood_before),
		TEST(unban_lifts_an_orphan_and_what_it_stands_before),
		TEST(adopting_ends_what_todays_configuration_would_not_hold),
		TEST(restored_ban_follows_the_mode_of_today),
		TEST(restored_failures_go_on_counting),
		TEST(tick_bounds_its_work_and_says_so),
		TEST(tick_forgets_hosts_that_stopped),
		TEST(judge_without_hooks_still_bans),
		TEST(two_jails_of_one_name_make_no_judge),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
