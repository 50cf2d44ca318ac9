/*
 * An owner of sources for tests: it keeps lines and positions as a store
 * would, so that it can be killed. What was not committed is then gone.
 */
#ifndef TEST_SOURCE_HOST_H
#define TEST_SOURCE_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "mxward/source.h"

#define ROWS_MAX 256

struct row {
	char path[256];
	struct position at;
};

struct texts {
	char **v;
	size_t n, size;
};

struct owner {
	struct source_host host;
	struct source_conf conf;
	struct logtime clock;
	struct source *source;
	struct texts lines, batch; /* committed; since the last commit */
	struct row rows[ROWS_MAX], work[ROWS_MAX];
	size_t nrows, nwork;
	size_t commits;
	long dies_after; /* lines; -1: never */
	bool dead;
	int open_errno; /* != 0: opening fails with it */
	struct texts notes;
};

static inline void
texts_add(struct texts *t, const char *p, size_t n)
{
	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 64;
		t->v = realloc(t->v, t->size * sizeof *t->v);
		assert_non_null(t->v);
	}
	t->v[t->n] = malloc(n + 1);
	assert_non_null(t->v[t->n]);
	memcpy(t->v[t->n], p, n);
	t->v[t->n++][n] = '\0';
}

static inline void
texts_clear(struct texts *t)
{
	while (t->n > 0)
		free(t->v[--t->n]);
}

static inline void
owner_line(void *arg, const struct line *l)
{
	struct owner *o = arg;

	if (o->dead)
		return;
	if (o->dies_after >= 0 && o->dies_after-- == 0)
		o->dead = true;
	else
		texts_add(&o->batch, l->raw.p, l->raw.n);
}

static inline void
owner_commit(void *arg)
{
	struct owner *o = arg;

	if (o->dead)
		return;
	for (size_t i = 0; i < o->batch.n; i++)
		texts_add(&o->lines, o->batch.v[i], strlen(o->batch.v[i]));
	texts_clear(&o->batch);
	memcpy(o->rows, o->work, sizeof o->rows);
	o->nrows = o->nwork;
	o->commits++;
}

static inline void
owner_position(void *arg, const char *source, const char *path,
    const struct position *p, bool gone)
{
	struct owner *o = arg;
	size_t i;

	(void)source;
	for (i = 0; i < o->nwork; i++)
		if (strcmp(o->work[i].path, path) == 0 &&
		    o->work[i].at.dev == p->dev &&
		    o->work[i].at.inode == p->inode)
			break;
	if (gone && i < o->nwork) {
		memmove(&o->work[i], &o->work[i + 1],
		    (--o->nwork - i) * sizeof o->work[0]);
		return;
	}
	if (gone)
		return;
	assert_true(i < ROWS_MAX);
	if (i == o->nwork)
		o->nwork++;
	snprintf(o->work[i].path, sizeof o->work[i].path, "%s", path);
	o->work[i].at = *p;
}

static inline size_t
owner_stored(void *arg, const char *source, const char *path,
    struct position *out, size_t max)
{
	struct owner *o = arg;
	size_t n = 0;

	(void)source;
	for (size_t i = 0; i < o->nrows && n < max; i++)
		if (strcmp(o->rows[i].path, path) == 0)
			out[n++] = o->rows[i].at;
	return n;
}

static inline int
owner_open(void *arg, const char *path)
{
	struct owner *o = arg;

	if (o->open_errno != 0) {
		errno = o->open_errno;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static inline int
owner_watch(void *arg, int ifd, const char *path, uint32_t mask)
{
	(void)arg;
	return inotify_add_watch(ifd, path, mask);
}

static inline void
owner_note(void *arg, int priority, const char *text)
{
	struct owner *o = arg;

	(void)priority;
	texts_add(&o->notes, text, strlen(text));
}

static inline struct owner *
owner_new(enum source_kind kind)
{
	struct owner *o = calloc(1, sizeof *o);

	assert_non_null(o);
	o->conf.name = (char *)"test";
	o->conf.kind = kind;
	o->host = (struct source_host){ .base = event_base_new(),
		.line = owner_line,
		.commit = owner_commit,
		.position = owner_position,
		.stored = owner_stored,
		.open = owner_open,
		.watch = owner_watch,
		.note = owner_note,
		.arg = o,
		.clock = &o->clock };
	assert_non_null(o->host.base);
	logtime_init(&o->clock, time(NULL));
	o->dies_after = -1;
	return o;
}

static inline void
owner_start(struct owner *o)
{
	struct error err = { "" };

	o->dead = false;
	memcpy(o->work, o->rows, sizeof o->rows);
	o->nwork = o->nrows;
	texts_clear(&o->batch);
	o->source = source_start(&o->conf, &o->host, &err);
	if (o->source == NULL)
		fail_msg("%s", err.text);
}

static inline void
owner_kill(struct owner *o)
{
	o->dead = true;
	source_stop(o->source);
	o->source = NULL;
}

static inline void
owner_restart(struct owner *o)
{
	owner_kill(o);
	owner_start(o);
}

/* Run the loop until there is nothing to do, or the owner has died. */
static inline void
owner_run(struct owner *o)
{
	int quiet = 0;

	for (int i = 0; i < 100000 && quiet < 3 && !o->dead; i++) {
		event_base_loop(o->host.base, EVLOOP_NONBLOCK);
		quiet = source_idle(o->source) ? quiet + 1 : 0;
	}
	assert_true(quiet == 3 || o->dead);
}

/* Run it for so many milliseconds. */
static inline void
owner_wait(struct owner *o, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(o->host.base, &tv);
	event_base_dispatch(o->host.base);
	owner_run(o);
}

static inline bool
owner_noted(const struct owner *o, const char *what)
{
	for (size_t i = 0; i < o->notes.n; i++)
		if (strstr(o->notes.v[i], what) != NULL)
			return true;
	return false;
}

static inline void
owner_free(struct owner *o)
{
	if (o->source != NULL)
		owner_kill(o);
	event_base_free(o->host.base);
	texts_clear(&o->lines);
	texts_clear(&o->batch);
	texts_clear(&o->notes);
	free(o->lines.v);
	free(o->batch.v);
	free(o->notes.v);
	free(o);
}

#endif
