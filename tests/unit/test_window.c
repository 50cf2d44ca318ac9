/* The windows, case by case. */
#include "window_fixture.h"

static unsigned
count_of(const struct windows *w, uint32_t who)
{
	struct prefix p = key(who);

	return windows_count(w, &p, NULL);
}

static void
what_reaches_maxretry(void **state)
{
	static const struct {
		const char *what;
		unsigned maxretry;
		int64_t findtime;
		struct {
			int64_t when;
			unsigned count;
			int verdict;
		} fail[6];
	} cases[] = {
		{ "third of three", 3, 10,
		    { { 1, 1, 0 }, { 2, 1, 0 }, { 3, 1, 1 } } },
		{ "first of one", 1, 10, { { 1, 1, 1 }, { 1, 1, 1 } } },
		{ "exactly findtime apart", 2, 10,
		    { { 5, 1, 0 }, { 15, 1, 1 } } },
		{ "one second more", 2, 10, { { 5, 1, 0 }, { 16, 1, 0 } } },
		{ "the window slides", 3, 10,
		    { { 1, 1, 0 }, { 9, 1, 0 }, { 12, 1, 0 }, { 19, 1, 1 } } },
		{ "weight counts", 5, 10, { { 1, 2, 0 }, { 2, 3, 1 } } },
		{ "weight beyond", 5, 10, { { 1, 60, 1 }, { 2, 4, 0 } } },
		{ "weight no sum holds", 5, 10,
		    { { 1, 4, 0 }, { 2, UINT32_MAX, 1 } } },
		{ "no weight is one", 2, 10, { { 1, 0, 0 }, { 2, 0, 1 } } },
		{ "out of order", 3, 10,
		    { { 9, 1, 0 }, { 3, 1, 0 }, { 6, 1, 1 } } },
		{ "too late counts for nothing", 2, 10,
		    { { 20, 1, 0 }, { 9, 1, 0 }, { 10, 1, 1 } } },
		{ "late, before what has left", 3, 10,
		    { { 1, 1, 0 }, { 14, 1, 0 }, { 4, 1, 0 }, { 3, 1, 0 },
			{ 5, 1, 1 } } },
		{ "starts again from nothing", 2, 10,
		    { { 1, 1, 0 }, { 2, 1, 1 }, { 3, 1, 0 }, { 4, 1, 1 } } },
		{ "findtime 0 is one second", 2, 0,
		    { { 1, 1, 0 }, { 2, 1, 0 }, { 2, 1, 1 } } },
		{ "times at both ends of time", 2, 10,
		    { { INT64_MIN, 1, 0 }, { INT64_MAX, 1, 0 },
			{ INT64_MAX, 1, 1 } } },
	};
	struct windows *w;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w = windows_new(cases[i].maxretry, cases[i].findtime, 10);
		for (k = 0; k < 6 && (cases[i].fail[k].when != 0); k++)
			if (fail_at(w, 1, cases[i].fail[k].when,
				cases[i].fail[k].count, k + 1,
				NULL) != cases[i].fail[k].verdict)
				fail_msg(
				    "%s, failure %zu", cases[i].what, k + 1);
		windows_free(w);
	}
}

static void
keys_do_not_share_a_window(void **state)
{
	struct windows *w = windows_new(2, 10, 10);
	struct prefix host = key(1), net = prefix_of(&host.addr, 64);

	(void)state;
	assert_int_equal(windows_fail(w, &host, 1, 1, 0, 0, NULL), 0);
	assert_int_equal(windows_fail(w, &net, 1, 1, 0, 0, NULL), 0);
	assert_int_equal(fail_at(w, 2, 1, 1, 0, NULL), 0);
	assert_int_equal(windows_keys(w), 3);
	assert_int_equal(fail_at(w, 1, 1, 1, 0, NULL), 1);
	assert_int_equal(windows_keys(w), 2);
	windows_free(w);
}

static void
refs_come_oldest_first_and_without_zeroes(void **state)
{
	struct windows *w = windows_new(5, 100, 10);
	struct window_refs refs;
	static const uint64_t want[] = { 13, 12, 11, 14 };

	(void)state;
	fail_at(w, 1, 50, 1, 11, NULL);
	fail_at(w, 1, 40, 1, 12, NULL);
	fail_at(w, 1, 45, 1, 0, NULL);
	fail_at(w, 1, 30, 1, 13, NULL);
	assert_int_equal(fail_at(w, 1, 50, 1, 14, &refs), 1);
	assert_int_equal(refs.n, 4);
	assert_memory_equal(refs.ref, want, sizeof(want));
	windows_free(w);
}

