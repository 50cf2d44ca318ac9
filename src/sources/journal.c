/*
 * The systemd journal, through libsystemd: where we are in it, and when to
 * look. Journal files come and go (rotation, vacuum), and then the place is
 * looked for again by the cursor of the last entry that was handed over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include <event2/event.h>

#include "sources_priv.h"

static void *journal_start(const struct source_conf *conf,
    const struct source_host *host, struct source_stats *stats,
    struct error *err);
static void journal_stop(void *state);

const struct source_ops source_journal = { "journal", journal_start,
	journal_stop };

#ifndef HAVE_LIBSYSTEMD

static void *
journal_start(const struct source_conf *conf, const struct source_host *host,
    struct source_stats *stats, struct error *err)
{
	(void)host;
	(void)stats;
	error_set(err,
	    "source %s: built without libsystemd, so there is no journal; "
	    "name the log files with file = { … } instead",
	    conf->name);
	return NULL;
}

static void
journal_stop(void *state)
{
	(void)state;
}

#else

#include "journal_priv.h"

/* Entries between two commits. */
#define BATCH_ENTRIES 1024

static int journal_setup(struct journal *jn);
static int journal_open(struct journal *jn, struct error *err);
static int journal_opened(struct journal *jn);
static int journal_match(struct journal *jn, struct error *err);
static void journal_close(struct journal *jn);
static int journal_seek(struct journal *jn);
static void on_change(evutil_socket_t fd, short what, void *arg);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_work(evutil_socket_t fd, short what, void *arg);
static void process(struct journal *jn);
static void work(struct journal *jn);
static int batch(struct journal *jn);
static void failed(struct journal *jn, int r, const char *what);
static void remember(struct journal *jn);

static void *
journal_start(const struct source_conf *conf, const struct source_host *host,
    struct source_stats *stats, struct error *err)
{
	struct journal *jn = calloc(1, sizeof *jn);
	struct position rows[8];
	size_t n;

	if (jn == NULL) {
		error_set(err, "source %s: out of memory", conf->name);
		return NULL;
	}
	jn->conf = conf;
	jn->host = host;
	jn->stats = stats;
	jn->stamp_time = INT64_MIN;
	n = host->stored(host->arg, conf->name, conf->journal, rows, 8);
	if (n > 0)
		jn->at = rows[n <= 8 ? n - 1 : 7];
	jn->at.cursor[sizeof jn->at.cursor - 1] = '\0';
	if (journal_setup(jn) == -1) {
		error_set(
		    err, "source %s: cannot use the event loop", conf->name);
		journal_stop(jn);
		return NULL;
	}
	if (journal_open(jn, err) == -1) {
		journal_stop(jn);
		return NULL;
	}
	return jn;
}

static void
journal_stop(void *state)
{
	struct journal *jn = state;

	journal_close(jn);
	if (jn->tick != NULL)
		event_free(jn->tick);
	if (jn->work != NULL)
		event_free(jn->work);
	free(jn);
}

static int
journal_setup(struct journal *jn)
{
	struct event_base *base = jn->host->base;
	const struct timeval second = { 1, 0 };
	int priorities = event_base_get_npriorities(base);

	jn->tick = event_new(base, -1, EV_PERSIST, on_tick, jn);
	jn->work = event_new(base, -1, 0, on_work, jn);
	if (jn->tick == NULL || jn->work == NULL ||
	    event_add(jn->tick, &second) == -1)
		return -1;
	if (priorities > 1)
		event_priority_set(jn->work, priorities - 1);
	return 0;
}

/* Returns -1 if it can never work; what is only not there yet is tried again
 * by the tick. */
