/* Inside the judge. */
#ifndef JUDGE_PRIV_H
#define JUDGE_PRIV_H

#include "mxward/duration.h"
#include "mxward/error.h"
#include "mxward/judge.h"

struct judged {
	const struct jail_spec *spec;
	uint16_t number; /* in the ban table's directory */
	struct windows *windows;
	struct jail_stats stats;
};

/* Which jails want which rule of a filter: those of rule r are
 * jail[first[r]] … jail[first[r + 1] - 1]. */
struct wants {
	const struct filter *filter;
	size_t nrules;
	size_t *first;
	uint8_t *jail;
};

struct judge {
	struct bantable *table;
	const struct judge_hooks *hooks;
	void *arg;
	struct judged *jail;
	size_t njails;
	struct judged *of_number[BANTABLE_JAILS];
	struct wants *wants;
	size_t nwants;
	/* Bans from the store whose place an orphan holds; see judge_keep.c. */
	struct ban *held;
	size_t nheld, held_room;
	bool orphans; /* there may be some */
};

static inline int64_t
time_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* judge.c: whether nobody in key is ever banned by that jail (NULL: by any). */
bool judge_spares(
    const struct judge *j, const struct judged *g, const struct prefix *key);
/* Whether somebody in key is in the ignoreip of the jail (which may be NULL), but
 * not all of them. */
bool judge_spares_some(const struct judged *g, const struct prefix *key);
/* Who a failure is about, for the jail's windows: 0 if nobody asks. */
uint32_t judge_who(const struct judged *g, struct span user);
/* One failure of f->key in one jail; `who` did it. */
void judge_count(struct judge *j, struct judged *g, const struct failure *f,
    const struct prefix *who);

/* judge_ban.c: the failure that made maxretry, and why. */
void judge_decide(struct judge *j, const struct judged *g,
    const struct failure *f, const struct window_refs *why);
/* Into the table. If it is full, a ban that is over makes room, or (evict) the
 * next to end. 0, or -1 if nothing can. */
int judge_put(struct judge *j, const struct ban *b, bool evict);
/* Out of the table, and tell. */
void judge_end(struct judge *j, const struct ban *b, const char *why);
void judge_tell_unban(struct judge *j, const struct ban *b, const char *why);

/* judge_keep.c: the ban that counts for b's key and jail instead of the orphan
 * b, or NULL; held_take also removes it from the list. */
const struct ban *held_find(const struct judge *j, const struct ban *b);
bool held_take(struct judge *j, const struct ban *b, struct ban *out);
/* The orphan goes; what it stood in front of comes back. */
void orphan_drop(struct judge *j, const struct ban *b);

#endif
