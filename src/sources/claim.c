/*
 * Files beside a path, and the rows they belong to. First by inode, for a copy
 * of a file has its first line, too; then by first line. What is left over may
 * be a file that came and was rotated away unseen. Those are younger than all
 * files with a row, the live one excepted, and among themselves in the order
 * of the list.
 */
#include <stdlib.h>
#include <unistd.h>

#include "sources_priv.h"

static void note_names(struct trail *tr, const struct sibling *list, size_t n);
static bool by_row(
    const struct files *fs, const struct trail *tr, const struct stat *st);
static bool match_inode(
    struct files *fs, struct trail *tr, const struct sibling *s);
static struct tail *match_cut(struct files *fs, struct tail *lost,
    const struct sibling *s, int fd, const struct stat *st);
static bool rows_left(const struct trail *tr);
static void match_head(
    struct files *fs, struct trail *tr, const struct sibling *s);
static void match_none(
    struct files *fs, struct trail *tr, const struct sibling *s);
static bool known_head(struct trail *tr, uint64_t head);
static bool younger(const struct trail *tr, int fd, const struct stat *st);
static struct tail *adopt(
    struct files *fs, struct trail *tr, const struct position *at, int rank);
static void first_sibling(
    struct files *fs, struct trail *tr, const struct sibling *s);

void
claim_known(struct files *fs, struct trail *tr, const struct sibling *list,
    size_t n, const struct stat *live)
{
	struct tail *t;
	bool cut = false;

	note_names(tr, list, n);
	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->fd != -1 && t->at.head != 0 &&
		    tail_head(t->fd) != t->at.head)
			tail_restart(fs, t);
	for (size_t i = 0; i < n; i++)
		if (by_row(fs, tr, &list[i].st))
			cut |= match_inode(fs, tr, &list[i]);
	for (size_t i = 0; i < n && rows_left(tr); i++)
		if (live == NULL || list[i].st.st_ino != live->st_ino ||
		    list[i].st.st_dev != live->st_dev)
			match_head(fs, tr, &list[i]);
	if (cut)
		trail_adopt(tr);
}

void
claim_unseen(
    struct files *fs, struct trail *tr, const struct sibling *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].shape &&
		    time_after(&tr->floor, &list[i].st.st_mtim) <= 0)
			match_none(fs, tr, &list[i]);
}

/*
 * A first start right after a rotation wants the end of the file before, too.
 * The others are only remembered: they are not new when they are seen again.
 */
void
claim_first(
    struct files *fs, struct trail *tr, const struct sibling *list, size_t n)
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
note_names(struct trail *tr, const struct sibling *list, size_t n)
{
	struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link) {
		t->rank = -1;
		for (size_t i = 0; i < n; i++)
			if (tail_is(t, &list[i].st)) {
				t->rank = list[i].rank;
				t->aside |= list[i].shape;
			}
	}
}

/* Whether a closed file's row names this inode, and it may have more. */
static bool
by_row(const struct files *fs, const struct trail *tr, const struct stat *st)
{
	const struct tail *t = trail_by_inode(fs, st);

	return t != NULL && t->fd == -1 && t->trail == tr &&
	    !(t->retired && (uint64_t)st->st_size == t->at.offset);
}

/* Returns whether the file was truncated. */
static bool
match_inode(struct files *fs, struct trail *tr, const struct sibling *s)
{
	struct stat st;
	struct tail *t;
	bool fits;
	int fd;

	if (fs->nopen >= FILES_MAX ||
	    !trail_open_file(fs, tr, s->path, &fd, &st))
		return false;
	t = trail_by_inode(fs, &st);
	if (t == NULL || t->fd != -1 || t->trail != tr) {
		close(fd);
		return false;
	}
	t->rank = s->rank;
	fits = tail_fits(fd, &t->at) &&
	    (t->at.head != 0 || !known_head(tr, tail_head(fd)));
	if (!fits)
		t = match_cut(fs, t, s, fd, &st);
	if (t != NULL)
		tail_take(fs, t, fd, &st, s->path);
	else
		close(fd);
	return !fits;
}

