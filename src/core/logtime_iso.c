/*
 * "2026-11-24T13:02:01.123456+01:00", RFC 3339, and its relatives without a
 * zone or with a space. The text up to the seconds is remembered; the fraction
 * differs in every line, and the zone is read in no time.
 */
#include <string.h>

#include "logtime_priv.h"

/* "2026-11-24T13:02:01" */
#define CIVIL_BYTES 19

static bool parse_civil(struct logtime *lt, const char *p, int64_t *civil);
static size_t take_zone(struct span text, size_t at, int *offset);
static bool begins_zone(struct span text, size_t at);

size_t
logtime_iso(struct logtime *lt, struct span text, int64_t *when)
{
	int64_t civil;
	size_t n, zone;
	int offset;
	bool twice;

	if (text.n < CIVIL_BYTES || !parse_civil(lt, text.p, &civil))
		return 0;
	n = time_skip_fraction(text, CIVIL_BYTES);
	zone = take_zone(text, n, &offset);
	/* Exim sets the zone off with a space. */
	if (zone == 0 && text.p[10] == ' ' && text.n - n > 1 &&
	    text.p[n] == ' ' && (text.p[n + 1] | 0x20) != 'z')
		zone = take_zone(text, n + 1, &offset);
	if (zone != 0) {
		*when = civil - offset;
		return zone;
	}
	if (!time_ends(text, n) || begins_zone(text, n))
		return 0;
	*when = zone_to_utc(lt, civil, &twice);
	return n;
}

static bool
parse_civil(struct logtime *lt, const char *p, int64_t *civil)
{
	int high, low, month, day, second;
	int64_t year;

	if (memcmp(p, lt->stamp[STAMP_ISO], CIVIL_BYTES) == 0) {
		*civil = lt->stamp_time[STAMP_ISO];
		return true;
	}
	if (p[4] != '-' || p[7] != '-' ||
	    (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
		return false;
	high = time_pair(p);
	low = time_pair(p + 2);
	month = time_pair(p + 5);
	day = time_pair(p + 8);
	second = time_of_day(p + 11);
	if (high < 0 || low < 0 || month < 1 || month > 12 || day < 1 ||
	    second < 0)
		return false;
	year = high * 100 + low;
	if (day > civil_month_days(year, month))
		return false;
	*civil = civil_days(year, month, day) * DAY + second;
	memcpy(lt->stamp[STAMP_ISO], p, CIVIL_BYTES);
	lt->stamp_time[STAMP_ISO] = *civil;
	return true;
}

/* "Z", "+01:00" or "+0100" at byte at. Returns where it ends, or 0. */
static size_t
take_zone(struct span text, size_t at, int *offset)
{
	const char *p = text.p + at;
	size_t left = text.n - at, colon;
	int hours, minutes;

	if (left >= 1 && (p[0] == 'Z' || p[0] == 'z')) {
		*offset = 0;
		return time_ends(text, at + 1) ? at + 1 : 0;
	}
	if (left < 5 || (p[0] != '+' && p[0] != '-'))
		return 0;
	colon = p[3] == ':';
	if (left < 5 + colon || (hours = time_pair(p + 1)) < 0 ||
	    (minutes = time_pair(p + 3 + colon)) < 0 || hours > 23 ||
	    minutes > 59 || !time_ends(text, at + 5 + colon))
		return 0;
	*offset = (hours * 60 + minutes) * (p[0] == '-' ? -60 : 60);
	return at + 5 + colon;
}

/* Whether a zone is meant at byte at, well-formed or not. */
static bool
begins_zone(struct span text, size_t at)
{
	return text.n - at > 1 && (text.p[at] == '+' || text.p[at] == '-') &&
	    time_digit(text.p[at + 1]);
}
