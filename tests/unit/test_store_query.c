/* What an administrator can ask of the store, and what pruning leaves of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "store_fixture.h"

static const char *const banned[] = { "192.0.2.1", "192.0.2.0/24", "0.0.0.0/0",
	"192.0.2.255", "192.0.3.0", "192.0.1.255", "2001:db8:1:2::/64",
	"2001:db8:1:2::7", "2001:db8::/32", "2001:db8:1:3::1", "192.0.2.1" };

#define NBANNED (sizeof(banned) / sizeof(banned[0]))

static void
ban_them(struct fixture *f)
{
	for (size_t i = 0; i < NBANNED; i++) {
		struct ban b = ban_of(banned[i], 100 + (int64_t)i);

		assert_int_equal(store_ban(f->s, "j", &b, banned[i]), i + 1);
	}
	commit(f);
}

static void
history_finds_exactly_what_was_asked_for(void **state)
{
	/* Numbers of bans, the newest first, as banned[] numbers them. */
	static const struct {
		const char *key;
		bool covering;
		size_t max;
		const char *ids;
	} cases[] = {
		{ NULL, false, 99, " 11 10 9 8 7 6 5 4 3 2 1" },
		{ NULL, true, 3, " 11 10 9" },
		{ "192.0.2.1", false, 99, " 11 1" },
		{ "192.0.2.1", true, 99, " 11 3 2 1" },
		{ "192.0.2.1", true, 2, " 11 3" },
		{ "192.0.2.0/24", false, 99, " 2" },
		{ "192.0.2.0/24", true, 99, " 11 4 3 2 1" },
		{ "192.0.2.128/25", true, 99, " 4 3 2" },
		{ "192.0.0.0/16", true, 99, " 11 6 5 4 3 2 1" },
		{ "192.0.2.0", true, 99, " 3 2" },
		{ "0.0.0.0/0", true, 99, " 11 6 5 4 3 2 1" },
		{ "2001:db8:1:2::7", true, 99, " 9 8 7" },
		{ "2001:db8:1:2::/64", true, 99, " 9 8 7" },
		{ "2001:db8:1::/48", true, 99, " 10 9 8 7" },
		{ "2001:db8:2::1", true, 99, " 9" },
		{ "::/0", true, 99, " 11 10 9 8 7 6 5 4 3 2 1" },
		{ "198.51.100.1", false, 99, "" },
		{ "198.51.100.1", true, 99, " 3" },
	};
	struct fixture *f = *state;

	ban_them(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix key =
		    cases[i].key ? net(cases[i].key) : (struct prefix){ 0 };
		struct seen seen = { 0 };
		char ids[256] = "";

		assert_int_equal(
		    store_history(f->s, cases[i].key ? &key : NULL,
			cases[i].covering, cases[i].max, see_row, &seen),
		    0);
		for (size_t k = 0; k < seen.n; k++) {
			snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids),
			    " %d", (int)seen.ban[k].id);
			assert_string_equal(
			    seen.reason[k], banned[seen.ban[k].id - 1]);
		}
		if (strcmp(ids, cases[i].ids) != 0)
			print_error("%s:\n", cases[i].key);
		assert_string_equal(ids, cases[i].ids);
	}
}

static void
history_stops_when_told_to(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { .stop_at = 2 };

	ban_them(f);
	assert_int_equal(
	    store_history(f->s, NULL, false, 99, see_row, &seen), 0);
	assert_int_equal(seen.n, 2);
	/* And can be asked again. */
	assert_int_equal(
	    store_history(f->s, NULL, false, 99, see_row, &seen), 0);
	assert_int_equal(seen.n, 2 + NBANNED);
}

