/*
 * Which files a path has, after any number of rotations, seen or not.
 *
 * Every file that was read has a row: (device, inode), the hash of its first
 * line, the offset. A scan looks at the path and at the files beside it and
 * settles, in this order,
 *   - which rows belong to which files: the same inode and first line; else
 *     the same first line (a copy: the position applies to it);
 *   - whether the path is another file now;
 *   - whether there are files that came and were rotated away unseen: a name as
 *     rotation gives it, no row, a first line that is in no file we know, and
 *     younger than all of those.
 * The same code runs at the start and at every rotation. Rows of the last few
 * files that were read to their end are kept, so that "no row" means new.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "sources_priv.h"

static void trail_resolve(struct files *fs, struct trail *tr);
static int live_open(struct files *fs, struct trail *tr, struct stat *st);
static bool live_fits(const struct files *fs, const struct trail *tr, int fd,
    const struct stat *st);
static void live_settle(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static struct tail *live_known(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static struct tail *live_new(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static void live_make(struct files *fs, struct trail *tr, struct tail *t);
static void trim(struct files *fs, struct trail *tr);
static void note_lost(
    struct files *fs, struct trail *tr, const struct tail *newest, bool packed);

void
trail_scan(struct files *fs, struct trail *tr)
{
	struct sibling list[SIBLINGS_MAX];
	struct tail *newest = TAILQ_LAST(&tr->tails, tails);
	bool first = !tr->known, gap, packed;
	struct stat st;
	size_t n;
	int fd;

	tr->scan = false;
	trail_resolve(fs, tr);
	fd = live_open(fs, tr, &st);
	n = siblings_list(tr, list, SIBLINGS_MAX, &packed);
	if (fd != -1 && live_fits(fs, tr, fd, &st)) {
		live_settle(fs, tr, fd, &st);
		fd = -1;
	}
	if (first && TAILQ_EMPTY(&tr->tails))
		claim_first(fs, tr, list, n);
	else
		claim_known(fs, tr, list, n, fd != -1 ? &st : NULL);
	if (fd != -1)
		live_settle(fs, tr, fd, &st);
	gap = (tr->known || tr->rows) &&
	    (tr->live == NULL || (fd == -1 && tr->live->aside));
	if (gap && !tr->gap)
		trail_adopt(tr);
	tr->gap = gap;
	tr->known = true;
	if (files_now() < tr->adopt_until)
		claim_unseen(fs, tr, list, n);
	if (first)
		note_lost(fs, tr, newest, packed);
	trim(fs, tr);
	for (size_t i = 0; i < n; i++)
		free(list[i].path);
}

void
trail_adopt(struct trail *tr)
{
	const struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link)
		if ((t != tr->live || t->aside) &&
		    time_after(&t->birth, &tr->floor) > 0)
			tr->floor = t->birth;
	tr->adopt_until = files_now() + ADOPT_SECONDS;
	tr->scan = true;
}

/* The tail that has this file, in any path of the source. */
struct tail *
trail_by_inode(const struct files *fs, const struct stat *st)
{
	struct trail *tr;
	struct tail *t;

	TAILQ_FOREACH (tr, &fs->trails, link)
		TAILQ_FOREACH (t, &tr->tails, link)
			if (tail_is(t, st))
				return t;
	return NULL;
}

/* An open tail with that first line, or a closed one. */
struct tail *
trail_by_head(struct trail *tr, uint64_t head, bool open)
{
	struct tail *t;

	if (head == 0)
		return NULL;
	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->at.head == head && (t->fd != -1) == open)
			return t;
	return NULL;
}

bool
trail_open_file(struct files *fs, struct trail *tr, const char *path, int *fd,
    struct stat *st)
{
	const char *why;

	*fd = fs->host->open(fs->host->arg, path);
	if (*fd != -1 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode)) {
		tr->denied = false;
		return true;
	}
	why = *fd == -1 ? strerror(errno) : "not a regular file";
	if (*fd != -1)
		close(*fd);
	else if (errno == ENOENT && (tr->known || path != tr->path)) {
		tr->scan |= path != tr->path; /* rotation is at work */
		return false;
	}
	if (!tr->denied)
		source_note(fs->host, fs->conf->name, LOG_WARNING,
		    "%s: %s; waiting for it", path, why);
	tr->denied = true;
	return false;
}

/* Rotated files lie where a symbolic link leads, not where it stands. */
static void
trail_resolve(struct files *fs, struct trail *tr)
{
	char *real = realpath(tr->path, NULL);

	if (real == NULL)
		return; /* between two files: where it led before */
	if (strcmp(real, tr->path) == 0) {
		free(real);
		real = NULL;
	}
	if (real != NULL && tr->real != NULL && strcmp(real, tr->real) == 0) {
		free(real);
		return;
	}
	free(tr->real);
	tr->real = real;
	tr->real_wd = -1;
	fs->rewatch |= real != NULL;
}

