/* The judge, case by case: what an engine finds when it starts again. */
#include "judge_world.h"

/* Another engine on the same table. */
static void
restart(struct world *w)
{
	judge_free(w->j);
	begin(w);
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
older_ban_given_later_does_not_take_the_place_of_a_newer(void **state)
{
	struct world *w = *state;
	struct ban older = stored("192.0.2.1", 1000, 1600, 77), out;
	struct ban newer = stored("192.0.2.1", 1700, 2300, 78);

	jail(w, "auth");
	begin(w);
	older.flags = BAN_OVER;
	judge_restore_ban(w->j, &newer);
	judge_restore_ban(w->j, &older);
	judge_adopt(w->j);
	assert_true(refuses(w, "192.0.2.1", 2299));
	assert_true(bantable_get(w->t, &newer.key, 0, &out));
	assert_int_equal(out.id, 78);
	assert_int_equal(out.flags, 0);
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
	struct span user = span_of("");

	jail(w, "auth");
	begin(w);
	judge_restore_failure(w->j, "auth", &p, 1000, 1, user, 41);
	judge_restore_failure(w->j, "gone", &p, 1000, 1, user, 42);
	judge_restore_failure(w->j, "auth", &p, 1001, 1, user, 43);
	heard(w, "");
	w->id = 50;
	see(w, 0, "192.0.2.1", 1002);
	heard(w,
	    "failure auth 192.0.2.1 1002 x1\npast\n"
	    "ban auth 192.0.2.1 1002-1602 nth 1 because 41 43 51\n");
	assert_int_equal(judge_stats(w->j, 0)->failures, 1);
}

static void
success_forgets_restored_failures_of_its_user(void **state)
{
	struct world *w = *state;
	struct prefix p = prefix("192.0.2.1");

	jail(w, "auth")->reset_on_success = true;
	begin(w);
	judge_restore_failure(w->j, "auth", &p, 1000, 1, span_of("Bob"), 41);
	judge_restore_failure(w->j, "auth", &p, 1000, 1, span_of("alice"), 42);
	w->user = span_of("bob");
	see(w, 1, "192.0.2.1", 1001);
	heard(w, "cleared 41\n");
}

static void
adopting_ends_a_ban_around_somebody_who_is_ignored_today(void **state)
{
	struct world *w = *state;
	struct prefix own = prefix("2001:db8::7");
	struct jail_spec *s = jail(w, "auth");
	struct ban b = stored("192.0.2.1", 1, 900, 1);

	begin(w);
	b.key = prefix("2001:db8::/64");
	judge_restore_ban(w->j, &b);
	b.key = prefix("2001:db8::/56");
	b.origin = ORIGIN_MANUAL;
	b.id = 2;
	judge_restore_ban(w->j, &b);
	s->ignoreip = &own;
	s->nignoreip = 1;
	judge_adopt(w->j);
	heard(w, "unban auth 2001:db8::/64 #1 ignoreip\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(orphan_refuses_and_is_decided_again),
		TEST(orphan_that_no_line_bears_out_is_dropped),
		TEST(orphan_ends_with_its_time),
		TEST(restored_ban_counts_as_before),
		TEST(restored_ban_keeps_the_state_it_has_in_the_table),
		TEST(
		    restored_ban_that_is_over_refuses_nobody_and_takes_late_lines),
		TEST(older_ban_from_the_store_opens_no_gap_in_a_newer_one),
		TEST(older_ban_given_later_does_not_take_the_place_of_a_newer),
		TEST(dropped_orphan_gives_way_to_the_ban_it_stood_before),
		TEST(unban_lifts_an_orphan_and_what_it_stands_before),
		TEST(adopting_ends_what_todays_configuration_would_not_hold),
		TEST(restored_ban_follows_the_mode_of_today),
		TEST(restored_failures_go_on_counting),
		TEST(success_forgets_restored_failures_of_its_user),
		TEST(adopting_ends_a_ban_around_somebody_who_is_ignored_today),
	};

	return cmocka_run_group_tests_name("judge_keep", tests, NULL, NULL);
}
