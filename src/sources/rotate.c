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
static bool open_file(struct files *fs, struct trail *tr, const char *path,
    int *fd, struct stat *st);
static void match_siblings(struct files *fs, struct trail *tr,
    struct sibling *list, size_t n, const struct stat *live);
static bool by_row(
    const struct files *fs, const struct trail *tr, const struct stat *st);
static void match_inode(struct files *fs, struct trail *tr, struct sibling *s);
static void match_head(struct files *fs, struct trail *tr, struct sibling *s);
static void identify(struct position *at, int fd, const struct stat *st);
static bool known_head(struct trail *tr, uint64_t head);
static bool unseen(struct trail *tr, const struct sibling *s, int fd,
    const struct stat *st, uint64_t head);
static struct tail *adopt(
    struct files *fs, struct trail *tr, const struct position *at);
static bool wanted(struct files *fs, struct trail *tr, const struct sibling *s);
static struct tail *by_head(struct trail *tr, uint64_t head, bool open);
static bool live_fits(const struct files *fs, const struct trail *tr, int fd,
    const struct stat *st);
static void live_settle(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static struct tail *live_known(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static struct tail *live_new(
    struct files *fs, struct trail *tr, int fd, const struct stat *st);
static void live_make(struct files *fs, struct trail *tr, struct tail *t);
static void lose_inode(struct files *fs, struct tail *t);
static void take(struct files *fs, struct tail *t, int fd,
    const struct stat *st, const char *path);
static bool same(const struct tail *t, const struct stat *st);
static void floor_set(struct trail *tr, const struct tail *but);
static struct timespec birth(int fd, const struct stat *st);
static int after(const struct timespec *a, const struct timespec *b);
static void first_siblings(
    struct files *fs, struct trail *tr, struct sibling *list, size_t n);
static void first_sibling(
    struct files *fs, struct trail *tr, const struct sibling *s);
static void trim(struct files *fs, struct trail *tr);
static void note_lost(
    struct files *fs, struct trail *tr, const struct tail *newest, bool packed);

void
trail_scan(struct files *fs, struct trail *tr)
{
	struct sibling list[SIBLINGS_MAX];
	struct tail *newest = TAILQ_LAST(&tr->tails, tails);
	bool first = !tr->known, fits = false, packed;
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
		fits = true;
	}
	if (first && TAILQ_EMPTY(&tr->tails))
		first_siblings(fs, tr, list, n);
	else
		match_siblings(fs, tr, list, n, fd != -1 ? &st : NULL);
	if (fits)
		floor_set(tr, tr->live);
	if (fd != -1)
		live_settle(fs, tr, fd, &st);
	tr->known = true;
	if (files_now() < tr->adopt_until)
		match_siblings(fs, tr, list, n, NULL);
	if (first)
		note_lost(fs, tr, newest, packed);
	trim(fs, tr);
	for (size_t i = 0; i < n; i++)
		free(list[i].path);
}

/* The tail that has this file, in any path of the source. */
struct tail *
trail_by_inode(const struct files *fs, const struct stat *st)
{
	struct trail *tr;
	struct tail *t;

	TAILQ_FOREACH (tr, &fs->trails, link)
		TAILQ_FOREACH (t, &tr->tails, link)
			if (same(t, st))
				return t;
	return NULL;
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

	if (tr->live != NULL && stat(tr->path, st) == 0 && same(tr->live, st))
		return -1;
	if (!open_file(fs, tr, tr->path, &fd, st))
		return -1;
	if (tr->live != NULL && same(tr->live, st)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
open_file(struct files *fs, struct trail *tr, const char *path, int *fd,
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
	else if (errno == ENOENT && (tr->known || path != tr->path))
		return false; /* rotation is at work */
	if (!tr->denied)
		source_note(fs->host, fs->conf->name, LOG_WARNING,
		    "%s: %s; waiting for it", path, why);
	tr->denied = true;
	return false;
}

/* Rows and files: first by inode, for a copy of a file has its first line. */
static void
match_siblings(struct files *fs, struct trail *tr, struct sibling *list,
    size_t n, const struct stat *live)
{
	for (size_t i = 0; i < n; i++)
		if (by_row(fs, tr, &list[i].st))
			match_inode(fs, tr, &list[i]);
	for (size_t i = 0; i < n; i++)
		if ((live == NULL || list[i].st.st_ino != live->st_ino ||
			list[i].st.st_dev != live->st_dev) &&
		    wanted(fs, tr, &list[i]))
			match_head(fs, tr, &list[i]);
}

/* Whether a closed file's row names this inode, and it may have more. */
static bool
by_row(const struct files *fs, const struct trail *tr, const struct stat *st)
{
	const struct tail *t = trail_by_inode(fs, st);

	return t != NULL && t->fd == -1 && t->trail == tr &&
	    !(t->retired && (uint64_t)st->st_size == t->at.offset);
}

static void
match_inode(struct files *fs, struct trail *tr, struct sibling *s)
{
	struct position fresh = { 0 };
	struct stat st;
	struct tail *t;
	int fd;

	if (fs->nopen >= FILES_MAX || !open_file(fs, tr, s->path, &fd, &st))
		return;
	t = trail_by_inode(fs, &st);
	if (t == NULL || t->fd != -1 || t->trail != tr) {
		close(fd);
		return;
	}
	if (!tail_fits(fd, &t->at)) { /* what is in it came after our row */
		lose_inode(fs, t);
		identify(&fresh, fd, &st);
		t = s->shape && !known_head(tr, fresh.head)
		    ? adopt(fs, tr, &fresh)
		    : NULL;
	}
	if (t != NULL)
		take(fs, t, fd, &st, s->path);
	else
		close(fd);
}

/* A copy of what a row speaks of, or a file that came and went unseen. */
static void
match_head(struct files *fs, struct trail *tr, struct sibling *s)
{
	struct position fresh = { 0 };
	struct stat st;
	struct tail *t;
	int fd;

	if (!open_file(fs, tr, s->path, &fd, &st))
		return;
	identify(&fresh, fd, &st);
	t = by_head(tr, fresh.head, false);
	if (trail_by_inode(fs, &st) != NULL ||
	    (t != NULL && !tail_fits(fd, &t->at)) ||
	    (t == NULL &&
		(!unseen(tr, s, fd, &st, fresh.head) ||
		    (t = adopt(fs, tr, &fresh)) == NULL))) {
		close(fd);
		return;
	}
	take(fs, t, fd, &st, s->path);
}

static void
identify(struct position *at, int fd, const struct stat *st)
{
	at->dev = st->st_dev;
	at->inode = st->st_ino;
	at->head = tail_head(fd);
}

/* A file without a whole line is as good as known. */
static bool
known_head(struct trail *tr, uint64_t head)
{
	return head == 0 || by_head(tr, head, true) != NULL ||
	    by_head(tr, head, false) != NULL;
}

/* Younger than all we know, and so is what is in it: a file that somebody
 * unpacked keeps the time of its last write. */
static bool
unseen(struct trail *tr, const struct sibling *s, int fd, const struct stat *st,
    uint64_t head)
{
	struct timespec born = birth(fd, st);

	return s->shape && !known_head(tr, head) &&
	    files_now() < tr->adopt_until && after(&tr->floor, &born) <= 0 &&
	    after(&tr->floor, &st->st_mtim) <= 0;
}

static struct tail *
adopt(struct files *fs, struct trail *tr, const struct position *at)
{
	struct tail *t = tail_new(tr, at);

	if (t == NULL)
		return NULL;
	if (tr->live != NULL)
		TAILQ_INSERT_BEFORE(tr->live, t, link);
	else
		TAILQ_INSERT_TAIL(&tr->tails, t, link);
	fs->stats->rotations++;
	return t;
}

/* Whether a look into this sibling can tell anything. */
static bool
wanted(struct files *fs, struct trail *tr, const struct sibling *s)
{
	const struct tail *t;

	if (fs->nopen >= FILES_MAX || trail_by_inode(fs, &s->st) != NULL)
		return false;
	if (s->shape && files_now() < tr->adopt_until &&
	    after(&tr->floor, &s->st.st_mtim) <= 0)
		return true;
	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->fd == -1 && !t->retired && t->at.head != 0)
			return true;
	return false;
}

/* An open tail with that first line, or a closed one. */
static struct tail *
by_head(struct trail *tr, uint64_t head, bool open)
{
	struct tail *t;

	if (head == 0)
		return NULL;
	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->at.head == head && (t->fd != -1) == open)
			return t;
	return NULL;
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
	if (t == NULL) {
		floor_set(tr, NULL);
		t = live_new(fs, tr, fd, st);
	}
	if (t == NULL) {
		close(fd);
		return;
	}
	take(fs, t, fd, st, tr->path);
	live_make(fs, tr, t);
	if (new)
		tr->adopt_until = files_now() + ADOPT_SECONDS;
}

/* A row fits the file at the path: by its inode, or a copy took its place. */
static struct tail *
live_known(struct files *fs, struct trail *tr, int fd, const struct stat *st)
{
	struct tail *t = trail_by_inode(fs, st);

	if (t != NULL && t->trail == tr && tail_fits(fd, &t->at))
		return t;
	if (t != NULL)
		lose_inode(fs, t);
	t = by_head(tr, tail_head(fd), false);
	if (t != NULL && tail_fits(fd, &t->at))
		return t;
	/* An editor writes a copy and gives it the name. */
	t = tr->live;
	if (t == NULL || t->at.head == 0 || !tail_fits(fd, &t->at))
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

	identify(&at, fd, st);
	if (!tr->known && TAILQ_EMPTY(&tr->tails)) {
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
	TAILQ_REMOVE(&tr->tails, t, link);
	TAILQ_INSERT_TAIL(&tr->tails, t, link);
}

/* The inode is somebody else's now: the row may still fit a copy. */
static void
lose_inode(struct files *fs, struct tail *t)
{
	if (t->at.head == 0)
		tail_drop(fs, t);
	else
		tail_rekey(fs, t, 0, t->at.head);
}

/* Follow this file with that tail. */
static void
take(struct files *fs, struct tail *t, int fd, const struct stat *st,
    const char *path)
{
	if (!same(t, st))
		tail_rekey(fs, t, st->st_dev, st->st_ino);
	t->mtime = st->st_mtim;
	t->birth = birth(fd, st);
	t->dirty = fs->dirty = true;
	t->trail->reorder = true;
	if (t->at.head == 0)
		t->at.head = tail_head(fd);
	if (path != t->trail->path && (uint64_t)st->st_size == t->at.offset &&
	    time(NULL) - st->st_mtim.tv_sec > fs->linger) {
		t->retired = true; /* read long ago */
		close(fd);
	} else
		tail_open(fs, t, fd, path);
}

static bool
same(const struct tail *t, const struct stat *st)
{
	return t->at.inode == st->st_ino && t->at.dev == st->st_dev;
}

/* When the newest file known up to now, but one, came to be. */
static void
floor_set(struct trail *tr, const struct tail *but)
{
	const struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link)
		if (t != but && after(&t->birth, &tr->floor) > 0)
			tr->floor = t->birth;
}

/* Where the file system does not know, the last write must do. */
static struct timespec
birth(int fd, const struct stat *st)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) == -1 ||
	    (sx.stx_mask & STATX_BTIME) == 0)
		return st->st_mtim;
	return (struct timespec){ sx.stx_btime.tv_sec, sx.stx_btime.tv_nsec };
}

