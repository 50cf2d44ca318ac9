/*
 * The policy door: its listening sockets, and the end of idle connections.
 *
 * One coarse timer sweeps over all connections, whatever their number; they
 * keep the sweep in which they last did something, and no clock.
 */
#include "doors_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

/* How long one who was asking something when the door began to close has. */
#define DRAIN_SECONDS 4
/* Without descriptors or memory, accepting again at once would only spin. */
#define PAUSE_MS 250
/* Connections that may wait in a listening socket when it is given up. */
#define BACKLOG_MAX 4096

static int policy_listen(struct policy *p, const int *fds, struct error *err);
static void policy_free(struct policy *p);
static void policy_unlisten(struct policy *p);
static int sweep_every(struct policy *p, unsigned seconds);
static void on_sweep(evutil_socket_t fd, short what, void *arg);
static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg);
static void on_accept_error(struct evconnlistener *l, void *arg);
static void on_pause_over(evutil_socket_t fd, short what, void *arg);
static void accept_waiting(struct policy *p, int listener);

struct policy *
policy_open(struct event_base *base, const struct policy_conf *conf,
    const int *fds, const struct bantable *table, struct board *board,
    void (*on_refused)(
	void *arg, enum door, const struct addr *host, const struct ban *b),
    void *arg, struct error *err)
{
	struct policy *p;

	p = calloc(1, sizeof(*p) + conf->nlisten * sizeof(p->socket[0]));
	if (p == NULL) {
		error_set(err, "policy: out of memory");
		return NULL;
	}
	p->base = base;
	p->conf = conf;
	p->table = table;
	p->count = &board->door[DOOR_POLICY];
	p->on_refused = on_refused;
	p->arg = arg;
	LIST_INIT(&p->conns);
	p->sweep = event_new(base, -1, EV_PERSIST, on_sweep, p);
	p->pause = event_new(base, -1, 0, on_pause_over, p);
	if (p->sweep == NULL || p->pause == NULL ||
	    (conf->idle > 0 && sweep_every(p, conf->idle) != 0)) {
		error_set(err, "policy: no timer: out of memory");
		policy_free(p);
		return NULL;
	}
	if (policy_listen(p, fds, err) != 0) {
		policy_free(p);
		return NULL;
	}
	return p;
}

void
policy_stop_accepting(struct policy *p)
{
	struct policy_conn *c, *next;

	if (p->draining)
		return;
	for (size_t i = 0; i < p->nsockets; i++)
		accept_waiting(p, p->socket[i].fd);
	policy_unlisten(p);
	p->draining = true;
	/* Should the timer fail, the door's owner ends with policy_close. */
	(void)sweep_every(p, DRAIN_SECONDS);
	for (c = LIST_FIRST(&p->conns); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		c->stamp = p->tick;
		/* What has arrived is answered first. One that has not asked
		 * yet has connected in order to. */
		if (policy_conn_read(c) && c->served && policy_conn_resting(c))
			policy_conn_close(c);
	}
}

size_t
policy_connections(const struct policy *p)
{
	return p->nconns;
}

void
policy_close(struct policy *p)
{
	if (p == NULL)
		return;
	while (!LIST_EMPTY(&p->conns))
		policy_conn_close(LIST_FIRST(&p->conns));
	policy_unlisten(p);
	policy_free(p);
}

static int
policy_listen(struct policy *p, const int *fds, struct error *err)
{
	struct evconnlistener *l;
	int flags;

	for (size_t i = 0; i < p->conf->nlisten; i++) {
		if (fds[i] == -1)
			continue;
		flags = fcntl(fds[i], F_GETFL);
		if (flags == -1 ||
		    fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) == -1)
			return error_set(err, "policy: %s: %s",
			    p->conf->listen[i].text, strerror(errno));
		l = evconnlistener_new(
		    p->base, on_accept, p, LEV_OPT_CLOSE_ON_EXEC, 0, fds[i]);
		if (l == NULL)
			return error_set(err,
			    "policy: %s: cannot wait for "
			    "connections: out of memory",
			    p->conf->listen[i].text);
		evconnlistener_set_error_cb(l, on_accept_error);
		p->socket[p->nsockets++] = (struct policy_socket){ fds[i], l };
	}
	return 0;
}

/* All but the connections and the listening descriptors. */
static void
policy_free(struct policy *p)
{
	for (size_t i = 0; i < p->nsockets; i++)
		evconnlistener_free(p->socket[i].listener);
	if (p->sweep != NULL)
		event_free(p->sweep);
	if (p->pause != NULL)
		event_free(p->pause);
	free(p);
}

static void
policy_unlisten(struct policy *p)
{
	for (size_t i = 0; i < p->nsockets; i++) {
		evconnlistener_free(p->socket[i].listener);
		close(p->socket[i].fd);
	}
	p->nsockets = 0;
	event_del(p->pause);
}

static int
sweep_every(struct policy *p, unsigned seconds)
{
	struct timeval tv = { seconds / POLICY_SWEEPS,
		(suseconds_t)(seconds % POLICY_SWEEPS) *
		    (1000000 / POLICY_SWEEPS) };

	return event_add(p->sweep, &tv);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct policy *p = arg;
	struct policy_conn *c, *next;

	(void)fd;
	(void)what;
	p->tick++;
	for (c = LIST_FIRST(&p->conns); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (p->tick - c->stamp <= POLICY_SWEEPS)
			continue;
		if (!policy_conn_resting(c))
			policy_count(&p->count->malformed);
		policy_conn_close(c);
	}
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	(void)l;
	(void)sa;
	(void)len;
	policy_conn_add(arg, fd);
}

static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	struct policy *p = arg;
	struct timeval tv = { 0, PAUSE_MS * 1000 };

	/* A pause that cannot be ended again must not begin. */
	if (event_add(p->pause, &tv) == 0)
		evconnlistener_disable(l);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct policy *p = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < p->nsockets; i++)
		evconnlistener_enable(p->socket[i].listener);
}

/* Closing a listening socket resets those who wait in it. */
static void
accept_waiting(struct policy *p, int listener)
{
	int fd;

	for (int i = 0; i < BACKLOG_MAX; i++) {
		fd =
		    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			return;
		policy_conn_add(p, fd);
	}
}