/* What is in it came after our row. A copy may have what the row speaks of. */
static struct tail *
match_cut(struct files *fs, struct tail *lost, const struct sibling *s, int fd,
    const struct stat *st)
{
	struct position at = { 0 };
	struct tail *t = NULL;

	tail_identify(&at, fd, st);
	if (s->shape && !known_head(lost->trail, at.head))
		t = tail_new(lost->trail, &at);
	if (t != NULL) {
		TAILQ_INSERT_AFTER(&lost->trail->tails, lost, t, link);
		t->unseen = true;
		t->rank = s->rank;
		fs->stats->rotations++;
	}
	tail_lose(fs, lost);
	return t;
}

/* Whether a row that was not read to its end has no file yet. */
static bool
rows_left(const struct trail *tr)
{
	const struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->fd == -1 && !t->retired && t->at.head != 0)
			return true;
	return false;
}

/* A copy of what a row speaks of. */
static void
match_head(struct files *fs, struct trail *tr, const struct sibling *s)
{
	struct stat st;
	struct tail *t;
	int fd;

	if (fs->nopen >= FILES_MAX || trail_by_inode(fs, &s->st) != NULL ||
	    !trail_open_file(fs, tr, s->path, &fd, &st))
		return;
	t = trail_by_head(tr, tail_head(fd), false);
	if (t == NULL || trail_by_inode(fs, &st) != NULL ||
	    !tail_fits(fd, &t->at))
		close(fd);
	else
		tail_take(fs, t, fd, &st, s->path);
}

/* A file that came and went unseen. It may be empty and yet be written to. */
static void
match_none(struct files *fs, struct trail *tr, const struct sibling *s)
{
	struct position at = { 0 };
	struct tail *t = NULL;
	struct stat st;
	int fd;

	if (fs->nopen >= FILES_MAX || trail_by_inode(fs, &s->st) != NULL ||
	    !trail_open_file(fs, tr, s->path, &fd, &st))
		return;
	tail_identify(&at, fd, &st);
	if (trail_by_inode(fs, &st) == NULL && !known_head(tr, at.head) &&
	    younger(tr, fd, &st))
		t = adopt(fs, tr, &at, s->rank);
	if (t != NULL)
		tail_take(fs, t, fd, &st, s->path);
	else
		close(fd);
}

static bool
known_head(struct trail *tr, uint64_t head)
{
	return trail_by_head(tr, head, true) != NULL ||
	    trail_by_head(tr, head, false) != NULL;
}

/* Than all we know, and so is what is in it: a file that somebody unpacked
 * keeps the time of its last write. */
static bool
younger(const struct trail *tr, int fd, const struct stat *st)
{
	struct timespec born = file_birth(fd, "", st);

	return time_after(&tr->floor, &born) <= 0 &&
	    time_after(&tr->floor, &st->st_mtim) <= 0;
}

/* It is younger than all that had a row, unless nothing had been read of
 * those before either. */
static struct tail *
adopt(struct files *fs, struct trail *tr, const struct position *at, int rank)
{
	struct tail *t = tail_new(tr, at), *next;

	if (t == NULL)
		return NULL;
	t->unseen = true;
	t->rank = rank;
	TAILQ_FOREACH (next, &tr->tails, link)
		if ((next == tr->live && !next->aside) ||
		    (next->rank > rank && next->at.offset == 0 &&
			(next->unseen || next->at.head == 0)))
			break;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, t, link);
	else
		TAILQ_INSERT_TAIL(&tr->tails, t, link);
	fs->stats->rotations++;
	return t;
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
	    !trail_open_file(fs, tr, s->path, &fd, &st))
		return;
	begin = source_bisect(fd, fs->host->begin, fs->host->clock);
	tail_identify(&at, fd, &st);
	at.offset = begin > 0 && at.head != 0 ? (uint64_t)begin : 0;
	t = tail_new(tr, &at);
	if (t == NULL) {
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&tr->tails, t, link);
	tail_take(fs, t, fd, &st, s->path);
}
