/*
 * The engine's end of the line to the enforcer: what has changed goes out at
 * the end of a batch, what the firewall took comes back as a ban's state, and a
 * whole picture is sent whenever the enforcer asks for one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "mxward/log.h"

/* More changes than this at once are sent as a whole picture instead. */
#define DIRTY_MAX   100000
#define RETRY_FIRST 1
#define RETRY_MAX   60

struct change {
	struct prefix key;
	uint8_t group;
};

struct enforce {
	struct engine *e;
	struct desired_groups groups;
	bool on;
	int sock; /* to the enforcer, or -1 */
	struct event *readable, *writable, *retry;
	unsigned pause; /* before failed ones are tried again, in seconds */
	struct change *dirty;
	size_t ndirty, cdirty;
	/* A whole picture on its way: from BEGIN to the SYNCED that answers. */
	struct element *picture;
	size_t npicture, sent;
	bool begun, sending, lost;
	struct prefix *friends;
	size_t nfriends;
	bool friends_due;
	bool failing;
	uint64_t repairs;
	char error[256];
};

static void hang_up(struct enforce *f);
static void begin_picture(struct enforce *f);
static bool send_friends(struct enforce *f);
static bool send_picture(struct enforce *f);
static bool send_changes(struct enforce *f);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_retry(evutil_socket_t fd, short what, void *arg);
static void on_applied(struct enforce *f, const struct msg *m);
static void on_synced(struct enforce *f, const struct msg *m);
static void mark(
    struct enforce *f, const struct element *el, enum ban_state state);
static void mark_pending_failed(struct enforce *f);

struct enforce *
enforce_start(struct engine *e)
{
	struct portgroup groups[PORTGROUPS_MAX];
	struct enforce *f = calloc(1, sizeof(*f));
	struct error err;

	if (!f)
		return NULL;
	f->e = e;
	f->sock = -1;
	f->on = e->w->conf->nft.enabled;
	f->pause = RETRY_FIRST;
	if (groups_of_config(
		e->w->conf, e->w->table, groups, &f->groups, &err) < 0)
		log_err("%s", err.text);
	f->retry = event_new(e->base, -1, 0, on_retry, f);
	return f;
}

void
enforce_stop(struct enforce *f)
{
	if (!f)
		return;
	hang_up(f);
	if (f->retry)
		event_free(f->retry);
	free(f->dirty);
	free(f->friends);
	free(f);
}

static void
hang_up(struct enforce *f)
{
	if (f->readable)
		event_free(f->readable);
	if (f->writable)
		event_free(f->writable);
	f->readable = f->writable = NULL;
	if (f->sock >= 0)
		close(f->sock);
	f->sock = -1;
	free(f->picture);
	f->picture = NULL;
	f->npicture = f->sent = 0;
	f->begun = f->sending = false;
}

void
enforce_peer(struct enforce *f, int sock)
{
	if (!f || !f->on) {
		close(sock);
		return;
	}
	hang_up(f);
	f->sock = sock;
	f->readable =
	    event_new(f->e->base, sock, EV_READ | EV_PERSIST, on_readable, f);
	f->writable = event_new(f->e->base, sock, EV_WRITE, on_writable, f);
	if (!f->readable || !f->writable) {
		hang_up(f);
		return;
	}
	event_add(f->readable, NULL);
	/* It asks for a picture as soon as it is ready: nothing goes before. */
	f->ndirty = 0;
	f->friends_due = true;
	f->lost = true;
}

void
enforce_changed(struct enforce *f, const struct prefix *key, uint16_t jail)
{
	struct change *grown;

	if (!f || !f->on || f->sock < 0 || jail >= BANTABLE_JAILS ||
	    f->groups.of_jail[jail] == NO_GROUP)
		return;
	if (f->ndirty == DIRTY_MAX) {
		f->lost = true;
		f->ndirty = 0;
	}
	if (f->ndirty == f->cdirty) {
		size_t c = f->cdirty ? f->cdirty * 2 : 64;
		grown = realloc(f->dirty, c * sizeof(*grown));
		if (!grown) {
			f->lost = true;
			return;
		}
		f->dirty = grown;
		f->cdirty = c;
	}
	f->dirty[f->ndirty++] =
	    (struct change){ *key, f->groups.of_jail[jail] };
}

void
enforce_flush(struct enforce *f)
{
	if (!f || f->sock < 0)
		return;
	if (f->lost && f->begun && !f->sending && !f->picture) {
		/* Too much was lost track of: begin a picture of our own. */
		begin_picture(f);
	}
	if ((f->friends_due && !send_friends(f)) ||
	    (f->sending && !send_picture(f)) || !send_changes(f))
		event_add(f->writable, NULL);
}

