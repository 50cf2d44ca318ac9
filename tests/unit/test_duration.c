/* Lengths of time, from text and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "mxward/duration.h"

#define FOREVER DURATION_FOREVER

static const struct {
	const char *text;
	int64_t seconds;
} good[] = {
	{ "0", 0 },
	{ "90", 90 },
	{ "90s", 90 },
	{ "10m", 600 },
	{ "1h", 3600 },
	{ "1h30m", 5400 },
	{ "1h5s", 3605 },
	{ "1d", 86400 },
	{ "1w", 604800 },
	{ "1mo", 2592000 },
	{ "1mo1m", 2592060 },
	{ "1y", 31536000 },
	{ "1y2mo3w4d5h6m7s",
	    31536000 + 2 * 2592000 + 3 * 604800 + 4 * 86400 + 5 * 3600 +
		6 * 60 + 7 },
	{ "forever", FOREVER },
	{ "-1", FOREVER },
	{ "0100", 100 },
	{ "9223372036854775806", FOREVER - 1 },
};

static const char *const bad[] = { "", " ", "s", "m10", "10x", "10 m", " 10m",
	"10m ", "1h30", "30m1h", "1h1h", "-2", "-1s", "+1", "1.5h", "10M",
	"forever1", "Forever", "1hforever", "9223372036854775807",
	"9223372036854775808", "99999999999999999999", "292471208678y",
	"9223372036854775800s9s", "1mom", "0x10", "١" };

static const struct {
	int64_t seconds;
	const char *text;
} shown[] = {
	{ 0, "0s" },
	{ -5, "0s" },
	{ 1, "1s" },
	{ 90, "1m30s" },
	{ 600, "10m" },
	{ 5400, "1h30m" },
	{ 3605, "1h5s" },
	{ 86400, "1d" },
	{ 10 * 86400, "10d" },
	{ 14 * 86400 + 3600, "2w1h" },
	{ 30 * 86400, "1mo" },
	{ 45 * 86400 + 6 * 3600, "45d6h" },
	{ 365 * 86400, "1y" },
	{ FOREVER, "forever" },
};

static void
what_administrators_write_is_understood(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		seconds = -7;
		if (duration_parse(span_of(good[i].text), &seconds) != 0 ||
		    seconds != good[i].seconds)
			fail_msg("%s: %lld", good[i].text, (long long)seconds);
	}
}

static void
anything_else_is_refused(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (duration_parse(span_of(bad[i]), &seconds) != -1)
			fail_msg("\"%s\" was taken for %lld", bad[i],
			    (long long)seconds);
	assert_int_equal(duration_parse(span_make(NULL, 0), &seconds), -1);
}

static void
text_is_read_no_further_than_its_end(void **state)
{
	int64_t seconds;

	(void)state;
	assert_int_equal(duration_parse(span_make("10m30s", 3), &seconds), 0);
	assert_int_equal(seconds, 600);
	assert_int_equal(duration_parse(span_make("15", 1), &seconds), 0);
	assert_int_equal(seconds, 1);
}

static void
the_exact_form_is_shown(void **state)
{
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_string_equal(
		    duration_format(shown[i].seconds, buf, sizeof(buf)),
		    shown[i].text);
}

static void
what_is_shown_can_be_read_again(void **state)
{
	char buf[64];
	int64_t s, back;

	(void)state;
	for (s = 1; s > 0 && s < INT64_MAX / 3; s = s * 2 + s / 7 + 1) {
		duration_format(s, buf, sizeof(buf));
		assert_int_equal(duration_parse(span_of(buf), &back), 0);
		assert_int_equal(back, s);
	}
}

static void
a_small_buffer_is_not_overrun(void **state)
{
	char buf[8];

	(void)state;
	for (size_t size = 0; size <= 4; size++) {
		memset(buf, '#', sizeof(buf));
		duration_format(5400 + 86400, buf, size);
		assert_int_equal(buf[size], '#');
		if (size > 0)
			assert_non_null(memchr(buf, '\0', size));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_administrators_write_is_understood),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(text_is_read_no_further_than_its_end),
		cmocka_unit_test(the_exact_form_is_shown),
		cmocka_unit_test(what_is_shown_can_be_read_again),
		cmocka_unit_test(a_small_buffer_is_not_overrun),
	};

	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
