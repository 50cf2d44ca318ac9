/*
 * The ban table, the writer's side: every change, and what a new writer does
 * after one that was killed. See bantable_priv.h for the layout, and for why
 * each single store leaves the table whole.
 */
#include <string.h>

#include "bantable_priv.h"

#define V4_BITS 96 /* of the 128, before an IPv4 address's own */

static void change_begin(struct bantable *t);
static void change_end(struct bantable *t);
static bool find(const struct bantable *t, const struct prefix *key,
    uint16_t jail, struct chain *c, struct ban *out);
static void replace(struct bantable *t, uint32_t number, const struct ban *old,
    const struct ban *b);
static void insert(
    struct bantable *t, const struct ban *b, const struct chain *c);
static void entry_fill(struct entry *e, const struct ban *b);
static uint64_t meta_of(const struct ban *b, uint64_t version);
static void index_add(
    struct bantable *t, const struct chain *c, uint32_t number);
static void index_erase(struct bantable *t, uint32_t slot);
static uint32_t slot_home(const struct bantable *t, uint32_t word);
static void len_raise(struct bantable *t, const struct ban *b);
static void len_lower(struct bantable *t, const struct ban *b);
static bool in_family(const struct prefix *key, int family);
static void len_set(
    struct bantable *t, int kind, int family, unsigned len, bool on);
static void lens_repair(struct bantable *t);
static void entry_release(struct bantable *t, uint32_t number);
static bool repair_entry(struct bantable *t, uint32_t number, struct ban *b);

static inline bool
is_friend(const struct ban *b)
{
	return (b->flags & BAN_FRIEND) != 0;
}

static inline bool
is_over(const struct ban *b)
{
	return (b->flags & BAN_OVER) != 0;
}

void
bantable_repair(struct bantable *t)
{
	uint64_t seq = atomic_load(&t->shared->seq);
	uint32_t number, high;
	struct ban b;

	if (seq == 0)
		return;
	/* Whoever reads meanwhile finds a table that is whole: release it
	 * first, so that nobody waits for the counting. */
	if (seq & 1)
		atomic_store(&t->shared->seq, seq + 1);
	memset(t->of_len, 0, sizeof(t->of_len));
	memset(t->ends.n, 0, sizeof(t->ends.n));
	t->ends.free = 0;
	t->used = 0;
	high = atomic_load(&t->shared->high);
	for (number = high; number-- > 0;) {
		if (!repair_entry(t, number, &b)) {
			entry_release(t, number);
			continue;
		}
		t->used++;
		len_raise(t, &b);
		if (!is_friend(&b))
			ends_add(t, number, is_over(&b));
	}
	lens_repair(t);
}

int
bantable_put(struct bantable *t, const struct ban *given)
{
	struct ban b = *given, old;
	struct chain c;

	if (b.key.len > 128 || b.jail >= BANTABLE_JAILS ||
	    is_friend(&b) != (b.jail == BANTABLE_NO_JAIL))
		return -1;
	b.key = prefix_of(&b.key.addr, b.key.len);
	if (find(t, &b.key, b.jail, &c, &old)) {
		replace(t, c.number, &old, &b);
		return 0;
	}
	if (t->used >= t->capacity)
		return -1;
	insert(t, &b, &c);
	return 0;
}

int
bantable_del(struct bantable *t, const struct prefix *key, uint16_t jail)
{
	struct chain c;
	struct ban b;

	if (!find(t, key, jail, &c, &b))
		return -1;
	if (!is_friend(&b))
		ends_remove(t, c.number, is_over(&b));
	change_begin(t);
	index_erase(t, c.slot);
	entry_release(t, c.number);
	len_lower(t, &b);
	change_end(t);
	t->used--;
	return 0;
}

int
bantable_set_state(struct bantable *t, const struct prefix *key, uint16_t jail,
    enum ban_state state)
{
	struct chain c;
	struct ban b;
	struct entry *e;

	if (!find(t, key, jail, &c, &b))
		return -1;
	b.state = (uint8_t)state;
	e = &t->entry[c.number];
	entry_store(
	    e, W_META, meta_of(&b, META_VERSION(entry_word(e, W_META))));
	return 0;
}

