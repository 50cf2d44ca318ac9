/*
 * A tail: a file, its descriptor and its row. Its row moves when the file turns
 * out to be another one; it goes when the file will not be read again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sources_priv.h"

struct tail *
tail_new(struct trail *tr, const struct position *at)
{
	struct tail *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->at = *at;
	t->trail = tr;
	t->fd = t->wd = t->rank = -1;
	return t;
}

void
tail_open(struct files *fs, struct tail *t, int fd, const char *path)
{
	t->fd = fd;
	t->retired = false;
	t->hole = t->scanned = 0;
	t->moved = t->opened = files_now();
	fs->nopen++;
	watch_file(fs, t, path);
	tail_wait(fs, t, 1);
}

void
tail_close(struct files *fs, struct tail *t)
{
	if (t->fd == -1)
		return;
	if (t->wd != -1)
		watch_file(fs, t, NULL);
	close(t->fd);
	t->fd = -1;
	t->pending = false;
	fs->nopen--;
	fs->stats->lag -= t->lag;
	t->lag = 0;
}

void
tail_rekey(struct files *fs, struct tail *t, uint64_t dev, uint64_t ino)
{
	if (!t->rekeyed)
		t->was = t->at;
	t->rekeyed = true;
	t->at.dev = dev;
	t->at.inode = ino;
	t->dirty = fs->dirty = true;
}

void
tail_drop(struct files *fs, struct tail *t)
{
	tail_close(fs, t);
	if (t->trail->live == t)
		t->trail->live = NULL;
	TAILQ_REMOVE(&t->trail->tails, t, link);
	TAILQ_INSERT_TAIL(&fs->gone, t, link);
	fs->dirty = true;
}

/* There is that much to read, as far as is known. */
void
tail_wait(struct files *fs, struct tail *t, uint64_t lag)
{
	t->pending = lag > 0;
	fs->stats->lag += lag - t->lag;
	t->lag = lag;
}

/* The inode is somebody else's now: the row may still fit a copy. */
void
tail_lose(struct files *fs, struct tail *t)
{
	if (t->at.head == 0)
		tail_drop(fs, t);
	else
		tail_rekey(fs, t, 0, t->at.head);
}

/* Follow this file with that tail. */
void
tail_take(struct files *fs, struct tail *t, int fd, const struct stat *st,
    const char *path)
{
	if (!tail_is(t, st))
		tail_rekey(fs, t, st->st_dev, st->st_ino);
	t->mtime = st->st_mtim;
	t->birth = file_birth(fd, "", st);
	t->dirty = fs->dirty = true;
	t->trail->reorder = true;
	if (t->at.head == 0) {
		t->at.head = tail_head(fd);
		t->unseen = true;
	}
	if (path != t->trail->path && (uint64_t)st->st_size == t->at.offset &&
	    time(NULL) - st->st_mtim.tv_sec > fs->linger) {
		t->retired = true; /* read long ago */
		close(fd);
	} else
		tail_open(fs, t, fd, path);
}

bool
tail_is(const struct tail *t, const struct stat *st)
{
	return t->at.inode == st->st_ino && t->at.dev == st->st_dev;
}

void
tail_identify(struct position *at, int fd, const struct stat *st)
{
	at->dev = st->st_dev;
	at->inode = st->st_ino;
	at->head = tail_head(fd);
}

/* Where the file system does not know, the last write must do. */
struct timespec
file_birth(int fd, const char *path, const struct stat *st)
{
	struct statx sx;

	if (statx(fd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME,
		&sx) == -1 ||
	    (sx.stx_mask & STATX_BTIME) == 0)
		return st->st_mtim;
	return (struct timespec){ sx.stx_btime.tv_sec, sx.stx_btime.tv_nsec };
}

int
time_after(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec > b->tv_sec ? 1 : -1;
	return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}
