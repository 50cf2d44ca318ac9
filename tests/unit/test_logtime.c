/*
 * Times of log lines, against the C library's own calendar: every day of four
 * centuries, every hour of a leap-year cycle, every minute around the changes
 * of summer time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mxward/logtime.h"

/* The formats of strftime(3) come from tables here. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define DAY INT64_C(86400)

static struct logtime lt;

static void
begin(const char *zone, int64_t now)
{
	setenv("TZ", zone, 1);
	logtime_init(&lt, now);
}

/* The time that text bears; the parser must take n bytes (0: all). */
static int64_t
parsed(const char *text, size_t n)
{
	int64_t when = -1;
	size_t took = logtime_parse(&lt, span_of(text), &when);

	if (took != (n != 0 ? n : strlen(text)))
		fail_msg("\"%s\": took %zu bytes", text, took);
	return when;
}

static int64_t
utc(const char *text)
{
	struct tm tm;
	const char *end;

	memset(&tm, 0, sizeof(tm));
	end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	assert_true(end != NULL && *end == '\0');
	return timegm(&tm);
}

static void
shown(int64_t when, const char *format, char buf[64])
{
	time_t t = (time_t)when;
	struct tm tm;

	assert_non_null(localtime_r(&t, &tm));
	assert_int_not_equal(strftime(buf, 64, format, &tm), 0);
}

static void
every_day_of_four_centuries_is_found(void **state)
{
	char text[64];
	struct tm tm;

	(void)state;
	begin("UTC", 0);
	for (int64_t day = utc("2000-01-01 00:00:00") / DAY;
	     day <= utc("2400-03-02 00:00:00") / DAY; day++) {
		time_t t = (time_t)(day * DAY + day % DAY);

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (parsed(text, 0) != t)
			fail_msg("%s", text);
	}
}

/* Every 1,801 seconds of four years, in each form, as tail -f would see it. */
static void
walk_leap_year_cycle(const char *zone)
{
	static const char *const forms[] = { "%b %e %H:%M:%S", "%b %d %H:%M:%S",
		"%b %e %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S",
		"%s" };
	char text[64];

	begin(zone, 0);
	for (int64_t t = utc("2024-01-01 00:00:00");
	     t < utc("2028-03-02 00:00:00"); t += 1801) {
		for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
			lt.now = t + (t % 7 - 3) * 40;
			shown(t, forms[i], text);
			if (parsed(text, 0) != t)
				fail_msg("%s in %s", text, zone);
		}
	}
}

static void
every_hour_of_a_leap_year_cycle_is_found_in_utc(void **state)
{
	(void)state;
	walk_leap_year_cycle("UTC");
}

static void
every_hour_of_a_leap_year_cycle_is_found_in_berlin(void **state)
{
	(void)state;
	walk_leap_year_cycle("Europe/Berlin");
}

static void
every_hour_of_a_leap_year_cycle_is_found_in_odd_zones(void **state)
{
	(void)state;
	walk_leap_year_cycle("Australia/Lord_Howe"); /* by half an hour */
	walk_leap_year_cycle("America/St_Johns");    /* 3:30 behind */
	walk_leap_year_cycle("Pacific/Kiritimati");  /* 14 hours ahead */
	walk_leap_year_cycle("Asia/Kathmandu");      /* 5:45 ahead */
}

static void
every_minute_around_the_changes_of_summer_time_is_found(void **state)
{
	static const char *const changes[] = { "2026-03-29 01:00:00",
		"2026-10-25 01:00:00" };
	char text[64];

	(void)state;
	begin("Europe/Berlin", 0);
	for (size_t i = 0; i < 2; i++) {
		int64_t change = utc(changes[i]);

		for (int64_t t = change - 3 * 3600; t < change + 3 * 3600;
		     t += 20) {
			lt.now = t;
			shown(t, "%b %e %H:%M:%S", text);
			assert_int_equal(parsed(text, 0), t);
			shown(t, "%Y-%m-%d %H:%M:%S", text);
			assert_int_equal(parsed(text, 0), t);
		}
	}
}

static void
repeated_hour_is_the_later_one_once_that_is_over(void **state)
{
	(void)state;
	begin("Europe/Berlin", utc("2026-10-25 00:30:00"));
	assert_int_equal(
	    parsed("Oct 25 02:30:00", 0), utc("2026-10-25 00:30:00"));
	/* The same text an hour later is another time. */
	lt.now = utc("2026-10-25 01:30:00");
	assert_int_equal(
	    parsed("Oct 25 02:30:00", 0), utc("2026-10-25 01:30:00"));
	lt.now = utc("2026-11-25 01:30:00");
	assert_int_equal(
	    parsed("Oct 25 02:30:00", 0), utc("2026-10-25 01:30:00"));
}

static void
hour_that_never_was_is_read_as_if_the_clock_was_late(void **state)
{
	(void)state;
	begin("Europe/Berlin", utc("2026-03-29 12:00:00"));
	assert_int_equal(
	    parsed("Mar 29 02:30:00", 0), utc("2026-03-29 01:30:00"));
	assert_int_equal(
	    parsed("2026-03-29 02:30:00", 0), utc("2026-03-29 01:30:00"));
}

