/*
 * The ban table against a naive model, its readers against a writer that never
 * rests, and both against a writer that is killed: at random, and after every
 * single instruction of a change.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/core/bantable_priv.h"
#include "mxward/duration.h"

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_of(text), &a), 0);
	return a;
}

static struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

/* The i-th host of a family of test hosts. */
static struct prefix
host(uint32_t i)
{
	struct prefix p = { .len = 128 };

	p.addr.b[10] = p.addr.b[11] = 0xff;
	p.addr.b[12] = 10;
	p.addr.b[13] = (uint8_t)(i >> 16);
	p.addr.b[14] = (uint8_t)(i >> 8);
	p.addr.b[15] = (uint8_t)i;
	return p;
}

static struct ban
ban(struct prefix key, uint16_t jail, int64_t end, uint8_t flags)
{
	struct ban b = { .key = key, .jail = jail, .flags = flags };

	b.start = end - 100;
	b.end = end;
	b.id = (uint64_t)end * 7 + jail;
	return b;
}

static void
put(struct bantable *t, const char *key, uint16_t jail, int64_t end,
    uint8_t flags)
{
	struct ban b = ban(prefix(key), jail, end, flags);

	assert_int_equal(bantable_put(t, &b), 0);
}

static bool
refuses(const struct bantable *t, const char *text, int64_t now)
{
	struct addr a = addr(text);

	return bantable_refuses(t, &a, now, NULL);
}

static void
empty_table_refuses_nobody(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p = prefix("192.0.2.1");
	struct ban b;

	(void)state;
	assert_false(refuses(t, "192.0.2.1", 0));
	assert_false(bantable_get(t, &p, 0, &b));
	assert_false(bantable_soonest(t, &b));
	assert_int_equal(bantable_count(t), 0);
	assert_int_equal(bantable_capacity(t), 10);
	assert_int_equal(bantable_del(t, &p, 0), -1);
	assert_int_equal(bantable_set_state(t, &p, 0, BAN_FAILED), -1);
	assert_int_equal(bantable_set_flags(t, &p, 0, 0), -1);
	bantable_repair(t);
	bantable_unmap(t);
	bantable_unmap(NULL);
}

static void
ban_keeps_every_field(void **state)
{
	struct bantable *t = bantable_map(10);
	struct ban out, b = { .key = prefix("2001:db8:1:2::/64"), .jail = 254 };

	(void)state;
	b.origin = ORIGIN_LIST;
	b.state = BAN_FAILED;
	b.flags = BAN_ORPHAN;
	b.nth = 255;
	b.start = -5;
	b.end = DURATION_FOREVER;
	b.id = UINT64_MAX;
	assert_int_equal(bantable_put(t, &b), 0);
	assert_true(bantable_get(t, &b.key, 254, &out));
	assert_true(prefix_eq(&out.key, &b.key));
	assert_int_equal(out.jail, 254);
	assert_int_equal(out.origin, ORIGIN_LIST);
	assert_int_equal(out.state, BAN_FAILED);
	assert_int_equal(out.flags, BAN_ORPHAN);
	assert_int_equal(out.nth, 255);
	assert_true(out.start == -5);
	assert_true(out.end == DURATION_FOREVER);
	assert_true(out.id == UINT64_MAX);
	bantable_unmap(t);
}

