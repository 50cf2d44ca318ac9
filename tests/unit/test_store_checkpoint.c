/*
 * The log and its checkpoints: copied by the thread, bounded by commits where
 * that cannot keep up, and nothing lost either way.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "../../src/store/store_priv.h"
#include "store_fixture.h"

/* What a frame takes in the log: a page and its header. */
#define FRAME (4096 + 24)

/* n failures of which four fill a page, and a position. */
static void
batch(struct fixture *f, int n)
{
	char text[900];
	struct failure x = failure_of("192.0.2.1", 100);
	struct position p = { .inode = 1, .offset = 1 };

	memset(text, 'x', sizeof(text));
	x.evidence = span_make(text, sizeof(text));
	for (int i = 0; i < n; i++)
		assert_int_not_equal(store_failure(f->s, "j", &x), 0);
	store_position_put(f->s, "mail", "/var/log/mail.log", &p);
	commit(f);
}

static off_t
size_of(const struct fixture *f, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Wait until the thread has done what was wanted of it. */
static void
settle(struct store *s)
{
	const struct timespec ms = { 0, 1000000 };
	struct checkpointer *c = &s->checkpointer;
	bool done = false;

	assert_true(c->threaded);
	for (int i = 0; !done; i++) {
		assert_true(i < 20000);
		nanosleep(&ms, NULL);
		pthread_mutex_lock(&c->lock);
		done = !c->wanted && !c->busy;
		pthread_mutex_unlock(&c->lock);
	}
}

static void
the_log_is_copied_beside_and_begins_anew(void **state)
{
	struct fixture *f = *state;
	int longest = 0;

	f->s->checkpointer.begin = 100;
	f->s->checkpointer.max = INT_MAX;
	for (int round = 0; round < 40; round++) {
		batch(f, 600);
		settle(f->s);
		if (f->s->checkpointer.frames > longest)
			longest = f->s->checkpointer.frames;
	}
	/* Of some 160 frames each. */
	assert_in_range(longest, 150, 2 * 160);
	assert_true(size_of(f, "mxward.db-wal") < (off_t)400 * FRAME);
	assert_true(size_of(f, "mxward.db") > (off_t)4000 * 4096);
	assert_int_equal(failures_left(f->s), 40 * 600);
}

static void
a_log_that_the_thread_cannot_copy_is_bounded_by_commits(void **state)
{
	struct fixture *f = *state;

	f->s->checkpointer.begin = 50;
	f->s->checkpointer.max = 200;
	checkpoint_stop(f->s);
	checkpoint_attach(f->s, false);
	for (int i = 0; i < 100; i++)
		batch(f, 50);
	assert_true(size_of(f, "mxward.db-wal") < (off_t)400 * FRAME);
	assert_true(size_of(f, "mxward.db") > (off_t)500 * 4096);
	assert_int_equal(failures_left(f->s), 5000);
}

static void
a_reader_that_stays_neither_stops_commits_nor_loses_the_log(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	f->s->checkpointer.begin = 20;
	f->s->checkpointer.max = 100;
	batch(f, 10);
	assert_int_equal(sqlite3_open(f->s->path, &other), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(other, "BEGIN; SELECT count(*) FROM failures", NULL,
		NULL, NULL),
	    SQLITE_OK);
	for (int i = 0; i < 50; i++)
		batch(f, 50);
	assert_true(size_of(f, "mxward.db-wal") > (off_t)500 * FRAME);
	sqlite3_close(other);
	for (int i = 50; i < 100; i++)
		batch(f, 50);
	assert_int_equal(failures_left(f->s), 5010);
	reopen(f);
	assert_string_equal(f->aside, "");
	assert_int_equal(failures_left(f->s), 5010);
}

static void
a_store_closed_while_its_log_is_copied_loses_nothing(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 30; i++) {
		f->s->checkpointer.begin = 1;
		for (int j = 0; j < 5; j++)
			batch(f, 20);
		reopen(f);
		assert_string_equal(f->aside, "");
		assert_int_equal(failures_left(f->s), (i + 1) * 100);
	}
}

static void
signals_are_left_to_the_loop(void **state)
{
	struct fixture *f = *state;
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_true(f->s->checkpointer.threaded);
	/* Taken by the thread, it would end the process. */
	kill(getpid(), SIGUSR1);
	usleep(10000);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_copied_beside_and_begins_anew),
		TEST(a_log_that_the_thread_cannot_copy_is_bounded_by_commits),
		TEST(
		    a_reader_that_stays_neither_stops_commits_nor_loses_the_log),
		TEST(a_store_closed_while_its_log_is_copied_loses_nothing),
		TEST(signals_are_left_to_the_loop),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
