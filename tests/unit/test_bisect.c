/* Where a first start begins, against reading the whole file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "mxward/source.h"

#define NOW 1790000000

static int
file_new(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd != -1);
	return fd;
}

static void
put(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
}

static off_t
put_line(int fd, const char *format, int64_t when, const char *rest)
{
	off_t at = lseek(fd, 0, SEEK_END);
	time_t t = (time_t)when;
	char stamp[64], line[512];
	struct tm tm;
	int n;

	localtime_r(&t, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strftime(stamp, sizeof stamp, format, &tm);
#pragma GCC diagnostic pop
	n = snprintf(line, sizeof line, "%s%s\n", stamp, rest);
	put(fd, line, (size_t)n);
	return at;
}

static off_t
bisect(int fd, int64_t begin)
{
	struct logtime clock;

	logtime_init(&clock, NOW);
	return source_bisect(fd, begin, &clock);
}

static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S%z", "%b %e %H:%M:%S",
	"%s" };

static void
first_line_that_is_new_enough_is_found_in_every_format(void **state)
{
	(void)state;
	for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
		int fd = file_new();
		off_t at[3000];

		for (int i = 0; i < 3000; i++)
			at[i] = put_line(fd, formats[f], NOW - 300000 + i * 100,
			    " mx a[1]: some message");
		for (int i = 0; i < 3000; i += 113) {
			assert_int_equal(
			    bisect(fd, NOW - 300000 + i * 100), at[i]);
			assert_int_equal(
			    bisect(fd, NOW - 300000 + i * 100 - 99), at[i]);
		}
		assert_int_equal(bisect(fd, 0), 0);
		assert_int_equal(bisect(fd, NOW), lseek(fd, 0, SEEK_END));
		close(fd);
	}
}

static void
empty_file_and_file_without_times_begin_at_their_end(void **state)
{
	int fd = file_new();

	(void)state;
	assert_int_equal(bisect(fd, NOW - 600), 0);
	for (int i = 0; i < 50000; i++)
		put(fd, "no time in this line\n", 21);
	assert_int_equal(bisect(fd, NOW - 600), 50000 * 21);
	put(fd, "partial", 7);
	assert_int_equal(bisect(fd, NOW - 600), 50000 * 21);
	close(fd);
}

static void
partial_last_line_is_not_a_line(void **state)
{
	int fd = file_new();
	off_t end;

	(void)state;
	put_line(fd, formats[0], NOW - 5000, " mx a: old");
	end = lseek(fd, 0, SEEK_END);
	put(fd, "2026-09-21T", 11);
	assert_int_equal(bisect(fd, NOW - 600), end);
	close(fd);
}

static void
slight_disorder_does_not_hide_a_line(void **state)
{
	int fd = file_new();
	off_t first = -1, at;
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		int64_t when = NOW - 30000 + i;

		seed = seed * 1103515245 + 12345;
		when -= (seed >> 16) % 25;
		at = put_line(fd, formats[i % 2], when, " mx a[1]: text");
		if (first == -1 && when >= NOW - 7000)
			first = at;
	}
	assert_int_equal(bisect(fd, NOW - 7000), first);
	close(fd);
}

static void
lines_without_a_time_are_stepped_over(void **state)
{
	int fd = file_new();
	off_t first = -1, at;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		at = put_line(
		    fd, formats[0], NOW - 20000 + i * 10, " mx a[1]: text");
		if (first == -1 && i * 10 - 20000 >= -7000)
			first = at;
		for (int k = 0; k < i % 50; k++)
			put(fd, "   a stack trace, say\n", 22);
	}
	assert_int_equal(bisect(fd, NOW - 7000), first);
	close(fd);
}

static void
long_lines_and_holes_are_survived(void **state)
{
	char *big = malloc(300001);
	int fd = file_new();
	off_t hole;

	(void)state;
	memset(big, 'x', 300000);
	big[300000] = '\n';
	for (int i = 0; i < 20; i++) {
		put_line(fd, formats[0], NOW - 9000 + i, " mx a[1]: text");
		put(fd, big, 300001);
	}
	hole = lseek(fd, 0, SEEK_END);
	assert_int_equal(ftruncate(fd, hole + 300000), 0);
	put_line(fd, formats[0], NOW - 50, " mx a[1]: text");
	put(fd, big, 300001);
	put_line(fd, formats[0], NOW - 40, " mx a[1]: text");
	assert_int_equal(bisect(fd, NOW - 600), hole);
	free(big);
	close(fd);
}

static void
log_of_two_years_without_years_is_searched_from_its_end(void **state)
{
	int fd = file_new();
	off_t first = -1, at;

	(void)state;
	for (int64_t t = -800 * 86400; t < 0; t += 3600) {
		at = put_line(fd, formats[1], NOW + t, " mx a[1]: text");
		if (first == -1 && t >= -86400)
			first = at;
	}
	assert_int_equal(bisect(fd, NOW - 86400), first);
	close(fd);
}

static void
few_reads_are_enough_for_a_file_of_gigabytes(void **state)
{
	int fd = file_new();
	off_t at;

	(void)state;
	/* 8 GB, almost all of it a hole, which counts as lines without time */
	for (int i = 0; i < 1000; i++)
		put_line(fd, formats[0], NOW - 90000 + i, " mx a[1]: text");
	assert_int_equal(ftruncate(fd, 8000000000), 0);
	lseek(fd, 0, SEEK_END);
	put(fd, "\n", 1);
	at = put_line(fd, formats[0], NOW - 10, " mx a[1]: text");
	assert_int_equal(ftruncate(fd, at), 0);
	lseek(fd, 0, SEEK_END);
	for (int i = 0; i < 3000; i++)
		put_line(fd, formats[0], NOW - 3000 + i, " mx a[1]: text");
	assert_true(bisect(fd, NOW - 600) > at);
	close(fd);
}

static void
what_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(bisect(-1, NOW), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    first_line_that_is_new_enough_is_found_in_every_format),
		cmocka_unit_test(
		    empty_file_and_file_without_times_begin_at_their_end),
		cmocka_unit_test(partial_last_line_is_not_a_line),
		cmocka_unit_test(slight_disorder_does_not_hide_a_line),
		cmocka_unit_test(lines_without_a_time_are_stepped_over),
		cmocka_unit_test(long_lines_and_holes_are_survived),
		cmocka_unit_test(
		    log_of_two_years_without_years_is_searched_from_its_end),
		cmocka_unit_test(few_reads_are_enough_for_a_file_of_gigabytes),
		cmocka_unit_test(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("bisect", tests, NULL, NULL);
}
