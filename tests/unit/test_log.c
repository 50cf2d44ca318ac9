/* Log lines: how they look, and that nobody else can make one. Standard error
 * is a pipe while they are written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mxward/log.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct capture {
	int read;
	int saved;
	char text[16384];
};

static int
setup(void **state)
{
	struct capture *c = calloc(1, sizeof(*c));
	int fds[2];

	assert_non_null(c);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	fflush(stderr);
	c->read = fds[0];
	c->saved = dup(STDERR_FILENO);
	assert_int_not_equal(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
	log_init("engine", true, LOG_DEBUG);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	struct capture *c = *state;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->read);
	free(c);
	return 0;
}

/* What has been written since. */
static const char *
written(struct capture *c)
{
	ssize_t n = read(c->read, c->text, sizeof(c->text) - 1);

	c->text[n > 0 ? n : 0] = '\0';
	return c->text;
}

/* The same without the time. */
static const char *
line(struct capture *c)
{
	const char *text = strstr(written(c), " mxward ");

	return text == NULL ? "" : text + 1;
}

static void
to_journal(void)
{
	char value[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", value, 1);
	log_init("doors", true, LOG_DEBUG);
}

static void
line_says_when_who_and_what(void **state)
{
	int year, month, day, hour, minute, second, ms, n = 0;

	log_info("%d bans, %s", 3, "restored");
	sscanf(written(*state), "%4d-%2d-%2dT%2d:%2d:%2d.%3d %n", &year, &month,
	    &day, &hour, &minute, &second, &ms, &n);
	assert_true(n > 0);
	assert_string_equal(((struct capture *)*state)->text + n,
	    "mxward engine: 3 bans, restored\n");
}

static void
priority_can_be_seen_where_nothing_else_shows_it(void **state)
{
	log_err("a");
	assert_string_equal(line(*state), "mxward engine: error: a\n");
	log_warn("a");
	assert_string_equal(line(*state), "mxward engine: warning: a\n");
	log_write(LOG_NOTICE, "a");
	assert_string_equal(line(*state), "mxward engine: a\n");
	log_debug("a");
	assert_string_equal(line(*state), "mxward engine: a\n");
}

static void
journal_gets_priorities_and_no_time(void **state)
{
	to_journal();
	log_err("a");
	assert_string_equal(written(*state), "<3>doors: a\n");
	log_warn("b%%");
	assert_string_equal(written(*state), "<4>doors: b%\n");
	log_debug("c");
	assert_string_equal(written(*state), "<7>doors: c\n");
}

static void
journal_of_somebody_else_is_not_ours(void **state)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_init("doors", true, LOG_DEBUG);
	log_info("a");
	assert_string_equal(line(*state), "mxward doors: a\n");
}

static void
levels_above_are_dropped(void **state)
{
	log_level(LOG_WARNING);
	log_info("a");
	log_debug("a");
	assert_string_equal(written(*state), "");
	log_warn("a");
	assert_string_not_equal(written(*state), "");
	log_level(LOG_INFO);
	log_info("a");
	assert_string_not_equal(written(*state), "");
	log_debug("a");
	assert_string_equal(written(*state), "");
}

static void
text_of_a_stranger_is_harmless(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "plain ~ \\ %s %n", "plain ~ \\ %s %n" },
		{ "a\nmxward engine: b", "a\\012mxward engine: b" },
		{ "a\r\tb", "a\\015\\011b" },
		{ "\033]0;title\007", "\\033]0;title\\007" },
		{ "\177", "\\177" }, { "\001\037", "\\001\\037" },
		{ "Grüße", "Grüße" }, { "日本 😀", "日本 😀" },
		{ "\302\233m", "\\302\\233m" },        /* C1 CSI */
		{ "\377\376", "\\377\\376" },          /* never UTF-8 */
		{ "\300\257", "\\300\\257" },          /* overlong */
		{ "\340\200\257", "\\340\\200\\257" }, /* overlong */
		{ "\355\240\200", "\\355\\240\\200" }, /* surrogate */
		{ "\364\220\200\200", "\\364\\220\\200\\200" }, /* too high */
		{ "a\303", "a\\303" },                          /* cut off */
		{ "\303(", "\\303(" }, { "\200b", "\\200b" },
		{ "\342\200\256txt", "\\342\\200\\256txt" }, /* U+202E */
		{ "\342\200\250x", "\\342\\200\\250x" },     /* U+2028 */
	};
	char want[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(
		    want, sizeof(want), "mxward engine: %s\n", cases[i].line);
		log_info("%s", cases[i].text);
		assert_string_equal(line(*state), want);
	}
	to_journal();
	log_info("%s", "a\n<0>forged");
	assert_string_equal(written(*state), "<6>doors: a\\012<0>forged\n");
}

static void
long_text_is_cut_and_is_one_line(void **state)
{
	char text[5000];
	const char *got;

	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	got = line(*state);
	assert_true(strlen(got) > 4000 && strlen(got) < 9000);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

static void
long_process_name_is_cut(void **state)
{
	log_init("a-process-with-a-very-long-name", true, LOG_INFO);
	log_info("x");
	assert_string_equal(line(*state), "mxward a-process-with-: x\n");
}

static void
errno_survives_and_can_be_shown(void **state)
{
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(
	    line(*state), "mxward engine: No such file or directory\n");
	errno = EACCES;
	log_level(LOG_ERR);
	log_info("dropped");
	assert_int_equal(errno, EACCES);
}

static void
full_pipe_loses_lines_and_does_not_block(void **state)
{
	(void)state;
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK | O_WRONLY);
	for (int i = 0; i < 10000; i++)
		log_info("%s", "a line of some length, again and again");
	assert_true(strlen(written(*state)) > 0);
}

static void
level_names_are_those_of_the_configuration(void **state)
{
	static const struct {
		const char *name;
		int priority;
	} cases[] = {
		{ "error", LOG_ERR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
		{ "", -1 },
		{ "Info", -1 },
		{ "inf", -1 },
		{ "info ", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
		    log_level_parse(cases[i].name), cases[i].priority);
}

#define WITH_CAPTURE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CAPTURE(line_says_when_who_and_what),
		WITH_CAPTURE(priority_can_be_seen_where_nothing_else_shows_it),
		WITH_CAPTURE(journal_gets_priorities_and_no_time),
		WITH_CAPTURE(journal_of_somebody_else_is_not_ours),
		WITH_CAPTURE(levels_above_are_dropped),
		WITH_CAPTURE(text_of_a_stranger_is_harmless),
		WITH_CAPTURE(long_text_is_cut_and_is_one_line),
		WITH_CAPTURE(long_process_name_is_cut),
		WITH_CAPTURE(errno_survives_and_can_be_shown),
		WITH_CAPTURE(full_pipe_loses_lines_and_does_not_block),
		cmocka_unit_test(level_names_are_those_of_the_configuration),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
