/*
 * Once a second: what inotify may have missed, and which files to let go.
 *
 * A logger goes on writing to a rotated file until it is told to reopen, and
 * if nobody tells it, for ever. So a file is followed until its successor has
 * lines, which shows that the logger has moved on, and nothing has come for a
 * while. Its row stays even then.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sources_priv.h"

static void look_path(struct files *fs, struct trail *tr);
static void look_file(struct files *fs, struct tail *t, bool *named);
static bool over(const struct files *fs, const struct tail *t, bool named);
static void let_go(struct files *fs, struct tail *t);
static bool vanished(const struct trail *tr);
static void forget(struct files *fs, struct trail *tr);

void
trail_tick(struct files *fs, struct trail *tr)
{
	struct tail *t;
	bool open = false, named;

	look_path(fs, tr);
	TAILQ_FOREACH (t, &tr->tails, link) {
		if (t->fd == -1)
			continue;
		look_file(fs, t, &named);
		if (over(fs, t, named))
			let_go(fs, t);
		else
			open = true;
	}
	if (!open && tr->globbed && fs->ticks % 4 == 0 && vanished(tr))
		forget(fs, tr);
}

/* Whether the path is another file. Where we may not look, the warden opens
 * it, every few seconds. */
static void
look_path(struct files *fs, struct trail *tr)
{
	struct tail *owner;
	struct stat st;

	if (files_now() < tr->adopt_until)
		tr->scan = true;
	if (stat(tr->path, &st) == -1) {
		if (errno != ENOENT && fs->ticks % 4 == 0)
			tr->scan = true;
		return;
	}
	owner = trail_by_inode(fs, &st);
	if (owner == NULL || owner->fd == -1 ||
	    (owner->trail == tr && owner != tr->live))
		tr->scan = true;
}

static void
look_file(struct files *fs, struct tail *t, bool *named)
{
	struct stat st;

	*named = true;
	if (fstat(t->fd, &st) == -1)
		return;
	*named = st.st_nlink > 0;
	if (st.st_size != t->size)
		tail_wait(fs, t, t->lag > 0 ? t->lag : 1);
}

static bool
over(const struct files *fs, const struct tail *t, bool named)
{
	const struct tail *live = t->trail->live;
	int64_t since = t->moved;

	if (t->pending || (t == live && named))
		return false;
	if (t != live && live != NULL) {
		if (live->at.head == 0)
			return false;
		if (named && live->opened > since)
			since = live->opened;
	} else if (named)
		return false;
	return files_now() - since >= (named ? fs->linger : fs->linger_deleted);
}

static void
let_go(struct files *fs, struct tail *t)
{
	if (t->trail->live == t)
		t->trail->live = NULL;
	tail_close(fs, t);
	t->retired = true;
}

/* Rotated files that are still there would look new without their rows. */
static bool
vanished(const struct trail *tr)
{
	struct sibling list[SIBLINGS_MAX];
	bool packed, any = false;
	size_t n;

	if (access(tr->path, F_OK) == 0 || errno != ENOENT)
		return false;
	n = siblings_list(tr, list, SIBLINGS_MAX, &packed);
	for (size_t i = 0; i < n; i++) {
		any |= list[i].shape;
		free(list[i].path);
	}
	return !any;
}

/* What a glob matched once and is no more. */
static void
forget(struct files *fs, struct trail *tr)
{
	struct tail *t;

	while ((t = TAILQ_FIRST(&tr->tails)) != NULL)
		tail_drop(fs, t);
	tr->forget = true;
	fs->dirty = true;
}
