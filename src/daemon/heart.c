/*
 * The child's end of its line to the warden: a beat twice a second from the
 * process's own loop, so that a loop that hangs falls silent; and the few
 * questions only the warden may answer.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon.h"
#include "mxward/log.h"

#define ASK_MS   1000
#define KEPT_MAX 32

struct heart {
	int sock;
	struct event *readable, *beat, *kept_event;
	void (*on_msg)(void *arg, const struct msg *m, int fd);
	void *arg;
	/* Messages that came while an answer was awaited. */
	struct {
		struct msg m;
		int fd;
	} kept[KEPT_MAX];
	size_t nkept;
};

static void on_beat(evutil_socket_t fd, short what, void *arg);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_kept(evutil_socket_t fd, short what, void *arg);
static void keep(struct heart *h, const struct msg *m, int fd);

struct heart *
heart_start(struct event_base *base, int sock,
    void (*on_msg)(void *arg, const struct msg *m, int fd), void *arg)
{
	const struct timeval every = { 0, HEARTBEAT_MS * 1000 };
	struct heart *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->sock = sock;
	h->on_msg = on_msg;
	h->arg = arg;
	h->readable =
	    event_new(base, sock, EV_READ | EV_PERSIST, on_readable, h);
	h->beat = event_new(base, -1, EV_PERSIST, on_beat, h);
	h->kept_event = event_new(base, -1, 0, on_kept, h);
	if (!h->readable || !h->beat || !h->kept_event) {
		heart_stop(h);
		return NULL;
	}
	event_priority_set(h->readable, 0);
	event_priority_set(h->beat, 0);
	event_add(h->readable, NULL);
	event_add(h->beat, &every);
	heart_beat(h);
	return h;
}

void
heart_stop(struct heart *h)
{
	if (!h)
		return;
	if (h->readable)
		event_free(h->readable);
	if (h->beat)
		event_free(h->beat);
	if (h->kept_event)
		event_free(h->kept_event);
	for (size_t i = 0; i < h->nkept; i++)
		if (h->kept[i].fd >= 0)
			close(h->kept[i].fd);
	free(h);
}

void
heart_beat(struct heart *h)
{
	const struct msg m = { .type = MSG_HEARTBEAT };

	heart_send(h, &m, -1);
}

int
heart_send(struct heart *h, const struct msg *m, int fd)
{
	return msg_send(h->sock, m, fd);
}

int
heart_ask(struct heart *h, const struct msg *question, int qfd,
    enum msg_type answer, struct msg *m, int *fd)
{
	struct pollfd p = { .fd = h->sock, .events = POLLIN };
	int64_t until = monotonic_ms() + ASK_MS, left;

	if (heart_send(h, question, qfd) != 0)
		return -1;
	while ((left = until - monotonic_ms()) > 0) {
		int rc = poll(&p, 1, (int)left);
		if (rc < 0 && errno != EINTR)
			return -1;
		if (rc <= 0)
			continue;
		rc = msg_recv(h->sock, m, fd);
		if (rc == 1 && m->type == answer)
			return 0;
		if (rc == 1)
			keep(h, m, *fd);
		else if (rc == 0)
			return -1;
	}
	errno = ETIMEDOUT;
	return -1;
}

static void
keep(struct heart *h, const struct msg *m, int fd)
{
	if (h->nkept == KEPT_MAX) {
		log_err("more than %d messages came while waiting for the "
			"warden; one of type %u is lost",
		    KEPT_MAX, m->type);
		if (fd >= 0)
			close(fd);
		return;
	}
	h->kept[h->nkept].m = *m;
	h->kept[h->nkept++].fd = fd;
	event_active(h->kept_event, EV_TIMEOUT, 0);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	heart_beat(arg);
}

static void
on_kept(evutil_socket_t fd, short what, void *arg)
{
	struct heart *h = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < h->nkept; i++)
		h->on_msg(h->arg, &h->kept[i].m, h->kept[i].fd);
	h->nkept = 0;
}

static void
on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct heart *h = arg;
	struct msg m;
	int fd, rc;

	(void)what;
	while ((rc = msg_recv(sock, &m, &fd)) == 1)
		h->on_msg(h->arg, &m, fd);
	if (rc == 0) {
		/* The warden is gone, and with it all who would need us. */
		m = (struct msg){ .type = MSG_STOP };
		event_del(h->readable);
		h->on_msg(h->arg, &m, -1);
	}
}
