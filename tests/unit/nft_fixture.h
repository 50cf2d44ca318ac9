/*
 * For the tests of the nftables enforcer: a network namespace of their own,
 * with addresses on its loopback, real connections, and somebody else who
 * changes the firewall.
 */
#ifndef NFT_FIXTURE_H
#define NFT_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mxward/duration.h"
#include "mxward/enforcer.h"

/* Port groups of the tests: smtp, imap, all. */
enum { SMTP, IMAP, ALL };

static bool usable; /* we are root, and in a namespace of our own */
static struct nft_ctx *other;
static struct portgroup groups[3];
static struct nft_conf conf = { .enabled = true,
	.table = "mxward",
	.priority = -10,
	.batch = 1000,
	.reconcile = 60 };
static void *nft;
static struct error err;

#define NEEDS_ROOT()                                                           \
	do {                                                                   \
		if (!usable)                                                   \
			skip();                                                \
	} while (0)

static inline void
foreign(const char *commands)
{
	assert_int_equal(nft_run_cmd_from_buffer(other, commands), 0);
}

/* What nft lists of our table, or of the object named. */
static inline const char *
listing(const char *what)
{
	char command[128];

	snprintf(command, sizeof(command), "list %s", what);
	assert_int_equal(nft_run_cmd_from_buffer(other, command), 0);
	return nft_ctx_get_output_buffer(other);
}

static inline int64_t
now(void)
{
	return (int64_t)time(NULL);
}

static inline struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

static inline struct element
element(uint8_t op, uint8_t group, const char *text, int64_t end)
{
	return (struct element){ prefix(text), group, op, end };
}

/* One element, which must be taken. */
static inline void
change(uint8_t op, uint8_t group, const char *text, int64_t end)
{
	struct element e = element(op, group, text, end);
	uint8_t done = 9;

	if (enforcer_nftables.apply(nft, &e, 1, &done, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(done, 0);
}

static inline void
ban(uint8_t group, const char *text)
{
	change(ENFORCE_ADD, group, text, now() + 600);
}

static inline void
unban(uint8_t group, const char *text)
{
	change(ENFORCE_DEL, group, text, 0);
}

static inline long
reconcile(const struct element *e, size_t n)
{
	long repairs = enforcer_nftables.reconcile(nft, e, n, &err);

	if (repairs == -1)
		fail_msg("%s", err.text);
	return repairs;
}

static inline int
changed(void)
{
	return enforcer_nftables.changed(nft, &err);
}

static inline void
start(void)
{
	nft = enforcer_nftables.open(&conf, groups, 3, &err);
	if (nft == NULL)
		fail_msg("%s", err.text);
}

static inline void
stop(void)
{
	enforcer_nftables.close(nft);
	nft = NULL;
}

static inline socklen_t
address(const char *text, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static inline int
listen_at(const char *text, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = address(text, port, &ss);
	int on = 1, fd = socket(ss.ss_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&ss, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* A connection from one address to another, or -1 and errno; a dropped
 * segment shows as EINPROGRESS. */
static inline int
connect_from(const char *from, const char *to, uint16_t port)
{
	struct timeval patience = { .tv_usec = 200000 };
	struct sockaddr_storage src, dst;
	socklen_t len = address(from, 0, &src);
	int e, fd = socket(src.ss_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(fd, (void *)&src, len), 0);
	len = address(to, port, &dst);
	if (connect(fd, (void *)&dst, len) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

/* 0, or why there is no connection. */
static inline int
knock(const char *from, const char *to, uint16_t port)
{
	int fd = connect_from(from, to, port);

	if (fd == -1)
		return errno;
	close(fd);
	return 0;
}

static inline int
loopback_up(void)
{
	static const char *const extra[] = { "fd00:1::1", "fd00:1::2",
		"fd00:1:0:1::1", "fd00:2::1" };
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct in6_ifreq a = { .ifr6_prefixlen = 128 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM, 0), rc;
	size_t i;

	rc = ioctl(fd, SIOCSIFFLAGS, &ifr);
	a.ifr6_ifindex = (int)if_nametoindex("lo");
	for (i = 0; rc == 0 && i < sizeof(extra) / sizeof(extra[0]); i++) {
		inet_pton(AF_INET6, extra[i], &a.ifr6_addr);
		rc = ioctl(fd6, SIOCSIFADDR, &a);
	}
	close(fd);
	close(fd6);
	return rc;
}

static inline int
set_up_all(void **state)
{
	(void)state;
	portgroup_parse("smtp", &groups[SMTP], NULL);
	portgroup_parse("imap", &groups[IMAP], NULL);
	portgroup_parse("all", &groups[ALL], NULL);
	usable = geteuid() == 0 && unshare(CLONE_NEWNET) == 0;
	if (!usable) {
		print_message("nftables: needs root and CLONE_NEWNET: "
			      "skipped\n");
		return 0;
	}
	other = nft_ctx_new(NFT_CTX_DEFAULT);
	nft_ctx_buffer_output(other);
	nft_ctx_buffer_error(other);
	if (loopback_up() == -1)
		return -1;
	listen_at("127.0.0.1", 25);
	listen_at("127.0.0.1", 143);
	listen_at("127.0.0.1", 8080);
	listen_at("::1", 25);
	listen_at("::1", 8080);
	return 0;
}

static inline int
tear_down_all(void **state)
{
	(void)state;
	if (other != NULL)
		nft_ctx_free(other);
	return 0;
}

/* Each test has an empty firewall, and an enforcer just begun. */
static inline int
set_up(void **state)
{
	(void)state;
	if (!usable)
		return 0;
	conf.drop = false;
	conf.batch = 1000;
	conf.priority = -10;
	foreign("flush ruleset");
	start();
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	if (nft != NULL)
		stop();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
