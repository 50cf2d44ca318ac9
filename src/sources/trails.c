/*
 * The paths of a source: those written out, and what the globs match. A
 * pattern like mail.log* also matches rotated files; they belong to the path
 * they had and must not be read a second time under the name they have now.
 */
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "sources_priv.h"

static void find_matches(struct files *fs, const char *pattern);
static void add(
    struct files *fs, const char *pattern, const char *path, bool globbed);
static bool rotated(const char *pattern, const char *path, char *base);
static struct trail *trail_new(
    struct files *fs, const char *path, bool globbed);
static void load_rows(struct files *fs, struct trail *tr);
static bool make_room(struct files *fs, const char *path);
static struct trail *least_used(struct files *fs);
static void trail_free(struct files *fs, struct trail *tr);
static void commit_gone(struct files *fs);
static void commit_rekeyed(struct files *fs, struct trail *tr);
static void commit_dirty(struct files *fs, struct trail *tr);
static void tell(struct files *fs, const struct trail *tr,
    const struct position *p, bool gone);

/* Paths that are not followed yet. */
void
trails_find(struct files *fs)
{
	fs->reglob = false;
	for (size_t i = 0; i < fs->conf->nfiles; i++) {
		const char *pattern = fs->conf->files[i];

		if (strpbrk(pattern, "*?[") != NULL)
			find_matches(fs, pattern);
		else
			add(fs, NULL, pattern, false);
	}
}

/* The end of a batch: every row that changed, and the transaction. */
void
trails_commit(struct files *fs)
{
	struct trail *tr, *next;

	commit_gone(fs);
	TAILQ_FOREACH (tr, &fs->trails, link) {
		commit_rekeyed(fs, tr);
		commit_dirty(fs, tr);
	}
	fs->dirty = false;
	fs->host->commit(fs->host->arg);
	for (tr = TAILQ_FIRST(&fs->trails); tr != NULL; tr = next) {
		next = TAILQ_NEXT(tr, link);
		if (tr->forget)
			trail_free(fs, tr);
	}
}

void
trails_free(struct files *fs)
{
	struct tail *t;

	while ((t = TAILQ_FIRST(&fs->gone)) != NULL) {
		TAILQ_REMOVE(&fs->gone, t, link);
		free(t);
	}
	while (!TAILQ_EMPTY(&fs->trails))
		trail_free(fs, TAILQ_FIRST(&fs->trails));
}

