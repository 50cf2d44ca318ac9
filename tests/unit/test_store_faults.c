/*
 * The store on disks that are full or ruined, beside programs that lock it, and
 * killed. A full disk is a small tmpfs in a mount namespace of this process;
 * other write errors come from a limit on the size of files.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

#include "store_fixture.h"

static const char log_path[] = "/var/log/mail.log";

static const char *
path_of(const struct fixture *f, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

/* n lines read from `offset` on, each a failure. What the position says and
 * what is in the store must always agree. */
static int
batch(struct fixture *f, uint64_t offset, int n)
{
	char text[900];
	struct failure x = failure_of("192.0.2.1", 100);
	struct position p = { .inode = 1, .offset = offset + (uint64_t)n };

	memset(text, 'x', sizeof(text));
	x.evidence = span_make(text, sizeof(text));
	for (int i = 0; i < n; i++)
		store_failure(f->s, "j", &x);
	store_position_put(f->s, "mail", log_path, &p);
	return store_commit(f->s, &f->err);
}

static uint64_t
offset_of(struct store *s)
{
	struct position p;

	return store_positions(s, "mail", log_path, &p, 1) == 1 ? p.offset : 0;
}

static void
expect_refusing(struct store *s)
{
	struct failure x = failure_of("192.0.2.1", 100);
	struct ban b = ban_of("192.0.2.1", 100);
	struct position p = { .inode = 1 };
	uint64_t id = 1;

	assert_true(store_broken(s));
	assert_int_equal(store_failure(s, "j", &x), 0);
	assert_int_equal(store_failure(s, "a new jail", &x), 0);
	assert_int_equal(store_ban(s, "j", &b, ""), 0);
	assert_int_equal(store_ban_over(s, 1, 1, ""), -1);
	assert_int_equal(store_failures_used(s, &id, 1, 1), -1);
	assert_int_equal(store_failures_used(s, &id, 1, 0), -1);
	assert_int_equal(store_position_put(s, "mail", log_path, &p), -1);
	assert_int_equal(store_position_del(s, "mail", log_path, &p), -1);
	assert_int_equal(store_number_put(s, "n", 1), -1);
	assert_int_equal(store_prune(s, 1, 1, 1), -1);
}

/* Nothing more can be asked of it either. */
static void
expect_blind(struct store *s)
{
	struct prefix key = net("192.0.2.1");
	struct seen seen = { 0 };
	struct seen_evidence evidence = { 0 };

	expect_refusing(s);
	assert_int_equal(offset_of(s), 0);
	assert_int_equal(store_number(s, "n"), 0);
	assert_int_equal(store_ban_count(s, "j", &key, 0), 0);
	assert_int_equal(store_bans_each(s, see_ban, &seen), -1);
	assert_int_equal(store_failures_each(s, see_failure, &seen), -1);
	assert_int_equal(store_history(s, NULL, false, 9, see_row, &seen), -1);
	assert_int_equal(
	    store_evidence(s, 0, &key, 9, see_evidence, &evidence), -1);
}

/* Give this process a small file system at f->dir; false if it may not. */
static bool
small_disk(struct fixture *f)
{
	store_close(f->s);
	f->s = NULL;
	empty_dir(f->dir);
	return unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
	    mount("none", f->dir, "tmpfs", 0, "size=16m") == 0;
}

