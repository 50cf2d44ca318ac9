/* Counts by key, in bounded memory, for keys that strangers choose. */
#include <stdlib.h>
#include <string.h>

#include "mxward/hash.h"
#include "test.h"

#define SLOTS_LEAST 256

struct tally {
	size_t most;
	struct hash_key key;
	struct item *items;
	size_t n, room;
	uint32_t *slots; /* 1 + an index into items; 0: free */
	size_t nslots;   /* at least twice n */
	uint64_t dropped;
};

static bool grow(struct tally *t);
static uint32_t *find(const struct tally *t, struct span key);
static struct item *add(struct tally *t, struct span key);

struct tally *
tally_new(size_t most)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->most = most;
	hash_key_random(&t->key);
	if (grow(t))
		return t;
	tally_free(t);
	return NULL;
}

void
tally_free(struct tally *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->items[i].key);
	free(t->items);
	free(t->slots);
	free(t);
}

struct item *
tally_get(struct tally *t, struct span key)
{
	uint32_t *slot = find(t, key);
	struct item *item;

	if (*slot)
		return &t->items[*slot - 1];
	item =
	    t->n < t->most && (t->n < t->room || grow(t)) ? add(t, key) : NULL;
	if (!item)
		t->dropped++;
	return item;
}

static struct item *
add(struct tally *t, struct span key)
{
	struct item *item = &t->items[t->n];

	*item = (struct item){ .key = malloc(key.n + 1), .n = key.n };
	if (!item->key)
		return NULL;
	if (key.n)
		memcpy(item->key, key.p, key.n);
	item->key[key.n] = '\0';
	*find(t, key) = (uint32_t)++t->n;
	return item;
}

static uint32_t *
find(const struct tally *t, struct span key)
{
	size_t i = hash_slot(hash_bytes(&t->key, key.p, key.n), t->nslots);

	while (t->slots[i]) {
		const struct item *item = &t->items[t->slots[i] - 1];
		if (span_eq(span_make(item->key, item->n), key))
			break;
		i = i + 1 == t->nslots ? 0 : i + 1;
	}
	return &t->slots[i];
}

static bool
grow(struct tally *t)
{
	size_t nslots = t->nslots ? 4 * t->nslots : SLOTS_LEAST;
	uint32_t *slots = calloc(nslots, sizeof(*slots));
	struct item *items = reallocarray(t->items, nslots / 2, sizeof(*items));

	if (items) {
		t->items = items;
		t->room = nslots / 2;
	}
	if (!items || !slots) {
		free(slots);
		return false;
	}
	free(t->slots);
	t->slots = slots;
	t->nslots = nslots;
	for (size_t i = 0; i < t->n; i++)
		*find(t, span_make(items[i].key, items[i].n)) = (uint32_t)i + 1;
	return true;
}

const struct item *
tally_items(const struct tally *t, size_t *n)
{
	*n = t->n;
	return t->items;
}

uint64_t
tally_dropped(const struct tally *t)
{
	return t->dropped;
}

static int
by_count(const void *x, const void *y)
{
	const struct item *a = *(const struct item *const *)x;
	const struct item *b = *(const struct item *const *)y;

	if (a->a != b->a)
		return a->a < b->a ? 1 : -1;
	return strcmp(a->key, b->key);
}

size_t
tally_top(const struct tally *t, size_t n, const struct item ***out)
{
	const struct item **list = calloc(t->n + 1, sizeof(*list));

	*out = list;
	if (!list)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		list[i] = &t->items[i];
	qsort(list, t->n, sizeof(*list), by_count);
	return t->n < n ? t->n : n;
}
