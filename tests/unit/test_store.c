/* What goes into the store comes out of it, and only once committed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mxward/duration.h"
#include "store_fixture.h"

static void
a_ban_comes_back_with_every_field(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct ban b = {
		.key = net("2001:db8:1:2::/64"),
		.jail = 7,
		.origin = ORIGIN_DOVECOT,
		.state = BAN_ENFORCED,
		.flags = BAN_OBSERVE | BAN_ORPHAN,
		.nth = 255,
		.start = 1700000000,
		.end = DURATION_FOREVER,
	};
	uint64_t id = store_ban(f->s, "dovecot", &b, "3 failures in 10m");

	assert_int_not_equal(id, 0);
	commit(f);
	reopen(f);
	assert_int_equal(store_bans_each(f->s, see_ban, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.jail[0], "dovecot");
	assert_string_equal(seen.reason[0], "3 failures in 10m");
	assert_true(prefix_eq(&seen.ban[0].key, &b.key));
	assert_int_equal(seen.ban[0].jail, BANTABLE_NO_JAIL);
	assert_int_equal(seen.ban[0].origin, ORIGIN_DOVECOT);
	assert_int_equal(seen.ban[0].nth, 255);
	assert_int_equal(seen.ban[0].start, 1700000000);
	assert_int_equal(seen.ban[0].end, DURATION_FOREVER);
	assert_int_equal(seen.ban[0].id, id);
	/* These two belong to the moment, not to the ban. */
	assert_int_equal(seen.ban[0].state, BAN_PENDING);
	assert_int_equal(seen.ban[0].flags, BAN_OBSERVE);
}

static void
a_ban_without_a_reason_has_an_empty_one(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct ban b = ban_of("192.0.2.1", 100);

	store_ban(f->s, "j", &b, NULL);
	assert_int_equal(store_bans_each(f->s, see_ban, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.reason[0], "");
}

static void
failures_that_count_come_back_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct failure a = failure_of("192.0.2.1", 300);
	struct failure b = failure_of("192.0.2.2", 100);
	struct failure c = failure_of("2001:db8::1", 200);
	uint64_t ida, idb, idc;

	b.count = 6;
	b.user = span_make("a\0\xff'B", 5);
	c.key = net("2001:db8::/64");
	c.user = span_make(NULL, 0);
	ida = store_failure(f->s, "postfix-auth", &a);
	idb = store_failure(f->s, "dovecot", &b);
	idc = store_failure(f->s, "dovecot", &c);
	assert_true(ida > 0 && idb > ida && idc > idb);
	commit(f);
	reopen(f);
	assert_int_equal(store_failures_each(f->s, see_failure, &seen), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.failure[0].id, idb);
	assert_int_equal(seen.failure[0].count, 6);
	assert_string_equal(seen.failure[0].jail, "dovecot");
	/* The user as the bytes it was, or none. */
	assert_int_equal(seen.failure[0].nuser, 5);
	assert_memory_equal(seen.failure[0].user, b.user.p, 5);
	assert_int_equal(seen.failure[1].nuser, 0);
	assert_string_equal(seen.failure[2].user, "alice");
	assert_int_equal(seen.failure[1].id, idc);
	assert_true(prefix_eq(&seen.failure[1].key, &c.key));
	assert_int_equal(seen.failure[2].id, ida);
	assert_int_equal(seen.failure[2].when, 300);
	assert_string_equal(seen.failure[2].jail, "postfix-auth");
}

