/* Texts with fields. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "mxward/duration.h"
#include "mxward/template.h"

static struct template_values
values(void)
{
	struct template_values v = {
		.jail = "postfix-auth", .end = 1764003600, .now = 1764000000
	};

	assert_int_equal(addr_parse(span_of("192.0.2.9"), &v.host), 0);
	return v;
}

static void
assert_filled(
    const char *text, const struct template_values *v, const char *expected)
{
	char buf[256];

	assert_int_equal(
	    template_fill(text, v, buf, sizeof(buf)), strlen(expected));
	assert_string_equal(buf, expected);
}

static void
every_field_is_filled_in(void **state)
{
	struct template_values v = values();

	(void)state;
	assert_filled("5.7.1 %{host} is banned (%{jail}) until %{end}, %{left}",
	    &v,
	    "5.7.1 192.0.2.9 is banned (postfix-auth) until "
	    "2025-11-24T17:00:00Z, 1h");
	assert_filled("100%% %{host}%{host}", &v, "100% 192.0.2.9192.0.2.9");
	assert_filled("%%{host}", &v, "%{host}");
	assert_filled("", &v, "");
	assert_int_equal(addr_parse(span_of("2001:db8::9"), &v.host), 0);
	assert_filled("%{host}", &v, "2001:db8::9");
}

static void
a_ban_without_end_says_so(void **state)
{
	struct template_values v = values();

	(void)state;
	v.end = DURATION_FOREVER;
	assert_filled("%{end} %{left}", &v, "forever forever");
}

static void
nothing_is_left_of_a_ban_that_is_over(void **state)
{
	struct template_values v = values();

	(void)state;
	v.now = v.end + 10;
	assert_filled("%{left}", &v, "0s");
}

static void
an_end_beyond_the_calendar_is_survived(void **state)
{
	struct template_values v = values();

	(void)state;
	v.end = INT64_MAX - 1;
	assert_filled("%{end}", &v, "?");
}

static void
control_characters_do_not_get_through(void **state)
{
	struct template_values v = values();

	(void)state;
	v.jail = "a\r\nRCPT";
	assert_filled("x\ny %{jail}", &v, "x?y a??RCPT");
}

static void
unknown_fields_are_named(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(template_check("%{jail} %{host} %%{x}", &err), 0);
	assert_int_equal(template_check("", &err), 0);
	assert_int_equal(template_check("at %{hosts} now", &err), -1);
	assert_non_null(strstr(err.text, "\"%{hosts}\""));
	assert_int_equal(template_check("%s", &err), -1);
	assert_non_null(strstr(err.text, "\"%s\""));
	assert_int_equal(template_check("%", &err), -1);
	assert_int_equal(template_check("%{jail", NULL), -1);
}

static void
unknown_fields_are_left_as_they_stand(void **state)
{
	struct template_values v = values();

	(void)state;
	assert_filled("%{hosts} %s 5% %{jail", &v, "%{hosts} %s 5% %{jail");
}

static void
a_small_buffer_is_filled_and_not_overrun(void **state)
{
	struct template_values v = values();
	char buf[16];

	(void)state;
	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(
		    template_fill("<%{host}> is out", &v, buf, size),
		    size > 0 ? size - 1 : 0);
		assert_int_equal(buf[size], '#');
		if (size > 0)
			assert_int_equal(buf[size - 1], '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_filled_in),
		cmocka_unit_test(a_ban_without_end_says_so),
		cmocka_unit_test(nothing_is_left_of_a_ban_that_is_over),
		cmocka_unit_test(an_end_beyond_the_calendar_is_survived),
		cmocka_unit_test(control_characters_do_not_get_through),
		cmocka_unit_test(unknown_fields_are_named),
		cmocka_unit_test(unknown_fields_are_left_as_they_stand),
		cmocka_unit_test(a_small_buffer_is_filled_and_not_overrun),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
