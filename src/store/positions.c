/*
 * Positions and named numbers: small rows that are written again and again.
 * Unsigned values are stored as the signed integers of the same bits, the only
 * ones SQLite has.
 */
#include <stdio.h>
#include <string.h>

#include "store_priv.h"

static void bind_file(sqlite3_stmt *st, const char *source, const char *path,
    const struct position *p);

int
store_position_put(struct store *s, const char *source, const char *path,
    const struct position *p)
{
	sqlite3_stmt *st = store_change(s, ST_POSITION_PUT);

	if (st == NULL)
		return -1;
	bind_file(st, source, path, p);
	sqlite3_bind_int64(st, 5, (int64_t)p->head);
	sqlite3_bind_int64(st, 6, (int64_t)p->offset);
	sqlite3_bind_text(st, 7, p->cursor,
	    (int)strnlen(p->cursor, sizeof(p->cursor)), SQLITE_STATIC);
	return store_run(s, st);
}

int
store_position_del(struct store *s, const char *source, const char *path,
    const struct position *p)
{
	sqlite3_stmt *st = store_change(s, ST_POSITION_DEL);

	if (st == NULL)
		return -1;
	bind_file(st, source, path, p);
	return store_run(s, st);
}

size_t
store_positions(struct store *s, const char *source, const char *path,
    struct position *out, size_t max)
{
	sqlite3_stmt *st = store_query(s, ST_POSITIONS);
	size_t n = 0;

	if (st == NULL)
		return 0;
	sqlite3_bind_text(st, 1, source, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, path, -1, SQLITE_STATIC);
	while (n < max && store_row(s, st) == 1) {
		struct position *p = &out[n++];
		const unsigned char *cursor = sqlite3_column_text(st, 4);

		*p = (struct position){
			.dev = (uint64_t)sqlite3_column_int64(st, 0),
			.inode = (uint64_t)sqlite3_column_int64(st, 1),
			.head = (uint64_t)sqlite3_column_int64(st, 2),
			.offset = (uint64_t)sqlite3_column_int64(st, 3),
		};
		if (cursor != NULL)
			snprintf(p->cursor, sizeof(p->cursor), "%s",
			    (const char *)cursor);
	}
	sqlite3_reset(st);
	return n;
}

int
store_number_put(struct store *s, const char *name, uint64_t value)
{
	sqlite3_stmt *st = store_change(s, ST_NUMBER_PUT);

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)value);
	return store_run(s, st);
}

uint64_t
store_number(struct store *s, const char *name)
{
	sqlite3_stmt *st = store_query(s, ST_NUMBER);
	uint64_t value;

	if (st == NULL)
		return 0;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (store_row(s, st) != 1)
		return 0;
	value = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return value;
}

static void
bind_file(sqlite3_stmt *st, const char *source, const char *path,
    const struct position *p)
{
	sqlite3_bind_text(st, 1, source, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, (int64_t)p->dev);
	sqlite3_bind_int64(st, 4, (int64_t)p->inode);
}
