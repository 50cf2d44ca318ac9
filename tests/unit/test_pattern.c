/* Patterns: what is a tag, anchoring, mistakes, limits. */
#include "filter_fixture.h"

struct host_case {
	const char *regex;
	const char *message;
	const char *host; /* NULL: none */
	const char *name; /* NULL: none */
};

static void
check_hosts(const struct host_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct filter *f = filter_of(cases[i].regex);
		struct line l = line_of("x", cases[i].message);
		struct match m;

		if (filter_match(f, &l, 0, &m) != VERDICT_FAILURE)
			fail_msg("%s does not match %s", cases[i].regex,
			    cases[i].message);
		if (cases[i].host != NULL)
			assert_host(&m, cases[i].host);
		else if (m.has_host)
			fail_msg("%s: a host in %s", cases[i].regex,
			    cases[i].message);
		assert_span(m.hostname, cases[i].name ? cases[i].name : "");
		filter_free(f);
	}
}

static void
text_that_only_looks_like_a_tag_is_text(void **state)
{
	static const struct host_case cases[] = {
		{ "^after <CR><LF>.<CR><LF> <HOST>$",
		    "after <CR><LF>.<CR><LF> 192.0.2.1", "192.0.2.1", NULL },
		{ "^\\<HOST> <HOST>$", "<HOST> 192.0.2.1", "192.0.2.1", NULL },
		{ "^[<HOST>]+ <HOST>$", "TSOH> 192.0.2.1", "192.0.2.1", NULL },
		{ "^\\Q<HOST>\\E <HOST>$", "<HOST> 192.0.2.1", "192.0.2.1",
		    NULL },
		{ "^<host> <HOST>$", "<host> 192.0.2.1", "192.0.2.1", NULL },
		{ "^(?<HOST>a)\\k<HOST> <HOST>$", "aa 192.0.2.1", "192.0.2.1",
		    NULL },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
an_unanchored_pattern_is_refused(void **state)
{
	static const char *const regexes[] = {
		"from <HOST>",
		"^from <HOST>|by <HOST>",
		"(?:^from|by) <HOST>",
		".*from <HOST>",
		"(?s).*from <HOST>",
		"(?m)^from <HOST>",
		"(?:^)?from <HOST>",
		"(?=from) <HOST>",
		"(?!^)from <HOST>",
		"\\s*^from <HOST>",
		"<HOST>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++)
		assert_says(refused(regexes[i]), "not anchored");
}

static void
an_anchor_is_found_in_groups_and_behind_flags(void **state)
{
	static const char *const regexes[] = {
		"^from <HOST>",
		"^from <HOST>|^by <HOST>",
		"(?:^from|^by) <HOST>",
		"(?i)^from <HOST>",
		"(?i:^from) <HOST>",
		"(?:(?:^from)) <HOST>",
		"(?=^from)from <HOST>",
		"^(?=from)from <HOST>",
		"^(?!by)from <HOST>",
		"\\Afrom <HOST>",
		"^.*from <HOST>",
	};
	struct line l = line_of("x", "from 192.0.2.1");
	struct match m;

	(void)state;
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
		struct filter *f = filter_of(regexes[i]);

		assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
		filter_free(f);
	}
}

static void
an_anchor_does_not_match_after_a_newline(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = line_of("x", "x\nfrom 192.0.2.1");
	struct match m;

	(void)state;
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
	filter_free(f);
}

static void
a_mistake_is_reported_where_it_was_written(void **state)
{
	(void)state;
	assert_says(refused("^from <HOST> (oops"), "at offset 18");
	assert_says(refused("^from <HOST> (oops"), "missing closing");
	assert_says(refused("^a(b))<HOST>"), "at offset 5");
	assert_says(refused("^<HOST> [z-a]"), "range out of order");
	assert_says(refused("^<F-USER>\\S+ <HOST>"), "</F-USER>");
	assert_says(refused("^\\S+</F-USER> <HOST>"), "closes nothing");
	assert_says(refused("^<F-USER>a<F-RHOST>b</F-USER></F-RHOST> <HOST>"),
	    "</F-RHOST> first");
	assert_says(refused("^<F-USER/> <HOST>"), "no pattern of its own");
	assert_says(refused("^<HOST><SKIPLINES>x"), "sees one");
	assert_says(refused("^<F-MLFID>x</F-MLFID> <HOST>"), "sees one");
	assert_says(refused("^no host"), "captures no host");
	assert_says(refused("^<CIDR>"), "captures no host");
	assert_says(refused("(*UTF)^<HOST>"), "UTF");
	assert_says(refused("^<F-USER>\\S+</F-USER>"), "captures no host");
	assert_says(refused(""), "not anchored");
}

static void
a_pattern_longer_than_the_limit_is_refused(void **state)
{
	size_t n = 9000;
	char *regex = test_malloc(n + 1);

	(void)state;
	memset(regex, 'a', n);
	regex[0] = '^';
	regex[n] = '\0';
	assert_says(refused(regex), "longer than");
	test_free(regex);
}

static void
bytes_that_are_no_utf8_and_nul_are_characters_like_any_other(void **state)
{
	static const char message[] = "user \xff\xc3\0\x80 from 192.0.2.1";
	struct filter *f =
	    filter_of("^user <F-USER>[^ ]+</F-USER> from <HOST>$");
	struct line l = { .program = SPAN("x"),
		.message = { message, sizeof(message) - 1 } };
	struct match m;

	(void)state;
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	assert_int_equal(m.user.n, 4);
	assert_host(&m, "192.0.2.1");
	filter_free(f);
}

static void
an_empty_message_matches_nothing_and_harms_nothing(void **state)
{
	struct filter *f = filter_of("^from <HOST>");
	struct line l = { .program = SPAN("x") };
	struct match m;

	(void)state;
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
	filter_free(f);
}

/* A pattern that would take hours without a limit, and one that would read
 * 64 KiB again for every byte of them. */
static void
a_pattern_that_runs_away_is_stopped_and_counted(void **state)
{
	static const char *const regexes[] = {
		"^(?:b+)+(?:b+)+[cd] <HOST>",
		"^.*?b[^y]*+[cd] <HOST>",
		"^(?:a|b)*[cd] <HOST>",
		"^(?:(?:b|a){1,50}?)+[cd] <HOST>",
	};
	static const size_t sizes[] = { LINE_MAX_BYTES / 4, LINE_MAX_BYTES };
	char *text = test_malloc(LINE_MAX_BYTES);
	struct match m;

	(void)state;
	memset(text, 'b', LINE_MAX_BYTES);
	for (size_t i = 0; i < 2 * sizeof(regexes) / sizeof(regexes[0]); i++) {
		struct filter *f = filter_of(regexes[i / 2]);
		size_t n = sizes[i % 2];
		struct line l = { .program = SPAN("x"),
			.message = { text, n } };

		text[n - 1] = ' '; /* else PCRE2 sees it cannot match */
		assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
		assert_int_equal(f->rules[0].limited, 1);
		assert_int_equal(f->rules[0].matched, 0);
		text[n - 1] = 'b';
		filter_free(f);
	}
	test_free(text);
}

static void
a_long_line_is_no_limit_to_a_pattern_that_does_not_step_back(void **state)
{
	struct filter *f = filter_of(
	    "^(?:NOQUEUE|[0-9A-Za-z]+): reject: RCPT from [^[]*\\[<HOST>\\]: "
	    "[45]\\d\\d [^;]*;.* helo=<[^>]*>$");
	static const char head[] = "NOQUEUE: reject: RCPT from unknown"
				   "[192.0.2.1]: 550 ";
	static const char tail[] = "; from=<> helo=<x>";
	char *text = test_malloc(LINE_MAX_BYTES);
	struct line l = { .program = SPAN("x"),
		.message = { text, LINE_MAX_BYTES } };
	struct match m;

	(void)state;
	memset(text, 'h', LINE_MAX_BYTES);
	memcpy(text, head, sizeof(head) - 1);
	memcpy(
	    text + LINE_MAX_BYTES - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	assert_int_equal(f->rules[0].limited, 0);
	filter_free(f);
	test_free(text);
}

static void
a_pattern_without_jit_matches_just_the_same(void **state)
{
	static const struct host_case cases[] = {
		{ "(*NO_JIT)^from <HOST>$", "from 192.0.2.1", "192.0.2.1",
		    NULL },
	};

	(void)state;
	check_hosts(cases, 1);
}

static void
reach_says_how_far_a_pattern_follows_a_message(void **state)
{
	struct filter *f =
	    filter_of("^reject: RCPT from [^[]*\\[<HOST>\\]: 550");

	(void)state;
	assert_int_equal(
	    filter_reach(f, &f->rules[0], span_of("reject: MAIL from x")),
	    strlen("reject: "));
	assert_int_equal(filter_reach(f, &f->rules[0],
			     span_of("reject: RCPT from x[192.0.2.1]: 554 x")),
	    strlen("reject: RCPT from x[192.0.2.1]: 55"));
	assert_int_equal(filter_reach(f, &f->rules[0], span_make(NULL, 0)), 0);
	filter_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_only_looks_like_a_tag_is_text),
		cmocka_unit_test(an_unanchored_pattern_is_refused),
		cmocka_unit_test(an_anchor_is_found_in_groups_and_behind_flags),
		cmocka_unit_test(an_anchor_does_not_match_after_a_newline),
		cmocka_unit_test(a_mistake_is_reported_where_it_was_written),
		cmocka_unit_test(a_pattern_longer_than_the_limit_is_refused),
		cmocka_unit_test(
		    bytes_that_are_no_utf8_and_nul_are_characters_like_any_other),
		cmocka_unit_test(
		    an_empty_message_matches_nothing_and_harms_nothing),
		cmocka_unit_test(
		    a_pattern_that_runs_away_is_stopped_and_counted),
		cmocka_unit_test(
		    a_long_line_is_no_limit_to_a_pattern_that_does_not_step_back),
		cmocka_unit_test(a_pattern_without_jit_matches_just_the_same),
		cmocka_unit_test(
		    reach_says_how_far_a_pattern_follows_a_message),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