int
bantable_set_flags(
    struct bantable *t, const struct prefix *key, uint16_t jail, uint8_t flags)
{
	struct chain c;
	struct ban old, b;

	if (!find(t, key, jail, &c, &old))
		return -1;
	b = old;
	b.flags = (uint8_t)((flags & ~BAN_FRIEND) | (old.flags & BAN_FRIEND));
	replace(t, c.number, &old, &b);
	return 0;
}

void
bantable_each(
    struct bantable *t, bool (*cb)(void *arg, const struct ban *b), void *arg)
{
	uint32_t number, high = atomic_load(&t->shared->high);
	struct ban b;

	for (number = 0; number < high; number++)
		if (entry_read(&t->entry[number], &b) && !cb(arg, &b))
			return;
}

static void
change_begin(struct bantable *t)
{
	uint64_t seq =
	    atomic_load_explicit(&t->shared->seq, memory_order_relaxed);

	atomic_store_explicit(&t->shared->seq, seq | 1, memory_order_relaxed);
}

static void
change_end(struct bantable *t)
{
	uint64_t seq =
	    atomic_load_explicit(&t->shared->seq, memory_order_relaxed);

	atomic_store_explicit(&t->shared->seq, seq + 1, memory_order_release);
}

/* The entry of (key, jail), as the writer finds it: nobody changes it. */
static bool
find(const struct bantable *t, const struct prefix *key, uint16_t jail,
    struct chain *c, struct ban *out)
{
	chain_start(c, t, &key->addr, key->len);
	while (chain_next(c, out))
		if (out->jail == jail)
			return true;
	return false;
}

/*
 * In place, word by word, as the key stays. The end goes last: a writer killed
 * before that leaves the old end with the new flags, which refuses no longer
 * than one of the two bans would have.
 */
static void
replace(struct bantable *t, uint32_t number, const struct ban *old,
    const struct ban *b)
{
	struct entry *e = &t->entry[number];
	uint64_t version = META_VERSION(entry_word(e, W_META));

	if (!is_friend(b) && is_over(b) != is_over(old))
		ends_remove(t, number, is_over(old));
	change_begin(t);
	entry_store(e, W_START, (uint64_t)b->start);
	entry_store(e, W_ID, b->id);
	entry_store(e, W_META, meta_of(b, version));
	entry_store(e, W_END, (uint64_t)b->end);
	change_end(t);
	if (is_friend(b))
		return;
	if (is_over(b) != is_over(old))
		ends_add(t, number, is_over(b));
	else if (b->end != old->end)
		ends_changed(t, number, is_over(b));
}

static void
insert(struct bantable *t, const struct ban *b, const struct chain *c)
{
	uint32_t number;

	change_begin(t);
	number = ends_take_free(t);
	len_raise(t, b);
	entry_fill(&t->entry[number], b);
	index_add(t, c, number);
	change_end(t);
	t->used++;
	if (!is_friend(b))
		ends_add(t, number, is_over(b));
}

static void
entry_fill(struct entry *e, const struct ban *b)
{
	uint64_t version = META_VERSION(entry_word(e, W_META)), addr[2];

	memcpy(addr, b->key.addr.b, sizeof(addr));
	entry_store(e, W_ADDR0, addr[0]);
	entry_store(e, W_ADDR1, addr[1]);
	entry_store(e, W_START, (uint64_t)b->start);
	entry_store(e, W_END, (uint64_t)b->end);
	entry_store(e, W_ID, b->id);
	entry_store(e, W_META, meta_of(b, version + 1));
}

static uint64_t
meta_of(const struct ban *b, uint64_t version)
{
	return (uint64_t)b->key.len | (uint64_t)b->jail << 8 |
	    (uint64_t)b->flags << 16 | (uint64_t)b->nth << 24 |
	    (uint64_t)b->origin << 32 | (uint64_t)b->state << 40 | META_USED |
	    version << META_VERSIONED;
}

/* c: the walk that found no such entry, and ended at an empty slot. */
static void
index_add(struct bantable *t, const struct chain *c, uint32_t number)
{
	atomic_store_explicit(&t->index[c->next],
	    c->tag << t->number_bits | (number + 1), memory_order_release);
}

