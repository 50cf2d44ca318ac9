/* Messages between processes: every type, and what is no message. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mxward/msg.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD         offsetof(struct msg, text)

static const enum msg_type plain[] = { MSG_HEARTBEAT, MSG_SYNC_BEGIN,
	MSG_SYNC_END, MSG_FRIEND_BEGIN, MSG_FRIEND_END, MSG_RELOAD, MSG_OPENED,
	MSG_WATCHED, MSG_SYNC_WANTED, MSG_STOP, MSG_PEER, MSG_READY };
static const enum msg_type texts[] = { MSG_OPEN, MSG_WATCH, MSG_SYNCED,
	MSG_RELOADED };
static const enum msg_type lists[] = { MSG_ELEMENTS_APPLY, MSG_SYNC_ITEM,
	MSG_FRIEND_ITEM, MSG_APPLIED };

struct pair {
	int fd[2];
};

static int
setup(void **state)
{
	struct pair *p = malloc(sizeof(*p));

	assert_non_null(p);
	assert_int_equal(msg_pair(p->fd), 0);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *p = *state;

	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
	return 0;
}

/* Send, and return what arrives; its length on the wire to *n. */
static struct msg
pass(struct pair *p, const struct msg *m, ssize_t *n)
{
	struct msg out;
	char raw[2 * sizeof(struct msg)];

	assert_int_equal(msg_send(p->fd[0], m, -1), 0);
	*n = recv(p->fd[1], raw, sizeof(raw), MSG_PEEK);
	/* What is not sent must not be what was there before. */
	memset(&out, 0xaa, sizeof(out));
	assert_int_equal(msg_recv(p->fd[1], &out, NULL), 1);
	assert_int_equal(out.type, m->type);
	assert_int_equal(out.value, m->value);
	assert_int_equal(out.reserved, 0);
	return out;
}

static struct msg
list(enum msg_type type, uint16_t count)
{
	struct msg m = { .type = (uint16_t)type, .count = count, .value = 7 };

	for (uint16_t i = 0; i < count; i++) {
		m.element[i].prefix.addr.b[0] = (uint8_t)(i + 1);
		m.element[i].prefix.len = 64;
		m.element[i].group = (uint8_t)(i % PORTGROUPS_MAX);
		m.element[i].op = i % 2;
		m.element[i].end = 1000 + i;
		m.done[i] = i % 2;
	}
	return m;
}

static void
send_raw(struct pair *p, const void *bytes, size_t n)
{
	assert_int_equal(send(p->fd[0], bytes, n, 0), (ssize_t)n);
}

static void
expect_refused(struct pair *p, const void *bytes, size_t n)
{
	struct msg m;
	int fd = 99;

	send_raw(p, bytes, n);
	errno = 0;
	assert_int_equal(msg_recv(p->fd[1], &m, &fd), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(fd, -1);
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* As a hostile peer would. */
static void
send_with_fds(struct pair *p, const struct msg *m, size_t n, size_t nfds)
{
	struct iovec iov = { (void *)m, n };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(nfds * sizeof(int)) };
	int fds[8];

	for (size_t i = 0; i < nfds; i++)
		fds[i] = STDIN_FILENO;
	control.align = (struct cmsghdr){ CMSG_LEN(nfds * sizeof(int)),
		SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), fds, nfds * sizeof(int));
	assert_int_equal(sendmsg(p->fd[0], &h, 0), (ssize_t)n);
}

static void
every_type_is_of_one_kind(void **state)
{
	unsigned seen[MSG_LAST + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		seen[plain[i]]++;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		seen[texts[i]]++;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		seen[lists[i]]++;
	for (unsigned i = 1; i <= MSG_LAST; i++)
		assert_int_equal(seen[i], 1);
}

static void
plain_message_arrives_with_its_value_alone(void **state)
{
	static const int64_t values[] = { 0, 1, -1, INT64_MAX, INT64_MIN };
	struct msg m, got;
	ssize_t n;

	memset(&m, 'x', sizeof(m));
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			m.type = (uint16_t)plain[i];
			m.value = values[k];
			got = pass(*state, &m, &n);
			assert_int_equal(n, HEAD);
			assert_int_equal(got.count, 0);
			assert_string_equal(got.text, "");
		}
}

