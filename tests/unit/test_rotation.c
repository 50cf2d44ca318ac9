/*
 * What rotation does to a log that is followed. The scenes run many times, the
 * source killed and started again between other steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "files_scene.h"

/* Between two steps of a scene: the source runs, or was killed before this
 * step and is started after a later one. */
static void
step(struct scene *s)
{
	unsigned down = s->cut / 32, from = s->cut % 32;

	s->step++;
	if (s->o->source != NULL)
		owner_run(s->o);
	if (s->step == from && s->o->source != NULL)
		owner_kill(s->o);
	if (s->step == from + down && s->o->source == NULL)
		owner_start(s->o);
}

/* Play a scene without a kill, then with one at each step and a start 0, 1,
 * 2, … steps later. */
static void
play(void (*scene)(struct scene *), unsigned steps)
{
	for (unsigned from = 1; from <= steps; from++)
		for (unsigned down = 0; from + down <= steps; down++) {
			struct scene *s = scene_new();

			s->cut = down * 32 + from;
			reopen(s);
			owner_start(s->o);
			owner_run(s->o);
			scene(s);
			finish(s);
			scene_free(s);
		}
}

static void
scene_rename(struct scene *s)
{
	log_lines(s, 3);
	step(s);
	rotate(s);
	step(s);
	log_lines(s, 3); /* the logger has not reopened yet */
	step(s);
	reopen(s);
	step(s);
	log_lines(s, 3);
	step(s);
}

static void
rename_and_create_loses_no_line(void **state)
{
	(void)state;
	play(scene_rename, 5);
}

static void
scene_late_logger(struct scene *s)
{
	int old;

	log_lines(s, 3);
	step(s);
	rotate(s);
	step(s);
	old = s->logger;
	s->logger = -1;
	reopen(s);
	step(s);
	log_lines(s, 2);
	step(s);
	log_late(s, old, 2); /* another process, into the rotated file */
	step(s);
	log_lines(s, 2);
	log_late(s, old, 2);
	step(s);
	close(old);
}

static void
rotated_file_is_followed_while_it_grows(void **state)
{
	(void)state;
	play(scene_late_logger, 6);
}

static void
scene_three_rotations(struct scene *s)
{
	log_lines(s, 3);
	step(s);
	log_lines(s, 2);
	for (int i = 0; i < 3; i++) {
		rotate(s);
		step(s);
		reopen(s);
		log_lines(s, 4);
		step(s);
	}
}

static void
several_rotations_are_made_up_for(void **state)
{
	(void)state;
	play(scene_three_rotations, 7);
}

static void
scene_copytruncate(struct scene *s)
{
	log_lines(s, 5);
	step(s);
	log_lines(s, 3);
	step(s);
	copytruncate(s);
	step(s);
	log_lines(s, 2);
	step(s);
	log_lines(s, 20); /* beyond the old offset */
	step(s);
	copytruncate(s);
	log_lines(s, 30);
	step(s);
}

static void
copytruncate_reads_the_rest_from_the_copy(void **state)
{
	(void)state;
	play(scene_copytruncate, 6);
}

static void
scene_mixed(struct scene *s)
{
	log_lines(s, 5);
	step(s);
	copytruncate(s);
	step(s);
	log_lines(s, 9);
	step(s);
	rotate(s);
	reopen(s);
	step(s);
	log_lines(s, 3);
	step(s);
	copytruncate(s);
	log_lines(s, 1);
	step(s);
}

static void
copies_and_renames_may_alternate(void **state)
{
	(void)state;
	play(scene_mixed, 6);
}

static void
scene_dates(struct scene *s)
{
	log_lines(s, 4);
	step(s);
	log_lines(s, 4);
	move(s, "mail.log", "mail.log-20261123");
	reopen(s);
	step(s);
	log_lines(s, 4);
	step(s);
	move(s, "mail.log", "mail.log-20261124");
	step(s);
	reopen(s);
	log_lines(s, 1);
	step(s);
}

static void
rotated_names_may_be_dates(void **state)
{
	(void)state;
	play(scene_dates, 5);
}

static void
scene_extension(struct scene *s)
{
	log_lines(s, 4);
	step(s);
	log_lines(s, 4);
	move(s, "mail.log", "mail-20261123.log");
	reopen(s);
	log_lines(s, 4);
	step(s);
	move(s, "mail.log", "mail-20261124.log");
	reopen(s);
	log_lines(s, 1);
	step(s);
}

static void
rotated_names_may_keep_the_extension(void **state)
{
	(void)state;
	play(scene_extension, 3);
}

static void
lines_come_in_order_over_missed_rotations(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	log_lines(s, 2);
	owner_start(s->o);
	s->o->conf.nfiles = 1;
	owner_run(s->o);
	owner_kill(s->o);
	s->written = 0; /* without a time they are not read at a first start */
	for (int i = 0; i < 5; i++) {
		log_lines(s, 10);
		rotate(s);
		reopen(s);
	}
	log_lines(s, 10);
	owner_start(s->o);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
reused_inode_is_a_new_file(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	log_lines(s, 5);
	owner_run(s->o);
	owner_kill(s->o);
	/* same inode, another first line, longer than before */
	assert_int_equal(ftruncate(s->logger, 0), 0);
	log_lines(s, 50);
	owner_start(s->o);
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static void
backup_beside_the_log_is_not_read(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	log_lines(s, 5);
	owner_run(s->o);
	copy(s, "mail.log.1");
	copy(s, "mail.log.bak");
	owner_run(s->o);
	want_all(s);
	owner_restart(s->o);
	log_lines(s, 5);
	owner_run(s->o);
	want_all(s);
	rotate(s);
	reopen(s);
	log_lines(s, 5);
	owner_run(s->o);
	want_all(s);
	owner_restart(s->o);
	owner_run(s->o);
	want_all(s);
	scene_free(s);
}

static void
edited_copy_in_its_place_goes_on(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	for (int down = 0; down < 2; down++) {
		reopen(s);
		if (s->o->source == NULL)
			owner_start(s->o);
		log_lines(s, 5);
		owner_run(s->o);
		if (down)
			owner_kill(s->o);
		copy(s, "new");
		move(s, "new", "mail.log");
		reopen(s);
		log_lines(s, 5);
		if (down)
			owner_start(s->o);
		owner_run(s->o);
		want_in_order(s);
	}
	scene_free(s);
}

static void
successor_that_begins_with_the_same_lines_is_read(void **state)
{
	static const char line[] = "mx postfix/smtpd[1]: one of many\n";
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned i = 0; i < n; i++)
			put(s->logger, line, sizeof line - 1);
		owner_run(s->o);
		assert_int_equal(s->o->lines.n, n * (n + 1) / 2);
		rotate(s);
		reopen(s);
	}
	scene_free(s);
}