static const struct {
	const char *now;
	const char *text;
	const char *when;
} years[] = {
	{ "2027-01-01 00:10:00", "Dec 31 23:59:50", "2026-12-31 23:59:50" },
	{ "2026-12-31 23:59:50", "Jan  1 00:00:05", "2027-01-01 00:00:05" },
	{ "2026-12-31 23:59:50", "Jan  2 00:00:05", "2026-01-02 00:00:05" },
	{ "2026-06-15 12:00:00", "Jun 16 11:59:59", "2026-06-16 11:59:59" },
	{ "2026-06-15 12:00:00", "Jun 16 12:00:01", "2025-06-16 12:00:01" },
	{ "2026-06-15 12:00:00", "Jun 15 12:00:00", "2026-06-15 12:00:00" },
	{ "2027-06-15 12:00:00", "Feb 29 12:00:00", "2024-02-29 12:00:00" },
	{ "2028-02-28 13:00:00", "Feb 29 12:00:00", "2028-02-29 12:00:00" },
	{ "2028-02-27 13:00:00", "Feb 29 12:00:00", "2024-02-29 12:00:00" },
	{ "2103-06-15 12:00:00", "Feb 29 12:00:00", "2096-02-29 12:00:00" },
	{ "2000-02-29 12:00:00", "Feb 29 12:00:00", "2000-02-29 12:00:00" },
};

static void
missing_year_is_the_nearest_at_most_a_day_ahead(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
		begin("UTC", utc(years[i].now));
		if (parsed(years[i].text, 0) != utc(years[i].when))
			fail_msg("%s at %s", years[i].text, years[i].now);
	}
}

static void
remembered_text_does_not_outlive_its_year(void **state)
{
	(void)state;
	begin("UTC", 0);
	for (int year = 2024; year < 2034; year++) {
		char now[32], when[32];

		snprintf(now, sizeof(now), "%d-11-24 13:02:05", year);
		snprintf(when, sizeof(when), "%d-11-24 13:02:01", year);
		lt.now = utc(now);
		assert_int_equal(parsed("Nov 24 13:02:01", 0), utc(when));
		assert_int_equal(parsed("Nov 24 13:02:01", 0), utc(when));
	}
	/* And back again, as a replay does. */
	lt.now = utc("2025-01-01 00:00:00");
	assert_int_equal(
	    parsed("Nov 24 13:02:01", 0), utc("2024-11-24 13:02:01"));
}

static const struct {
	const char *text;
	size_t n; /* bytes that are the time */
	const char *when;
} forms[] = {
	{ "Nov 24 13:02:01", 15, "2026-11-24 12:02:01" },
	{ "Nov 24 13:02:01 mx", 15, "2026-11-24 12:02:01" },
	{ "Nov 24 13:02:01.123456 mx", 22, "2026-11-24 12:02:01" },
	{ "Nov 24 13:02:01. mx", 15, "2026-11-24 12:02:01" },
	{ "Nov 24 13:02:01: mx", 15, "2026-11-24 12:02:01" },
	{ "Nov  4 13:02:01 mx", 15, "2026-11-04 12:02:01" },
	{ "Nov 4 13:02:01 mx", 14, "2026-11-04 12:02:01" },
	{ "Nov 04 13:02:01 mx", 15, "2026-11-04 12:02:01" },
	{ "Nov 24 2025 13:02:01 mx", 20, "2025-11-24 12:02:01" },
	{ "Nov  4 2025 13:02:01.5 mx", 22, "2025-11-04 12:02:01" },
	{ "Jul 24 13:02:60 mx", 15, "2026-07-24 11:03:00" },
	{ "2026-11-24T13:02:01 x", 19, "2026-11-24 12:02:01" },
	{ "2026-11-24 13:02:01 x", 19, "2026-11-24 12:02:01" },
	{ "2026-11-24 13:02:01,123 x", 23, "2026-11-24 12:02:01" },
	{ "2026-11-24 13:02:01, x", 19, "2026-11-24 12:02:01" },
	{ "2026-11-24T13:02:01Z x", 20, "2026-11-24 13:02:01" },
	{ "2026-11-24t13:02:01z x", 20, "2026-11-24 13:02:01" },
	{ "2026-11-24T13:02:01.123456Z x", 27, "2026-11-24 13:02:01" },
	{ "2026-11-24T13:02:01+01:00 x", 25, "2026-11-24 12:02:01" },
	{ "2026-11-24T13:02:01.123456+01:00 x", 32, "2026-11-24 12:02:01" },
	{ "2026-11-24T13:02:01-0330 x", 24, "2026-11-24 16:32:01" },
	{ "2026-11-24 13:02:01 +0530 x", 25, "2026-11-24 07:32:01" },
	{ "2026-11-24 13:02:01 Zebra", 19, "2026-11-24 12:02:01" },
	{ "2026-11-24T23:59:60Z x", 20, "2026-11-25 00:00:00" },
	{ "1795521721 x", 10, "2026-11-24 12:02:01" },
	{ "1795521721.123456 x", 17, "2026-11-24 12:02:01" },
	{ "[1795521721] x", 12, "2026-11-24 12:02:01" },
	{ "[1795521721.9] x", 14, "2026-11-24 12:02:01" },
	{ "@400000006b057cc3075bcd15 x", 25, "2026-11-24 12:02:01" },
	{ "@400000006B057CC3075BCD15", 25, "2026-11-24 12:02:01" },
};

