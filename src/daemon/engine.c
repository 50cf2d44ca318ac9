/*
 * The engine: sources → line → filter → judge → ban table, with the store, the
 * enforcer's line and the control socket beside it. One loop; the only writer
 * of the ban table.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine.h"
#include "mxward/duration.h"
#include "mxward/log.h"

/* Where processors are short, answering goes before working: a backlog must not
 * make the doors wait. A nice value. */
#define BEHIND_DOORS 5
/* Lines of one source are at most this much out of order, in seconds. */
#define DISORDER 600
/* A source that said nothing for a day no longer holds back the clock. */
#define SILENT        (24 * 3600)
#define STORE_RETRY_S 10
#define PRUNE_S       20
#define PRUNE_ROWS    2000 /* at once; the next second again if need be */
/* A judge_tick ends a few thousand bans; at most so many of them a second. */
#define TICK_ROUNDS 8
/* A first start reads no more than this of the past, in seconds. */
#define BEGIN_MAX (24 * 3600)

static int build(struct engine *e, struct error *err);
static void open_store(struct engine *e);
static void start_sources(struct engine *e);
static int64_t begin_time(const struct config *c, int64_t now);
static void listen_to_doors(struct engine *e, int sock);
static void on_msg(void *arg, const struct msg *m, int fd);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void finish(struct engine *e);

int
engine_main(const struct world *w, struct inherit *in)
{
	const struct msg ready = { .type = MSG_READY };
	const struct timeval second = { 1, 0 };
	struct engine e = { .w = w, .doors = -1 };
	struct error err;

	/* Nothing to be done if it fails. */
	(void)setpriority(PRIO_PROCESS, 0, BEHIND_DOORS);
	identity_drop(&w->id, false);
	e.base = event_base_new();
	if (!e.base || event_base_priority_init(e.base, 2) != 0)
		return 1;
	e.heart = heart_start(e.base, in->warden, on_msg, &e);
	if (!e.heart || build(&e, &err) != 0) {
		log_err("%s", e.heart ? err.text : "out of memory");
		return 1;
	}
	engine_restore(&e);
	e.enforce = enforce_start(&e);
	e.friends = friends_start(&e);
	w->board->restored = 1;
	heart_send(e.heart, &ready, -1);
	e.control = control_start(&e, in->listener[0]);
	if (in->peer[ROLE_ENFORCER] >= 0)
		enforce_peer(e.enforce, in->peer[ROLE_ENFORCER]);
	if (in->peer[ROLE_DOORS] >= 0)
		listen_to_doors(&e, in->peer[ROLE_DOORS]);
	sandbox_enter(ROLE_ENGINE);
	start_sources(&e);
	e.tick = event_new(e.base, -1, EV_PERSIST, on_tick, &e);
	event_priority_set(e.tick, 0);
	event_add(e.tick, &second);
	event_base_dispatch(e.base);
	finish(&e);
	return 0;
}

static int
build(struct engine *e, struct error *err)
{
	const struct config *c = e->w->conf;
	long nspecs, nfilters;

	logtime_init(&e->clock, wall_clock());
	bantable_repair(e->w->table);
	open_store(e);
	nspecs = config_jail_specs(c, &e->specs);
	nfilters = config_routes(c, &e->filters, &e->optional);
	if (nspecs < 0 || nfilters < 0)
		return error_set(err, "out of memory");
	e->router = router_new(e->filters, e->optional, (size_t)nfilters);
	e->judge =
	    judge_new(e->specs, (size_t)nspecs, e->w->table, &engine_hooks, e);
	e->saved = calloc((size_t)nspecs + 1, sizeof(*e->saved));
	if (!e->router || !e->judge || !e->saved)
		return error_set(err, "out of memory for %ld jails", nspecs);
	return 0;
}

static void
open_store(struct engine *e)
{
	char aside[512];
	struct error err;

	e->store = store_open(e->w->conf->statedir, aside, sizeof(aside), &err);
	if (!e->store) {
		log_err("%s; going on without a memory of it", err.text);
		snprintf(
		    e->store_error, sizeof(e->store_error), "%.250s", err.text);
	} else if (aside[0]) {
		log_err("the database could not be used and was kept as %s; a "
			"new one begins",
		    aside);
	}
}

static size_t
host_stored(void *arg, const char *source, const char *path,
    struct position *out, size_t max)
{
	struct engine *e = arg;

	return e->store ? store_positions(e->store, source, path, out, max) : 0;
}

