/* Log records, taken apart. All are of 24 November 2026, 13:02:01 in Berlin. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mxward/line.h"

#define THEN INT64_C(1795521721)
#define NOW  (THEN + 5)

static struct logtime lt;

struct record {
	const char *text;
	const char *host;
	const char *program;
	const char *pid;
	const char *message;
};

/* With a time, which is THEN. */
static const struct record timed[] = {
	/* RFC 3164, as rsyslog, journalctl and Postfix's postlogd write it. */
	{ "Nov 24 13:02:01 mx postfix/smtpd[314]: connect from a[192.0.2.1]",
	    "mx", "postfix/smtpd", "314", "connect from a[192.0.2.1]" },
	{ "Nov 24 13:02:01 mx dovecot: imap-login: Disconnected: rip=1.2.3.4",
	    "mx", "dovecot", "", "imap-login: Disconnected: rip=1.2.3.4" },
	{ "Nov 24 13:02:01 mx.example.org postfix/submission/smtpd[9]: x",
	    "mx.example.org", "postfix/submission/smtpd", "9", "x" },
	{ "Nov 24 13:02:01 2001:db8::25 dovecot[123]: auth: x", "2001:db8::25",
	    "dovecot", "123", "auth: x" },
	{ "Nov 24 13:02:01.123456 mx kernel: [ 1.5] x", "mx", "kernel", "",
	    "[ 1.5] x" },
	{ "Nov 24 2026 13:02:01 mx (systemd)[1]: x", "mx", "(systemd)", "1",
	    "x" },
	{ "Nov 24 13:02:01 mx sudo:   alice : x", "mx", "sudo", "",
	    "  alice : x" },
	{ "Nov 24 13:02:01 mx postfix/smtpd[314]:", "mx", "postfix/smtpd",
	    "314", "" },
	{ "Nov 24 13:02:01 mx postfix/smtpd[314]:x", "mx", "postfix/smtpd",
	    "314", "x" },
	{ "Nov 24 13:02:01 mx sshd[1]: a\r", "mx", "sshd", "1", "a" },
	{ "Nov 24 13:02:01 mx sshd[1]: a\r\r", "mx", "sshd", "1", "a\r" },
	/* With its priority, as on the wire; without a host, as in /dev/log. */
	{ "<22>Nov 24 13:02:01 mx postfix/qmgr[2]: x", "mx", "postfix/qmgr",
	    "2", "x" },
	{ "<22>Nov 24 13:02:01 postfix/qmgr[2]: x", "", "postfix/qmgr", "2",
	    "x" },
	{ "Nov 24 13:02:01 postfix/qmgr[2]: x: y", "", "postfix/qmgr", "2",
	    "x: y" },
	{ "Nov 24 13:02:01: prog: x", "", "prog", "", "x" },
	/* RFC 3339, as rsyslog's own file format. */
	{ "2026-11-24T13:02:01.123456+01:00 mx postfix/smtpd[314]: x", "mx",
	    "postfix/smtpd", "314", "x" },
	{ "2026-11-24T12:02:01Z mx dovecot: x", "mx", "dovecot", "", "x" },
	{ "2026-11-24T13:02:01+0100 mx dovecot[5]: x", "mx", "dovecot", "5",
	    "x" },
	{ "2026-11-24 13:02:01 mx postfix/smtpd[314]: x", "mx", "postfix/smtpd",
	    "314", "x" },
	/* RFC 5424 */
	{ "<22>1 2026-11-24T13:02:01.123456+01:00 mx postfix/smtpd 314 - - x",
	    "mx", "postfix/smtpd", "314", "x" },
	{ "<22>1 2026-11-24T13:02:01+01:00 - - - - -", "", "", "", "" },
	{ "<22>1 2026-11-24T13:02:01+01:00 mx dovecot ab1 ID47 -  x", "mx",
	    "dovecot", "", "x" },
	{ "<22>1 2026-11-24T13:02:01+01:00 mx app 1 - "
	  "[a@1 b=\"c \\] \\\" \\\\\"][d e=\"]\"] x: y",
	    "mx", "app", "1", "x: y" },
	{ "<22>1 2026-11-24T13:02:01+01:00 mx app 1 - - \xef\xbb\xbfx", "mx",
	    "app", "1", "x" },
	{ "<22>1 2026-11-24T13:02:01+01:00 mx app 1 - [a] \xef\xbb\xbf", "mx",
	    "app", "1", "" },
	/* Dovecot's own log file */
	{ "Nov 24 13:02:01 imap-login: Info: Disconnected (x): user=<a>", "",
	    "dovecot", "", "imap-login: Disconnected (x): user=<a>" },
	{ "2026-11-24 13:02:01 auth: Info: passwd-file(a,192.0.2.1): x", "",
	    "dovecot", "", "auth: passwd-file(a,192.0.2.1): x" },
	{ "2026-11-24T13:02:01 master: Warning: x", "", "dovecot", "",
	    "master: x" },
	{ "Nov 24 13:02:01 imap(alice)<123><a/b+c>: Info: Logged out", "",
	    "dovecot", "", "imap(alice)<123><a/b+c>: Logged out" },
	{ "Nov 24 13:02:01 auth-worker(123): Info: conn x: y", "", "dovecot",
	    "", "auth-worker(123): conn x: y" },
	{ "Nov 24 13:02:01 lmtp(a@b.org)<1><s>: Error: x", "", "dovecot", "",
	    "lmtp(a@b.org)<1><s>: x" },
	{ "Nov 24 13:02:01 imap(john doe, 192.0.2.1): Debug: x", "", "dovecot",
	    "", "imap(john doe, 192.0.2.1): x" },
	{ "Nov 24 13:02:01 imap(a:b[1]: c)<1><s>: Panic: x", "", "dovecot", "",
	    "imap(a:b[1]: c)<1><s>: x" },
	{ "Nov 24 13:02:01 auth: Fatal: ", "", "dovecot", "", "auth: " },
	{ "Nov 24 13:02:01 imap-login: Info: auth: Info: x\r", "", "dovecot",
	    "", "imap-login: auth: Info: x" },
	/* No level, or the wrong place for one: not Dovecot's file. */
	{ "Nov 24 13:02:01 auth: Informal: x", "", "auth", "", "Informal: x" },
	{ "Nov 24 13:02:01 auth[5]: Info: x", "", "auth", "5", "Info: x" },
	{ "Nov 24 13:02:01 mx auth: Info: x", "mx", "auth", "", "Info: x" },
	/* A time, and then nobody knows. */
	{ "Nov 24 13:02:01 mx last message repeated 2 times", "", "", "",
	    "mx last message repeated 2 times" },
	{ "Nov 24 13:02:01 mx message repeated 2 times: [ x]", "", "", "",
	    "mx message repeated 2 times: [ x]" },
	{ "Nov 24 13:02:01", "", "", "", "" },
	{ "Nov 24 13:02:01 ", "", "", "", "" },
	{ "Nov 24 13:02:01 mx", "", "", "", "mx" },
	{ "Nov 24 13:02:01 mx ", "", "", "", "mx " },
	{ "Nov 24 13:02:01 mx prog[12: x", "", "", "", "mx prog[12: x" },
	{ "Nov 24 13:02:01 mx prog[]: x", "", "", "", "mx prog[]: x" },
	{ "Nov 24 13:02:01 mx prog[a]: x", "", "", "", "mx prog[a]: x" },
	{ "Nov 24 13:02:01 mx pr\xc3\xb6g: x", "", "", "",
	    "mx pr\xc3\xb6g: x" },
	{ "Nov 24 13:02:01 mx : x", "", "", "", "mx : x" },
	{ "Nov 24 13:02:01 12:34:56 x", "", "", "", "12:34:56 x" },
	{ "[1795521721] EXTERNAL COMMAND: x", "", "", "",
	    "EXTERNAL COMMAND: x" },
	{ "@400000006b057cc300000000 tcpserver: status: 1/40", "", "tcpserver",
	    "", "status: 1/40" },
	{ "1795521721.5 mx postfix/smtpd[1]: x", "mx", "postfix/smtpd", "1",
	    "x" },
};