static void
failures_that_led_to_a_ban_count_no_more_and_are_its_evidence(void **state)
{
	struct fixture *f = *state;
	static struct seen_evidence seen;
	struct ban b = ban_of("192.0.2.1", 102);
	uint64_t ids[3], ban;

	memset(&seen, 0, sizeof(seen));
	for (int i = 2; i >= 0; i--) {
		struct failure x = failure_of("192.0.2.1", 100 + i);

		ids[i] = store_failure(f->s, "postfix-auth", &x);
	}
	ban = store_ban(f->s, "postfix-auth", &b, "");
	assert_int_equal(store_failures_used(f->s, ids, 2, ban), 0);
	assert_int_equal(failures_left(f->s), 1);
	commit(f);
	reopen(f);
	assert_int_equal(failures_left(f->s), 1);
	assert_int_equal(
	    store_evidence(f->s, ban, NULL, 10, see_evidence, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.when[0], 100);
	assert_int_equal(seen.when[1], 101);
	assert_string_equal(seen.jail[0], "postfix-auth");
	assert_string_equal(seen.filter[0], "postfix-auth");
	assert_string_equal(seen.rule[0], "sasl-failed");
	assert_string_equal(seen.host[0], "192.0.2.1");
	assert_string_equal(seen.user[0], "alice");
	assert_string_equal(seen.text[0], "the line");
}

static void
forgotten_failures_are_gone(void **state)
{
	struct fixture *f = *state;
	struct failure x = failure_of("192.0.2.1", 100);
	uint64_t id = store_failure(f->s, "j", &x);
	uint64_t next;

	assert_int_equal(store_failures_used(f->s, &id, 1, 0), 0);
	assert_int_equal(failures_left(f->s), 0);
	next = store_failure(f->s, "j", &x);
	/* A window may still hold the old number. */
	assert_true(next > id);
	assert_int_equal(store_failures_used(f->s, &id, 1, 5), 0);
	assert_int_equal(failures_left(f->s), 1);
}

static void
a_transaction_that_was_not_committed_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct failure x = failure_of("192.0.2.1", 100);
	struct position p = { .inode = 1, .offset = 10 };
	struct ban b = ban_of("192.0.2.1", 100);

	assert_int_not_equal(store_failure(f->s, "j", &x), 0);
	store_position_put(f->s, "mail", "/var/log/mail.log", &p);
	store_number_put(f->s, "total", 1);
	commit(f);
	p.offset = 20;
	store_failure(f->s, "another jail", &x);
	store_ban(f->s, "j", &b, "");
	store_position_put(f->s, "mail", "/var/log/mail.log", &p);
	store_number_put(f->s, "total", 2);
	reopen(f);
	assert_int_equal(failures_left(f->s), 1);
	assert_int_equal(bans_standing(f->s), 0);
	assert_int_equal(
	    store_positions(f->s, "mail", "/var/log/mail.log", &p, 1), 1);
	assert_int_equal(p.offset, 10);
	assert_int_equal(store_number(f->s, "total"), 1);
}

static void
positions_come_back_in_the_order_they_were_first_put(void **state)
{
	struct fixture *f = *state;
	struct position old = { 1, 50, UINT64_MAX, 1000, "" };
	struct position new = { 1, 40, 7, UINT64_MAX - 1, "" };
	struct position out[4];

	store_position_put(f->s, "mail", "/a", &old);
	store_position_put(f->s, "mail", "/a", &new);
	store_position_put(f->s, "mail", "/b", &new);
	store_position_put(f->s, "other", "/a", &new);
	old.offset = 2000;
	store_position_put(f->s, "mail", "/a", &old);
	commit(f);
	reopen(f);
	assert_int_equal(store_positions(f->s, "mail", "/a", out, 4), 2);
	assert_int_equal(out[0].inode, 50);
	assert_int_equal(out[0].offset, 2000);
	assert_true(out[0].head == UINT64_MAX);
	assert_int_equal(out[1].inode, 40);
	assert_true(out[1].offset == UINT64_MAX - 1);
	assert_int_equal(store_positions(f->s, "mail", "/a", out, 1), 1);
	assert_int_equal(out[0].inode, 50);
	assert_int_equal(store_position_del(f->s, "mail", "/a", &old), 0);
	assert_int_equal(store_positions(f->s, "mail", "/a", out, 4), 1);
	assert_int_equal(out[0].inode, 40);
	assert_int_equal(store_positions(f->s, "mail", "/c", out, 4), 0);
}

static void
a_journal_cursor_of_full_length_comes_back(void **state)
{
	struct fixture *f = *state;
	struct position in = { 0 }, out;

	memset(in.cursor, 'c', sizeof(in.cursor) - 1);
	store_position_put(f->s, "journal", "", &in);
	commit(f);
	assert_int_equal(store_positions(f->s, "journal", "", &out, 1), 1);
	assert_string_equal(out.cursor, in.cursor);
}

