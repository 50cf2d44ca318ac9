/* The policy door: requests as Postfix sends them, and as nobody should. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_of(text), &a), 0);
	return a;
}

static void
ban(struct door_fixture *d, const char *prefix, const char *jail, int64_t end)
{
	struct ban b = { .start = 1, .end = end };

	assert_int_equal(prefix_parse(span_of(prefix), &b.key), 0);
	b.jail = bantable_jail(d->table, jail);
	assert_int_equal(bantable_put(d->table, &b), 0);
}

static void
note_refusal(
    void *arg, enum door door, const struct addr *host, const struct ban *b)
{
	struct door_fixture *d = arg;

	assert_int_equal(door, DOOR_POLICY);
	d->refusals++;
	d->refused_host = *host;
	d->refused_ban = *b;
}

static int
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

static int
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

static int
teardown(void **state)
{
	struct door_fixture *d = *state;

	policy_close(d->policy);
	bantable_unmap(d->table);
	event_base_free(d->base);
	free(d);
	return 0;
}

static void
pump(struct door_fixture *d)
{
	for (int i = 0; i < 8; i++)
		assert_int_not_equal(
		    event_base_loop(d->base, EVLOOP_NONBLOCK), -1);
}

static int
dial(const struct door_fixture *d)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&d->where, d->where_len), 0);
	return fd;
}

static void
say(struct door_fixture *d, int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
	pump(d);
}

static void
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

static void
expect_closed(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 0);
}

static void
ask(struct door_fixture *d, int fd, const char *text, const char *answer)
{
	say(d, fd, text, strlen(text));
	expect(fd, answer);
}

static void
sweep(struct door_fixture *d, int times)
{
	for (int i = 0; i < times; i++) {
		event_active(d->policy->sweep, EV_TIMEOUT, 1);
		event_base_loop(d->base, EVLOOP_NONBLOCK);
	}
}

static void
parse_finds_the_end_of_a_request(void **state)
{
	static const struct {
		const char *text;
		long length;
	} cases[] = {
		{ "", 0 },
		{ "a", 0 },
		{ "a=b", 0 },
		{ "a=b\n", 0 },
		{ "a=b\n\n", 5 },
		{ "a=b\n\nc=d\n\n", 5 },
		{ "a=\n\n", 4 },
		{ "=b\n\n", 4 },
		{ "a==b=c\n\n", 8 },
		{ "\n", 1 },
		{ "\na=b\n\n", 1 },
		{ "a=b\r\n\r\n", 7 },
		{ "\r\n", 2 },
		{ "a=b\r", 0 },
		{ "a\n", -1 },
		{ "a\n\n", -1 },
		{ "a=b\nc\n\n", -1 },
		{ "a=b\n \n\n", -1 },
		{ "\r\r\n", -1 },
		{ "GET / HTTP/1.1\r\n", -1 },
	};
	struct policy_request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
		    policy_parse(span_of(cases[i].text), &r), cases[i].length);
}

static void
parse_reads_the_attributes_of_postfix(void **state)
{
	static const char text[] =
	    "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "protocol_name=ESMTP\nclient_address=192.0.2.1\n"
	    "client_name=unknown\nclient_port=51234\n"
	    "reverse_client_name=host.example.net\nhelo_name=host\n"
	    "server_address=203.0.113.10\nserver_port=25\n"
	    "sender=a=b@example.net\nrecipient=c@example.org\n"
	    "recipient_count=7\nqueue_id=4XyZ\ninstance=321d.6b05.2a.0\n"
	    "size=12345\netrn_domain=\nstress=\nsasl_method=plain\n"
	    "sasl_username=alice\nsasl_sender=\nencryption_keysize=256\n"
	    "policy_context=\n\n";
	struct policy_request r;

	(void)state;
	assert_int_equal(policy_parse(span_of(text), &r), sizeof(text) - 1);
	assert_true(span_is(r.request, "smtpd_access_policy"));
	assert_true(span_is(r.protocol_state, "RCPT"));
	assert_true(span_is(r.client_address, "192.0.2.1"));
	assert_true(span_is(r.sender, "a=b@example.net"));
	assert_true(span_is(r.recipient, "c@example.org"));
	assert_true(span_is(r.recipient_count, "7"));
	assert_true(span_is(r.queue_id, "4XyZ"));
	assert_true(span_is(r.instance, "321d.6b05.2a.0"));
	assert_true(span_is(r.sasl_username, "alice"));
}

static void
parse_leaves_what_is_missing_empty(void **state)
{
	struct policy_request r;

	(void)state;
	assert_int_equal(
	    policy_parse(span_of("request=x\nsender=\n\n"), &r), 19);
	assert_int_equal(r.sender.n, 0);
	assert_int_equal(r.client_address.n, 0);
	assert_int_equal(r.queue_id.n, 0);
}

static void
parse_takes_the_first_of_an_attribute_that_comes_twice(void **state)
{
	struct policy_request r;

	(void)state;
	assert_true(policy_parse(span_of("client_address=192.0.2.1\n"
					 "client_address=192.0.2.2\n\n"),
			&r) > 0);
	assert_true(span_is(r.client_address, "192.0.2.1"));
	assert_true(policy_parse(span_of("sender=\nsender=late\n\n"), &r) > 0);
	assert_int_equal(r.sender.n, 0);
}

static void
parse_knows_names_by_all_their_letters(void **state)
{
	struct policy_request r;

	(void)state;
	assert_true(policy_parse(span_of("client_addresz=1\nREQUEST=2\n"
					 "sende=3\nsenders=4\nqueue-id=5\n\n"),
			&r) > 0);
	assert_null(r.client_address.p);
	assert_null(r.request.p);
	assert_null(r.sender.p);
	assert_null(r.queue_id.p);
}

static void
banned_client_gets_the_answer_filled_in(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, BANNED, REFUSAL);
	assert_int_equal(d->refusals, 1);
	assert_memory_equal(
	    &d->refused_host, &(struct addr[]){ addr_of("192.0.2.1") }[0], 16);
	assert_string_equal(
	    bantable_jail_name(d->table, d->refused_ban.jail), "postfix-auth");
	assert_int_equal(d->board.door[DOOR_POLICY].refused, 1);
	assert_int_equal(d->board.door[DOOR_POLICY].requests, 1);
	close(fd);
}

static void
who_is_not_banned_or_not_understood_is_let_in(void **state)
{
	static const char *texts[] = {
		REQUEST("192.0.2.2"),
		REQUEST("192.0.2.9"), /* its ban has ended */
		REQUEST("2001:db8:2::1"),
		REQUEST(""),
		REQUEST("unknown"),
		REQUEST("192.0.2.1."),
		REQUEST("192.0.2.1 "),
		REQUEST("192.0.2.1,192.0.2.1"),
		REQUEST("192.0.2.010"),
		REQUEST("::ffff"),
		"request=junk\nclient_address=192.0.2.1\n\n",
		"client_address=192.0.2.1\n\n",
		"request=smtpd_access_policy\n\n",
		"Client_Address=192.0.2.1\nrequest=smtpd_access_policy\n\n",
		"a=b\n\n",
		"\n",
	};
	struct door_fixture *d = *state;
	int fd = dial(d);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ask(d, fd, texts[i], DUNNO);
	assert_int_equal(d->refusals, 0);
	assert_int_equal(d->board.door[DOOR_POLICY].refused, 0);
	assert_int_equal(d->board.door[DOOR_POLICY].requests, ARRAY_LEN(texts));
	close(fd);
}

