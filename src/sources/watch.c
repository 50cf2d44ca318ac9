/*
 * inotify: one watch on every file that is followed, one on every directory
 * where a file may appear. Watches are set by path, as the warden must set
 * those that we may not, so a path may be another file by then: the tick finds
 * out, and whatever inotify cannot see (network file systems).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <syslog.h>
#include <unistd.h>

#include "sources_priv.h"

#define FILE_MASK (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define DIR_MASK                                                               \
	(IN_ONLYDIR | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |    \
	    IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
/* Buffers read before the loop has its say again. */
#define READS_MAX 8

static int watch_dir(struct files *fs, const char *path, size_t n);
static size_t glob_dir(const char *pattern);
static size_t dir_length(const char *path);
static void event(struct files *fs, const struct inotify_event *e);
static void event_file(
    struct files *fs, struct tail *t, const struct inotify_event *e);
static void event_dir(struct files *fs, const struct inotify_event *e);
static void dir_gone(struct files *fs, int wd);
static bool concerns(const char *path, const char *name);
static void everything(struct files *fs);

int
watch_start(struct files *fs, struct error *err)
{
	fs->ifd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fs->ifd == -1)
		return error_set(err,
		    "source %s: inotify: %s (fs.inotify.max_user_instances is "
		    "the limit)",
		    fs->conf->name, strerror(errno));
	for (size_t i = 0; i < fs->conf->nfiles; i++)
		fs->glob_wd[i] = -1;
	return 0;
}

void
watch_stop(struct files *fs)
{
	if (fs->ifd != -1)
		close(fs->ifd);
	fs->ifd = -1;
}

/* Watch the file of a tail by its path, or (NULL) no longer. */
void
watch_file(struct files *fs, struct tail *t, const char *path)
{
	struct trail *tr;
	struct tail *o;

	if (path == NULL) {
		inotify_rm_watch(fs->ifd, t->wd);
		t->wd = -1;
		return;
	}
	t->wd = fs->host->watch(fs->host->arg, fs->ifd, path, FILE_MASK);
	if (t->wd == -1) {
		if (!fs->unread && errno != ENOENT) {
			source_note(fs->host, fs->conf->name, LOG_WARNING,
			    "%s: cannot be watched: %s; looking at it every "
			    "second (fs.inotify.max_user_watches is the limit)",
			    path, strerror(errno));
			fs->unread = true;
		}
		return;
	}
	TAILQ_FOREACH (tr, &fs->trails, link)
		TAILQ_FOREACH (o, &tr->tails, link)
			if (o != t && o->wd == t->wd)
				o->wd = -1;
}

/* Watch the directories that are not watched yet, and look into them. */
void
watch_dirs(struct files *fs)
{
	struct trail *tr;

	fs->rewatch = false;
	TAILQ_FOREACH (tr, &fs->trails, link) {
		if (tr->dir_wd == -1) {
			tr->dir_wd =
			    watch_dir(fs, tr->path, dir_length(tr->path));
			tr->scan |= tr->dir_wd != -1;
		}
		if (tr->real != NULL && tr->real_wd == -1) {
			tr->real_wd =
			    watch_dir(fs, tr->real, dir_length(tr->real));
			tr->scan |= tr->real_wd != -1;
		}
	}
	for (size_t i = 0; i < fs->conf->nfiles; i++) {
		const char *pattern = fs->conf->files[i];
		size_t n = glob_dir(pattern);

		if (n == SIZE_MAX || fs->glob_wd[i] != -1)
			continue;
		fs->glob_wd[i] = watch_dir(fs, pattern, n);
		fs->reglob |= fs->glob_wd[i] != -1;
	}
}

void
watch_read(struct files *fs)
{
	_Alignas(struct inotify_event) char buf[16384];
	const struct inotify_event *e;
	ssize_t n;

	for (int i = 0; i < READS_MAX; i++) {
		n = read(fs->ifd, buf, sizeof buf);
		if (n <= 0)
			return;
		for (const char *p = buf; p < buf + n;
		     p += sizeof *e + e->len) {
			e = (const struct inotify_event *)(const void *)p;
			event(fs, e);
		}
	}
}