static void
counted_are_bans_of_this_key_in_this_jail_since_then(void **state)
{
	struct fixture *f = *state;
	struct prefix key = net("192.0.2.1"), wider = net("192.0.2.0/24");
	struct ban b = ban_of("192.0.2.1", 100);

	assert_int_equal(store_ban_count(f->s, "j", &key, 0), 0);
	store_ban(f->s, "j", &b, "");
	b.flags = BAN_OBSERVE;
	b.start = 200;
	store_ban(f->s, "j", &b, "");
	store_ban(f->s, "other", &b, "");
	b.key = wider;
	store_ban(f->s, "j", &b, "");
	/* Those of the present transaction count as well. */
	assert_int_equal(store_ban_count(f->s, "j", &key, 0), 2);
	commit(f);
	store_ban_over(f->s, 1, 150, "its time came");
	assert_int_equal(store_ban_count(f->s, "j", &key, 100), 2);
	assert_int_equal(store_ban_count(f->s, "j", &key, 101), 1);
	assert_int_equal(store_ban_count(f->s, "j", &key, 201), 0);
	assert_int_equal(store_ban_count(f->s, "j", &wider, 0), 1);
	assert_int_equal(store_ban_count(f->s, "unheard of", &key, 0), 0);
}

static void
a_ban_stands_until_it_is_said_to_be_over(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct ban b = ban_of("192.0.2.1", 100);
	uint64_t first, second;

	b.end = 101; /* long past, but nobody has announced it */
	first = store_ban(f->s, "j", &b, "");
	second = store_ban(f->s, "k", &b, "");
	assert_int_equal(bans_standing(f->s), 2);
	assert_int_equal(store_ban_over(f->s, first, 500, "lifted"), 0);
	assert_int_equal(store_ban_over(f->s, first, 900, "again"), 0);
	assert_int_equal(store_bans_each(f->s, see_ban, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.ban[0].id, second);
	seen.n = 0;
	assert_int_equal(
	    store_history(f->s, NULL, false, 10, see_row, &seen), 0);
	assert_int_equal(seen.over[1], 500);
	assert_string_equal(seen.why[1], "lifted");
}

static void
bans_whose_time_came_after_a_moment_are_found_again(void **state)
{
	/* Ends, when that was announced, and why. */
	static const struct {
		int64_t end, over;
		const char *why;
	} bans[] = { { 100, 100, "time" }, { 101, 500, "time" },
		{ 900, 300, "unban" }, { 200, 201, "time" }, { 300, 0, NULL } };
	struct fixture *f = *state;
	struct seen seen = { 0 };

	for (size_t i = 0; i < sizeof(bans) / sizeof(bans[0]); i++) {
		struct ban b = ban_of("192.0.2.1", 10);
		uint64_t id;

		b.end = bans[i].end;
		id = store_ban(f->s, "j", &b, "");
		assert_int_equal(id, i + 1);
		if (bans[i].over)
			store_ban_over(f->s, id, bans[i].over, bans[i].why);
	}
	commit(f);
	reopen(f);
	assert_int_equal(store_bans_ended(f->s, 100, see_ban, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.ban[0].id, 2);
	assert_int_equal(seen.ban[1].id, 4);
	seen.n = 0;
	assert_int_equal(store_bans_ended(f->s, 0, see_ban, &seen), 0);
	assert_int_equal(seen.n, 3);
}

static void
numbers_are_kept_in_all_their_bits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_number(f->s, "none"), 0);
	assert_int_equal(store_number_put(f->s, "a", 1), 0);
	assert_int_equal(store_number_put(f->s, "a", UINT64_MAX), 0);
	commit(f);
	reopen(f);
	assert_true(store_number(f->s, "a") == UINT64_MAX);
}

