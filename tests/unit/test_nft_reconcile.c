/*
 * What the nftables enforcer does about others who change the firewall, and
 * about its own past: in a network namespace of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#if defined(HAVE_LIBNFTABLES) && defined(HAVE_LIBMNL)
#include "nft_fixture.h"

#define MANY 100000

/* What must stand in these tests. */
static struct element stand[6];

static int
set_up_standing(void **state)
{
	uint8_t done[6];
	int64_t end = now() + 600;

	if (!usable)
		return 0;
	set_up(state);
	stand[0] = element(ENFORCE_ADD, SMTP, "127.0.0.9", end);
	stand[1] = element(ENFORCE_ADD, SMTP, "127.0.7.0/24", end);
	stand[2] = element(ENFORCE_ADD, IMAP, "127.0.0.9", DURATION_FOREVER);
	stand[3] = element(ENFORCE_ADD, SMTP, "fd00:1::/64", end);
	stand[4] = element(ENFORCE_ADD, ALL, "fd00:2::1", end);
	stand[5] = element(ENFORCE_ADD, SMTP, "127.0.0.10", end);
	return enforcer_nftables.apply(nft, stand, 6, done, &err);
}

#define STANDING(name)                                                         \
	cmocka_unit_test_setup_teardown(name, set_up_standing, tear_down)

static void
all_bans_are_in_force(void)
{
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("127.0.7.1", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), ECONNREFUSED);
	assert_int_equal(knock("fd00:1::2", "::1", 25), ECONNREFUSED);
	assert_int_equal(knock("fd00:2::1", "::1", 8080), ECONNREFUSED);
	assert_int_equal(knock("127.0.0.10", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("127.0.0.11", "127.0.0.1", 25), 0);
	assert_int_equal(knock("fd00:1::2", "::1", 8080), 0);
}

static void
what_is_right_is_left_alone(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(changed(), 0);
	assert_int_equal(reconcile(stand, 6), 0);
	assert_int_equal(reconcile(stand, 6), 0);
	assert_int_equal(changed(), 0);
	all_bans_are_in_force();
}

/* Another enforcer, with a table of its own, would see a commit. */
static void
a_repair_that_is_not_needed_commits_nothing(void **state)
{
	struct nft_conf elsewhere = conf;
	void *watcher;

	(void)state;
	NEEDS_ROOT();
	elsewhere.table = "watcher";
	watcher = enforcer_nftables.open(&elsewhere, groups, 3, &err);
	assert_non_null(watcher);
	assert_int_equal(changed(), 1);
	assert_int_equal(reconcile(stand, 6), 0);
	assert_int_equal(changed(), 0);
	assert_int_equal(enforcer_nftables.changed(watcher, &err), 0);
	assert_int_equal(enforcer_nftables.friends(nft, NULL, 0, &err), 0);
	assert_int_equal(enforcer_nftables.changed(watcher, &err), 1);
	enforcer_nftables.close(watcher);
}

static void
flushed_ruleset_is_built_again_at_once(void **state)
{
	struct prefix friend = prefix("127.0.7.9");

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(enforcer_nftables.friends(nft, &friend, 1, &err), 0);
	foreign("flush ruleset");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	assert_int_equal(changed(), 1);
	assert_true(reconcile(stand, 6) > 6);
	all_bans_are_in_force();
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), 0);
	assert_int_equal(changed(), 0);
	assert_int_equal(reconcile(stand, 6), 0);
}