static void
every_format_takes_its_own_bytes(void **state)
{
	(void)state;
	begin("Europe/Berlin", utc("2026-11-24 12:02:02"));
	/* Twice, because the second time comes from memory. */
	for (size_t i = 0; i < 2 * sizeof(forms) / sizeof(forms[0]); i++) {
		size_t j = i / 2;

		if (parsed(forms[j].text, forms[j].n) != utc(forms[j].when))
			fail_msg("%s", forms[j].text);
	}
}

static const char *const none[] = { "", "x", "Nov", "Nov 24", "Nov 24 13:02",
	"Nov 24 13:02:0", "Nov 24 13:02:011", "Nov 24 13:02:01x",
	"Nov 24 24:00:00 x", "Nov 24 13:60:00 x", "Nov 24 13:02:61 x",
	"Nov 31 13:02:01 x", "Feb 30 13:02:01 x", "Feb 29 2026 13:02:01 x",
	"Nov 00 13:02:01 x", "Nov 32 13:02:01 x", "nov 24 13:02:01 x",
	"Nob 24 13:02:01 x", "Nov24 13:02:01 x", "Nov 124 13:02:01 x",
	"Nov   4 13:02:01 x", "Nov 24  13:02:01 x", "Nov 24 13-02-01 x",
	"Nov 24 20266 13:02:01 x", "2026-11-24", "2026-11-24T13:02",
	"2026-11-24T13:02:0", "2026-11-24T13:02:011", "2026-13-24T13:02:01",
	"2026-00-24T13:02:01", "2026-11-31T13:02:01", "2026-02-29T13:02:01",
	"2100-02-29T13:02:01", "2026-11-24T24:02:01", "2026-11-24_13:02:01",
	"2026/11/24 13:02:01", "2026-11-24T13:02:01x", "2026-11-24T13:02:01Zx",
	"2026-11-24T13:02:01+01:00x", "2026-11-24T13:02:01.5x", "123456789 x",
	"17955217211 x", "1795521721x", "0795521721 x", "[1795521721 x",
	"[1795521721", "[x]", "[", "@", "@400000006b057cc3075bcd1",
	"@400000006b057cc3075bcd1g", "@400000006b057cc3075bcd155",
	"@000000006b057cc3075bcd15", "@c00000006b057cc3075bcd15", "<34>",
	" Nov 24 13:02:01" };

static void
what_is_no_time_takes_nothing(void **state)
{
	int64_t when = -7;

	(void)state;
	begin("UTC", utc("2026-11-24 12:02:02"));
	/* Something to remember, that must not leak into the others. */
	parsed("Nov 24 13:02:01", 0);
	parsed("2026-11-24T13:02:01", 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (logtime_parse(&lt, span_of(none[i]), &when) != 0 ||
		    when != -7)
			fail_msg("\"%s\" was taken for a time", none[i]);
	assert_int_equal(logtime_parse(&lt, span_make(NULL, 0), &when), 0);
}

static void
text_is_read_no_further_than_its_end(void **state)
{
	int64_t when;

	(void)state;
	begin("UTC", utc("2026-11-24 12:02:02"));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		/* On the heap, so that a sanitizer sees one byte too many. */
		for (size_t n = 0; n <= forms[i].n; n++) {
			char *copy = malloc(n + 1);

			assert_non_null(copy);
			memcpy(copy, forms[i].text, n);
			copy = realloc(copy, n > 0 ? n : 1);
			assert_non_null(copy);
			assert_in_range(
			    logtime_parse(&lt, span_make(copy, n), &when), 0,
			    n);
			free(copy);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_four_centuries_is_found),
		cmocka_unit_test(
		    every_hour_of_a_leap_year_cycle_is_found_in_utc),
		cmocka_unit_test(
		    every_hour_of_a_leap_year_cycle_is_found_in_berlin),
		cmocka_unit_test(
		    every_hour_of_a_leap_year_cycle_is_found_in_odd_zones),
		cmocka_unit_test(
		    every_minute_around_the_changes_of_summer_time_is_found),
		cmocka_unit_test(
		    repeated_hour_is_the_later_one_once_that_is_over),
		cmocka_unit_test(
		    hour_that_never_was_is_read_as_if_the_clock_was_late),
		cmocka_unit_test(
		    missing_year_is_the_nearest_at_most_a_day_ahead),
		cmocka_unit_test(remembered_text_does_not_outlive_its_year),
		cmocka_unit_test(every_format_takes_its_own_bytes),
		cmocka_unit_test(what_is_no_time_takes_nothing),
		cmocka_unit_test(text_is_read_no_further_than_its_end),
	};

	return cmocka_run_group_tests_name("logtime", tests, NULL, NULL);
}