static void
hostile_text_is_stored_as_it_is_and_shown_harmless(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN("'); DROP TABLE bans; --"), "'); DROP TABLE bans; --" },
		{ SPAN("a\0b"), "a?b" },
		{ SPAN("\x1b[31m\r\n\t\x7f"), "?[31m????" },
		{ SPAN("\xff\xfe ok \xc3\xa9"), "?? ok \xc3\xa9" },
		{ SPAN("\xc0\xaf overlong"), "?? overlong" },
		{ SPAN("\xed\xa0\x80 surrogate"), "??? surrogate" },
		{ SPAN("\xc2\x9b"
		       "31m C1"),
		    "??31m C1" },
		{ SPAN("\xf4\x90\x80\x80 too far"), "???? too far" },
		{ SPAN("\xf0\x9f\x92\x8c \xf0\x9f"), "\xf0\x9f\x92\x8c ??" },
		{ SPAN("%s%n%999999d"), "%s%n%999999d" },
		{ { NULL, 0 }, "" },
	};
	struct fixture *f = *state;
	static struct seen_evidence seen;
	size_t n = sizeof(cases) / sizeof(cases[0]);

	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < n; i++) {
		struct failure x = failure_of("192.0.2.1", 100 + (int64_t)i);

		x.user = x.evidence = cases[i].in;
		x.rule = "it's";
		assert_int_not_equal(store_failure(f->s, "\"'; --", &x), 0);
	}
	commit(f);
	assert_int_equal(
	    store_evidence(f->s, 0, NULL, 32, see_evidence, &seen), 0);
	assert_int_equal(seen.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(seen.text[i], cases[i].out);
		assert_string_equal(seen.user[i], cases[i].out);
		assert_string_equal(seen.jail[i], "\"'; --");
		assert_string_equal(seen.rule[i], "it's");
	}
}

static void
long_text_is_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	static struct seen_evidence seen;
	char text[3000];
	struct failure x = failure_of("192.0.2.1", 100);

	memset(&seen, 0, sizeof(seen));
	/* Characters of two bytes, at odd offsets: one lies across the cut. */
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[0] = 'x';
	text[1] = 'x';
	x.user = x.evidence = span_make(text + 1, sizeof(text) - 1);
	store_failure(f->s, "j", &x);
	assert_int_equal(
	    store_evidence(f->s, 0, NULL, 1, see_evidence, &seen), 0);
	assert_int_equal(strlen(seen.text[0]), 1023);
	assert_null(strchr(seen.text[0], '?'));
	assert_int_equal(strlen(seen.user[0]), 255);
	assert_null(strchr(seen.user[0], '?'));
}

static void
more_names_than_memory_holds_keep_apart(void **state)
{
	struct fixture *f = *state;
	struct prefix key = net("192.0.2.1");
	struct ban b = ban_of("192.0.2.1", 100);
	char name[32];

	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "jail %d", i);
		assert_int_not_equal(store_ban(f->s, name, &b, ""), 0);
	}
	commit(f);
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "jail %d", i);
		assert_int_equal(store_ban_count(f->s, name, &key, 0), 1);
	}
}

static void
a_name_from_a_lost_transaction_is_made_again(void **state)
{
	struct fixture *f = *state;
	struct prefix key = net("192.0.2.1");
	struct ban b = ban_of("192.0.2.1", 100);

	store_ban(f->s, "first", &b, "");
	reopen(f);
	store_ban(f->s, "second", &b, "");
	store_ban(f->s, "first", &b, "");
	commit(f);
	assert_int_equal(store_ban_count(f->s, "first", &key, 0), 1);
	assert_int_equal(store_ban_count(f->s, "second", &key, 0), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ban_comes_back_with_every_field),
		TEST(a_ban_without_a_reason_has_an_empty_one),
		TEST(failures_that_count_come_back_oldest_first),
		TEST(
		    failures_that_led_to_a_ban_count_no_more_and_are_its_evidence),
		TEST(forgotten_failures_are_gone),
		TEST(a_transaction_that_was_not_committed_leaves_nothing),
		TEST(positions_come_back_in_the_order_they_were_first_put),
		TEST(a_journal_cursor_of_full_length_comes_back),
		TEST(counted_are_bans_of_this_key_in_this_jail_since_then),
		TEST(a_ban_stands_until_it_is_said_to_be_over),
		TEST(bans_whose_time_came_after_a_moment_are_found_again),
		TEST(numbers_are_kept_in_all_their_bits),
		TEST(hostile_text_is_stored_as_it_is_and_shown_harmless),
		TEST(long_text_is_cut_between_characters),
		TEST(more_names_than_memory_holds_keep_apart),
		TEST(a_name_from_a_lost_transaction_is_made_again),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
