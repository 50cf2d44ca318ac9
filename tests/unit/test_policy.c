/* The policy door: requests as Postfix sends them, and the answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "policy_fixture.h"

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
passing_over_a_request_ends_where_parsing_would_end_it(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		bool ended;
	} cases[] = {
		{ "", 0, false },
		{ "a", 1, false },
		{ "a\n", 2, false },
		{ "a\n\n", 3, true },
		{ "a\n\nb\n\n", 3, true },
		{ "\nb", 1, true },
		{ "\r\nb", 2, true },
		{ "a\r\n\r\nb", 5, true },
		{ "\r\r\n\n", 4, true },
		{ "a\n\ra\n\n", 6, true },
		{ "a\n\r", 3, false },
	};
	struct policy_skip s;
	bool ended;
	size_t n, whole;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		s = (struct policy_skip){ 0 };
		n = policy_skip(&s, span_of(cases[i].text), &ended);
		assert_int_equal(n, cases[i].length);
		assert_int_equal(ended, cases[i].ended);
		/* The same in pieces of one byte. */
		s = (struct policy_skip){ 0 };
		ended = false;
		whole = strlen(cases[i].text);
		for (n = 0; n < whole && !ended; n++)
			assert_int_equal(
			    policy_skip(
				&s, span_make(cases[i].text + n, 1), &ended),
			    1);
		assert_int_equal(n, cases[i].length);
		assert_int_equal(ended, cases[i].ended);
	}
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
		cmocka_unit_test(
		    passing_over_a_request_ends_where_parsing_would_end_it),
		WITH_DOOR(banned_client_gets_the_answer_filled_in),
		WITH_DOOR(who_is_not_banned_or_not_understood_is_let_in),
		WITH_DOOR(ipv6_client_is_refused_in_the_form_postfix_sends),
		WITH_DOOR(pipelined_requests_are_answered_in_order),
		WITH_DOOR(half_request_waits_for_its_other_half),
		WITH_DOOR(request_that_begins_behind_a_whole_one_is_kept),
		WITH_DOOR(lines_may_end_with_cr_lf),
		WITH_DOOR(nul_bytes_are_bytes_like_others),
		WITH_DOOR(nothing_in_an_answer_can_split_it),
		WITH_DOOR(answer_is_cut_where_smtp_ends_and_is_never_empty),
		WITH_DOOR(many_long_answers_to_one_read_all_arrive),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
