/*
 * The nftables enforcer against the kernel's real nftables, in a network
 * namespace of its own: what it is told, and what a client then meets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#if defined(HAVE_LIBNFTABLES) && defined(HAVE_LIBMNL)
#include <sys/wait.h>

#include "nft_fixture.h"

static void
banned_host_is_reset_and_let_in_again_afterwards(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	ban(SMTP, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("127.0.0.8", "127.0.0.1", 25), 0);
	unban(SMTP, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
}

static void
ban_closes_only_the_ports_of_its_group(void **state)
{
	(void)state;
	NEEDS_ROOT();
	ban(SMTP, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), 0);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 8080), 0);
	ban(IMAP, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), ECONNREFUSED);
	unban(SMTP, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), ECONNREFUSED);
}

static void
prefix_bans_exactly_its_hosts(void **state)
{
	static const struct {
		const char *prefix, *in, *out, *to;
	} cases[] = {
		{ "127.0.7.0/24", "127.0.7.255", "127.0.8.0", "127.0.0.1" },
		{ "127.0.128.0/17", "127.0.200.1", "127.0.127.1", "127.0.0.1" },
		{ "127.0.7.4/31", "127.0.7.5", "127.0.7.6", "127.0.0.1" },
		{ "127.64.0.0/10", "127.127.0.1", "127.128.0.1", "127.0.0.1" },
		{ "fd00:1::/64", "fd00:1::2", "fd00:1:0:1::1", "::1" },
		{ "fd00:1::/48", "fd00:1:0:1::1", "fd00:2::1", "::1" },
		{ "fd00:1::2", "fd00:1::2", "fd00:1::1", "::1" },
		{ "fd00:1::2/127", "fd00:1::2", "fd00:1::1", "::1" },
		{ "fd00:1::/33", "fd00:1:0:1::1", "fd00:2::1", "::1" },
	};
	size_t i;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ban(SMTP, cases[i].prefix);
		assert_int_equal(
		    knock(cases[i].in, cases[i].to, 25), ECONNREFUSED);
		assert_int_equal(knock(cases[i].out, cases[i].to, 25), 0);
		unban(SMTP, cases[i].prefix);
		assert_int_equal(knock(cases[i].in, cases[i].to, 25), 0);
	}
	assert_int_equal(changed(), 0);
}

static void
even_the_whole_world_can_be_banned(void **state)
{
	(void)state;
	NEEDS_ROOT();
	ban(SMTP, "0.0.0.0/0");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("fd00:1::2", "::1", 25), 0);
	ban(SMTP, "::/0");
	assert_int_equal(knock("fd00:1::2", "::1", 25), ECONNREFUSED);
}

static void
host_bits_of_a_prefix_do_not_matter(void **state)
{
	struct element e = element(ENFORCE_ADD, SMTP, "127.0.7.0/24", 0);
	uint8_t done;

	(void)state;
	NEEDS_ROOT();
	e.prefix.addr.b[15] = 77;
	e.end = now() + 60;
	assert_int_equal(enforcer_nftables.apply(nft, &e, 1, &done, &err), 0);
	assert_int_equal(knock("127.0.7.1", "127.0.0.1", 25), ECONNREFUSED);
}

static void
group_all_refuses_every_port_and_other_protocols(void **state)
{
	struct sockaddr_storage to, from;
	int server = socket(AF_INET, SOCK_DGRAM, 0);
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = address("127.0.0.1", 53, &to);
	char buf[4];

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(bind(server, (void *)&to, len), 0);
	address("127.0.0.9", 0, &from);
	assert_int_equal(bind(client, (void *)&from, len), 0);
	sendto(client, "a", 1, 0, (void *)&to, len);
	assert_int_equal(recv(server, buf, sizeof(buf), MSG_DONTWAIT), 1);
	ban(ALL, "127.0.0.9");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 8080), ECONNREFUSED);
	sendto(client, "a", 1, 0, (void *)&to, len);
	assert_int_equal(recv(server, buf, sizeof(buf), MSG_DONTWAIT), -1);
	close(server);
	close(client);
}

static void
drop_says_nothing_to_the_client(void **state)
{
	(void)state;
	NEEDS_ROOT();
	stop();
	conf.drop = true;
	start();
	ban(SMTP, "127.0.0.9");
	ban(ALL, "fd00:1::2");
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), EINPROGRESS);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 143), 0);
	assert_int_equal(knock("fd00:1::2", "::1", 8080), EINPROGRESS);
}

static void
established_connection_of_a_banned_host_is_cut(void **state)
{
	struct pollfd p;
	char buf[8];
	int fd;

	(void)state;
	NEEDS_ROOT();
	fd = connect_from("127.0.0.9", "127.0.0.1", 25);
	assert_true(fd >= 0);
	ban(SMTP, "127.0.0.9");
	assert_int_equal(send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL), 6);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void
ban_ends_by_the_kernels_own_clock(void **state)
{
	int tries;

	(void)state;
	NEEDS_ROOT();
	change(ENFORCE_ADD, SMTP, "127.0.0.9", now() + 2);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	stop();
	for (tries = 0; tries < 100; tries++) {
		if (knock("127.0.0.9", "127.0.0.1", 25) == 0)
			break;
		usleep(100000);
	}
	assert_true(tries < 100);
}

static void
expired_elements_do_not_count_as_a_change(void **state)
{
	int tries;

	(void)state;
	NEEDS_ROOT();
	foreign("add table inet t; add set inet t s { type ipv4_addr; "
		"flags timeout; gc-interval 100ms; }");
	foreign("add element inet t s { 127.0.0.9 timeout 100ms }");
	reconcile(NULL, 0);
	assert_int_equal(changed(), 0);
	for (tries = 0; tries < 50; tries++) {
		if (strstr(listing("set inet t s"), "127.0.0.9") == NULL)
			break;
		usleep(100000);
	}
	assert_true(tries < 50);
	usleep(1500000); /* until the kernel has swept */
	assert_int_equal(changed(), 0);
}

