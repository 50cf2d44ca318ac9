/* Following log files, on real files and a real loop. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "files_scene.h"

static void
partial_line_waits_for_its_end(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	owner_run(s->o);
	put(s->logger, "mx a[1]: one\nmx a[1]: tw", 24);
	owner_run(s->o);
	assert_int_equal(s->o->lines.n, 1);
	assert_int_equal(s->o->rows[0].at.offset, 13);
	owner_restart(s->o);
	put(s->logger, "o\n", 2);
	owner_run(s->o);
	assert_int_equal(s->o->lines.n, 2);
	assert_string_equal(s->o->lines.v[1], "mx a[1]: two");
	scene_free(s);
}

static void
long_lines_are_cut_and_counted_once(void **state)
{
	static const size_t sizes[] = { LINE_MAX_BYTES, LINE_MAX_BYTES + 1,
		READ_BYTES - 2, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1,
		3 * READ_BYTES + 17 };
	char *big = malloc(4 * READ_BYTES);
	struct scene *s = scene_new();
	size_t n = sizeof sizes / sizeof sizes[0], at = 0;

	(void)state;
	memset(big, 'x', 4 * READ_BYTES);
	reopen(s);
	owner_start(s->o);
	for (size_t i = 0; i < n; i++) {
		put(s->logger, "short\n", 6);
		put(s->logger, big, sizes[i]);
		owner_run(s->o);
		at += 6;
		assert_int_equal(s->o->rows[0].at.offset, at);
		if (i % 2 == 1)
			owner_restart(s->o);
		owner_run(s->o);
		put(s->logger, "\n", 1);
		owner_run(s->o);
		at += sizes[i] + 1;
		assert_int_equal(s->o->rows[0].at.offset, at);
		assert_int_equal(s->o->lines.n, 2 * i + 2);
		assert_int_equal(
		    strlen(s->o->lines.v[2 * i + 1]), LINE_MAX_BYTES);
	}
	assert_int_equal(source_stats(s->o->source)->too_long, 2);
	free(big);
	scene_free(s);
}

static void
holes_are_skipped(void **state)
{
	static const off_t holes[] = { 1, 5000, READ_BYTES - 1, READ_BYTES,
		READ_BYTES + 1, 50000000 };

	(void)state;
	for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
		struct scene *s = scene_new();

		reopen(s);
		owner_start(s->o);
		owner_run(s->o);
		assert_int_equal(ftruncate(s->logger, holes[i]), 0);
		log_lines(s, 2);
		owner_run(s->o);
		want_in_order(s);
		assert_int_equal(s->o->lines.v[0][0], 'm');
		owner_restart(s->o);
		log_lines(s, 2);
		owner_run(s->o);
		want_in_order(s);
		scene_free(s);
	}
}

static void
log_that_appears_later_is_read_from_its_start(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	owner_start(s->o);
	owner_run(s->o);
	assert_true(owner_noted(s->o, "mail.log"));
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
directory_that_appears_later_is_found(void **state)
{
	struct scene *s = scene_new();
	char sub[128], file[160];

	(void)state;
	scene_path(s, "sub", sub, sizeof sub);
	snprintf(file, sizeof file, "%s/mail.log", sub);
	s->files[0] = file;
	owner_start(s->o);
	owner_run(s->o);
	assert_int_equal(mkdir(sub, 0750), 0);
	snprintf(s->live, sizeof s->live, "%s/sub/mail.log", s->dir);
	log_lines(s, 3);
	owner_wait(s->o, 1200);
	want_in_order(s);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
glob_finds_what_appears_later_and_no_rotated_file(void **state)
{
	struct scene *s = scene_new();
	char pattern[128];

	(void)state;
	scene_path(s, "ma*", pattern, sizeof pattern);
	s->files[0] = pattern;
	owner_start(s->o);
	owner_run(s->o);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	for (int i = 0; i < 3; i++) {
		rotate(s);
		if (i == 1)
			owner_restart(s->o); /* between two files */
		owner_run(s->o);
		reopen(s);
		log_lines(s, 3);
		owner_run(s->o);
		want_in_order(s);
	}
	owner_restart(s->o);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