/* Without one. */
static const struct record timeless[] = {
	{ "", "", "", "", "" },
	{ "\r", "", "", "", "" },
	{ "postfix/smtpd[314]: x", "", "", "", "postfix/smtpd[314]: x" },
	{ "some text\r", "", "", "", "some text" },
	{ "Nov 31 13:02:01 mx sshd[1]: x", "", "", "",
	    "Nov 31 13:02:01 mx sshd[1]: x" },
	{ "<22>postfix/smtpd[314]: x", "", "postfix/smtpd", "314", "x" },
	{ "<22>mx postfix: x", "", "", "", "mx postfix: x" },
	{ "<192>Nov 24 13:02:01 mx sshd[1]: x", "", "", "",
	    "<192>Nov 24 13:02:01 mx sshd[1]: x" },
	{ "<>prog: x", "", "", "", "<>prog: x" },
	{ "<1234>prog: x", "", "", "", "<1234>prog: x" },
	{ "<22", "", "", "", "<22" },
	{ "<22>", "", "", "", "" },
	{ "<22>1 - mx app 1 - - x", "mx", "app", "1", "x" },
	/* RFC 5424 that is not: taken for a text. */
	{ "<22>1 - mx app 1 - [a b=\"c] x", "", "", "",
	    "1 - mx app 1 - [a b=\"c] x" },
	{ "<22>1 - mx app 1 - x", "", "", "", "1 - mx app 1 - x" },
	{ "<22>2 - mx app 1 - - x", "", "", "", "2 - mx app 1 - - x" },
	{ "<22>1 Nov 24 13:02:01 mx app 1 - - x", "", "", "",
	    "1 Nov 24 13:02:01 mx app 1 - - x" },
};