void
enforce_friends(struct enforce *f, const struct prefix *nets, size_t n)
{
	struct prefix *copy;

	if (!f)
		return;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return;
	memcpy(copy, nets, n * sizeof(*copy));
	free(f->friends);
	f->friends = copy;
	f->nfriends = n;
	f->friends_due = true;
	enforce_flush(f);
}

/* Fill a message from elements; returns how many fitted. */
static size_t
pack(struct msg *m, const struct element *el, size_t n)
{
	size_t take = n < MSG_ELEMENTS ? n : MSG_ELEMENTS;

	m->count = (uint16_t)take;
	memcpy(m->element, el, take * sizeof(*el));
	memset(m->done, 0, sizeof(m->done));
	return take;
}

/* Friends are few: sent whole or not at all. */
static bool
send_friends(struct enforce *f)
{
	struct msg m = { .type = MSG_FRIEND_BEGIN };
	struct element el;

	if (msg_send(f->sock, &m, -1) != 0)
		return false;
	for (size_t i = 0; i < f->nfriends; i++) {
		memset(&m, 0, sizeof(m));
		m.type = MSG_FRIEND_ITEM;
		el = (struct element){ .prefix = f->friends[i] };
		pack(&m, &el, 1);
		if (msg_send(f->sock, &m, -1) != 0)
			return false;
	}
	memset(&m, 0, sizeof(m));
	m.type = MSG_FRIEND_END;
	if (msg_send(f->sock, &m, -1) != 0)
		return false;
	f->friends_due = false;
	return true;
}

static void
begin_picture(struct enforce *f)
{
	long n;

	free(f->picture);
	f->picture = NULL;
	n = desired_all(f->e->w->table, &f->groups, wall_clock(), &f->picture);
	if (n < 0) {
		log_err("out of memory for a picture of the firewall");
		return;
	}
	f->npicture = (size_t)n;
	f->sent = 0;
	f->ndirty = 0; /* the picture holds them */
	f->lost = false;
	f->begun = true;
	f->sending = true;
}

static bool
send_picture(struct enforce *f)
{
	struct msg m = { .type = MSG_SYNC_BEGIN };

	if (f->sent == 0 && msg_send(f->sock, &m, -1) != 0)
		return false;
	while (f->sent < f->npicture) {
		size_t n;
		m.type = MSG_SYNC_ITEM;
		n = pack(&m, &f->picture[f->sent], f->npicture - f->sent);
		if (msg_send(f->sock, &m, -1) != 0)
			return false;
		f->sent += n;
	}
	memset(&m, 0, sizeof(m));
	m.type = MSG_SYNC_END;
	if (msg_send(f->sock, &m, -1) != 0)
		return false;
	f->sending = false;
	return true;
}

static bool
send_changes(struct enforce *f)
{
	struct msg m = { .type = MSG_ELEMENTS_APPLY };
	int64_t now = wall_clock();
	size_t done = 0;

	if (!f->begun)
		f->ndirty = 0;
	while (done < f->ndirty) {
		size_t n = f->ndirty - done;
		if (n > MSG_ELEMENTS)
			n = MSG_ELEMENTS;
		for (size_t i = 0; i < n; i++)
			desired_element(f->e->w->table, &f->groups,
			    &f->dirty[done + i].key, f->dirty[done + i].group,
			    now, &m.element[i]);
		m.count = (uint16_t)n;
		memset(m.done, 0, sizeof(m.done));
		if (msg_send(f->sock, &m, -1) != 0)
			break;
		done += n;
	}
	memmove(
	    f->dirty, f->dirty + done, (f->ndirty - done) * sizeof(*f->dirty));
	f->ndirty -= done;
	return f->ndirty == 0;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	enforce_flush(arg);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct enforce *f = arg;
	struct msg m;
	int rc = 1;

	(void)what;
	for (int i = 0; i < 256 && f->sock >= 0; i++) {
		rc = msg_recv(fd, &m, NULL);
		if (rc != 1)
			break;
		if (m.type == MSG_SYNC_WANTED) {
			begin_picture(f);
			enforce_flush(f);
		} else if (m.type == MSG_APPLIED) {
			on_applied(f, &m);
		} else if (m.type == MSG_SYNCED) {
			on_synced(f, &m);
		}
	}
	if (rc == 0) {
		hang_up(f);
		mark_pending_failed(f);
	}
}

