/*
 * What the firewall should hold. One element may stand for the bans of several
 * jails, so each question goes over all bans of its prefix: the answer for one
 * key and the list of all elements come from the same few lines and cannot
 * disagree.
 */
#include <stdlib.h>

#include "mxward/desired.h"

struct collect {
	const struct bantable *t;
	const struct desired_groups *g;
	int64_t now;
	struct element *out;
	size_t n;
};

static bool last_ban(const struct bantable *t, const struct desired_groups *g,
    const struct prefix *key, uint8_t group, int64_t now, struct ban *last);
static bool wanted(const struct desired_groups *g, uint8_t group,
    const struct ban *b, int64_t now, bool covered);
static struct element element_of(
    const struct prefix *key, uint8_t group, enum enforce_op op, int64_t end);
static bool collect(void *arg, const struct ban *b);

void
desired_element(const struct bantable *t, const struct desired_groups *g,
    const struct prefix *key, uint8_t group, int64_t now, struct element *out)
{
	struct ban last;

	if (last_ban(t, g, key, group, now, &last))
		*out = element_of(key, group, ENFORCE_ADD, last.end);
	else
		*out = element_of(key, group, ENFORCE_DEL, 0);
}

long
desired_all(struct bantable *t, const struct desired_groups *g, int64_t now,
    struct element **out)
{
	struct collect c = { .t = t, .g = g, .now = now };

	c.out = calloc(bantable_count(t) + 1, sizeof(*c.out));
	if (c.out == NULL)
		return -1;
	bantable_each(t, collect, &c);
	*out = c.out;
	return (long)c.n;
}

/* The ban that the element stands for: the one that ends last; of several with
 * one end, that of the lowest jail. */
static bool
last_ban(const struct bantable *t, const struct desired_groups *g,
    const struct prefix *key, uint8_t group, int64_t now, struct ban *last)
{
	struct ban bans[BANTABLE_JAILS];
	bool found = false, covered;
	size_t i, n;

	if (group == NO_GROUP)
		return false;
	covered = bantable_friend(t, key);
	n = bantable_of_key(t, key, bans, BANTABLE_JAILS);
	for (i = 0; i < n && i < BANTABLE_JAILS; i++) {
		if (!wanted(g, group, &bans[i], now, covered))
			continue;
		if (!found || bans[i].end > last->end ||
		    (bans[i].end == last->end && bans[i].jail < last->jail))
			*last = bans[i];
		found = true;
	}
	return found;
}

/* covered: the key lies wholly inside a friend. */
static bool
wanted(const struct desired_groups *g, uint8_t group, const struct ban *b,
    int64_t now, bool covered)
{
	return ban_in_force(b, now) && g->of_jail[b->jail] == group &&
	    (!covered || (b->flags & BAN_FORCED) != 0);
}

static struct element
element_of(
    const struct prefix *key, uint8_t group, enum enforce_op op, int64_t end)
{
	struct element e = { .prefix = *key, .group = group, .end = end };

	e.op = (uint8_t)op;
	return e;
}

/* Each element once: for the ban it stands for, not for the others. */
static bool
collect(void *arg, const struct ban *b)
{
	struct collect *c = arg;
	uint8_t group = c->g->of_jail[b->jail];
	struct ban last;

	if (ban_in_force(b, c->now) &&
	    last_ban(c->t, c->g, &b->key, group, c->now, &last) &&
	    last.jail == b->jail)
		c->out[c->n++] =
		    element_of(&b->key, group, ENFORCE_ADD, last.end);
	return true;
}