static void
evidence_without_a_ban_is_what_still_counts_of_the_key(void **state)
{
	struct fixture *f = *state;
	static struct seen_evidence seen;
	struct prefix key = net("2001:db8:1:2::/64");
	struct failure x = failure_of("2001:db8:1:2::9", 300);
	struct failure y = failure_of("2001:db8:1:2::7", 200);
	struct failure other = failure_of("192.0.2.1", 100);
	struct ban b = ban_of("2001:db8:1:2::/64", 300);
	uint64_t id, ban;

	memset(&seen, 0, sizeof(seen));
	x.key = y.key = key;
	y.count = 6;
	store_failure(f->s, "j", &x);
	store_failure(f->s, "k", &y);
	store_failure(f->s, "j", &other);
	assert_int_equal(
	    store_evidence(f->s, 0, &key, 10, see_evidence, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.host[0], "2001:db8:1:2::7");
	assert_string_equal(seen.jail[0], "k");
	assert_int_equal(seen.count[0], 6);
	assert_string_equal(seen.host[1], "2001:db8:1:2::9");
	/* Once used, it is the ban's alone. */
	id = store_failure(f->s, "j", &x);
	ban = store_ban(f->s, "j", &b, "");
	store_failures_used(f->s, &id, 1, ban);
	seen.n = 0;
	store_evidence(f->s, 0, &key, 10, see_evidence, &seen);
	assert_int_equal(seen.n, 2);
	seen.n = 0;
	store_evidence(f->s, ban, NULL, 10, see_evidence, &seen);
	assert_int_equal(seen.n, 1);
	seen.n = 0;
	store_evidence(f->s, 0, NULL, 1, see_evidence, &seen);
	assert_int_equal(seen.n, 1);
}

/* A ban with n failures behind it, over at `over` (0: standing). */
static uint64_t
ban_with(struct fixture *f, const char *key, size_t n, int64_t over)
{
	struct ban b = ban_of(key, 100);
	uint64_t ban = store_ban(f->s, "j", &b, "");

	for (size_t i = 0; i < n; i++) {
		struct failure x = failure_of(key, 100 + (int64_t)i);
		uint64_t id = store_failure(f->s, "j", &x);

		store_failures_used(f->s, &id, 1, ban);
	}
	if (over > 0)
		store_ban_over(f->s, ban, over, "its time came");
	return ban;
}

static size_t
evidence_of(struct fixture *f, uint64_t ban)
{
	static struct seen_evidence seen;

	seen.n = 0;
	assert_int_equal(
	    store_evidence(f->s, ban, NULL, 9999, see_evidence, &seen), 0);
	return seen.n;
}

static size_t
history_length(struct fixture *f)
{
	struct seen seen = { 0 };

	assert_int_equal(
	    store_history(f->s, NULL, false, 9999, see_row, &seen), 0);
	return seen.n;
}

static void
pruning_keeps_what_is_young_or_evidence_of_a_kept_ban(void **state)
{
	struct fixture *f = *state;
	uint64_t standing = ban_with(f, "192.0.2.1", 3, 0);
	uint64_t recent = ban_with(f, "192.0.2.2", 3, 1000);
	uint64_t old = ban_with(f, "192.0.2.3", 3, 999);
	struct failure x = failure_of("192.0.2.4", 499);

	store_failure(f->s, "j", &x);
	x.when = 500;
	store_failure(f->s, "j", &x);
	/* One failure, and a ban with its three. */
	assert_int_equal(store_prune(f->s, 500, 1000, 1000), 1 + 4);
	commit(f);
	reopen(f);
	assert_int_equal(failures_left(f->s), 1);
	assert_int_equal(evidence_of(f, standing), 3);
	assert_int_equal(evidence_of(f, recent), 3);
	assert_int_equal(evidence_of(f, old), 0);
	assert_int_equal(history_length(f), 2);
	assert_int_equal(store_prune(f->s, 500, 1000, 1000), 0);
}

static void
pruning_drops_no_more_than_its_budget(void **state)
{
	struct fixture *f = *state;
	uint64_t ban = ban_with(f, "192.0.2.1", 10, 50);
	long n, total = 0;

	for (int i = 0; i < 5; i++) {
		struct failure x = failure_of("192.0.2.4", i);

		store_failure(f->s, "j", &x);
	}
	assert_int_equal(store_prune(f->s, 100, 100, 0), 0);
	assert_int_equal(store_prune(f->s, 100, 100, 2), 2);
	assert_int_equal(failures_left(f->s), 3);
	assert_int_equal(store_prune(f->s, 100, 100, 5), 5);
	assert_int_equal(failures_left(f->s), 0);
	assert_int_equal(evidence_of(f, ban), 8);
	/* The ban outlives its evidence by no more than a call. */
	while ((n = store_prune(f->s, 100, 100, 4)) > 0) {
		assert_true(n <= 4);
		total += n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(total, 8 + 1);
	assert_int_equal(history_length(f), 0);
}

static void
the_number_of_a_pruned_ban_never_comes_again(void **state)
{
	struct fixture *f = *state;
	uint64_t last = ban_with(f, "192.0.2.1", 1, 50);

	assert_int_equal(store_prune(f->s, 100, 100, 100), 2);
	commit(f);
	reopen(f);
	assert_true(ban_with(f, "192.0.2.1", 1, 0) > last);
}

static void
a_file_that_was_large_shrinks_after_pruning(void **state)
{
	struct fixture *f = *state;
	char path[128], text[1000];
	struct stat before, after;
	struct failure x = failure_of("192.0.2.1", 1);

	memset(text, 'x', sizeof(text));
	x.evidence = span_make(text, sizeof(text));
	for (int i = 0; i < 8000; i++)
		store_failure(f->s, "j", &x);
	commit(f);
	reopen(f);
	snprintf(path, sizeof(path), "%s/mxward.db", f->dir);
	assert_int_equal(stat(path, &before), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_not_equal(store_prune(f->s, 100, 100, 1000), -1);
		commit(f);
	}
	reopen(f);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size < before.st_size / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_finds_exactly_what_was_asked_for),
		TEST(history_stops_when_told_to),
		TEST(evidence_without_a_ban_is_what_still_counts_of_the_key),
		TEST(pruning_keeps_what_is_young_or_evidence_of_a_kept_ban),
		TEST(pruning_drops_no_more_than_its_budget),
		TEST(the_number_of_a_pruned_ban_never_comes_again),
		TEST(a_file_that_was_large_shrinks_after_pruning),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