static void
schedule_retry(struct enforce *f)
{
	struct timeval tv = { f->pause, 0 };

	if (evtimer_pending(f->retry, NULL))
		return;
	event_add(f->retry, &tv);
	f->pause = f->pause * 2 < RETRY_MAX ? f->pause * 2 : RETRY_MAX;
}

static void
on_applied(struct enforce *f, const struct msg *m)
{
	bool failed = false;

	for (size_t i = 0; i < m->count; i++) {
		failed |= m->done[i] != 0;
		if (m->element[i].op == ENFORCE_ADD)
			mark(f, &m->element[i],
			    m->done[i] ? BAN_FAILED : BAN_ENFORCED);
	}
	if (failed) {
		schedule_retry(f);
	} else if (!f->failing) {
		f->pause = RETRY_FIRST;
	}
}

static void
on_synced(struct enforce *f, const struct msg *m)
{
	if (m->value < 0) {
		if (!f->failing ||
		    strncmp(f->error, m->text, sizeof(f->error) - 1) != 0)
			log_err(
			    "nftables: %s; the doors go on refusing", m->text);
		f->failing = true;
		snprintf(f->error, sizeof(f->error), "%.250s", m->text);
		mark_pending_failed(f);
	} else {
		if (f->failing)
			log_info("nftables works again");
		f->failing = false;
		f->error[0] = '\0';
		f->repairs += (uint64_t)m->value;
		for (size_t i = 0; !f->sending && i < f->npicture; i++)
			mark(f, &f->picture[i], BAN_ENFORCED);
		if (m->value > 0)
			log_debug("the firewall needed %lld repairs",
			    (long long)m->value);
	}
	if (!f->sending) {
		free(f->picture);
		f->picture = NULL;
		f->npicture = 0;
	}
}

/* The bans behind an element: those of its prefix in jails of its group. */
static void
mark(struct enforce *f, const struct element *el, enum ban_state state)
{
	struct ban b[BANTABLE_JAILS];
	struct bantable *t = f->e->w->table;
	size_t n = bantable_of_key(t, &el->prefix, b, BANTABLE_JAILS);

	for (size_t i = 0; i < n && i < BANTABLE_JAILS; i++)
		if (b[i].jail < BANTABLE_JAILS &&
		    f->groups.of_jail[b[i].jail] == el->group &&
		    b[i].state != state)
			bantable_set_state(t, &el->prefix, b[i].jail, state);
}

static bool
fail_pending(void *arg, const struct ban *b)
{
	struct enforce *f = arg;

	if (b->state == BAN_PENDING && !(b->flags & (BAN_FRIEND | BAN_OVER)))
		bantable_set_state(
		    f->e->w->table, &b->key, b->jail, BAN_FAILED);
	return true;
}

static void
mark_pending_failed(struct enforce *f)
{
	bantable_each(f->e->w->table, fail_pending, f);
}

static bool
dirty_failed(void *arg, const struct ban *b)
{
	struct enforce *f = arg;

	if (b->state == BAN_FAILED && ban_in_force(b, wall_clock()))
		enforce_changed(f, &b->key, b->jail);
	return true;
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct enforce *f = arg;

	(void)fd;
	(void)what;
	bantable_each(f->e->w->table, dirty_failed, f);
	enforce_flush(f);
}

struct tally {
	const struct enforce *f;
	size_t of[3];
};

static bool
tally_ban(void *arg, const struct ban *b)
{
	struct tally *t = arg;

	if (enforce_covers(t->f, b->jail) && b->state <= BAN_FAILED &&
	    ban_in_force(b, wall_clock()))
		t->of[b->state]++;
	return true;
}

void
enforce_stats(struct enforce *f, struct enforce_stats *out)
{
	struct tally t = { f, { 0 } };

	memset(out, 0, sizeof(*out));
	out->state = "off";
	if (!f || !f->on)
		return;
	bantable_each(f->e->w->table, tally_ban, &t);
	out->state = f->failing || f->sock < 0 ? "failing" : "ok";
	out->pending = t.of[BAN_PENDING];
	out->enforced = t.of[BAN_ENFORCED];
	out->failed = t.of[BAN_FAILED];
	out->repairs = f->repairs;
	out->error = f->error[0] ? f->error : NULL;
}

bool
enforce_covers(const struct enforce *f, uint16_t jail)
{
	return f && f->on && jail < BANTABLE_JAILS &&
	    f->groups.of_jail[jail] != NO_GROUP;
}
