#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "mxward/desired.h"
#include "mxward/duration.h"

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

/* Jails 0 and 1 share group 4, jail 2 has group 7, the others none. */
static struct desired_groups
groups(void)
{
	struct desired_groups g;
	size_t i;

	for (i = 0; i < BANTABLE_JAILS; i++)
		g.of_jail[i] = NO_GROUP;
	g.of_jail[0] = g.of_jail[1] = 4;
	g.of_jail[2] = 7;
	return g;
}

static void
put(struct bantable *t, const char *key, uint16_t jail, int64_t end,
    uint8_t flags)
{
	struct ban b = { .key = prefix(key), .jail = jail, .flags = flags };

	b.end = end;
	assert_int_equal(bantable_put(t, &b), 0);
}

static const struct {
	const char *what;
	struct {
		const char *key;
		uint16_t jail;
		int64_t end;
		uint8_t flags;
	} ban[3];
	uint8_t group;
	int64_t end; /* 0: none */
} cases[] = {
	{ "no ban", { { NULL, 0, 0, 0 } }, 4, 0 },
	{ "one ban", { { "192.0.2.1", 0, 500, 0 } }, 4, 500 },
	{ "another group", { { "192.0.2.1", 0, 500, 0 } }, 7, 0 },
	{ "a jail without a group", { { "192.0.2.1", 9, 500, 0 } }, NO_GROUP,
	    0 },
	{ "the later of two jails",
	    { { "192.0.2.1", 0, 500, 0 }, { "192.0.2.1", 1, 900, 0 } }, 4,
	    900 },
	{ "not the later of another group",
	    { { "192.0.2.1", 0, 500, 0 }, { "192.0.2.1", 2, 900, 0 } }, 4,
	    500 },
	{ "not of a network around it",
	    { { "192.0.2.1", 0, 500, 0 }, { "192.0.2.0/24", 1, 900, 0 } }, 4,
	    500 },
	{ "never ends",
	    { { "192.0.2.1", 0, DURATION_FOREVER, 0 },
		{ "192.0.2.1", 1, 900, 0 } },
	    4, DURATION_FOREVER },
	{ "ended", { { "192.0.2.1", 0, 100, 0 } }, 4, 0 },
	{ "observed", { { "192.0.2.1", 0, 500, BAN_OBSERVE } }, 4, 0 },
	{ "over", { { "192.0.2.1", 0, 500, BAN_OVER } }, 4, 0 },
	{ "orphan", { { "192.0.2.1", 0, 500, BAN_ORPHAN } }, 4, 500 },
	{ "a friend",
	    { { "192.0.2.1", 0, 500, 0 },
		{ "192.0.2.1", BANTABLE_NO_JAIL, DURATION_FOREVER,
		    BAN_FRIEND } },
	    4, 0 },
	{ "inside a friend",
	    { { "192.0.2.1", 0, 500, 0 },
		{ "192.0.2.0/24", BANTABLE_NO_JAIL, DURATION_FOREVER,
		    BAN_FRIEND } },
	    4, 0 },
	{ "forced inside a friend",
	    { { "192.0.2.1", 0, 500, BAN_FORCED }, { "192.0.2.1", 1, 900, 0 },
		{ "192.0.2.0/24", BANTABLE_NO_JAIL, DURATION_FOREVER,
		    BAN_FRIEND } },
	    4, 500 },
};

static void
what_stands_for_a_prefix_and_group(void **state)
{
	struct desired_groups g = groups();
	struct prefix key = prefix("192.0.2.1");
	struct element e, *all;
	struct bantable *t;
	size_t i, k;
	long n, found;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t = bantable_map(10);
		for (k = 0; k < 3 && cases[i].ban[k].key != NULL; k++)
			put(t, cases[i].ban[k].key, cases[i].ban[k].jail,
			    cases[i].ban[k].end, cases[i].ban[k].flags);
		desired_element(t, &g, &key, cases[i].group, 100, &e);
		if (e.op != (cases[i].end != 0 ? ENFORCE_ADD : ENFORCE_DEL) ||
		    e.end != cases[i].end)
			fail_msg("%s", cases[i].what);
		assert_true(prefix_eq(&e.prefix, &key));
		assert_int_equal(e.group, cases[i].group);
		n = desired_all(t, &g, 100, &all);
		for (k = 0, found = 0; k < (size_t)n; k++)
			found += prefix_eq(&all[k].prefix, &key) &&
			    all[k].group == cases[i].group &&
			    all[k].end == cases[i].end;
		if (found != (cases[i].end != 0))
			fail_msg("%s, in the list of all", cases[i].what);
		free(all);
		bantable_unmap(t);
	}
}

