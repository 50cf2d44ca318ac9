/*
 * A judge whose hooks write a line each, so that a test compares what happened
 * and in which order.
 */
#ifndef JUDGE_WORLD_H
#define JUDGE_WORLD_H

#include "judge_fixture.h"

#include <stdio.h>
#include <string.h>

#define LOG_SIZE 8192

struct world {
	struct fixture f;
	struct bantable *t;
	struct judge *j;
	struct jail_spec spec[4];
	size_t nspecs;
	char log[LOG_SIZE];
	uint64_t id;
	unsigned past;
	int64_t since;
	struct failure last;
	struct span user; /* of what is seen */
};

static void say(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void
say(struct world *w, const char *fmt, ...)
{
	size_t n = strlen(w->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->log + n, sizeof(w->log) - n, fmt, ap);
	va_end(ap);
}

static inline void
heard(struct world *w, const char *want)
{
	assert_string_equal(w->log, want);
	w->log[0] = '\0';
}

static inline bool
refuses(const struct world *w, const char *host, int64_t now)
{
	struct prefix p = prefix(host);

	return bantable_refuses(w->t, &p.addr, now, NULL);
}

static inline uint64_t
on_failure(void *arg, const struct failure *f)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];

	w->last = *f;
	say(w, "failure %s %s %d x%u\n", bantable_jail_name(w->t, f->jail),
	    prefix_format(&f->key, key), (int)f->when, f->count);
	return ++w->id;
}

static inline unsigned
on_past(void *arg, uint16_t jail, const struct prefix *key, int64_t since)
{
	struct world *w = arg;

	(void)jail;
	(void)key;
	w->since = since;
	say(w, "past\n");
	return w->past;
}

static inline uint64_t
on_ban(void *arg, const struct ban *b, const struct window_refs *why)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];
	struct ban there;
	size_t i;

	/* The table comes first. */
	assert_true(bantable_get(w->t, &b->key, b->jail, &there));
	assert_true(there.end == b->end);
	say(w, "ban %s %s %d-%d nth %u because",
	    bantable_jail_name(w->t, b->jail), prefix_format(&b->key, key),
	    (int)b->start, (int)b->end, b->nth);
	for (i = 0; i < why->n; i++)
		say(w, " %u", (unsigned)why->ref[i]);
	say(w, "\n");
	return ++w->id;
}

static inline void
on_cleared(void *arg, const struct window_refs *refs)
{
	size_t i;

	say(arg, "cleared");
	for (i = 0; i < refs->n; i++)
		say(arg, " %u", (unsigned)refs->ref[i]);
	say(arg, "\n");
}

static inline void
on_unban(void *arg, const struct ban *b, const char *why)
{
	struct world *w = arg;
	char key[PREFIX_STRLEN];

	assert_int_equal(b->flags & BAN_RESTORED, 0);
	say(w, "unban %s %s #%u %s\n", bantable_jail_name(w->t, b->jail),
	    prefix_format(&b->key, key), (unsigned)b->id, why);
}

static const struct judge_hooks hooks = { on_failure, on_past, on_ban,
	on_cleared, on_unban };

/* A jail that counts failures of the first filter's rule 0 and successes. */
static inline struct jail_spec *
jail(struct world *w, const char *name)
{
	static const uint64_t rules[2] = { 3, 0 };
	struct jail_spec *s = &w->spec[w->nspecs++];

	s->name = name;
	s->maxretry = 3;
	s->findtime = 100;
	s->bantime[0] = 600;
	s->nbantime = 1;
	s->memory = 5000;
	s->prefix4 = 32;
	s->prefix6 = 64;
	s->filters = w->f.both;
	s->rules = rules;
	s->nfilters = 2;
	s->max_hosts = 1000;
	return s;
}

static inline void
begin(struct world *w)
{
	w->j = judge_new(w->spec, w->nspecs, w->t, &hooks, w);
	assert_non_null(w->j);
}

static inline void
see(struct world *w, size_t rule, const char *host, int64_t when)
{
	struct prefix p = prefix(host);
	struct match m = fixture_match(&w->f, 0, rule, &p.addr, 1);

	m.user = w->user;
	judge_match(w->j, &m, when, span_of("the line"));
}

static inline void
fail_times(struct world *w, const char *host, int64_t when, int n)
{
	while (n-- > 0)
		see(w, 0, host, when);
}

static inline int
setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	fixture_init(&w.f);
	w.t = bantable_map(8);
	*state = &w;
	return w.t == NULL;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	judge_free(w->j);
	bantable_unmap(w->t);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
