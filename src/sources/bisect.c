/*
 * Where a first start begins. Steps from the end that double until a line is
 * old enough, then bisection: a log of many gigabytes costs a few dozen reads,
 * and what lies more than a year back, where times without a year lie, is not
 * looked at. Lines of one log are not quite in order, so it looks for a time a
 * little earlier and goes on from there line by line.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sources_priv.h"

#define BISECT_SLACK  60      /* seconds of disorder */
#define BISECT_CHUNK  65536   /* bytes; holds most lines whole */
#define BISECT_SEARCH 1048576 /* bytes in which some line must have a time */

struct probe {
	int fd;
	struct logtime *clock;
	off_t end;  /* after the last newline */
	char *buf;  /* BISECT_CHUNK */
	off_t line; /* the line found */
	int64_t when;
};

enum found { FOUND, NOTHING, FAILED };

static off_t whole_end(struct probe *p, off_t size);
static off_t search(struct probe *p, int64_t begin);
static enum found probe_at(struct probe *p, off_t at);
static off_t line_after(struct probe *p, off_t at);
static ssize_t fill(struct probe *p, off_t at);
static bool line_time(struct probe *p, const char *s, const char *nl);
static off_t forward(struct probe *p, off_t from, int64_t begin);
static bool long_time(struct probe *p, off_t at, ssize_t n);

off_t
source_bisect(int fd, int64_t begin, struct logtime *clock)
{
	struct probe p = { .fd = fd, .clock = clock };
	struct stat st;
	off_t at = -1;

	if (fstat(fd, &st) == -1)
		return -1;
	p.buf = malloc(BISECT_CHUNK);
	if (p.buf == NULL)
		return -1;
	p.end = whole_end(&p, st.st_size);
	if (p.end >= 0)
		at = search(&p, begin);
	free(p.buf);
	return at;
}

/* The offset after the last newline: what follows is not a line yet. */
static off_t
whole_end(struct probe *p, off_t size)
{
	const char *nl;
	ssize_t n;
	off_t at;

	while (size > 0) {
		at = size > BISECT_CHUNK ? size - BISECT_CHUNK : 0;
		n = fill(p, at);
		if (n < 0)
			return -1;
		if (n > size - at)
			n = size - at;
		nl = memrchr(p->buf, '\n', (size_t)n);
		if (nl != NULL)
			return at + (nl - p->buf) + 1;
		size = at;
	}
	return 0;
}

static off_t
search(struct probe *p, int64_t begin)
{
	off_t lo = 0, hi = p->end, step = BISECT_CHUNK, mid;
	int64_t old = begin - BISECT_SLACK;
	bool any = false;
	enum found f;

	for (;;) { /* the bound below: a line that is old, or the beginning */
		mid = p->end > step ? p->end - step : 0;
		f = probe_at(p, mid);
		if (f == FAILED)
			return -1;
		any |= f == FOUND;
		if (f == FOUND && p->when < old) {
			lo = p->line;
			break;
		}
		hi = mid;
		if (mid == 0)
			break;
		step *= 2;
	}
	if (!any) /* no times at all: what is there is of unknown age */
		return p->end;
	while (hi - lo > BISECT_CHUNK) {
		mid = lo + (hi - lo) / 2;
		f = probe_at(p, mid);
		if (f == FAILED)
			return -1;
		if (f == FOUND && p->when < old && p->line < hi)
			lo = p->line;
		else
			hi = mid;
	}
	return forward(p, lo, begin);
}

/* The first line at or after `at` that has a time. */
static enum found
probe_at(struct probe *p, off_t at)
{
	off_t limit = at + BISECT_SEARCH;
	const char *s, *nl;
	ssize_t n;

	at = line_after(p, at);
	while (at >= 0 && at < p->end && at < limit) {
		n = fill(p, at);
		if (n < 0)
			return FAILED;
		for (s = p->buf;
		     (nl = memchr(s, '\n', (size_t)(p->buf + n - s))) != NULL;
		     s = nl + 1)
			if (line_time(p, s, nl)) {
				p->line = at + (s - p->buf);
				return FOUND;
			}
		at = s > p->buf ? at + (s - p->buf) : line_after(p, at + 1);
	}
	return at < 0 ? FAILED : NOTHING;
}

/* The beginning of the first line at or after `at`; -1 on error. */
static off_t
line_after(struct probe *p, off_t at)
{
	const char *nl;
	ssize_t n;

	if (at == 0)
		return 0;
	for (at--; at < p->end; at += n) {
		n = fill(p, at);
		if (n <= 0)
			return n < 0 ? -1 : p->end;
		nl = memchr(p->buf, '\n', (size_t)n);
		if (nl != NULL)
			return at + (nl - p->buf) + 1;
	}
	return p->end;
}

static ssize_t
fill(struct probe *p, off_t at)
{
	ssize_t n;

	do
		n = pread(p->fd, p->buf, BISECT_CHUNK, at);
	while (n < 0 && errno == EINTR);
	return n;
}

static bool
line_time(struct probe *p, const char *s, const char *nl)
{
	struct line l;

	while (s < nl && *s == '\0')
		s++;
	line_parse(p->clock, span_make(s, (size_t)(nl - s)), &l);
	p->when = l.time;
	return l.has_time;
}

/* Line by line to the first that is new enough. */
static off_t
forward(struct probe *p, off_t from, int64_t begin)
{
	const char *s, *nl;
	ssize_t n;

	while (from >= 0 && from < p->end) {
		n = fill(p, from);
		if (n <= 0)
			return n < 0 ? -1 : p->end;
		for (s = p->buf;
		     (nl = memchr(s, '\n', (size_t)(p->buf + n - s))) != NULL;
		     s = nl + 1)
			if (line_time(p, s, nl) && p->when >= begin) {
				off_t at = from + (s - p->buf);

				return at < p->end ? at : p->end;
			}
		if (s > p->buf)
			from += s - p->buf;
		else if (long_time(p, from, n) && p->when >= begin)
			return from;
		else
			from = line_after(p, from + 1);
	}
	return from;
}

/* A line longer than the buffer, which holds its first n bytes: its time is at
 * its beginning, or after the hole that it begins with. */
static bool
long_time(struct probe *p, off_t at, ssize_t n)
{
	const char *nl;
	off_t data;

	if (line_time(p, p->buf, p->buf + n))
		return true;
	if (p->buf[0] != '\0')
		return false;
	data = lseek(p->fd, at + n, SEEK_DATA);
	n = data > at ? fill(p, data) : 0;
	if (n <= 0)
		return false;
	nl = memchr(p->buf, '\n', (size_t)n);
	return line_time(p, p->buf, nl != NULL ? nl : p->buf + n);
}