static void
network_with_a_friend_in_it_stands(void **state)
{
	struct bantable *t = bantable_map(10);
	struct desired_groups g = groups();
	struct prefix key = prefix("2001:db8::/64");
	struct element e;

	(void)state;
	put(t, "2001:db8::/64", 0, 500, 0);
	put(t, "2001:db8::1", BANTABLE_NO_JAIL, DURATION_FOREVER, BAN_FRIEND);
	desired_element(t, &g, &key, 4, 100, &e);
	assert_int_equal(e.op, ENFORCE_ADD);
	bantable_unmap(t);
}

static void
every_jail_of_one_prefix_is_looked_at(void **state)
{
	struct bantable *t = bantable_map(300);
	struct desired_groups g;
	struct prefix key = prefix("192.0.2.1");
	struct element e, *all;
	uint16_t jail;

	(void)state;
	for (jail = 0; jail < BANTABLE_NO_JAIL; jail++) {
		g.of_jail[jail] = 1;
		put(t, "192.0.2.1", jail, 1000 + jail % 200, 0);
	}
	g.of_jail[BANTABLE_NO_JAIL] = NO_GROUP;
	desired_element(t, &g, &key, 1, 100, &e);
	assert_int_equal(e.end, 1199);
	assert_int_equal(desired_all(t, &g, 100, &all), 1);
	assert_int_equal(all[0].end, 1199);
	free(all);
	bantable_unmap(t);
}

/* The list of all is what the single answers say, each once. */
static void
list_and_single_answers_agree(void **state)
{
	static const char *const keys[] = { "192.0.2.1", "192.0.2.2",
		"192.0.2.0/24", "2001:db8::/64", "2001:db8::", "10.0.0.0/8" };
	static const uint8_t flags[] = { 0, 0, 0, BAN_OBSERVE, BAN_OVER,
		BAN_ORPHAN, BAN_FORCED, 0 };
	struct desired_groups g = groups();
	struct element e, *all;
	struct bantable *t;
	struct prefix key;
	uint64_t s = 42;
	size_t i, k, want;
	uint8_t group;
	long n, m;

	(void)state;
	for (i = 0; i < 3000; i++) {
		t = bantable_map(40);
		for (k = rnd(&s) % 20; k > 0; k--)
			put(t, keys[rnd(&s) % 6], (uint16_t)(rnd(&s) % 4),
			    90 + (int64_t)(rnd(&s) % 30), flags[rnd(&s) % 8]);
		if (rnd(&s) % 2 == 0)
			put(t, keys[rnd(&s) % 6], BANTABLE_NO_JAIL,
			    DURATION_FOREVER, BAN_FRIEND);
		n = desired_all(t, &g, 100, &all);
		for (k = 0, want = 0; k < 6; k++)
			for (group = 4; group <= 7; group += 3) {
				key = prefix(keys[k]);
				desired_element(t, &g, &key, group, 100, &e);
				if (e.op == ENFORCE_DEL)
					continue;
				want++;
				for (m = 0; m < n; m++)
					if (prefix_eq(&all[m].prefix, &key) &&
					    all[m].group == group &&
					    all[m].end == e.end &&
					    all[m].op == ENFORCE_ADD)
						break;
				assert_true(m < n);
			}
		assert_int_equal(n, want);
		free(all);
		bantable_unmap(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_for_a_prefix_and_group),
		cmocka_unit_test(network_with_a_friend_in_it_stands),
		cmocka_unit_test(every_jail_of_one_prefix_is_looked_at),
		cmocka_unit_test(list_and_single_answers_agree),
	};

	return cmocka_run_group_tests_name("desired", tests, NULL, NULL);
}
