/* Reasons: one clean line, whatever was quoted in them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "mxward/error.h"

static void
reason_is_formatted_and_minus_one_returned(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, "%s: line %d", "mxward.conf", 7), -1);
	assert_string_equal(err.text, "mxward.conf: line 7");
}

static void
nobody_need_want_the_reason(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, "%s", "x"), -1);
}

static void
control_characters_become_question_marks(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, "a\nb\r\x1b[31m\x7f\t%s", "\xc3\xa9");
	assert_string_equal(err.text, "a?b??[31m??\xc3\xa9");
}

static void
a_long_reason_is_cut_and_terminated(void **state)
{
	struct error err;
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(&err, 'y', sizeof(err));
	error_set(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void
errno_survives(void **state)
{
	struct error err;

	(void)state;
	errno = ENOENT;
	error_set(&err, "%s", strerror(errno));
	assert_int_equal(errno, ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reason_is_formatted_and_minus_one_returned),
		cmocka_unit_test(nobody_need_want_the_reason),
		cmocka_unit_test(control_characters_become_question_marks),
		cmocka_unit_test(a_long_reason_is_cut_and_terminated),
		cmocka_unit_test(errno_survives),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