static void
clear_forgets_and_says_what(void **state)
{
	struct windows *w = windows_new(9, 100, 10);
	struct prefix p = key(1);
	struct window_refs refs = { NULL, 7 };

	(void)state;
	assert_int_equal(windows_clear(w, &p, &refs), 0);
	assert_int_equal(refs.n, 0);
	fail_at(w, 1, 1, 2, 21, NULL);
	fail_at(w, 1, 2, 3, 22, NULL);
	fail_at(w, 1, 3, 1, 23, NULL);
	assert_int_equal(count_of(w, 1), 6);
	assert_int_equal(windows_clear(w, &p, &refs), 6);
	assert_int_equal(refs.n, 3);
	assert_int_equal(refs.ref[0], 21);
	assert_int_equal(refs.ref[2], 23);
	assert_int_equal(count_of(w, 1), 0);
	assert_int_equal(windows_keys(w), 0);
	assert_int_equal(windows_clear(w, &p, NULL), 0);
	windows_free(w);
}

static void
clear_of_forgets_one_user_and_keeps_the_others_in_order(void **state)
{
	static const uint64_t want[] = { 31, 34, 35, 37 };
	struct windows *w = windows_new(9, 100, 10);
	struct prefix p = key(1), q = key(2);
	struct window_refs refs = { NULL, 7 };
	int64_t newest = 0;

	(void)state;
	assert_int_equal(windows_clear_of(w, &p, 5, &refs), 0);
	assert_int_equal(refs.n, 0);
	fail_of(w, 1, 1, 1, 31, 6, NULL);
	fail_of(w, 1, 2, 2, 32, 5, NULL);
	fail_of(w, 1, 3, 1, 0, 5, NULL);
	fail_of(w, 1, 4, 1, 34, 0, NULL);
	fail_of(w, 1, 5, 1, 35, 6, NULL);
	fail_of(w, 1, 6, 1, 36, 5, NULL);
	fail_of(w, 2, 6, 1, 41, 5, NULL);
	assert_int_equal(windows_clear_of(w, &p, 0, &refs), 0);
	assert_int_equal(windows_clear_of(w, &p, 4, &refs), 0);
	assert_int_equal(refs.n, 0);
	assert_int_equal(count_of(w, 1), 7);
	assert_int_equal(windows_clear_of(w, &p, 5, &refs), 4);
	assert_int_equal(refs.n, 2);
	assert_int_equal(refs.ref[0], 32);
	assert_int_equal(refs.ref[1], 36);
	assert_int_equal(windows_count(w, &p, &newest), 3);
	assert_int_equal(newest, 5);
	assert_int_equal(count_of(w, 2), 1);
	assert_int_equal(fail_of(w, 1, 7, 6, 37, 5, &refs), 1);
	assert_int_equal(refs.n, 4);
	assert_memory_equal(refs.ref, want, sizeof(want));
	assert_int_equal(windows_clear_of(w, &q, 5, NULL), 1);
	assert_int_equal(windows_keys(w), 0);
	windows_free(w);
}

