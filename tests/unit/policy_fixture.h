/*
 * A policy door on a socket of its own, for its tests. Included behind cmocka.h.
 * Everything happens in one process: what a test sends is handled by pump, and
 * time passes by sweep, so that no test waits.
 */
#ifndef MXWARD_TEST_POLICY_FIXTURE_H
#define MXWARD_TEST_POLICY_FIXTURE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "../../src/doors/doors_priv.h"
#include "mxward/duration.h"
#include "mxward/policy.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define DUNNO        "action=DUNNO\n\n"
#define REFUSAL      "action=521 5.7.1 192.0.2.1 postfix-auth forever\n\n"
#define REQUEST(client)                                                        \
	"request=smtpd_access_policy\nprotocol_state=RCPT\n"                   \
	"client_address=" client "\nrecipient=a@example.org\n\n"
#define BANNED      REQUEST("192.0.2.1")
#define MAX_REQUEST 512

/* A door on a unix socket without a name, and what it told. */
struct door_fixture {
	struct event_base *base;
	struct listen_conf listen;
	struct policy_conf conf;
	struct bantable *table;
	struct board board;
	struct policy *policy;
	struct sockaddr_un where;
	socklen_t where_len;
	unsigned refusals;
	struct addr refused_host;
	struct ban refused_ban;
};

static inline struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_of(text), &a), 0);
	return a;
}

static inline void
ban(struct door_fixture *d, const char *prefix, const char *jail, int64_t end)
{
	struct ban b = { .start = 1, .end = end };

	assert_int_equal(prefix_parse(span_of(prefix), &b.key), 0);
	b.jail = bantable_jail(d->table, jail);
	assert_int_equal(bantable_put(d->table, &b), 0);
}

static inline void
note_refusal(
    void *arg, enum door door, const struct addr *host, const struct ban *b)
{
	struct door_fixture *d = arg;

	assert_int_equal(door, DOOR_POLICY);
	d->refusals++;
	d->refused_host = *host;
	d->refused_ban = *b;
}

static inline int
listen_somewhere(struct door_fixture *d)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	d->where = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* With the family alone the kernel chooses an abstract name. */
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&d->where, sizeof(d->where.sun_family)),
	    0);
	d->where_len = sizeof(d->where);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&d->where, &d->where_len), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static inline int
setup(void **state)
{
	struct door_fixture *d = calloc(1, sizeof(*d));
	struct error err;
	int fd;

	assert_non_null(d);
	d->base = event_base_new();
	d->listen.text = (char *)"unix:test";
	d->conf = (struct policy_conf){ .listen = &d->listen,
		.nlisten = 1,
		.answer = (char *)"521 5.7.1 %{host} %{jail} %{end}",
		.max_clients = 4,
		.max_request = MAX_REQUEST,
		.idle = 300 };
	d->table = bantable_map(64);
	assert_non_null(d->table);
	ban(d, "192.0.2.1", "postfix-auth", DURATION_FOREVER);
	ban(d, "2001:db8:1::/64", "dovecot", DURATION_FOREVER);
	ban(d, "192.0.2.9", "postfix-auth", time(NULL) - 2);
	fd = listen_somewhere(d);
	d->policy = policy_open(
	    d->base, &d->conf, &fd, d->table, &d->board, note_refusal, d, &err);
	assert_non_null(d->policy);
	*state = d;
	return 0;
}

static inline int
teardown(void **state)
{
	struct door_fixture *d = *state;

	policy_close(d->policy);
	bantable_unmap(d->table);
	event_base_free(d->base);
	free(d);
	return 0;
}

static inline void
pump(struct door_fixture *d)
{
	for (int i = 0; i < 8; i++)
		assert_int_not_equal(
		    event_base_loop(d->base, EVLOOP_NONBLOCK), -1);
}

static inline int
dial(const struct door_fixture *d)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&d->where, d->where_len), 0);
	return fd;
}

static inline void
say(struct door_fixture *d, int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
	pump(d);
}

static inline void
expect(int fd, const char *answer)
{
	char buf[8192];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (answer[0] == '\0') {
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
		return;
	}
	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, answer);
}

static inline void
expect_closed(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 0);
}

static inline void
ask(struct door_fixture *d, int fd, const char *text, const char *answer)
{
	say(d, fd, text, strlen(text));
	expect(fd, answer);
}

static inline void
sweep(struct door_fixture *d, int times)
{
	for (int i = 0; i < times; i++) {
		event_active(d->policy->sweep, EV_TIMEOUT, 1);
		event_base_loop(d->base, EVLOOP_NONBLOCK);
	}
}

#define WITH_DOOR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
