/* The ban table, case by case. */
#include "bantable_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mxward/duration.h"

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_of(text), &a), 0);
	return a;
}

static void
put(struct bantable *t, const char *key, uint16_t jail, int64_t end,
    uint8_t flags)
{
	struct ban b = ban(prefix(key), jail, end, flags);

	assert_int_equal(bantable_put(t, &b), 0);
}

static bool
refuses(const struct bantable *t, const char *text, int64_t now)
{
	struct addr a = addr(text);

	return bantable_refuses(t, &a, now, NULL);
}

static void
empty_table_refuses_nobody(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p = prefix("192.0.2.1");
	struct ban b;

	(void)state;
	assert_false(refuses(t, "192.0.2.1", 0));
	assert_false(bantable_get(t, &p, 0, &b));
	assert_false(bantable_soonest(t, &b));
	assert_int_equal(bantable_count(t), 0);
	assert_int_equal(bantable_capacity(t), 10);
	assert_int_equal(bantable_del(t, &p, 0), -1);
	assert_int_equal(bantable_set_state(t, &p, 0, BAN_FAILED), -1);
	assert_int_equal(bantable_set_flags(t, &p, 0, 0), -1);
	bantable_repair(t);
	bantable_unmap(t);
	bantable_unmap(NULL);
}

static void
ban_keeps_every_field(void **state)
{
	struct bantable *t = bantable_map(10);
	struct ban out, b = { .key = prefix("2001:db8:1:2::/64"), .jail = 254 };

	(void)state;
	b.origin = ORIGIN_LIST;
	b.state = BAN_FAILED;
	b.flags = BAN_ORPHAN;
	b.nth = 255;
	b.start = -5;
	b.end = DURATION_FOREVER;
	b.id = UINT64_MAX;
	assert_int_equal(bantable_put(t, &b), 0);
	assert_true(bantable_get(t, &b.key, 254, &out));
	assert_true(prefix_eq(&out.key, &b.key));
	assert_int_equal(out.jail, 254);
	assert_int_equal(out.origin, ORIGIN_LIST);
	assert_int_equal(out.state, BAN_FAILED);
	assert_int_equal(out.flags, BAN_ORPHAN);
	assert_int_equal(out.nth, 255);
	assert_true(out.start == -5);
	assert_true(out.end == DURATION_FOREVER);
	assert_true(out.id == UINT64_MAX);
	bantable_unmap(t);
}

static void
who_is_refused(void **state)
{
	static const struct {
		const char *what;
		const char *key[3]; /* of bans and friends */
		uint8_t flags[3];
		const char *host;
		bool refused;
	} cases[] = {
		{ "the host", { "192.0.2.1" }, { 0 }, "192.0.2.1", true },
		{ "mapped form", { "192.0.2.1" }, { 0 }, "::ffff:192.0.2.1",
		    true },
		{ "its neighbour", { "192.0.2.1" }, { 0 }, "192.0.2.2", false },
		{ "in a network", { "192.0.2.0/24" }, { 0 }, "192.0.2.9",
		    true },
		{ "beside it", { "192.0.2.0/24" }, { 0 }, "192.0.3.9", false },
		{ "in a /64", { "2001:db8::/64" }, { 0 }, "2001:db8::5", true },
		{ "all of IPv4", { "0.0.0.0/0" }, { 0 }, "203.0.113.1", true },
		{ "not IPv6", { "0.0.0.0/0" }, { 0 }, "2001:db8::1", false },
		{ "everybody", { "::/0" }, { 0 }, "203.0.113.1", true },
		{ "observed", { "192.0.2.1" }, { BAN_OBSERVE }, "192.0.2.1",
		    false },
		{ "over", { "192.0.2.1" }, { BAN_OVER }, "192.0.2.1", false },
		{ "orphan", { "192.0.2.1" }, { BAN_ORPHAN }, "192.0.2.1",
		    true },
		{ "only a friend", { "192.0.2.1" }, { BAN_FRIEND }, "192.0.2.1",
		    false },
		{ "friend in a banned network", { "192.0.2.0/24", "192.0.2.7" },
		    { 0, BAN_FRIEND }, "192.0.2.7", false },
		{ "the friend's neighbour", { "192.0.2.0/24", "192.0.2.7" },
		    { 0, BAN_FRIEND }, "192.0.2.8", true },
		{ "in a friend's network", { "192.0.2.7", "192.0.0.0/16" },
		    { 0, BAN_FRIEND }, "192.0.2.7", false },
		{ "forced upon a friend", { "192.0.2.7", "192.0.2.7" },
		    { BAN_FORCED, BAN_FRIEND }, "192.0.2.7", true },
		{ "observed host in a banned network",
		    { "192.0.2.7", "192.0.2.0/24" }, { BAN_OBSERVE, 0 },
		    "192.0.2.7", true },
	};
	struct bantable *t;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t = bantable_map(10);
		for (k = 0; k < 3 && cases[i].key[k] != NULL; k++)
			put(t, cases[i].key[k],
			    cases[i].flags[k] & BAN_FRIEND ? BANTABLE_NO_JAIL
							   : 1,
			    100, cases[i].flags[k]);
		if (refuses(t, cases[i].host, 99) != cases[i].refused)
			fail_msg("%s", cases[i].what);
		assert_false(refuses(t, cases[i].host, 100));
		bantable_unmap(t);
	}
}

