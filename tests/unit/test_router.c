/* The router: which filters a line goes to. */
#include "filter_fixture.h"

#define MOST 16

static struct filter *
filter_for(const char *name, const char *program)
{
	struct filter *f = filter_new(name);

	assert_non_null(f);
	if (program != NULL)
		assert_int_equal(filter_add_program(f, program), 0);
	return f;
}

static void
free_all(struct filter **f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		filter_free(f[i]);
}

static void
a_line_goes_to_all_filters_that_want_its_program(void **state)
{
	struct filter *f[3] = { filter_for("a", "postfix/smtpd"),
		filter_for("b", "postfix*/smtpd"), filter_for("c", "dovecot") };
	struct line smtpd = line_of("postfix/smtpd", "from 192.0.2.1");
	struct line mx2 = line_of("postfix-mx2/smtpd", "from 192.0.2.1");
	struct line dovecot = line_of("dovecot", "from 192.0.2.1");
	struct line cron = line_of("cron", "from 192.0.2.1");
	struct match m[MOST];
	struct router *r;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    add(f[i], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	r = router_new(f, NULL, 3);
	assert_non_null(r);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(router_match(r, &smtpd, m, MOST), 2);
		assert_ptr_equal(m[0].filter, f[0]);
		assert_ptr_equal(m[1].filter, f[1]);
		assert_host(&m[1], "192.0.2.1");
		assert_int_equal(router_match(r, &mx2, m, MOST), 1);
		assert_ptr_equal(m[0].filter, f[1]);
		assert_int_equal(router_match(r, &dovecot, m, MOST), 1);
		assert_ptr_equal(m[0].filter, f[2]);
		assert_int_equal(router_match(r, &cron, m, MOST), 0);
	}
	assert_int_equal(f[1]->rules[0].matched, 4);
	router_free(r);
	free_all(f, 3);
}

