/*
 * The systemd journal, through libsystemd. A record comes in fields, which are
 * put together as the line that syslog would have written, because that is
 * what an administrator wants to see as evidence; the filters get the fields
 * and never take that line apart again. A message of several lines is one
 * line, its newlines blanks: nobody can write a second record into it.
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

#include <systemd/sd-journal.h>

#define BATCH_ENTRIES 1024
#define NAME_BYTES    256

struct journal {
	const struct source_conf *conf;
	const struct source_host *host;
	struct source_stats *stats;
	sd_journal *j; /* NULL: could not be opened yet */
	struct event *change;
	struct event *tick;
	struct event *work;
	struct position at;
	bool said;  /* why it could not be opened */
	bool stale; /* files came or went: look for our place again */
	int64_t stamp_time;
	char stamp[20];
	/* The fields of the entry at hand. */
	int64_t when;
	char host_name[NAME_BYTES];
	char ident[NAME_BYTES];
	char comm[NAME_BYTES];
	char pid[24];
	char syslog_pid[24];
	size_t message; /* where it begins in text */
	size_t n;
	char text[2 * NAME_BYTES + 64 + LINE_MAX_BYTES];
};

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
static void entry(struct journal *jn);
static void field(struct journal *jn, const char *p, size_t n);
static bool is(const char *p, size_t n, const char *name, const char **value);
static void name_copy(char *to, size_t size, const char *p, size_t n);
static void message_copy(struct journal *jn, const char *p, size_t n);
static void compose(struct journal *jn);
static const char *stamp(struct journal *jn);
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
		entry(jn);
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
entry(struct journal *jn)
{
	uint64_t usec = 0;
	const void *data;
	size_t n;

	jn->host_name[0] = jn->ident[0] = jn->comm[0] = '\0';
	jn->pid[0] = jn->syslog_pid[0] = '\0';
	jn->when = -1;
	jn->message = sizeof jn->text - LINE_MAX_BYTES;
	jn->n = 0;
	sd_journal_restart_data(jn->j);
	while (sd_journal_enumerate_available_data(jn->j, &data, &n) > 0)
		field(jn, data, n);
	if (jn->when < 0 && sd_journal_get_realtime_usec(jn->j, &usec) >= 0)
		jn->when = (int64_t)(usec / 1000000);
	compose(jn);
}

/* The data is gone with the next field, so what is wanted is copied. */
static void
field(struct journal *jn, const char *p, size_t n)
{
	char digits[24];
	const char *v;

	if (is(p, n, "MESSAGE", &v))
		message_copy(jn, v, n - (size_t)(v - p));
	else if (is(p, n, "SYSLOG_IDENTIFIER", &v))
		name_copy(jn->ident, sizeof jn->ident, v, n - (size_t)(v - p));
	else if (is(p, n, "_COMM", &v))
		name_copy(jn->comm, sizeof jn->comm, v, n - (size_t)(v - p));
	else if (is(p, n, "_HOSTNAME", &v))
		name_copy(jn->host_name, sizeof jn->host_name, v,
		    n - (size_t)(v - p));
	else if (is(p, n, "SYSLOG_PID", &v))
		name_copy(jn->syslog_pid, sizeof jn->syslog_pid, v,
		    n - (size_t)(v - p));
	else if (is(p, n, "_PID", &v))
		name_copy(jn->pid, sizeof jn->pid, v, n - (size_t)(v - p));
	else if (is(p, n, "_SOURCE_REALTIME_TIMESTAMP", &v)) {
		name_copy(digits, sizeof digits, v, n - (size_t)(v - p));
		jn->when = strtoll(digits, NULL, 10) / 1000000;
	}
}

static bool
is(const char *p, size_t n, const char *name, const char **value)
{
	size_t len = strlen(name);

	if (n <= len || p[len] != '=' || memcmp(p, name, len) != 0)
		return false;
	*value = p + len + 1;
	return true;
}

/* A name is a word: what could end it in a syslog line is replaced. */
static void
name_copy(char *to, size_t size, const char *p, size_t n)
{
	if (n >= size)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)p[i] > ' ' && p[i] != 0x7f ? p[i] : '?';
	to[n] = '\0';
}

static void
message_copy(struct journal *jn, const char *p, size_t n)
{
	char *to = jn->text + jn->message;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	if (n > LINE_MAX_BYTES) {
		n = LINE_MAX_BYTES;
		jn->stats->too_long++;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
	jn->n = n;
}

/* "Nov 24 13:02:01 mx postfix/smtpd[314]: " right before the message, and hand
 * it over. */
static void
compose(struct journal *jn)
{
	const char *ident = jn->ident[0] != '\0' ? jn->ident : jn->comm;
	const char *pid = jn->syslog_pid[0] != '\0' ? jn->syslog_pid : jn->pid;
	char head[2 * NAME_BYTES + 64], *raw;
	struct span host, program, number;
	struct line l;
	int n;

	if (pid[strspn(pid, "0123456789")] != '\0')
		pid = "";
	n = snprintf(head, sizeof head, "%s %s %s%s%s%s: ", stamp(jn),
	    jn->host_name[0] != '\0' ? jn->host_name : "-", ident,
	    pid[0] != '\0' ? "[" : "", pid, pid[0] != '\0' ? "]" : "");
	if (n < 0 || (size_t)n >= sizeof head)
		return;
	raw = jn->text + jn->message - n;
	memcpy(raw, head, (size_t)n);
	host = span_make(raw + strlen(jn->stamp) + 1, strlen(jn->host_name));
	program =
	    span_make(raw + strlen(jn->stamp) + 2 + (host.n > 0 ? host.n : 1),
		strlen(ident));
	number = span_make(program.p + program.n + 1, strlen(pid));
	jn->stats->lines++;
	jn->stats->bytes += (size_t)n + jn->n;
	line_assemble(jn->host->clock, span_make(raw, (size_t)n + jn->n),
	    jn->when, host, program, number,
	    span_make(jn->text + jn->message, jn->n), &l);
	if (l.time > jn->stats->last_time)
		jn->stats->last_time = l.time;
	jn->host->line(jn->host->arg, &l);
}

static const char *
stamp(struct journal *jn)
{
	time_t t = (time_t)jn->when;
	struct tm tm;

	if (jn->when == jn->stamp_time)
		return jn->stamp;
	jn->stamp_time = jn->when;
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(jn->stamp, sizeof jn->stamp, "%b %e %H:%M:%S", &tm) == 0)
		memcpy(jn->stamp, "-", 2);
	return jn->stamp;
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
