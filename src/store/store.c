/*
 * The store's transaction and its health. Whatever fails on the way to the
 * disk breaks the whole store at once: the transaction is dropped, and nothing
 * is accepted until store_retry, because a transaction that has lost a part
 * must not be committed with the positions after it.
 *
 * A full disk or a lock still lets us read what was committed, and the length
 * of a ban depends on reading; after an I/O error or corruption we do not even
 * try, as each try may take a dying disk seconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store_priv.h"

/* Room that a full disk must have again, so that one batch after the next
 * does not break the store anew. */
#define ROOM_MIN (4UL * 1024 * 1024)

static void store_fail(struct store *s);
static const char *advice(int code);
static bool still_full(const struct store *s, struct error *err);
static int reconnect(struct store *s, struct error *err);
static int retry_failed(
    struct store *s, const struct error *why, struct error *err);

struct store *
store_open(const char *dir, char *aside, size_t size, struct error *err)
{
	struct store *s;

	if (size > 0)
		aside[0] = '\0';
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		error_set(err, "the store: out of memory");
		return NULL;
	}
	hash_key_random(&s->hash_key);
	if (snprintf(s->dir, sizeof(s->dir), "%s", dir) >=
		(int)sizeof(s->dir) ||
	    snprintf(s->path, sizeof(s->path), "%s/" STORE_FILE, dir) >=
		(int)sizeof(s->path)) {
		error_set(
		    err, "the store's directory: too long a name: %s", dir);
		free(s);
		return NULL;
	}
	checkpoint_start(s);
	if (store_connect(s, err) == -1) {
		checkpoint_stop(s);
		free(s);
		return NULL;
	}
	if (size > 0)
		snprintf(aside, size, "%s", s->aside);
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_disconnect(s);
	checkpoint_stop(s);
	free(s);
}

int
store_commit(struct store *s, struct error *err)
{
	if (!s->broken && !sqlite3_get_autocommit(s->db))
		store_run(s, s->stmt[ST_COMMIT]);
	if (s->broken)
		return error_set(err, "%s", s->why.text);
	checkpoint_committed(s);
	return 0;
}

bool
store_broken(const struct store *s)
{
	return s->broken;
}

int
store_retry(struct store *s, struct error *err)
{
	struct error why = { "" };

	if (!s->broken)
		return 0;
	if (s->code == SQLITE_FULL && still_full(s, &why))
		return retry_failed(s, &why, err);
	if (s->blind && reconnect(s, &why) == -1)
		return retry_failed(s, &why, err);
	if (s->aside[0] != '\0')
		error_set(err, "%s", why.text);
	s->broken = false;
	if (store_number_put(
		s, "store retries", store_number(s, "store retries") + 1) == -1)
		return error_set(err, "%s", s->why.text);
	return store_commit(s, err);
}

const char *
store_aside(const struct store *s)
{
	return s->aside;
}

sqlite3_stmt *
store_change(struct store *s, enum store_stmt n)
{
	if (s->broken)
		return NULL;
	if (sqlite3_get_autocommit(s->db) &&
	    store_run(s, s->stmt[ST_BEGIN]) == -1)
		return NULL;
	return s->stmt[n];
}

int
store_run(struct store *s, sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE) {
		store_fail(s);
		sqlite3_reset(st);
		return -1;
	}
	sqlite3_reset(st);
	return 0;
}

int
store_run_id(struct store *s, enum store_stmt n, uint64_t id)
{
	sqlite3_stmt *st = store_change(s, n);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	return store_run(s, st);
}

sqlite3_stmt *
store_query(struct store *s, enum store_stmt n)
{
	return s->blind ? NULL : s->stmt[n];
}

int
store_row(struct store *s, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		store_fail(s);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* The step before this one has failed; the first reason is the one that
 * counts. */
static void
store_fail(struct store *s)
{
	int code = sqlite3_errcode(s->db);
	int system_errno = sqlite3_system_errno(s->db);

	if (s->broken && s->blind)
		return;
	if (!s->broken) {
		s->aside[0] = '\0';
		s->code = code & 0xff;
		error_set(&s->why, "%s: %s%s%s%s (SQLite code %d): %s", s->path,
		    sqlite3_errmsg(s->db), system_errno ? " (" : "",
		    system_errno ? strerror(system_errno) : "",
		    system_errno ? ")" : "", code, advice(code & 0xff));
	}
	s->broken = true;
	s->blind = s->code != SQLITE_FULL && s->code != SQLITE_BUSY &&
	    s->code != SQLITE_READONLY;
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	/* Some of them may have been rolled back. */
	store_names_forget(s);
	s->recent_from = s->next_failure;
}

static const char *
advice(int code)
{
	switch (code) {
	case SQLITE_FULL:
		return "free some room; until then mxward works from memory";
	case SQLITE_BUSY:
		return "another program holds a lock on it; until it lets go "
		       "mxward works from memory";
	case SQLITE_READONLY:
		return "make it writable for mxward's user; until then mxward "
		       "works from memory";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "it is damaged and will be put aside for a new one";
	default:
		return "check the disk; until then mxward works from memory";
	}
}

static bool
still_full(const struct store *s, struct error *err)
{
	struct statvfs fs;

	if (statvfs(s->dir, &fs) == -1 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_MIN)
		return false;
	error_set(err, "%s: the disk is still full: free at least %lu MB",
	    s->path, ROOM_MIN >> 20);
	return true;
}

/* Damage that was met may be where opening does not look. */
static int
reconnect(struct store *s, struct error *err)
{
	store_disconnect(s);
	if (s->code == SQLITE_CORRUPT || s->code == SQLITE_NOTADB) {
		if (store_put_aside(s, err) == -1)
			return -1;
		error_set(err, "%s", s->why.text);
		/* Only once, should the next step fail. */
		s->code = SQLITE_IOERR;
	}
	return store_connect(s, err);
}

static int
retry_failed(struct store *s, const struct error *why, struct error *err)
{
	s->why = *why;
	return error_set(err, "%s", why->text);
}