/* reconcile() returns 0 if the kernel holds exactly this. */
static void
end_of_an_element_can_be_changed_both_ways(void **state)
{
	static const int64_t ends[] = { 100, 10000, 50, DURATION_FOREVER, 70,
		DURATION_FOREVER, 400000000, 90, 86400LL * 36600, 30 };
	struct element e = element(ENFORCE_ADD, SMTP, "127.0.0.9", 0);
	uint8_t done;
	size_t i;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		e.end = ends[i] == DURATION_FOREVER ? ends[i] : now() + ends[i];
		assert_int_equal(
		    enforcer_nftables.apply(nft, &e, 1, &done, &err), 0);
		assert_int_equal(reconcile(&e, 1), 0);
		assert_int_equal(
		    knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	}
}

static void
deleting_what_is_not_there_fails_nothing(void **state)
{
	struct element e[] = {
		element(ENFORCE_DEL, SMTP, "127.0.0.7", 0),
		element(ENFORCE_ADD, SMTP, "127.0.0.9", now() + 60),
		element(ENFORCE_DEL, IMAP, "10.0.0.0/9", 0),
		element(ENFORCE_DEL, SMTP, "fd00:1::/64", 0),
	};
	uint8_t done[4] = { 9, 9, 9, 9 };
	size_t i;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(enforcer_nftables.apply(nft, e, 4, done, &err), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(done[i], 0);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(enforcer_nftables.apply(nft, e, 0, done, &err), 0);
}

static void
later_element_of_a_call_wins(void **state)
{
	int64_t t = now();
	struct element e[] = {
		element(ENFORCE_ADD, SMTP, "127.0.0.9", t + 60),
		element(ENFORCE_DEL, SMTP, "127.0.0.8", 0),
		element(ENFORCE_DEL, SMTP, "127.0.0.9", 0),
		element(ENFORCE_ADD, SMTP, "127.0.0.8", t + 60),
		element(ENFORCE_ADD, SMTP, "127.0.0.7", t + 60),
		element(ENFORCE_ADD, SMTP, "127.0.0.7", t + 900),
	};
	const struct element stand[] = { e[3], e[5] };
	uint8_t done[6];
	unsigned batch;

	(void)state;
	NEEDS_ROOT();
	for (batch = 1; batch < 8; batch++) {
		stop();
		foreign("flush ruleset");
		conf.batch = batch;
		start();
		assert_int_equal(
		    enforcer_nftables.apply(nft, e, 6, done, &err), 0);
		assert_int_equal(changed(), 0);
		assert_int_equal(reconcile(stand, 2), 0);
	}
}

static void
ban_that_is_over_is_a_deletion(void **state)
{
	(void)state;
	NEEDS_ROOT();
	ban(SMTP, "127.0.0.9");
	change(ENFORCE_ADD, SMTP, "127.0.0.9", now() - 5);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	change(ENFORCE_ADD, SMTP, "127.0.0.8", 0);
	assert_int_equal(knock("127.0.0.8", "127.0.0.1", 25), 0);
}

static void
friend_inside_a_banned_prefix_gets_through(void **state)
{
	struct prefix friends[] = { prefix("127.0.7.9"), prefix("fd00:1::/64"),
		prefix("127.0.7.0/30"), prefix("127.0.7.2"),
		prefix("127.0.7.9") };

	(void)state;
	NEEDS_ROOT();
	ban(SMTP, "127.0.7.0/24");
	ban(ALL, "fd00:1::/48");
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(enforcer_nftables.friends(nft, friends, 5, &err), 0);
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), 0);
	assert_int_equal(knock("127.0.7.2", "127.0.0.1", 25), 0);
	assert_int_equal(knock("127.0.7.4", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(knock("fd00:1::2", "::1", 25), 0);
	assert_int_equal(knock("fd00:1:0:1::1", "::1", 25), ECONNREFUSED);
	assert_int_equal(changed(), 0);

	assert_int_equal(
	    enforcer_nftables.friends(nft, friends + 3, 1, &err), 0);
	assert_int_equal(knock("127.0.7.2", "127.0.0.1", 25), 0);
	assert_int_equal(knock("127.0.7.9", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(enforcer_nftables.friends(nft, NULL, 0, &err), 0);
	assert_int_equal(knock("127.0.7.2", "127.0.0.1", 25), ECONNREFUSED);
	assert_int_equal(changed(), 0);
}

static void
whole_families_can_be_friends(void **state)
{
	struct prefix friends[] = { prefix("0.0.0.0/0"), prefix("::/0"),
		prefix("127.0.0.1"), prefix("::1") };

	(void)state;
	NEEDS_ROOT();
	ban(SMTP, "127.0.0.9");
	ban(SMTP, "fd00:1::2");
	assert_int_equal(enforcer_nftables.friends(nft, friends, 4, &err), 0);
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), 0);
	assert_int_equal(knock("fd00:1::2", "::1", 25), 0);
	assert_int_equal(enforcer_nftables.friends(nft, friends, 4, &err), 0);
	assert_int_equal(reconcile(NULL, 0), 2);
}

static void
unknown_group_fails_alone(void **state)
{
	struct element e[] = {
		element(ENFORCE_ADD, 3, "127.0.0.8", now() + 60),
		element(ENFORCE_ADD, SMTP, "127.0.0.9", now() + 60),
	};
	uint8_t done[2] = { 9, 9 };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(enforcer_nftables.apply(nft, e, 2, done, &err), -1);
	assert_int_equal(done[0], 1);
	assert_int_equal(done[1], 0);
	assert_non_null(strstr(err.text, "port group 3"));
	assert_int_equal(knock("127.0.0.9", "127.0.0.1", 25), ECONNREFUSED);
}

/* A set that somebody made with room for three. */
static void
elements_the_kernel_refuses_are_found_and_the_others_go_in(void **state)
{
	struct element e[20];
	uint8_t done[20];
	size_t i, taken = 0, refused = 0;
	char text[32];

	(void)state;
	NEEDS_ROOT();
	stop();
	foreign("flush ruleset; add table inet mxward; add set inet mxward "
		"smtp_v4_32 { type ipv4_addr; size 3; flags timeout; }");
	start();
	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "127.0.%c.%zu",
		    i % 2 == 0 ? '1' : '2', i);
		e[i] = element(
		    ENFORCE_ADD, i % 2 == 0 ? SMTP : IMAP, text, now() + 60);
	}
	assert_int_equal(enforcer_nftables.apply(nft, e, 20, done, &err), -1);
	for (i = 0; i < 20; i++) {
		if (i % 2 == 1)
			assert_int_equal(done[i], 0);
		else if (done[i] == 0)
			taken++;
		else
			refused++;
	}
	assert_int_equal(taken, 3);
	assert_int_equal(refused, 7);
	assert_non_null(strstr(err.text, "nftables: "));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(knock("127.0.2.1", "127.0.0.1", 143), ECONNREFUSED);
	assert_int_equal(changed(), 0);
}

