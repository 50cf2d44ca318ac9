/*
 * The doors' process: answers, and does nothing else. It never touches a disk
 * and never waits for another process.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon.h"
#include "mxward/log.h"
#include "mxward/policy.h"

/* At most this long a cold start keeps clients waiting for the bans of the
 * last run, in ms; then it answers with what there is. */
#define RESTORE_WAIT_MS 1000
#define DRAIN_CHECK_MS  20

struct doors {
	const struct world *w;
	struct event_base *base;
	struct heart *heart;
	struct policy *policy;
	struct event *drain;
	int engine; /* socket to it, or -1 */
};

static void wait_for_restore(struct doors *d);
static void on_refused(
    void *arg, enum door door, const struct addr *host, const struct ban *b);
static void on_msg(void *arg, const struct msg *m, int fd);
static void on_drain(evutil_socket_t fd, short what, void *arg);

int
doors_main(const struct world *w, struct inherit *in)
{
	const struct msg ready = { .type = MSG_READY };
	struct doors d = { .w = w, .engine = in->peer[ROLE_ENGINE] };
	struct error err;

	identity_drop(&w->id, false);
	bantable_reopen_readonly(w->table);
	d.base = event_base_new();
	if (!d.base || event_base_priority_init(d.base, 2) != 0)
		return 1;
	d.heart = heart_start(d.base, in->warden, on_msg, &d);
	if (!d.heart)
		return 1;
	wait_for_restore(&d);
	d.policy = policy_open(d.base, &w->conf->policy, in->listener, w->table,
	    w->board, on_refused, &d, &err);
	if (!d.policy) {
		log_err("%s", err.text);
		return 1;
	}
	sandbox_enter(ROLE_DOORS);
	heart_send(d.heart, &ready, -1);
	event_base_dispatch(d.base);
	policy_close(d.policy);
	if (d.drain)
		event_free(d.drain);
	heart_stop(d.heart);
	event_base_free(d.base);
	return 0;
}

/* Clients wait in the listening sockets' queues meanwhile. */
static void
wait_for_restore(struct doors *d)
{
	const int64_t begin = monotonic_ms();

	while (
	    !d->w->board->restored && monotonic_ms() - begin < RESTORE_WAIT_MS)
		usleep(1000);
}

static void
on_refused(
    void *arg, enum door door, const struct addr *host, const struct ban *b)
{
	struct doors *d = arg;
	struct door_msg m = { .door = (uint8_t)door, .what = DOOR_REFUSED };

	if (d->engine < 0 || d->w->board->watchers == 0)
		return;
	m.jail = b->jail;
	m.when = wall_clock();
	m.host = *host;
	/* An engine that is behind hears less, and nobody waits. */
	(void)!send(d->engine, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
on_msg(void *arg, const struct msg *m, int fd)
{
	const struct timeval soon = { 0, DRAIN_CHECK_MS * 1000 };
	struct doors *d = arg;

	if (m->type == MSG_PEER && m->value == ROLE_ENGINE && fd >= 0) {
		if (d->engine >= 0)
			close(d->engine);
		d->engine = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
	if (m->type != MSG_STOP || d->drain)
		return;
	if (!d->policy) {
		event_base_loopbreak(d->base);
		return;
	}
	policy_stop_accepting(d->policy);
	d->drain = event_new(d->base, -1, EV_PERSIST, on_drain, d);
	event_add(d->drain, &soon);
	on_drain(-1, 0, d);
}

static void
on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct doors *d = arg;

	(void)fd;
	(void)what;
	if (policy_connections(d->policy) == 0)
		event_base_loopbreak(d->base);
}
