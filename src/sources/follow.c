/*
 * Following one file. A turn reads once, from the position on, and hands over
 * the whole lines; a line without its end is read again when there is more. So
 * the position is always the beginning of a line and nothing but it needs to
 * be remembered.
 *
 * Whether the file is still the one we know is asked after the read, not
 * before: truncation makes the first line vanish, so a first line that is still
 * there proves that what was read belongs to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sources_priv.h"

static uint64_t head_hash(const char *b, size_t n);
static bool tail_first(struct files *fs, struct tail *t);
static void tail_failed(struct files *fs, struct tail *t);
static const char *tail_lines(
    struct files *fs, struct tail *t, const char *p, const char *end);
static const char *tail_long(
    struct files *fs, struct tail *t, const char *p, const char *end);
static void tail_rest(
    struct tail *t, const char *p, const char *end, bool full);
static void hand(struct files *fs, const char *p, size_t n);
static void tail_look(struct files *fs, struct tail *t, bool full);

void
tail_turn(struct files *fs, struct tail *t)
{
	uint64_t from = t->at.offset + t->hole + t->scanned;
	size_t back = from > 0; /* the byte before must be a newline */
	bool between = t->hole + t->scanned > 0;
	const char *p, *end;
	ssize_t n;

	if (t->at.head == 0 && tail_first(fs, t))
		return;
	do
		n = pread(t->fd, fs->buf, READ_BYTES, (off_t)(from - back));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		tail_failed(fs, t);
		return;
	}
	if ((size_t)n < back || (back && !between && fs->buf[0] != '\n') ||
	    (t->at.head != 0 && tail_head(t->fd) != t->at.head)) {
		tail_restart(fs, t);
		return;
	}
	p = fs->buf + back;
	end = fs->buf + n;
	fs->stats->bytes += (uint64_t)(end - p);
	if (p < end) {
		t->moved = files_now();
		p = tail_lines(fs, t, p, end);
		tail_rest(t, p, end, n == READ_BYTES);
	}
	tail_look(fs, t, n == READ_BYTES);
}

/*
 * Truncated, and perhaps written again. What was unread is in a copy, if the
 * rotator made one: a tail without a file keeps the position until a file with
 * that first line turns up beside the path. If it was truncated more than once,
 * there are copies that were never seen, too.
 */
void
tail_restart(struct files *fs, struct tail *t)
{
	struct tail *left;

	fs->stats->rotations++;
	left = t->at.head != 0 ? tail_new(t->trail, &t->at) : NULL;
	if (left != NULL) {
		left->at.dev = 0;
		left->at.inode = left->at.head;
		left->dirty = true;
		TAILQ_INSERT_BEFORE(t, left, link);
	}
	t->trail->reorder = true;
	t->at.head = t->at.offset = 0;
	t->hole = t->scanned = 0;
	t->dirty = fs->dirty = true;
	trail_adopt(t->trail);
	tail_wait(fs, t, 1);
}

/* Of the first line, or of its first HEAD_BYTES; 0 if it is not whole yet. */
uint64_t
tail_head(int fd)
{
	char b[HEAD_BYTES];
	ssize_t n = pread(fd, b, sizeof b, 0);

	return n > 0 ? head_hash(b, (size_t)n) : 0;
}

bool
tail_fits(int fd, const struct position *at)
{
	char c;

	if (at->head == 0)
		return at->offset == 0;
	if (tail_head(fd) != at->head)
		return false;
	return at->offset == 0 ||
	    (pread(fd, &c, 1, (off_t)at->offset - 1) == 1 && c == '\n');
}

/* FNV-1a, 64 bits: no key, for the hash is kept from one run to the next, and
 * nothing is looked up by it that a stranger could crowd. */
static uint64_t
head_hash(const char *b, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;
	const char *nl;

	if (n > HEAD_BYTES)
		n = HEAD_BYTES;
	nl = memchr(b, '\n', n);
	if (nl == NULL && n < HEAD_BYTES)
		return 0;
	if (nl != NULL)
		n = (size_t)(nl - b);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)b[i]) * 0x100000001b3u;
	return h != 0 ? h : 1;
}

