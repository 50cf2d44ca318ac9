/* Databases that are not as they should be, and schemas that are older. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/store/store_priv.h"
#include "store_fixture.h"

static const char *
path_of(const struct fixture *f, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

/* Overwrite n bytes at off of the closed database with rubbish. */
static void
spoil(const struct fixture *f, off_t off, size_t n)
{
	int fd = open(path_of(f, "mxward.db"), O_WRONLY);
	char rubbish[4096];

	assert_true(fd >= 0 && n <= sizeof(rubbish));
	memset(rubbish, 0xa5, sizeof(rubbish));
	assert_int_equal(pwrite(fd, rubbish, n, off), n);
	close(fd);
}

static void
shut(struct fixture *f)
{
	store_close(f->s);
	f->s = NULL;
}

static void
exec_on(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		print_error("%s\n", why);
	assert_null(why);
	sqlite3_close(db);
}

static int64_t
ask_of(const char *path, const char *sql)
{
	int64_t n = -1;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(store_ask(db, sql, &n), SQLITE_OK);
	sqlite3_close(db);
	return n;
}

static void
fill(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		struct failure x = failure_of("192.0.2.1", i);
		struct ban b = ban_of("192.0.2.1", i);

		store_failure(f->s, "j", &x);
		store_ban(f->s, "j", &b, "a reason of some length to fill it");
	}
	commit(f);
}

/* It was put aside (here), and a new one works. */
static char went_to[512];

static void
expect_aside(struct fixture *f, const char *reason)
{
	f->err.text[0] = '\0';
	reopen(f);
	assert_non_null(strstr(f->aside, "/mxward.db.bad-"));
	snprintf(went_to, sizeof(went_to), "%s", f->aside);
	assert_int_equal(access(went_to, F_OK), 0);
	assert_non_null(strstr(f->err.text, reason));
	assert_int_equal(bans_standing(f->s), 0);
	fill(f, 1);
	reopen(f);
	assert_string_equal(f->aside, "");
	assert_int_equal(bans_standing(f->s), 1);
}

