/* Samples: what they expect, and how well their failure is explained. */
#include "filter_fixture.h"

/* 2026-11-24 13:02:01 UTC or near it: only years are inferred from it. */
#define NOW 1795525321

#define ISO  "2026-11-24T13:02:01.5+00:00 mx postfix/smtpd[314]: "
#define HEAD "Nov 24 13:02:01 mx postfix/smtpd[314]: "

struct fixture {
	struct filter *f;
	struct error err;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));
	struct rule_spec strict = { .name = "strict",
		.kind = RULE_FAILURE,
		.optional = true,
		.regex = "^strict: from <HOST>" };

	x->f = filter_new("test");
	assert_int_equal(filter_add_program(x->f, "postfix/smtpd"), 0);
	assert_int_equal(
	    add(x->f, "auth", RULE_FAILURE,
		"^auth failed(?:, (?<count>\\d+) attempts)?: from <HOST>"
		"(?: as <F-USER>.*</F-USER>)?$"),
	    0);
	assert_int_equal(
	    add(x->f, "any", RULE_FAILURE, "^\\w+ failed.*: from <HOST>"), 0);
	assert_int_equal(
	    add(x->f, "ours", RULE_IGNORE, "^.* from 192\\.0\\.2\\.99$"), 0);
	assert_int_equal(filter_add_rule(x->f, &strict, NULL), 0);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	filter_free(x->f);
	test_free(x);
	return 0;
}

static int
check(struct fixture *x, const char *rule, const char *sample, bool hit)
{
	x->err.text[0] = '\0';
	return filter_check_sample(
	    x->f, filter_rule(x->f, rule), sample, hit, NOW, &x->err);
}

static void
a_sample_that_yields_what_it_says_passes(void **state)
{
	static const char *const samples[] = {
		HEAD "auth failed: from 192.0.2.1",
		HEAD "auth failed: from 192.0.2.1 ## host=192.0.2.1",
		HEAD "auth failed: from 192.0.2.1 ## host=192.0.2.1 count=1",
		HEAD "auth failed, 6 attempts: from 192.0.2.1 as bob"
		     " ## host=192.0.2.1 user=bob count=6",
		HEAD "auth failed: from 192.0.2.1 as bob x"
		     " ## user=bob x host=192.0.2.1",
		HEAD "auth failed: from 192.0.2.1 ## user=",
		HEAD "auth failed: from 2001:DB8:0::1 ## host=2001:db8::1",
		HEAD "auth failed: from mx.example ## host=mx.example",
		HEAD "auth failed: from 999.1.1.1 ## host=",
		HEAD "auth failed: from 192.0.2.1 as a ## b ## host=192.0.2.1",
		HEAD "auth failed: from 192.0.2.1 as a ## b",
		ISO "auth failed: from 192.0.2.1 ## host=192.0.2.1",
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (check(*state, "auth", samples[i], true) != 0)
			fail_msg("%s: %s", samples[i],
			    ((struct fixture *)*state)->err.text);
}

static void
a_sample_that_yields_something_else_says_what(void **state)
{
	static const struct {
		const char *sample;
		const char *says;
	} cases[] = {
		{ HEAD "auth failed: from 192.0.2.1 ## host=192.0.2.2",
		    "host is \"192.0.2.1\", expected \"192.0.2.2\"" },
		{ HEAD "auth failed: from 192.0.2.1 ## host=",
		    "host is \"192.0.2.1\", expected \"\"" },
		{ HEAD "auth failed: from a.example ## host=b.example",
		    "host is \"a.example\", expected \"b.example\"" },
		{ HEAD "auth failed: from 192.0.2.1 as bob ## user=eve",
		    "user is \"bob\", expected \"eve\"" },
		{ HEAD "auth failed: from 192.0.2.1 ## count=2",
		    "count is 1, expected \"2\"" },
		{ HEAD "auth failed: from 192.0.2.1 ## hots=192.0.2.1",
		    "there is no \"hots\"" },
		{ HEAD "auth fails: from 192.0.2.1",
		    "up to \"auth fail\", then comes \"s: from" },
		{ HEAD "any failed: from 192.0.2.1",
		    "rule \"any\" matches it before rule \"auth\"" },
		{ HEAD "auth failed: from 192.0.2.99",
		    "rule \"ours\" matches it before" },
		{ "Nov 24 13:02:01 mx dovecot: auth failed: from 192.0.2.1",
		    "its program \"dovecot\"" },
		{ "", "its program \"\"" },
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (check(x, "auth", cases[i].sample, true) == 0)
			fail_msg("%s passes", cases[i].sample);
		assert_says(x->err.text, cases[i].says);
	}
}

static void
samples_of_optional_and_ignore_rules_are_checked_as_well(void **state)
{
	assert_int_equal(
	    check(*state, "strict",
		HEAD "strict: from 192.0.2.1 ## host=192.0.2.1", true),
	    0);
	assert_int_equal(
	    check(*state, "ours", HEAD "auth failed: from 192.0.2.99", true),
	    0);
	assert_int_equal(
	    check(*state, "ours", HEAD "auth failed: from 192.0.2.9", true),
	    -1);
}

static void
a_miss_must_not_match_its_rule(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(
	    check(x, "auth", HEAD "any failed: from 192.0.2.1", false), 0);
	assert_int_equal(check(x, "auth", HEAD "connect", false), 0);
	assert_int_equal(check(x, "auth", "no header at all", false), 0);
	/* An ignore rule keeps the line from it. */
	assert_int_equal(
	    check(x, "auth", HEAD "auth failed: from 192.0.2.99", false), 0);
	assert_int_equal(
	    check(x, "auth", HEAD "auth failed: from 192.0.2.1", false), -1);
	assert_says(x->err.text, "must not");
	/* That another rule is asked first does not make it a miss. */
	assert_int_equal(
	    check(x, "any", HEAD "auth failed: from 192.0.2.1", false), -1);
}

static void
checking_samples_leaves_the_counters_alone(void **state)
{
	struct fixture *x = *state;

	check(x, "auth", HEAD "auth failed: from 192.0.2.1", true);
	check(x, "auth", HEAD "auth failed: from 192.0.2.1", false);
	assert_int_equal(filter_rule(x->f, "auth")->matched, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_sample_that_yields_what_it_says_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_sample_that_yields_something_else_says_what, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    samples_of_optional_and_ignore_rules_are_checked_as_well,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_miss_must_not_match_its_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    checking_samples_leaves_the_counters_alone, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
