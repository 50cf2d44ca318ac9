/*
 * Log messages. A process has one log and it outlives everything else in it,
 * so its state is static to this file.
 *
 * Much of what is logged was chosen by a stranger: a line is one line, whatever
 * is in it, and does nothing to the terminal it is shown on. Control characters
 * and bytes that are not UTF-8 become \ooo; so do the characters that change
 * the direction of writing, with which a name can be made to look like another.
 */
#include "mxward/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of one message; syslog daemons cut at 1024 to 8192 bytes themselves. */
#define TEXT_MAX 2048
/* Should every byte of it become \ooo. */
#define SAFE_MAX (4 * TEXT_MAX + 1)

enum target { TO_STDERR, TO_JOURNAL, TO_SYSLOG };

static struct {
	enum target target;
	int level;
	char process[16];
	char ident[32]; /* syslog(3) keeps the pointer */
} state = { TO_STDERR, LOG_INFO, "", "mxward" };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	{ "error", LOG_ERR },
	{ "warning", LOG_WARNING },
	{ "notice", LOG_NOTICE },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

static bool is_journal(void);
static void make_safe(const char *text, size_t n, char out[SAFE_MAX]);
static size_t utf8_length(const unsigned char *s, size_t n, uint32_t *code);
static bool is_deceptive(uint32_t code);
static const char *mark(int priority);
static void to_stderr(int priority, const char *text);

void
log_init(const char *process, bool foreground, int level)
{
	if (state.target == TO_SYSLOG)
		closelog();
	state.level = level;
	snprintf(state.process, sizeof(state.process), "%s", process);
	if (foreground) {
		state.target = is_journal() ? TO_JOURNAL : TO_STDERR;
		return;
	}
	state.target = TO_SYSLOG;
	snprintf(state.ident, sizeof(state.ident), "mxward/%s", state.process);
	/* Now, because a sandbox may forbid it later. */
	openlog(state.ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_level(int level)
{
	state.level = level;
}

void
log_write(int priority, const char *fmt, ...)
{
	char text[TEXT_MAX], safe[SAFE_MAX];
	int saved = errno, n;
	va_list ap;

	if (priority > state.level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = snprintf(text, sizeof(text), "(unprintable) %s", fmt);
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	make_safe(text, (size_t)n, safe);
	if (state.target == TO_SYSLOG)
		syslog(priority, "%s%s", mark(priority), safe);
	else
		to_stderr(priority, safe);
	errno = saved;
}

int
log_level_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].priority;
	return -1;
}

/* Whether it is the journal that reads standard error, as systemd.exec(5) says
 * to find out: the variable alone is inherited by those who have redirected
 * it. */
static bool
is_journal(void)
{
	const char *want = getenv("JOURNAL_STREAM");
	char have[64];
	struct stat st;

	if (want == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(have, sizeof(have), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(want, have) == 0;
}

static void
make_safe(const char *text, size_t n, char out[SAFE_MAX])
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t code;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = utf8_length(s + i, n - i, &code);
		if (len > 0 && !is_deceptive(code)) {
			memcpy(out, s + i, len);
			out += len;
			continue;
		}
		len = len == 0 ? 1 : len;
		for (size_t k = 0; k < len; k++) {
			*out++ = '\\';
			*out++ = (char)('0' + (s[i + k] >> 6));
			*out++ = (char)('0' + (s[i + k] >> 3 & 7));
			*out++ = (char)('0' + (s[i + k] & 7));
		}
	}
	*out = '\0';
}

/* Bytes of the character that s begins with (RFC 3629: shortest form, no
 * surrogates, at most U+10FFFF), or 0 if it begins with none. */
static size_t
utf8_length(const unsigned char *s, size_t n, uint32_t *code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;

	*code = s[0];
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	*code &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3fU);
	}
	if (*code < smallest[len] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* Controls (C0, DEL, C1), line separators, and marks of direction. */
static bool
is_deceptive(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
	    code == 0x061c || code == 0x200e || code == 0x200f ||
	    (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}

/* A priority is not seen in a log file or on a terminal. */
static const char *
mark(int priority)
{
	return priority <= LOG_ERR    ? "error: "
	    : priority == LOG_WARNING ? "warning: "
				      : "";
}

/* One write, so that the lines of several processes do not mix. */
static void
to_stderr(int priority, const char *text)
{
	char line[SAFE_MAX + 64], when[32];
	struct timespec ts;
	struct tm tm;
	int n;

	if (state.target == TO_JOURNAL) {
		n = snprintf(line, sizeof(line), "<%d>%s: %s\n", priority,
		    state.process, text);
	} else {
		clock_gettime(CLOCK_REALTIME, &ts);
		if (localtime_r(&ts.tv_sec, &tm) == NULL ||
		    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
			when[0] = '\0';
		n = snprintf(line, sizeof(line), "%s.%03ld mxward %s: %s%s\n",
		    when, ts.tv_nsec / 1000000, state.process, mark(priority),
		    text);
	}
	/* There is nobody to tell that nobody can be told. */
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == -1)
		return;
}