static void
ipv6_client_is_refused_in_the_form_postfix_sends(void **state)
{
	static const char *texts[] = {
		REQUEST("2001:db8:1::25"),
		REQUEST("2001:db8:1:0:ffff:ffff:ffff:ffff"),
	};
	struct door_fixture *d = *state;
	int fd = dial(d);

	d->conf.answer = (char *)"521 %{jail}";
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ask(d, fd, texts[i], "action=521 dovecot\n\n");
	ask(d, fd, REQUEST("::ffff:192.0.2.1"), "action=521 postfix-auth\n\n");
	close(fd);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, BANNED REQUEST("192.0.2.2") BANNED "\n" BANNED,
	    REFUSAL DUNNO REFUSAL DUNNO REFUSAL);
	assert_int_equal(d->refusals, 3);
	assert_int_equal(d->board.door[DOOR_POLICY].requests, 5);
	close(fd);
}

static void
half_request_waits_for_its_other_half(void **state)
{
	static const char text[] = REQUEST("192.0.2.2") BANNED;
	struct door_fixture *d = *state;
	int fd = dial(d);

	for (size_t i = 0; i + 1 < sizeof(text) - 1; i++) {
		say(d, fd, text + i, 1);
		expect(
		    fd, i + 1 == sizeof(REQUEST("192.0.2.2")) - 1 ? DUNNO : "");
	}
	ask(d, fd, "\n", REFUSAL);
	close(fd);
}

static void
request_that_begins_behind_a_whole_one_is_kept(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, REQUEST("192.0.2.2") "request=smtpd_access_pol", DUNNO);
	ask(d, fd, "icy\nclient_address=192.0.2.1\n\n", REFUSAL);
	close(fd);
}

