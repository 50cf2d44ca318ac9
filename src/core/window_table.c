/*
 * Where windows keep their keys: chunks, index, and the memory of failures.
 * Strangers choose the keys, so the hash is keyed and its cost bounded; they
 * also decide how many there are, so memory follows their number both ways.
 */
#include <stdlib.h>
#include <string.h>

#include "window_priv.h"

#define INDEX_BITS_MIN 6

static uint32_t slot_of(const struct windows *w, uint32_t hash);
static uint32_t slot_next(const struct windows *w, uint32_t slot);
static uint32_t slot_holding(const struct windows *w, uint32_t number);
static bool index_resize(struct windows *w, unsigned bits);
static void index_put(struct windows *w, struct slot s);
static void index_erase(struct windows *w, uint32_t gap);
static void index_shrink(struct windows *w);

uint32_t
wkey_hash(const struct windows *w, const struct prefix *key)
{
	unsigned char bytes[sizeof(key->addr.b) + 1];

	memcpy(bytes, key->addr.b, sizeof(key->addr.b));
	bytes[sizeof(key->addr.b)] = key->len;
	return (uint32_t)hash_bytes(&w->hash_key, bytes, sizeof(bytes));
}

uint32_t
wkey_find(const struct windows *w, const struct prefix *key, uint32_t hash)
{
	const struct slot *s;
	uint32_t i;

	if (w->n == 0)
		return WKEY_NONE;
	for (i = slot_of(w, hash); (s = &w->index[i])->number != 0;
	     i = slot_next(w, i)) {
		if (s->hash == hash &&
		    prefix_eq(&wkey_at(w, s->number - 1)->key, key))
			return s->number - 1;
	}
	return WKEY_NONE;
}

uint32_t
wkey_add(struct windows *w, const struct prefix *key, uint32_t hash)
{
	struct wkey **chunk = &w->chunk[w->n >> CHUNK_BITS];
	struct wkey *k;

	/* At most three quarters full. */
	if (w->index == NULL || w->n >= (3U << w->index_bits) / 4)
		if (!index_resize(w,
			w->index == NULL ? INDEX_BITS_MIN : w->index_bits + 1))
			return WKEY_NONE;
	if (*chunk == NULL)
		*chunk = malloc(CHUNK_KEYS * sizeof(**chunk));
	if (*chunk == NULL)
		return WKEY_NONE;
	k = wkey_at(w, w->n);
	k->key = *key;
	k->n = k->cap = 0;
	index_put(w, (struct slot){ hash, ++w->n });
	return w->n - 1;
}

void
wkey_remove(struct windows *w, uint32_t number)
{
	struct wkey *k = wkey_at(w, number), *last = wkey_at(w, w->n - 1);
	uint32_t chunk;

	index_erase(w, slot_holding(w, number));
	if (k->cap > 0)
		free(k->more);
	w->n--;
	if (k != last) {
		w->index[slot_holding(w, w->n)].number = number + 1;
		*k = *last;
	}
	/* One empty chunk stays, so that a number that goes up and down by
	 * one allocates nothing. */
	chunk = (w->n + CHUNK_KEYS - 1) >> CHUNK_BITS;
	if ((w->n & (CHUNK_KEYS - 1)) == 0 &&
	    chunk + 1 < (w->max_keys + CHUNK_KEYS - 1) >> CHUNK_BITS) {
		free(w->chunk[chunk + 1]);
		w->chunk[chunk + 1] = NULL;
	}
	index_shrink(w);
}

bool
wkey_grow(struct windows *w, struct wkey *k)
{
	size_t cap = k->cap > 0 ? (size_t)k->cap * 2 : WKEY_INLINE * 2;
	struct fail *more;
	uint64_t *refs;

	if (k->n < (k->cap > 0 ? k->cap : WKEY_INLINE))
		return true;
	if (cap >= w->maxretry)
		cap = w->maxretry - 1;
	/* A verdict hands out one more reference than a key holds. */
	if (w->refs_cap < cap + 1) {
		refs = realloc(w->refs, (cap + 1) * sizeof(*refs));
		if (refs == NULL)
			return false;
		w->refs = refs;
		w->refs_cap = cap + 1;
	}
	more = realloc(k->cap > 0 ? k->more : NULL, cap * sizeof(*more));
	if (more == NULL)
		return false;
	if (k->cap == 0)
		memcpy(more, k->first, sizeof(k->first));
	k->more = more;
	k->cap = (uint32_t)cap;
	return true;
}

static uint32_t
slot_of(const struct windows *w, uint32_t hash)
{
	return hash >> (32 - w->index_bits);
}

static uint32_t
slot_next(const struct windows *w, uint32_t slot)
{
	return (slot + 1) & ((1U << w->index_bits) - 1);
}

static uint32_t
slot_holding(const struct windows *w, uint32_t number)
{
	uint32_t i = slot_of(w, wkey_hash(w, &wkey_at(w, number)->key));

	while (w->index[i].number != number + 1)
		i = slot_next(w, i);
	return i;
}

static bool
index_resize(struct windows *w, unsigned bits)
{
	struct slot *index = calloc((size_t)1 << bits, sizeof(*index));
	struct slot *old = w->index;
	size_t i, size = old != NULL ? (size_t)1 << w->index_bits : 0;

	if (index == NULL)
		return false;
	w->index = index;
	w->index_bits = bits;
	for (i = 0; i < size; i++)
		if (old[i].number != 0)
			index_put(w, old[i]);
	free(old);
	return true;
}

static void
index_put(struct windows *w, struct slot s)
{
	uint32_t i = slot_of(w, s.hash);

	while (w->index[i].number != 0)
		i = slot_next(w, i);
	w->index[i] = s;
}

/* Close the gap: copy back whatever may stand there. */
static void
index_erase(struct windows *w, uint32_t gap)
{
	uint32_t mask = (1U << w->index_bits) - 1, i = gap, home;

	for (;;) {
		i = slot_next(w, i);
		if (w->index[i].number == 0)
			break;
		home = slot_of(w, w->index[i].hash);
		/* Not if its chain begins behind the gap. */
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		w->index[gap] = w->index[i];
		gap = i;
	}
	w->index[gap] = (struct slot){ 0, 0 };
}

/* If there is no memory for a smaller one, the larger one does as well. */
static void
index_shrink(struct windows *w)
{
	if (w->index_bits > INDEX_BITS_MIN && w->n < (1U << w->index_bits) / 8)
		index_resize(w, w->index_bits - 1);
}
