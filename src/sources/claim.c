/*
 * Files beside a path, and the rows they belong to. First by inode, for a copy
 * of a file has its first line, too; then by first line. What is left over may
 * be a file that came and was rotated away unseen.
 */
#include <stdlib.h>
#include <unistd.h>

#include "sources_priv.h"

static bool by_row(
    const struct files *fs, const struct trail *tr, const struct stat *st);
static void match_inode(struct files *fs, struct trail *tr, struct sibling *s);
static void match_head(struct files *fs, struct trail *tr, struct sibling *s);
static bool known_head(struct trail *tr, uint64_t head);
static bool unseen(struct trail *tr, const struct sibling *s, int fd,
    const struct stat *st, uint64_t head);
static struct tail *adopt(struct files *fs, struct trail *tr,
    const struct position *at, const struct stat *st);
static bool wanted(struct files *fs, struct trail *tr, const struct sibling *s);
static void first_sibling(
    struct files *fs, struct trail *tr, const struct sibling *s);

/* Rows and files: first by inode, for a copy of a file has its first line. */
void
claim_siblings(struct files *fs, struct trail *tr, struct sibling *list,
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

/*
 * A first start right after a rotation wants the end of the file before, too.
 * The others are only remembered: they are not new when they are seen again.
 */
void
claim_first(struct files *fs, struct trail *tr, struct sibling *list, size_t n)
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

	if (fs->nopen >= FILES_MAX ||
	    !trail_open_file(fs, tr, s->path, &fd, &st))
		return;
	t = trail_by_inode(fs, &st);
	if (t == NULL || t->fd != -1 || t->trail != tr) {
		close(fd);
		return;
	}
	if (!tail_fits(fd, &t->at)) { /* what is in it came after our row */
		tail_lose(fs, t);
		tail_identify(&fresh, fd, &st);
		t = s->shape && !known_head(tr, fresh.head)
		    ? adopt(fs, tr, &fresh, &st)
		    : NULL;
	}
	if (t != NULL)
		tail_take(fs, t, fd, &st, s->path);
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

	if (!trail_open_file(fs, tr, s->path, &fd, &st))
		return;
	tail_identify(&fresh, fd, &st);
	t = trail_by_head(tr, fresh.head, false);
	if (trail_by_inode(fs, &st) != NULL ||
	    (t != NULL && !tail_fits(fd, &t->at)) ||
	    (t == NULL &&
		(!unseen(tr, s, fd, &st, fresh.head) ||
		    (t = adopt(fs, tr, &fresh, &st)) == NULL))) {
		close(fd);
		return;
	}
	tail_take(fs, t, fd, &st, s->path);
}

/* A file without a whole line is as good as known. */
static bool
known_head(struct trail *tr, uint64_t head)
{
	return head == 0 || trail_by_head(tr, head, true) != NULL ||
	    trail_by_head(tr, head, false) != NULL;
}

/* Younger than all we know, and so is what is in it: a file that somebody
 * unpacked keeps the time of its last write. */
static bool
unseen(struct trail *tr, const struct sibling *s, int fd, const struct stat *st,
    uint64_t head)
{
	struct timespec born = tail_birth(fd, st);

	return s->shape && !known_head(tr, head) &&
	    files_now() < tr->adopt_until &&
	    time_after(&tr->floor, &born) <= 0 &&
	    time_after(&tr->floor, &st->st_mtim) <= 0;
}

static struct tail *
adopt(struct files *fs, struct trail *tr, const struct position *at,
    const struct stat *st)
{
	struct tail *t = tail_new(tr, at), *next;

	if (t == NULL)
		return NULL;
	t->mtime = st->st_mtim;
	TAILQ_FOREACH (next, &tr->tails, link)
		if (next == tr->live || time_after(&next->mtime, &t->mtime) > 0)
			break;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, t, link);
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
	    time_after(&tr->floor, &s->st.st_mtim) <= 0)
		return true;
	TAILQ_FOREACH (t, &tr->tails, link)
		if (t->fd == -1 && !t->retired && t->at.head != 0)
			return true;
	return false;
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