static void
who_is_refused(void **state)
{
	static const struct {
		const char *what;
		const char *key[3]; /* of bans and friends */
		uint8_t flags[3];
		const char *host;
		bool refused;
	} cases[] = {
		{ "the host", { "192.0.2.1" }, { 0 }, "192.0.2.1", true },
		{ "mapped form", { "192.0.2.1" }, { 0 }, "::ffff:192.0.2.1",
		    true },
		{ "its neighbour", { "192.0.2.1" }, { 0 }, "192.0.2.2", false },
		{ "in a network", { "192.0.2.0/24" }, { 0 }, "192.0.2.9",
		    true },
		{ "beside it", { "192.0.2.0/24" }, { 0 }, "192.0.3.9", false },
		{ "in a /64", { "2001:db8::/64" }, { 0 }, "2001:db8::5",
		    true },
		{ "all of IPv4", { "0.0.0.0/0" }, { 0 }, "203.0.113.1", true },
		{ "not IPv6", { "0.0.0.0/0" }, { 0 }, "2001:db8::1", false },
		{ "everybody", { "::/0" }, { 0 }, "203.0.113.1", true },
		{ "observed", { "192.0.2.1" }, { BAN_OBSERVE }, "192.0.2.1",
		    false },
		{ "over", { "192.0.2.1" }, { BAN_OVER }, "192.0.2.1", false },
		{ "orphan", { "192.0.2.1" }, { BAN_ORPHAN }, "192.0.2.1",
		    true },
		{ "only a friend", { "192.0.2.1" }, { BAN_FRIEND }, "192.0.2.1",
		    false },
		{ "friend in a banned network",
		    { "192.0.2.0/24", "192.0.2.7" }, { 0, BAN_FRIEND },
		    "192.0.2.7", false },
		{ "the friend's neighbour", { "192.0.2.0/24", "192.0.2.7" },
		    { 0, BAN_FRIEND }, "192.0.2.8", true },
		{ "in a friend's network", { "192.0.2.7", "192.0.0.0/16" },
		    { 0, BAN_FRIEND }, "192.0.2.7", false },
		{ "forced upon a friend", { "192.0.2.7", "192.0.2.7" },
		    { BAN_FORCED, BAN_FRIEND }, "192.0.2.7", true },
		{ "observed host in a banned network",
		    { "192.0.2.7", "192.0.2.0/24" }, { BAN_OBSERVE, 0 },
		    "192.0.2.7", true },
	};
	struct bantable *t;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t = bantable_map(10);
		for (k = 0; k < 3 && cases[i].key[k] != NULL; k++)
			put(t, cases[i].key[k],
			    cases[i].flags[k] & BAN_FRIEND ? BANTABLE_NO_JAIL :
							     1,
			    100, cases[i].flags[k]);
		if (refuses(t, cases[i].host, 99) != cases[i].refused)
			fail_msg("%s", cases[i].what);
		assert_false(refuses(t, cases[i].host, 100));
		bantable_unmap(t);
	}
}

static void
of_several_bans_the_last_to_end_is_reported(void **state)
{
	struct bantable *t = bantable_map(10);
	struct addr a = addr("192.0.2.1");
	struct ban out;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.0/24", 1, 300, 0);
	put(t, "192.0.2.1", 2, 200, 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 1);
	assert_int_equal(out.end, 300);
	assert_int_equal(bantable_del(t, &out.key, 1), 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 2);
	assert_true(bantable_refuses(t, &a, 199, &out));
	assert_false(bantable_refuses(t, &a, 200, &out));
	bantable_unmap(t);
}

static void
forced_ban_of_a_friend_is_the_one_reported(void **state)
{
	struct bantable *t = bantable_map(10);
	struct addr a = addr("192.0.2.1");
	struct ban out;

	(void)state;
	put(t, "192.0.2.0/24", BANTABLE_NO_JAIL, DURATION_FOREVER, BAN_FRIEND);
	put(t, "192.0.2.1", 1, 100, BAN_FORCED);
	put(t, "192.0.2.1", 2, 200, 0);
	assert_true(bantable_refuses(t, &a, 50, &out));
	assert_int_equal(out.jail, 1);
	assert_false(bantable_refuses(t, &a, 150, &out));
	bantable_unmap(t);
}

static void
every_prefix_length_is_found_and_forgotten(void **state)
{
	struct bantable *t = bantable_map(200);
	struct addr a = addr("2001:db8:aaaa:5555:aaaa:5555:aaaa:5555");
	struct ban out[129], b;
	unsigned len;

	(void)state;
	for (len = 0; len <= 128; len++) {
		b = ban(prefix_of(&a, len), 3, 1000 + len, 0);
		assert_int_equal(bantable_put(t, &b), 0);
	}
	assert_int_equal(bantable_covering(t, &a, out, 129), 129);
	assert_int_equal(bantable_covering(t, &a, out, 5), 129);
	for (len = 128; len > 0; len--) {
		assert_true(bantable_refuses(t, &a, 0, &b));
		assert_int_equal(b.key.len, len);
		assert_int_equal(bantable_del(t, &b.key, 3), 0);
	}
	assert_int_equal(bantable_covering(t, &a, out, 129), 1);
	bantable_unmap(t);
}