static void
find_matches(struct files *fs, const char *pattern)
{
	glob_t g;

	if (glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		add(fs, pattern, g.gl_pathv[i], true);
	globfree(&g);
}

static void
add(struct files *fs, const char *pattern, const char *path, bool globbed)
{
	char base[PATH_MAX];
	struct trail *tr;
	struct stat st;

	if (globbed && rotated(pattern, path, base)) {
		if (base[0] != '\0')
			add(fs, NULL, base, false);
		return;
	}
	TAILQ_FOREACH (tr, &fs->trails, link)
		if (strcmp(tr->path, path) == 0)
			return;
	if (globbed && (stat(path, &st) == -1 || !S_ISREG(st.st_mode)))
		return;
	if (fs->ntrails >= TRAILS_MAX && !make_room(fs, path)) {
		if (!fs->full)
			source_note(fs->host, fs->conf->name, LOG_WARNING,
			    "%s: %d paths are followed already; it is not",
			    path, TRAILS_MAX);
		fs->full = true;
		return;
	}
	tr = trail_new(fs, path, globbed);
	if (tr != NULL)
		load_rows(fs, tr);
}

/*
 * Whether the match is a rotated file of another match, whose path goes to
 * base (nothing for compressed files). app-2026-11-24.log is not, to a pattern
 * app-*.log: that would not match app.log.
 */
static bool
rotated(const char *pattern, const char *path, char *base)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash != NULL ? (size_t)(slash + 1 - path) : 0;

	base[0] = '\0';
	if (sibling_packed(path))
		return true;
	if (dir >= PATH_MAX)
		return false;
	memcpy(base, path, dir);
	return sibling_base(path + dir, base + dir, PATH_MAX - dir) &&
	    fnmatch(pattern, base, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static struct trail *
trail_new(struct files *fs, const char *path, bool globbed)
{
	struct trail *tr = calloc(1, sizeof *tr);

	if (tr == NULL)
		return NULL;
	tr->path = strdup(path);
	if (tr->path == NULL) {
		free(tr);
		return NULL;
	}
	TAILQ_INIT(&tr->tails);
	tr->dir_wd = tr->real_wd = -1;
	tr->globbed = globbed;
	tr->scan = fs->rewatch = true;
	TAILQ_INSERT_TAIL(&fs->trails, tr, link);
	fs->ntrails++;
	return tr;
}

static void
load_rows(struct files *fs, struct trail *tr)
{
	struct position rows[FILES_MAX];
	struct tail *t;
	size_t n;

	n = fs->host->stored(
	    fs->host->arg, fs->conf->name, tr->path, rows, FILES_MAX);
	for (size_t i = 0; i < n && i < FILES_MAX; i++) {
		t = tail_new(tr, &rows[i]);
		if (t != NULL)
			TAILQ_INSERT_TAIL(&tr->tails, t, link);
	}
	tr->rows = n > 0;
	/* A file that a glob did not match before is new, not old. */
	tr->fresh = n == 0 && fs->started && tr->globbed;
}

/* For path, give up the one that was written to longest ago, if that was
 * before path was. Its rows stay. */
static bool
make_room(struct files *fs, const char *path)
{
	struct trail *tr = least_used(fs);
	struct stat st;

	if (tr == NULL || stat(path, &st) == -1 ||
	    st.st_mtim.tv_sec <= tr->live->mtime.tv_sec + fs->linger)
		return false;
	if (fs->dirty)
		trails_commit(fs);
	trail_free(fs, tr);
	return true;
}

static struct trail *
least_used(struct files *fs)
{
	struct trail *tr, *least = NULL;

	TAILQ_FOREACH (tr, &fs->trails, link) {
		if (!tr->globbed || tr->live == NULL || tr->live->pending)
			continue;
		if (least == NULL ||
		    tr->live->mtime.tv_sec < least->live->mtime.tv_sec)
			least = tr;
	}
	return least;
}

static void
trail_free(struct files *fs, struct trail *tr)
{
	struct tail *t;

	while ((t = TAILQ_FIRST(&tr->tails)) != NULL) {
		tail_close(fs, t);
		TAILQ_REMOVE(&tr->tails, t, link);
		free(t);
	}
	TAILQ_REMOVE(&fs->trails, tr, link);
	fs->ntrails--;
	free(tr->path);
	free(tr->real);
	free(tr);
}

static void
commit_gone(struct files *fs)
{
	struct tail *t;

	while ((t = TAILQ_FIRST(&fs->gone)) != NULL) {
		TAILQ_REMOVE(&fs->gone, t, link);
		tell(fs, t->trail, t->rekeyed ? &t->was : &t->at, true);
		free(t);
	}
}

/* Rows that go come before rows that are put: a key may be used again. The
 * order of the rows is that of the files, so where that changed all are put
 * again. */
static void
commit_rekeyed(struct files *fs, struct trail *tr)
{
	struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link) {
		if (t->rekeyed)
			tell(fs, tr, &t->was, true);
		t->rekeyed = false;
	}
	if (tr->reorder)
		TAILQ_FOREACH (t, &tr->tails, link) {
			tell(fs, tr, &t->at, true);
			t->dirty = true;
		}
	tr->reorder = false;
}

static void
commit_dirty(struct files *fs, struct trail *tr)
{
	struct tail *t;

	TAILQ_FOREACH (t, &tr->tails, link) {
		if (t->dirty)
			tell(fs, tr, &t->at, false);
		t->dirty = false;
	}
}

static void
tell(struct files *fs, const struct trail *tr, const struct position *p,
    bool gone)
{
	fs->host->position(fs->host->arg, fs->conf->name, tr->path, p, gone);
}
