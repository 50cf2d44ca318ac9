/* Lines of a file or pipe, quickly and within bounded memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#define BUFFER_BYTES (8 * LINE_MAX_BYTES)
#define MAGIC_BYTES  10

struct reader {
	int fd;
	bool ended;
	bool skipping; /* the rest of a line that was cut */
	size_t from, to;
	char buf[BUFFER_BYTES];
};

static bool take(struct reader *r, size_t n, size_t used, struct span *line);
static int refill(struct reader *r);

struct reader *
reader_new(int fd)
{
	struct reader *r = malloc(sizeof(*r));

	if (r) {
		r->fd = fd;
		r->ended = r->skipping = false;
		r->from = r->to = 0;
	}
	return r;
}

void
reader_free(struct reader *r)
{
	free(r);
}

int
reader_packed(struct reader *r, const char **with)
{
	static const struct {
		const char *with, *magic;
		size_t at, n;
	} kinds[] = {
		{ "zcat", "\x1f\x8b\x08", 0, 3 },
		{ "xzcat",
		    "\xfd"
		    "7zXZ",
		    0, 6 },
		{ "zstdcat", "\x28\xb5\x2f\xfd", 0, 4 },
		{ "bzcat", "1AY&SY", 4, 6 },
	};

	*with = NULL;
	while (!r->ended && r->to - r->from < MAGIC_BYTES)
		if (refill(r) != 0)
			return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (r->to - r->from >= kinds[i].at + kinds[i].n &&
		    memcmp(r->buf + r->from + kinds[i].at, kinds[i].magic,
			kinds[i].n) == 0)
			*with = kinds[i].with;
	return 0;
}

int
reader_next(struct reader *r, struct span *line)
{
	for (;;) {
		char *begin = r->buf + r->from;
		size_t have = r->to - r->from;
		char *nl = have ? memchr(begin, '\n', have) : NULL;

		if (nl) {
			size_t n = (size_t)(nl - begin);
			if (take(r, n, n + 1, line))
				return 1;
		} else if (have > LINE_MAX_BYTES) {
			bool cut = take(r, have, have, line);
			r->skipping = true;
			if (cut)
				return 1;
		} else if (r->ended) {
			return have && take(r, have, have, line);
		} else if (refill(r) != 0) {
			return -1;
		}
	}
}

/* False if those n bytes belong to a line that was cut before. */
static bool
take(struct reader *r, size_t n, size_t used, struct span *line)
{
	bool fresh = !r->skipping;

	*line = span_make(
	    r->buf + r->from, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES);
	r->from += used;
	r->skipping = false;
	return fresh;
}

static int
refill(struct reader *r)
{
	ssize_t k;

	memmove(r->buf, r->buf + r->from, r->to - r->from);
	r->to -= r->from;
	r->from = 0;
	do
		k = read(r->fd, r->buf + r->to, sizeof(r->buf) - r->to);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -1;
	r->ended = k == 0;
	r->to += (size_t)k;
	return 0;
}