static void
fill_disk(const struct fixture *f)
{
	int fd = open(path_of(f, "ballast"), O_WRONLY | O_CREAT, 0600);
	static const char zero[4096];

	assert_true(fd >= 0);
	while (write(fd, zero, sizeof(zero)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void
a_full_disk_loses_the_transaction_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct prefix key = net("192.0.2.1");
	struct ban b = ban_of("192.0.2.1", 100);

	if (!small_disk(f))
		skip();
	reopen(f);
	store_ban(f->s, "j", &b, "");
	assert_int_equal(batch(f, 0, 100), 0);
	fill_disk(f);
	store_ban(f->s, "a jail whose name is lost", &b, "");
	assert_int_equal(batch(f, 100, 1000), -1);
	assert_non_null(strstr(f->err.text, "full"));
	assert_non_null(strstr(f->err.text, "free some room"));
	expect_refusing(f->s);
	f->err.text[0] = '\0';
	assert_int_equal(store_commit(f->s, &f->err), -1);
	assert_string_not_equal(f->err.text, "");
	assert_int_equal(store_retry(f->s, &f->err), -1);
	assert_non_null(strstr(f->err.text, "still full"));
	/* What was committed can still be asked for. */
	assert_int_equal(offset_of(f->s), 100);
	assert_int_equal(store_ban_count(f->s, "j", &key, 0), 1);
	unlink(path_of(f, "ballast"));
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_false(store_broken(f->s));
	assert_string_equal(store_aside(f->s), "");
	assert_int_equal(failures_left(f->s), 100);
	store_ban(f->s, "a jail whose name is lost", &b, "");
	assert_int_equal(batch(f, 100, 50), 0);
	reopen(f);
	assert_int_equal(bans_standing(f->s), 2);
	assert_int_equal(failures_left(f->s), 150);
	assert_int_equal(offset_of(f->s), 150);
}

static void
a_store_on_a_full_disk_still_gives_its_bans_back(void **state)
{
	struct fixture *f = *state;
	struct ban b = ban_of("192.0.2.1", 100);

	if (!small_disk(f))
		skip();
	reopen(f);
	store_ban(f->s, "j", &b, "");
	assert_int_equal(batch(f, 0, 100), 0);
	store_close(f->s);
	f->s = NULL;
	fill_disk(f);
	reopen(f);
	assert_string_equal(f->aside, "");
	assert_int_equal(bans_standing(f->s), 1);
	assert_int_equal(offset_of(f->s), 100);
	assert_int_equal(batch(f, 100, 100), -1);
	assert_int_equal(bans_standing(f->s), 1);
	unlink(path_of(f, "ballast"));
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_int_equal(batch(f, 100, 100), 0);
}

static void
limit_files(rlim_t size)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_write_error_breaks_the_store_until_a_retry_works(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(batch(f, 0, 100), 0);
	limit_files(400 * 1024);
	assert_int_equal(batch(f, 100, 1000), -1);
	assert_non_null(strstr(f->err.text, "check the disk"));
	expect_blind(f->s);
	limit_files(4096);
	assert_int_equal(store_retry(f->s, &f->err), -1);
	expect_blind(f->s);
	assert_int_equal(store_commit(f->s, &f->err), -1);
	limit_files(RLIM_INFINITY);
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_int_equal(failures_left(f->s), 100);
	assert_int_equal(offset_of(f->s), 100);
	assert_int_equal(batch(f, 100, 50), 0);
	reopen(f);
	assert_int_equal(failures_left(f->s), 150);
}

static void
numbers_are_not_given_out_again_after_a_lost_transaction(void **state)
{
	struct fixture *f = *state;
	struct failure x = failure_of("192.0.2.1", 100);
	struct ban b = ban_of("192.0.2.1", 100);
	uint64_t failure, ban;

	failure = store_failure(f->s, "lost", &x);
	ban = store_ban(f->s, "lost", &b, "");
	limit_files(4096);
	assert_int_equal(store_commit(f->s, NULL), -1);
	limit_files(RLIM_INFINITY);
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_int_equal(bans_standing(f->s), 0);
	/* A name that was lost is made again, not remembered. */
	assert_true(store_failure(f->s, "lost", &x) > failure);
	assert_true(store_ban(f->s, "lost", &b, "") > ban);
	assert_int_equal(store_failures_used(f->s, &failure, 1, 9), 0);
	assert_int_equal(store_ban_over(f->s, ban, 1, ""), 0);
	commit(f);
	assert_int_equal(failures_left(f->s), 1);
	assert_int_equal(bans_standing(f->s), 1);
}

static void
a_lock_breaks_the_store_but_reading_goes_on(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	assert_int_equal(batch(f, 0, 10), 0);
	assert_int_equal(
	    sqlite3_open(path_of(f, "mxward.db"), &other), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
	assert_int_equal(batch(f, 10, 10), -1);
	assert_non_null(strstr(f->err.text, "lock"));
	expect_refusing(f->s);
	assert_int_equal(offset_of(f->s), 10);
	sqlite3_close(other);
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_int_equal(batch(f, 10, 10), 0);
	assert_int_equal(failures_left(f->s), 20);
}

static void
damage_met_later_has_the_database_put_aside_by_retry(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	char rubbish[4096];
	uint64_t last = 0;
	int fd;

	for (int i = 0; i < 30000; i++) {
		char key[32];
		struct ban b;

		snprintf(key, sizeof(key), "10.0.%d.%d", i / 256, i % 256);
		b = ban_of(key, 100);
		last = store_ban(f->s, "j", &b, "so that it is large");
	}
	commit(f);
	store_close(f->s);
	memset(rubbish, 0xa5, sizeof(rubbish));
	fd = open(path_of(f, "mxward.db"), O_WRONLY);
	for (off_t page = 100; page < 160; page += 3)
		assert_int_equal(
		    pwrite(fd, rubbish, sizeof(rubbish), page * 4096), 4096);
	close(fd);
	f->s = NULL;
	f->s = store_open(f->dir, f->aside, sizeof(f->aside), &f->err);
	assert_non_null(f->s);
	assert_string_equal(f->aside, "");
	assert_int_equal(store_bans_each(f->s, see_ban, &seen), -1);
	expect_blind(f->s);
	assert_int_equal(store_commit(f->s, &f->err), -1);
	assert_non_null(strstr(f->err.text, "damaged"));
	assert_int_equal(store_retry(f->s, &f->err), 0);
	assert_non_null(strstr(store_aside(f->s), ".bad-"));
	assert_int_equal(access(store_aside(f->s), F_OK), 0);
	assert_int_equal(bans_standing(f->s), 0);
	{
		struct ban b = ban_of("192.0.2.1", 100);

		assert_true(store_ban(f->s, "j", &b, "") > last);
	}
	commit(f);
	reopen(f);
	assert_int_equal(bans_standing(f->s), 1);
}

/* Lines from the stored position on, for ever: each a failure, each third one a
 * ban with its evidence. */
static void
write_until_killed(const char *dir, int ready)
{
	struct store *s = store_open(dir, NULL, 0, NULL);
	struct position p = { .inode = 1 };
	uint64_t ids[3], n;

	if (s == NULL || write(ready, "", 1) != 1)
		_exit(1);
	for (n = offset_of(s); n < 10000000; n += 3) {
		struct ban b = ban_of("192.0.2.1", (int64_t)n);
		uint64_t ban;

		for (int i = 0; i < 3; i++) {
			struct failure x =
			    failure_of("192.0.2.1", (int64_t)n + i);

			ids[i] = store_failure(s, "j", &x);
		}
		ban = store_ban(s, "j", &b, "");
		store_failures_used(s, ids, 2, ban);
		p.offset = n + 3;
		store_position_put(s, "mail", log_path, &p);
		if (store_commit(s, NULL) == -1)
			_exit(1);
	}
	_exit(1);
}

static void
killed_at_any_moment_position_and_failures_agree(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	srand(7);
	store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 50; i++) {
		struct timespec ts = { 0, rand() % 10000000 };
		int status, ready[2];
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		if ((pid = fork()) == 0)
			write_until_killed(f->dir, ready[1]);
		assert_true(pid > 0);
		/* Every fifth is killed while it opens, or even before. */
		if (i % 5 != 0)
			assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		close(ready[1]);
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		/* Now and then the next writer finds the log as it was left. */
		if (i % 3 == 2)
			continue;
		reopen(f);
		assert_string_equal(f->aside, "");
		assert_true(offset_of(f->s) >= last);
		last = offset_of(f->s);
		assert_int_equal(failures_left(f->s), last / 3);
		assert_int_equal(bans_standing(f->s), last / 3);
		if (last > 0) {
			static struct seen_evidence seen;

			seen.n = 0;
			store_evidence(
			    f->s, last / 3, NULL, 9, see_evidence, &seen);
			assert_int_equal(seen.n, 2);
		}
		store_close(f->s);
		f->s = NULL;
	}
	assert_true(last > 0);
}

static int
teardown_disk(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	f->s = NULL;
	umount2(f->dir, MNT_DETACH);
	return teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_DISK(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup, teardown_disk)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_error_breaks_the_store_until_a_retry_works),
		TEST(numbers_are_not_given_out_again_after_a_lost_transaction),
		TEST(a_lock_breaks_the_store_but_reading_goes_on),
		TEST(damage_met_later_has_the_database_put_aside_by_retry),
		TEST(killed_at_any_moment_position_and_failures_agree),
		TEST_DISK(a_full_disk_loses_the_transaction_and_no_more),
		TEST_DISK(a_store_on_a_full_disk_still_gives_its_bans_back),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
