/* The ban table against a naive model: an array that is searched. */
#include "bantable_fixture.h"

#define MODEL_MAX 64
struct model {
	struct ban ban[MODEL_MAX];
	size_t n;
};

static size_t
model_find(const struct model *m, const struct prefix *key, uint16_t jail)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->ban[i].jail == jail && prefix_eq(&m->ban[i].key, key))
			break;
	return i;
}

static bool
model_refuses(
    const struct model *m, const struct addr *a, int64_t now, int64_t *end)
{
	int64_t any = INT64_MIN, forced = INT64_MIN;
	bool friend = false;
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct ban *b = &m->ban[i];

		if (!prefix_contains(&b->key, a))
			continue;
		if (b->flags & BAN_FRIEND)
			friend = true;
		if ((b->flags & (BAN_FRIEND | BAN_OBSERVE | BAN_OVER)) ||
		    b->end <= now)
			continue;
		if (b->end > any)
			any = b->end;
		if ((b->flags & BAN_FORCED) && b->end > forced)
			forced = b->end;
	}
	*end = friend ? forced : any;
	return *end != INT64_MIN;
}

/* A few addresses, cut at a few lengths, so that everything collides. */
static struct prefix
model_key(uint64_t *s)
{
	static const uint8_t lens[] = { 0, 64, 96, 112, 120, 127, 128, 128 };
	struct prefix p = host((uint32_t)(rnd(s) % 6));

	return prefix_of(&p.addr, lens[rnd(s) % sizeof(lens)]);
}

static bool
model_seen(void *arg, const struct ban *b)
{
	struct model *m = arg;

	assert_true(m->n < MODEL_MAX);
	m->ban[m->n++] = *b;
	return true;
}

static bool
model_delete_odd(void *arg, const struct ban *b)
{
	if (b->end % 2 != 0)
		assert_int_equal(bantable_del(arg, &b->key, b->jail), 0);
	return true;
}

static void
model_check(struct bantable *t, const struct model *m, uint64_t *s)
{
	struct model seen = { .n = 0 };
	struct ban out, all[MODEL_MAX];
	int64_t end, now, soonest = INT64_MAX;
	size_t i, k, bans = 0, covering = 0;
	struct prefix p;

	bantable_each(t, model_seen, &seen);
	assert_int_equal(seen.n, m->n);
	for (i = 0; i < m->n; i++) {
		k = model_find(&seen, &m->ban[i].key, m->ban[i].jail);
		assert_true(k < seen.n);
		assert_int_equal(seen.ban[k].end, m->ban[i].end);
		assert_int_equal(seen.ban[k].flags, m->ban[i].flags);
		assert_int_equal(seen.ban[k].state, m->ban[i].state);
		if (m->ban[i].flags & BAN_FRIEND)
			continue;
		bans++;
		if (m->ban[i].end < soonest)
			soonest = m->ban[i].end;
	}
	assert_int_equal(bantable_count(t), bans);
	assert_int_equal(bantable_soonest(t, &out), bans > 0);
	if (bans > 0)
		assert_int_equal(out.end, soonest);
	p = host((uint32_t)(rnd(s) % 8));
	now = (int64_t)(rnd(s) % 50);
	if (model_refuses(m, &p.addr, now, &end)) {
		assert_true(bantable_refuses(t, &p.addr, now, &out));
		assert_int_equal(out.end, end);
	} else {
		assert_false(bantable_refuses(t, &p.addr, now, &out));
	}
	for (i = 0; i < m->n; i++)
		covering += prefix_contains(&m->ban[i].key, &p.addr);
	assert_int_equal(
	    bantable_covering(t, &p.addr, all, MODEL_MAX), covering);
}

static void
model_step(struct bantable *t, struct model *m, uint64_t *s)
{
	static const uint8_t some[] = { 0, 0, 0, BAN_OBSERVE, BAN_OVER,
		BAN_ORPHAN, BAN_FORCED, BAN_OVER | BAN_ORPHAN };
	struct prefix key = model_key(s);
	uint16_t jail = (uint16_t)(rnd(s) % 4);
	uint8_t flags = some[rnd(s) % sizeof(some)];
	struct ban b;
	size_t i;

	if (jail == 3) {
		jail = BANTABLE_NO_JAIL;
		flags |= BAN_FRIEND;
	}
	i = model_find(m, &key, jail);
	switch (rnd(s) % 8) {
	case 0:
	case 1:
	case 2:
		b = ban(key, jail, (int64_t)(rnd(s) % 50), flags);
		if (i == m->n && m->n == bantable_capacity(t)) {
			assert_int_equal(bantable_put(t, &b), -1);
			break;
		}
		assert_int_equal(bantable_put(t, &b), 0);
		m->ban[i] = b;
		m->n += i == m->n;
		break;
	case 3:
	case 4:
		assert_int_equal(
		    bantable_del(t, &key, jail), i < m->n ? 0 : -1);
		if (i < m->n)
			m->ban[i] = m->ban[--m->n];
		break;
	case 5:
		assert_int_equal(bantable_set_flags(t, &key, jail, flags),
		    i < m->n ? 0 : -1);
		if (i < m->n)
			m->ban[i].flags = flags;
		break;
	case 6:
		assert_int_equal(bantable_set_state(t, &key, jail, BAN_FAILED),
		    i < m->n ? 0 : -1);
		if (i < m->n)
			m->ban[i].state = BAN_FAILED;
		break;
	default:
		if (rnd(s) % 50 != 0)
			break;
		bantable_repair(t);
		bantable_each(t, model_delete_odd, t);
		for (i = m->n; i-- > 0;)
			if (m->ban[i].end % 2 != 0)
				m->ban[i] = m->ban[--m->n];
	}
}

static void
random_operations_agree_with_a_naive_model(void **state)
{
	struct bantable *t;
	struct model m;
	uint64_t seed;
	int step;

	(void)state;
	for (seed = 1; seed <= 60; seed++) {
		uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15);

		t = bantable_map(1 + seed % MODEL_MAX);
		m.n = 0;
		for (step = 0; step < 2000; step++) {
			model_step(t, &m, &s);
			model_check(t, &m, &s);
		}
		bantable_unmap(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_naive_model),
	};

	return cmocka_run_group_tests_name("bantable_model", tests, NULL, NULL);
}