static void
only_its_owner_can_read_the_database(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "mxward.db", "mxward.db-wal",
		"mxward.db-shm" };
	struct stat st;

	fill(f, 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stat(path_of(f, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void
a_missing_directory_is_made_for_its_owner_alone(void **state)
{
	struct fixture *f = *state;
	char dir[128], aside[256];
	struct store *s;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/new", f->dir);
	s = store_open(dir, aside, sizeof(aside), &f->err);
	assert_non_null(s);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	store_close(s);
	empty_dir(dir);
	rmdir(dir);
}

static void
no_directory_to_be_had_is_said(void **state)
{
	struct fixture *f = *state;
	static char dir[PATH_MAX + 100];
	char aside[256];

	snprintf(dir, sizeof(dir), "%s/mxward.db", f->dir);
	assert_null(store_open(dir, aside, sizeof(aside), &f->err));
	assert_non_null(strstr(f->err.text, dir));
	assert_null(
	    store_open("/nonexistent/a/b", aside, sizeof(aside), &f->err));
	assert_non_null(strstr(f->err.text, "No such file"));
	memset(dir, 'x', sizeof(dir) - 1);
	assert_null(store_open(dir, aside, sizeof(aside), &f->err));
	assert_non_null(strstr(f->err.text, "too long a name"));
}

static void
a_bad_header_is_put_aside(void **state)
{
	struct fixture *f = *state;

	fill(f, 10);
	shut(f);
	spoil(f, 0, 100);
	expect_aside(f, "not a database");
}

static void
a_truncated_database_is_put_aside(void **state)
{
	struct fixture *f = *state;

	fill(f, 3000);
	shut(f);
	assert_int_equal(truncate(path_of(f, "mxward.db"), 40000), 0);
	expect_aside(f, "malformed");
}

static void
a_spoilt_page_of_a_small_database_is_found_when_it_is_opened(void **state)
{
	struct fixture *f = *state;

	fill(f, 300);
	shut(f);
	spoil(f, (off_t)4096 * 12, 4096);
	expect_aside(f, "");
}

static void
a_database_without_a_table_is_put_aside(void **state)
{
	struct fixture *f = *state;

	shut(f);
	exec_on(path_of(f, "mxward.db"), "DROP TABLE evidence");
	expect_aside(f, "evidence");
}

static void
a_newer_schema_is_put_aside_untouched(void **state)
{
	struct fixture *f = *state;

	fill(f, 5);
	shut(f);
	exec_on(path_of(f, "mxward.db"),
	    "PRAGMA user_version = 2; CREATE TABLE future (x)");
	expect_aside(f, "newer mxward");
	assert_int_equal(ask_of(went_to, "SELECT count(*) FROM bans"), 5);
}

static void
somebody_elses_database_is_put_aside(void **state)
{
	struct fixture *f = *state;

	shut(f);
	unlink(path_of(f, "mxward.db"));
	exec_on(path_of(f, "mxward.db"), "CREATE TABLE bans (ip TEXT)");
	expect_aside(f, "not a database of mxward's");
}

static void
the_log_of_a_bad_database_goes_with_it(void **state)
{
	struct fixture *f = *state;
	char name[600];
	pid_t pid;
	int status;

	shut(f);
	/* A process that dies leaves its log behind. */
	if ((pid = fork()) == 0) {
		f->s = store_open(f->dir, NULL, 0, NULL);
		if (f->s != NULL)
			fill(f, 100);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(access(path_of(f, "mxward.db-wal"), F_OK), 0);
	exec_on(path_of(f, "other"), "CREATE TABLE t (x)");
	assert_int_equal(unlink(path_of(f, "mxward.db")), 0);
	snprintf(name, sizeof(name), "%s", path_of(f, "other"));
	assert_int_equal(rename(name, path_of(f, "mxward.db")), 0);
	/* Long enough not to be taken for an empty one. */
	spoil(f, 0, 100);
	f->s = store_open(f->dir, f->aside, sizeof(f->aside), &f->err);
	assert_non_null(f->s);
	assert_string_not_equal(f->aside, "");
	assert_int_equal(bans_standing(f->s), 0);
	assert_int_equal(access(f->aside, F_OK), 0);
}

static void
databases_put_aside_do_not_fill_the_disk(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	for (; n < 100; n++) {
		shut(f);
		spoil(f, 0, 100);
		f->s = store_open(f->dir, f->aside, sizeof(f->aside), &f->err);
		if (f->s == NULL)
			break;
		assert_string_not_equal(f->aside, "");
	}
	assert_int_equal(n, 16);
	assert_non_null(strstr(f->err.text, "remove some"));
}

/* Version 1 to a version 2 and 3 of the test's own. */
static int
step_two(sqlite3 *db)
{
	return sqlite3_exec(db,
	    "ALTER TABLE bans ADD COLUMN country TEXT;"
	    "UPDATE bans SET country = 'nn'",
	    NULL, NULL, NULL);
}

static int
step_fails(sqlite3 *db)
{
	return sqlite3_exec(db,
	    "DROP TABLE bans; INSERT INTO nowhere"
	    " VALUES (1)",
	    NULL, NULL, NULL);
}

static int
step_is_killed(sqlite3 *db)
{
	sqlite3_exec(db, "DELETE FROM bans", NULL, NULL, NULL);
	raise(SIGKILL);
	return SQLITE_OK;
}

static int
migrate(const struct fixture *f, store_step *last)
{
	store_step *steps[] = { store_steps[0], step_two, last };
	sqlite3 *db;
	int rc;

	assert_int_equal(sqlite3_open(path_of(f, "mxward.db"), &db), SQLITE_OK);
	rc = store_migrate(db, steps, last != NULL ? 3 : 2);
	sqlite3_close(db);
	return rc;
}

static void
a_migration_runs_the_steps_that_are_missing_and_no_others(void **state)
{
	struct fixture *f = *state;

	fill(f, 5);
	shut(f);
	assert_int_equal(migrate(f, NULL), SQLITE_OK);
	assert_int_equal(
	    ask_of(path_of(f, "mxward.db"), "PRAGMA user_version"), 2);
	assert_int_equal(ask_of(path_of(f, "mxward.db"),
			     "SELECT count(*) FROM bans WHERE country = 'nn'"),
	    5);
	/* Again: step_two would fail, the column being there. */
	assert_int_equal(migrate(f, NULL), SQLITE_OK);
}

static void
a_migration_that_fails_leaves_the_old_one_whole(void **state)
{
	struct fixture *f = *state;

	fill(f, 5);
	shut(f);
	assert_int_not_equal(migrate(f, step_fails), SQLITE_OK);
	assert_int_equal(
	    ask_of(path_of(f, "mxward.db"), "PRAGMA user_version"), 1);
	reopen(f);
	assert_string_equal(f->aside, "");
	assert_int_equal(bans_standing(f->s), 5);
}

static void
a_migration_that_is_killed_leaves_the_old_one_whole(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	fill(f, 5);
	shut(f);
	if ((pid = fork()) == 0) {
		migrate(f, step_is_killed);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	reopen(f);
	assert_string_equal(f->aside, "");
	assert_int_equal(bans_standing(f->s), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_its_owner_can_read_the_database),
		TEST(a_missing_directory_is_made_for_its_owner_alone),
		TEST(no_directory_to_be_had_is_said),
		TEST(a_bad_header_is_put_aside),
		TEST(a_truncated_database_is_put_aside),
		TEST(
		    a_spoilt_page_of_a_small_database_is_found_when_it_is_opened),
		TEST(a_database_without_a_table_is_put_aside),
		TEST(a_newer_schema_is_put_aside_untouched),
		TEST(somebody_elses_database_is_put_aside),
		TEST(the_log_of_a_bad_database_goes_with_it),
		TEST(databases_put_aside_do_not_fill_the_disk),
		TEST(a_migration_runs_the_steps_that_are_missing_and_no_others),
		TEST(a_migration_that_fails_leaves_the_old_one_whole),
		TEST(a_migration_that_is_killed_leaves_the_old_one_whole),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