static void
host_position(void *arg, const char *source, const char *path,
    const struct position *p, bool gone)
{
	struct engine *e = arg;

	e->batch = true;
	if (!e->store)
		return;
	if (gone)
		store_position_del(e->store, source, path, p);
	else
		store_position_put(e->store, source, path, p);
}

/*
 * Without an answer it is not known which files there are, and to read on in
 * others would take lines out of their order. What is not committed will be
 * read again by the engine that a warden starts next.
 */
static void
ask_warden(struct engine *e, const struct msg *q, int qfd, enum msg_type type,
    struct msg *answer, int *fd)
{
	if (heart_ask(e->heart, q, qfd, type, answer, fd) == 0)
		return;
	log_err("the warden does not answer: ending");
	_exit(1);
}

static int
host_open(void *arg, const char *path)
{
	struct engine *e = arg;
	struct msg q = { .type = MSG_OPEN }, a;
	int fd = -1;

	if (strlen(path) >= sizeof(q.text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* Most logs can be read by anybody or nobody: ask the warden at once. */
	memcpy(q.text, path, strlen(path) + 1);
	ask_warden(e, &q, -1, MSG_OPENED, &a, &fd);
	if (a.value != 0) {
		errno = (int)a.value;
		return -1;
	}
	return fd;
}

static int
host_watch(void *arg, int ifd, const char *path, uint32_t mask)
{
	struct engine *e = arg;
	struct msg q = { .type = MSG_WATCH, .value = mask }, a;
	int fd = -1;

	if (strlen(path) >= sizeof(q.text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(q.text, path, strlen(path) + 1);
	ask_warden(e, &q, ifd, MSG_WATCHED, &a, &fd);
	if (fd >= 0)
		close(fd);
	if (a.value < 0) {
		errno = (int)-a.value;
		return -1;
	}
	return (int)a.value;
}

static void
host_note(void *arg, int priority, const char *text)
{
	(void)arg;
	log_write(priority, "%s", text);
}

static void
start_sources(struct engine *e)
{
	const struct config *c = e->w->conf;
	struct error err;

	e->host = (struct source_host){ .base = e->base,
		.line = engine_line,
		.commit = engine_batch,
		.position = host_position,
		.stored = host_stored,
		.open = host_open,
		.watch = host_watch,
		.note = host_note,
		.arg = e,
		.begin = begin_time(c, wall_clock()),
		.clock = &e->clock };
	e->sources = calloc(c->nsources + 1, sizeof(*e->sources));
	e->last_line = calloc(c->nsources + 1, sizeof(*e->last_line));
	e->seen = calloc(c->nsources + 1, sizeof(*e->seen));
	if (!e->sources || !e->last_line || !e->seen)
		return;
	for (size_t i = 0; i < c->nsources; i++) {
		struct source *s = source_start(&c->sources[i], &e->host, &err);
		if (s)
			e->sources[e->nsources++] = s;
		else
			log_err(
			    "source \"%s\": %s", c->sources[i].name, err.text);
	}
}

static int64_t
begin_time(const struct config *c, int64_t now)
{
	int64_t back = 0;

	for (size_t i = 0; i < c->njails; i++)
		if (c->jails[i].enabled && c->jails[i].spec.nfilters &&
		    c->jails[i].spec.findtime > back)
			back = c->jails[i].spec.findtime;
	return now - (back < BEGIN_MAX ? back : BEGIN_MAX);
}

static void
listen_to_doors(struct engine *e, int sock)
{
	if (e->doors_event)
		event_free(e->doors_event);
	if (e->doors >= 0)
		close(e->doors);
	e->doors = sock;
	e->doors_event =
	    event_new(e->base, sock, EV_READ | EV_PERSIST, engine_on_door, e);
	if (e->doors_event)
		event_add(e->doors_event, NULL);
}

static void
on_msg(void *arg, const struct msg *m, int fd)
{
	struct engine *e = arg;

	switch (m->type) {
	case MSG_STOP:
		event_base_loopbreak(e->base);
		break;
	case MSG_PEER:
		if (fd >= 0 && m->value == ROLE_ENFORCER)
			enforce_peer(e->enforce, fd);
		else if (fd >= 0 && m->value == ROLE_DOORS)
			listen_to_doors(e, fd);
		return;
	case MSG_RELOADED:
		control_on_reloaded(e->control, m->value, m->text);
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

/*
 * The time that no line to come can be older than: behind the newest line of
 * every source that is alive. It follows the lines and not the wall clock, so
 * that a replay forgets just what the first reading forgot. Unchanged while
 * any source has lines waiting.
 */
static int64_t
line_clock(struct engine *e, int64_t now)
{
	int64_t clock = INT64_MAX;

	for (size_t i = 0; i < e->nsources; i++) {
		const struct source_stats *s = source_stats(e->sources[i]);
		if (!source_idle(e->sources[i]))
			return INT64_MIN;
		if (s->lines != e->seen[i]) {
			e->seen[i] = s->lines;
			e->last_line[i] = now;
		}
		if (now - e->last_line[i] < SILENT && s->last_time < clock)
			clock = s->last_time;
	}
	return clock == INT64_MAX ? INT64_MIN : clock - DISORDER;
}

void
engine_catch_up(struct engine *e)
{
	unsigned orphans;

	if (!e->tick) /* not all sources have started */
		return;
	for (size_t i = 0; i < e->nsources; i++)
		if (!source_idle(e->sources[i]))
			return;
	e->caught_up = true;
	orphans = judge_drop_orphans(e->judge);
	if (orphans)
		log_info("%u bans that no line bears out any more are lifted",
		    orphans);
	log_debug("caught up with all sources");
}

static bool
store_ban_again(void *arg, const struct ban *b)
{
	struct engine *e = arg;
	struct ban copy = *b;

	if (b->flags & (BAN_FRIEND | BAN_OVER))
		return true;
	copy.id = store_ban(e->store, bantable_jail_name(e->w->table, b->jail),
	    b, "kept in memory while the database was damaged");
	bantable_put(e->w->table, &copy);
	return true;
}

/* The database was damaged and a new one begun: memory still knows who is
 * banned. Positions follow with the next lines. */
static void
store_again(struct engine *e)
{
	log_err("the database was damaged and was kept as %s; a new one begins "
		"with the bans in force",
	    store_aside(e->store));
	bantable_each(e->w->table, store_ban_again, e);
	memset(e->saved, 0, judge_jails(e->judge) * sizeof(*e->saved));
	e->batch = true;
}

static void
mend_store(struct engine *e)
{
	struct error err;

	if (e->store && !store_broken(e->store))
		return;
	if (!e->store) {
		/* Begin anew as soon as one can be had. */
		char aside[512];
		struct store *s = store_open(
		    e->w->conf->statedir, aside, sizeof(aside), &err);
		if (!s)
			return;
		store_close(s);
	} else if (store_retry(e->store, &err) != 0) {
		return;
	} else if (store_aside(e->store)[0]) {
		store_again(e);
		return;
	}
	log_info("the store works again: starting over from it");
	event_base_loopbreak(e->base);
}

/* Failures are kept twice as long as any window can ask for them. */
static void
prune(struct engine *e, int64_t now, int64_t clock)
{
	int64_t history = e->w->conf->history, keep = 0;

	if (!e->store || store_broken(e->store))
		return;
	for (size_t i = 0; i < judge_jails(e->judge); i++)
		if (judge_jail(e->judge, i)->findtime > keep)
			keep = judge_jail(e->judge, i)->findtime;
	e->prune_more =
	    store_prune(e->store,
		clock == INT64_MIN ? INT64_MIN : clock - 2 * keep,
		history == DURATION_FOREVER ? INT64_MIN : now - history,
		PRUNE_ROWS) >= PRUNE_ROWS;
	e->batch = true;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	int64_t now = wall_clock(), clock = line_clock(e, now);

	(void)fd;
	(void)what;
	e->clock.now = now;
	for (int i = 0; i < TICK_ROUNDS; i++)
		if (!judge_tick(e->judge, now, clock))
			break;
	engine_save_clock(e, clock);
	if (!e->caught_up)
		engine_catch_up(e);
	if (++e->tick_count % STORE_RETRY_S == 0)
		mend_store(e);
	if (e->caught_up && (e->prune_more || e->tick_count % PRUNE_S == 0))
		prune(e, now, clock);
	engine_commit(e);
}

static void
finish(struct engine *e)
{
	struct error err;

	for (size_t i = 0; i < e->nsources; i++)
		source_stop(e->sources[i]);
	engine_commit(e);
	control_stop(e->control);
	friends_stop(e->friends);
	enforce_stop(e->enforce);
	if (e->store && store_commit(e->store, &err) != 0)
		log_err("%s", err.text);
	store_close(e->store);
	judge_free(e->judge);
	router_free(e->router);
	if (e->tick)
		event_free(e->tick);
	if (e->doors_event)
		event_free(e->doors_event);
	heart_stop(e->heart);
	free(e->specs);
	free(e->filters);
	free(e->optional);
	free(e->sources);
	free(e->last_line);
	free(e->seen);
	free(e->saved);
	event_base_free(e->base);
}
