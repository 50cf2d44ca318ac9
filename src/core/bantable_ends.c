/*
 * The writer's own view of the ban table: which entry ends next, and which
 * entries are free. Not shared, because only the writer asks; a new writer
 * builds it again from the entries.
 *
 * Two binary heaps, so that a tick asks for exactly what is due: bans whose
 * end is to be announced, and announced ones that may be forgotten. They grow
 * towards each other in one array, as together they hold each entry once.
 */
#include "bantable_priv.h"

static uint32_t *node(const struct bantable *t, int q, uint32_t i);
static bool sooner(const struct bantable *t, uint32_t a, uint32_t b);
static void put_node(struct bantable *t, int q, uint32_t i, uint32_t number);
static void sift_up(struct bantable *t, int q, uint32_t i, uint32_t number);
static void sift_down(struct bantable *t, int q, uint32_t i, uint32_t number);
static bool first(const struct bantable *t, int q, struct ban *out);

size_t
bantable_count(const struct bantable *t)
{
	return (size_t)t->ends.n[0] + t->ends.n[1];
}

bool
bantable_soonest(struct bantable *t, struct ban *out)
{
	struct ban over;

	if (!first(t, 1, &over))
		return first(t, 0, out);
	if (!first(t, 0, out) || over.end <= out->end)
		*out = over;
	return true;
}

bool
bantable_soonest_waiting(struct bantable *t, struct ban *out)
{
	return first(t, 0, out);
}

bool
bantable_soonest_over(struct bantable *t, struct ban *out)
{
	return first(t, 1, out);
}

void
ends_add(struct bantable *t, uint32_t number, bool over)
{
	sift_up(t, over, t->ends.n[over]++, number);
}

void
ends_remove(struct bantable *t, uint32_t number, bool over)
{
	uint32_t i = t->ends.pos[number], last;

	last = *node(t, over, --t->ends.n[over]);
	if (last == number)
		return;
	put_node(t, over, i, last);
	ends_changed(t, last, over);
}

void
ends_changed(struct bantable *t, uint32_t number, bool over)
{
	uint32_t i = t->ends.pos[number];

	if (i > 0 && sooner(t, number, *node(t, over, (i - 1) / 2)))
		sift_up(t, over, i, number);
	else
		sift_down(t, over, i, number);
}

uint32_t
ends_take_free(struct bantable *t)
{
	uint32_t number, high;

	if (t->ends.free != 0) {
		number = t->ends.free - 1;
		t->ends.free = t->ends.pos[number];
		return number;
	}
	high = atomic_load_explicit(&t->shared->high, memory_order_relaxed);
	atomic_store_explicit(&t->shared->high, high + 1, memory_order_release);
	return high;
}

void
ends_give_free(struct bantable *t, uint32_t number)
{
	t->ends.pos[number] = t->ends.free;
	t->ends.free = number + 1;
}

static uint32_t *
node(const struct bantable *t, int q, uint32_t i)
{
	return &t->ends.heap[q == 0 ? i : t->capacity - 1 - i];
}

static bool
sooner(const struct bantable *t, uint32_t a, uint32_t b)
{
	return (int64_t)entry_word(&t->entry[a], W_END) <
	    (int64_t)entry_word(&t->entry[b], W_END);
}

static void
put_node(struct bantable *t, int q, uint32_t i, uint32_t number)
{
	*node(t, q, i) = number;
	t->ends.pos[number] = i;
}

static void
sift_up(struct bantable *t, int q, uint32_t i, uint32_t number)
{
	uint32_t parent;

	while (i > 0) {
		parent = *node(t, q, (i - 1) / 2);
		if (!sooner(t, number, parent))
			break;
		put_node(t, q, i, parent);
		i = (i - 1) / 2;
	}
	put_node(t, q, i, number);
}

static void
sift_down(struct bantable *t, int q, uint32_t i, uint32_t number)
{
	uint32_t child;

	while ((child = 2 * i + 1) < t->ends.n[q]) {
		if (child + 1 < t->ends.n[q] &&
		    sooner(t, *node(t, q, child + 1), *node(t, q, child)))
			child++;
		if (!sooner(t, *node(t, q, child), number))
			break;
		put_node(t, q, i, *node(t, q, child));
		i = child;
	}
	put_node(t, q, i, number);
}

static bool
first(const struct bantable *t, int q, struct ban *out)
{
	return t->ends.n[q] > 0 && entry_read(&t->entry[*node(t, q, 0)], out);
}