static int
begin(void **state)
{
	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	logtime_init(&lt, NOW);
	return 0;
}

static void
assert_span(
    const char *text, const char *what, struct span got, const char *expected)
{
	if (!span_is(got, expected))
		fail_msg("%s: the %s is \"%.*s\", not \"%s\"", text, what,
		    SPAN_ARG(got), expected);
}

static void
assert_record(const struct record *r, const struct line *l)
{
	assert_span(r->text, "host", l->host, r->host);
	assert_span(r->text, "program", l->program, r->program);
	assert_span(r->text, "pid", l->pid, r->pid);
	assert_span(r->text, "message", l->message, r->message);
	assert_false(l->clamped);
}

static void
every_known_header_is_taken_apart(void **state)
{
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(timed) / sizeof(timed[0]); i++) {
		line_parse(&lt, span_of(timed[i].text), &l);
		assert_record(&timed[i], &l);
		if (!l.has_time || l.time != THEN)
			fail_msg("%s: %lld", timed[i].text, (long long)l.time);
	}
}

static void
without_a_time_it_is_now(void **state)
{
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(timeless) / sizeof(timeless[0]); i++) {
		line_parse(&lt, span_of(timeless[i].text), &l);
		assert_record(&timeless[i], &l);
		if (l.has_time || l.time != NOW)
			fail_msg("%s", timeless[i].text);
	}
	line_parse(&lt, span_make(NULL, 0), &l);
	assert_int_equal(l.message.n, 0);
	assert_int_equal(l.time, NOW);
}

/*
 * P6: strangers choose HELO names, user names, addresses; whatever they write,
 * it stays in the message.
 */
static void
header_inside_the_text_is_text(void **state)
{
	static const struct record tricks[] = {
		{ "Nov 24 13:02:01 mx postfix/smtpd[3]: warning: helo "
		  "Nov 24 13:02:01 mx sshd[1]: Failed password",
		    "mx", "postfix/smtpd", "3",
		    "warning: helo Nov 24 13:02:01 mx sshd[1]: Failed "
		    "password" },
		{ "Nov 24 13:02:01 mx dovecot: auth: user=<x\rNov 24 13:02:01 "
		  "mx sshd[1]: y>",
		    "mx", "dovecot", "",
		    "auth: user=<x\rNov 24 13:02:01 mx sshd[1]: y>" },
		{ "Nov 24 13:02:01 imap-login: Info: user=<sshd[1]: x>", "",
		    "dovecot", "", "imap-login: user=<sshd[1]: x>" },
		/* Exim: the words behind the time can be a stranger's. */
		{ "2026-11-24 13:02:01 rejected sshd: x", "", "", "",
		    "rejected sshd: x" },
		{ "2026-11-24 13:02:01 H=a [192.0.2.1] F=<sshd[1]: x>", "", "",
		    "", "H=a [192.0.2.1] F=<sshd[1]: x>" },
		{ "some text Nov 24 13:02:01 mx sshd[1]: x", "", "", "",
		    "some text Nov 24 13:02:01 mx sshd[1]: x" },
		{ " <22>Nov 24 13:02:01 mx sshd[1]: x", "", "", "",
		    " <22>Nov 24 13:02:01 mx sshd[1]: x" },
		{ "Nov 24 13:02:01 mx x (sshd[1]: y", "", "", "",
		    "mx x (sshd[1]: y" },
		{ "Nov 24 13:02:01 user(x sshd[1]: y", "", "", "",
		    "user(x sshd[1]: y" },
		{ "<22>1 - mx app 1 - [a b=\"\\\"] sshd\"] x", "mx", "app", "1",
		    "x" },
	};
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		line_parse(&lt, span_of(tricks[i].text), &l);
		assert_record(&tricks[i], &l);
	}
}

static void
nul_bytes_and_broken_utf_8_are_kept(void **state)
{
	static const char text[] =
	    "Nov 24 13:02:01 mx postfix/smtpd[3]: a\0b\xff\xfe\x80\nc";
	struct span raw = { text, sizeof(text) - 1 };
	struct line l;

	(void)state;
	line_parse(&lt, raw, &l);
	assert_true(span_is(l.program, "postfix/smtpd"));
	assert_int_equal(l.message.n, 8);
	assert_memory_equal(l.message.p, "a\0b\xff\xfe\x80\nc", 8);
	line_parse(&lt, span_make("Nov 24 13:02:01 m\0x a[1]: b", 27), &l);
	assert_int_equal(l.program.n, 0);
}

