/* What an administrator asks: who was banned, and for what. */
#include <string.h>

#include "store_priv.h"

/* Limits above this are none. */
#define NO_LIMIT INT32_MAX

static sqlite3_stmt *history_statement(struct store *s,
    const struct prefix *key, bool covering, size_t max, uint8_t *keys);
static void bind_covering(
    sqlite3_stmt *st, const struct prefix *key, uint8_t *keys);
static int64_t limit_of(size_t max);
static void give_evidence(sqlite3_stmt *st,
    void (*cb)(void *arg, const struct store_evidence *e), void *arg);

int
store_history(struct store *s, const struct prefix *key, bool covering,
    size_t max, bool (*cb)(void *arg, const struct store_ban_row *row),
    void *arg)
{
	uint8_t keys[130 * STORE_KEY_LEN];
	char reason[STORE_TEXT_MAX + 1], why[STORE_TEXT_MAX + 1];
	sqlite3_stmt *st = history_statement(s, key, covering, max, keys);
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = store_row(s, st)) == 1) {
		struct store_ban_row row = {
			.jail = (const char *)sqlite3_column_text(st, 1),
			.reason = store_text(st, 8, reason, sizeof(reason)),
			.over = sqlite3_column_int64(st, 9),
			.over_why = store_text(st, 10, why, sizeof(why)),
		};

		store_column_ban(st, &row.ban);
		if (!cb(arg, &row)) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return rc;
}

int
store_evidence(struct store *s, uint64_t ban, const struct prefix *key,
    size_t max, void (*cb)(void *arg, const struct store_evidence *e),
    void *arg)
{
	sqlite3_stmt *st =
	    store_query(s, ban > 0 ? ST_EVIDENCE_BAN : ST_EVIDENCE_KEY);
	uint8_t bytes[STORE_KEY_LEN];
	int rc;

	if (st == NULL)
		return -1;
	if (ban > 0)
		sqlite3_bind_int64(st, 1, (int64_t)ban);
	else if (key != NULL)
		store_bind_key(st, 1, key, bytes);
	else
		sqlite3_bind_null(st, 1);
	sqlite3_bind_int64(st, 2, limit_of(max));
	while ((rc = store_row(s, st)) == 1)
		give_evidence(st, cb, arg);
	return rc;
}

static sqlite3_stmt *
history_statement(struct store *s, const struct prefix *key, bool covering,
    size_t max, uint8_t *keys)
{
	sqlite3_stmt *st = store_query(s,
	    key == NULL    ? ST_HISTORY_ALL
		: covering ? ST_HISTORY_COVERING
			   : ST_HISTORY_KEY);

	if (st == NULL)
		return NULL;
	sqlite3_bind_int64(st, 1, limit_of(max));
	if (key != NULL && covering)
		bind_covering(st, key, keys);
	else if (key != NULL)
		store_bind_key(st, 2, key, keys);
	return st;
}

/*
 * As bytes, a key sorts by address and then by length, so all that lies within
 * a network is the range from itself to its last host. Around it lie as many
 * networks as it has bits, each asked for by its exact key.
 */
static void
bind_covering(sqlite3_stmt *st, const struct prefix *key, uint8_t *keys)
{
	struct prefix last = { key->addr, 128 };
	uint8_t *p = keys + (size_t)2 * STORE_KEY_LEN;

	for (unsigned i = key->len; i < 128; i++)
		last.addr.b[i / 8] |= (uint8_t)(0x80U >> i % 8);
	store_bind_key(st, 2, key, keys);
	store_bind_key(st, 3, &last, keys + STORE_KEY_LEN);
	for (unsigned len = 0; len < key->len; len++, p += STORE_KEY_LEN) {
		struct prefix around = prefix_of(&key->addr, len);

		store_key(&around, p);
	}
	p = keys + (size_t)2 * STORE_KEY_LEN;
	sqlite3_bind_blob(st, 4, p, key->len * STORE_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int(st, 5, key->len);
}

static int64_t
limit_of(size_t max)
{
	return max < NO_LIMIT ? (int64_t)max : NO_LIMIT;
}

static void
give_evidence(sqlite3_stmt *st,
    void (*cb)(void *arg, const struct store_evidence *e), void *arg)
{
	char host[ADDR_STRLEN], user[STORE_USER_MAX + 1];
	char text[STORE_TEXT_MAX + 1];
	struct prefix at = store_column_key(st, 5);
	struct store_evidence e = {
		.when = sqlite3_column_int64(st, 0),
		.count = (unsigned)sqlite3_column_int64(st, 1),
		.jail = (const char *)sqlite3_column_text(st, 2),
		.filter = (const char *)sqlite3_column_text(st, 3),
		.rule = (const char *)sqlite3_column_text(st, 4),
		.host = addr_format(&at.addr, host),
		.user = store_text(st, 6, user, sizeof(user)),
		.text = store_text(st, 7, text, sizeof(text)),
	};

	cb(arg, &e);
}
