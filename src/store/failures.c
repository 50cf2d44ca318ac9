/*
 * Failures: those that still count, and those that were used up.
 *
 * A ban uses up failures that were stored a while ago, so their pages have left
 * SQLite's cache. For the latest ones we know what their rows would be read
 * for: that they are there, and their time, by which `counting` is ordered.
 */
#include <string.h>

#include "store_priv.h"

static struct span column_span(sqlite3_stmt *st, int i);
static int add_failure(struct store *s, uint64_t id, const int64_t names[3],
    const struct failure *f);
static int add_counting(
    struct store *s, uint64_t id, int64_t jail, const struct failure *f);
static int use(struct store *s, uint64_t id, uint64_t ban);
static bool is_recent(const struct store *s, uint64_t id);
static int add_evidence(
    struct store *s, enum store_stmt how, uint64_t id, uint64_t ban);

uint64_t
store_failure(struct store *s, const char *jail, const struct failure *f)
{
	uint64_t id = s->next_failure;
	int64_t names[3] = { 0 };

	if ((names[0] = store_name(s, jail, true)) == 0 ||
	    (names[1] = store_name(s, f->filter, true)) == 0 ||
	    (names[2] = store_name(s, f->rule, true)) == 0)
		return 0;
	if (add_failure(s, id, names, f) == -1 ||
	    add_counting(s, id, names[0], f) == -1)
		return 0;
	s->recent[id % STORE_RECENT] = f->when;
	s->next_failure++;
	return id;
}

/* Forgotten failures go at once: nobody asks for them again. */
int
store_failures_used(
    struct store *s, const uint64_t *ids, size_t n, uint64_t ban)
{
	for (size_t i = 0; i < n; i++)
		if (use(s, ids[i], ban) == -1)
			return -1;
	return s->broken ? -1 : 0;
}

int
store_failures_each(struct store *s,
    void (*cb)(void *arg, uint64_t id, const char *jail,
	const struct prefix *key, int64_t when, unsigned count,
	struct span user),
    void *arg)
{
	sqlite3_stmt *st = store_query(s, ST_COUNTING_EACH);
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = store_row(s, st)) == 1) {
		struct prefix key = store_column_key(st, 2);

		cb(arg, (uint64_t)sqlite3_column_int64(st, 0),
		    (const char *)sqlite3_column_text(st, 1), &key,
		    sqlite3_column_int64(st, 3),
		    (unsigned)sqlite3_column_int64(st, 4), column_span(st, 5));
	}
	return rc;
}

/* The bytes as they came; SQLite asks that they be read before counted. */
static struct span
column_span(sqlite3_stmt *st, int i)
{
	const char *p = sqlite3_column_blob(st, i);

	return span_make(
	    p, p != NULL ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

static int
add_failure(struct store *s, uint64_t id, const int64_t names[3],
    const struct failure *f)
{
	sqlite3_stmt *st = store_change(s, ST_FAILURE_ADD);
	uint8_t key[STORE_KEY_LEN];

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	sqlite3_bind_int64(st, 2, f->when);
	sqlite3_bind_int64(st, 3, names[0]);
	sqlite3_bind_int64(st, 4, names[1]);
	sqlite3_bind_int64(st, 5, names[2]);
	sqlite3_bind_int(st, 6, f->origin);
	sqlite3_bind_int64(st, 7, f->count);
	store_bind_key(st, 8, &f->key, key);
	/* Mostly the key is the host, and need not be kept twice. */
	if (f->key.len == 128 &&
	    memcmp(f->host.b, f->key.addr.b, sizeof(f->host.b)) == 0)
		sqlite3_bind_null(st, 9);
	else
		sqlite3_bind_blob(
		    st, 9, f->host.b, sizeof(f->host.b), SQLITE_STATIC);
	store_bind_span(st, 10, f->user, STORE_USER_MAX);
	store_bind_span(st, 11, f->evidence, STORE_TEXT_MAX);
	return store_run(s, st);
}

static int
add_counting(
    struct store *s, uint64_t id, int64_t jail, const struct failure *f)
{
	sqlite3_stmt *st = store_change(s, ST_COUNTING_ADD);
	uint8_t key[STORE_KEY_LEN];

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, f->when);
	sqlite3_bind_int64(st, 2, (int64_t)id);
	sqlite3_bind_int64(st, 3, jail);
	store_bind_key(st, 4, &f->key, key);
	sqlite3_bind_int64(st, 5, f->count);
	return store_run(s, st);
}

static int
use(struct store *s, uint64_t id, uint64_t ban)
{
	bool recent = is_recent(s, id);
	sqlite3_stmt *st =
	    store_change(s, recent ? ST_COUNTING_DEL_AT : ST_COUNTING_DEL);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	if (recent)
		sqlite3_bind_int64(st, 2, s->recent[id % STORE_RECENT]);
	if (store_run(s, st) == -1)
		return -1;
	if (ban == 0)
		return store_run_id(s, ST_FAILURE_DEL, id);
	return add_evidence(
	    s, recent ? ST_EVIDENCE_PUT : ST_EVIDENCE_ADD, id, ban);
}

static bool
is_recent(const struct store *s, uint64_t id)
{
	return id >= s->recent_from && id < s->next_failure &&
	    s->next_failure - id <= STORE_RECENT;
}

static int
add_evidence(struct store *s, enum store_stmt how, uint64_t id, uint64_t ban)
{
	sqlite3_stmt *st = store_change(s, how);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)ban);
	sqlite3_bind_int64(st, 2, (int64_t)id);
	return store_run(s, st);
}