static void
text_arrives_and_no_more_is_sent(void **state)
{
	struct msg m, got;
	ssize_t n;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t len = 0; len < MSG_TEXT; len += 341) {
			memset(&m, 'x', sizeof(m));
			m.type = (uint16_t)texts[i];
			m.text[len] = '\0';
			got = pass(*state, &m, &n);
			assert_int_equal(n, HEAD + len + 1);
			assert_string_equal(got.text, m.text);
			assert_int_equal(got.count, 0);
		}
}

static void
elements_arrive_and_no_more_are_sent(void **state)
{
	struct msg m, got;
	size_t want;
	ssize_t n;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (uint16_t c = 0; c <= MSG_ELEMENTS; c++) {
			m = list(lists[i], c);
			got = pass(*state, &m, &n);
			want = HEAD + c * sizeof(struct element) +
			    (lists[i] == MSG_APPLIED ? c : 0);
			assert_int_equal(n, want);
			assert_int_equal(got.count, c);
			if (lists[i] != MSG_APPLIED)
				memset(m.done, 0, sizeof(m.done));
			assert_memory_equal(
			    got.element, m.element, sizeof(m.element));
			assert_memory_equal(got.done, m.done, sizeof(m.done));
		}
}

static void
what_is_no_message_is_not_sent(void **state)
{
	struct pair *p = *state;
	struct msg m = { .type = MSG_OPEN }, got;

	memset(m.text, 'x', sizeof(m.text));
	assert_int_equal(msg_send(p->fd[0], &m, -1), -1);
	assert_int_equal(errno, EINVAL);
	m = list(MSG_SYNC_ITEM, 1);
	m.count = MSG_ELEMENTS + 1;
	assert_int_equal(msg_send(p->fd[0], &m, -1), -1);
	assert_int_equal(errno, EINVAL);
	m = (struct msg){ .type = 0 };
	assert_int_equal(msg_send(p->fd[0], &m, -1), -1);
	m.type = MSG_LAST + 1;
	assert_int_equal(msg_send(p->fd[0], &m, -1), -1);
	assert_int_equal(msg_recv(p->fd[1], &got, NULL), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
message_of_the_wrong_size_is_refused(void **state)
{
	struct pair *p = *state;
	char bytes[sizeof(struct msg) + 64] = { 0 };
	struct msg m = { .type = MSG_HEARTBEAT };

	for (size_t n = 1; n < HEAD; n++)
		expect_refused(p, &m, n);
	expect_refused(p, &m, HEAD + 1);
	expect_refused(p, &m, sizeof(m));
	memcpy(bytes, &m, sizeof(m));
	expect_refused(p, bytes, sizeof(bytes));
	/* The largest there is: what is cut off must not go unnoticed. */
	m = list(MSG_APPLIED, MSG_ELEMENTS);
	memcpy(bytes, &m, sizeof(m));
	send_raw(p, bytes, sizeof(m));
	assert_int_equal(msg_recv(p->fd[1], &m, NULL), 1);
	expect_refused(p, bytes, sizeof(m) + 1);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		size_t whole = HEAD + 3 * sizeof(struct element) +
		    (lists[i] == MSG_APPLIED ? 3 : 0);

		m = list(lists[i], 3);
		expect_refused(p, &m, whole - 1);
		expect_refused(p, &m, whole + 1);
		expect_refused(p, &m, HEAD);
	}
}

static void
message_of_an_unknown_type_is_refused(void **state)
{
	static const uint16_t types[] = { 0, MSG_LAST + 1, 255, 256, 65535 };
	struct msg m = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		m.type = types[i];
		expect_refused(*state, &m, HEAD);
	}
}

