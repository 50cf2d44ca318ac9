/*
 * A naive judge: for every line it looks through all history.
 */
#ifndef JUDGE_NAIVE_H
#define JUDGE_NAIVE_H

#include "judge_fixture.h"

#define JAILS    5
#define LINES    400
#define FAILURES (LINES * JAILS)
#define BANS     FAILURES
#define DISORDER 15

static inline uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

struct event {
	int64_t when;
	size_t filter, rule;
	struct addr host;
	unsigned count;
	unsigned user; /* 0: not known */
};

struct stored_failure {
	const char *jail;
	struct prefix key;
	int64_t when;
	unsigned count;
	unsigned user;
	bool used;
};

struct stored_ban {
	struct ban ban;
	const char *why; /* it is over, or NULL */
	unsigned nfailures;
};

/* What a database would hold; a commit is a copy. */
struct rows {
	struct stored_failure failure[FAILURES]; /* number: index + 1 */
	size_t nfailures;
	struct stored_ban ban[BANS];
	size_t nbans;
	struct jail_stats stats[JAILS];
	size_t position; /* lines read */
};

struct world {
	struct fixture f;
	struct jail_spec spec[JAILS];
	struct event event[LINES];
	int64_t clock[LINES + 1]; /* no line from here on is older */
	struct bantable *t;
	struct judge *j;
	struct rows now, committed;
	uint64_t seed;
	bool unrest; /* ticks, commits and kills at random */
	unsigned kills;
	jmp_buf killed;
};

/* Whether all of key is ignored by the jail, or else some of it. */
static inline bool
naive_ignored(const struct jail_spec *s, const struct prefix *key, bool all)
{
	size_t i;

	for (i = 0; i < s->nignoreip; i++)
		if (all ? prefix_covers(&s->ignoreip[i], key)
			: prefix_covers(key, &s->ignoreip[i]))
			return true;
	return false;
}

static inline void
naive_count(struct world *w, struct rows *r, size_t jail,
    const struct prefix *key, const struct event *e, unsigned count)
{
	const struct jail_spec *s = &w->spec[jail];
	const struct prefix host = { e->host, 128 };
	struct prefix banned = naive_ignored(s, key, false) ? host : *key;
	struct stored_ban *b;
	unsigned sum = 0, past = 0, used = 0;
	int64_t newest = e->when;
	size_t i;

	for (i = 0; i < r->nbans; i++) {
		b = &r->ban[i];
		if (b->ban.jail != jail ||
		    (!prefix_eq(&b->ban.key, key) &&
			!prefix_eq(&b->ban.key, &host)))
			continue;
		if (e->when < b->ban.end) {
			r->stats[jail].after_ban += count;
			return;
		}
		past += prefix_eq(&b->ban.key, &banned) &&
		    b->ban.start >= e->when - s->memory;
	}
	r->stats[jail].failures += count;
	r->failure[r->nfailures++] = (struct stored_failure){ s->name, *key,
		e->when, count, e->user, false };
	for (i = 0; i < r->nfailures; i++) {
		const struct stored_failure *f = &r->failure[i];

		if (f->jail == s->name && !f->used && prefix_eq(&f->key, key) &&
		    f->when > newest)
			newest = f->when;
	}
	/* What leaves the window does so for good. */
	for (i = 0; i < r->nfailures; i++)
		if (r->failure[i].jail == s->name &&
		    prefix_eq(&r->failure[i].key, key) &&
		    r->failure[i].when < newest - s->findtime)
			r->failure[i].used = true;
	if (e->when < newest - s->findtime)
		return;
	for (i = 0; i < r->nfailures; i++) {
		const struct stored_failure *f = &r->failure[i];

		if (f->jail != s->name || f->used || !prefix_eq(&f->key, key) ||
		    f->when < newest - s->findtime)
			continue;
		sum += f->count;
		used++;
	}
	if (sum < s->maxretry)
		return;
	for (i = 0; i < r->nfailures; i++)
		if (r->failure[i].jail == s->name &&
		    prefix_eq(&r->failure[i].key, key))
			r->failure[i].used = true;
	r->stats[jail].bans++;
	if (past >= s->nbantime)
		i = s->nbantime - 1;
	else
		i = past;
	b = &r->ban[r->nbans++];
	memset(b, 0, sizeof(*b));
	b->nfailures = used;
	b->ban.key = banned;
	b->ban.jail = (uint16_t)jail;
	b->ban.nth = (uint8_t)(past + 1);
	b->ban.start = e->when;
	b->ban.end = s->bantime[i] == DURATION_FOREVER
	    ? DURATION_FOREVER
	    : e->when + s->bantime[i];
}

static inline void
naive_recidive(struct world *w, struct rows *r, size_t jail,
    const struct prefix *banned, const struct event *e)
{
	const struct prefix host = { e->host, 128 };
	struct prefix key;
	size_t i;

	for (i = 0; i < JAILS; i++) {
		if (!w->spec[i].recidive ||
		    (w->spec[jail].mode == MODE_OBSERVE &&
			w->spec[i].mode != MODE_OBSERVE))
			continue;
		key = prefix_key(
		    &e->host, w->spec[i].prefix4, w->spec[i].prefix6);
		if (key.len > banned->len)
			key = *banned;
		if (naive_ignored(&w->spec[i], banned, true) ||
		    naive_ignored(&w->spec[i], &host, true)) {
			r->stats[i].ignored++;
			continue;
		}
		naive_count(w, r, i, &key, e, 1);
	}
}

static inline void
naive_line(struct world *w, struct rows *r, const struct event *e)
{
	const struct prefix host = { e->host, 128 };
	struct prefix friend = prefix("203.0.113.0/24"), key;
	const struct jail_spec *s;
	size_t jail, i, before;

	for (jail = 0; jail < JAILS; jail++) {
		s = &w->spec[jail];
		if (s->recidive || (s->rules[e->filter] >> e->rule & 1) == 0)
			continue;
		key = prefix_key(&e->host, s->prefix4, s->prefix6);
		if (e->rule == 1) {
			r->stats[jail].successes++;
			for (i = 0; s->reset_on_success && i < r->nfailures;
			     i++)
				if (r->failure[i].jail == s->name &&
				    e->user != 0 &&
				    r->failure[i].user == e->user &&
				    prefix_eq(&r->failure[i].key, &key))
					r->failure[i].used = true;
			continue;
		}
		if (prefix_contains(&friend, &e->host) ||
		    naive_ignored(s, &host, true)) {
			r->stats[jail].ignored += e->count;
			continue;
		}
		before = r->nbans;
		naive_count(w, r, jail, &key, e, e->count);
		if (r->nbans > before)
			naive_recidive(w, r, jail, &r->ban[before].ban.key, e);
	}
}

#endif