static int
journal_open(struct journal *jn, struct error *err)
{
	const char *where = jn->conf->journal;
	const char *files[2] = { where, NULL };
	struct stat st;
	int r;

	if (where == NULL || strcmp(where, "system") == 0)
		r = sd_journal_open(
		    &jn->j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	else if (stat(where, &st) == -1)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = sd_journal_open_directory(&jn->j, where, 0);
	else
		r = sd_journal_open_files(&jn->j, files, 0);
	if (r < 0) {
		jn->j = NULL;
		failed(jn, r, "cannot be opened; trying again every second");
		return 0;
	}
	if (journal_match(jn, err) == -1)
		return -1;
	r = journal_opened(jn);
	if (r < 0) {
		failed(jn, r, "cannot be read; trying again every second");
		journal_close(jn);
	}
	return 0;
}

static int
journal_opened(struct journal *jn)
{
	const struct timeval now = { 0, 0 };
	int fd, r;

	sd_journal_set_data_threshold(jn->j, LINE_MAX_BYTES + 64);
	r = journal_seek(jn);
	if (r < 0)
		return r;
	fd = sd_journal_get_fd(jn->j); /* the tick is there without it */
	if (fd >= 0) {
		jn->change = event_new(
		    jn->host->base, fd, EV_READ | EV_PERSIST, on_change, jn);
		if (jn->change == NULL || event_add(jn->change, NULL) == -1)
			return -ENOMEM;
	}
	jn->said = false;
	jn->stats->lag = 1;
	return event_add(jn->work, &now) == -1 ? -ENOMEM : 0;
}

/* journalctl(1): the same field means or, others mean and, "+" means or of
 * what stands on both sides. */
static int
journal_match(struct journal *jn, struct error *err)
{
	for (size_t i = 0; i < jn->conf->nmatch; i++) {
		const char *m = jn->conf->match[i];
		int r;

		if (strcmp(m, "+") == 0)
			r = sd_journal_add_disjunction(jn->j);
		else
			r = sd_journal_add_match(jn->j, m, strlen(m));
		if (r < 0)
			return error_set(err,
			    "source %s: match \"%s\": %s; write FIELD=value, "
			    "as for journalctl",
			    jn->conf->name, m, strerror(-r));
	}
	return 0;
}

static void
journal_close(struct journal *jn)
{
	if (jn->change != NULL)
		event_free(jn->change);
	jn->change = NULL;
	if (jn->j != NULL)
		sd_journal_close(jn->j);
	jn->j = NULL;
}

/*
 * To our place: after the entry of the cursor if it is still there, else
 * before the next one. Without a cursor, where a first start begins.
 */
static int
journal_seek(struct journal *jn)
{
	int64_t begin = jn->host->begin;
	int r;

	jn->stale = false;
	if (jn->at.cursor[0] != '\0') {
		r = sd_journal_seek_cursor(jn->j, jn->at.cursor);
		if (r >= 0)
			r = sd_journal_next(jn->j);
		if (r > 0 && sd_journal_test_cursor(jn->j, jn->at.cursor) > 0)
			return 0;
		if (r > 0) /* vacuumed: the one we are at is not read yet */
			return sd_journal_previous(jn->j) > 0
			    ? 0
			    : sd_journal_seek_cursor(jn->j, jn->at.cursor);
		if (r == 0)
			return 0;
		failed(jn, r, "the stored cursor is not usable");
		jn->at.cursor[0] = '\0';
	}
	if (begin <= 0)
		return sd_journal_seek_head(jn->j);
	return sd_journal_seek_realtime_usec(jn->j, (uint64_t)begin * 1000000);
}

static void
on_change(evutil_socket_t fd, short what, void *arg)
{
	struct journal *jn = arg;

	(void)fd;
	(void)what;
	process(jn);
	if (!event_pending(jn->work, EV_TIMEOUT, NULL))
		work(jn);
}

/* What the descriptor did not tell, and a journal that was not there. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct journal *jn = arg;

	(void)fd;
	(void)what;
	if (jn->j == NULL) {
		journal_open(jn, NULL);
		return;
	}
	if (event_pending(jn->work, EV_TIMEOUT, NULL))
		return;
	process(jn);
	work(jn);
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	work(arg);
}

static void
process(struct journal *jn)
{
	int r = sd_journal_process(jn->j);

	if (r == SD_JOURNAL_INVALIDATE) {
		jn->stats->rotations++;
		jn->stale = true;
	}
}

static void
work(struct journal *jn)
{
	static const struct timeval now = { 0, 0 };
	int r;

	if (jn->j == NULL)
		return;
	r = jn->stale ? journal_seek(jn) : 0;
	if (r >= 0)
		r = batch(jn);
	if (r < 0) {
		failed(jn, r, "cannot be read; opening it again");
		journal_close(jn);
		jn->stats->lag = 0;
		return;
	}
	jn->stats->lag = r > 0;
	if (r > 0)
		event_add(jn->work, &now);
}

/* Hand over some entries; 1: there are more, 0: that was the last. */
static int
batch(struct journal *jn)
{
	int r = 0, n;

	for (n = 0; n < BATCH_ENTRIES; n++) {
		r = sd_journal_next(jn->j);
		if (r <= 0)
			break;
		journal_entry(jn);
	}
	if (n > 0) {
		remember(jn);
		jn->host->commit(jn->host->arg);
	}
	return r;
}

static void
failed(struct journal *jn, int r, const char *what)
{
	const char *where = jn->conf->journal;

	jn->stats->errors++;
	if (!jn->said)
		source_note(jn->host, jn->conf->name, LOG_WARNING,
		    "journal %s: %s (%s)", where != NULL ? where : "system",
		    what, strerror(-r));
	jn->said = true;
}

static void
remember(struct journal *jn)
{
	char *cursor = NULL;
	int r = sd_journal_get_cursor(jn->j, &cursor);

	if (r < 0 || strlen(cursor) >= sizeof jn->at.cursor) {
		failed(jn, r < 0 ? r : -E2BIG, "no cursor for the position");
		free(cursor);
		return;
	}
	memcpy(jn->at.cursor, cursor, strlen(cursor) + 1);
	free(cursor);
	jn->host->position(
	    jn->host->arg, jn->conf->name, jn->conf->journal, &jn->at, false);
}

#endif
