/* The judge, case by case: friends, bans by hand, a full table, ticks. */
#include "judge_world.h"

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
neighbour_of_the_ignored_is_banned_as_a_host(void **state)
{
	static const struct {
		const char *own, *bad, *worse, *key;
	} cases[] = {
		{ "2001:db8::7", "2001:db8::8", "2001:db8::9",
		    "2001:db8::/64" },
		{ "192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.0/24" },
	};
	struct world *w = *state;
	struct jail_spec *s = jail(w, "auth");
	struct prefix own, bad;
	char want[256];
	size_t i;

	s->prefix4 = 24;
	s->ignoreip = &own;
	s->nignoreip = 1;
	begin(w);
	for (i = 0; i < 2; i++) {
		own = prefix(cases[i].own);
		bad = prefix(cases[i].bad);
		w->id = 0;
		w->log[0] = '\0';
		see(w, 0, cases[i].worse, 1000);
		fail_times(w, cases[i].bad, 1000, 2);
		snprintf(want, sizeof(want),
		    "failure auth %s 1000 x1\nfailure auth %s 1000 x1\n"
		    "failure auth %s 1000 x1\npast\n"
		    "ban auth %s 1000-1600 nth 1 because 1 2 3\n",
		    cases[i].key, cases[i].key, cases[i].key, cases[i].bad);
		heard(w, want);
		assert_true(refuses(w, cases[i].bad, 1001));
		assert_false(refuses(w, cases[i].worse, 1001));
		assert_false(refuses(w, cases[i].own, 1001));
		/* It does not extend its ban, and fills no count of others. */
		fail_times(w, cases[i].bad, 1001, 9);
		heard(w, "");
		assert_int_equal(judge_stats(w->j, 0)->after_ban, 9 * (i + 1));
		fail_times(w, cases[i].worse, 1002, 2);
		assert_false(refuses(w, cases[i].worse, 1003));
		see(w, 0, cases[i].worse, 1002);
		assert_true(refuses(w, cases[i].worse, 1003));
		assert_int_equal(
		    judge_unban(w->j, &bad, BANTABLE_NO_JAIL, "by hand"), 1);
		assert_false(refuses(w, cases[i].bad, 1003));
	}
}

static void
recidive_spares_whom_it_ignores_within_a_banned_network(void **state)
{
	struct world *w = *state;
	struct prefix own = prefix("2001:db8::7");
	struct jail_spec *s;

	jail(w, "auth");
	s = jail(w, "recidive");
	s->recidive = true;
	s->maxretry = 1;
	s->ignoreip = &own;
	s->nignoreip = 1;
	begin(w);
	fail_times(w, "2001:db8::7", 1000, 3);
	assert_int_equal(judge_stats(w->j, 1)->ignored, 1);
	assert_int_equal(judge_stats(w->j, 1)->bans, 0);
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
	assert_int_equal(judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 1);
	heard(w, "unban auth 192.0.2.1 #6 by hand\ncleared 2 4 7\n");
	assert_false(refuses(w, "192.0.2.1", 1000));
	assert_int_equal(judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 0);
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
	assert_int_equal(judge_unban(w->j, &p, BANTABLE_NO_JAIL, "by hand"), 0);
	assert_true(bantable_friend(w->t, &p));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(friends_are_counted_as_ignored_and_nothing_else),
		TEST(neighbour_of_the_ignored_is_banned_as_a_host),
		TEST(recidive_spares_whom_it_ignores_within_a_banned_network),
		TEST(new_friend_lifts_bans_inside_it),
		TEST(friends_find_room_in_a_full_table),
		TEST(ban_by_hand_spares_friends_unless_forced),
		TEST(ban_by_hand_replaces_and_never_evicts),
		TEST(full_table_evicts_what_is_over_then_the_next_to_end),
		TEST(unban_ends_bans_and_forgets_failures),
		TEST(unban_of_one_jail_leaves_the_others),
		TEST(unban_spares_the_friend_entry),
		TEST(tick_bounds_its_work_and_says_so),
		TEST(tick_forgets_hosts_that_stopped),
	};

	return cmocka_run_group_tests_name("judge_ban", tests, NULL, NULL);
}