static void
without_the_right_the_error_says_what_is_needed(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	NEEDS_ROOT();
	stop();
	if ((pid = fork()) == 0) {
		if (setuid(65534) == -1)
			_exit(2);
		if (enforcer_nftables.open(&conf, groups, 3, &err) != NULL)
			_exit(3);
		_exit(strstr(err.text, "run as root") == NULL ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
table_name_must_be_a_name(void **state)
{
	static const char *const bad[] = { "", "1a", "a b", "a;flush ruleset",
		"a\nb", "a-b", "_a" };
	struct nft_conf c = conf;
	char name[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "%s", bad[i]);
		c.table = name;
		assert_null(enforcer_nftables.open(&c, groups, 3, &err));
		assert_memory_equal(err.text, "nftables: table", 15);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(banned_host_is_reset_and_let_in_again_afterwards),
		TEST(ban_closes_only_the_ports_of_its_group),
		TEST(prefix_bans_exactly_its_hosts),
		TEST(even_the_whole_world_can_be_banned),
		TEST(host_bits_of_a_prefix_do_not_matter),
		TEST(group_all_refuses_every_port_and_other_protocols),
		TEST(drop_says_nothing_to_the_client),
		TEST(established_connection_of_a_banned_host_is_cut),
		TEST(ban_ends_by_the_kernels_own_clock),
		TEST(expired_elements_do_not_count_as_a_change),
		TEST(end_of_an_element_can_be_changed_both_ways),
		TEST(deleting_what_is_not_there_fails_nothing),
		TEST(later_element_of_a_call_wins),
		TEST(ban_that_is_over_is_a_deletion),
		TEST(friend_inside_a_banned_prefix_gets_through),
		TEST(whole_families_can_be_friends),
		TEST(unknown_group_fails_alone),
		TEST(
		    elements_the_kernel_refuses_are_found_and_the_others_go_in),
		TEST(without_the_right_the_error_says_what_is_needed),
		TEST(table_name_must_be_a_name),
	};

	return cmocka_run_group_tests_name(
	    "nftables", tests, set_up_all, tear_down_all);
}

#else

#include <string.h>

#include "mxward/enforcer.h"

static void
without_the_libraries_open_says_so(void **state)
{
	char table[] = "mxward";
	struct nft_conf conf = { .table = table };
	struct error err = { "" };

	(void)state;
	assert_null(enforcer_nftables.open(&conf, NULL, 0, &err));
	assert_non_null(strstr(err.text, "libnftables"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_libraries_open_says_so),
	};

	return cmocka_run_group_tests_name("nftables", tests, NULL, NULL);
}

#endif