static void
count_out_of_range_is_refused(void **state)
{
	static const uint16_t counts[] = { MSG_ELEMENTS + 1, 255, 32768,
		65535 };
	struct msg m = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
			m = list(lists[i], MSG_ELEMENTS);
			m.count = counts[k];
			expect_refused(*state, &m, sizeof(m));
			expect_refused(*state, &m, HEAD);
		}
	m = (struct msg){ .type = MSG_HEARTBEAT, .count = 1 };
	expect_refused(*state, &m, HEAD);
	m = (struct msg){ .type = MSG_OPEN, .count = 1 };
	expect_refused(*state, &m, HEAD + 1);
	m = (struct msg){ .type = MSG_HEARTBEAT, .reserved = 1 };
	expect_refused(*state, &m, HEAD);
}

static void
text_without_its_nul_or_with_two_is_refused(void **state)
{
	struct msg m = { .type = MSG_OPEN, .text = "/var/log/mail.log" };

	expect_refused(*state, &m, HEAD);
	expect_refused(*state, &m, HEAD + 4);
	expect_refused(*state, &m, HEAD + strlen(m.text) + 2);
	memset(m.text, 'x', sizeof(m.text));
	expect_refused(*state, &m, HEAD + MSG_TEXT);
	m.text[MSG_TEXT - 1] = '\0';
	expect_refused(*state, &m, HEAD + MSG_TEXT + 1);
}

static void
element_that_is_none_is_refused(void **state)
{
	size_t n = HEAD + 2 * sizeof(struct element);
	struct msg m;

	m = list(MSG_SYNC_ITEM, 2);
	m.element[1].prefix.len = 129;
	expect_refused(*state, &m, n);
	m = list(MSG_SYNC_ITEM, 2);
	m.element[1].group = PORTGROUPS_MAX;
	expect_refused(*state, &m, n);
	m = list(MSG_SYNC_ITEM, 2);
	m.element[1].op = ENFORCE_DEL + 1;
	expect_refused(*state, &m, n);
	m = list(MSG_SYNC_ITEM, 2);
	m.element[1].prefix.addr.b[15] = 1; /* beyond its length */
	expect_refused(*state, &m, n);
	m = list(MSG_APPLIED, 2);
	memset((char *)&m + n, 2, 2);
	expect_refused(*state, &m, n + 2);
}

static void
good_message_behind_a_bad_one_arrives(void **state)
{
	struct pair *p = *state;
	struct msg bad = { .type = 200 }, good = { .type = MSG_RELOAD };
	ssize_t n;

	expect_refused(p, &bad, HEAD);
	pass(p, &good, &n);
}