static void
of_several_bans_the_last_to_end_is_reported(void **state)
{
	struct bantable *t = bantable_map(10);
	struct addr a = addr("192.0.2.1");
	struct ban out;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.0/24", 1, 300, 0);
	put(t, "192.0.2.1", 2, 200, 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 1);
	assert_int_equal(out.end, 300);
	assert_int_equal(bantable_del(t, &out.key, 1), 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 2);
	assert_true(bantable_refuses(t, &a, 199, &out));
	assert_false(bantable_refuses(t, &a, 200, &out));
	bantable_unmap(t);
}

static void
forced_ban_of_a_friend_is_the_one_reported(void **state)
{
	struct bantable *t = bantable_map(10);
	struct addr a = addr("192.0.2.1");
	struct ban out;

	(void)state;
	put(t, "192.0.2.0/24", BANTABLE_NO_JAIL, DURATION_FOREVER, BAN_FRIEND);
	put(t, "192.0.2.1", 1, 100, BAN_FORCED);
	put(t, "192.0.2.1", 2, 200, 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 1);
	assert_false(bantable_refuses(t, &a, 150, &out));
	bantable_unmap(t);
}

static void
every_prefix_length_is_found_and_forgotten(void **state)
{
	struct bantable *t = bantable_map(200);
	struct addr a = addr("2001:db8:aaaa:5555:aaaa:5555:aaaa:5555");
	struct ban out[129], b;
	unsigned len;

	(void)state;
	for (len = 0; len <= 128; len++) {
		b = ban(prefix_of(&a, len), 3, 1000 + len, 0);
		assert_int_equal(bantable_put(t, &b), 0);
	}
	assert_int_equal(bantable_covering(t, &a, out, 129), 129);
	assert_int_equal(bantable_covering(t, &a, out, 5), 129);
	for (len = 128; len > 0; len--) {
		assert_true(bantable_refuses(t, &a, 0, &b));
		assert_int_equal(b.key.len, len);
		assert_int_equal(bantable_del(t, &b.key, 3), 0);
	}
	assert_int_equal(bantable_covering(t, &a, out, 129), 1);
	bantable_unmap(t);
}

static void
friend_covers_only_what_lies_wholly_inside(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p;

	(void)state;
	put(t, "192.0.2.128/25", BANTABLE_NO_JAIL, DURATION_FOREVER,
	    BAN_FRIEND);
	p = prefix("192.0.2.200");
	assert_true(bantable_friend(t, &p));
	p = prefix("192.0.2.128/25");
	assert_true(bantable_friend(t, &p));
	p = prefix("192.0.2.0/24");
	assert_false(bantable_friend(t, &p));
	p = prefix("192.0.2.1");
	assert_false(bantable_friend(t, &p));
	bantable_unmap(t);
}

static void
full_table_takes_no_more_but_replaces(void **state)
{
	struct bantable *t = bantable_map(3);
	struct prefix p = prefix("192.0.2.2");
	struct ban b;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.2", 0, 90, 0);
	put(t, "192.0.2.3", 0, 110, 0);
	b = ban(prefix("192.0.2.4"), 0, 100, 0);
	assert_int_equal(bantable_put(t, &b), -1);
	put(t, "192.0.2.2", 0, 120, 0);
	assert_true(bantable_soonest(t, &b));
	assert_int_equal(b.end, 100);
	assert_int_equal(bantable_del(t, &p, 0), 0);
	put(t, "192.0.2.4", 0, 80, 0);
	assert_true(bantable_soonest(t, &b));
	assert_int_equal(b.end, 80);
	assert_int_equal(bantable_count(t), 3);
	bantable_unmap(t);
}