static void
no_more_than_max_are_returned(void **state)
{
	struct filter *f[3] = { filter_for("a", NULL), filter_for("b", NULL),
		filter_for("c", NULL) };
	struct line l = line_of("x", "from 192.0.2.1");
	struct match m[MOST];
	struct router *r;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    add(f[i], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	r = router_new(f, NULL, 3);
	assert_int_equal(router_match(r, &l, m, 3), 3);
	assert_int_equal(router_match(r, &l, m, 2), 2);
	assert_int_equal(router_match(r, &l, m, 0), 0);
	router_free(r);
	free_all(f, 3);
}

static void
optional_rules_take_part_where_their_bit_is_set(void **state)
{
	struct filter *f[2] = { filter_for("a", NULL), filter_for("b", NULL) };
	static const uint64_t optional[2] = { 0, 1 };
	struct rule_spec spec = {
		.name = "strict", .optional = true, .regex = "^from <HOST>"
	};
	struct line l = line_of("x", "from 192.0.2.1");
	struct match m[MOST];
	struct router *r;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(filter_add_rule(f[i], &spec, NULL), 0);
	r = router_new(f, optional, 2);
	assert_int_equal(router_match(r, &l, m, MOST), 1);
	assert_ptr_equal(m[0].filter, f[1]);
	router_free(r);
	free_all(f, 2);
}

static void
an_ignored_line_is_reported_as_ignored(void **state)
{
	struct filter *f[1] = { filter_for("a", NULL) };
	struct line l = line_of("x", "from 192.0.2.1 ours");
	struct match m[MOST];
	struct router *r;

	(void)state;
	assert_int_equal(add(f[0], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	assert_int_equal(add(f[0], "ours", RULE_IGNORE, "^from \\S+ ours"), 0);
	r = router_new(f, NULL, 1);
	assert_int_equal(router_match(r, &l, m, MOST), 1);
	assert_int_equal(m[0].verdict, VERDICT_IGNORED);
	router_free(r);
	free_all(f, 1);
}

static void
more_program_names_than_are_remembered_are_still_routed(void **state)
{
	struct filter *f[3] = { filter_for("a", "p*7"), filter_for("b", "p1*"),
		filter_for("c", "other") };
	struct match m[MOST];
	struct router *r;
	char name[32];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    add(f[i], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	r = router_new(f, NULL, 3);
	for (int again = 0; again < 2; again++)
		for (int i = 0; i < 2000; i++) {
			struct line l;
			size_t want;

			snprintf(name, sizeof(name), "p%d", i);
			l = line_of(name, "from 192.0.2.1");
			want = (name[1] == '1' ? 1U : 0U) +
			    (i % 10 == 7 ? 1U : 0U);
			assert_int_equal(router_match(r, &l, m, MOST), want);
		}
	router_free(r);
	free_all(f, 3);
}

/* "p17" is for both, but no name made from one glob matches the other. */
static void
a_set_of_filters_that_no_glob_foretells_loses_nothing(void **state)
{
	struct filter *f[3] = { filter_for("a", "p*7"), filter_for("b", "p1*"),
		filter_for("c", "other") };
	struct line from = line_of("p17", "from 192.0.2.1");
	struct line by = line_of("p17", "by 192.0.2.1");
	struct line via = line_of("p17", "via 192.0.2.1");
	struct match m[MOST];
	struct router *r;

	(void)state;
	assert_int_equal(add(f[0], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	assert_int_equal(add(f[1], "rule", RULE_FAILURE, "^by <HOST>"), 0);
	assert_int_equal(add(f[2], "rule", RULE_FAILURE, "^via <HOST>"), 0);
	r = router_new(f, NULL, 3);
	assert_int_equal(router_match(r, &from, m, MOST), 1);
	assert_ptr_equal(m[0].filter, f[0]);
	assert_int_equal(router_match(r, &by, m, MOST), 1);
	assert_ptr_equal(m[0].filter, f[1]);
	assert_int_equal(router_match(r, &via, m, MOST), 0);
	router_free(r);
	free_all(f, 3);
}

static void
a_program_name_too_long_to_remember_is_still_routed(void **state)
{
	struct filter *f[1] = { filter_for("a", "*smtpd") };
	char name[400];
	struct line l;
	struct match m[MOST];
	struct router *r;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + sizeof(name) - 6, "smtpd", 6);
	assert_int_equal(add(f[0], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	r = router_new(f, NULL, 1);
	l = line_of(name, "from 192.0.2.1");
	assert_int_equal(router_match(r, &l, m, MOST), 1);
	l.program.n--;
	assert_int_equal(router_match(r, &l, m, MOST), 0);
	router_free(r);
	free_all(f, 1);
}

static void
a_router_without_filters_says_nothing(void **state)
{
	struct line l = line_of("x", "from 192.0.2.1");
	struct match m[MOST];
	struct router *r = router_new(NULL, NULL, 0);

	(void)state;
	assert_non_null(r);
	assert_int_equal(router_match(r, &l, m, MOST), 0);
	router_free(r);
	router_free(NULL);
}

static void
more_filters_than_a_word_has_bits_are_routed(void **state)
{
	enum { MANY = 150 };
	struct filter *f[MANY];
	struct match m[MANY];
	struct line l = line_of("p149", "from 192.0.2.1");
	struct router *r;
	char name[16];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "p%zu", i);
		f[i] = filter_for(name, i % 50 == 0 ? "*" : name);
		assert_int_equal(
		    add(f[i], "rule", RULE_FAILURE, "^from <HOST>"), 0);
	}
	r = router_new(f, NULL, MANY);
	assert_int_equal(router_match(r, &l, m, MANY), 4);
	assert_ptr_equal(m[0].filter, f[0]);
	assert_ptr_equal(m[3].filter, f[149]);
	router_free(r);
	free_all(f, MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_line_goes_to_all_filters_that_want_its_program),
		cmocka_unit_test(no_more_than_max_are_returned),
		cmocka_unit_test(
		    optional_rules_take_part_where_their_bit_is_set),
		cmocka_unit_test(an_ignored_line_is_reported_as_ignored),
		cmocka_unit_test(
		    more_program_names_than_are_remembered_are_still_routed),
		cmocka_unit_test(
		    a_set_of_filters_that_no_glob_foretells_loses_nothing),
		cmocka_unit_test(
		    a_program_name_too_long_to_remember_is_still_routed),
		cmocka_unit_test(a_router_without_filters_says_nothing),
		cmocka_unit_test(more_filters_than_a_word_has_bits_are_routed),
	};

	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