/* Each is one thing done by somebody else, and how many repairs it takes. */
static const struct {
	const char *done;
	long repairs;
} vandals[] = {
	{ "delete element inet mxward smtp_v4_32 { 127.0.0.9 }", 1 },
	{ "flush set inet mxward smtp_v4_32", 2 },
	{ "add element inet mxward smtp_v4_32 { 127.0.0.11 }", 1 },
	{ "add element inet mxward smtp_v4_32 { 127.0.0.11 timeout 1h }", 1 },
	{ "add element inet mxward smtp_v4_24 { 127.0.0.0 }", 1 },
	{ "delete element inet mxward smtp_v6_64 { fd00:1:: }; "
	  "add element inet mxward smtp_v6_64 { fd00:1:: timeout 9s }",
	    1 },
	{ "delete element inet mxward imap_v4_32 { 127.0.0.9 }; "
	  "add element inet mxward imap_v4_32 { 127.0.0.9 timeout 9h }",
	    1 },
	{ "delete element inet mxward smtp_v4_32 { 127.0.0.9 }; "
	  "add element inet mxward smtp_v4_32 { 127.0.0.9 }",
	    1 },
	{ "flush chain inet mxward input", 1 },
	{ "insert rule inet mxward input accept", 1 },
	{ "add rule inet mxward input tcp dport 25 drop", 1 },
	{ "flush chain inet mxward input; delete chain inet mxward input", 1 },
	{ "flush chain inet mxward input; delete chain inet mxward input; "
	  "add chain inet mxward input { type filter hook input priority 5; }",
	    1 },
	{ "flush chain inet mxward input; delete chain inet mxward input; "
	  "add chain inet mxward input",
	    1 },
	{ "add chain inet mxward input { policy drop; }", 1 },
	{ "add table inet mxward { flags dormant; }", 1 },
	{ "flush chain inet mxward input; delete set inet mxward imap_v4_32",
	    3 },
	{ "flush chain inet mxward input; delete set inet mxward imap_v4_32; "
	  "add set inet mxward imap_v4_32 { type inet_service; }",
	    3 },
	{ "flush chain inet mxward input; delete set inet mxward friends_v4; "
	  "add set inet mxward friends_v4 { type ipv6_addr; }",
	    2 },
	{ "add element inet mxward friends_v4 { 127.0.0.0/8 }", 1 },
	{ "add set inet mxward imap_v4_16 { type ipv4_addr; flags timeout; }; "
	  "add element inet mxward imap_v4_16 { 127.0.0.0 }",
	    2 },
	{ "add set inet mxward pop3_v4_32 { type ipv4_addr; flags timeout; }; "
	  "add element inet mxward pop3_v4_32 { 127.0.0.11 }",
	    1 },
	/* Table, chain, 2 sets of friends, 11 of bans, 6 bans. */
	{ "delete table inet mxward", 21 },
	{ "add table inet docker; add chain inet docker input", 0 },
	{ "add set inet mxward mine { type ipv4_addr; }", 0 },
};

static void
whatever_somebody_does_is_seen_and_undone(void **state)
{
	struct prefix friend = prefix("192.0.2.0/24");
	long repairs;
	size_t i;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(enforcer_nftables.friends(nft, &friend, 1, &err), 0);
	for (i = 0; i < sizeof(vandals) / sizeof(vandals[0]); i++) {
		foreign(vandals[i].done);
		assert_int_equal(changed(), 1);
		assert_int_equal(changed(), 1);
		repairs = reconcile(stand, 6);
		if (repairs != vandals[i].repairs)
			fail_msg("%s: %ld repairs", vandals[i].done, repairs);
		assert_int_equal(changed(), 0);
		all_bans_are_in_force();
		repairs = reconcile(stand, 6);
		if (repairs != 0)
			fail_msg("%s: again %ld", vandals[i].done, repairs);
	}
}

static void
change_between_two_of_ours_is_noticed(void **state)
{
	(void)state;
	NEEDS_ROOT();
	foreign("flush set inet mxward smtp_v4_32");
	ban(SMTP, "127.0.0.12");
	unban(SMTP, "127.0.0.12");
	assert_int_equal(changed(), 1);
	assert_int_equal(reconcile(stand, 6), 2);
}

static void
ban_after_a_flush_is_in_force_and_the_rest_is_asked_for(void **state)
{
	(void)state;
	NEEDS_ROOT();
	foreign("flush ruleset");
	ban(SMTP, "127.0.0.10");
	assert_int_equal(knock("127.0.0.10", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(changed(), 1);
	assert_int_equal(reconcile(stand, 6), 5);
	all_bans_are_in_force();
}

static void
set_needed_for_the_first_time_is_made_by_reconcile(void **state)
{
	struct element more[] = { stand[0], stand[1], stand[2], stand[3],
		stand[4], stand[5],
		element(ENFORCE_ADD, SMTP, "127.5.0.0/16", now() + 600) };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(reconcile(more, 7), 2);
	assert_int_equal(knock("127.5.5.5", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(reconcile(stand, 6), 1);
	assert_int_equal(knock("127.5.5.5", "127.0.0.1", 25), 0);
}

static void
op_does_not_matter_and_what_is_over_must_not_stand(void **state)
{
	(void)state;
	NEEDS_ROOT();
	stand[0].op = ENFORCE_DEL;
	assert_int_equal(reconcile(stand, 6), 0);
	stand[0].end = now() - 1;
	assert_int_equal(reconcile(stand, 6), 1);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	assert_int_equal(reconcile(NULL, 0), 5);
	assert_int_equal(knock("127.0.7.1", "127.0.0.1", 25), 0);
}

static void
restart_leaves_every_element_in_force(void **state)
{
	struct prefix friend = prefix("127.0.7.9");

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(enforcer_nftables.friends(nft, &friend, 1, &err), 0);
	stop();
	all_bans_are_in_force();
	start();
	all_bans_are_in_force();
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), 0);
	assert_int_equal(reconcile(stand, 6), 0);
	assert_int_equal(enforcer_nftables.friends(nft, NULL, 0, &err), 0);
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), ECONNREFUSED);
}

