/*
 * Text for people: times, numbers, colours, and what strangers sent, which
 * must not be able to do anything to the terminal it is shown on.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define WIDTH_LEAST 60

static size_t decode(const unsigned char *p, size_t n, uint32_t *out);
static bool is_harmless(uint32_t cp);
static size_t columns_of(uint32_t cp);

void
term_init(struct term *t, int fd)
{
	const char *no = getenv("NO_COLOR"), *name = getenv("TERM");
	const char *columns = getenv("COLUMNS");
	struct winsize ws;

	setlocale(LC_CTYPE, "");
	t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->color = isatty(fd) && !(no && no[0]) &&
	    !(name && strcmp(name, "dumb") == 0);
	t->width = 0;
	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &ws) == 0)
		t->width = ws.ws_col ? ws.ws_col : 80;
	if (columns && strtoul(columns, NULL, 10) > 0)
		t->width = strtoul(columns, NULL, 10);
	if (t->width && t->width < WIDTH_LEAST)
		t->width = WIDTH_LEAST;
}

const char *
style_on(const struct term *t, enum style s)
{
	static const char *const on[] = { "", "\033[1m", "\033[2m", "\033[32m",
		"\033[31m", "\033[33m", "\033[1m" };

	return t->color ? on[s] : "";
}

const char *
style_off(const struct term *t, enum style s)
{
	return t->color && s != PLAIN ? "\033[0m" : "";
}

size_t
text_safe(struct span text, char *buf, size_t size)
{
	size_t used = 0, len;
	uint32_t cp;

	for (size_t i = 0; i < text.n; i += len) {
		bool ok;
		len =
		    decode((const unsigned char *)text.p + i, text.n - i, &cp);
		ok = len > 0 && is_harmless(cp);
		if (len == 0)
			len = 1;
		if (used + (ok ? len : 1) >= size)
			break;
		if (ok)
			memcpy(buf + used, text.p + i, len);
		else
			buf[used] = cp == '\t' ? ' ' : '?';
		used += ok ? len : 1;
	}
	buf[used] = '\0';
	return used;
}

void
text_print(FILE *fp, struct span text)
{
	char buf[1024];

	/* A piece may end within a character: then it ends before it. */
	while (text.n > 0) {
		size_t n = text.n < sizeof(buf) ? text.n : sizeof(buf) - 1;
		if (n < text.n)
			for (size_t back = 0; back < 3 && n > 1 &&
			     ((unsigned char)text.p[n] & 0xc0) == 0x80;
			     back++)
				n--;
		fwrite(buf, 1,
		    text_safe(span_make(text.p, n), buf, sizeof(buf)), fp);
		text = span_skip(text, n);
	}
}

size_t
text_plain(struct span text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t i = 0, len;
	uint32_t cp;

	while (i < text.n) {
		if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f)
			break;
		len = p[i] < 0x80 ? 1 : decode(p + i, text.n - i, &cp);
		if (len == 0)
			break;
		i += len;
	}
	return i;
}

