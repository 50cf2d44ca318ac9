/*
 * Messages between the processes. On the wire: the head, then of the body as
 * much as is used, in one packet. The process with privileges reads what one
 * without them wrote, so nothing in a packet is believed before it is checked,
 * and whatever is not exactly what msg_send would have sent is refused.
 */
#include "mxward/msg.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD offsetof(struct msg, text)

enum body {
	BODY_UNKNOWN, /* no such type */
	BODY_NONE,
	BODY_TEXT,
	BODY_ELEMENTS,
	BODY_DONE /* elements, and done right behind the last of them */
};

static enum body body_of(unsigned type);
static size_t done_at(unsigned count);
static bool is_element(const struct element *e);
static int receive(int sock, struct msg *m, size_t *n, int *fd);
static int take_fds(struct msghdr *h, int *fd);
static bool is_whole(struct msg *m, size_t n);
static bool is_elements(const struct msg *m);
static void place_done(struct msg *m);

int
msg_send(int sock, const struct msg *m, int fd)
{
	struct msg head = { .type = m->type, .value = m->value };
	struct iovec iov[3] = { { &head, HEAD } };
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	enum body body = body_of(m->type);
	ssize_t n;

	if (body == BODY_UNKNOWN ||
	    (body == BODY_TEXT && memchr(m->text, '\0', MSG_TEXT) == NULL) ||
	    (body >= BODY_ELEMENTS && m->count > MSG_ELEMENTS)) {
		errno = EINVAL;
		return -1;
	}
	if (body == BODY_TEXT)
		iov[h.msg_iovlen++] =
		    (struct iovec){ (void *)m->text, strlen(m->text) + 1 };
	if (body >= BODY_ELEMENTS) {
		head.count = m->count;
		iov[h.msg_iovlen++] = (struct iovec){ (void *)m->element,
			m->count * sizeof(m->element[0]) };
	}
	if (body == BODY_DONE)
		iov[h.msg_iovlen++] =
		    (struct iovec){ (void *)m->done, m->count };
	if (fd != -1) {
		h.msg_control = control.buf;
		h.msg_controllen = sizeof(control.buf);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)),
			SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &h, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

int
msg_recv(int sock, struct msg *m, int *fd)
{
	size_t n;
	int got, rc;

	if (fd != NULL)
		*fd = -1;
	rc = receive(sock, m, &n, &got);
	if (rc == 1 && !is_whole(m, n)) {
		errno = EBADMSG;
		rc = -1;
	}
	if (got != -1 && rc == 1 && fd != NULL)
		*fd = got;
	else if (got != -1)
		close(got);
	return rc;
}

int
msg_pair(int fds[2])
{
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

static enum body
body_of(unsigned type)
{
	static const uint8_t bodies[MSG_LAST + 1] = {
		[MSG_HEARTBEAT] = BODY_NONE,
		[MSG_OPEN] = BODY_TEXT,
		[MSG_WATCH] = BODY_TEXT,
		[MSG_ELEMENTS_APPLY] = BODY_ELEMENTS,
		[MSG_SYNC_BEGIN] = BODY_NONE,
		[MSG_SYNC_ITEM] = BODY_ELEMENTS,
		[MSG_SYNC_END] = BODY_NONE,
		[MSG_FRIEND_BEGIN] = BODY_NONE,
		[MSG_FRIEND_ITEM] = BODY_ELEMENTS,
		[MSG_FRIEND_END] = BODY_NONE,
		[MSG_RELOAD] = BODY_NONE,
		[MSG_APPLIED] = BODY_DONE,
		[MSG_SYNC_WANTED] = BODY_NONE,
		[MSG_SYNCED] = BODY_TEXT,
		[MSG_OPENED] = BODY_NONE,
		[MSG_WATCHED] = BODY_NONE,
		[MSG_RELOADED] = BODY_TEXT,
		[MSG_STOP] = BODY_NONE,
		[MSG_PEER] = BODY_NONE,
		[MSG_READY] = BODY_NONE,
	};

	return type <= MSG_LAST ? (enum body)bodies[type] : BODY_UNKNOWN;
}

/* One packet and at most one descriptor, as they come. *n is the packet's
 * length. Returns as msg_recv. */
static int
receive(int sock, struct msg *m, size_t *n, int *fd)
{
	struct iovec iov = { m, sizeof(*m) };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	ssize_t got;
	int rc;

	*fd = -1;
	do
		got = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return errno == ECONNRESET ? 0 : -1;
	rc = take_fds(&h, fd);
	*n = (size_t)got;
	if (rc != 0 || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		errno = EBADMSG;
		return -1;
	}
	return got > 0;
}

/* The first descriptor goes to *fd, more of them are closed and an error: a
 * peer must not be able to fill the table of descriptors. */
static int
take_fds(struct msghdr *h, int *fd)
{
	struct cmsghdr *c;
	size_t n;
	int one, rc = 0;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(
			    &one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (*fd == -1) {
				*fd = one;
			} else {
				close(one);
				rc = -1;
			}
		}
	}
	return rc;
}

/* Whether the n bytes received are a message; if so, it is laid out as in the
 * sender, and what was not sent is zero. */
static bool
is_whole(struct msg *m, size_t n)
{
	enum body body;

	if (n < HEAD || m->reserved != 0)
		return false;
	body = body_of(m->type);
	if (body == BODY_UNKNOWN ||
	    (body < BODY_ELEMENTS ? m->count != 0 : m->count > MSG_ELEMENTS))
		return false;
	if (body == BODY_NONE && n != HEAD)
		return false;
	if (body == BODY_TEXT &&
	    (n == HEAD || n > HEAD + MSG_TEXT ||
		memchr(m->text, '\0', n - HEAD) != m->text + (n - HEAD) - 1))
		return false;
	if (body >= BODY_ELEMENTS &&
	    n != done_at(m->count) + (body == BODY_DONE ? m->count : 0))
		return false;
	memset((char *)m + n, 0, sizeof(*m) - n);
	if (body == BODY_DONE)
		place_done(m);
	return body < BODY_ELEMENTS || is_elements(m);
}

/* Where done stands in a packet with count elements. */
static size_t
done_at(unsigned count)
{
	return offsetof(struct msg, element) + count * sizeof(struct element);
}

static void
place_done(struct msg *m)
{
	char *from = (char *)m + done_at(m->count);

	memmove(m->done, from, m->count);
	memset(from, 0, (size_t)((char *)m->done - from));
}

static bool
is_elements(const struct msg *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (!is_element(&m->element[i]) || m->done[i] > 1)
			return false;
	return true;
}

/* Its fields become array indices, kernel objects and shifts. */
static bool
is_element(const struct element *e)
{
	struct prefix p;

	if (e->prefix.len > 128 || e->group >= PORTGROUPS_MAX ||
	    e->op > ENFORCE_DEL)
		return false;
	p = prefix_of(&e->prefix.addr, e->prefix.len);
	return memcmp(&p.addr, &e->prefix.addr, sizeof(p.addr)) == 0;
}