static int
after(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec > b->tv_sec ? 1 : -1;
	return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

/*
 * A first start right after a rotation wants the end of the file before, too.
 * The others are only remembered: they are not new when they are seen again.
 */
static void
first_siblings(
    struct files *fs, struct trail *tr, struct sibling *list, size_t n)
{
	size_t from = 0, shapes = 0;

	for (size_t i = n; i > 0 && shapes < RETIRED_MAX; i--) {
		shapes += list[i - 1].shape;
		from = i - 1;
	}
	for (size_t i = from; i < n; i++)
		if (list[i].shape)
			first_sibling(fs, tr, &list[i]);
}

static void
first_sibling(struct files *fs, struct trail *tr, const struct sibling *s)
{
	struct position at = { 0 };
	struct stat st;
	struct tail *t;
	off_t begin;
	int fd;

	if (fs->nopen >= FILES_MAX || trail_by_inode(fs, &s->st) != NULL ||
	    !open_file(fs, tr, s->path, &fd, &st))
		return;
	begin = source_bisect(fd, fs->host->begin, fs->host->clock);
	identify(&at, fd, &st);
	at.offset = begin > 0 && at.head != 0 ? (uint64_t)begin : 0;
	t = tail_new(tr, &at);
	if (t == NULL) {
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&tr->tails, t, link);
	take(fs, t, fd, &st, s->path);
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