/* The file at the path, if it is another one than the live one; else -1. */
static int
live_open(struct files *fs, struct trail *tr, struct stat *st)
{
	int fd;

	if (tr->live != NULL && stat(tr->path, st) == 0 &&
	    tail_is(tr->live, st))
		return -1;
	if (!trail_open_file(fs, tr, tr->path, &fd, st))
		return -1;
	if (tr->live != NULL && tail_is(tr->live, st)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The file at the path is one whose row we have, by inode. */
static bool
live_fits(const struct files *fs, const struct trail *tr, int fd,
    const struct stat *st)
{
	const struct tail *t = trail_by_inode(fs, st);

	return t != NULL && t->trail == tr &&
	    (t->fd != -1 || tail_fits(fd, &t->at));
}

/* The path is another file than before. */
static void
live_settle(struct files *fs, struct trail *tr, int fd, const struct stat *st)
{
	struct tail *t = trail_by_inode(fs, st);
	bool new;

	if (t != NULL && t->fd != -1) {
		close(fd);
		if (t->trail == tr) /* the old name is back */
			live_make(fs, tr, t);
		return;
	}
	if (fs->nopen >= FILES_MAX) {
		close(fd);
		if (!fs->full)
			source_note(fs->host, fs->conf->name, LOG_WARNING,
			    "%s: %d files are open already; it waits for one "
			    "to be closed",
			    tr->path, FILES_MAX);
		fs->full = true;
		return;
	}
	t = live_known(fs, tr, fd, st);
	new = t == NULL || t->at.head == 0;
	if (t == NULL)
		t = live_new(fs, tr, fd, st);
	if (t == NULL) {
		close(fd);
		return;
	}
	tail_take(fs, t, fd, st, tr->path);
	live_make(fs, tr, t);
	if (new)
		trail_adopt(tr);
}

/* A row fits the file at the path: by its inode, or a copy took its place. */
static struct tail *
live_known(struct files *fs, struct trail *tr, int fd, const struct stat *st)
{
	struct tail *t = trail_by_inode(fs, st);

	if (t != NULL && t->trail == tr && tail_fits(fd, &t->at))
		return t;
	if (t != NULL)
		tail_lose(fs, t);
	t = trail_by_head(tr, tail_head(fd), false);
	if (t != NULL && tail_fits(fd, &t->at))
		return t;
	/* An editor writes a copy and gives it the name. What rotation set
	 * aside has a successor, even if that begins with the same lines. */
	t = tr->live;
	if (t == NULL || t->aside || t->at.head == 0 || !tail_fits(fd, &t->at))
		return NULL;
	tail_close(fs, t);
	return t;
}

static struct tail *
live_new(struct files *fs, struct trail *tr, int fd, const struct stat *st)
{
	struct position at = {
		.dev = st->st_dev, .inode = st->st_ino, .head = tail_head(fd)
	};
	struct tail *t;
	off_t begin;

	tail_identify(&at, fd, st);
	if (!tr->known && !tr->rows && !tr->fresh) {
		begin = source_bisect(fd, fs->host->begin, fs->host->clock);
		at.offset = begin > 0 ? (uint64_t)begin : 0;
	} else if (!TAILQ_EMPTY(&tr->tails))
		fs->stats->rotations++;
	t = tail_new(tr, &at);
	if (t == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&tr->tails, t, link);
	t->dirty = fs->dirty = true;
	return t;
}

static void
live_make(struct files *fs, struct trail *tr, struct tail *t)
{
	if (tr->live != NULL && tr->live != t) {
		tr->live->moved = files_now();
		tail_wait(fs, tr->live, 1); /* its last lines */
	}
	tr->live = t;
	t->aside = false;
	TAILQ_REMOVE(&tr->tails, t, link);
	TAILQ_INSERT_TAIL(&tr->tails, t, link);
}

/* Keep few rows of files that are not open. */
static void
trim(struct files *fs, struct trail *tr)
{
	struct tail *t, *next;
	size_t closed = 0;

	TAILQ_FOREACH (t, &tr->tails, link)
		closed += t->fd == -1;
	for (t = TAILQ_FIRST(&tr->tails); t && closed > RETIRED_MAX; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->fd != -1)
			continue;
		tail_drop(fs, t);
		closed--;
	}
}

/* At a start: the newest row has no file, so it is not known whether it had
 * been read to its end. */
static void
note_lost(
    struct files *fs, struct trail *tr, const struct tail *newest, bool packed)
{
	if (newest == NULL || newest->fd != -1 || newest->retired ||
	    newest->at.head == 0)
		return;
	source_note(fs->host, fs->conf->name, LOG_WARNING,
	    "%s: the file read up to byte %llu last time is gone%s; lines "
	    "after that are not read",
	    tr->path, (unsigned long long)newest->at.offset,
	    packed ? " or compressed (compressed files are not read)" : "");
}
