/*
 * Putting a bad database aside. It is evidence of what went wrong and may hold
 * bans worth saving, so it is never deleted; but a disk that ruins one
 * database after the other must not be filled with them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_priv.h"

#define ASIDE_MAX 16

static int aside_name(struct store *s, struct error *err);
static size_t aside_count(const char *dir);
static int move(const struct store *s, const char *suffix, struct error *err);

/*
 * The log first: should we be killed in between, SQLite would drop a log whose
 * database has gone, but not a database whose log has.
 */
int
store_put_aside(struct store *s, struct error *err)
{
	if (aside_count(s->dir) >= ASIDE_MAX)
		return error_set(err,
		    "%s is damaged, and there are %d others put aside in %s "
		    "already: see what ruins them, and remove some",
		    s->path, ASIDE_MAX, s->dir);
	if (aside_name(s, err) == -1)
		return -1;
	if (move(s, "-wal", err) == -1 || move(s, "-shm", err) == -1 ||
	    move(s, "", err) == -1) {
		s->aside[0] = '\0';
		return -1;
	}
	return 0;
}

static int
aside_name(struct store *s, struct error *err)
{
	long long now = (long long)time(NULL);

	/* One that is put aside in the same second must not replace it. */
	for (int i = 0; i < ASIDE_MAX; i++) {
		int n = snprintf(s->aside, sizeof(s->aside), "%s.bad-%lld",
		    s->path, now + i);

		if (n >= (int)sizeof(s->aside))
			break;
		if (access(s->aside, F_OK) == -1 && errno == ENOENT)
			return 0;
	}
	s->aside[0] = '\0';
	return error_set(err, "%s: no free name to put it aside", s->path);
}

static size_t
aside_count(const char *dir)
{
	static const char prefix[] = STORE_FILE ".bad-";
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	if ((d = opendir(dir)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, prefix, sizeof(prefix) - 1) == 0 &&
		    strchr(e->d_name + sizeof(prefix) - 1, '-') == NULL)
			n++;
	closedir(d);
	return n;
}

static int
move(const struct store *s, const char *suffix, struct error *err)
{
	char from[PATH_MAX + 8], to[PATH_MAX + 8];

	snprintf(from, sizeof(from), "%s%s", s->path, suffix);
	snprintf(to, sizeof(to), "%s%s", s->aside, suffix);
	if (rename(from, to) == -1 && errno != ENOENT)
		return error_set(err, "%s is damaged and cannot be renamed: %s",
		    from, strerror(errno));
	return 0;
}
