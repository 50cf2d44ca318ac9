/*
 * "Nov 24 13:02:01", the time of RFC 3164: no zone, and mostly no year. A busy
 * mail server writes hundreds of lines in the same second, so the last text is
 * remembered with its answer.
 */
#include <string.h>

#include "logtime_priv.h"

/* "Nov 24 13:02:01" and "Nov  4 13:02:01": the form that is remembered. */
#define USUAL_BYTES 15

/* No wall clock is further from UTC than this. */
#define ZONE_MAX (16 * 3600)

struct stamp {
	int month, day, second;
	int64_t year; /* NO_YEAR: it says none */
	size_t n;     /* bytes, without the fraction */
};

#define NO_YEAR (-1)

static bool remembered(const struct logtime *lt, struct span text);
static bool take_stamp(struct span text, struct stamp *s);
static bool place(
    struct logtime *lt, const struct stamp *s, int64_t *when, bool *twice);
static int month_of(const char *p);
static size_t take_day(struct span text, size_t at, int *day);
static size_t take_year(struct span text, size_t at, int64_t *year);
static bool infer_year(
    struct logtime *lt, const struct stamp *s, int64_t *when, bool *twice);

size_t
logtime_syslog(struct logtime *lt, struct span text, int64_t *when)
{
	struct stamp s;
	size_t n;
	bool twice;

	if (remembered(lt, text)) {
		n = time_skip_fraction(text, USUAL_BYTES);
		if (!time_ends(text, n))
			return 0;
		*when = lt->stamp_time[STAMP_SYSLOG];
		return n;
	}
	if (!take_stamp(text, &s))
		return 0;
	n = time_skip_fraction(text, s.n);
	if (!time_ends(text, n) || !place(lt, &s, when, &twice))
		return 0;
	/* In the hour that comes twice, the same text can mean two times. */
	if (s.year == NO_YEAR && s.n == USUAL_BYTES && !twice) {
		memcpy(lt->stamp[STAMP_SYSLOG], text.p, USUAL_BYTES);
		lt->stamp_time[STAMP_SYSLOG] = *when;
	}
	return n;
}

static bool
remembered(const struct logtime *lt, struct span text)
{
	int64_t t = lt->stamp_time[STAMP_SYSLOG];

	if (text.n < USUAL_BYTES ||
	    memcmp(text.p, lt->stamp[STAMP_SYSLOG], USUAL_BYTES) != 0)
		return false;
	/* Not if `now` has moved so far that another year would be nearer. */
	return t <= lt->now + DAY && t + INT64_C(363) * DAY >= lt->now;
}

static bool
take_stamp(struct span text, struct stamp *s)
{
	size_t n, year;

	if (text.n < 4 || (s->month = month_of(text.p)) == 0 ||
	    text.p[3] != ' ' || (n = take_day(text, 4, &s->day)) == 0)
		return false;
	s->year = NO_YEAR;
	if ((year = take_year(text, n, &s->year)) != 0)
		n = year;
	if (text.n - n < 8 || (s->second = time_of_day(text.p + n)) < 0)
		return false;
	s->n = n + 8;
	return true;
}

static bool
place(struct logtime *lt, const struct stamp *s, int64_t *when, bool *twice)
{
	if (s->year == NO_YEAR)
		return infer_year(lt, s, when, twice);
	if (s->day > civil_month_days(s->year, s->month))
		return false;
	*when = zone_to_utc(
	    lt, civil_days(s->year, s->month, s->day) * DAY + s->second, twice);
	return true;
}

#define NAME(a, b, c) ((unsigned)(a) << 16 | (unsigned)(b) << 8 | (unsigned)(c))

/* 1 … 12, or 0. Syslog's months are English in every locale. */
static int
month_of(const char *p)
{
	switch (NAME(
	    (unsigned char)p[0], (unsigned char)p[1], (unsigned char)p[2])) {
	case NAME('J', 'a', 'n'):
		return 1;
	case NAME('F', 'e', 'b'):
		return 2;
	case NAME('M', 'a', 'r'):
		return 3;
	case NAME('A', 'p', 'r'):
		return 4;
	case NAME('M', 'a', 'y'):
		return 5;
	case NAME('J', 'u', 'n'):
		return 6;
	case NAME('J', 'u', 'l'):
		return 7;
	case NAME('A', 'u', 'g'):
		return 8;
	case NAME('S', 'e', 'p'):
		return 9;
	case NAME('O', 'c', 't'):
		return 10;
	case NAME('N', 'o', 'v'):
		return 11;
	case NAME('D', 'e', 'c'):
		return 12;
	default:
		return 0;
	}
}

/* "24 ", " 4 ", "4 " or "04 " at byte at. Returns where the next field begins,
 * or 0. */
static size_t
take_day(struct span text, size_t at, int *day)
{
	size_t n = at;

	if (n < text.n && text.p[n] == ' ')
		n++;
	for (*day = 0; n < text.n && n < at + 2 && time_digit(text.p[n]); n++)
		*day = *day * 10 + (text.p[n] - '0');
	if (n >= text.n || text.p[n] != ' ' || *day < 1 || *day > 31)
		return 0;
	return n + 1;
}

/* "2026 " at byte at. Returns where the next field begins, or 0. */
static size_t
take_year(struct span text, size_t at, int64_t *year)
{
	int high, low;

	if (text.n - at < 5 || text.p[at + 4] != ' ' ||
	    (high = time_pair(text.p + at)) < 0 ||
	    (low = time_pair(text.p + at + 2)) < 0)
		return 0;
	*year = high * 100 + low;
	return at + 5;
}

/*
 * The last year in which the text would not lie more than a day in the future;
 * no other year's is nearer to now. For 29 February that can be eight years
 * ago.
 */
static bool
infer_year(
    struct logtime *lt, const struct stamp *s, int64_t *when, bool *twice)
{
	int64_t limit = lt->now + DAY;
	int64_t year = civil_year(limit + ZONE_MAX), utc;

	for (int back = 0; back <= 8; back++, year--) {
		int64_t civil =
		    civil_days(year, s->month, s->day) * DAY + s->second;

		/* The second test spares a look-up that could not help. */
		if (s->day > civil_month_days(year, s->month) ||
		    civil - ZONE_MAX > limit)
			continue;
		utc = zone_to_utc(lt, civil, twice);
		if (utc <= limit) {
			*when = utc;
			return true;
		}
	}
	return false;
}
