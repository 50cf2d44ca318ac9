/*
 * Reading the ban table: what every door does for every question. A reader
 * takes no lock and waits for nobody. It reads between two looks at the
 * sequence number and tries again if a change came between; after a few tries
 * it takes what it read, because the writer may be dead, stopped or merely
 * preempted in the middle of a change, and the table is whole there too.
 */
#include <endian.h>
#include <string.h>

#include "bantable_priv.h"

#define READ_TRIES  8 /* looks at a table that keeps changing */
#define READ_PAUSES 4 /* between them, if a change is going on */
#define ENTRY_TRIES 8
/* Chains begun before the first is walked: their cache misses overlap. */
#define CHAINS 8

struct best {
	struct ban ban, forced;
	bool found, found_forced;
};

static uint64_t mask(unsigned bits);
static uint64_t read_begin(const struct bantable *t);
static bool read_done(const struct bantable *t, uint64_t seq, unsigned tries);
static void refuses_once(const struct bantable *t, const struct addr *host,
    int64_t now, struct best *best);
static void best_take(struct best *best, const struct ban *b);
static bool friend_once(const struct bantable *t, const struct prefix *key);
static bool get_once(const struct bantable *t, const struct prefix *key,
    uint16_t jail, struct ban *out);
static size_t of_key_once(const struct bantable *t, const struct prefix *key,
    struct ban *out, size_t max);
static size_t covering_once(const struct bantable *t, const struct addr *host,
    struct ban *out, size_t max);
static const _Atomic uint64_t *lens_of(
    const struct bantable *t, int kind, const struct addr *host);
static int lens_next(const _Atomic uint64_t lens[LENS_WORDS], int after);

bool
bantable_refuses(const struct bantable *t, const struct addr *host, int64_t now,
    struct ban *out)
{
	struct best best;
	unsigned tries = 0;
	uint64_t seq;

	do {
		seq = read_begin(t);
		refuses_once(t, host, now, &best);
	} while (!read_done(t, seq, tries++));
	if (best.found && out != NULL)
		*out = best.ban;
	return best.found;
}

bool
bantable_friend(const struct bantable *t, const struct prefix *key)
{
	unsigned tries = 0;
	uint64_t seq;
	bool found;

	do {
		seq = read_begin(t);
		found = friend_once(t, key);
	} while (!read_done(t, seq, tries++));
	return found;
}

bool
bantable_get(const struct bantable *t, const struct prefix *key, uint16_t jail,
    struct ban *out)
{
	unsigned tries = 0;
	uint64_t seq;
	bool found;

	do {
		seq = read_begin(t);
		found = get_once(t, key, jail, out);
	} while (!read_done(t, seq, tries++));
	return found;
}

size_t
bantable_of_key(const struct bantable *t, const struct prefix *key,
    struct ban *out, size_t max)
{
	unsigned tries = 0;
	uint64_t seq;
	size_t n;

	do {
		seq = read_begin(t);
		n = of_key_once(t, key, out, max);
	} while (!read_done(t, seq, tries++));
	return n;
}

size_t
bantable_covering(const struct bantable *t, const struct addr *host,
    struct ban *out, size_t max)
{
	unsigned tries = 0;
	uint64_t seq;
	size_t n;

	do {
		seq = read_begin(t);
		n = covering_once(t, host, out, max);
	} while (!read_done(t, seq, tries++));
	return n;
}

bool
entry_read(const struct entry *e, struct ban *out)
{
	uint64_t addr[2], meta;
	int i;

	for (i = 0; i < ENTRY_TRIES; i++) {
		meta = entry_word(e, W_META);
		if ((meta & META_USED) == 0)
			return false;
		addr[0] = entry_word(e, W_ADDR0);
		addr[1] = entry_word(e, W_ADDR1);
		out->start = (int64_t)entry_word(e, W_START);
		out->end = (int64_t)entry_word(e, W_END);
		out->id = entry_word(e, W_ID);
		if (entry_word(e, W_META) != meta)
			continue;
		memcpy(out->key.addr.b, addr, sizeof(addr));
		out->key.len = META_LEN(meta);
		out->jail = META_JAIL(meta);
		out->flags = META_FLAGS(meta);
		out->nth = META_NTH(meta);
		out->origin = META_ORIGIN(meta);
		out->state = META_STATE(meta);
		return true;
	}
	return false;
}

void
chain_start(struct chain *c, const struct bantable *t, const struct addr *addr,
    unsigned len)
{
	uint64_t h;

	c->t = t;
	c->len = (uint8_t)len;
	memcpy(c->addr, addr, sizeof(c->addr));
	c->addr[0] &= mask(len < 64 ? len : 64);
	c->addr[1] &= mask(len < 64 ? 0 : len - 64);
	h = key_hash(t, c->addr, c->len);
	c->next = (uint32_t)hash_slot(h, t->nslots);
	c->left = t->nslots;
	c->tag = (uint32_t)h & (UINT32_MAX >> t->number_bits);
	__builtin_prefetch((const void *)&t->index[c->next]);
}

