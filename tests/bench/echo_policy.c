/*
 * echo_policy [--raw] PORT|PATH: a policy server on libevent that answers DUNNO
 * to everything and does nothing else, for the policy door to be measured
 * against.
 *
 * Written as libevent's manual suggests, with bufferevents, it needs five
 * system calls for a request; it is what most servers would be, not the limit.
 * With --raw it needs the two that cannot be avoided (and epoll_wait), which
 * leaves the limit: what the door loses to that one is the price of parsing,
 * looking up and answering.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#define BACKLOG 512

static const char usage[] =
    "usage: echo_policy [--raw] PORT|PATH\n"
    "Answer every Postfix policy request with DUNNO, on a loopback port or\n"
    "on a unix socket (PATH begins with '/' or '.').\n"
    "  --raw   recv and send instead of bufferevents: the limit\n"
    "  --help  this text\n";

static const char dunno[] = "action=DUNNO\n\n";

struct raw {
	struct event *readable;
	size_t used;
	char in[16384];
};

static struct evconnlistener *listen_at(
    struct event_base *base, const char *where, evconnlistener_cb accepted);
static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg);
static void on_read(struct bufferevent *b, void *arg);
static void on_event(struct bufferevent *b, short what, void *arg);
static void on_accept_raw(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg);
static void on_read_raw(evutil_socket_t fd, short what, void *arg);
static bool answer_raw(evutil_socket_t fd, struct raw *r);

int
main(int argc, char **argv)
{
	struct event_base *base;
	bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;
	const char *where = argv[raw ? 2 : 1];

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != (raw ? 3 : 2)) {
		fputs(usage, stderr);
		return 2;
	}
	if ((base = event_base_new()) == NULL) {
		fprintf(stderr, "echo_policy: no event base\n");
		return 1;
	}
	if (listen_at(base, where, raw ? on_accept_raw : on_accept) == NULL) {
		fprintf(
		    stderr, "echo_policy: %s: %s\n", where, strerror(errno));
		return 1;
	}
	return event_base_dispatch(base) == -1;
}

static struct evconnlistener *
listen_at(
    struct event_base *base, const char *where, evconnlistener_cb accepted)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	unsigned long port;
	char *end;

	if (where[0] == '/' || where[0] == '.') {
		if (strlen(where) >= sizeof(sun.sun_path)) {
			errno = ENAMETOOLONG;
			return NULL;
		}
		memcpy(sun.sun_path, where, strlen(where));
		unlink(where);
		return evconnlistener_new_bind(base, accepted, NULL,
		    LEV_OPT_CLOSE_ON_FREE, BACKLOG, (struct sockaddr *)&sun,
		    sizeof(sun));
	}
	port = strtoul(where, &end, 10);
	if (*end != '\0' || port == 0 || port > 65535) {
		errno = EINVAL;
		return NULL;
	}
	sin.sin_port = htons((uint16_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return evconnlistener_new_bind(base, accepted, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG,
	    (struct sockaddr *)&sin, sizeof(sin));
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct bufferevent *b;

	(void)sa;
	(void)len;
	(void)arg;
	b = bufferevent_socket_new(
	    evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
	if (b == NULL) {
		close(fd);
		return;
	}
	bufferevent_setcb(b, on_read, NULL, on_event, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void
on_read(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b);
	struct evbuffer_ptr end;

	(void)arg;
	for (;;) {
		end = evbuffer_search(in, "\n\n", 2, NULL);
		if (end.pos < 0)
			return;
		evbuffer_drain(in, (size_t)end.pos + 2);
		bufferevent_write(b, dunno, sizeof(dunno) - 1);
	}
}

static void
on_event(struct bufferevent *b, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(b);
}

static void
on_accept_raw(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct raw *r = malloc(sizeof(*r));
	int on = 1;

	(void)sa;
	(void)len;
	(void)arg;
	if (r != NULL) {
		r->used = 0;
		r->readable = event_new(evconnlistener_get_base(l), fd,
		    EV_READ | EV_PERSIST, on_read_raw, r);
	}
	if (r == NULL || r->readable == NULL ||
	    event_add(r->readable, NULL) != 0) {
		free(r);
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
on_read_raw(evutil_socket_t fd, short what, void *arg)
{
	struct raw *r = arg;
	ssize_t n = recv(fd, r->in + r->used, sizeof(r->in) - r->used, 0);

	(void)what;
	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0) {
		r->used += (size_t)n;
		if (answer_raw(fd, r))
			return;
	}
	event_free(r->readable);
	close(fd);
	free(r);
}

static bool
answer_raw(evutil_socket_t fd, struct raw *r)
{
	const char *from = r->in, *end;
	size_t left = r->used;

	while ((end = memmem(from, left, "\n\n", 2)) != NULL) {
		left -= (size_t)(end - from) + 2;
		from = end + 2;
		if (send(fd, dunno, sizeof(dunno) - 1, MSG_NOSIGNAL) !=
		    (ssize_t)sizeof(dunno) - 1)
			return false;
	}
	memmove(r->in, from, left);
	r->used = left;
	return left < sizeof(r->in);
}
