/*
 * What outlives an engine: the ban table, which may be ahead of the store, and
 * the list of friends, which may have changed meanwhile.
 *
 * A ban that the table holds and the store does not is an orphan: its engine
 * died between the two. It goes on refusing (nobody gets through because an
 * engine died), but for counting it does not exist: the lines that led to it
 * come again, and decide it again. If an older ban of the same key and jail
 * comes from the store meanwhile, it cannot have the entry; it is held beside
 * the table, only to be counted with, until the orphan is decided or dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "judge_priv.h"

struct friends {
	struct judge *j;
	struct prefix *list; /* sorted */
	size_t n;
};

struct drop {
	struct judge *j;
	unsigned n;
};

static struct ban as_restored(const struct judge *j, const struct ban *given);
static bool same_ban(const struct ban *a, const struct ban *b);
static bool stands_before(
    struct judge *j, const struct ban *there, const struct ban *b);
static bool hold(struct judge *j, const struct ban *b);
static size_t held_index(const struct judge *j, const struct ban *b);
static bool adopt(void *arg, const struct ban *b);
static const char *no_longer(const struct judge *j, const struct ban *b);
static bool drop_if_orphan(void *arg, const struct ban *b);
static int prefix_cmp(const void *a, const void *b);
static long friends_add(struct judge *j, const struct friends *f);
static bool friend_keep(void *arg, const struct ban *b);
static bool end_if_friend(void *arg, const struct ban *b);

void
judge_restore_failure(struct judge *j, const char *jail,
    const struct prefix *key, int64_t when, unsigned count, struct span user,
    uint64_t id)
{
	struct judged *g;
	size_t i;

	for (i = 0; i < j->njails; i++) {
		g = &j->jail[i];
		if (strcmp(g->spec->name, jail) == 0)
			windows_restore(g->windows, key, when, count, id,
			    judge_who(g, user));
	}
}

void
judge_restore_ban(struct judge *j, const struct ban *given)
{
	struct ban b, there, held;

	if (given->jail >= BANTABLE_NO_JAIL || given->key.len > 128)
		return;
	b = as_restored(j, given);
	if (bantable_get(j->table, &b.key, b.jail, &there)) {
		if (same_ban(&there, &b))
			b.state = there.state;
		else if (there.end > b.end && stands_before(j, &there, &b))
			return;
	}
	if (judge_put(j, &b, true) == 0)
		held_take(j, &b, &held);
}

void
judge_adopt(struct judge *j)
{
	bantable_each(j->table, adopt, j);
}

unsigned
judge_drop_orphans(struct judge *j)
{
	struct drop d = { .j = j };

	if (j->orphans)
		bantable_each(j->table, drop_if_orphan, &d);
	j->orphans = false;
	return d.n;
}

int
judge_friends(struct judge *j, const struct prefix *list, size_t n)
{
	struct friends f = { .j = j, .n = n };
	long added;
	size_t i;

	f.list = calloc(n + 1, sizeof(*f.list));
	if (f.list == NULL)
		return -1;
	for (i = 0; i < n; i++)
		f.list[i] = prefix_of(&list[i].addr, list[i].len);
	qsort(f.list, n, sizeof(*f.list), prefix_cmp);
	added = friends_add(j, &f);
	if (added >= 0)
		bantable_each(j->table, friend_keep, &f);
	if (added > 0)
		bantable_each(j->table, end_if_friend, j);
	free(f.list);
	return added >= 0 ? 0 : -1;
}

const struct ban *
held_find(const struct judge *j, const struct ban *b)
{
	size_t i = held_index(j, b);

	return i < j->nheld ? &j->held[i] : NULL;
}

bool
held_take(struct judge *j, const struct ban *b, struct ban *out)
{
	size_t i = held_index(j, b);

	if (i == j->nheld)
		return false;
	*out = j->held[i];
	j->held[i] = j->held[--j->nheld];
	return true;
}

void
orphan_drop(struct judge *j, const struct ban *b)
{
	struct ban held, gone = *b;

	if (held_take(j, b, &held))
		bantable_put(j->table, &held);
	else
		bantable_del(j->table, &b->key, b->jail);
	gone.id = 0;
	if ((gone.flags & BAN_OVER) == 0)
		judge_tell_unban(j, &gone, "orphan");
}

static struct ban
as_restored(const struct judge *j, const struct ban *given)
{
	const struct judged *g = j->of_number[given->jail];
	struct ban b = *given;

	b.key = prefix_of(&b.key.addr, b.key.len);
	b.flags &= BAN_OBSERVE | BAN_OVER | BAN_FORCED;
	b.flags |= BAN_RESTORED;
	/* The jail's mode may have changed since. */
	if (g != NULL && g->spec->mode == MODE_OBSERVE)
		b.flags |= BAN_OBSERVE;
	else if (g != NULL)
		b.flags &= (uint8_t)~BAN_OBSERVE;
	return b;
}