/*
 * Close the gap that an erased slot would leave: copy back whatever may stand
 * there, then go on with the slot it came from. Each copy is whole before its
 * original is overwritten.
 */
static void
index_erase(struct bantable *t, uint32_t slot)
{
	uint32_t gap = slot, i = slot, word, home;

	for (;;) {
		i = slot_after(t, i);
		word = atomic_load_explicit(&t->index[i], memory_order_relaxed);
		if (word == 0)
			break;
		home = slot_home(t, word);
		/* Not if its chain begins behind the gap. */
		if ((i + t->nslots - home) % t->nslots <
		    (i + t->nslots - gap) % t->nslots)
			continue;
		atomic_store_explicit(
		    &t->index[gap], word, memory_order_release);
		gap = i;
	}
	atomic_store_explicit(&t->index[gap], 0, memory_order_release);
}

static uint32_t
slot_home(const struct bantable *t, uint32_t word)
{
	const struct entry *e = &t->entry[word_number(t, word)];
	const uint64_t addr[2] = { entry_word(e, W_ADDR0),
		entry_word(e, W_ADDR1) };

	return (uint32_t)hash_slot(
	    key_hash(t, addr, META_LEN(entry_word(e, W_META))), t->nslots);
}

/* Before the entry can be found: a reader never misses it. */
static void
len_raise(struct bantable *t, const struct ban *b)
{
	int f;

	for (f = 0; f < FAMILIES; f++)
		if (in_family(&b->key, f) &&
		    t->of_len[is_friend(b)][f][b->key.len]++ == 0)
			len_set(t, is_friend(b), f, b->key.len, true);
}

/* After it cannot be found any more. */
static void
len_lower(struct bantable *t, const struct ban *b)
{
	int f;

	for (f = 0; f < FAMILIES; f++)
		if (in_family(&b->key, f) &&
		    --t->of_len[is_friend(b)][f][b->key.len] == 0)
			len_set(t, is_friend(b), f, b->key.len, false);
}

/* Whether key may hold a host of that family. */
static bool
in_family(const struct prefix *key, int family)
{
	static const struct addr v4 = { { [10] = 0xff, [11] = 0xff } };

	if (key->len >= V4_BITS)
		return addr_is_v4(&key->addr) == (family == FAMILY_V4);
	return family == FAMILY_V6 || prefix_contains(key, &v4);
}

static void
len_set(struct bantable *t, int kind, int family, unsigned len, bool on)
{
	_Atomic uint64_t *word = &t->shared->lens[kind][family][len / 64];
	uint64_t bit = UINT64_C(1) << (len % 64);

	if (on)
		atomic_fetch_or_explicit(word, bit, memory_order_release);
	else
		atomic_fetch_and_explicit(word, ~bit, memory_order_release);
}

/* Clear the bits that nothing set: of a change that did not come to its end. */
static void
lens_repair(struct bantable *t)
{
	unsigned len;
	int kind, f;

	for (kind = 0; kind < 2; kind++)
		for (f = 0; f < FAMILIES; f++)
			for (len = 0; len <= 128; len++)
				if (t->of_len[kind][f][len] == 0)
					len_set(t, kind, f, len, false);
}

/* No slot points to it any more. */
static void
entry_release(struct bantable *t, uint32_t number)
{
	struct entry *e = &t->entry[number];
	uint64_t meta = entry_word(e, W_META);

	entry_store(e, W_META, META_VERSION(meta) << META_VERSIONED);
	ends_give_free(t, number);
}

/*
 * Whether the entry is in the table. Its writer may have been killed before a
 * slot pointed to it, after none did, or when two did: then one is erased.
 */
static bool
repair_entry(struct bantable *t, uint32_t number, struct ban *b)
{
	uint32_t slot = 0, found = 0;
	struct chain c;
	struct ban seen;

	if (!entry_read(&t->entry[number], b))
		return false;
	chain_start(&c, t, &b->key.addr, b->key.len);
	while (chain_next(&c, &seen))
		if (c.number == number && found++ > 0)
			slot = c.slot;
	if (found > 1) {
		change_begin(t);
		index_erase(t, slot);
		change_end(t);
	}
	return found > 0;
}
