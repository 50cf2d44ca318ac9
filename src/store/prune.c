/*
 * Pruning, in small bites: each call is part of the present transaction and of
 * the loop's time. Pages that pruning empties are used again; when an attack
 * has left many, they are given back to the file system, a few a call.
 */
#include <string.h>

#include "store_priv.h"

/* Give pages back only if there are this many, and a quarter of the file. */
#define FREE_PAGES_MIN 1024

static long prune_failures(struct store *s, int64_t before, int64_t budget);
static long prune_bans(struct store *s, int64_t before, int64_t budget);
static long next_ban(struct store *s, int64_t before);
static long prune_ban(struct store *s, int64_t id, int64_t budget);
static long delete (
    struct store *s, enum store_stmt n, int64_t arg, int64_t limit);
static int shrink(struct store *s);

long
store_prune(struct store *s, int64_t failures, int64_t bans, size_t budget)
{
	int64_t left = budget < INT32_MAX ? (int64_t)budget : INT32_MAX;
	long first, second;

	if (s->broken)
		return -1;
	if ((first = prune_failures(s, failures, left)) == -1 ||
	    (second = prune_bans(s, bans, left - first)) == -1)
		return -1;
	/* With nothing left to drop there is time for it. */
	if (first + second < left && shrink(s) == -1)
		return -1;
	return first + second;
}

/* A failure that still counts is one row of each of two tables, counted as
 * one. */
static long
prune_failures(struct store *s, int64_t before, int64_t budget)
{
	if (budget == 0 || delete (s, ST_PRUNE_FAILURES, before, budget) == -1)
		return budget == 0 ? 0 : -1;
	return delete (s, ST_PRUNE_COUNTING, before, budget);
}

static long
prune_bans(struct store *s, int64_t before, int64_t budget)
{
	long done = 0, n, id;

	while (done < budget && (id = next_ban(s, before)) != 0) {
		if (id == -1)
			return -1;
		if (done == 0 &&
		    store_number_put(s, "store last ban", s->next_ban - 1) ==
			-1)
			return -1;
		if ((n = prune_ban(s, id, budget - done)) == -1)
			return -1;
		done += n;
	}
	return done;
}

/* 0 if there is none, -1 on an error. */
static long
next_ban(struct store *s, int64_t before)
{
	sqlite3_stmt *st = store_query(s, ST_PRUNE_NEXT_BAN);
	long id;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, before);
	if ((rc = store_row(s, st)) != 1)
		return rc;
	id = (long)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return id;
}

/* Its evidence, as far as the budget goes, and then the ban itself. */
static long
prune_ban(struct store *s, int64_t id, int64_t budget)
{
	long n;

	if (delete (s, ST_PRUNE_BAN_FAILURES, id, budget) == -1 ||
	    (n = delete (s, ST_PRUNE_EVIDENCE, id, budget)) == -1)
		return -1;
	if (n == budget)
		return n;
	return store_run_id(s, ST_PRUNE_BAN, (uint64_t)id) == -1 ? -1 : n + 1;
}

/* Rows deleted, or -1. */
static long delete (
    struct store *s, enum store_stmt n, int64_t arg, int64_t limit)
{
	sqlite3_stmt *st = store_change(s, n);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, arg);
	sqlite3_bind_int64(st, 2, limit);
	return store_run(s, st) == 0 ? (long)sqlite3_changes(s->db) : -1;
}

static int
shrink(struct store *s)
{
	int64_t unused = 0, pages = 0;
	sqlite3_stmt *st;
	int rc;

	if (store_ask(s->db, "PRAGMA freelist_count", &unused) != SQLITE_OK ||
	    store_ask(s->db, "PRAGMA page_count", &pages) != SQLITE_OK)
		return 0;
	if (unused < FREE_PAGES_MIN || unused < pages / 4)
		return 0;
	if ((st = store_change(s, ST_SHRINK)) == NULL)
		return -1;
	while ((rc = store_row(s, st)) == 1)
		continue;
	return rc;
}