one_file_under_two_names_is_read_once(void **state)
{
	struct scene *s = scene_new();
	char link[128];
	char *two[2] = { link, s->live };

	(void)state;
	scene_path(s, "current", link, sizeof link);
	reopen(s);
	assert_int_equal(symlink(s->live, link), 0);
	s->o->conf.files = two;
	s->o->conf.nfiles = 2;
	owner_start(s->o);
	owner_run(s->o);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
unreadable_file_is_noted_once_and_tried_again(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	s->o->open_errno = EACCES;
	log_lines(s, 0);
	reopen(s);
	owner_start(s->o);
	owner_run(s->o);
	owner_wait(s->o, 1200);
	assert_int_equal(s->o->notes.n, 1);
	assert_true(owner_noted(s->o, "Permission denied"));
	s->o->open_errno = 0;
	owner_wait(s->o, 1200);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
removed_log_is_followed_until_the_next(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	log_lines(s, 3);
	owner_run(s->o);
	unlink(s->live);
	log_lines(s, 3);
	owner_run(s->o);
	owner_wait(s->o, 1100);
	want_in_order(s);
	reopen(s);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
vanished_match_of_a_glob_is_forgotten(void **state)
{
	struct scene *s = scene_new();
	char pattern[128];
	struct files *fs;

	(void)state;
	scene_path(s, "ma*", pattern, sizeof pattern);
	s->files[0] = pattern;
	reopen(s);
	owner_start(s->o);
	fs = s->o->source->state;
	fs->linger = fs->linger_deleted = 0;
	log_lines(s, 3);
	owner_run(s->o);
	assert_int_equal(s->o->nrows, 1);
	unlink(s->live);
	fs->ticks = 4;
	owner_wait(s->o, 1200);
	assert_int_equal(s->o->nrows, 0);
	assert_int_equal(fs->ntrails, 0);
	assert_int_equal(fs->nopen, 0);
	reopen(s);
	log_lines(s, 3);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
paths_are_bounded_and_the_newest_are_followed(void **state)
{
	const struct timespec old[2] = { { 1000000, 0 }, { 1000000, 0 } };
	struct scene *s = scene_new();
	char pattern[128], path[128], name[32];
	struct files *fs;
	int fd;

	(void)state;
	scene_path(s, "*.log", pattern, sizeof pattern);
	s->files[0] = pattern;
	for (int i = 0; i < TRAILS_MAX + 6; i++) {
		snprintf(name, sizeof name, "a%03d.log", i);
		scene_path(s, name, path, sizeof path);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
		put(fd, "mx a[1]: old\n", 13);
		futimens(fd, old);
		close(fd);
	}
	owner_start(s->o);
	owner_run(s->o);
	fs = s->o->source->state;
	assert_int_equal(fs->ntrails, TRAILS_MAX);
	assert_int_equal(fs->nopen, TRAILS_MAX);
	assert_true(owner_noted(s->o, "paths are followed already"));
	log_lines(s, 3); /* mail.log takes the place of one of them */
	owner_run(s->o);
	want_in_order(s);
	assert_int_equal(fs->ntrails, TRAILS_MAX);
	assert_int_equal(fs->nopen, TRAILS_MAX);
	scene_free(s);
}

/* One line a second, 2000 of them, the last a second ago; those from `begin`
 * on are wanted. Rotated before line `cut`. */
static void
first_start(int begin, int cut)
{
	struct scene *s = scene_new();
	time_t now = time(NULL);
	char line[128], stamp[64];
	struct tm tm;

	s->o->host.begin = now - 2000 + begin;
	reopen(s);
	for (int i = 0; i < 2000; i++) {
		time_t t = now - 2000 + i;

		if (i == cut) {
			rotate(s);
			reopen(s);
		}
		gmtime_r(&t, &tm);
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
		put(s->logger, line,
		    (size_t)snprintf(line, sizeof line, "%s mx a[1]: %d\n",
			stamp, i - begin));
	}
	owner_start(s->o);
	owner_run(s->o);
	s->written = (unsigned)(2000 - begin);
	want_in_order(s);
	owner_restart(s->o);
	s->o->host.begin = 0;
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
first_start_reads_from_begin_also_in_the_rotated_file(void **state)
{
	(void)state;
	first_start(1400, 1700);
	first_start(1400, 500);
	first_start(1400, -1);
	first_start(0, 1000);
}

static void
glob_match_that_comes_back_is_not_read_again(void **state)
{
	struct scene *s = scene_new();
	char pattern[128];
	struct files *fs;

	(void)state;
	scene_path(s, "ma*", pattern, sizeof pattern);
	s->files[0] = pattern;
	reopen(s);
	owner_start(s->o);
	fs = s->o->source->state;
	fs->linger = fs->linger_deleted = 0;
	log_lines(s, 3);
	owner_run(s->o);
	rotate(s);
	reopen(s);
	log_lines(s, 3);
	owner_run(s->o);
	unlink(s->live);
	fs->ticks = 4;
	owner_wait(s->o, 1200);
	reopen(s);
	log_lines(s, 3);
	owner_run(s->o);
	want_all(s);
	owner_restart(s->o);
	owner_run(s->o);
	want_all(s);
	scene_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partial_line_waits_for_its_end),
		cmocka_unit_test(long_lines_are_cut_and_counted_once),
		cmocka_unit_test(holes_are_skipped),
		cmocka_unit_test(log_that_appears_later_is_read_from_its_start),
		cmocka_unit_test(directory_that_appears_later_is_found),
		cmocka_unit_test(
		    glob_finds_what_appears_later_and_no_rotated_file),
		cmocka_unit_test(one_file_under_two_names_is_read_once),
		cmocka_unit_test(unreadable_file_is_noted_once_and_tried_again),
		cmocka_unit_test(removed_log_is_followed_until_the_next),
		cmocka_unit_test(glob_match_that_comes_back_is_not_read_again),
		cmocka_unit_test(vanished_match_of_a_glob_is_forgotten),
		cmocka_unit_test(paths_are_bounded_and_the_newest_are_followed),
		cmocka_unit_test(
		    first_start_reads_from_begin_also_in_the_rotated_file),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