/* Length of the well-formed sequence at p (Unicode, table 3-7), or 0. */
static size_t
decode(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80    ? 1
	    : (p[0] & 0xe0) == 0xc0 ? 2
	    : (p[0] & 0xf0) == 0xe0 ? 3
	    : (p[0] & 0xf8) == 0xf0 ? 4
				    : 0;
	uint32_t cp;

	*out = p[0];
	if (len <= 1 || len > n)
		return len == 1;
	cp = p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fU);
	}
	if (cp < smallest[len] || cp > 0x10ffff ||
	    (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*out = cp;
	return len;
}

/* No controls, and nothing that reorders or hides what follows. */
static bool
is_harmless(uint32_t cp)
{
	return cp >= 0x20 && !(cp >= 0x7f && cp <= 0x9f) && cp != 0xad &&
	    cp != 0x61c && !(cp >= 0x200b && cp <= 0x200f) &&
	    !(cp >= 0x2028 && cp <= 0x202e) &&
	    !(cp >= 0x2060 && cp <= 0x206f) && cp != 0xfeff &&
	    !(cp >= 0xfff9 && cp <= 0xfffb) && cp < 0xe0000;
}

/* Roughly Unicode's East Asian Width: enough to keep a table straight. */
static size_t
columns_of(uint32_t cp)
{
	if ((cp >= 0x300 && cp <= 0x36f) || (cp >= 0xfe00 && cp <= 0xfe0f))
		return 0;
	if ((cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) ||
	    (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
	    (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
	    (cp >= 0xffe0 && cp <= 0xffe6) ||
	    (cp >= 0x1f300 && cp <= 0x1faff) ||
	    (cp >= 0x20000 && cp <= 0x3fffd))
		return 2;
	return 1;
}

size_t
text_width(const char *s)
{
	size_t n = strlen(s), width = 0, len;
	uint32_t cp;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = decode((const unsigned char *)s + i, n - i, &cp);
		width += len ? columns_of(cp) : 1;
	}
	return width;
}

size_t
text_fit(const char *s, size_t columns)
{
	size_t n = strlen(s), width = 0, len, i;
	uint32_t cp;

	for (i = 0; i < n; i += len ? len : 1) {
		len = decode((const unsigned char *)s + i, n - i, &cp);
		width += len ? columns_of(cp) : 1;
		if (width > columns)
			break;
	}
	return i;
}

bool
when_parse(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end || *end)
		return false;
	*out = timegm(&tm);
	return true;
}

const char *
when_format(int64_t when, int64_t now, char buf[WHEN_LEN])
{
	time_t w = (time_t)when, n = (time_t)now;
	struct tm tm, today;

	if (!localtime_r(&w, &tm) || !localtime_r(&n, &today))
		return "?";
	strftime(buf, WHEN_LEN,
	    tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday
		? "%H:%M:%S"
		: "%Y-%m-%d %H:%M:%S",
	    &tm);
	return buf;
}

const char *
when_short(int64_t when, char buf[WHEN_LEN])
{
	time_t w = (time_t)when;
	struct tm tm;

	if (!localtime_r(&w, &tm))
		return "?";
	strftime(buf, WHEN_LEN, "%b %e %H:%M", &tm);
	return buf;
}

const char *
length_format(int64_t seconds, char buf[WHEN_LEN])
{
	static const struct {
		int64_t length;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	/* Seconds are noise beside minutes, and minutes beside days. */
	if (seconds >= 120)
		seconds = (seconds + 30) / 60 * 60;
	if (seconds >= 86400)
		seconds = (seconds + 1800) / 3600 * 3600;
	if (seconds < 60) {
		snprintf(buf, WHEN_LEN, "%lds", (long)seconds);
		return buf;
	}
	while (seconds < units[i].length)
		i++;
	snprintf(buf, WHEN_LEN, "%ld%c", (long)(seconds / units[i].length),
	    units[i].unit);
	seconds = seconds % units[i].length / units[i + 1].length;
	if (seconds)
		snprintf(buf + strlen(buf), WHEN_LEN - strlen(buf), " %ld%c",
		    (long)seconds, units[i + 1].unit);
	return buf;
}

const char *
number_format(uint64_t n, char buf[WHEN_LEN])
{
	char digits[24];
	size_t len =
	    (size_t)snprintf(digits, sizeof(digits), "%lu", (unsigned long)n);
	char *to = buf;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

const char *
bytes_format(uint64_t n, char buf[WHEN_LEN])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double x = (double)n;
	size_t i = 0;

	while (x >= 1024 && i < 4) {
		x /= 1024;
		i++;
	}
	snprintf(
	    buf, WHEN_LEN, i && x < 100 ? "%.1f %s" : "%.0f %s", x, units[i]);
	return buf;
}

const char *
nth_format(unsigned n, char buf[WHEN_LEN])
{
	static const char *const ends[] = { "th", "st", "nd", "rd" };
	bool teen = n % 100 >= 11 && n % 100 <= 13;

	snprintf(buf, WHEN_LEN, "%u%s", n,
	    !teen && n % 10 < 4 ? ends[n % 10] : "th");
	return buf;
}