static void
lines_may_end_with_cr_lf(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd,
	    "request=smtpd_access_policy\r\n"
	    "client_address=192.0.2.1\r\n\r\n",
	    REFUSAL);
	close(fd);
}

static void
nul_bytes_are_bytes_like_others(void **state)
{
	static const char odd[] = "request=smtpd_access_policy\n"
				  "client_address=192.0.2.1\0\n\n";
	static const char fine[] = "x=\0\0\nrequest=smtpd_access_policy\n"
				   "client_address=192.0.2.1\n\n";
	struct door_fixture *d = *state;
	int fd = dial(d);

	say(d, fd, odd, sizeof(odd) - 1);
	expect(fd, DUNNO);
	say(d, fd, fine, sizeof(fine) - 1);
	expect(fd, REFUSAL);
	close(fd);
}

static void
malformed_request_is_answered_at_its_end_and_the_next_is_understood(
    void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, "request=smtpd_access_policy\nnonsense\n", "");
	ask(d, fd, "client_address=192.0.2.1\n", "");
	ask(d, fd, "\n", DUNNO);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 1);
	ask(d, fd, "nonsense\n\n" BANNED "nonsense\r\n\r\n" BANNED,
	    DUNNO REFUSAL DUNNO REFUSAL);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 3);
	close(fd);
}

static void
request_of_just_max_request_bytes_is_understood(void **state)
{
	struct door_fixture *d = *state;
	char text[MAX_REQUEST + 1];
	size_t n;
	int fd = dial(d);

	n = (size_t)snprintf(text, sizeof(text),
	    "request=smtpd_access_policy\nclient_address=192.0.2.1\nx=");
	memset(text + n, 'x', MAX_REQUEST - n - 2);
	memcpy(text + MAX_REQUEST - 2, "\n\n", 3);
	ask(d, fd, text, REFUSAL);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 0);
	close(fd);
}

static void
oversized_request_is_answered_at_its_end_and_the_next_is_understood(
    void **state)
{
	struct door_fixture *d = *state;
	char line[200];
	int fd = dial(d);

	memset(line, 'x', sizeof(line));
	line[1] = '=';
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 50; i++)
		say(d, fd, line, sizeof(line));
	expect(fd, "");
	ask(d, fd, "client_address=192.0.2.1\n\n" BANNED, DUNNO REFUSAL);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 1);
	close(fd);
}

static void
request_without_end_is_given_up(void **state)
{
	static char junk[65536];
	struct door_fixture *d = *state;
	int fd = dial(d);
	ssize_t n = 0;

	memset(junk, '=', sizeof(junk));
	for (int i = 0; i < 4096 && n != -1; i++) {
		n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			n = 0;
		pump(d);
	}
	assert_int_equal(n, -1);
	assert_int_equal(policy_connections(d->policy), 0);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 1);
	close(fd);
}

static void
client_that_never_reads_is_given_up(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);
	ssize_t n = 0;

	for (int i = 0; i < 1000000 && n != -1; i++) {
		n = send(
		    fd, BANNED, strlen(BANNED), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			n = 0;
		pump(d);
	}
	assert_int_equal(n, -1);
	assert_int_equal(policy_connections(d->policy), 0);
	assert_int_equal(d->board.door[DOOR_POLICY].open, 0);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 1);
	close(fd);
}

static void
client_that_hangs_up_before_its_answer_is_forgotten(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	assert_true(send(fd, BANNED, strlen(BANNED), MSG_NOSIGNAL) > 0);
	close(fd);
	pump(d);
	assert_int_equal(policy_connections(d->policy), 0);
	assert_int_equal(d->refusals, 0);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 0);
}

static void
client_that_only_ends_its_own_side_is_answered(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	assert_true(send(fd, BANNED, strlen(BANNED), MSG_NOSIGNAL) > 0);
	shutdown(fd, SHUT_WR);
	pump(d);
	expect(fd, REFUSAL);
	expect_closed(fd);
	close(fd);
}

static void
idle_client_is_closed(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, BANNED, REFUSAL);
	sweep(d, POLICY_SWEEPS);
	ask(d, fd, BANNED, REFUSAL);
	sweep(d, POLICY_SWEEPS);
	expect(fd, "");
	sweep(d, 1);
	expect_closed(fd);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 0);
	assert_int_equal(d->board.door[DOOR_POLICY].open, 0);
	close(fd);
}

