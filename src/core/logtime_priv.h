/* What the formats of logtime share. Private to core. */
#ifndef MXWARD_LOGTIME_PRIV_H
#define MXWARD_LOGTIME_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/logtime.h"

#define DAY 86400

/* The memo of each format in struct logtime. */
enum { STAMP_SYSLOG, STAMP_ISO };

/* Each as logtime_parse, for texts that begin as its format does. */
size_t logtime_syslog(struct logtime *lt, struct span text, int64_t *when);
size_t logtime_iso(struct logtime *lt, struct span text, int64_t *when);

/* Civil time is what the clock on the wall shows, as seconds since it showed
 * 1970-01-01 00:00:00. */
int64_t civil_days(int64_t year, int month, int day);
int64_t civil_year(int64_t seconds);
int civil_month_days(int64_t year, int month);

/*
 * From local civil time to the epoch. In the hour that summer time's end
 * repeats, the later reading unless that is still to come; *twice says so. In
 * the hour that its beginning leaves out, the clock is taken not to have been
 * changed yet.
 */
int64_t zone_to_utc(struct logtime *lt, int64_t civil, bool *twice);

static inline bool
time_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

/* The value of two digits, or -1. */
static inline int
time_pair(const char *p)
{
	unsigned tens = (unsigned char)(p[0] - '0');
	unsigned ones = (unsigned char)(p[1] - '0');

	return tens <= 9 && ones <= 9 ? (int)(tens * 10 + ones) : -1;
}

/* Seconds into the day of "13:02:01" (8 bytes), or -1. A leap second is the
 * first of the next minute. */
static inline int
time_of_day(const char *p)
{
	int h = time_pair(p), m = time_pair(p + 3), s = time_pair(p + 6);

	if (p[2] != ':' || p[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 ||
	    s < 0 || s > 60)
		return -1;
	return h * 3600 + m * 60 + s;
}

/* Past ".123456" (or with a comma) at byte at, if it is there. */
static inline size_t
time_skip_fraction(struct span text, size_t at)
{
	size_t i = at + 1;

	if (i >= text.n || (text.p[at] != '.' && text.p[at] != ',') ||
	    !time_digit(text.p[i]))
		return at;
	while (i < text.n && time_digit(text.p[i]))
		i++;
	return i;
}

/* Whether what stands at byte at cannot be a part of the time any more. */
static inline bool
time_ends(struct span text, size_t at)
{
	unsigned char c;

	if (at >= text.n)
		return true;
	c = (unsigned char)text.p[at];
	return !time_digit((char)c) && (unsigned)(c | 0x20) - 'a' > 25;
}

#endif
