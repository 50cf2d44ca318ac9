/*
 * The enforcer's process: keeps nothing but the right to change the firewall,
 * and makes it hold what the engine says. A process of its own, because
 * reading back a large set takes a second, in which the warden must go on
 * hearing hearts and the doors answering.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "mxward/enforcer.h"
#include "mxward/log.h"

#define RETRY_MAX 60 /* seconds between two tries to begin */

struct firewall {
	const struct world *w;
	struct event_base *base;
	struct heart *heart;
	const struct enforcer_ops *ops;
	void *state; /* of ops, or NULL while it cannot begin */
	struct portgroup groups[PORTGROUPS_MAX];
	size_t ngroups;
	int engine;
	struct event *readable, *check, *retry;
	unsigned pause;
	/* Changes that have come, and how many each message brought. */
	struct element *changes;
	uint8_t *done;
	size_t nchanges, cchanges;
	struct element *picture;
	size_t npicture, cpicture;
	struct prefix *friends;
	size_t nfriends, cfriends;
};

static void begin(struct firewall *f);
static void talk_to(struct firewall *f, int sock);
static void on_msg(void *arg, const struct msg *m, int fd);
static void on_engine(evutil_socket_t fd, short what, void *arg);
static void on_check(evutil_socket_t fd, short what, void *arg);
static void on_retry(evutil_socket_t fd, short what, void *arg);
static void take(struct firewall *f, const struct msg *m);
static void apply(struct firewall *f);
static void reconcile(struct firewall *f);
static void answer_synced(struct firewall *f, long repairs, const char *why);

int
firewall_main(const struct world *w, struct inherit *in)
{
	const struct timeval every = { w->conf->nft.reconcile, 0 };
	const struct msg ready = { .type = MSG_READY };
	struct firewall f = {
		.w = w, .engine = -1, .pause = 1, .ops = &enforcer_nftables
	};
	struct error err;
	long n = groups_of_config(w->conf, w->table, f.groups, NULL, &err);

	identity_drop(&w->id, true);
	bantable_reopen_readonly(w->table);
	f.ngroups = n < 0 ? 0 : (size_t)n;
	f.base = event_base_new();
	if (!f.base || event_base_priority_init(f.base, 2) != 0)
		return 1;
	f.heart = heart_start(f.base, in->warden, on_msg, &f);
	f.check = event_new(f.base, -1, EV_PERSIST, on_check, &f);
	f.retry = event_new(f.base, -1, 0, on_retry, &f);
	if (!f.heart || !f.check || !f.retry)
		return 1;
	sandbox_enter(ROLE_ENFORCER);
	if (in->peer[ROLE_ENGINE] >= 0)
		talk_to(&f, in->peer[ROLE_ENGINE]);
	begin(&f);
	event_add(f.check, &every);
	heart_send(f.heart, &ready, -1);
	event_base_dispatch(f.base);
	if (f.state)
		f.ops->close(f.state);
	heart_stop(f.heart);
	return 0;
}

/* The engine is never waited for longer than this; it would ask again. */
static void
send_patiently(struct firewall *f, const struct msg *m)
{
	struct pollfd p = { .fd = f->engine, .events = POLLOUT };

	for (int i = 0; i < 20; i++) {
		if (msg_send(f->engine, m, -1) == 0 || errno != EAGAIN)
			return;
		poll(&p, 1, 50);
	}
	log_warn("the engine does not listen: a state it shows may be old");
}

static void
want_picture(struct firewall *f)
{
	const struct msg m = { .type = MSG_SYNC_WANTED };

	if (f->state && f->engine >= 0)
		msg_send(f->engine, &m, -1);
}

/* Open the firewall, now or after growing pauses; then ask for a picture. */
static void
begin(struct firewall *f)
{
	struct timeval later = { f->pause, 0 };
	struct error err;

	f->state = f->ops->open(&f->w->conf->nft, f->groups, f->ngroups, &err);
	if (f->state) {
		f->pause = 1;
		want_picture(f);
		return;
	}
	answer_synced(f, -1, err.text);
	f->pause = f->pause * 2 < RETRY_MAX ? f->pause * 2 : RETRY_MAX;
	event_add(f->retry, &later);
}

static void
talk_to(struct firewall *f, int sock)
{
	if (f->readable)
		event_free(f->readable);
	if (f->engine >= 0)
		close(f->engine);
	f->engine = sock;
	f->nchanges = f->npicture = f->nfriends = 0;
	f->readable =
	    event_new(f->base, sock, EV_READ | EV_PERSIST, on_engine, f);
	if (f->readable)
		event_add(f->readable, NULL);
	want_picture(f);
}