/* Twice between two looks: the first copy goes on where we were, the second is
 * new, and the log is younger than both. */
static void
scene_copies(struct scene *s)
{
	log_lines(s, 5);
	step(s);
	log_lines(s, 3);
	copytruncate(s);
	log_lines(s, 4);
	copytruncate(s);
	log_lines(s, 20);
	step(s);
	copytruncate(s);
	log_lines(s, 2);
	rotate(s);
	step(s);
	reopen(s);
	log_lines(s, 1);
	step(s);
}

static void
several_copies_are_read_before_the_log(void **state)
{
	(void)state;
	play(scene_copies, 4);
}

static void
scene_symlink(struct scene *s)
{
	log_lines(s, 3);
	step(s);
	log_lines(s, 3);
	step(s);
	rotate(s);
	step(s);
	reopen(s);
	log_lines(s, 3);
	step(s);
	rotate(s);
	reopen(s);
	log_lines(s, 3);
	step(s);
}

static void
symbolic_link_is_followed_to_where_it_rotates(void **state)
{
	(void)state;
	for (unsigned cut = 0; cut < 5; cut++) {
		struct scene *s = scene_new();
		char link[128];

		scene_path(s, "maillog", link, sizeof link);
		assert_int_equal(symlink(s->live, link), 0);
		s->files[0] = link;
		s->cut = 32 * (5 - cut) + cut;
		reopen(s);
		owner_start(s->o);
		owner_run(s->o);
		scene_symlink(s);
		finish(s);
		scene_free(s);
	}
}

static void
rotated_file_is_let_go_and_its_row_stays(void **state)
{
	struct scene *s = scene_new();
	struct files *fs;
	int old;

	(void)state;
	reopen(s);
	owner_start(s->o);
	fs = s->o->source->state;
	fs->linger = fs->linger_deleted = 0;
	log_lines(s, 3);
	owner_run(s->o);
	rotate(s);
	old = s->logger;
	s->logger = -1;
	owner_wait(s->o, 1100);
	reopen(s);
	owner_wait(s->o, 1100);
	assert_int_equal(fs->nopen, 2); /* no line in the new one */
	log_late(s, old, 1);
	owner_run(s->o);
	log_lines(s, 1);
	owner_wait(s->o, 1100);
	assert_int_equal(fs->nopen, 1);
	assert_int_equal(s->o->nrows, 2);
	log_late(s, old, 1); /* seen at the next look */
	rotate(s);
	reopen(s);
	owner_run(s->o);
	want_all(s);
	close(old);
	scene_free(s);
}

static void
rows_are_bounded_over_many_rotations(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	for (int i = 0; i < 15; i++) {
		log_lines(s, 3);
		owner_run(s->o);
		rotate(s);
		reopen(s);
		owner_restart(s->o);
		owner_run(s->o);
	}
	want_all(s);
	assert_true(s->o->nrows <= 16);
	scene_free(s);
}

static void
compressed_rest_is_noted(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	reopen(s);
	owner_start(s->o);
	log_lines(s, 3);
	owner_run(s->o);
	owner_kill(s->o);
	copy(s, "mail.log.1.gz"); /* another inode, no first line of ours */
	unlink(s->live);
	reopen(s);
	log_lines(s, 3);
	owner_start(s->o);
	owner_run(s->o);
	assert_true(owner_noted(s->o, "compressed"));
	want_in_order(s);
	scene_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rename_and_create_loses_no_line),
		cmocka_unit_test(rotated_file_is_followed_while_it_grows),
		cmocka_unit_test(several_rotations_are_made_up_for),
		cmocka_unit_test(copytruncate_reads_the_rest_from_the_copy),
		cmocka_unit_test(copies_and_renames_may_alternate),
		cmocka_unit_test(rotated_names_may_be_dates),
		cmocka_unit_test(rotated_names_may_keep_the_extension),
		cmocka_unit_test(lines_come_in_order_over_missed_rotations),
		cmocka_unit_test(reused_inode_is_a_new_file),
		cmocka_unit_test(backup_beside_the_log_is_not_read),
		cmocka_unit_test(edited_copy_in_its_place_goes_on),
		cmocka_unit_test(
		    successor_that_begins_with_the_same_lines_is_read),
		cmocka_unit_test(several_copies_are_read_before_the_log),
		cmocka_unit_test(symbolic_link_is_followed_to_where_it_rotates),
		cmocka_unit_test(rotated_file_is_let_go_and_its_row_stays),
		cmocka_unit_test(rows_are_bounded_over_many_rotations),
		cmocka_unit_test(compressed_rest_is_noted),
	};

	return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
