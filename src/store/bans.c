/*
 * Bans. Their state is not stored: after a restart each is pending until the
 * firewall has been read back. Nor are the flags that only the table in memory
 * needs.
 */
#include <string.h>

#include "store_priv.h"

static int each(struct store *s, sqlite3_stmt *st,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg);

uint64_t
store_ban(
    struct store *s, const char *jail, const struct ban *b, const char *reason)
{
	int64_t name = store_name(s, jail, true);
	sqlite3_stmt *st = store_change(s, ST_BAN_ADD);
	uint8_t key[STORE_KEY_LEN];

	if (name == 0 || st == NULL)
		return 0;
	sqlite3_bind_int64(st, 1, (int64_t)s->next_ban);
	sqlite3_bind_int64(st, 2, name);
	store_bind_key(st, 3, &b->key, key);
	sqlite3_bind_int(st, 4, b->origin);
	sqlite3_bind_int(st, 5, b->flags & ~(BAN_ORPHAN | BAN_OVER));
	sqlite3_bind_int(st, 6, b->nth);
	sqlite3_bind_int64(st, 7, b->start);
	sqlite3_bind_int64(st, 8, b->end);
	store_bind_span(
	    st, 9, span_of(reason != NULL ? reason : ""), STORE_TEXT_MAX);
	return store_run(s, st) == 0 ? s->next_ban++ : 0;
}

int
store_ban_over(struct store *s, uint64_t id, int64_t when, const char *why)
{
	sqlite3_stmt *st = store_change(s, ST_BAN_OVER);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	/* 0 says that it stands. */
	sqlite3_bind_int64(st, 2, when > 0 ? when : 1);
	store_bind_span(st, 3, span_of(why != NULL ? why : ""), STORE_TEXT_MAX);
	return store_run(s, st);
}

const char *
store_ban_reason(struct store *s, uint64_t id, char *buf, size_t size)
{
	sqlite3_stmt *st = store_query(s, ST_BAN_REASON);

	buf[0] = '\0';
	if (st == NULL)
		return buf;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	if (store_row(s, st) == 1) {
		store_text(st, 0, buf, size);
		sqlite3_reset(st);
	}
	return buf;
}

unsigned
store_ban_count(
    struct store *s, const char *jail, const struct prefix *key, int64_t since)
{
	int64_t name = store_name(s, jail, false);
	sqlite3_stmt *st = store_query(s, ST_BAN_COUNT);
	uint8_t bytes[STORE_KEY_LEN];
	unsigned n;

	if (name == 0 || st == NULL)
		return 0;
	store_bind_key(st, 1, key, bytes);
	sqlite3_bind_int64(st, 2, name);
	sqlite3_bind_int64(st, 3, since);
	if (store_row(s, st) != 1)
		return 0;
	n = (unsigned)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return n;
}

int
store_bans_each(struct store *s,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg)
{
	return each(s, store_query(s, ST_BANS_EACH), cb, arg);
}

int
store_bans_ended(struct store *s, int64_t since,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg)
{
	sqlite3_stmt *st = store_query(s, ST_BANS_ENDED);

	if (st != NULL)
		sqlite3_bind_int64(st, 1, since);
	return each(s, st, cb, arg);
}

static int
each(struct store *s, sqlite3_stmt *st,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg)
{
	char reason[STORE_TEXT_MAX + 1];
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = store_row(s, st)) == 1) {
		struct ban b;

		store_column_ban(st, &b);
		cb(arg, (const char *)sqlite3_column_text(st, 1), &b,
		    store_text(st, 8, reason, sizeof(reason)));
	}
	return rc;
}

void
store_column_ban(sqlite3_stmt *st, struct ban *b)
{
	*b = (struct ban){
		.key = store_column_key(st, 2),
		.jail = BANTABLE_NO_JAIL,
		.origin = (uint8_t)sqlite3_column_int(st, 3),
		.state = BAN_PENDING,
		.flags = (uint8_t)sqlite3_column_int(st, 4),
		.nth = (uint8_t)sqlite3_column_int(st, 5),
		.start = sqlite3_column_int64(st, 6),
		.end = sqlite3_column_int64(st, 7),
		.id = (uint64_t)sqlite3_column_int64(st, 0),
	};
}
