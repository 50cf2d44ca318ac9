/*
 * The time a log line begins with. The first byte tells the formats apart; the
 * two that mail logs are written in have files of their own.
 */
#include "logtime_priv.h"

/* "1764000000": from 2001 to 2286. Another number of digits is a number. */
#define EPOCH_DIGITS 10

/* "@" and 16 digits of seconds and 8 of nanoseconds (D. J. Bernstein's
 * "TAI64, TAI64N, and TAI64NA"). */
#define TAI64N_BYTES 25
/* The label of 1970-01-01 00:00:00 UTC, as every program that writes these
 * computes it: ten seconds, and no leap seconds since. */
#define TAI64_EPOCH UINT64_C(0x400000000000000a)

static size_t parse_epoch(struct span text, int64_t *when);
static size_t parse_bracketed(struct span text, int64_t *when);
static size_t parse_tai64n(struct span text, int64_t *when);

void
logtime_init(struct logtime *lt, int64_t now)
{
	/* localtime_r(3) need not look at TZ by itself. */
	tzset();
	lt->now = now;
	for (size_t i = 0; i < sizeof(lt->stamp) / sizeof(lt->stamp[0]); i++) {
		lt->stamp[i][0] = '\0';
		lt->stamp_time[i] = 0;
	}
	lt->zone_hour = INT64_MIN;
	lt->zone_offset[0] = lt->zone_offset[1] = 0;
}

size_t
logtime_parse(struct logtime *lt, struct span text, int64_t *when)
{
	if (text.n == 0)
		return 0;
	if (text.p[0] >= 'A' && text.p[0] <= 'S')
		return logtime_syslog(lt, text, when);
	if (time_digit(text.p[0])) {
		if (text.n > 4 && text.p[4] == '-')
			return logtime_iso(lt, text, when);
		return parse_epoch(text, when);
	}
	if (text.p[0] == '[')
		return parse_bracketed(text, when);
	if (text.p[0] == '@')
		return parse_tai64n(text, when);
	return 0;
}

static size_t
parse_epoch(struct span text, int64_t *when)
{
	int64_t value = 0;
	size_t n;

	for (n = 0; n < text.n && n < EPOCH_DIGITS && time_digit(text.p[n]);
	     n++)
		value = value * 10 + (text.p[n] - '0');
	if (n < EPOCH_DIGITS || text.p[0] == '0')
		return 0;
	n = time_skip_fraction(text, n);
	if (!time_ends(text, n))
		return 0;
	*when = value;
	return n;
}

static size_t
parse_bracketed(struct span text, int64_t *when)
{
	int64_t value;
	size_t n = parse_epoch(span_skip(text, 1), &value);

	if (n == 0 || n + 1 >= text.n || text.p[n + 1] != ']')
		return 0;
	*when = value;
	return n + 2;
}

static int
hex_digit(char c)
{
	if (time_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t
parse_tai64n(struct span text, int64_t *when)
{
	uint64_t label = 0;

	if (text.n < TAI64N_BYTES)
		return 0;
	for (size_t i = 1; i < TAI64N_BYTES; i++) {
		int digit = hex_digit(text.p[i]);

		if (digit < 0)
			return 0;
		if (i <= 16)
			label = label << 4 | (uint64_t)digit;
	}
	/* From 2^63 on, labels are reserved. */
	if (label < TAI64_EPOCH || label >> 63 != 0 ||
	    !time_ends(text, TAI64N_BYTES))
		return 0;
	*when = (int64_t)(label - TAI64_EPOCH);
	return TAI64N_BYTES;
}
