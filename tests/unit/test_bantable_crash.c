/*
 * Readers against a writer that never rests, and both against a writer that is
 * killed: at random, and after every single instruction of a change.
 */
#include "bantable_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A writer that never rests, and what its readers may always rely on: hosts
 * below STANDING are banned all the time (their ends vary), hosts from
 * STRANGERS on never are, and those between come and go. The id of a ban
 * follows from its end and jail. A reader that gives up on a writer stopped in
 * the middle of replacing a ban may see the end of one and the id of the
 * other, but nothing of any third.
 */
#define STANDING  64
#define STRANGERS 2000
#define CHURN     4000

static void
churn_once(struct bantable *t, uint64_t *s)
{
	uint32_t i = (uint32_t)(rnd(s) % STRANGERS);
	uint16_t jail = (uint16_t)(rnd(s) % 3);
	struct ban b = ban(host(i), jail, 1000 + (int64_t)(rnd(s) % 5000), 0);

	if (i >= STANDING && rnd(s) % 2 == 0)
		bantable_del(t, &b.key, jail);
	else
		bantable_put(t, &b);
}

static void
churn_fill(struct bantable *t)
{
	struct ban b;
	uint32_t i;

	for (i = 0; i < STANDING; i++) {
		b = ban(host(i), (uint16_t)(i % 3), 1000, 0);
		bantable_put(t, &b);
	}
}

/* NULL, or what is wrong. */
static const char *
churn_look(const struct bantable *t, uint64_t *s)
{
	struct prefix standing = host((uint32_t)(rnd(s) % STANDING));
	struct prefix any = host((uint32_t)(rnd(s) % STRANGERS));
	struct prefix stranger =
	    host(STRANGERS + (uint32_t)(rnd(s) % STRANGERS));
	struct ban b;

	if (!bantable_refuses(t, &standing.addr, 999, &b))
		return "a standing ban was not seen";
	if (!prefix_eq(&b.key, &standing))
		return "another host's ban was reported";
	if ((b.id - b.jail) % 7 != 0 || b.end < 1000)
		return "a ban made of several was reported";
	if (bantable_refuses(t, &any.addr, 999, &b) &&
	    (!prefix_eq(&b.key, &any) || b.end < 1000))
		return "a ban of nobody was reported";
	if (bantable_refuses(t, &stranger.addr, 999, NULL))
		return "a stranger was refused";
	return NULL;
}

struct reader {
	pthread_t thread;
	const struct bantable *t;
	atomic_bool *stop;
	uint64_t seed;
	uint64_t looks;
	const char *wrong;
};

static void *
reader_main(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(r->stop) && r->wrong == NULL) {
		r->wrong = churn_look(r->t, &r->seed);
		r->looks++;
	}
	return NULL;
}

static void
readers_start(
    struct reader *r, size_t n, const struct bantable *t, atomic_bool *stop)
{
	size_t i;

	for (i = 0; i < n; i++) {
		r[i] = (struct reader){ .t = t, .stop = stop, .seed = i + 77 };
		assert_int_equal(
		    pthread_create(&r[i].thread, NULL, reader_main, &r[i]), 0);
	}
}

