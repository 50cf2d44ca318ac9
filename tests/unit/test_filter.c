/* Filters: programs, the order of rules, kinds, optional rules. */
#include "filter_fixture.h"

static void
programs_are_globs_whose_star_crosses_slashes(void **state)
{
	static const struct {
		const char *glob;
		const char *program;
		bool wants;
	} cases[] = {
		{ "postfix/smtpd", "postfix/smtpd", true },
		{ "postfix/smtpd", "postfix/smtpd2", false },
		{ "postfix/smtpd", "postfix/smtp", false },
		{ "postfix/*/smtpd", "postfix/submission/smtpd", true },
		{ "postfix/*/smtpd", "postfix/a/b/smtpd", true },
		{ "postfix/*/smtpd", "postfix/smtpd", false },
		{ "postfix*/smtpd", "postfix/smtpd", true },
		{ "postfix*/smtpd", "postfix-mx2/smtpd", true },
		{ "postfix*/smtpd", "postfix-mx2/submission/smtpd", true },
		{ "postfix*/smtpd", "xpostfix/smtpd", false },
		{ "*/smtpd", "/smtpd", true },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "", "", true },
		{ "", "x", false },
		{ "?", "", false },
		{ "?", "x", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "a*b*c", "a.b.b.c", true },
		{ "a*b*c", "a.b.b.d", false },
		{ "*a", "aaab", false },
		{ "*aab", "aaaab", true },
		{ "**", "x", true },
		{ "Postfix/smtpd", "postfix/smtpd", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *f = filter_of("^from <HOST>");
		struct line l = line_of(cases[i].program, "from 192.0.2.1");
		struct match m;

		assert_int_equal(filter_add_program(f, cases[i].glob), 0);
		if ((filter_match(f, &l, 0, &m) == VERDICT_FAILURE) !=
		    cases[i].wants)
			fail_msg("\"%s\" and \"%s\"", cases[i].glob,
			    cases[i].program);
		filter_free(f);
	}
}

static void
a_filter_without_programs_wants_every_program(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = line_of("whatever", "from 192.0.2.1");
	struct match m;

	(void)state;
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	l.program = span_make(NULL, 0);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	filter_free(f);
}

static void
any_of_several_programs_will_do(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = line_of("second", "from 192.0.2.1");
	struct match m;

	(void)state;
	assert_int_equal(filter_add_program(f, "first"), 0);
	assert_int_equal(filter_add_program(f, "second"), 0);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	l.program = span_of("third");
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
	filter_free(f);
}

static void
the_first_rule_that_matches_has_the_say(void **state)
{
	struct filter *f = filter_of("^login failed from <HOST>");
	struct line l = line_of("x", "login failed from 192.0.2.1");
	struct match m;

	(void)state;
	assert_int_equal(
	    add(f, "ok", RULE_SUCCESS, "^login \\w+ from <HOST>"), 0);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	assert_string_equal(m.rule->name, "rule");
	assert_ptr_equal(m.filter, f);
	assert_int_equal(m.verdict, VERDICT_FAILURE);
	l = line_of("x", "login granted from 192.0.2.1");
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_SUCCESS);
	assert_string_equal(m.rule->name, "ok");
	assert_host(&m, "192.0.2.1");
	filter_free(f);
}

static void
an_ignore_rule_wins_wherever_it_stands(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = line_of("x", "from 192.0.2.1 our monitor");
	struct match m;

	(void)state;
	assert_int_equal(add(f, "ours", RULE_IGNORE, "^from .* our"), 0);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_IGNORED);
	assert_string_equal(m.rule->name, "ours");
	assert_false(m.has_host);
	l = line_of("x", "from 192.0.2.1");
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	filter_free(f);
}