static void
dripping_a_request_does_not_keep_a_client(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	pump(d);
	for (int i = 0; i <= POLICY_SWEEPS; i++) {
		assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		pump(d);
		sweep(d, 1);
	}
	expect_closed(fd);
	assert_int_equal(d->board.door[DOOR_POLICY].malformed, 1);
	close(fd);
}

static void
request_begun_late_has_the_whole_time(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	pump(d);
	sweep(d, POLICY_SWEEPS);
	ask(d, fd, "request=smtpd_access_policy\n", "");
	sweep(d, POLICY_SWEEPS);
	ask(d, fd, "client_address=192.0.2.1\n\n", REFUSAL);
	close(fd);
}

static void
one_client_too_many_is_turned_away_at_once(void **state)
{
	struct door_fixture *d = *state;
	int fd[5];

	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = dial(d);
	pump(d);
	expect_closed(fd[4]);
	assert_int_equal(d->board.door[DOOR_POLICY].turned_away, 1);
	assert_int_equal(d->board.door[DOOR_POLICY].connections, 4);
	assert_int_equal(d->board.door[DOOR_POLICY].open, 4);
	ask(d, fd[3], BANNED, REFUSAL);
	close(fd[0]);
	pump(d);
	close(fd[4]);
	fd[4] = dial(d);
	ask(d, fd[4], BANNED, REFUSAL);
	for (size_t i = 1; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	pump(d);
	assert_int_equal(d->board.door[DOOR_POLICY].open, 0);
}

static void
out_of_descriptors_pauses_and_goes_on(void **state)
{
	struct door_fixture *d = *state;
	struct rlimit was, low;
	int fd = dial(d), next = dup(fd);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = (struct rlimit){ (rlim_t)next, was.rlim_max };
	close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	pump(d);
	assert_int_equal(policy_connections(d->policy), 0);
	assert_true(event_pending(d->policy->pause, EV_TIMEOUT, NULL));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	pump(d);
	assert_int_equal(policy_connections(d->policy), 0);
	event_active(d->policy->pause, EV_TIMEOUT, 1);
	pump(d);
	ask(d, fd, BANNED, REFUSAL);
	close(fd);
}

static void
nothing_in_an_answer_can_split_it(void **state)
{
	static const char *answers[] = {
		"521 a\nb",
		"521 a\n\naction=OK\n\n",
		"521 a\r\nb\tc\177",
		"521 %{jail}",
	};
	struct door_fixture *d = *state;
	char buf[2048];
	ssize_t n;
	int fd = dial(d);

	ban(d, "192.0.2.3", "ja\nil\n\naction=OK\n\n", DURATION_FOREVER);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		d->conf.answer = (char *)answers[i];
		say(d, fd, REQUEST("192.0.2.3"), strlen(BANNED));
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		assert_true(n > 2);
		assert_memory_equal(buf, "action=521 ", 11);
		assert_memory_equal(buf + n - 2, "\n\n", 2);
		for (ssize_t k = 0; k < n - 2; k++)
			assert_true(
			    (unsigned char)buf[k] >= ' ' && buf[k] != '\177');
	}
	close(fd);
}

static void
answer_is_cut_where_smtp_ends_and_is_never_empty(void **state)
{
	struct door_fixture *d = *state;
	char text[3000], buf[4096];
	ssize_t n;
	int fd = dial(d);

	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	d->conf.answer = text;
	say(d, fd, BANNED, strlen(BANNED));
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(n > 400 && n < 530);
	assert_memory_equal(buf + n - 3, "y\n\n", 3);
	d->conf.answer = (char *)"";
	ask(d, fd, BANNED, DUNNO);
	close(fd);
}

