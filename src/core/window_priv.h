/*
 * Inside the windows. Keys stand densely in chunks (a freed place is filled
 * with the last key), so that few keys cost little memory and going round is a
 * walk. An index, doubled as it fills, finds them; its slots hold the whole
 * hash, so that doubling it reads and writes memory in sequence and touches no
 * key: with a million of them that is a moment, not a pause.
 *
 * A key holds its failures sorted by time, never more than maxretry - 1 of
 * them: the next one decides. The first few are in the key itself.
 */
#ifndef WINDOW_PRIV_H
#define WINDOW_PRIV_H

#include <stdbool.h>

#include "mxward/hash.h"
#include "mxward/window.h"

#define WKEY_INLINE 2
#define WKEY_NONE   UINT32_MAX
#define CHUNK_BITS  10
#define CHUNK_KEYS  (1U << CHUNK_BITS)

struct fail {
	int64_t when;
	uint64_t ref;
	uint32_t count;
	uint32_t who; /* 0: not known */
};

struct wkey {
	struct prefix key;
	uint32_t n;   /* failures held */
	uint32_t cap; /* room in more; 0: they are in first */
	union {
		struct fail first[WKEY_INLINE];
		struct fail *more;
	};
};

struct slot {
	uint32_t hash;
	uint32_t number; /* of the key, plus one; 0: empty */
};

struct windows {
	unsigned maxretry;
	int64_t findtime;
	uint32_t max_keys;
	uint32_t n; /* keys */
	struct wkey **chunk;
	struct slot *index;
	unsigned index_bits; /* log2 of its size */
	uint32_t cursor;     /* of windows_prune */
	uint64_t evicted;
	uint64_t *refs; /* what verdicts and windows_clear hand out */
	size_t refs_cap;
	struct hash_key hash_key;
};

static inline struct wkey *
wkey_at(const struct windows *w, uint32_t number)
{
	return &w->chunk[number >> CHUNK_BITS][number & (CHUNK_KEYS - 1)];
}

static inline struct fail *
wkey_fails(const struct wkey *k)
{
	return k->cap > 0 ? k->more : (struct fail *)k->first;
}

/* window_table.c. A key's number, or WKEY_NONE. */
uint32_t wkey_hash(const struct windows *w, const struct prefix *key);
uint32_t wkey_find(
    const struct windows *w, const struct prefix *key, uint32_t hash);
/* A new key without failures; WKEY_NONE when out of memory. There must be
 * less than max_keys. */
uint32_t wkey_add(struct windows *w, const struct prefix *key, uint32_t hash);
/* Another key may get its number. */
void wkey_remove(struct windows *w, uint32_t number);
/* Room for one more failure; false when out of memory. */
bool wkey_grow(struct windows *w, struct wkey *k);

#endif
