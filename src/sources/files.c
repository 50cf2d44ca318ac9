/*
 * The source that follows files, on the loop. inotify says what happened, a
 * tick every second looks at what it may have missed, and the work is done in
 * turns: one read, its lines, one commit, then the loop has its say. The turn
 * comes back by a timer of no length and not by event_active, for that would
 * run again before the loop has looked at any descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "sources_priv.h"

#define GLOB_TICKS 5 /* seconds from one look for new matches to the next */
#define LOOKS_MAX  8 /* in a row, while rotation is at work */

static void *files_start(const struct source_conf *conf,
    const struct source_host *host, struct source_stats *stats,
    struct error *err);
static void files_stop(void *state);
static int files_setup(struct files *fs, struct error *err);
static void on_inotify(evutil_socket_t fd, short what, void *arg);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_work(evutil_socket_t fd, short what, void *arg);
static void look(struct files *fs);
static bool look_once(struct files *fs);
static void work(struct files *fs);
static struct tail *next_turn(struct files *fs);

const struct source_ops source_files = { "files", files_start, files_stop };

static void *
files_start(const struct source_conf *conf, const struct source_host *host,
    struct source_stats *stats, struct error *err)
{
	struct files *fs = calloc(1, sizeof *fs);

	if (fs == NULL) {
		error_set(err, "source %s: out of memory", conf->name);
		return NULL;
	}
	fs->conf = conf;
	fs->host = host;
	fs->stats = stats;
	fs->ifd = -1;
	fs->linger = LINGER_NAMED;
	fs->linger_deleted = LINGER_DELETED;
	TAILQ_INIT(&fs->trails);
	TAILQ_INIT(&fs->gone);
	if (files_setup(fs, err) == -1) {
		files_stop(fs);
		return NULL;
	}
	trails_find(fs);
	fs->started = fs->rewatch = true;
	look(fs);
	return fs;
}

static void
files_stop(void *state)
{
	struct files *fs = state;

	trails_free(fs);
	if (fs->inotify != NULL)
		event_free(fs->inotify);
	if (fs->tick != NULL)
		event_free(fs->tick);
	if (fs->work != NULL)
		event_free(fs->work);
	watch_stop(fs);
	free(fs->glob_wd);
	free(fs->buf);
	free(fs->cut);
	free(fs);
}

int64_t
files_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int
files_setup(struct files *fs, struct error *err)
{
	struct event_base *base = fs->host->base;
	const struct timeval second = { 1, 0 }, now = { 0, 0 };
	int priorities = event_base_get_npriorities(base);

	fs->buf = malloc(READ_BYTES);
	fs->cut = malloc(LINE_MAX_BYTES);
	fs->glob_wd = calloc(fs->conf->nfiles + 1, sizeof *fs->glob_wd);
	if (fs->buf == NULL || fs->cut == NULL || fs->glob_wd == NULL)
		return error_set(
		    err, "source %s: out of memory", fs->conf->name);
	if (watch_start(fs, err) == -1)
		return -1;
	fs->inotify =
	    event_new(base, fs->ifd, EV_READ | EV_PERSIST, on_inotify, fs);
	fs->tick = event_new(base, -1, EV_PERSIST, on_tick, fs);
	fs->work = event_new(base, -1, 0, on_work, fs);
	if (fs->inotify == NULL || fs->tick == NULL || fs->work == NULL ||
	    event_add(fs->inotify, NULL) == -1 ||
	    event_add(fs->tick, &second) == -1 ||
	    event_add(fs->work, &now) == -1)
		return error_set(err, "source %s: cannot use the event loop",
		    fs->conf->name);
	if (priorities > 1) /* a backlog lets everything else go first */
		event_priority_set(fs->work, priorities - 1);
	return 0;
}

static void
on_inotify(evutil_socket_t fd, short what, void *arg)
{
	struct files *fs = arg;

	(void)fd;
	(void)what;
	watch_read(fs);
	if (!event_pending(fs->work, EV_TIMEOUT, NULL))
		work(fs);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct files *fs = arg;
	struct trail *tr;

	(void)fd;
	(void)what;
	TAILQ_FOREACH (tr, &fs->trails, link)
		trail_tick(fs, tr);
	if (++fs->ticks % GLOB_TICKS == 0)
		fs->reglob = true;
	fs->rewatch = true;
	if (!event_pending(fs->work, EV_TIMEOUT, NULL))
		work(fs);
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	work(arg);
}

/*
 * Everything that asks to be looked at. A file that is renamed during the look
 * may be missed by it, and must not be read after a younger one: look until
 * nothing has moved.
 */
static void
look(struct files *fs)
{
	for (int i = 0; i < LOOKS_MAX && look_once(fs); i++)
		watch_read(fs);
}

static bool
look_once(struct files *fs)
{
	struct trail *tr;
	bool any = false;

	if (fs->reglob)
		trails_find(fs);
	if (fs->rewatch)
		watch_dirs(fs);
	TAILQ_FOREACH (tr, &fs->trails, link)
		if (tr->scan) {
			trail_scan(fs, tr);
			any = true;
		}
	return any;
}

/* One turn. */
static void
work(struct files *fs)
{
	static const struct timeval now = { 0, 0 };
	struct tail *t;

	look(fs);
	t = next_turn(fs);
	if (t != NULL) {
		tail_turn(fs, t);
		look(fs); /* what a truncation left goes into this commit */
	}
	if (fs->dirty)
		trails_commit(fs);
	if (fs->stats->lag > 0)
		event_add(fs->work, &now);
}

/* The oldest file of the first path that has something to read; that path
 * comes last the next time. */
static struct tail *
next_turn(struct files *fs)
{
	struct trail *tr;
	struct tail *t;

	TAILQ_FOREACH (tr, &fs->trails, link)
		TAILQ_FOREACH (t, &tr->tails, link)
			if (t->pending && t->fd != -1) {
				TAILQ_REMOVE(&fs->trails, tr, link);
				TAILQ_INSERT_TAIL(&fs->trails, tr, link);
				return t;
			}
	return NULL;
}
