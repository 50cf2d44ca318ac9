/*
 * The calendar, and local time. localtime_r(3) takes a lock and the better part
 * of a microsecond, so the offset is looked up once for each hour of the wall
 * clock and remembered; an hour in which it changes is not.
 */
#include <string.h>

#include "logtime_priv.h"

/* A line may be stamped a little ahead of our clock and still be of now. */
#define AHEAD 300

static void offsets_of(int64_t civil, int32_t out[2]);

/*
 * Years begin with March here, so that the leap day is the last of its year
 * and the months before any day have a length that needs no table.
 */
int64_t
civil_days(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

int64_t
civil_year(int64_t seconds)
{
	/* The guess from the mean length of a year is off by one at most. */
	int64_t days = (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
	int64_t year = 1970 + days * 400 / 146097;

	while (civil_days(year + 1, 1, 1) <= days)
		year++;
	while (civil_days(year, 1, 1) > days)
		year--;
	return year;
}

int
civil_month_days(int64_t year, int month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

int64_t
zone_to_utc(struct logtime *lt, int64_t civil, bool *twice)
{
	int64_t hour = (civil >= 0 ? civil : civil - 3599) / 3600;
	int32_t here[2];
	const int32_t *offset = lt->zone_offset;

	if (hour != lt->zone_hour) {
		int32_t last[2];

		offsets_of(hour * 3600, here);
		offsets_of(hour * 3600 + 3599, last);
		if (memcmp(here, last, sizeof(here)) == 0) {
			memcpy(lt->zone_offset, here, sizeof(here));
			lt->zone_hour = hour;
		} else {
			offsets_of(civil, here);
			offset = here;
		}
	}
	*twice = offset[0] != offset[1];
	if (*twice && civil - offset[1] > lt->now + AHEAD)
		return civil - offset[0];
	return civil - offset[1];
}

static int32_t
offset_at(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? (int32_t)tm.tm_gmtoff : 0;
}

/*
 * The UTC offsets under which the wall clock can have shown civil, the earlier
 * moment first: both the same, except in the hour that is shown twice. No zone
 * changes its offset twice within two days.
 */
static void
offsets_of(int64_t civil, int32_t out[2])
{
	int32_t before = offset_at(civil - DAY);
	int32_t after = offset_at(civil + DAY);
	bool first, second;

	if (before == after) {
		out[0] = out[1] = before;
		return;
	}
	first = offset_at(civil - before) == before;
	second = offset_at(civil - after) == after;
	out[0] = first || !second ? before : after;
	out[1] = second ? after : before;
}