static void
friend_covers_only_what_lies_wholly_inside(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p;

	(void)state;
	put(t, "192.0.2.128/25", BANTABLE_NO_JAIL, DURATION_FOREVER,
	    BAN_FRIEND);
	p = prefix("192.0.2.200");
	assert_true(bantable_friend(t, &p));
	p = prefix("192.0.2.128/25");
	assert_true(bantable_friend(t, &p));
	p = prefix("192.0.2.0/24");
	assert_false(bantable_friend(t, &p));
	p = prefix("192.0.2.1");
	assert_false(bantable_friend(t, &p));
	bantable_unmap(t);
}

static void
full_table_takes_no_more_but_replaces(void **state)
{
	struct bantable *t = bantable_map(3);
	struct prefix p = prefix("192.0.2.2");
	struct ban b;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.2", 0, 90, 0);
	put(t, "192.0.2.3", 0, 110, 0);
	b = ban(prefix("192.0.2.4"), 0, 100, 0);
	assert_int_equal(bantable_put(t, &b), -1);
	put(t, "192.0.2.2", 0, 120, 0);
	assert_true(bantable_soonest(t, &b));
	assert_int_equal(b.end, 100);
	assert_int_equal(bantable_del(t, &p, 0), 0);
	put(t, "192.0.2.4", 0, 80, 0);
	assert_true(bantable_soonest(t, &b));
	assert_int_equal(b.end, 80);
	assert_int_equal(bantable_count(t), 3);
	bantable_unmap(t);
}

static void
jail_and_friend_flag_must_agree(void **state)
{
	struct bantable *t = bantable_map(3);
	struct ban b = ban(prefix("192.0.2.1"), BANTABLE_NO_JAIL, 100, 0);

	(void)state;
	assert_int_equal(bantable_put(t, &b), -1);
	b = ban(prefix("192.0.2.1"), 1, 100, BAN_FRIEND);
	assert_int_equal(bantable_put(t, &b), -1);
	b = ban(prefix("192.0.2.1"), BANTABLE_JAILS, 100, 0);
	assert_int_equal(bantable_put(t, &b), -1);
	put(t, "192.0.2.1", BANTABLE_NO_JAIL, 100, BAN_FRIEND);
	b = ban(prefix("192.0.2.1"), BANTABLE_NO_JAIL, 100, 0);
	assert_int_equal(
	    bantable_set_flags(t, &b.key, BANTABLE_NO_JAIL, BAN_OBSERVE), 0);
	assert_true(bantable_get(t, &b.key, BANTABLE_NO_JAIL, &b));
	assert_int_equal(b.flags, BAN_FRIEND | BAN_OBSERVE);
	assert_int_equal(bantable_count(t), 0);
	bantable_unmap(t);
}

static void
bans_waiting_and_over_are_kept_apart(void **state)
{
	struct bantable *t = bantable_map(10);
	struct prefix p = prefix("192.0.2.2");
	struct ban b;

	(void)state;
	put(t, "192.0.2.1", 0, 100, 0);
	put(t, "192.0.2.2", 0, 90, 0);
	put(t, "192.0.2.3", 0, 110, BAN_OVER);
	assert_true(bantable_soonest_waiting(t, &b));
	assert_int_equal(b.end, 90);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 110);
	assert_int_equal(bantable_set_flags(t, &p, 0, BAN_OVER), 0);
	assert_true(bantable_soonest_waiting(t, &b));
	assert_int_equal(b.end, 100);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 90);
	put(t, "192.0.2.2", 0, 500, 0);
	assert_true(bantable_soonest_over(t, &b));
	assert_int_equal(b.end, 110);
	assert_int_equal(bantable_count(t), 3);
	bantable_unmap(t);
}

