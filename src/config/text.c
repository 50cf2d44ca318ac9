/*
 * The text of a configuration file, without its comments. libconfuse 3.3 takes
 * a comment inside a list for a mistake, and a list of samples or networks is
 * just where an administrator writes one; so comments become spaces before it
 * looks. Lines stay where they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_priv.h"

#define FILE_MAX_BYTES (16 << 20)
#define BRACES_MAX     32 /* within each other */

static char *read_all(const char *path, size_t *n);
static int blank_comments(const char *path, char *p, size_t n);

int
text_parse(cfg_t *cfg, const char *path)
{
	size_t n = 0;
	char *text = read_all(path, &n);
	FILE *fp;
	int rc;

	if (!text)
		return CFG_FILE_ERROR;
	if (blank_comments(path, text, n) != 0) {
		free(text);
		return CFG_PARSE_ERROR;
	}
	fp = fmemopen(text, n, "r");
	if (!fp) {
		free(text);
		return CFG_FILE_ERROR;
	}
	free(cfg->filename);
	cfg->filename = strdup(path);
	rc = cfg->filename ? cfg_parse_fp(cfg, fp) : CFG_PARSE_ERROR;
	fclose(fp);
	free(text);
	return rc;
}

/* The whole file with a newline after it; NULL and errno on failure. */
static char *
read_all(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		goto fail;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
		goto fail;
	}
	text = malloc((size_t)st.st_size + 1);
	while (text && *n < (size_t)st.st_size) {
		got = read(fd, text + *n, (size_t)st.st_size - *n);
		if (got < 0)
			goto fail;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	close(fd);
	if (text)
		text[(*n)++] = '\n';
	return text;
fail:
	free(text);
	close(fd);
	return NULL;
}

/* The end of a quoted text that begins at p[i]. */
static size_t
skip_quoted(const char *p, size_t n, size_t i)
{
	char quote = p[i++];

	while (i < n && p[i] != quote)
		i += p[i] == '\\' && i + 1 < n ? 2 : 1;
	return i < n ? i + 1 : n;
}

/* The end of a comment that begins at p[i]; i if none does. */
static size_t
skip_comment(const char *p, size_t n, size_t i)
{
	const char *end;

	if (p[i] == '#' || (p[i] == '/' && i + 1 < n && p[i + 1] == '/')) {
		end = memchr(p + i, '\n', n - i);
		return end ? (size_t)(end - p) : n;
	}
	if (p[i] == '/' && i + 1 < n && p[i + 1] == '*') {
		end = memmem(p + i + 2, n - i - 2, "*/", 2);
		return end ? (size_t)(end - p) + 2 : i;
	}
	return i;
}

/* The line that p[i] is in, from 1. */
static int
line_of(const char *p, size_t i)
{
	int line = 1;

	for (size_t k = 0; k < i; k++)
		line += p[k] == '\n';
	return line;
}

/* What libconfuse takes without a word, or tells at the wrong line. */
static int
not_closed(const char *path, const char *p, size_t at, char what)
{
	return loader_fail(loader_current(), path, line_of(p, at), "%s",
	    what == '{'
		? "the { of this line is not closed: write a } where it ends"
		: what == '}' ? "this } closes nothing: take it out"
			      : "the quote that begins in this line is not "
				"closed: end it with the same quote");
}

/*
 * Comments begin where a word could; "a#b" without quotes is a word. On the
 * way braces and quotes are counted.
 */
static int
blank_comments(const char *path, char *p, size_t n)
{
	size_t open[BRACES_MAX], depth = 0, i = 0, end;

	while (i < n) {
		if (p[i] == '"' || p[i] == '\'') {
			end = skip_quoted(p, n, i);
			if (end == n)
				return not_closed(path, p, i, p[i]);
			i = end;
		} else if ((end = skip_comment(p, n, i)) > i) {
			for (; i < end; i++)
				if (p[i] != '\n')
					p[i] = ' ';
		} else if (strchr(" \t\r\n={}()+,", p[i])) {
			if (p[i] == '{' && depth < BRACES_MAX)
				open[depth++] = i;
			else if (p[i] == '}' && depth-- == 0)
				return not_closed(path, p, i, '}');
			i++;
		} else {
			while (i < n && !strchr(" \t\r\n={}()+,\"'", p[i]))
				i++;
		}
	}
	return depth ? not_closed(path, p, open[depth - 1], '{') : 0;
}
