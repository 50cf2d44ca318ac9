/*
 * Elements into sets, in transactions.
 *
 * The first try is the cheap one: "create" for what must stand, "delete" for
 * what must go. The kernel refuses it if one of them was there already, or was
 * not; and an "add" of what is there would leave its old end. Then the sure
 * way is taken: add all, delete all, add again those that must stand, in one
 * transaction, so that no packet meets the set in between. If that fails too,
 * an element is at fault, and halving finds it.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mxward/duration.h"

/* For longer than this is for ever, which is all the kernel can be told. */
#define CENTURY ((int64_t)36500 * 86400)

/*
 * Transactions in one call that may fail while halving. Finding one culprit
 * among 10,000 takes 28; when very many fail, it is not the elements' fault.
 */
#define FAILURES_MAX 256

enum way { CHEAP, SURE };
enum which { NAMES, STANDING, GOING };

/* One call of apply. */
struct work {
	struct nft *n;
	uint8_t *done;
	struct error *err;
	unsigned failures;
	struct error last; /* why the last transaction failed */
	bool failed;       /* something did, and err says what */
};

static int apply_batch(struct work *w, const struct element *el, size_t count);
static void make_sets(struct work *w, const struct item *it, size_t count);
static void run_items(struct work *w, const struct item *it, size_t count);
static int mend(struct nft *n);
static void halve(struct work *w, const struct item *it, size_t count);
static int run(struct work *w, const struct item *it, size_t count, enum way);
static void write_items(
    struct nft *n, const struct item *it, size_t count, enum way way);
static void write_command(struct nft *n, const char *verb,
    const struct item *it, size_t count, enum which which);
static void fail(struct work *w, const struct item *it, size_t count);
static int by_set_and_address(const void *a, const void *b);
static int64_t left_until(int64_t end, int64_t now);

int
nft_apply(struct nft *n, const struct element *el, size_t count, uint8_t *done,
    struct error *err)
{
	struct work w = { .n = n, .done = done, .err = err };
	size_t i, m;

	for (i = 0; i < count; i += m) {
		m = count - i < n->batch ? count - i : n->batch;
		w.done = done + i;
		if (apply_batch(&w, el + i, m) == -1)
			memset(done + i, 1, m);
	}
	return w.failed ? -1 : 0;
}

int64_t
nft_now(void)
{
	return (int64_t)time(NULL);
}

size_t
nft_items(const struct nft *n, const struct element *el, size_t count,
    int64_t now, bool standing, struct item *out)
{
	size_t i, m = 0;

	for (i = 0; i < count; i++) {
		if (el[i].group >= n->ngroups)
			continue;
		out[m].addr =
		    prefix_of(&el[i].prefix.addr, el[i].prefix.len).addr;
		out[m].left = !standing && el[i].op == ENFORCE_DEL
		    ? 0
		    : left_until(el[i].end, now);
		out[m].index = (uint32_t)i;
		out[m].set = (uint16_t)nft_setid(el[i].group, &el[i].prefix);
		out[m].skip = false;
		m++;
	}
	if (m > 1)
		qsort(out, m, sizeof(*out), by_set_and_address);
	for (i = 1; i < m; i++)
		out[i - 1].skip = out[i - 1].set == out[i].set &&
		    memcmp(&out[i - 1].addr, &out[i].addr,
			sizeof(out[i].addr)) == 0;
	return m;
}

/* -1 if nothing of it could be tried. */
static int
apply_batch(struct work *w, const struct element *el, size_t count)
{
	struct item *it = malloc(count * sizeof(*it));
	size_t i, m;

	if (it == NULL) {
		if (!w->failed)
			error_set(w->err, "nftables: out of memory");
		w->failed = true;
		return -1;
	}
	memset(w->done, 0, count);
	for (i = 0; i < count; i++) {
		if (el[i].group < w->n->ngroups)
			continue;
		if (!w->failed)
			error_set(
			    w->err, "nftables: no port group %u", el[i].group);
		w->done[i] = 1;
		w->failed = true;
	}
	m = nft_items(w->n, el, count, nft_now(), false, it);
	make_sets(w, it, m);
	run_items(w, it, m);
	/* What was superseded shares the fate of its successor. */
	for (i = m; i-- > 1;)
		if (it[i - 1].skip)
			w->done[it[i - 1].index] = w->done[it[i].index];
	free(it);
	return 0;
}

