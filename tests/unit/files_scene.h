/*
 * A directory with a log in it, a logger that writes numbered lines, and what
 * rotation does. Every line is wanted once.
 */
#ifndef TEST_FILES_SCENE_H
#define TEST_FILES_SCENE_H

#include <dirent.h>
#include <sys/stat.h>

#include "source_host.h"
#include "../../src/sources/sources_priv.h"

struct scene {
	struct owner *o;
	char dir[64];
	char live[96];
	char *files[2];
	int logger; /* what the logger has open */
	unsigned written;
	unsigned char *late; /* line k was written to a rotated file, beside
	                        the one that had the name then */
	size_t nlate;
	unsigned long seed;
	unsigned cut; /* kill after this step, and after none other */
	unsigned step;
	bool append;
};

static inline void
scene_path(struct scene *s, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", s->dir, name);
}

static inline struct scene *
scene_new(void)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	snprintf(s->dir, sizeof s->dir, "/tmp/test_files.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	scene_path(s, "mail.log", s->live, sizeof s->live);
	s->o = owner_new(SOURCE_FILES);
	s->files[0] = s->live;
	s->o->conf.files = s->files;
	s->o->conf.nfiles = 1;
	s->logger = -1;
	return s;
}

static inline void
remove_tree(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= 512)
			continue;
		if (unlink(path) == -1)
			remove_tree(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(dir);
}

static inline void
scene_free(struct scene *s)
{
	owner_free(s->o);
	if (s->logger != -1)
		close(s->logger);
	remove_tree(s->dir);
	free(s->late);
	free(s);
}

/* The logger opens its file again. */
static inline void
reopen(struct scene *s)
{
	if (s->logger != -1)
		close(s->logger);
	s->logger =
	    open(s->live, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	assert_true(s->logger != -1);
}

static inline void
put(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
}

static inline void
log_to(struct scene *s, int fd, unsigned n)
{
	char line[128];
	int len;

	while (n-- > 0) {
		len = snprintf(line, sizeof line,
		    "mx postfix/smtpd[314]: %06u connect from unknown%.*s\n",
		    s->written, (int)(s->written % 40),
		    "........................................");
		s->written++;
		put(fd, line, (size_t)len);
	}
}

/* Another process, which has not reopened the log. */
static inline void
log_late(struct scene *s, int fd, unsigned n)
{
	size_t size = s->written + n;

	s->late = realloc(s->late, size + 1);
	assert_non_null(s->late);
	memset(s->late + s->nlate, 0, size - s->nlate);
	memset(s->late + s->written, 1, n);
	s->nlate = size;
	log_to(s, fd, n);
}

static inline void
log_lines(struct scene *s, unsigned n)
{
	if (s->logger == -1)
		reopen(s);
	log_to(s, s->logger, n);
}

static inline void
move(struct scene *s, const char *from, const char *to)
{
	char a[128], b[128];

	scene_path(s, from, a, sizeof a);
	scene_path(s, to, b, sizeof b);
	rename(a, b);
}

/* logrotate's way: .2 → .3, .1 → .2, mail.log → .1 */
static inline void
shift(struct scene *s)
{
	char from[32], to[32];

	for (int i = 19; i > 0; i--) {
		snprintf(from, sizeof from, "mail.log.%d", i);
		snprintf(to, sizeof to, "mail.log.%d", i + 1);
		move(s, from, to);
	}
}

static inline void
rotate(struct scene *s)
{
	shift(s);
	move(s, "mail.log", "mail.log.1");
}

static inline void
copy(struct scene *s, const char *to)
{
	char path[128], buf[65536];
	int in, out;
	ssize_t n;

	scene_path(s, to, path, sizeof path);
	in = open(s->live, O_RDONLY);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(in != -1 && out != -1);
	while ((n = read(in, buf, sizeof buf)) > 0)
		put(out, buf, (size_t)n);
	close(in);
	close(out);
}

static inline void
copytruncate(struct scene *s)
{
	shift(s);
	copy(s, "mail.log.1");
	assert_int_equal(truncate(s->live, 0), 0);
}

static inline unsigned
line_number(const struct scene *s, size_t i)
{
	const char *p = strstr(s->o->lines.v[i], "]: ");

	if (p == NULL)
		fail_msg("not a line: %s", s->o->lines.v[i]);
	return (unsigned)strtoul(p + 3, NULL, 10);
}

static inline void
want_all(struct scene *s)
{
	unsigned *seen = calloc(s->written + 1, sizeof *seen);
	unsigned k;

	for (size_t i = 0; i < s->o->lines.n; i++) {
		k = line_number(s, i);
		assert_true(k < s->written);
		seen[k]++;
	}
	for (k = 0; k < s->written; k++)
		if (seen[k] != 1)
			fail_msg("line %u of %u came %u times "
				 "(seed %lu, cut %u)",
			    k, s->written, seen[k], s->seed, s->cut);
	free(seen);
}

/* Late lines may come before or after those written beside them, but not
 * before those that were in their file. */
static inline void
want_in_order(struct scene *s)
{
	long last[2] = { -1, -1 };

	want_all(s);
	for (size_t i = 0; i < s->o->lines.n; i++) {
		long k = line_number(s, i);
		bool late = (size_t)k < s->nlate && s->late[k];

		if (k < last[late])
			fail_msg("line %ld came after %ld (seed %lu, cut %u)",
			    k, last[late], s->seed, s->cut);
		last[late] = k;
	}
}

/* Everything is there once, also after another start. */
static inline void
finish(struct scene *s)
{
	if (s->o->source == NULL)
		owner_start(s->o);
	owner_run(s->o);
	want_in_order(s);
	owner_restart(s->o);
	owner_run(s->o);
	want_in_order(s);
}

#endif
