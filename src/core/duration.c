/*
 * Lengths of time. Units must come from the largest to the smallest, each once:
 * "30m1h" and "1h1h" are slips of the pen more often than they are meant.
 */
#include <stdbool.h>
#include <stdio.h>

#include "mxward/duration.h"

#define DAY INT64_C(86400)

struct unit {
	char name[3];
	int64_t seconds;
};

/* The largest first. The first four also name a number of whole days. */
static const struct unit units[] = {
	{ "y", 365 * DAY },
	{ "mo", 30 * DAY },
	{ "w", 7 * DAY },
	{ "d", DAY },
	{ "h", 3600 },
	{ "m", 60 },
	{ "s", 1 },
};
#define NUNITS ((int)(sizeof(units) / sizeof(units[0])))
#define DAYS   4

static size_t take_number(struct span text, int64_t *number);
static size_t take_unit(struct span text, int *unit);
static int add(int64_t *total, int64_t number, int64_t seconds);
static size_t put(char *buf, size_t size, size_t at, int64_t number, int unit);

int
duration_parse(struct span text, int64_t *seconds)
{
	int64_t total = 0, number;
	int last = -1, unit = 0;
	size_t n;

	if (span_is(text, "forever") || span_is(text, "-1")) {
		*seconds = DURATION_FOREVER;
		return 0;
	}
	if (text.n == 0)
		return -1;
	while (text.n > 0) {
		if ((n = take_number(text, &number)) == 0)
			return -1;
		text = span_skip(text, n);
		if (text.n == 0 && last == -1)
			unit = NUNITS - 1; /* a bare number: seconds */
		else if ((n = take_unit(text, &unit)) == 0 || unit <= last)
			return -1;
		else
			text = span_skip(text, n);
		last = unit;
		if (add(&total, number, units[unit].seconds) == -1)
			return -1;
	}
	*seconds = total;
	return 0;
}

const char *
duration_format(int64_t seconds, char *buf, size_t size)
{
	size_t at = 0;
	int unit = 0;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (seconds == DURATION_FOREVER) {
		snprintf(buf, size, "forever");
		return buf;
	}
	if (seconds <= 0) {
		snprintf(buf, size, "0s");
		return buf;
	}
	/* Whole days in the one unit that fits: 45d, not 1mo2w1d. */
	if (seconds >= DAY) {
		int64_t days = seconds / DAY;

		while (days % (units[unit].seconds / DAY) != 0)
			unit++;
		at = put(
		    buf, size, at, days / (units[unit].seconds / DAY), unit);
		seconds %= DAY;
	}
	for (unit = DAYS; unit < NUNITS; unit++) {
		at = put(buf, size, at, seconds / units[unit].seconds, unit);
		seconds %= units[unit].seconds;
	}
	return buf;
}

/* Returns the number of digits, 0 if there are none or too many. */
static size_t
take_number(struct span text, int64_t *number)
{
	int64_t value = 0;
	size_t n = 0;

	for (; n < text.n && text.p[n] >= '0' && text.p[n] <= '9'; n++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text.p[n] - '0', &value))
			return 0;
	}
	*number = value;
	return n;
}

static size_t
take_unit(struct span text, int *unit)
{
	size_t best = 0;

	/* The longest name wins: "mo" is not "m" and an "o". */
	for (int i = 0; i < NUNITS; i++) {
		struct span name = span_of(units[i].name);

		if (name.n > best && span_starts(text, name)) {
			best = name.n;
			*unit = i;
		}
	}
	return best;
}

static int
add(int64_t *total, int64_t number, int64_t seconds)
{
	int64_t part;

	if (__builtin_mul_overflow(number, seconds, &part) ||
	    __builtin_add_overflow(*total, part, total) ||
	    *total == DURATION_FOREVER)
		return -1;
	return 0;
}

static size_t
put(char *buf, size_t size, size_t at, int64_t number, int unit)
{
	int n;

	if (number == 0 || at >= size)
		return at;
	n = snprintf(
	    buf + at, size - at, "%lld%s", (long long)number, units[unit].name);
	return n < 0 ? at : at + (size_t)n;
}