static void
directory_numbers_jails_once(void **state)
{
	struct bantable *t = bantable_map(1);
	char name[BANTABLE_JAIL_LEN + 1];
	unsigned i;

	(void)state;
	assert_int_equal(bantable_jail(t, ""), BANTABLE_NO_JAIL);
	for (i = 0; i < BANTABLE_NO_JAIL; i++) {
		snprintf(name, sizeof(name), "jail-%u", i);
		assert_int_equal(bantable_jail(t, name), i);
		assert_int_equal(bantable_jail(t, name), i);
		assert_string_equal(bantable_jail_name(t, (uint16_t)i), name);
	}
	assert_int_equal(bantable_jail(t, "one-more"), BANTABLE_NO_JAIL);
	assert_int_equal(bantable_jail(t, "jail-7"), 7);
	assert_string_equal(bantable_jail_name(t, BANTABLE_NO_JAIL), "");
	assert_string_equal(bantable_jail_name(t, 9999), "");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(bantable_jail(t, name), BANTABLE_NO_JAIL);
	bantable_unmap(t);
}

static void
impossible_capacity_is_an_error(void **state)
{
	struct bantable *t;

	(void)state;
	assert_null(bantable_map(SIZE_MAX));
	t = bantable_map(0);
	assert_non_null(t);
	put(t, "192.0.2.1", 0, 100, 0);
	bantable_unmap(t);
}

static void
read_only_process_cannot_write(void **state)
{
	struct bantable *t = bantable_map(10);
	struct ban b = ban(host(1), 0, 100, 0);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		if (bantable_reopen_readonly(t) == -1 ||
		    refuses(t, "192.0.2.1", 0))
			_exit(1);
		bantable_put(t, &b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(bantable_put(t, &b), 0);
	bantable_unmap(t);
}

/* The naive model: an array. */
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
model_refuses(const struct model *m, const struct addr *a, int64_t now,
    int64_t *end)
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

/*
 * A writer that never rests, and what its readers may always rely on: hosts
 * below STANDING are banned all the time (their ends vary), hosts from
 * STRANGERS on never are, and those between come and go. The id of a ban
 * follows from its end, so that a torn one gives itself away.
 */
#define STANDING  64
#define STRANGERS 2000
#define CHURN     4000

static void
churn_once(struct bantable *t, uint64_t *s)
{
	uint32_t i = (uint32_t)(rnd(s) % STRANGERS);
	uint16_t jail = (uint16_t)(rnd(s) % 3);
	struct ban b = ban(host(i), jail, 1000 + (int64_t)(rnd(s) % 5000), 0);

	if (i >= STANDING && rnd(s) % 2 == 0)
		bantable_del(t, &b.key, jail);
	else
		bantable_put(t, &b);
}

static void
churn_fill(struct bantable *t)
{
	struct ban b;
	uint32_t i;

	for (i = 0; i < STANDING; i++) {
		b = ban(host(i), (uint16_t)(i % 3), 1000, 0);
		bantable_put(t, &b);
	}
}

/* NULL, or what is wrong. */
static const char *
churn_look(const struct bantable *t, uint64_t *s, bool torn_too)
{
	struct prefix standing = host((uint32_t)(rnd(s) % STANDING));
	struct prefix any = host((uint32_t)(rnd(s) % STRANGERS));
	struct prefix stranger =
	    host(STRANGERS + (uint32_t)(rnd(s) % STRANGERS));
	struct ban b;

	if (!bantable_refuses(t, &standing.addr, 999, &b))
		return "a standing ban was not seen";
	if (!prefix_eq(&b.key, &standing))
		return "another host's ban was reported";
	if (torn_too && b.id != (uint64_t)b.end * 7 + b.jail)
		return "a torn ban was reported";
	if (bantable_refuses(t, &any.addr, 999, &b) &&
	    (!prefix_eq(&b.key, &any) || b.end < 1000))
		return "a ban of nobody was reported";
	if (bantable_refuses(t, &stranger.addr, 999, NULL))
		return "a stranger was refused";
	return NULL;
}

struct reader {
	pthread_t thread;
	const struct bantable *t;
	atomic_bool *stop;
	uint64_t seed;
	uint64_t looks;
	bool torn_too;
	const char *wrong;
};

static void *
reader_main(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(r->stop) && r->wrong == NULL) {
		r->wrong = churn_look(r->t, &r->seed, r->torn_too);
		r->looks++;
	}
	return NULL;
}