static void
jail_and_friend_flag_must_agree(void **state)
{
	struct bantable *t = bantable_map(3);
	struct ban b = ban(prefix("192.0.2.1"), BANTABLE_NO_JAIL, 100, 0);

	(void)state;
	assert_int_equal(bantable_put(t, &b), -1);
	b = ban(prefix("192.0.2.1"), 1, 100, BAN_FRIEND);
	assert_int_equal(bantable_put(t, &b), -1);
	b = ban(prefix("192.0.2.1"), BANTABLE_JAILS, 100, 0);
	assert_int_equal(bantable_put(t, &b), -1);
	put(t, "192.0.2.1", BANTABLE_NO_JAIL, 100, BAN_FRIEND);
	b = ban(prefix("192.0.2.1"), BANTABLE_NO_JAIL, 100, 0);
	assert_int_equal(
	    bantable_set_flags(t, &b.key, BANTABLE_NO_JAIL, BAN_OBSERVE), 0);
	assert_true(bantable_get(t, &b.key, BANTABLE_NO_JAIL, &b));
	assert_int_equal(b.flags, BAN_FRIEND | BAN_OBSERVE);
	assert_int_equal(bantable_count(t), 0);
	bantable_unmap(t);
}

static void
bans_waiting_and_over_are_kept_apart(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p = prefix("192.0.2.2");
	struct ban b;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.2", 0, 90, 0);
	put(t, "192.0.2.3", 0, 110, BAN_OVER);
	assert_true(bantable_soonest_waiting(t, &b));
	assert_int_equal(b.end, 90);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 110);
	assert_int_equal(bantable_set_flags(t, &p, 0, BAN_OVER), 0);
	assert_true(bantable_soonest_waiting(t, &b));
	assert_int_equal(b.end, 100);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 90);
	put(t, "192.0.2.2", 0, 500, 0);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 110);
	assert_int_equal(bantable_count(t), 3);
	bantable_unmap(t);
}

static void
directory_numbers_jails_once(void **state)
{
	struct bantable *t = bantable_map(1);
	char name[BANTABLE_JAIL_LEN + 1];
	unsigned i;

	(void)state;
	assert_int_equal(bantable_jail(t, ""), BANTABLE_NO_JAIL);
	for (i = 0; i < BANTABLE_NO_JAIL; i++) {
		snprintf(name, sizeof(name), "jail-%u", i);
		assert_int_equal(bantable_jail(t, name), i);
		assert_int_equal(bantable_jail(t, name), i);
		assert_string_equal(bantable_jail_name(t, (uint16_t)i), name);
	}
	assert_int_equal(bantable_jail(t, "one-more"), BANTABLE_NO_JAIL);
	assert_int_equal(bantable_jail(t, "jail-7"), 7);
	assert_string_equal(bantable_jail_name(t, BANTABLE_NO_JAIL), "");
	assert_string_equal(bantable_jail_name(t, 9999), "");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(bantable_jail(t, name), BANTABLE_NO_JAIL);
	bantable_unmap(t);
}

static void
impossible_capacity_is_an_error(void **state)
{
	struct bantable *t;

	(void)state;
	assert_null(bantable_map(SIZE_MAX));
	t = bantable_map(0);
	assert_non_null(t);
	put(t, "192.0.2.1", 0, 100, 0);
	bantable_unmap(t);
}

static void
read_only_process_cannot_write(void **state)
{
	struct bantable *t = bantable_map(10);
	struct ban b = ban(host(1), 0, 100, 0);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		if (bantable_reopen_readonly(t) == -1 ||
		    refuses(t, "192.0.2.1", 0))
			_exit(1);
		bantable_put(t, &b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(bantable_put(t, &b), 0);
	bantable_unmap(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table_refuses_nobody),
		cmocka_unit_test(ban_keeps_every_field),
		cmocka_unit_test(who_is_refused),
		cmocka_unit_test(of_several_bans_the_last_to_end_is_reported),
		cmocka_unit_test(forced_ban_of_a_friend_is_the_one_reported),
		cmocka_unit_test(every_prefix_length_is_found_and_forgotten),
		cmocka_unit_test(friend_covers_only_what_lies_wholly_inside),
		cmocka_unit_test(full_table_takes_no_more_but_replaces),
		cmocka_unit_test(jail_and_friend_flag_must_agree),
		cmocka_unit_test(bans_waiting_and_over_are_kept_apart),
		cmocka_unit_test(directory_numbers_jails_once),
		cmocka_unit_test(impossible_capacity_is_an_error),
		cmocka_unit_test(read_only_process_cannot_write),
	};

	return cmocka_run_group_tests_name("bantable", tests, NULL, NULL);
}