static void
many_long_answers_to_one_read_all_arrive(void **state)
{
	struct door_fixture *d = *state;
	char text[450], ask_many[MAX_REQUEST];
	static char buf[65536];
	size_t each, n = 0;
	ssize_t got, sum = 0;
	int fd = dial(d);

	memset(text, 'z', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	d->conf.answer = text;
	each = strlen("action=\n\n") + strlen(text);
	while (n + strlen(BANNED) <= sizeof(ask_many)) {
		memcpy(ask_many + n, BANNED, strlen(BANNED));
		n += strlen(BANNED);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(send(fd, ask_many, n, MSG_NOSIGNAL), n);
	for (int i = 0; i < 20; i++)
		pump(d);
	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sum += got;
	assert_int_equal(sum, 20 * (n / strlen(BANNED)) * each);
	assert_int_equal(d->refusals, 20 * (n / strlen(BANNED)));
	close(fd);
}

static void
stopping_closes_who_rests_and_answers_who_asks(void **state)
{
	struct door_fixture *d = *state;
	int resting = dial(d), halfway = dial(d), waiting;

	ask(d, resting, BANNED, REFUSAL);
	ask(d, halfway, "request=smtpd_access_policy\n", "");
	waiting = dial(d);
	policy_stop_accepting(d->policy);
	policy_stop_accepting(d->policy);
	expect_closed(resting);
	expect(halfway, "");
	assert_int_equal(policy_connections(d->policy), 2);
	ask(d, halfway, "client_address=192.0.2.1\n\n", REFUSAL);
	expect_closed(halfway);
	ask(d, waiting, BANNED, REFUSAL);
	expect_closed(waiting);
	assert_int_equal(policy_connections(d->policy), 0);
	close(resting);
	resting = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(resting, (struct sockaddr *)&d->where, d->where_len), -1);
	close(resting);
	close(halfway);
	close(waiting);
}

static void
stopping_answers_what_had_arrived(void **state)
{
	struct door_fixture *d = *state;
	int fd = dial(d);

	ask(d, fd, BANNED, REFUSAL);
	assert_true(send(fd, BANNED, strlen(BANNED), MSG_NOSIGNAL) > 0);
	policy_stop_accepting(d->policy);
	expect(fd, REFUSAL);
	expect_closed(fd);
	close(fd);
}

static void
stopping_does_not_wait_for_ever(void **state)
{
	struct door_fixture *d = *state;
	int half = dial(d), silent = dial(d);

	ask(d, half, "request=", "");
	policy_stop_accepting(d->policy);
	sweep(d, POLICY_SWEEPS);
	assert_int_equal(policy_connections(d->policy), 2);
	sweep(d, 1);
	assert_int_equal(policy_connections(d->policy), 0);
	close(half);
	close(silent);
}

static void
closing_nothing_is_allowed(void **state)
{
	(void)state;
	policy_close(NULL);
}

static void
door_that_cannot_open_leaves_the_descriptors(void **state)
{
	struct door_fixture *d = *state;
	struct error err = { "" };
	int fd = -1;

	assert_null(policy_open(
	    d->base, &d->conf, &fd, d->table, &d->board, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "unix:test"));
}

#define WITH_DOOR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_finds_the_end_of_a_request),
		cmocka_unit_test(parse_reads_the_attributes_of_postfix),
		cmocka_unit_test(parse_leaves_what_is_missing_empty),
		cmocka_unit_test(
		    parse_takes_the_first_of_an_attribute_that_comes_twice),
		cmocka_unit_test(parse_knows_names_by_all_their_letters),
		WITH_DOOR(banned_client_gets_the_answer_filled_in),
		WITH_DOOR(who_is_not_banned_or_not_understood_is_let_in),
		WITH_DOOR(ipv6_client_is_refused_in_the_form_postfix_sends),
		WITH_DOOR(pipelined_requests_are_answered_in_order),
		WITH_DOOR(half_request_waits_for_its_other_half),
		WITH_DOOR(request_that_begins_behind_a_whole_one_is_kept),
		WITH_DOOR(lines_may_end_with_cr_lf),
		WITH_DOOR(nul_bytes_are_bytes_like_others),
		WITH_DOOR(
		    malformed_request_is_answered_at_its_end_and_the_next_is_understood),
		WITH_DOOR(request_of_just_max_request_bytes_is_understood),
		WITH_DOOR(
		    oversized_request_is_answered_at_its_end_and_the_next_is_understood),
		WITH_DOOR(request_without_end_is_given_up),
		WITH_DOOR(client_that_never_reads_is_given_up),
		WITH_DOOR(client_that_hangs_up_before_its_answer_is_forgotten),
		WITH_DOOR(client_that_only_ends_its_own_side_is_answered),
		WITH_DOOR(idle_client_is_closed),
		WITH_DOOR(dripping_a_request_does_not_keep_a_client),
		WITH_DOOR(request_begun_late_has_the_whole_time),
		WITH_DOOR(one_client_too_many_is_turned_away_at_once),
		WITH_DOOR(out_of_descriptors_pauses_and_goes_on),
		WITH_DOOR(nothing_in_an_answer_can_split_it),
		WITH_DOOR(answer_is_cut_where_smtp_ends_and_is_never_empty),
		WITH_DOOR(many_long_answers_to_one_read_all_arrive),
		WITH_DOOR(stopping_closes_who_rests_and_answers_who_asks),
		WITH_DOOR(stopping_answers_what_had_arrived),
		WITH_DOOR(stopping_does_not_wait_for_ever),
		WITH_DOOR(door_that_cannot_open_leaves_the_descriptors),
		cmocka_unit_test(closing_nothing_is_allowed),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