static void
descriptor_arrives_closed_on_exec(void **state)
{
	struct pair *p = *state;
	struct msg m = { .type = MSG_OPENED }, got;
	struct stat a, b;
	int pipefd[2], fd;

	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(msg_send(p->fd[0], &m, pipefd[0]), 0);
	assert_int_equal(msg_recv(p->fd[1], &got, &fd), 1);
	assert_int_not_equal(fd, -1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(pipefd[0], &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	close(fd);
	close(pipefd[0]);
	close(pipefd[1]);
	m = (struct msg){ .type = MSG_WATCH, .text = "/var/log" };
	assert_int_equal(msg_send(p->fd[0], &m, STDIN_FILENO), 0);
	assert_int_equal(msg_recv(p->fd[1], &got, &fd), 1);
	assert_string_equal(got.text, "/var/log");
	close(fd);
	assert_int_equal(msg_send(p->fd[0], &m, -1), 0);
	assert_int_equal(msg_recv(p->fd[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
}

static void
descriptor_that_nobody_wants_is_closed(void **state)
{
	struct pair *p = *state;
	unsigned before = open_descriptors();
	struct msg m = { .type = MSG_OPENED }, got;
	int fd;

	assert_int_equal(msg_send(p->fd[0], &m, STDIN_FILENO), 0);
	assert_int_equal(msg_recv(p->fd[1], &got, NULL), 1);
	assert_int_equal(open_descriptors(), before);
	m.type = 200;
	send_with_fds(p, &m, HEAD, 1);
	assert_int_equal(msg_recv(p->fd[1], &got, &fd), -1);
	assert_int_equal(fd, -1);
	assert_int_equal(open_descriptors(), before);
}

static void
more_than_one_descriptor_is_refused_and_none_leaks(void **state)
{
	struct pair *p = *state;
	unsigned before = open_descriptors();
	struct msg m = { .type = MSG_HEARTBEAT }, got;
	int fd;

	for (size_t n = 2; n <= 8; n++) {
		send_with_fds(p, &m, HEAD, n);
		assert_int_equal(msg_recv(p->fd[1], &got, &fd), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(fd, -1);
		assert_int_equal(open_descriptors(), before);
	}
}

static void
nothing_there_is_not_an_end(void **state)
{
	struct pair *p = *state;
	struct msg m;
	int fd = 99;

	assert_int_equal(msg_recv(p->fd[1], &m, &fd), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd, -1);
}

static void
other_side_gone_is_an_end_after_what_it_sent(void **state)
{
	struct pair *p = *state;
	struct msg m = { .type = MSG_STOP };

	assert_int_equal(msg_send(p->fd[0], &m, -1), 0);
	close(p->fd[0]);
	p->fd[0] = -1;
	assert_int_equal(msg_recv(p->fd[1], &m, NULL), 1);
	assert_int_equal(m.type, MSG_STOP);
	assert_int_equal(msg_recv(p->fd[1], &m, NULL), 0);
	assert_int_equal(msg_send(p->fd[1], &m, -1), -1);
	assert_int_equal(errno, EPIPE);
}

static void
other_side_behind_is_told_and_nothing_is_lost(void **state)
{
	struct pair *p = *state;
	struct msg m = list(MSG_ELEMENTS_APPLY, MSG_ELEMENTS);
	int64_t sent = 0, got = 0;

	while (sent < 100000) {
		m.value = sent;
		if (msg_send(p->fd[0], &m, -1) != 0)
			break;
		sent++;
	}
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 8);
	while (msg_recv(p->fd[1], &m, NULL) == 1)
		assert_int_equal(m.value, got++);
	assert_int_equal(got, sent);
}

static void
pair_does_not_block_and_is_not_inherited(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(p->fd[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(p->fd[i], F_GETFD) & FD_CLOEXEC);
	}
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_of_one_kind),
		WITH_PAIR(plain_message_arrives_with_its_value_alone),
		WITH_PAIR(text_arrives_and_no_more_is_sent),
		WITH_PAIR(elements_arrive_and_no_more_are_sent),
		WITH_PAIR(what_is_no_message_is_not_sent),
		WITH_PAIR(message_of_the_wrong_size_is_refused),
		WITH_PAIR(message_of_an_unknown_type_is_refused),
		WITH_PAIR(count_out_of_range_is_refused),
		WITH_PAIR(text_without_its_nul_or_with_two_is_refused),
		WITH_PAIR(element_that_is_none_is_refused),
		WITH_PAIR(good_message_behind_a_bad_one_arrives),
		WITH_PAIR(descriptor_arrives_closed_on_exec),
		WITH_PAIR(descriptor_that_nobody_wants_is_closed),
		WITH_PAIR(more_than_one_descriptor_is_refused_and_none_leaks),
		WITH_PAIR(nothing_there_is_not_an_end),
		WITH_PAIR(other_side_gone_is_an_end_after_what_it_sent),
		WITH_PAIR(other_side_behind_is_told_and_nothing_is_lost),
		WITH_PAIR(pair_does_not_block_and_is_not_inherited),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
