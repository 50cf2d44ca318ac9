/*
 * The header of a log record. It is read from the beginning, byte by byte, and
 * never searched for: what looks like a header further on is what some
 * stranger sent (P6). This runs for every line, wanted or not.
 */
#include "line_priv.h"

/* What a byte does in a header. */
enum {
	KIND_END = 1,  /* ends a token: all but PRINTUSASCII (RFC 5424) */
	KIND_TAG = 2,  /* ends the name of a program as well */
	KIND_GROUP = 4 /* begins a user or a session in Dovecot's prefix */
};

static const uint8_t kind[256] = {
	[0x00 ... 0x20] = KIND_END,
	[0x7f ... 0xff] = KIND_END,
	[':'] = KIND_TAG,
	['['] = KIND_TAG,
	['('] = KIND_GROUP,
	['<'] = KIND_GROUP,
};

/* "<191>": facilities 0 … 23, severities 0 … 7. */
#define PRI_MAX 191

static size_t pri_length(struct span text);
static bool is_syslog_time(struct span text);
static void take_header(
    struct logtime *lt, struct span text, bool syslog, struct line *out);
static void clamp(const struct logtime *lt, struct line *out);
static void take_host(
    struct span text, size_t n, bool syslog, struct line *out);
static bool take_tag(struct span text, size_t n, struct line *out);

void
line_parse(struct logtime *lt, struct span raw, struct line *out)
{
	struct span rest;
	size_t pri, n;

	if (raw.n > 0 && raw.p[raw.n - 1] == '\r')
		raw.n--;
	*out = (struct line){ .raw = raw, .message = raw, .time = lt->now };
	if (raw.n == 0)
		return;
	pri = pri_length(raw);
	rest = span_skip(raw, pri);
	if (pri > 0 && line_rfc5424(lt, rest, out)) {
		clamp(lt, out);
		return;
	}
	n = logtime_parse(lt, rest, &out->time);
	if (n > 0) {
		bool syslog = is_syslog_time(rest);

		out->has_time = true;
		clamp(lt, out);
		take_header(lt, span_skip(rest, n), syslog, out);
	} else if (pri > 0)
		take_header(lt, rest, false, out);
}

void
line_assemble(struct logtime *lt, struct span raw, int64_t when,
    struct span host, struct span program, struct span pid, struct span message,
    struct line *out)
{
	if (message.n > 0 && message.p[message.n - 1] == '\r')
		message.n--;
	*out = (struct line){
		.raw = raw,
		.time = when,
		.has_time = true,
		.host = host,
		.program = program,
		.message = message,
	};
	if (line_is_pid(pid))
		out->pid = pid;
	clamp(lt, out);
}

bool
line_is_pid(struct span text)
{
	if (text.n == 0 || text.n > LINE_PID_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

/* The length of "<34>" at the beginning, or 0. */
static size_t
pri_length(struct span text)
{
	unsigned value = 0;
	size_t n = 1;

	if (text.n < 3 || text.p[0] != '<')
		return 0;
	for (; n < text.n && n <= 3 && text.p[n] >= '0' && text.p[n] <= '9';
	     n++)
		value = value * 10 + (unsigned)(text.p[n] - '0');
	if (n == 1 || n == text.n || text.p[n] != '>' || value > PRI_MAX)
		return 0;
	return n + 1;
}

/*
 * Whether a time was written the way syslog daemons do, which name the machine
 * next. What writes "2026-11-24 13:02:01", Exim for one, goes on with a text
 * of its own, in which the second word can be a stranger's.
 */
static bool
is_syslog_time(struct span text)
{
	return text.p[0] >= 'A' ? text.p[0] <= 'Z'
				: text.n > 10 && (text.p[10] | 0x20) == 't';
}

/* The run of bytes at the beginning whose kind is not in `end`. seen: the kinds
 * that are in it. */
static inline size_t
scan(struct span text, size_t max, uint8_t end, uint8_t *seen)
{
	uint8_t all = 0, k;
	size_t n = 0;

	if (max > text.n)
		max = text.n;
	for (; n < max; n++) {
		k = kind[(unsigned char)text.p[n]];
		if (k & end)
			break;
		all |= k;
	}
	*seen = all;
	return n;
}

/* What follows the time: a tag, or a machine's name and a tag. */
static void
take_header(struct logtime *lt, struct span text, bool syslog, struct line *out)
{
	uint8_t seen;
	size_t n;

	/* "Nov 24 13:02:01: " is how some set the time off. */
	if (text.n > 1 && text.p[0] == ':' && text.p[1] == ' ')
		text = span_skip(text, 1);
	while (text.n > 0 && text.p[0] == ' ')
		text = span_skip(text, 1);
	out->message = text;
	n = scan(text, LINE_PROGRAM_MAX, KIND_END | KIND_TAG, &seen);
	if (take_tag(text, n, out)) {
		if (out->pid.n == 0)
			line_dovecot(lt, text, out);
		return;
	}
	if (seen & KIND_GROUP && line_dovecot(lt, text, out))
		return;
	/* A colon is in the name if that is an IPv6 address. */
	if (n < text.n && text.p[n] != ' ')
		n = scan(text, LINE_HOST_MAX, KIND_END, &seen);
	if (n == 0 || n == text.n || text.p[n] != ' ' || seen & KIND_GROUP)
		return;
	take_host(text, n, syslog, out);
}

/* The first n bytes are a machine's name if a tag follows. */
static void
take_host(struct span text, size_t n, bool syslog, struct line *out)
{
	struct span rest = span_skip(text, n + 1);
	struct line found = *out;
	uint8_t seen;
	size_t tag = scan(rest, LINE_PROGRAM_MAX, KIND_END | KIND_TAG, &seen);

	if (!take_tag(rest, tag, &found) || (!syslog && found.pid.n == 0))
		return;
	found.host = span_make(text.p, n);
	*out = found;
}

/* The length of "[314]" at byte at, or 0. Fills in its digits. */
static size_t
pid_length(struct span text, size_t at, struct span *pid)
{
	size_t n = at + 1;

	while (n < text.n && n - at <= LINE_PID_MAX && text.p[n] >= '0' &&
	    text.p[n] <= '9')
		n++;
	if (n == at + 1 || n == text.n || text.p[n] != ']')
		return 0;
	*pid = span_make(text.p + at + 1, n - at - 1);
	return n + 1 - at;
}

/*
 * "prog: " or "prog[314]: ", where prog is n bytes long. Fills in program, pid
 * and message, or nothing.
 */
static bool
take_tag(struct span text, size_t n, struct line *out)
{
	struct span pid = { NULL, 0 };
	size_t end = n;

	if (n == 0 || n == text.n)
		return false;
	if (text.p[n] == '[')
		end += pid_length(text, n, &pid);
	if (end == text.n || text.p[end++] != ':')
		return false;
	/* Without a pid, "a:b" is anything but a tag: a time, an address. */
	if (end < text.n && text.p[end] == ' ')
		end++;
	else if (end < text.n && pid.n == 0)
		return false;
	out->program = span_make(text.p, n);
	out->pid = pid;
	out->message = span_skip(text, end);
	return true;
}

static void
clamp(const struct logtime *lt, struct line *out)
{
	if (out->time <= lt->now || out->time - lt->now <= LINE_FUTURE)
		return;
	out->time = lt->now;
	out->clamped = true;
}
