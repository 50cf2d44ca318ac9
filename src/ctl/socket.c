/*
 * Where the daemon listens. The configuration is not loaded for that: reload
 * must reach the daemon just when the configuration has a mistake, and nobody
 * should wait for patterns to be compiled. So it is skimmed for `control`, as
 * libconfuse would read it: outside of sections, not in comments; the last one
 * wins.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

#define DEPTH_MOST 8
#define FILES_MOST 256
#define FILE_MOST  (4 << 20) /* bytes of one file that are skimmed */
#define WORD_MOST  PATH_MAX

enum token { END, WORD, STRING, OPEN, CLOSE, OTHER };

struct skim {
	const char *p, *end;
	char word[WORD_MOST]; /* of WORD and STRING */
	const char *path;
	int depth; /* of includes */
	struct found *found;
};

struct found {
	unsigned files; /* skimmed */
	char *path;
	size_t size;
};

static bool skim_path(const char *path, int depth, struct found *found);
static char *slurp(const char *path, size_t *n);
static void skim(struct skim *s);
static void take_setting(struct skim *s);
static void take_include(struct skim *s);
static void skim_dir(struct skim *s, const char *dir);
static enum token next(struct skim *s);
static void skip_blank(struct skim *s);
static enum token read_string(struct skim *s);
static bool in_word(char ch);

int
socket_path(const struct ctl *c, bool quiet, char *buf, size_t size)
{
	struct found found = { .path = buf, .size = size };

	snprintf(
	    buf, size, "%s", c->socket ? c->socket : MXWARD_RUNDIR "/control");
	if (c->socket ||
	    skim_path(c->config ? c->config : MXWARD_CONF, 0, &found))
		return DONE;
	/* The usual one may be missing, or not be for everybody's eyes. One
	 * that was named and is not read would have another daemon answer. */
	if (!c->config)
		return DONE;
	return quiet ? USAGE
		     : fail(USAGE, "%s: %s", c->config, strerror(errno));
}

/* False and errno if it cannot be read. */
static bool
skim_path(const char *path, int depth, struct found *found)
{
	struct skim s = { .path = path, .depth = depth, .found = found };
	char *text;
	size_t n;

	if (found->files++ >= FILES_MOST || !(text = slurp(path, &n)))
		return false;
	s.p = text;
	s.end = text + n;
	skim(&s);
	free(text);
	return true;
}

/* A fifo is no configuration, and must not hold anybody up. */
static char *
slurp(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t k = -1;
	int why;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (fd >= 0) {
		*n = st.st_size < FILE_MOST ? (size_t)st.st_size : FILE_MOST;
		text = malloc(*n + 1);
		k = text ? read(fd, text, *n) : -1;
	}
	why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	if (k < 0) {
		free(text);
		return NULL;
	}
	*n = (size_t)k;
	return text;
}

static void
skim(struct skim *s)
{
	enum token t;
	int sections = 0;

	while ((t = next(s)) != END) {
		if (t == OPEN)
			sections++;
		else if (t == CLOSE && sections > 0)
			sections--;
		else if (t == WORD && sections == 0) {
			if (strcmp(s->word, "control") == 0)
				take_setting(s);
			else if (strcmp(s->word, "include") == 0)
				take_include(s);
		}
	}
}

static void
take_setting(struct skim *s)
{
	enum token t;

	if (next(s) != OTHER)
		return;
	t = next(s);
	if ((t == STRING || t == WORD) && s->word[0])
		snprintf(s->found->path, s->found->size, "%s", s->word);
}

/* A relative path starts where the including file lies. */
static void
take_include(struct skim *s)
{
	const char *slash = strrchr(s->path, '/');
	char path[PATH_MAX];
	struct stat st;

	if (next(s) != OTHER || next(s) != STRING || s->depth >= DEPTH_MOST)
		return;
	if (s->word[0] == '/' || !slash)
		snprintf(path, sizeof(path), "%.*s", PATH_MAX - 1, s->word);
	else if ((size_t)snprintf(path, sizeof(path), "%.*s/%s",
		     (int)(slash - s->path), s->path, s->word) >= sizeof(path))
		return;
	if (stat(path, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		skim_dir(s, path);
	else
		skim_path(path, s->depth + 1, s->found);
}

static int
is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && fnmatch("*.conf", d->d_name, 0) == 0;
}

static void
skim_dir(struct skim *s, const char *dir)
{
	struct dirent **list;
	char file[PATH_MAX];
	int n = scandir(dir, &list, is_conf, alphasort);

	for (int i = 0; i < n; i++) {
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", dir,
			list[i]->d_name) < sizeof(file))
			skim_path(file, s->depth + 1, s->found);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static enum token
next(struct skim *s)
{
	size_t n = 0;

	skip_blank(s);
	if (s->p >= s->end)
		return END;
	if (*s->p == '"' || *s->p == '\'')
		return read_string(s);
	if (*s->p == '{' || *s->p == '}')
		return *s->p++ == '{' ? OPEN : CLOSE;
	if (!in_word(*s->p)) {
		s->p++;
		return OTHER;
	}
	for (; s->p < s->end && in_word(*s->p); s->p++)
		if (n < WORD_MOST - 1)
			s->word[n++] = *s->p;
	s->word[n] = '\0';
	return WORD;
}

static void
skip_blank(struct skim *s)
{
	for (; s->p < s->end; s->p++) {
		bool two = s->end - s->p > 1 && s->p[0] == '/';
		const char *to = NULL;
		if (*s->p == '#' || (two && s->p[1] == '/'))
			to = memchr(s->p, '\n', (size_t)(s->end - s->p));
		else if (two && s->p[1] == '*')
			to = memmem(s->p, (size_t)(s->end - s->p), "*/", 2);
		else if (strchr(" \t\r\n", *s->p) && *s->p)
			continue;
		else
			return;
		/* On the last byte of the comment, or at the very end. */
		s->p = !to ? s->end - 1 : *to == '*' ? to + 1 : to;
	}
}

static enum token
read_string(struct skim *s)
{
	char quote = *s->p++;
	size_t n = 0;

	for (; s->p < s->end && *s->p != quote; s->p++) {
		if (*s->p == '\\' && s->end - s->p > 1)
			s->p++;
		if (n < WORD_MOST - 1)
			s->word[n++] = *s->p;
	}
	if (s->p < s->end)
		s->p++;
	s->word[n] = '\0';
	return STRING;
}

/* What libconfuse takes as an unquoted word. */
static bool
in_word(char ch)
{
	return ch != '\0' && !strchr(" \t\r\n\"'#(){},=+", ch);
}
