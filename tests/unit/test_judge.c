/* The judge, case by case: what lines lead to. */
#include "judge_world.h"

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
	w->user = span_of("bob");
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
success_of_one_user_forgives_nothing_to_another(void **state)
{
	struct world *w = *state;

	jail(w, "auth")->reset_on_success = true;
	begin(w);
	w->user = span_of("victim");
	see(w, 0, "192.0.2.1", 1000);
	w->user = span_of("");
	see(w, 0, "192.0.2.1", 1001);
	w->log[0] = '\0';
	see(w, 1, "192.0.2.1", 1002);
	w->user = span_of("insider");
	see(w, 1, "192.0.2.1", 1002);
	heard(w, "");
	see(w, 0, "192.0.2.1", 1003);
	heard(w,
	    "failure auth 192.0.2.1 1003 x1\npast\n"
	    "ban auth 192.0.2.1 1003-1603 nth 1 because 1 2 3\n");
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
		TEST(success_of_one_user_forgives_nothing_to_another),
		TEST(jail_counts_only_the_rules_it_wants),
		TEST(match_that_says_nothing_is_nothing),
		TEST(observing_jail_does_everything_but_refuse),
		TEST(recidive_counts_bans_of_the_other_jails),
		TEST(recidive_key_is_no_narrower_than_the_ban),
		TEST(observed_bans_feed_only_observing_recidive_jails),
		TEST(judge_without_hooks_still_bans),
		TEST(two_jails_of_one_name_make_no_judge),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