static void
readers_join(struct reader *r, size_t n, atomic_bool *stop)
{
	size_t i;

	atomic_store(stop, true);
	for (i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	for (i = 0; i < n; i++) {
		assert_string_equal(r[i].wrong ? r[i].wrong : "", "");
		assert_true(r[i].looks > 0);
	}
}

static void
readers_see_whole_bans_while_the_writer_churns(void **state)
{
	struct bantable *t = bantable_map(CHURN * 2);
	atomic_bool stop = false;
	struct reader r[3];
	uint64_t s = 4711;
	int i;

	(void)state;
	churn_fill(t);
	readers_start(r, 3, t, &stop);
	for (i = 0; i < 400000; i++)
		churn_once(t, &s);
	readers_join(r, 3, &stop);
	bantable_unmap(t);
}

static bool
gettable(void *arg, const struct ban *b)
{
	struct ban out;

	if (!bantable_get(arg, &b->key, b->jail, &out) || out.end != b->end)
		abort();
	return true;
}

static void
writer_main(struct bantable *t, uint64_t seed)
{
	bantable_repair(t);
	bantable_each(t, gettable, t);
	for (;;)
		churn_once(t, &seed);
}

/* Until the writer is well under way, on however slow a machine. */
static void
wait_for_changes(const struct bantable *t)
{
	uint64_t seq = atomic_load(&t->shared->seq);
	int i;

	for (i = 0; i < 50000; i++) {
		if (atomic_load(&t->shared->seq) > seq + 1000)
			return;
		usleep(100);
	}
}

static void
readers_outlive_two_hundred_killed_writers(void **state)
{
	struct bantable *t = bantable_map(CHURN * 2);
	atomic_bool stop = false;
	struct reader r[2];
	uint64_t s = 815;
	int i, status, odd = 0;
	pid_t pid;

	(void)state;
	churn_fill(t);
	readers_start(r, 2, t, &stop);
	for (i = 0; i < 200; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			writer_main(t, rnd(&s) | 1);
		/* Half of them in the middle of changes, half at any time:
		 * perhaps they have not even repaired what they found. */
		if (i % 4 < 2)
			wait_for_changes(t);
		usleep((useconds_t)(rnd(&s) % 2000));
		if (i % 2 == 0) {
			kill(pid, SIGSTOP);
			usleep(200);
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		odd += (int)(atomic_load(&t->shared->seq) & 1);
		rnd(&s);
	}
	readers_join(r, 2, &stop);
	assert_true(odd > 0);
	bantable_repair(t);
	bantable_each(t, gettable, t);
	for (i = 0; i < 20000; i++)
		churn_once(t, &s);
	for (i = 0; i < 20000; i++)
		assert_null(churn_look(t, &s));
	bantable_unmap(t);
}

/*
 * The same without chance: a change is made by a child one instruction at a
 * time. After each, the parent reads the table as a door would, and then plays
 * the new writer that finds it so.
 */
#define STEP_KEYS 14

enum step_op { STEP_PUT, STEP_REPLACE, STEP_DEL, STEP_OVER };

struct stepped {
	struct bantable *t;
	void *copy;
	struct prefix target;
	enum step_op op;
	int64_t before, after; /* the target's end, 0 if it has no ban */
};

static void
step_do(struct stepped *x)
{
	struct ban b = ban(x->target, 2, x->after, 0);

	switch (x->op) {
	case STEP_PUT:
	case STEP_REPLACE:
		bantable_put(x->t, &b);
		break;
	case STEP_DEL:
		bantable_del(x->t, &b.key, 2);
		break;
	case STEP_OVER:
		bantable_set_flags(x->t, &b.key, 2, BAN_OVER);
	}
}

static int64_t
step_target_end(struct stepped *x)
{
	struct ban b;

	if (!bantable_refuses(x->t, &x->target.addr, 10, &b) || b.jail != 2)
		return 0;
	return b.end;
}

static void
step_check(struct stepped *x)
{
	struct prefix p;
	uint32_t i;
	int64_t end;

	for (i = 0; i < STEP_KEYS; i++) {
		p = host(i);
		assert_true(bantable_refuses(x->t, &p.addr, 10, NULL));
		p = host(1000 + i);
		assert_false(bantable_refuses(x->t, &p.addr, 10, NULL));
	}
	end = step_target_end(x);
	assert_true(end == x->before || end == x->after);
}

static bool
count_up(void *arg, const struct ban *b)
{
	(void)b;
	++*(size_t *)arg;
	return true;
}

static bool delete (void *arg, const struct ban *b)
{
	assert_int_equal(bantable_del(arg, &b->key, b->jail), 0);
	return true;
}

static void
step_repair(struct stepped *x)
{
	size_t n, slot, seen = 0;
	struct ban b;

	memcpy(x->copy, x->t->map, x->t->map_size);
	bantable_repair(x->t);
	step_check(x);
	bantable_each(x->t, count_up, &seen);
	n = STEP_KEYS + 6 + bantable_get(x->t, &x->target, 2, &b);
	assert_int_equal(seen, n);
	assert_int_equal(bantable_count(x->t), n);
	step_do(x);
	assert_int_equal(step_target_end(x), x->after);
	bantable_each(x->t, delete, x->t);
	for (slot = 0; slot < x->t->nslots; slot++)
		assert_int_equal(x->t->index[slot], 0);
	memcpy(x->t->map, x->copy, x->t->map_size);
}

/* Returns the number of steps, 0 if we may not trace. */
static unsigned
step_through(struct stepped *x)
{
	unsigned steps = 0;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(2);
		raise(SIGSTOP);
		step_do(x);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status)) {
		uint64_t seq = atomic_load(&x->t->shared->seq);

		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		/* Outside the change nothing can be half done. */
		if ((seq & 1) == 0)
			continue;
		step_check(x);
		step_repair(x);
		steps++;
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 2 ? 0 : steps;
}

static void
table_is_whole_after_every_instruction_of_a_change(void **state)
{
	static const struct {
		enum step_op op;
		int64_t before, after;
	} ops[] = {
		{ STEP_PUT, 0, 500 },
		{ STEP_REPLACE, 500, 700 },
		{ STEP_REPLACE, 500, 300 },
		{ STEP_DEL, 500, 0 },
		{ STEP_OVER, 500, 0 },
	};
	struct stepped x;
	struct ban b;
	size_t i;
	uint32_t k;

	(void)state;
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		x.t = bantable_map(24);
		x.copy = malloc(x.t->map_size);
		x.op = ops[i].op;
		x.before = ops[i].before;
		x.after = ops[i].after;
		x.target = prefix("2001:db8::/64");
		if (x.before != 0) {
			b = ban(x.target, 2, x.before, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		/* A long chain behind it: its prefix, in other jails. */
		for (k = 10; k < 16; k++) {
			b = ban(x.target, (uint16_t)k, 5, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		for (k = 0; k < STEP_KEYS; k++) {
			b = ban(host(k), 2, 100 + k, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		if (step_through(&x) == 0)
			skip();
		free(x.copy);
		bantable_unmap(x.t);
	}
}

/*
 * The other way round: a reader is stopped after some instructions, and behind
 * its back a ban moves to slots that it has passed, and gets another end. It
 * must find it, as it was or as it is.
 */
#define CROWD  7
#define POINTS 100

static struct bantable *
crowded_table(struct prefix *target)
{
	struct bantable *t = bantable_map(24);
	struct ban b;
	uint16_t i;

	*target = host(1);
	for (i = 0; i < CROWD; i++) {
		/* Only the last of them refuses. */
		b = ban(*target, i, i == CROWD - 1 ? 500 : 5, 0);
		assert_int_equal(bantable_put(t, &b), 0);
	}
	return t;
}

/* Stops the reader after so many instructions (or at its end) and changes the
 * table. Returns how many there were; 0 if we may not trace. */
static unsigned
read_interrupted(unsigned stop_after)
{
	struct ban b;
	struct prefix target;
	struct bantable *t = crowded_table(&target);
	unsigned steps = 0;
	uint16_t i;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(2);
		raise(SIGSTOP);
		if (!bantable_refuses(t, &target.addr, 10, &b))
			_exit(1);
		_exit(b.id == (uint64_t)b.end * 7 + b.jail ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status) && steps < stop_after; steps++) {
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	for (i = 0; i < CROWD - 2; i++)
		assert_int_equal(bantable_del(t, &target, i), 0);
	b = ban(target, CROWD - 1, 700, 0);
	assert_int_equal(bantable_put(t, &b), 0);
	if (WIFSTOPPED(status)) {
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	bantable_unmap(t);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		return 0;
	assert_int_equal(WEXITSTATUS(status), 0);
	return steps;
}

static void
reader_finds_a_ban_that_moves_behind_its_back(void **state)
{
	unsigned all = read_interrupted(UINT32_MAX), i;

	(void)state;
	if (all == 0)
		skip();
	for (i = 0; i < POINTS; i++)
		read_interrupted(all / POINTS * i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    readers_see_whole_bans_while_the_writer_churns),
		cmocka_unit_test(readers_outlive_two_hundred_killed_writers),
		cmocka_unit_test(
		    table_is_whole_after_every_instruction_of_a_change),
		cmocka_unit_test(reader_finds_a_ban_that_moves_behind_its_back),
	};

	return cmocka_run_group_tests_name("bantable_crash", tests, NULL, NULL);
}
