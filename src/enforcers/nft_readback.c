/*
 * Reconciling: what the kernel holds, against what must stand. Both sides are
 * sorted by set and address and walked side by side; the differences are
 * elements again, and go the way of every other change.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <stdlib.h>
#include <string.h>

#include "mxward/duration.h"

/* Between our clock and the kernel's timers, and for rounding to seconds. */
#define TOLERANCE 2

struct diff {
	struct element *el;
	size_t n, size;
	int64_t now; /* to which struct item's left refers */
};

static long compare(
    struct nft *n, const struct element *el, size_t count, struct error *err);
static long build(
    struct nft *n, const struct item *it, size_t count, struct error *err);
static int compare_set(struct nft *n, unsigned id, const struct item *it,
    size_t count, struct diff *d, struct error *err);
static int walk(unsigned id, const struct item *it, size_t count,
    const struct held *held, size_t nheld, struct diff *d);
static bool is_over(const struct held *h, int64_t now);
static bool is_right(const struct item *it, const struct held *h, int64_t now);
static int differ(
    struct diff *d, unsigned id, const struct addr *a, int64_t left);
static int cmp(const struct addr *a, const struct addr *b);
static int repair(struct nft *n, const struct diff *d, struct error *err);

long
nft_reconcile(
    struct nft *n, const struct element *el, size_t count, struct error *err)
{
	uint32_t gen;
	long repairs;

	/* From here on every commit that is not ours will show. */
	if (nft_generation(n, &gen, err) == -1)
		return -1;
	n->gen = gen;
	n->own = 0;
	n->foreign = false;
	if ((repairs = compare(n, el, count, err)) == -1)
		n->foreign = true; /* ask again */
	return repairs;
}

static long
compare(
    struct nft *n, const struct element *el, size_t count, struct error *err)
{
	struct item *it = malloc((count + 1) * sizeof(*it));
	struct diff d = { .now = nft_now() };
	size_t i = 0, m, total;
	long built, repairs = -1;
	unsigned id;

	if (it == NULL)
		return error_set(err, "nftables: out of memory");
	total = nft_items(n, el, count, d.now, true, it);
	if ((built = build(n, it, total, err)) == -1)
		goto out;
	for (id = 0; id < SETIDS; id++) {
		for (m = 0; i + m < total && it[i + m].set == id; m++)
			continue;
		if (n->have[id] && compare_set(n, id, it + i, m, &d, err) == -1)
			goto out;
		i += m;
	}
	if (repair(n, &d, err) == 0)
		repairs = built + (long)d.n;
out:
	free(d.el);
	free(it);
	return repairs;
}

/* Sets we will need, and sets of ours that are there, get their rules. Returns
 * how many parts were missing or wrong. */
static long
build(struct nft *n, const struct item *it, size_t count, struct error *err)
{
	long broken;
	unsigned id;
	size_t i;

	if (nft_look(n, err) == -1)
		return -1;
	broken = nft_broken(n);
	for (i = 0; i < count; i++) {
		broken += it[i].left != 0 && !n->have[it[i].set];
		n->have[it[i].set] |= it[i].left != 0;
	}
	for (id = 0; id < SETIDS; id++) {
		broken += n->seen.set[id] != SET_MISSING && !n->have[id];
		n->have[id] |= n->seen.set[id] != SET_MISSING;
	}
	if (broken > 0 && nft_build(n, err) == -1)
		return -1;
	if (broken == 0)
		broken += nft_remove_stray(n);
	return broken;
}

static int
compare_set(struct nft *n, unsigned id, const struct item *it, size_t count,
    struct diff *d, struct error *err)
{
	struct held *held;
	size_t nheld;
	int rc;

	if (nft_held(n, id, &held, &nheld, err) == -1)
		return -1;
	rc = walk(id, it, count, held, nheld, d);
	free(held);
	return rc == 0 ? 0 : error_set(err, "nftables: out of memory");
}

static int
walk(unsigned id, const struct item *it, size_t count, const struct held *held,
    size_t nheld, struct diff *d)
{
	const struct held *h = held, *last = held + nheld;
	const struct item *end = it + count;
	int c, rc = 0;

	while (rc == 0 && (it < end || h < last)) {
		if (it < end && it->skip) {
			it++;
			continue;
		}
		c = it == end ? 1 : h == last ? -1 : cmp(&it->addr, &h->addr);
		if (c > 0) {
			if (!is_over(h, d->now))
				rc = differ(d, id, &h->addr, 0);
		} else if (c < 0) {
			if (it->left < 0 || it->left > TOLERANCE)
				rc = differ(d, id, &it->addr, it->left);
		} else if (!is_right(it, h, d->now)) {
			rc = differ(d, id, &it->addr, it->left);
		}
		it += c <= 0;
		h += c >= 0;
	}
	return rc;
}

/* As good as gone: the kernel will have done it before we could. */
static bool
is_over(const struct held *h, int64_t now)
{
	return h->end_ms >= 0 && h->end_ms <= (now + TOLERANCE) * 1000;
}

static bool
is_right(const struct item *it, const struct held *h, int64_t now)
{
	int64_t off;

	if (it->left < 0 || h->end_ms < 0)
		return it->left < 0 && h->end_ms < 0;
	off = h->end_ms - (now + it->left) * 1000;
	return off >= -TOLERANCE * 1000 && off <= TOLERANCE * 1000;
}

/* left as in struct item: 0 means that it must go. */
static int
differ(struct diff *d, unsigned id, const struct addr *a, int64_t left)
{
	size_t size = d->size == 0 ? 256 : d->size * 2;
	struct element *el;

	if (d->n == d->size) {
		if ((el = realloc(d->el, size * sizeof(*el))) == NULL)
			return -1;
		d->el = el;
		d->size = size;
	}
	el = &d->el[d->n++];
	el->prefix.addr = *a;
	el->prefix.len = (uint8_t)(SETID_BITS(id) + (SETID_V6(id) ? 0 : 96));
	el->group = (uint8_t)SETID_GROUP(id);
	el->op = left == 0 ? ENFORCE_DEL : ENFORCE_ADD;
	el->end = left < 0 ? DURATION_FOREVER : d->now + left;
	return 0;
}

static int
cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

static int
repair(struct nft *n, const struct diff *d, struct error *err)
{
	uint8_t *done;
	int rc;

	if (d->n == 0)
		return 0;
	if ((done = malloc(d->n)) == NULL)
		return error_set(err, "nftables: out of memory");
	rc = nft_apply(n, d->el, d->n, done, err);
	free(done);
	return rc;
}

#endif