/* The first element of a prefix length brings its set and rule. */
static void
make_sets(struct work *w, const struct item *it, size_t count)
{
	bool missing = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (it[i].left == 0 || w->n->have[it[i].set])
			continue;
		w->n->have[it[i].set] = 1;
		missing = true;
	}
	/* If that fails the elements will, too. */
	if (missing)
		(void)nft_build(w->n, NULL);
}

static void
run_items(struct work *w, const struct item *it, size_t count)
{
	if (run(w, it, count, CHEAP) == 0 || run(w, it, count, SURE) == 0)
		return;
	/* Perhaps somebody took our table away; elements that are gone with it
	 * come back with the next reconcile. */
	if (mend(w->n) == 1 && run(w, it, count, SURE) == 0)
		return;
	halve(w, it, count);
}

/* 1 if something had to be built again. */
static int
mend(struct nft *n)
{
	if (nft_look(n, NULL) == -1 || nft_broken(n) == 0)
		return 0;
	n->foreign = true;
	return nft_build(n, NULL) == 0;
}

static void
halve(struct work *w, const struct item *it, size_t count)
{
	if (count <= 1 || w->failures >= FAILURES_MAX) {
		fail(w, it, count);
		return;
	}
	if (run(w, it, count / 2, SURE) == -1)
		halve(w, it, count / 2);
	if (run(w, it + count / 2, count - count / 2, SURE) == -1)
		halve(w, it + count / 2, count - count / 2);
}

static int
run(struct work *w, const struct item *it, size_t count, enum way way)
{
	text_clear(&w->n->text);
	write_items(w->n, it, count, way);
	if (nft_run(w->n, &w->last) == 0)
		return 0;
	w->failures += way == SURE;
	return -1;
}

/* A set at a time, so that its elements share one command. */
static void
write_items(struct nft *n, const struct item *it, size_t count, enum way way)
{
	size_t i, m;

	for (i = 0; i < count; i += m) {
		for (m = 1; i + m < count && it[i + m].set == it[i].set; m++)
			continue;
		if (!n->have[it[i].set])
			continue; /* nothing to delete */
		if (way == SURE) {
			write_command(n, "add", it + i, m, NAMES);
			write_command(n, "delete", it + i, m, NAMES);
			write_command(n, "add", it + i, m, STANDING);
		} else {
			write_command(n, "create", it + i, m, STANDING);
			write_command(n, "delete", it + i, m, GOING);
		}
	}
}

static void
write_command(struct nft *n, const char *verb, const struct item *it,
    size_t count, enum which which)
{
	bool v6 = SETID_V6(it->set), first = true;
	char name[SETNAME_LEN];
	size_t i;

	nft_setname(n, it->set, name);
	for (i = 0; i < count; i++) {
		if (it[i].skip || (which == STANDING && it[i].left == 0) ||
		    (which == GOING && it[i].left != 0))
			continue;
		if (first) {
			text_str(&n->text, verb);
			text_str(&n->text, " element inet ");
			text_str(&n->text, n->table);
			text_str(&n->text, " ");
			text_str(&n->text, name);
		}
		text_str(&n->text, first ? " { " : ", ");
		text_addr(&n->text, &it[i].addr, v6);
		if (which == STANDING)
			text_left(&n->text, it[i].left);
		first = false;
	}
	if (!first)
		text_str(&n->text, " }\n");
}

static void
fail(struct work *w, const struct item *it, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		w->done[it[i].index] = 1;
	if (!w->failed)
		error_set(w->err, "%s", w->last.text);
	w->failed = true;
}

/* Of one key the later comes later. */
static int
by_set_and_address(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if ((c = memcmp(&x->addr, &y->addr, sizeof(x->addr))) != 0)
		return c;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int64_t
left_until(int64_t end, int64_t now)
{
	if (end == DURATION_FOREVER)
		return -1;
	if (end <= now)
		return 0;
	return end - now > CENTURY ? -1 : end - now;
}

#endif
