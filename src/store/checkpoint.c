/*
 * Checkpoints: copying the log back into the database, which waits for the disk
 * twice. On a busy disk that is long, so it is done by a thread and not inside
 * a commit; the thread has a connection of its own, and neither uses the
 * other's.
 *
 * The thread begins when the log is worth it and is content when everything is
 * copied: the next transaction then writes at the log's beginning again. While
 * commits come faster than the disk is, or another program reads, something
 * always remains. So there is a length at which the committing side waits for
 * the thread and copies the rest itself, which bounds the log; and the same
 * happens early where there can be no thread.
 *
 * Nothing here breaks the store. What could not be copied is still in the log.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "store_priv.h"

/* Frames, each a page: the log's length at which the thread begins, and at
 * which a commit waits. */
#define FRAMES_BEGIN 2000
#define FRAMES_MAX   20000

/* The thread leaves the disk to others for as long as it has used it, so that a
 * slow one is not kept busy, but not longer than this; after an error for this
 * long. Milliseconds. */
#define REST_MAX_MS 1000

/* SQLite's deepest is far below; the default would be eight megabytes. */
#define STACK_SIZE (256UL * 1024)

static const char *const settings = "PRAGMA synchronous = NORMAL;"
				    "PRAGMA wal_autocheckpoint = 0;"
				    "PRAGMA cache_size = -64;"
				    "PRAGMA trusted_schema = OFF;";

static bool init(struct checkpointer *c);
static bool start(struct store *s);
static int on_commit(void *arg, sqlite3 *db, const char *name, int frames);
static void *run(void *arg);
static int copy(struct store *s);
static void rest(struct checkpointer *c, int64_t ms);
static int64_t clock_ms(void);
static int connect_thread(struct store *s);
static void disconnect_thread(struct checkpointer *c);

void
checkpoint_start(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;

	c->begin = FRAMES_BEGIN;
	c->max = FRAMES_MAX;
	/* Built without threads, SQLite must not meet any. */
	if (sqlite3_threadsafe() == 0 || !init(c))
		return;
	c->threaded = start(s);
	if (!c->threaded) {
		pthread_cond_destroy(&c->idle);
		pthread_cond_destroy(&c->wake);
		pthread_mutex_destroy(&c->lock);
	}
}

void
checkpoint_stop(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;

	if (!c->threaded)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->idle);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	c->threaded = false;
}

void
checkpoint_attach(struct store *s, bool alone)
{
	struct checkpointer *c = &s->checkpointer;

	c->frames = 0;
	c->next = 0;
	c->beside = c->threaded && !alone;
	sqlite3_wal_hook(s->db, on_commit, c);
	if (!c->threaded)
		return;
	pthread_mutex_lock(&c->lock);
	c->attached = c->beside;
	pthread_mutex_unlock(&c->lock);
}

void
checkpoint_detach(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;

	c->beside = false;
	if (!c->threaded)
		return;
	pthread_mutex_lock(&c->lock);
	c->attached = c->wanted = false;
	pthread_cond_signal(&c->wake);
	while (c->busy || c->db != NULL)
		pthread_cond_wait(&c->idle, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

void
checkpoint_committed(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;
	int most = c->beside ? c->max : c->begin;

	if (c->frames < c->begin) {
		c->next = 0;
		return;
	}
	if (c->threaded)
		pthread_mutex_lock(&c->lock);
	if (c->frames >= most && c->frames >= c->next) {
		while (c->threaded && c->busy)
			pthread_cond_wait(&c->idle, &c->lock);
		sqlite3_wal_checkpoint_v2(
		    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		/* Not at once again, if a reader keeps it from being all. */
		c->next = c->frames + c->begin;
	} else if (c->beside && !c->wanted) {
		c->wanted = true;
		pthread_cond_signal(&c->wake);
	}
	if (c->threaded)
		pthread_mutex_unlock(&c->lock);
}

static bool
init(struct checkpointer *c)
{
	pthread_condattr_t attr;
	bool ok;

	if (pthread_mutex_init(&c->lock, NULL) != 0)
		return false;
	if (pthread_cond_init(&c->idle, NULL) != 0)
		goto no_idle;
	if (pthread_condattr_init(&attr) != 0)
		goto no_wake;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	ok = pthread_cond_init(&c->wake, &attr) == 0;
	pthread_condattr_destroy(&attr);
	if (ok)
		return true;
no_wake:
	pthread_cond_destroy(&c->idle);
no_idle:
	pthread_mutex_destroy(&c->lock);
	return false;
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static bool
start(struct store *s)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->checkpointer.thread, &attr, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

/* Called by SQLite inside the commit. */
static int
on_commit(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct checkpointer *c = arg;

	(void)db;
	(void)name;
	c->frames = frames;
	return SQLITE_OK;
}

static void *
run(void *arg)
{
	struct store *s = arg;
	struct checkpointer *c = &s->checkpointer;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		int64_t began;
		int rc;

		if (!c->attached)
			disconnect_thread(c);
		if (!c->attached || !c->wanted) {
			pthread_cond_wait(&c->wake, &c->lock);
			continue;
		}
		/* What is committed from now on may want another. */
		c->wanted = false;
		c->busy = true;
		pthread_mutex_unlock(&c->lock);
		began = clock_ms();
		rc = copy(s);
		pthread_mutex_lock(&c->lock);
		c->busy = false;
		pthread_cond_broadcast(&c->idle);
		c->wanted |= rc != SQLITE_OK;
		rest(c, rc == SQLITE_OK ? clock_ms() - began + 1 : REST_MAX_MS);
	}
	disconnect_thread(c);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int
copy(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;
	int rc = c->db != NULL ? SQLITE_OK : connect_thread(s);

	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(
		    c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return rc;
}

/* Unless there is an end to it. */
static void
rest(struct checkpointer *c, int64_t ms)
{
	int64_t until = clock_ms() + (ms < REST_MAX_MS ? ms : REST_MAX_MS);
	struct timespec ts = { until / 1000, until % 1000 * 1000000 };

	while (!c->stop && c->attached &&
	    pthread_cond_timedwait(&c->wake, &c->lock, &ts) != ETIMEDOUT)
		continue;
}

static int64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
connect_thread(struct store *s)
{
	struct checkpointer *c = &s->checkpointer;
	int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int64_t version;
	int rc;

	if ((rc = sqlite3_open_v2(s->path, &c->db, flags, NULL)) == SQLITE_OK)
		rc = sqlite3_exec(c->db, settings, NULL, NULL, NULL);
	/* The log is only opened by the first question. */
	if (rc == SQLITE_OK)
		rc = store_ask(c->db, "PRAGMA user_version", &version);
	if (rc != SQLITE_OK) {
		sqlite3_close(c->db);
		c->db = NULL;
	}
	return rc;
}

static void
disconnect_thread(struct checkpointer *c)
{
	if (c->db == NULL)
		return;
	sqlite3_close(c->db);
	c->db = NULL;
	pthread_cond_broadcast(&c->idle);
}
