/*
 * Dovecot with log_path set writes "imap(alice)<31><7sQ>: Info: Logged out"
 * behind the time, and gives syslog "imap(alice)<31><7sQ>: Logged out", tagged
 * "dovecot". Filters are to know only one of the two, so the level is taken
 * out; that is the only place where a message is not simply a part of the line.
 */
#include "line_priv.h"

/* Names of services are short; a prefix holds a user and a session. */
#define SERVICE_MAX 64
#define PREFIX_MAX  1024

static size_t prefix_length(struct span text);
static size_t level_length(struct span text);
static struct span join(char *buf, size_t size, struct span a, struct span b);

_Static_assert(LOGTIME_SCRATCH >= LINE_MAX_BYTES,
    "a message must fit where it is put together");

bool
line_dovecot(struct logtime *lt, struct span text, struct line *out)
{
	static const char name[] = "dovecot";
	size_t prefix = prefix_length(text), level;

	if (prefix == 0)
		return false;
	level = level_length(span_skip(text, prefix));
	if (level == 0)
		return false;
	out->program = span_make(name, sizeof(name) - 1);
	out->message = join(lt->scratch, sizeof(lt->scratch),
	    span_make(text.p, prefix), span_skip(text, prefix + level));
	return true;
}

static inline bool
is_service_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Past "(…)" or "<…>" at byte at, or at itself. */
static size_t
skip_group(struct span text, size_t at)
{
	char close;

	if (at >= text.n || (text.p[at] != '(' && text.p[at] != '<'))
		return at;
	close = text.p[at] == '(' ? ')' : '>';
	for (size_t i = at + 1; i < text.n && i < PREFIX_MAX; i++) {
		if ((unsigned char)text.p[i] < 0x20)
			break;
		if (text.p[i] == close)
			return i + 1;
	}
	return at;
}

/* The length of "imap-login: " or "imap(alice)<31><7sQ>: ", or 0. */
static size_t
prefix_length(struct span text)
{
	size_t n = 0, next;

	while (n < text.n && n < SERVICE_MAX && is_service_byte(text.p[n]))
		n++;
	if (n == 0)
		return 0;
	while ((next = skip_group(text, n)) > n)
		n = next;
	if (text.n - n < 2 || text.p[n] != ':' || text.p[n + 1] != ' ')
		return 0;
	return n + 2;
}

/* The length of "Info: ", or 0. */
static size_t
level_length(struct span text)
{
	static const struct span levels[] = {
		SPAN("Info: "),
		SPAN("Debug: "),
		SPAN("Warning: "),
		SPAN("Error: "),
		SPAN("Fatal: "),
		SPAN("Panic: "),
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (span_starts(text, levels[i]))
			return levels[i].n;
	return 0;
}

/* a is a prefix of at most PREFIX_MAX bytes and a few; b may have to be cut. */
static struct span
join(char *buf, size_t size, struct span a, struct span b)
{
	if (b.n > size - a.n)
		b.n = size - a.n;
	memcpy(buf, a.p, a.n);
	memcpy(buf + a.n, b.p, b.n);
	return span_make(buf, a.n + b.n);
}
