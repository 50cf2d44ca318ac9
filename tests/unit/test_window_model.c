/*
 * Every verdict, count and reference of the windows against a model that keeps
 * all history and adds up anew each time.
 */
#include "window_fixture.h"

/* The model: everything that was ever counted for each key. */
#define KEYS    40
#define HISTORY 4000

struct past {
	int64_t when;
	unsigned count;
	uint64_t ref;
	uint32_t of; /* the user */
};

struct model {
	unsigned maxretry;
	int64_t findtime;
	struct past past[KEYS][HISTORY]; /* in order of arrival */
	size_t n[KEYS];
};

static bool
newest(const struct model *m, uint32_t who, int64_t *when)
{
	size_t i;

	for (i = 0; i < m->n[who]; i++)
		if (i == 0 || m->past[who][i].when > *when)
			*when = m->past[who][i].when;
	return m->n[who] > 0;
}

/* Sum of the window that ends with the newest, and its refs by time. */
static unsigned
window(const struct model *m, uint32_t who, uint64_t *refs, size_t *nrefs)
{
	int64_t last = 0, t;
	unsigned sum = 0;
	size_t i;

	*nrefs = 0;
	if (!newest(m, who, &last))
		return 0;
	for (t = last - m->findtime; t <= last; t++)
		for (i = 0; i < m->n[who]; i++) {
			if (m->past[who][i].when != t)
				continue;
			sum += m->past[who][i].count;
			if (m->past[who][i].ref != 0)
				refs[(*nrefs)++] = m->past[who][i].ref;
		}
	return sum;
}

static void
same_refs(const struct window_refs *refs, const uint64_t *want, size_t n)
{
	assert_int_equal(refs->n, n);
	if (n > 0)
		assert_memory_equal(refs->ref, want, n * sizeof(*want));
}

/* What has left the window is forgotten for good, also if the newest failure
 * that drove it out is forgotten later. */
static void
leave(struct model *m, uint32_t who)
{
	struct past *past = m->past[who];
	size_t i, left = 0;
	int64_t last = 0;

	newest(m, who, &last);
	for (i = 0; i < m->n[who]; i++)
		if (past[i].when >= last - m->findtime)
			past[left++] = past[i];
	m->n[who] = left;
}

static void
model_fail(
    struct windows *w, struct model *m, uint64_t *s, int64_t now, uint64_t step)
{
	static uint64_t want[HISTORY];
	uint32_t who = (uint32_t)(rnd(s) % KEYS);
	struct past p = { .when = now, .count = 1, .ref = step };
	struct window_refs refs = { NULL, 0 };
	size_t n;
	int verdict;

	if (rnd(s) % 3 == 0)
		p.when -= (int64_t)(rnd(s) % (2 * (uint64_t)m->findtime + 2));
	if (rnd(s) % 8 == 0)
		p.count = 1 + (unsigned)(rnd(s) % 4);
	if (rnd(s) % 8 == 0)
		p.ref = 0;
	p.of = (uint32_t)(rnd(s) % 3);
	assert_true(m->n[who] < HISTORY);
	m->past[who][m->n[who]++] = p;
	verdict = window(m, who, want, &n) >= m->maxretry;
	assert_int_equal(
	    fail_of(w, who, p.when, p.count, p.ref, p.of, &refs), verdict);
	if (!verdict) {
		leave(m, who);
		return;
	}
	same_refs(&refs, want, n);
	m->n[who] = 0;
}

static void
model_clear(struct windows *w, struct model *m, uint64_t *s)
{
	static uint64_t want[HISTORY];
	uint32_t who = (uint32_t)(rnd(s) % KEYS);
	struct window_refs refs;
	struct prefix p = key(who);
	unsigned sum;
	size_t n;

	sum = window(m, who, want, &n);
	assert_int_equal(windows_clear(w, &p, &refs), sum);
	same_refs(&refs, want, n);
	m->n[who] = 0;
}

/* A success: what one user failed at goes, and only that. */
static void
model_clear_of(struct windows *w, struct model *m, uint64_t *s)
{
	static uint64_t want[HISTORY], kept[HISTORY];
	uint32_t who = (uint32_t)(rnd(s) % KEYS), of = (uint32_t)(rnd(s) % 3);
	struct past *past = m->past[who];
	struct window_refs refs;
	struct prefix p = key(who);
	size_t i, n, nkept, gone = 0, left = 0;
	unsigned sum;

	sum = window(m, who, want, &n);
	for (i = 0; i < m->n[who]; i++)
		if (of == 0 || past[i].of != of)
			past[left++] = past[i];
	m->n[who] = left;
	sum -= window(m, who, kept, &nkept);
	assert_int_equal(windows_clear_of(w, &p, of, &refs), sum);
	/* What is gone stands in between of what is kept. */
	for (i = 0; i < n; i++) {
		if (i - gone < nkept && kept[i - gone] == want[i])
			continue;
		assert_true(gone < refs.n);
		assert_int_equal(refs.ref[gone++], want[i]);
	}
	assert_int_equal(gone, refs.n);
}

