/*
 * Log files and what rotation does to them, on real files. Every test writes
 * numbered lines and wants each of them once. The rotation tests run many
 * times, with the source killed and started again between other steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>

#include "source_host.h"
#include "../../src/sources/sources_priv.h"

struct scene {
	struct owner *o;
	char dir[64];
	char live[96];
	char *files[2];
	int logger; /* what the logger has open */
	unsigned written;
	unsigned long seed;
	unsigned cut; /* kill after this step, and after none other */
	unsigned step;
	bool append;
};

static void
scene_path(struct scene *s, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", s->dir, name);
}

static struct scene *
scene_new(void)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	strcpy(s->dir, "/tmp/test_files.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	scene_path(s, "mail.log", s->live, sizeof s->live);
	s->o = owner_new(SOURCE_FILES);
	s->files[0] = s->live;
	s->o->conf.files = s->files;
	s->o->conf.nfiles = 1;
	s->logger = -1;
	return s;
}

static void
remove_tree(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (unlink(path) == -1)
			remove_tree(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(dir);
}

static void
scene_free(struct scene *s)
{
	owner_free(s->o);
	if (s->logger != -1)
		close(s->logger);
	remove_tree(s->dir);
	free(s);
}

/* The logger opens its file again. */
static void
reopen(struct scene *s)
{
	if (s->logger != -1)
		close(s->logger);
	s->logger =
	    open(s->live, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	assert_true(s->logger != -1);
}

static void
put(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
}

static void
log_to(struct scene *s, int fd, unsigned n)
{
	char line[128];
	int len;

	while (n-- > 0) {
		len = snprintf(line, sizeof line,
		    "mx postfix/smtpd[314]: %06u connect from unknown%.*s\n",
		    s->written, (int)(s->written % 40),
		    "........................................");
		s->written++;
		put(fd, line, (size_t)len);
	}
}

static void
log_lines(struct scene *s, unsigned n)
{
	if (s->logger == -1)
		reopen(s);
	log_to(s, s->logger, n);
}

static void
move(struct scene *s, const char *from, const char *to)
{
	char a[128], b[128];

	scene_path(s, from, a, sizeof a);
	scene_path(s, to, b, sizeof b);
	rename(a, b);
}

/* logrotate's way: .2 → .3, .1 → .2, mail.log → .1 */
static void
shift(struct scene *s)
{
	char from[32], to[32];

	for (int i = 19; i > 0; i--) {
		snprintf(from, sizeof from, "mail.log.%d", i);
		snprintf(to, sizeof to, "mail.log.%d", i + 1);
		move(s, from, to);
	}
}

static void
rotate(struct scene *s)
{
	shift(s);
	move(s, "mail.log", "mail.log.1");
}

static void
copy(struct scene *s, const char *to)
{
	char path[128], buf[65536];
	int in, out;
	ssize_t n;

	scene_path(s, to, path, sizeof path);
	in = open(s->live, O_RDONLY);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(in != -1 && out != -1);
	while ((n = read(in, buf, sizeof buf)) > 0)
		put(out, buf, (size_t)n);
	close(in);
	close(out);
}

static void
copytruncate(struct scene *s)
{
	shift(s);
	copy(s, "mail.log.1");
	assert_int_equal(truncate(s->live, 0), 0);
}

static void
want_all(struct scene *s)
{
	unsigned *seen = calloc(s->written + 1, sizeof *seen);
	const char *p;
	unsigned k;

	for (size_t i = 0; i < s->o->lines.n; i++) {
		p = strstr(s->o->lines.v[i], "]: ");
		if (p == NULL)
			fail_msg("not a line: %s", s->o->lines.v[i]);
		k = (unsigned)strtoul(p + 3, NULL, 10);
		assert_true(k < s->written);
		seen[k]++;
	}
	for (k = 0; k < s->written; k++)
		if (seen[k] != 1)
			fail_msg("line %u of %u came %u times "
				 "(seed %lu, cut %u)",
			    k, s->written, seen[k], s->seed, s->cut);
	free(seen);
}

static void
want_in_order(struct scene *s)
{
	want_all(s);
	for (size_t i = 1; i < s->o->lines.n; i++)
		assert_true(
		    strtoul(strstr(s->o->lines.v[i - 1], "]: ") + 3, NULL, 10) <
		    strtoul(strstr(s->o->lines.v[i], "]: ") + 3, NULL, 10));
}

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

static void
finish(struct scene *s)
{
	if (s->o->source == NULL)
		owner_start(s->o);
	owner_run(s->o);
	want_all(s);
	owner_restart(s->o);
	owner_run(s->o);
	want_all(s);
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
	log_to(s, old, 2); /* another process, into the rotated file */
	step(s);
	log_lines(s, 2);
	log_to(s, old, 2);
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
rotated_file_is_let_go_and_its_row_stays(void **state)
{
	struct scene *s = scene_new();
	struct source_state {
		const void *ops, *conf;
		struct files *files;
	} * peek;
	int old;

	(void)state;
	reopen(s);
	owner_start(s->o);
	peek = (void *)s->o->source;
	peek->files->linger = peek->files->linger_deleted = 0;
	log_lines(s, 3);
	owner_run(s->o);
	rotate(s);
	old = s->logger;
	s->logger = -1;
	owner_wait(s->o, 1100);
	reopen(s);
	owner_wait(s->o, 1100);
	assert_int_equal(peek->files->nopen, 2); /* no line in the new one */
	log_to(s, old, 1);
	owner_run(s->o);
	log_lines(s, 1);
	owner_wait(s->o, 1100);
	assert_int_equal(peek->files->nopen, 1);
	assert_int_equal(s->o->nrows, 2);
	log_to(s, old, 1); /* seen at the next look */
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

static void
first_start_reads_from_begin_also_in_the_rotated_file(void **state)
{
	struct scene *s = scene_new();
	time_t now = time(NULL);
	char line[128], stamp[64];
	struct tm tm;

	(void)state;
	s->o->host.begin = now - 600;
	for (int i = 0; i < 2000; i++) {
		time_t t = now - 2000 + i;

		if (i == 1700) {
			rotate(s);
			reopen(s);
		}
		gmtime_r(&t, &tm);
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (s->logger == -1)
			reopen(s);
		put(s->logger, line,
		    (size_t)snprintf(line, sizeof line, "%s mx a[1]: %d\n",
			stamp, i - 1400));
	}
	owner_start(s->o);
	owner_run(s->o);
	s->written = 600;
	want_in_order(s);
	owner_restart(s->o);
	s->o->host.begin = 0;
	owner_run(s->o);
	want_in_order(s);
	scene_free(s);
}

static unsigned
dice(unsigned long *seed, unsigned sides)
{
	*seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(*seed >> 33) % sides;
}

/* One random thing: write, rotate, kill, start, run. */
static void
random_step(struct scene *s, unsigned long *seed, int *late)
{
	switch (dice(seed, 12)) {
	case 0:
		rotate(s);
		if (*late != -1)
			close(*late);
		*late = s->logger;
		s->logger = -1;
		reopen(s);
		log_lines(s, 1);
		break;
	case 1:
		copytruncate(s);
		log_lines(s, 1 + dice(seed, 40));
		break;
	case 2:
		if (*late != -1)
			log_to(s, *late, dice(seed, 4));
		break;
	case 3:
		if (s->o->source != NULL)
			owner_kill(s->o);
		break;
	case 4:
		if (s->o->source != NULL)
			s->o->dies_after = (long)dice(seed, 30);
		break;
	case 5:
	case 6:
	case 7:
		log_lines(s, dice(seed, 20));
		break;
	default:
		if (s->o->source == NULL)
			owner_start(s->o);
		owner_run(s->o);
		if (s->o->dead) {
			owner_kill(s->o);
			s->o->dies_after = -1;
		}
		break;
	}
}

static void
random_rotations_and_kills_lose_and_repeat_nothing(void **state)
{
	const char *env = getenv("SEEDS");
	unsigned long seeds = env ? strtoul(env, NULL, 10) : 150;

	(void)state;
	for (unsigned long n = 1; n <= seeds; n++) {
		struct scene *s = scene_new();
		unsigned long seed = n;
		int late = -1, rotations = 0;

		s->seed = n;
		reopen(s);
		owner_start(s->o);
		owner_run(s->o);
		for (int i = 0; i < 60 && rotations < 18; i++)
			random_step(s, &seed, &late);
		s->o->dies_after = -1;
		if (s->o->source != NULL && s->o->dead)
			owner_kill(s->o);
		finish(s);
		if (late != -1)
			close(late);
		scene_free(s);
	}
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
		cmocka_unit_test(partial_line_waits_for_its_end),
		cmocka_unit_test(long_lines_are_cut_and_counted_once),
		cmocka_unit_test(holes_are_skipped),
		cmocka_unit_test(reused_inode_is_a_new_file),
		cmocka_unit_test(backup_beside_the_log_is_not_read),
		cmocka_unit_test(edited_copy_in_its_place_goes_on),
		cmocka_unit_test(log_that_appears_later_is_read_from_its_start),
		cmocka_unit_test(directory_that_appears_later_is_found),
		cmocka_unit_test(
		    glob_finds_what_appears_later_and_no_rotated_file),
		cmocka_unit_test(one_file_under_two_names_is_read_once),
		cmocka_unit_test(symbolic_link_is_followed_to_where_it_rotates),
		cmocka_unit_test(unreadable_file_is_noted_once_and_tried_again),
		cmocka_unit_test(removed_log_is_followed_until_the_next),
		cmocka_unit_test(rotated_file_is_let_go_and_its_row_stays),
		cmocka_unit_test(rows_are_bounded_over_many_rotations),
		cmocka_unit_test(compressed_rest_is_noted),
		cmocka_unit_test(
		    first_start_reads_from_begin_also_in_the_rotated_file),
		cmocka_unit_test(
		    random_rotations_and_kills_lose_and_repeat_nothing),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