static bool
same_ban(const struct ban *a, const struct ban *b)
{
	return a->start == b->start && a->end == b->end;
}

/*
 * Whether the ban that is in the table, and ends later, keeps its place: it is
 * a later one from the store, or an orphan with b held behind it. One that is
 * over refuses nobody, and need not.
 */
static bool
stands_before(struct judge *j, const struct ban *there, const struct ban *b)
{
	struct ban orphan = *there;

	if (there->flags & BAN_RESTORED)
		return true;
	if ((there->flags & BAN_OVER) != 0 || !hold(j, b))
		return false;
	orphan.flags |= BAN_ORPHAN;
	orphan.id = 0;
	bantable_put(j->table, &orphan);
	j->orphans = true;
	return true;
}

/* Of several for one key and jail, the one that ends last. */
static bool
hold(struct judge *j, const struct ban *b)
{
	size_t i = held_index(j, b), room;
	struct ban *held;

	if (i < j->nheld) {
		if (b->end >= j->held[i].end)
			j->held[i] = *b;
		j->held[i].flags &= (uint8_t)~BAN_RESTORED;
		return true;
	}
	if (j->nheld == j->held_room) {
		room = j->held_room > 0 ? j->held_room * 2 : 16;
		held = realloc(j->held, room * sizeof(*held));
		if (held == NULL)
			return false;
		j->held = held;
		j->held_room = room;
	}
	j->held[j->nheld] = *b;
	j->held[j->nheld++].flags &= (uint8_t)~BAN_RESTORED;
	return true;
}

/* As many as one transaction had bans at the most, and mostly none. */
static size_t
held_index(const struct judge *j, const struct ban *b)
{
	size_t i;

	for (i = 0; i < j->nheld; i++)
		if (j->held[i].jail == b->jail &&
		    prefix_eq(&j->held[i].key, &b->key))
			break;
	return i;
}

static bool
adopt(void *arg, const struct ban *b)
{
	struct judge *j = arg;
	struct ban mine = *b;
	const char *why;

	if (b->flags & BAN_FRIEND)
		return true;
	if (b->flags & BAN_RESTORED) {
		mine.flags &= (uint8_t)~BAN_RESTORED;
	} else {
		mine.flags |= BAN_ORPHAN;
		mine.id = 0;
		j->orphans = true;
	}
	why = no_longer(j, b);
	if (why != NULL)
		judge_end(j, &mine, why);
	else
		bantable_put(j->table, &mine);
	return true;
}

/* Why the configuration of today would not hold this ban, or NULL. */
static const char *
no_longer(const struct judge *j, const struct ban *b)
{
	const struct judged *g = j->of_number[b->jail];
	bool by_order = b->origin == ORIGIN_MANUAL ||
	    b->origin == ORIGIN_FLEET || b->origin == ORIGIN_LIST;

	if (g == NULL && !by_order)
		return "jail gone";
	if ((b->flags & BAN_FORCED) == 0 && judge_spares(j, g, &b->key))
		return "ignoreip";
	if (!by_order && judge_spares_some(g, &b->key))
		return "ignoreip";
	return NULL;
}

static bool
drop_if_orphan(void *arg, const struct ban *b)
{
	struct drop *d = arg;

	if (b->flags & BAN_ORPHAN) {
		orphan_drop(d->j, b);
		d->n++;
	}
	return true;
}

static int
prefix_cmp(const void *a, const void *b)
{
	const struct prefix *p = a, *q = b;
	int c = memcmp(p->addr.b, q->addr.b, sizeof(p->addr.b));

	return c != 0 ? c : (int)p->len - (int)q->len;
}

/* How many were not there, or -1 if there is no room for one. */
static long
friends_add(struct judge *j, const struct friends *f)
{
	struct ban b = { .jail = BANTABLE_NO_JAIL, .flags = BAN_FRIEND }, there;
	long added = 0;
	size_t i;

	b.end = DURATION_FOREVER;
	for (i = 0; i < f->n; i++) {
		b.key = f->list[i];
		if (bantable_get(j->table, &b.key, b.jail, &there))
			continue;
		if (judge_put(j, &b, true) == -1)
			return -1;
		added++;
	}
	return added;
}

static bool
friend_keep(void *arg, const struct ban *b)
{
	const struct friends *f = arg;

	if ((b->flags & BAN_FRIEND) != 0 &&
	    bsearch(&b->key, f->list, f->n, sizeof(*f->list), prefix_cmp) ==
		NULL)
		bantable_del(f->j->table, &b->key, b->jail);
	return true;
}

static bool
end_if_friend(void *arg, const struct ban *b)
{
	struct judge *j = arg;

	if ((b->flags & (BAN_FRIEND | BAN_FORCED)) == 0 &&
	    bantable_friend(j->table, &b->key))
		judge_end(j, b, "ignoreip");
	return true;
}