/*
 * The first line is there. Before, truncation could not be told from growth:
 * if there was one, its copy is a file that was never seen, and what is in that
 * comes first. So nothing is read until somebody has looked.
 */
static bool
tail_first(struct files *fs, struct tail *t)
{
	t->at.head = tail_head(t->fd);
	if (t->at.head == 0)
		return false;
	t->unseen = true;
	t->dirty = fs->dirty = true;
	trail_adopt(t->trail);
	return true;
}

static void
tail_failed(struct files *fs, struct tail *t)
{
	if (fs->stats->errors++ == 0)
		source_note(fs->host, fs->conf->name, LOG_ERR,
		    "%s: reading failed: %s; trying again every second",
		    t->trail->path, strerror(errno));
	tail_wait(fs, t, 0);
	t->size = -1; /* the tick sees a change, and tries again */
}

/* Hand over the whole lines of a piece; returns where the rest begins. */
static const char *
tail_lines(struct files *fs, struct tail *t, const char *p, const char *end)
{
	const char *start, *nl;

	if (t->scanned > 0) {
		p = tail_long(fs, t, p, end);
		if (p == NULL)
			return end;
	}
	start = p;
	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		hand(fs, p, (size_t)(nl - p));
		p = nl + 1;
	}
	if (p != start) {
		t->at.offset += t->hole + (uint64_t)(p - start);
		t->hole = 0;
		t->dirty = fs->dirty = true;
	}
	return p;
}

/*
 * A line that is longer than a whole turn goes on. At its end its beginning is
 * read again: handed over earlier, it would be counted twice after a restart.
 */
static const char *
tail_long(struct files *fs, struct tail *t, const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	ssize_t n;

	if (nl == NULL) {
		t->scanned += (uint64_t)(end - p);
		return NULL;
	}
	n = pread(
	    t->fd, fs->cut, LINE_MAX_BYTES, (off_t)(t->at.offset + t->hole));
	fs->stats->too_long++;
	if (n > 0)
		source_hand(fs->host, fs->stats, fs->cut, (size_t)n);
	t->at.offset += t->hole + t->scanned + (uint64_t)(nl + 1 - p);
	t->hole = t->scanned = 0;
	t->dirty = fs->dirty = true;
	return nl + 1;
}

/*
 * What follows the last newline is left for the next turn, unless it fills a
 * whole one. Then it is a line without end, of which only the length is kept,
 * or a hole: a logger that does not append goes on at its old offset after
 * its file was truncated, and everything before is NULs.
 */
static void
tail_rest(struct tail *t, const char *p, const char *end, bool full)
{
	size_t n = (size_t)(end - p), zero = 0;
	struct stat st;
	off_t data;

	if (!full || t->scanned > 0 || n < READ_BYTES - 1)
		return;
	while (zero < n && p[zero] == '\0')
		zero++;
	if (zero == 0) {
		t->scanned = n;
		return;
	}
	t->hole += zero;
	data = lseek(t->fd, (off_t)(t->at.offset + t->hole), SEEK_DATA);
	if (data > (off_t)(t->at.offset + t->hole))
		t->hole = (uint64_t)data - t->at.offset;
	else if (data < 0 && errno == ENXIO && fstat(t->fd, &st) == 0 &&
	    st.st_size > (off_t)(t->at.offset + t->hole))
		/* No data behind it at all. */
		t->hole = (uint64_t)st.st_size - t->at.offset;
}

static void
hand(struct files *fs, const char *p, size_t n)
{
	while (n > 0 && *p == '\0') {
		p++;
		n--;
	}
	source_hand(fs->host, fs->stats, p, n);
}

/* After a turn: how much is left. Without a full buffer it was all. */
static void
tail_look(struct files *fs, struct tail *t, bool full)
{
	uint64_t at = t->at.offset + t->hole + t->scanned;
	struct stat st;

	if (fstat(t->fd, &st) == 0) {
		t->size = st.st_size;
		t->mtime = st.st_mtim;
	}
	if (!full)
		tail_wait(fs, t, 0);
	else if ((uint64_t)t->size > at)
		tail_wait(fs, t, (uint64_t)t->size - at);
	else
		tail_wait(fs, t, 1);
}