static int
watch_dir(struct files *fs, const char *path, size_t n)
{
	char dir[PATH_MAX];
	int wd;

	if (n >= sizeof dir)
		return -1;
	snprintf(
	    dir, sizeof dir, "%.*s", n > 0 ? (int)n : 1, n > 0 ? path : ".");
	wd = fs->host->watch(fs->host->arg, fs->ifd, dir, DIR_MASK);
	if (wd == -1 && errno != ENOENT) /* the warden may not know it */
		wd = inotify_add_watch(fs->ifd, dir, DIR_MASK);
	return wd;
}

/* How much of a pattern is a directory without wildcards; SIZE_MAX if the
 * pattern has none. */
static size_t
glob_dir(const char *pattern)
{
	size_t n = strcspn(pattern, "*?[");

	if (pattern[n] == '\0')
		return SIZE_MAX;
	while (n > 0 && pattern[n - 1] != '/')
		n--;
	return n > 1 ? n - 1 : n;
}

static size_t
dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return 0;
	return slash == path ? 1 : (size_t)(slash - path);
}

static void
event(struct files *fs, const struct inotify_event *e)
{
	struct trail *tr;
	struct tail *t;

	if (e->mask & IN_Q_OVERFLOW) {
		everything(fs);
		return;
	}
	TAILQ_FOREACH (tr, &fs->trails, link)
		TAILQ_FOREACH (t, &tr->tails, link)
			if (t->wd == e->wd) {
				event_file(fs, t, e);
				return;
			}
	event_dir(fs, e);
}

static void
event_file(struct files *fs, struct tail *t, const struct inotify_event *e)
{
	if (e->mask & IN_MODIFY)
		tail_wait(fs, t, t->lag > 0 ? t->lag : 1);
	if (e->mask & (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF))
		t->trail->scan = true;
	if (e->mask & IN_IGNORED)
		t->wd = -1;
}

static void
event_dir(struct files *fs, const struct inotify_event *e)
{
	const char *name = e->len > 0 ? e->name : "";
	struct trail *tr;

	if (e->mask & IN_MOVE_SELF)
		inotify_rm_watch(fs->ifd, e->wd);
	if (e->mask & (IN_IGNORED | IN_MOVE_SELF)) {
		dir_gone(fs, e->wd);
		return;
	}
	TAILQ_FOREACH (tr, &fs->trails, link) {
		if (tr->dir_wd == e->wd && concerns(tr->path, name))
			tr->scan = true;
		if (tr->real_wd == e->wd && concerns(tr->real, name))
			tr->scan = true;
	}
	for (size_t i = 0; i < fs->conf->nfiles; i++)
		if (fs->glob_wd[i] == e->wd &&
		    (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0)
			fs->reglob = true;
}

static void
dir_gone(struct files *fs, int wd)
{
	struct trail *tr;

	fs->rewatch = true;
	TAILQ_FOREACH (tr, &fs->trails, link) {
		if (tr->dir_wd == wd)
			tr->dir_wd = -1;
		if (tr->real_wd == wd)
			tr->real_wd = -1;
	}
	for (size_t i = 0; i < fs->conf->nfiles; i++)
		if (fs->glob_wd[i] == wd)
			fs->glob_wd[i] = -1;
}

/* Whether a name may be the path's own or that of its rotated files. */
static bool
concerns(const char *path, const char *name)
{
	const char *slash, *base, *ext;

	if (path == NULL || name[0] == '\0')
		return path != NULL;
	slash = strrchr(path, '/');
	base = slash != NULL ? slash + 1 : path;
	ext = strrchr(base, '.');
	return strncmp(base, name,
		   ext != NULL && ext > base ? (size_t)(ext - base)
					     : strlen(base)) == 0;
}

/* Events were lost: look at everything. */
static void
everything(struct files *fs)
{
	struct trail *tr;
	struct tail *t;

	fs->reglob = true;
	TAILQ_FOREACH (tr, &fs->trails, link) {
		tr->scan = true;
		TAILQ_FOREACH (t, &tr->tails, link)
			if (t->fd != -1)
				tail_wait(fs, t, t->lag > 0 ? t->lag : 1);
	}
}