static void
an_optional_rule_takes_part_only_when_enabled(void **state)
{
	struct filter *f = filter_new("test");
	struct rule_spec spec = { .name = "strict",
		.kind = RULE_FAILURE,
		.optional = true,
		.regex = "^from <HOST>" };
	struct line l = line_of("x", "from 192.0.2.1");
	struct match m;

	(void)state;
	assert_int_equal(add(f, "other", RULE_FAILURE, "^by <HOST>"), 0);
	assert_int_equal(filter_add_rule(f, &spec, NULL), 0);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
	assert_int_equal(filter_match(f, &l, 1, &m), VERDICT_NONE);
	assert_int_equal(filter_match(f, &l, 2, &m), VERDICT_FAILURE);
	filter_free(f);
}

static void
an_optional_rule_beyond_the_64th_is_refused(void **state)
{
	struct filter *f = filter_new("test");
	struct rule_spec spec = { .regex = "^from <HOST>" };
	struct error err;
	char name[16];

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(add(f, name, RULE_FAILURE, "^x <HOST>"), 0);
	}
	spec.name = "late";
	spec.optional = true;
	assert_int_equal(filter_add_rule(f, &spec, &err), -1);
	assert_says(err.text, "first 64");
	spec.optional = false;
	assert_int_equal(filter_add_rule(f, &spec, &err), 0);
	assert_int_equal(f->rules[64].index, 64);
	filter_free(f);
}

static void
two_rules_of_one_name_are_refused(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct rule_spec spec = { .name = "rule", .regex = "^by <HOST>" };
	struct error err;

	(void)state;
	assert_int_equal(filter_add_rule(f, &spec, &err), -1);
	assert_says(err.text, "another name");
	assert_int_equal(f->nrules, 1);
	filter_free(f);
}

static void
rules_are_found_by_name_and_keep_what_was_written(void **state)
{
	static const char *const samples[] = { "one", "two" };
	static const char *const misses[] = { "three" };
	struct rule_spec spec = { .name = "named",
		.kind = RULE_IGNORE,
		.regex = "^from <HOST>",
		.samples = samples,
		.nsamples = 2,
		.misses = misses,
		.nmisses = 1 };
	struct filter *f = filter_of("^by <HOST>");
	struct rule *r;

	(void)state;
	assert_int_equal(filter_add_rule(f, &spec, NULL), 0);
	r = filter_rule(f, "named");
	assert_non_null(r);
	assert_int_equal(r->index, 1);
	assert_string_equal(r->regex, "^from <HOST>");
	assert_int_equal(r->nsamples, 2);
	assert_string_equal(r->samples[1], "two");
	assert_int_equal(r->nmisses, 1);
	assert_string_equal(r->misses[0], "three");
	assert_null(filter_rule(f, "nobody"));
	filter_free(f);
}

static void
matches_are_counted_by_rule(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = line_of("x", "from 192.0.2.1");
	struct line other = line_of("x", "by 192.0.2.1");
	struct match m;

	(void)state;
	for (int i = 0; i < 3; i++)
		filter_match(f, &l, 0, &m);
	filter_match(f, &other, 0, &m);
	assert_int_equal(f->rules[0].matched, 3);
	assert_int_equal(f->rules[0].limited, 0);
	filter_free(f);
}

static void
an_ignore_rule_needs_no_host(void **state)
{
	struct filter *f = filter_new("test");

	(void)state;
	assert_int_equal(add(f, "ours", RULE_IGNORE, "^monitor"), 0);
	filter_free(f);
	filter_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_globs_whose_star_crosses_slashes),
		cmocka_unit_test(a_filter_without_programs_wants_every_program),
		cmocka_unit_test(any_of_several_programs_will_do),
		cmocka_unit_test(the_first_rule_that_matches_has_the_say),
		cmocka_unit_test(an_ignore_rule_wins_wherever_it_stands),
		cmocka_unit_test(an_optional_rule_takes_part_only_when_enabled),
		cmocka_unit_test(an_optional_rule_beyond_the_64th_is_refused),
		cmocka_unit_test(two_rules_of_one_name_are_refused),
		cmocka_unit_test(
		    rules_are_found_by_name_and_keep_what_was_written),
		cmocka_unit_test(matches_are_counted_by_rule),
		cmocka_unit_test(an_ignore_rule_needs_no_host),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