static void
restart_with_another_configuration_keeps_what_still_counts(void **state)
{
	struct portgroup one[2] = { groups[SMTP], groups[IMAP] };

	(void)state;
	NEEDS_ROOT();
	stop();
	one[1].port[0] = 8080; /* as if imap had meant another port */
	conf.priority = 5;
	nft = enforcer_nftables.open(&conf, one, 2, &err);
	assert_non_null(nft);
	assert_int_equal(knock("127.0.7.1", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), 0);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 8080), ECONNREFUSED);
	assert_int_equal(knock("fd00:2::1", "::1", 8080), 0);
	assert_null(strstr(listing("table inet mxward"), "all_v6_128"));
	assert_int_equal(changed(), 0);
	assert_int_equal(reconcile(stand, 6), 0);
}

static void
restart_at_any_moment_leaves_no_packet_through(void **state)
{
	int i;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < 20; i++) {
		conf.priority = i % 2;
		stop();
		start();
		assert_int_equal(
		    knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	}
}

static struct element *
many_elements(void)
{
	struct element *e = calloc(MANY, sizeof(*e));
	char text[64];
	size_t i;

	assert_non_null(e);
	for (i = 0; i < MANY; i++) {
		if (i % 4 == 3)
			snprintf(text, sizeof(text), "2001:db8:%zx:%zx::/64",
			    i >> 8, i & 255);
		else
			snprintf(text, sizeof(text), "10.%zu.%zu.%zu", i >> 16,
			    i >> 8 & 255, i & 255);
		e[i] = element(ENFORCE_ADD, (uint8_t)(i % 3), text,
		    now() + 3600 + (int64_t)(i % 1000));
	}
	return e;
}

static void
hundred_thousand_are_applied_read_back_and_taken_out(void **state)
{
	struct element *e = many_elements();
	uint8_t *done = malloc(MANY);
	size_t i;

	(void)state;
	if (!usable) {
		free(e);
		free(done);
		skip();
	}
	memset(done, 9, MANY);
	assert_int_equal(enforcer_nftables.apply(nft, e, MANY, done, &err), 0);
	for (i = 0; i < MANY; i++)
		assert_int_equal(done[i], 0);
	assert_int_equal(changed(), 0);
	assert_int_equal(reconcile(e, MANY), 0);
	assert_int_equal(reconcile(e, MANY - 50), 50);
	for (i = 0; i < 7; i++)
		e[i * 1000].end += 500;
	assert_int_equal(reconcile(e, MANY), 57);
	foreign("flush ruleset");
	assert_true(reconcile(e, MANY) > MANY);
	assert_int_equal(reconcile(e, MANY), 0);
	for (i = 0; i < MANY; i++)
		e[i].op = ENFORCE_DEL;
	assert_int_equal(enforcer_nftables.apply(nft, e, MANY, done, &err), 0);
	assert_int_equal(reconcile(NULL, 0), 0);
	free(e);
	free(done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STANDING(what_is_right_is_left_alone),
		STANDING(a_repair_that_is_not_needed_commits_nothing),
		STANDING(flushed_ruleset_is_built_again_at_once),
		STANDING(whatever_somebody_does_is_seen_and_undone),
		STANDING(change_between_two_of_ours_is_noticed),
		STANDING(
		    ban_after_a_flush_is_in_force_and_the_rest_is_asked_for),
		STANDING(set_needed_for_the_first_time_is_made_by_reconcile),
		STANDING(op_does_not_matter_and_what_is_over_must_not_stand),
		STANDING(restart_leaves_every_element_in_force),
		STANDING(
		    restart_with_another_configuration_keeps_what_still_counts),
		STANDING(restart_at_any_moment_leaves_no_packet_through),
		TEST(hundred_thousand_are_applied_read_back_and_taken_out),
	};

	return cmocka_run_group_tests_name(
	    "nft_reconcile", tests, set_up_all, tear_down_all);
}

#else

#include <stdio.h>

int
main(void)
{
	printf("nft_reconcile: built without libnftables: skipped\n");
	return 0;
}

#endif