static void
readers_start(struct reader *r, size_t n, const struct bantable *t,
    atomic_bool *stop, bool torn_too)
{
	size_t i;

	for (i = 0; i < n; i++) {
		r[i] = (struct reader){ .t = t, .stop = stop, .seed = i + 77 };
		r[i].torn_too = torn_too;
		assert_int_equal(
		    pthread_create(&r[i].thread, NULL, reader_main, &r[i]), 0);
	}
}

static void
readers_join(struct reader *r, size_t n, atomic_bool *stop)
{
	size_t i;

	atomic_store(stop, true);
	for (i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	for (i = 0; i < n; i++) {
		assert_string_equal(r[i].wrong ? r[i].wrong : "", "");
		assert_true(r[i].looks > 0);
	}
}

static void
readers_see_whole_bans_while_the_writer_churns(void **state)
{
	struct bantable *t = bantable_map(CHURN * 2);
	atomic_bool stop = false;
	struct reader r[3];
	uint64_t s = 4711;
	int i;

	(void)state;
	churn_fill(t);
	readers_start(r, 3, t, &stop, true);
	for (i = 0; i < 400000; i++)
		churn_once(t, &s);
	readers_join(r, 3, &stop);
	bantable_unmap(t);
}

static bool
gettable(void *arg, const struct ban *b)
{
	struct ban out;

	if (!bantable_get(arg, &b->key, b->jail, &out) || out.end != b->end)
		abort();
	return true;
}

static void
writer_main(struct bantable *t, uint64_t seed)
{
	bantable_repair(t);
	bantable_each(t, gettable, t);
	for (;;)
		churn_once(t, &seed);
}

static void
readers_outlive_two_hundred_killed_writers(void **state)
{
	struct bantable *t = bantable_map(CHURN * 2);
	atomic_bool stop = false;
	struct reader r[2];
	uint64_t s = 815;
	int i, status, odd = 0;
	pid_t pid;

	(void)state;
	churn_fill(t);
	readers_start(r, 2, t, &stop, false);
	for (i = 0; i < 200; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			writer_main(t, rnd(&s) | 1);
		usleep((useconds_t)(rnd(&s) % 5000));
		if (i % 2 == 0) {
			kill(pid, SIGSTOP);
			usleep(200);
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		odd += (int)(atomic_load(&t->shared->seq) & 1);
		rnd(&s);
	}
	readers_join(r, 2, &stop);
	assert_true(odd > 0);
	bantable_repair(t);
	bantable_each(t, gettable, t);
	for (i = 0; i < 20000; i++)
		churn_once(t, &s);
	for (i = 0; i < 20000; i++)
		assert_null(churn_look(t, &s, true));
	bantable_unmap(t);
}

/*
 * The same without chance: a change is made by a child one instruction at a
 * time. After each, the parent reads the table as a door would, and then plays
 * the new writer that finds it so.
 */
#define STEP_KEYS 14

enum step_op { STEP_PUT, STEP_REPLACE, STEP_DEL, STEP_OVER };

struct stepped {
	struct bantable *t;
	void *copy;
	struct prefix target;
	enum step_op op;
	int64_t before, after; /* the target's end, 0 if it has no ban */
};

static void
step_do(struct stepped *x)
{
	struct ban b = ban(x->target, 2, x->after, 0);

	switch (x->op) {
	case STEP_PUT:
	case STEP_REPLACE:
		bantable_put(x->t, &b);
		break;
	case STEP_DEL:
		bantable_del(x->t, &b.key, 2);
		break;
	case STEP_OVER:
		bantable_set_flags(x->t, &b.key, 2, BAN_OVER);
	}
}

static int64_t
step_target_end(struct stepped *x)
{
	struct ban b;

	if (!bantable_refuses(x->t, &x->target.addr, 10, &b) || b.jail != 2)
		return 0;
	return b.end;
}

static void
step_check(struct stepped *x)
{
	struct prefix p;
	uint32_t i;
	int64_t end;

	for (i = 0; i < STEP_KEYS; i++) {
		p = host(i);
		assert_true(bantable_refuses(x->t, &p.addr, 10, NULL));
		p = host(1000 + i);
		assert_false(bantable_refuses(x->t, &p.addr, 10, NULL));
	}
	end = step_target_end(x);
	assert_true(end == x->before || end == x->after);
}

static void
step_repair(struct stepped *x)
{
	struct model seen = { .n = 0 };
	size_t n;

	memcpy(x->copy, x->t->map, x->t->map_size);
	bantable_repair(x->t);
	step_check(x);
	bantable_each(x->t, model_seen, &seen);
	n = STEP_KEYS + 6 + (model_find(&seen, &x->target, 2) < seen.n);
	assert_int_equal(seen.n, n);
	assert_int_equal(bantable_count(x->t), n);
	step_do(x);
	assert_int_equal(step_target_end(x), x->after);
	memcpy(x->t->map, x->copy, x->t->map_size);
}

/* Returns the number of steps, 0 if we may not trace. */
static unsigned
step_through(struct stepped *x)
{
	unsigned steps = 0;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(2);
		raise(SIGSTOP);
		step_do(x);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status)) {
		uint64_t seq = atomic_load(&x->t->shared->seq);

		assert_int_equal(
		    ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		/* Outside the change nothing can be half done. */
		if ((seq & 1) == 0)
			continue;
		step_check(x);
		step_repair(x);
		steps++;
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 2 ? 0 : steps;
}

static void
table_is_whole_after_every_instruction_of_a_change(void **state)
{
	static const struct {
		enum step_op op;
		int64_t before, after;
	} ops[] = {
		{ STEP_PUT, 0, 500 },
		{ STEP_REPLACE, 500, 700 },
		{ STEP_REPLACE, 500, 300 },
		{ STEP_DEL, 500, 0 },
		{ STEP_OVER, 500, 0 },
	};
	struct stepped x;
	struct ban b;
	size_t i;
	uint32_t k;

	(void)state;
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		x.t = bantable_map(24);
		x.copy = malloc(x.t->map_size);
		x.op = ops[i].op;
		x.before = ops[i].before;
		x.after = ops[i].after;
		x.target = prefix("2001:db8::/64");
		if (x.before != 0) {
			b = ban(x.target, 2, x.before, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		/* A long chain behind it: its prefix, in other jails. */
		for (k = 10; k < 16; k++) {
			b = ban(x.target, (uint16_t)k, 5, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		for (k = 0; k < STEP_KEYS; k++) {
			b = ban(host(k), 2, 100 + k, 0);
			assert_int_equal(bantable_put(x.t, &b), 0);
		}
		if (step_through(&x) == 0)
			skip();
		free(x.copy);
		bantable_unmap(x.t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table_refuses_nobody),
		cmocka_unit_test(ban_keeps_every_field),
		cmocka_unit_test(who_is_refused),
		cmocka_unit_test(of_several_bans_the_last_to_end_is_reported),
		cmocka_unit_test(forced_ban_of_a_friend_is_the_one_reported),
		cmocka_unit_test(every_prefix_length_is_found_and_forgotten),
		cmocka_unit_test(friend_covers_only_what_lies_wholly_inside),
		cmocka_unit_test(full_table_takes_no_more_but_replaces),
		cmocka_unit_test(jail_and_friend_flag_must_agree),
		cmocka_unit_test(bans_waiting_and_over_are_kept_apart),
		cmocka_unit_test(directory_numbers_jails_once),
		cmocka_unit_test(impossible_capacity_is_an_error),
		cmocka_unit_test(read_only_process_cannot_write),
		cmocka_unit_test(random_operations_agree_with_a_naive_model),
		cmocka_unit_test(
		    readers_see_whole_bans_while_the_writer_churns),
		cmocka_unit_test(readers_outlive_two_hundred_killed_writers),
		cmocka_unit_test(
		    table_is_whole_after_every_instruction_of_a_change),
	};

	return cmocka_run_group_tests_name("bantable", tests, NULL, NULL);
}