static void
on_msg(void *arg, const struct msg *m, int fd)
{
	struct firewall *f = arg;

	if (m->type == MSG_PEER && m->value == ROLE_ENGINE && fd >= 0) {
		talk_to(f, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (m->type == MSG_STOP)
		event_base_loopbreak(f->base);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin(arg);
}

/* Has anybody else touched the firewall? Then all of it is looked at. */
static void
on_check(evutil_socket_t fd, short what, void *arg)
{
	struct firewall *f = arg;
	struct error err;
	int rc;

	(void)fd;
	(void)what;
	if (!f->state)
		return;
	rc = f->ops->changed(f->state, &err);
	if (rc < 0)
		answer_synced(f, -1, err.text);
	if (rc != 0)
		want_picture(f);
}

static void
on_engine(evutil_socket_t fd, short what, void *arg)
{
	struct firewall *f = arg;
	struct msg m;
	int rc;

	(void)what;
	while ((rc = msg_recv(fd, &m, NULL)) == 1) {
		take(f, &m);
		if (f->nchanges >= f->w->conf->nft.batch)
			apply(f);
	}
	apply(f);
	if (rc == 0) {
		event_free(f->readable);
		f->readable = NULL;
		close(f->engine);
		f->engine = -1;
	}
}

/* Room for `more` items of `size` bytes; false when out of memory. */
static bool
make_room(void **items, size_t n, size_t *room, size_t more, size_t size)
{
	size_t c = *room ? *room : 256;
	void *grown;

	while (c < n + more)
		c *= 2;
	if (c == *room)
		return true;
	grown = realloc(*items, c * size);
	if (!grown)
		return false;
	*items = grown;
	*room = c;
	return true;
}

static void
take_elements(
    const struct msg *m, struct element **items, size_t *n, size_t *room)
{
	if (!make_room((void **)items, *n, room, m->count, sizeof(**items))) {
		log_err("out of memory for %zu firewall elements", *n);
		return;
	}
	memcpy(*items + *n, m->element, m->count * sizeof(**items));
	*n += m->count;
}

static void
take(struct firewall *f, const struct msg *m)
{
	struct error err;

	switch (m->type) {
	case MSG_ELEMENTS_APPLY:
		take_elements(m, &f->changes, &f->nchanges, &f->cchanges);
		break;
	case MSG_SYNC_BEGIN:
		apply(f); /* in the order in which they were said */
		f->npicture = 0;
		break;
	case MSG_SYNC_ITEM:
		take_elements(m, &f->picture, &f->npicture, &f->cpicture);
		break;
	case MSG_SYNC_END:
		reconcile(f);
		break;
	case MSG_FRIEND_BEGIN:
		f->nfriends = 0;
		break;
	case MSG_FRIEND_ITEM:
		if (m->count == 1 &&
		    make_room((void **)&f->friends, f->nfriends, &f->cfriends,
			1, sizeof(*f->friends)))
			f->friends[f->nfriends++] = m->element[0].prefix;
		break;
	case MSG_FRIEND_END:
		if (f->state &&
		    f->ops->friends(f->state, f->friends, f->nfriends, &err) !=
			0)
			answer_synced(f, -1, err.text);
		break;
	default:
		break;
	}
}

static void
apply(struct firewall *f)
{
	struct msg m = { .type = MSG_APPLIED };
	struct error err = { "" };
	size_t n = f->nchanges;

	f->nchanges = 0;
	if (n == 0 || f->engine < 0)
		return;
	f->done = calloc(n, 1);
	if (!f->done)
		return;
	if (!f->state)
		memset(f->done, 1, n);
	else if (f->ops->apply(f->state, f->changes, n, f->done, &err) != 0)
		log_warn("nftables: %s", err.text);
	for (size_t i = 0; i < n; i += m.count) {
		m.count =
		    (uint16_t)(n - i < MSG_ELEMENTS ? n - i : MSG_ELEMENTS);
		memcpy(m.element, f->changes + i, m.count * sizeof(*m.element));
		memcpy(m.done, f->done + i, m.count);
		send_patiently(f, &m);
	}
	free(f->done);
	f->done = NULL;
}

static void
reconcile(struct firewall *f)
{
	struct error err = { "" };
	long repairs = -1;

	if (f->state) {
		heart_beat(f->heart);
		repairs =
		    f->ops->reconcile(f->state, f->picture, f->npicture, &err);
		heart_beat(f->heart);
		answer_synced(f, repairs, err.text);
	}
	free(f->picture);
	f->picture = NULL;
	f->npicture = f->cpicture = 0;
}

static void
answer_synced(struct firewall *f, long repairs, const char *why)
{
	struct msg m = { .type = MSG_SYNCED, .value = repairs };

	if (f->engine < 0)
		return;
	if (repairs < 0)
		snprintf(m.text, sizeof(m.text), "%s", why);
	send_patiently(f, &m);
}