/* Both forget what no line after clock could count with. */
static void
model_prune(struct windows *w, struct model *m, int64_t clock)
{
	uint32_t who;
	int64_t last;

	windows_prune(w, clock, KEYS);
	windows_prune(w, clock, KEYS);
	for (who = 0; who < KEYS; who++)
		if (newest(m, who, &last) && last < clock - m->findtime)
			m->n[who] = 0;
}

/* What the store would give back: by arrival, by time, or in any order. */
static struct windows *
model_restart(
    struct windows *w, const struct model *m, uint64_t *s, uint32_t keys)
{
	static struct past past[HISTORY];
	struct prefix p;
	uint32_t who;
	size_t i, k, n;
	struct past swap;

	windows_free(w);
	w = windows_new(m->maxretry, m->findtime, keys);
	for (who = 0; who < KEYS; who++) {
		n = m->n[who];
		memcpy(past, m->past[who], n * sizeof(*past));
		for (i = n; rnd(s) % 2 == 0 && i > 1; i--) {
			k = rnd(s) % i;
			/* Those of one second stay in order. */
			if (past[k].when == past[i - 1].when)
				continue;
			swap = past[k];
			past[k] = past[i - 1];
			past[i - 1] = swap;
		}
		p = key(who);
		for (i = 0; i < n; i++)
			assert_int_equal(
			    windows_restore(w, &p, past[i].when, past[i].count,
				past[i].ref, past[i].of),
			    0);
	}
	return w;
}

static void
model_compare(const struct windows *w, const struct model *m)
{
	static uint64_t refs[HISTORY];
	int64_t last, got;
	uint32_t who;
	size_t n;
	struct prefix p;

	for (who = 0; who < KEYS; who++) {
		p = key(who);
		last = got = 0;
		newest(m, who, &last);
		assert_int_equal(
		    windows_count(w, &p, &got), window(m, who, refs, &n));
		assert_int_equal(got, last);
	}
}

static void
random_failures_agree_with_a_naive_model(void **state)
{
	struct model *m = malloc(sizeof(*m));
	struct windows *w;
	uint64_t seed, s, step;
	int64_t now, clock;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		s = seed * UINT64_C(0x9e3779b97f4a7c15);
		memset(m->n, 0, sizeof(m->n));
		m->maxretry = 1 + (unsigned)(rnd(&s) % 12);
		m->findtime = (int64_t)(rnd(&s) % 30);
		w = windows_new(m->maxretry, m->findtime, KEYS);
		now = 1000;
		for (step = 1; step < 1500; step++) {
			now += (int64_t)(rnd(&s) % 2);
			/* No line is later than twice findtime. */
			clock = now - 2 * m->findtime - 1;
			model_fail(w, m, &s, now, step);
			if (rnd(&s) % 10 == 0)
				windows_prune(w, clock, 7);
			if (rnd(&s) % 20 != 0)
				continue;
			model_prune(w, m, clock);
			model_compare(w, m);
			model_clear(w, m, &s);
			model_clear_of(w, m, &s);
			model_compare(w, m);
		}
		assert_int_equal(windows_evicted(w), 0);
		windows_free(w);
	}
	free(m);
}

static void
each_sum(void *arg, const struct prefix *p, unsigned count, int64_t last)
{
	(void)p;
	(void)last;
	*(uint64_t *)arg += count;
}

static void
restart_in_any_order_changes_no_verdict(void **state)
{
	struct model *m = malloc(sizeof(*m));
	struct windows *w;
	uint64_t seed, s, step, sum, want, refs[HISTORY];
	uint32_t who;
	int64_t now;
	size_t n;

	(void)state;
	for (seed = 1; seed <= 100; seed++) {
		s = seed * UINT64_C(0xbf58476d1ce4e5b9);
		memset(m->n, 0, sizeof(m->n));
		m->maxretry = 1 + (unsigned)(rnd(&s) % 12);
		m->findtime = (int64_t)(rnd(&s) % 30);
		w = windows_new(m->maxretry, m->findtime, KEYS);
		now = 1000;
		for (step = 1; step < 600; step++) {
			now += (int64_t)(rnd(&s) % 2);
			/* Ref 0: what the order within a second was, a store
			 * that is read by time does not know. */
			model_fail(w, m, &s, now, 0);
			if (rnd(&s) % 10 == 0)
				model_clear_of(w, m, &s);
			if (rnd(&s) % 40 != 0)
				continue;
			w = model_restart(w, m, &s, KEYS);
			if (m->maxretry == 1)
				continue;
			model_compare(w, m);
			for (who = 0, sum = want = 0; who < KEYS; who++)
				want += window(m, who, refs, &n);
			windows_each(w, each_sum, &sum);
			assert_int_equal(sum, want);
		}
		windows_free(w);
	}
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_failures_agree_with_a_naive_model),
		cmocka_unit_test(restart_in_any_order_changes_no_verdict),
	};

	return cmocka_run_group_tests_name("window_model", tests, NULL, NULL);
}