static void
users_are_the_same_but_for_ascii_case(void **state)
{
	static const struct {
		struct span a, b;
		bool same;
	} cases[] = {
		{ SPAN("alice"), SPAN("alice"), true },
		{ SPAN("alice@Example.ORG"), SPAN("ALICE@example.org"), true },
		{ SPAN("alice"), SPAN("alicf"), false },
		{ SPAN("alice"), SPAN("alice "), false },
		{ SPAN("a\0b"), SPAN("a\0c"), false },
		{ SPAN("a\0b"), SPAN("A\0B"), true },
		{ SPAN("[x"), SPAN("{x"), false },
		{ SPAN("@x"), SPAN("`x"), false },
		{ SPAN("\xc3\x84"), SPAN("\xc3\xa4"), false },
	};
	struct windows *w = windows_new(9, 100, 10);
	char text[WINDOWS_USER_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((windows_who(w, cases[i].a) ==
			windows_who(w, cases[i].b)) != cases[i].same)
			fail_msg("case %zu", i);
	memset(text, 'x', sizeof(text));
	assert_int_equal(windows_who(w, span_make(NULL, 0)), 0);
	assert_int_equal(windows_who(w, span_make(text, sizeof(text))), 0);
	assert_int_not_equal(
	    windows_who(w, span_make(text, sizeof(text) - 1)), 0);
	windows_free(w);
}

static void
count_tells_the_newest_time(void **state)
{
	struct windows *w = windows_new(9, 100, 10);
	struct prefix p = key(1);
	int64_t newest = -1;

	(void)state;
	assert_int_equal(windows_count(w, &p, &newest), 0);
	assert_int_equal(newest, -1);
	fail_at(w, 1, 50, 1, 0, NULL);
	fail_at(w, 1, 20, 1, 0, NULL);
	assert_int_equal(windows_count(w, &p, &newest), 2);
	assert_int_equal(newest, 50);
	windows_free(w);
}

static void
full_windows_forget_an_old_key(void **state)
{
	struct windows *w = windows_new(3, 1000000, 1000);
	uint32_t i, old = 0, young = 0;

	(void)state;
	for (i = 0; i < 1000; i++)
		fail_at(w, i, i, 1, 0, NULL);
	assert_int_equal(windows_evicted(w), 0);
	for (i = 1000; i < 1500; i++) {
		assert_int_equal(fail_at(w, i, i, 1, 0, NULL), 0);
		assert_int_equal(count_of(w, i), 1);
	}
	assert_int_equal(windows_keys(w), 1000);
	assert_int_equal(windows_evicted(w), 500);
	for (i = 0; i < 500; i++)
		old += count_of(w, i);
	for (i = 1000; i < 1500; i++)
		young += count_of(w, i);
	assert_true(young > 400);
	assert_true(old < 200);
	windows_free(w);
}

static void
one_key_is_room_enough(void **state)
{
	struct windows *w = windows_new(2, 10, 0);

	(void)state;
	assert_int_equal(fail_at(w, 1, 1, 1, 0, NULL), 0);
	assert_int_equal(fail_at(w, 2, 1, 1, 0, NULL), 0);
	assert_int_equal(windows_keys(w), 1);
	assert_int_equal(fail_at(w, 2, 1, 1, 0, NULL), 1);
	assert_int_equal(windows_keys(w), 0);
	windows_free(w);
}

static void
prune_forgets_what_no_line_can_count_with(void **state)
{
	struct windows *w = windows_new(3, 10, 10000);
	uint32_t i;
	size_t n = 0;

	(void)state;
	for (i = 0; i < 5000; i++)
		fail_at(w, i, i % 100, 1, 0, NULL);
	assert_int_equal(windows_prune(w, 10, 100000), 0);
	assert_int_equal(windows_prune(w, 60, 0), 0);
	for (i = 0; i < 5; i++)
		n += windows_prune(w, 60, 1000);
	assert_int_equal(n, 2500);
	for (i = 0; i < 5000; i++)
		assert_int_equal(count_of(w, i), i % 100 >= 50);
	assert_int_equal(windows_prune(w, 1000, 100000), 2500);
	assert_int_equal(windows_keys(w), 0);
	assert_int_equal(windows_prune(w, 1000, 100), 0);
	windows_free(w);
}

static void
restored_failures_never_ban_but_the_next_one_does(void **state)
{
	struct windows *w = windows_new(3, 10, 10);
	struct prefix p = key(1);
	struct window_refs refs;
	int i;

	(void)state;
	for (i = 0; i < 9; i++)
		assert_int_equal(
		    windows_restore(w, &p, 100 + i, 1, 40 + (uint64_t)i, 0), 0);
	assert_int_equal(windows_keys(w), 1);
	assert_int_equal(fail_at(w, 1, 109, 1, 50, &refs), 1);
	assert_int_equal(refs.n, 3);
	assert_int_equal(refs.ref[0], 47);
	assert_int_equal(refs.ref[2], 50);
	windows_free(w);
	w = windows_new(1, 10, 10);
	assert_int_equal(windows_restore(w, &p, 100, 1, 1, 0), 0);
	assert_int_equal(windows_keys(w), 0);
	windows_free(w);
}

static void
nonsense_makes_no_windows(void **state)
{
	(void)state;
	assert_null(windows_new(0, 10, 10));
	assert_null(windows_new(1, 10, SIZE_MAX));
	windows_free(NULL);
}

/* Growth, shrinking, chunks and the index, with as many keys as fill several. */
static void
many_keys_come_and_go(void **state)
{
	static uint8_t have[20000];
	struct windows *w = windows_new(4, 1000, 20000);
	uint64_t s = 99;
	uint32_t i, who, top, keys = 0;
	struct prefix p;

	(void)state;
	memset(have, 0, sizeof(have));
	for (i = 0; i < 600000; i++) {
		/* Tides, so that the index grows and shrinks. */
		top = i / 60000 % 2 == 0 ? 60 : 30;
		who = (uint32_t)(rnd(&s) % 20000);
		if (rnd(&s) % 100 < top) {
			assert_int_equal(
			    fail_at(w, who, 5, 1, 1, NULL), have[who] == 3);
			keys += have[who] == 0;
			have[who]++;
		} else {
			p = key(who);
			assert_int_equal(windows_clear(w, &p, NULL), have[who]);
			keys -= have[who] != 0;
			have[who] = 0;
		}
		if (have[who] == 4) {
			have[who] = 0;
			keys--;
		}
		assert_int_equal(windows_keys(w), keys);
	}
	for (who = 0; who < 20000; who++)
		assert_int_equal(count_of(w, who), have[who]);
	while (windows_prune(w, 5000, 1000) > 0)
		;
	assert_int_equal(windows_keys(w), 0);
	windows_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_reaches_maxretry),
		cmocka_unit_test(keys_do_not_share_a_window),
		cmocka_unit_test(refs_come_oldest_first_and_without_zeroes),
		cmocka_unit_test(clear_forgets_and_says_what),
		cmocka_unit_test(
		    clear_of_forgets_one_user_and_keeps_the_others_in_order),
		cmocka_unit_test(users_are_the_same_but_for_ascii_case),
		cmocka_unit_test(count_tells_the_newest_time),
		cmocka_unit_test(full_windows_forget_an_old_key),
		cmocka_unit_test(one_key_is_room_enough),
		cmocka_unit_test(prune_forgets_what_no_line_can_count_with),
		cmocka_unit_test(
		    restored_failures_never_ban_but_the_next_one_does),
		cmocka_unit_test(nonsense_makes_no_windows),
		cmocka_unit_test(many_keys_come_and_go),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
