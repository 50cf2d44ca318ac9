/*
 * Inside the ban table. Three arrays:
 *
 *   entry[]  the bans themselves, six words each, filled from the bottom; an
 *            entry never moves while it lives
 *   index[]  open addressing, linear probing, one 32-bit word a slot: the
 *            number of an entry plus one, and above it a few bits of the hash
 *   ends     the writer's own (not shared): two heaps by end, and the free list
 *
 * Because a slot is one word, every step of an insertion or a removal is one
 * atomic store, and between any two of them a reader finds every ban that was
 * there before and after: an entry is complete before a slot points to it, and
 * a slot is copied to its new place before it is cleared in the old one.
 *
 * Shared words are loaded with acquire and stored with release. That orders
 * them against the sequence number without fences (and costs nothing on x86),
 * and leaves no data race in the sense of C.
 */
#ifndef BANTABLE_PRIV_H
#define BANTABLE_PRIV_H

#include <stdatomic.h>

#include "mxward/bantable.h"
#include "mxward/hash.h"

enum entry_word { W_ADDR0, W_ADDR1, W_START, W_END, W_ID, W_META, W_COUNT };

/* W_META: what an entry is, all in the one word that is stored last. The
 * version changes whenever an entry gets another key. */
#define META_LEN(m)     ((uint8_t)(m))
#define META_JAIL(m)    ((uint8_t)((m) >> 8))
#define META_FLAGS(m)   ((uint8_t)((m) >> 16))
#define META_NTH(m)     ((uint8_t)((m) >> 24))
#define META_ORIGIN(m)  ((uint8_t)((m) >> 32))
#define META_STATE(m)   ((uint8_t)((m) >> 40))
#define META_USED       (UINT64_C(1) << 48)
#define META_VERSION(m) ((m) >> 49)
#define META_VERSIONED  49

struct entry {
	_Atomic uint64_t w[W_COUNT];
};

/* Prefix lengths 0 … 128 as bits. */
#define LENS_WORDS 3

/* Whom a prefix can hold: an IPv4 host need not look for lengths that only
 * IPv6 prefixes have. */
enum family { FAMILY_V4, FAMILY_V6, FAMILIES };

struct shared {
	_Atomic uint64_t seq; /* odd while a change is going on */
	_Atomic uint64_t lens[2][FAMILIES][LENS_WORDS]; /* bans, friends */
	_Atomic uint32_t high; /* entries from here on were never used */
	_Atomic uint32_t njails;
	char name[BANTABLE_JAILS][BANTABLE_JAIL_LEN];
};

/* Entries by end: those that wait for it (0), those that are BAN_OVER (1). */
struct ends {
	uint32_t *heap; /* queue 0 from the front, queue 1 from the back */
	uint32_t *pos;  /* of an entry in its heap; the next if it is free */
	uint32_t n[2];
	uint32_t free; /* a free entry's number plus one, 0 if there is none */
};

struct bantable {
	/* The same in every process: set before the first fork. */
	struct shared *shared;
	_Atomic uint32_t *index;
	struct entry *entry;
	void *map;
	size_t map_size;
	uint32_t capacity; /* entries */
	uint32_t nslots;
	unsigned number_bits; /* of an index word; the rest is tag */
	struct hash_key key;
	/* The writer's. */
	struct ends ends;
	size_t ends_size;
	uint32_t used;
	uint32_t of_len[2][FAMILIES][129]; /* how many set a bit of lens */
};

/* Walks over the entries of exactly one prefix. */
struct chain {
	const struct bantable *t;
	uint64_t addr[2];
	uint8_t len;
	uint32_t slot; /* of the entry chain_next gave */
	uint32_t next;
	uint32_t left; /* slots that may still be looked at */
	uint32_t tag;
	uint32_t number; /* of the entry chain_next gave */
};

/* bantable_read.c. entry_read gives an entry as it was at one moment, even if
 * it is being changed; false if it is free. */
bool entry_read(const struct entry *e, struct ban *out);
/* addr's bits beyond len do not matter. */
void chain_start(struct chain *c, const struct bantable *t,
    const struct addr *addr, unsigned len);
bool chain_next(struct chain *c, struct ban *out);

/* bantable_ends.c: the heaps. `over` says which one the entry is in. */
void ends_add(struct bantable *t, uint32_t number, bool over);
void ends_remove(struct bantable *t, uint32_t number, bool over);
void ends_changed(struct bantable *t, uint32_t number, bool over);
/* The free list; the table must not be full. */
uint32_t ends_take_free(struct bantable *t);
void ends_give_free(struct bantable *t, uint32_t number);

static inline uint64_t
entry_word(const struct entry *e, enum entry_word w)
{
	return atomic_load_explicit(&e->w[w], memory_order_acquire);
}

static inline void
entry_store(struct entry *e, enum entry_word w, uint64_t value)
{
	atomic_store_explicit(&e->w[w], value, memory_order_release);
}

static inline uint64_t
key_hash(const struct bantable *t, const uint64_t addr[2], uint8_t len)
{
	unsigned char bytes[sizeof(struct addr) + 1];

	memcpy(bytes, addr, sizeof(struct addr));
	bytes[sizeof(struct addr)] = len;
	return hash_bytes(&t->key, bytes, sizeof(bytes));
}

/* The entry that an index word (not 0) stands for. */
static inline uint32_t
word_number(const struct bantable *t, uint32_t word)
{
	return (word & ((1U << t->number_bits) - 1)) - 1;
}

static inline uint32_t
slot_after(const struct bantable *t, uint32_t slot)
{
	return slot + 1 < t->nslots ? slot + 1 : 0;
}

#endif
