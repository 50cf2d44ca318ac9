/*
 * The tables, and the steps that make each version of them from the one before.
 * A released step is never changed: a new version is a new step.
 *
 * Failures are what there is most of, so they are laid out for appending: a row
 * of `failures` is written once and never changed; whether it still counts is
 * its row in `counting`, which is small, in order of time, and all that a
 * restart reads; whether it led to a ban, its row in `evidence`. A key index on
 * failures would let an attacker with many addresses make every failure dirty a
 * page of its own.
 */
#include <stdio.h>

#include "store_priv.h"

static int create(sqlite3 *db);

store_step *const store_steps[STORE_SCHEMA] = { create };

int
store_migrate(sqlite3 *db, store_step *const *steps, int to)
{
	char set[64];
	int64_t from = 0;
	int rc;

	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = store_ask(db, "PRAGMA user_version", &from);
	for (int64_t v = from; rc == SQLITE_OK && v < to; v++)
		rc = steps[v](db);
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", to);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, set, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Version 1. The number in the first line is STORE_APPLICATION_ID. */
static int
create(sqlite3 *db)
{
	return sqlite3_exec(db,
	    "PRAGMA application_id = 1836611428;"
	    "CREATE TABLE names (id INTEGER PRIMARY KEY,"
	    " name TEXT NOT NULL UNIQUE);"
	    "CREATE TABLE positions (id INTEGER PRIMARY KEY,"
	    " source TEXT NOT NULL, path TEXT NOT NULL,"
	    " dev INTEGER NOT NULL, inode INTEGER NOT NULL,"
	    " head INTEGER NOT NULL, offset INTEGER NOT NULL,"
	    " cursor TEXT NOT NULL, UNIQUE (source, path, dev, inode));"
	    "CREATE TABLE failures (id INTEGER PRIMARY KEY,"
	    " time INTEGER NOT NULL, jail INTEGER NOT NULL,"
	    " filter INTEGER NOT NULL, rule INTEGER NOT NULL,"
	    " origin INTEGER NOT NULL, count INTEGER NOT NULL,"
	    " key BLOB NOT NULL, host BLOB, user BLOB, text BLOB);"
	    "CREATE TABLE counting (time INTEGER NOT NULL,"
	    " id INTEGER NOT NULL, jail INTEGER NOT NULL,"
	    " key BLOB NOT NULL, count INTEGER NOT NULL,"
	    " PRIMARY KEY (time, id)) WITHOUT ROWID;"
	    "CREATE TABLE evidence (ban INTEGER NOT NULL,"
	    " failure INTEGER NOT NULL,"
	    " PRIMARY KEY (ban, failure)) WITHOUT ROWID;"
	    /* over: 0 while it stands. One index for what stands, in order of
	     * id, and for what can be pruned, in order of over. */
	    "CREATE TABLE bans (id INTEGER PRIMARY KEY,"
	    " jail INTEGER NOT NULL, key BLOB NOT NULL,"
	    " origin INTEGER NOT NULL, flags INTEGER NOT NULL,"
	    " nth INTEGER NOT NULL, start INTEGER NOT NULL,"
	    " \"end\" INTEGER NOT NULL, reason BLOB,"
	    " over INTEGER NOT NULL, over_why BLOB);"
	    "CREATE INDEX bans_key ON bans (key, jail, start);"
	    "CREATE INDEX bans_over ON bans (over);"
	    "CREATE TABLE numbers (name TEXT PRIMARY KEY,"
	    " value INTEGER NOT NULL) WITHOUT ROWID;",
	    NULL, NULL, NULL);
}
