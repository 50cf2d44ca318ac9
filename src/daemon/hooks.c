/* What follows from a line: the judge's hooks, and the end of a batch. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "mxward/duration.h"
#include "mxward/log.h"

/* Filters that can have a say about one line. */
#define MATCHES_MAX 16

/*
 * While a backlog is read, one transaction holds the batches of so many
 * milliseconds: a page that ten batches touch is written once and not ten
 * times. Killed meanwhile, the engine reads them again, as it would one.
 */
#define COMMIT_MS 100

static uint64_t on_failure(void *arg, const struct failure *f);
static unsigned on_past_bans(
    void *arg, uint16_t jail, const struct prefix *key, int64_t since);
static uint64_t on_ban(
    void *arg, const struct ban *b, const struct window_refs *why);
static void on_cleared(void *arg, const struct window_refs *refs);
static void on_unban(void *arg, const struct ban *b, const char *why);

const struct judge_hooks engine_hooks = { on_failure, on_past_bans, on_ban,
	on_cleared, on_unban };

void
engine_line(void *arg, const struct line *l)
{
	struct engine *e = arg;
	struct match m[MATCHES_MAX];
	size_t n = router_match(e->router, l, m, MATCHES_MAX);

	for (size_t i = 0; i < n; i++) {
		judge_match(e->judge, &m[i], l->time, l->raw);
		if (m[i].verdict == VERDICT_SUCCESS &&
		    control_watched(e->control))
			control_on_success(e->control, &m[i], l);
	}
	e->batch = true;
}

void
engine_batch(void *arg)
{
	struct engine *e = arg;
	bool backlog = false;

	for (size_t i = 0; i < e->nsources; i++)
		backlog = backlog || !source_idle(e->sources[i]);
	if (!backlog || monotonic_ms() - e->committed >= COMMIT_MS)
		engine_commit(e);
	else
		enforce_flush(e->enforce);
}

void
engine_commit(void *arg)
{
	struct engine *e = arg;
	struct error err;

	if (e->batch && e->store && !store_broken(e->store)) {
		engine_save_totals(e);
		if (store_commit(e->store, &err) != 0) {
			log_err("%s; bans go on, nothing is lost while the log "
				"files are kept",
			    err.text);
			snprintf(e->store_error, sizeof(e->store_error),
			    "%.250s", err.text);
		}
	}
	e->batch = false;
	e->committed = monotonic_ms();
	if (!e->caught_up)
		engine_catch_up(e);
	enforce_flush(e->enforce);
}

static const char *
jail_name(const struct engine *e, uint16_t jail)
{
	return bantable_jail_name(e->w->table, jail);
}

static uint64_t
on_failure(void *arg, const struct failure *f)
{
	struct engine *e = arg;

	e->filter = f->filter;
	e->rule = f->rule;
	e->batch = true;
	if (control_watched(e->control))
		control_on_failure(e->control, f);
	return e->store ? store_failure(e->store, jail_name(e, f->jail), f) : 0;
}

static unsigned
on_past_bans(void *arg, uint16_t jail, const struct prefix *key, int64_t since)
{
	struct engine *e = arg;

	return e->store
	    ? store_ban_count(e->store, jail_name(e, jail), key, since)
	    : 0;
}

/* Why, in a few words: by hand, or the rule whose match was the last. */
static const char *
reason_of(const struct engine *e, const struct ban *b, char *buf, size_t size)
{
	if (b->origin == ORIGIN_MANUAL)
		return e->manual_reason;
	if (e->filter && e->filter[0])
		snprintf(buf, size, "%s/%s", e->filter, e->rule);
	else
		snprintf(buf, size, "banned again and again");
	return buf;
}

static uint64_t
on_ban(void *arg, const struct ban *b, const struct window_refs *why)
{
	struct engine *e = arg;
	char buf[160], key[PREFIX_STRLEN], length[32];
	const char *reason = reason_of(e, b, buf, sizeof(buf));
	uint64_t id = 0;

	e->batch = true;
	if (e->store) {
		id = store_ban(e->store, jail_name(e, b->jail), b, reason);
		if (id && why && why->n)
			store_failures_used(e->store, why->ref, why->n, id);
	}
	enforce_changed(e->enforce, &b->key, b->jail);
	log_write(LOG_NOTICE, "%s %s: jail %s, for %s%s%s",
	    b->flags & BAN_OBSERVE ? "would ban" : "ban",
	    prefix_format(&b->key, key), jail_name(e, b->jail),
	    duration_format(
		b->end == DURATION_FOREVER ? b->end : b->end - b->start, length,
		sizeof(length)),
	    reason ? ": " : "", reason ? reason : "");
	if (control_watched(e->control))
		control_on_ban(e->control, b, reason);
	return id;
}

static void
on_cleared(void *arg, const struct window_refs *refs)
{
	struct engine *e = arg;

	e->batch = true;
	if (e->store && refs->n)
		store_failures_used(e->store, refs->ref, refs->n, 0);
}

static void
on_unban(void *arg, const struct ban *b, const char *why)
{
	struct engine *e = arg;
	char key[PREFIX_STRLEN];

	e->batch = true;
	if (e->store && b->id)
		store_ban_over(e->store, b->id, wall_clock(), why);
	enforce_changed(e->enforce, &b->key, b->jail);
	log_info("unban %s: jail %s: %s", prefix_format(&b->key, key),
	    jail_name(e, b->jail), why);
	if (control_watched(e->control))
		control_on_unban(e->control, b, why);
}

void
engine_on_door(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	struct door_msg m;
	ssize_t n;

	(void)what;
	while ((n = recv(fd, &m, sizeof(m), MSG_DONTWAIT)) == sizeof(m))
		if (m.what == DOOR_REFUSED && m.door < DOOR_MAX)
			control_on_refused(e->control, &m);
	if (n == 0) {
		event_free(e->doors_event);
		e->doors_event = NULL;
		close(e->doors);
		e->doors = -1;
	}
}
