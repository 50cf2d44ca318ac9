/* The policy door: what nobody should send, who nobody should be, its end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>

#include "policy_fixture.h"

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
door_that_cannot_open_says_which_address(void **state)
{
	struct door_fixture *d = *state;
	struct error err = { "" };
	int fd = 1 << 20;

	assert_null(policy_open(
	    d->base, &d->conf, &fd, d->table, &d->board, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "unix:test"));
}

static void
address_that_could_not_be_had_leaves_the_others_open(void **state)
{
	struct door_fixture *d = *state;
	struct listen_conf both[2] = { d->listen, d->listen };
	struct policy_conf conf = d->conf;
	int fds[2] = { -1, -1 }, client;

	policy_close(d->policy);
	conf.listen = both;
	conf.nlisten = 2;
	fds[1] = listen_somewhere(d);
	d->policy = policy_open(
	    d->base, &conf, fds, d->table, &d->board, NULL, NULL, NULL);
	assert_non_null(d->policy);
	client = dial(d);
	ask(d, client, BANNED, REFUSAL);
	close(client);
	policy_close(d->policy);
	d->policy = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
		WITH_DOOR(stopping_closes_who_rests_and_answers_who_asks),
		WITH_DOOR(stopping_answers_what_had_arrived),
		WITH_DOOR(stopping_does_not_wait_for_ever),
		cmocka_unit_test(closing_nothing_is_allowed),
		WITH_DOOR(door_that_cannot_open_says_which_address),
		WITH_DOOR(address_that_could_not_be_had_leaves_the_others_open),
	};

	return cmocka_run_group_tests_name("policy_limits", tests, NULL, NULL);
}