bool
chain_next(struct chain *c, struct ban *out)
{
	const struct bantable *t = c->t;
	uint32_t word;

	while (c->left-- > 0) {
		word = atomic_load_explicit(
		    &t->index[c->next], memory_order_acquire);
		if (word == 0)
			break;
		c->slot = c->next;
		c->next = slot_after(t, c->next);
		if (word >> t->number_bits != c->tag)
			continue;
		c->number = word_number(t, word);
		if (c->number < t->capacity &&
		    entry_read(&t->entry[c->number], out) &&
		    out->key.len == c->len &&
		    memcmp(&out->key.addr, c->addr, sizeof(c->addr)) == 0)
			return true;
	}
	c->left = 0;
	return false;
}

/* The first `bits` of eight bytes of an address, as they lie in memory. */
static uint64_t
mask(unsigned bits)
{
	return bits > 0 ? htobe64(UINT64_MAX << (64 - bits)) : 0;
}

/* The sequence number; odd if the change does not end within a moment. */
static uint64_t
read_begin(const struct bantable *t)
{
	uint64_t seq = 0;
	int i;

	for (i = 0; i < READ_PAUSES; i++) {
		seq =
		    atomic_load_explicit(&t->shared->seq, memory_order_acquire);
		if ((seq & 1) == 0)
			break;
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
	}
	return seq;
}

static bool
read_done(const struct bantable *t, uint64_t seq, unsigned tries)
{
	if (tries + 1 >= READ_TRIES)
		return true;
	return (seq & 1) == 0 &&
	    atomic_load_explicit(&t->shared->seq, memory_order_relaxed) == seq;
}

static void
refuses_once(const struct bantable *t, const struct addr *host, int64_t now,
    struct best *best)
{
	const _Atomic uint64_t *lens = lens_of(t, 0, host);
	const struct prefix whole = { *host, 128 };
	struct chain c[CHAINS];
	struct ban b;
	int len = -1, i, n;

	best->found = best->found_forced = false;
	do {
		for (n = 0; n < CHAINS && (len = lens_next(lens, len)) >= 0;)
			chain_start(&c[n++], t, host, (unsigned)len);
		for (i = 0; i < n; i++)
			while (chain_next(&c[i], &b))
				if (ban_in_force(&b, now))
					best_take(best, &b);
	} while (len >= 0);
	if (best->found && friend_once(t, &whole)) {
		best->found = best->found_forced;
		best->ban = best->forced;
	}
}

/* Keep the one that ends last, and the last of those that spare no friend. */
static void
best_take(struct best *best, const struct ban *b)
{
	if (!best->found || b->end > best->ban.end) {
		best->found = true;
		best->ban = *b;
	}
	if ((b->flags & BAN_FORCED) == 0)
		return;
	if (!best->found_forced || b->end > best->forced.end) {
		best->found_forced = true;
		best->forced = *b;
	}
}

static bool
friend_once(const struct bantable *t, const struct prefix *key)
{
	const _Atomic uint64_t *lens = lens_of(t, 1, &key->addr);
	struct prefix around = *key;
	struct ban b;
	int len = -1;

	while ((len = lens_next(lens, len)) >= 0 && len <= key->len) {
		around.len = (uint8_t)len;
		if (get_once(t, &around, BANTABLE_NO_JAIL, &b))
			return true;
	}
	return false;
}

static bool
get_once(const struct bantable *t, const struct prefix *key, uint16_t jail,
    struct ban *out)
{
	struct chain c;

	chain_start(&c, t, &key->addr, key->len);
	while (chain_next(&c, out))
		if (out->jail == jail)
			return true;
	return false;
}

static size_t
of_key_once(const struct bantable *t, const struct prefix *key, struct ban *out,
    size_t max)
{
	struct chain c;
	struct ban b;
	size_t n = 0;

	chain_start(&c, t, &key->addr, key->len);
	while (chain_next(&c, &b)) {
		if (n < max)
			out[n] = b;
		n++;
	}
	return n;
}

static size_t
covering_once(const struct bantable *t, const struct addr *host,
    struct ban *out, size_t max)
{
	const _Atomic uint64_t *bans = lens_of(t, 0, host);
	const _Atomic uint64_t *friends = lens_of(t, 1, host);
	struct prefix key = { *host, 0 };
	size_t n = 0;
	int len;

	for (len = 0; len <= 128; len++) {
		if (lens_next(bans, len - 1) != len &&
		    lens_next(friends, len - 1) != len)
			continue;
		key.len = (uint8_t)len;
		n += of_key_once(
		    t, &key, n < max ? out + n : NULL, n < max ? max - n : 0);
	}
	return n;
}

/* The lengths of bans (0) or friends (1) that may cover host. */
static const _Atomic uint64_t *
lens_of(const struct bantable *t, int kind, const struct addr *host)
{
	return t->shared->lens[kind][addr_is_v4(host) ? FAMILY_V4 : FAMILY_V6];
}

/* The first length present above `after`, or -1. */
static int
lens_next(const _Atomic uint64_t lens[LENS_WORDS], int after)
{
	uint64_t word;
	int i, from = after + 1;

	for (i = from / 64; i < LENS_WORDS; i++) {
		word = atomic_load_explicit(&lens[i], memory_order_acquire);
		if (i == from / 64)
			word &= UINT64_MAX << (from % 64);
		if (word != 0) {
			i = i * 64 + __builtin_ctzll(word);
			return i <= 128 ? i : -1;
		}
	}
	return -1;
}