static void
long_tokens_are_no_header(void **state)
{
	char text[1024] = "Nov 24 13:02:01 ";
	struct line l;

	(void)state;
	memset(text + 16, 'h', 300);
	memcpy(text + 316, " sshd[1]: x", 12);
	line_parse(&lt, span_of(text), &l);
	assert_int_equal(l.host.n, 0);
	assert_int_equal(l.program.n, 0);
	memset(text + 16, 'p', 300);
	memcpy(text + 316, "[1]: x", 7);
	line_parse(&lt, span_of(text), &l);
	assert_int_equal(l.program.n, 0);
	assert_true(l.message.p == text + 16);
	line_parse(&lt,
	    span_of("Nov 24 13:02:01 mx sshd[123456789012345678901]: x"), &l);
	assert_int_equal(l.program.n, 0);
}

static void
longest_line_is_read_whole(void **state)
{
	static char text[LINE_MAX_BYTES];
	static const char syslog[] = "Nov 24 13:02:01 mx sshd[1]: ";
	static const char dovecot[] = "Nov 24 13:02:01 auth: Info: ";
	struct line l;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, syslog, sizeof(syslog) - 1);
	line_parse(&lt, span_make(text, sizeof(text)), &l);
	assert_int_equal(l.message.n, sizeof(text) - sizeof(syslog) + 1);
	memcpy(text, dovecot, sizeof(dovecot) - 1);
	line_parse(&lt, span_make(text, sizeof(text)), &l);
	assert_int_equal(l.message.n, sizeof(text) - sizeof(dovecot) + 7);
	assert_memory_equal(l.message.p, "auth: xxx", 9);
	assert_int_equal(l.message.p[l.message.n - 1], 'x');
}

static void
spans_of_syslog_lines_lie_in_the_raw_text(void **state)
{
	static const char text[] = "Nov 24 13:02:01 mx sshd[1]: x";
	struct line l;

	(void)state;
	line_parse(&lt, span_of(text), &l);
	assert_true(l.raw.p == text && l.raw.n == sizeof(text) - 1);
	assert_true(l.host.p == text + 16);
	assert_true(l.program.p == text + 19);
	assert_true(l.pid.p == text + 24);
	assert_true(l.message.p == text + 28);
}

static void
time_far_in_the_future_is_clamped(void **state)
{
	struct line l;

	(void)state;
	lt.now = THEN - LINE_FUTURE;
	line_parse(&lt, span_of("Nov 24 13:02:01 mx sshd[1]: x"), &l);
	assert_false(l.clamped);
	assert_int_equal(l.time, THEN);
	lt.now--;
	line_parse(&lt, span_of("Nov 24 13:02:01 mx sshd[1]: x"), &l);
	assert_true(l.clamped && l.has_time);
	assert_int_equal(l.time, lt.now);
	assert_true(span_is(l.program, "sshd"));
	line_parse(
	    &lt, span_of("<22>1 2026-11-24T13:02:01+01:00 mx a 1 - - x"), &l);
	assert_true(l.clamped);
	assert_int_equal(l.time, lt.now);
}

static void
record_in_pieces_is_put_together(void **state)
{
	struct line l;
	const struct span none = { NULL, 0 };

	(void)state;
	line_assemble(&lt, span_of("raw"), THEN, span_of("mx"),
	    span_of("postfix/smtpd"), span_of("314"), span_of("x\r"), &l);
	assert_true(l.has_time && !l.clamped);
	assert_int_equal(l.time, THEN);
	assert_true(span_is(l.raw, "raw") && span_is(l.host, "mx"));
	assert_true(span_is(l.program, "postfix/smtpd"));
	assert_true(span_is(l.pid, "314") && span_is(l.message, "x"));
	line_assemble(&lt, none, NOW + LINE_FUTURE + 1, none, none,
	    span_of("x1"), none, &l);
	assert_true(l.clamped);
	assert_int_equal(l.time, NOW);
	assert_int_equal(l.pid.n, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(every_known_header_is_taken_apart),
		TEST(without_a_time_it_is_now),
		TEST(header_inside_the_text_is_text),
		TEST(nul_bytes_and_broken_utf_8_are_kept),
		TEST(long_tokens_are_no_header),
		TEST(longest_line_is_read_whole),
		TEST(spans_of_syslog_lines_lie_in_the_raw_text),
		TEST(time_far_in_the_future_is_clamped),
		TEST(record_in_pieces_is_put_together),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
