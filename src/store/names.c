/*
 * Names of jails, filters and rules are stored once and referred to by number.
 * They come from the configuration, so there are few; a small table in memory
 * answers for nearly all of them without asking SQLite.
 */
#include <stdlib.h>
#include <string.h>

#include "store_priv.h"

static struct store_name *slot_of(struct store *s, const char *name, size_t n);
static int64_t find(struct store *s, const char *name, size_t n);
static int64_t add(struct store *s, const char *name, size_t n);
static void remember(
    struct store *s, struct store_name *slot, const char *name, int64_t id);

int64_t
store_name(struct store *s, const char *name, bool create)
{
	size_t n = strlen(name);
	struct store_name *slot = slot_of(s, name, n);
	int64_t id;

	if (slot->text != NULL)
		return slot->id;
	if ((id = find(s, name, n)) == 0 && create)
		id = add(s, name, n);
	if (id > 0)
		remember(s, slot, name, id);
	return id > 0 ? id : 0;
}

void
store_names_forget(struct store *s)
{
	for (size_t i = 0; i < STORE_NAME_SLOTS; i++)
		free(s->names[i].text);
	memset(s->names, 0, sizeof(s->names));
	s->nnames = 0;
}

/* Where the name is, or belongs; there is always a free slot. */
static struct store_name *
slot_of(struct store *s, const char *name, size_t n)
{
	size_t i =
	    hash_slot(hash_bytes(&s->hash_key, name, n), STORE_NAME_SLOTS);

	while (s->names[i].text != NULL && strcmp(s->names[i].text, name) != 0)
		i = (i + 1) % STORE_NAME_SLOTS;
	return &s->names[i];
}

static int64_t
find(struct store *s, const char *name, size_t n)
{
	sqlite3_stmt *st = store_query(s, ST_NAME_FIND);
	int64_t id = 0;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, name, (int)n, SQLITE_STATIC);
	if ((rc = store_row(s, st)) <= 0)
		return rc;
	id = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return id;
}

static int64_t
add(struct store *s, const char *name, size_t n)
{
	sqlite3_stmt *st = store_change(s, ST_NAME_ADD);

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, name, (int)n, SQLITE_STATIC);
	if (store_run(s, st) == -1)
		return -1;
	return sqlite3_last_insert_rowid(s->db);
}

static void
remember(struct store *s, struct store_name *slot, const char *name, int64_t id)
{
	if (s->nnames >= STORE_NAMES_MAX || (slot->text = strdup(name)) == NULL)
		return;
	slot->id = id;
	s->nnames++;
}
