/* What the files of the store share. */
#ifndef STORE_PRIV_H
#define STORE_PRIV_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "mxward/addr.h"
#include "mxward/error.h"
#include "mxward/hash.h"
#include "mxward/span.h"
#include "mxward/store.h"

/* "mxwd": tells our databases from everybody else's (file(1) sees it too). */
#define STORE_APPLICATION_ID 0x6d787764
#define STORE_SCHEMA         1

#define STORE_FILE "mxward.db"

/* Longest texts kept of a failure or a ban: strangers write them. */
#define STORE_TEXT_MAX 1024
#define STORE_USER_MAX 256

/* A key in the database: address, then length. Compared as bytes, everything
 * within a network is one range. */
#define STORE_KEY_LEN 17

/* Names remembered in memory; the rest is looked up. Powers of two. */
#define STORE_NAME_SLOTS 1024
#define STORE_NAMES_MAX  768

/* Failures whose time is remembered; see failures.c. A power of two. */
#define STORE_RECENT 65536

enum store_stmt {
	ST_BEGIN,
	ST_COMMIT,
	ST_NAME_FIND,
	ST_NAME_ADD,
	ST_POSITION_PUT,
	ST_POSITION_DEL,
	ST_POSITIONS,
	ST_FAILURE_ADD,
	ST_COUNTING_ADD,
	ST_COUNTING_DEL,
	ST_COUNTING_DEL_AT,
	ST_COUNTING_EACH,
	ST_FAILURE_DEL,
	ST_EVIDENCE_ADD,
	ST_EVIDENCE_PUT,
	ST_BAN_ADD,
	ST_BAN_OVER,
	ST_BAN_REASON,
	ST_BAN_COUNT,
	ST_BANS_EACH,
	ST_BANS_ENDED,
	ST_HISTORY_ALL,
	ST_HISTORY_KEY,
	ST_HISTORY_COVERING,
	ST_EVIDENCE_BAN,
	ST_EVIDENCE_KEY,
	ST_NUMBER_PUT,
	ST_NUMBER,
	ST_PRUNE_FAILURES,
	ST_PRUNE_COUNTING,
	ST_PRUNE_NEXT_BAN,
	ST_PRUNE_BAN_FAILURES,
	ST_PRUNE_EVIDENCE,
	ST_PRUNE_BAN,
	ST_SHRINK,
	ST_MAX
};

extern const char *const store_sql[ST_MAX];

struct store_name {
	char *text;
	int64_t id;
};

/*
 * checkpoint.c. What the thread and its owner share is below the lock; db is
 * the thread's alone while it is busy.
 */
struct checkpointer {
	int frames; /* in the log after the last commit */
	int begin;  /* so many are worth a checkpoint */
	int max;    /* so many make a commit wait for one */
	int next;   /* no such wait before this many */
	bool threaded;
	bool beside; /* the thread may be used with this connection */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* for the thread: the next three */
	bool attached;
	bool wanted;
	bool stop;
	pthread_cond_t idle; /* for its owner: the next two */
	bool busy;
	sqlite3 *db;
};

struct store {
	sqlite3 *db; /* NULL only between two tries of store_retry */
	sqlite3_stmt *stmt[ST_MAX];
	char dir[PATH_MAX];
	char path[PATH_MAX];
	char aside[PATH_MAX]; /* where the last bad database went, or "" */
	bool broken;          /* no changes until store_retry */
	bool blind;           /* no questions either: not only full */
	int code;             /* SQLite's, of what broke it */
	struct error why;
	/* Numbers are given out here and never twice in the life of a process,
	 * since the windows and the ban table keep those of rows that a failed
	 * transaction took away. */
	uint64_t next_failure;
	uint64_t next_ban;
	struct checkpointer checkpointer;
	struct hash_key hash_key;
	struct store_name names[STORE_NAME_SLOTS];
	size_t nnames;
	/* Times of the failures from recent_from on, which are all in. */
	uint64_t recent_from;
	int64_t recent[STORE_RECENT];
};

/* A step of the schema: makes version n + 1 of version n, inside a
 * transaction. Returns an SQLite code. */
typedef int store_step(sqlite3 *db);

/*
 * Bring db from the version it has up to `to`, with steps[from], …, all in one
 * transaction. Returns an SQLite code; on an error nothing has changed.
 */
int store_migrate(sqlite3 *db, store_step *const *steps, int to);
extern store_step *const store_steps[STORE_SCHEMA];

/* connect.c: open the database, putting a bad one aside. 0, or -1 and the
 * reason. If one was put aside, err says why even so, and s->aside is set. */
int store_connect(struct store *s, struct error *err);
void store_disconnect(struct store *s);
bool store_code_is_bad(int code);
/* One number from the first row of a query. Returns an SQLite code. */
int store_ask(sqlite3 *db, const char *sql, int64_t *out);

/*
 * checkpoint.c: the thread, for the life of the store; attached to the database
 * while that is open (alone: nobody else can open it), and told of each commit.
 * After a detach nothing of the thread's is open.
 */
void checkpoint_start(struct store *s);
void checkpoint_stop(struct store *s);
void checkpoint_attach(struct store *s, bool alone);
void checkpoint_detach(struct store *s);
void checkpoint_committed(struct store *s);

/* aside.c: rename the database, its log and its index out of the way. */
int store_put_aside(struct store *s, struct error *err);

/*
 * A statement for a change, with the transaction begun; NULL if the store is
 * broken. store_run runs and resets it: 0, or -1 and the store is broken.
 */
sqlite3_stmt *store_change(struct store *s, enum store_stmt n);
int store_run(struct store *s, sqlite3_stmt *st);
/* Both at once, for a statement whose only value is an id. */
int store_run_id(struct store *s, enum store_stmt n, uint64_t id);

/*
 * A statement for a question; NULL if the database cannot be read. store_row
 * returns 1 with a row; 0 at the end and -1 on an error, both of which reset it.
 */
sqlite3_stmt *store_query(struct store *s, enum store_stmt n);
int store_row(struct store *s, sqlite3_stmt *st);

/* names.c: the number of a name; 0 if there is none (create: if it could not
 * be made). */
int64_t store_name(struct store *s, const char *name, bool create);
void store_names_forget(struct store *s);

/* text.c: binding and reading what strangers write. */
int store_bind_span(sqlite3_stmt *st, int i, struct span text, size_t max);
/* Column i made harmless: valid UTF-8 without control characters, into buf.
 * Returns buf. */
const char *store_text(sqlite3_stmt *st, int i, char *buf, size_t size);
void store_key(const struct prefix *p, uint8_t key[STORE_KEY_LEN]);
int store_bind_key(sqlite3_stmt *st, int i, const struct prefix *p,
    uint8_t key[STORE_KEY_LEN]);
struct prefix store_column_key(sqlite3_stmt *st, int i);

/* bans.c: the ban in a row of ST_BANS_EACH or ST_HISTORY_…; its jail's name is
 * column 1, its reason 8, over 9, over_why 10. */
void store_column_ban(sqlite3_stmt *st, struct ban *b);

#endif
