/* Screens: whatever the patterns, they let through what a rule would match. */
#include "filter_fixture.h"

#include <stdlib.h>

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

/* Rules that a screen must merge, keep apart, or leave alone. */
static const char *const tricky[] = {
	"^reject: RCPT from <HOST>: 550 5\\.1\\.1",
	"^reject: RCPT from <HOST>: 550",
	"^reject: RCPT from <HOST>: 55[04] 5\\.7\\.1",
	"^reject: MAIL from <HOST>",
	"(?i)^Reject: helo from <HOST>",
	"^REJECT: x from <HOST>",
	"^a|^b(?:from <HOST>)?",
	"^(?:from|by) <HOST>|^via <HOST>",
	"^(\\w)\\1 from <HOST>",
	"^(?<x>q)(?P=x) from <HOST>",
	"^(?|(z)|(y)) from <HOST>",
	"^k\\K from <HOST>",
	"(?x) ^ spaced \\s from \\s <HOST> # end",
	"^\\Q(((\\E from <HOST>",
	"^(?(?=c)cc|d) from <HOST>",
	"^w{2}w from <HOST>",
	"^w{2,3} from <HOST>",
	"^w+? from <HOST>",
	"^[[:^digit:]](5|6) from <HOST>",
	"^[]x](5|7) from <HOST>",
	"^\\c( from <HOST>",
	"^\\{3} from <HOST>",
	"^g{(1}|2) from <HOST>",
	"^g{(1}) from <HOST>",
	"^g{(1}x|y) from <HOST>",
	"^(?#a (comment)m from <HOST>",
	"^n(?i)N from <HOST>",
	"^nM from <HOST>",
	"^n(?!Q)q from <HOST>",
	"^ax from <HOST>",
	"^(*COMMIT)t from <HOST>",
	"^\\x{75} from <HOST>",
	"^\\x{76} from <HOST>",
	"^net <SUBNET>$",
	"^<F-USER>\\w+</F-USER>@ <HOST>$",
	"^<F-USER>\\w+</F-USER>\\+ <HOST>$",
	"^(?'user'\\w+)! <IP4>$",
	"^<DNS>\\[<IP6>\\]",
	"^no (?!<ADDR>)\\S+ <HOST>",
	"^not (?:(?!<ADDR>)\\S)+ <HOST>",
	"^all (?><HOST>)\\] <HOST>",
	"^all (?:<HOST>)++] <HOST>",
	"^all <HOST>{1}+] <HOST>",
	"^opt <HOST>?:<HOST>",
	"^some <HOST>*:<HOST>",
	"^(?<!x)(?>opt) <HOST>+:<HOST>",
	"^id <F-ID/> port <F-PORT/>",
	"^(?>at)omic <HOST>",
	"^(?>at)tic <HOST>",
	"^(?<=)look <HOST>",
	"^(?!lock)lo\\wk <HOST>",
	"^$|^end <HOST>$",
};

static const char *const messages[] = {
	"reject: RCPT from 192.0.2.1: 550 5.1.1",
	"reject: RCPT from 192.0.2.1: 550 x",
	"reject: RCPT from 192.0.2.1: 554 5.7.1",
	"reject: RCPT from 192.0.2.1: 554 5.7.2",
	"reject: MAIL from [2001:db8::1]",
	"reject: MAIL from IPv6:2001:db8::1",
	"reject: MAIL from ::ffff:192.0.2.1",
	"reject: MAIL from mail.example.org",
	"reject: MAIL from fe80::1%eth0",
	"reject: MAIL from !",
	"REJECT: HELO from 192.0.2.1",
	"reject: x from 192.0.2.1",
	"REJECT: x from 192.0.2.1",
	"a",
	"b",
	"from 192.0.2.1",
	"by 192.0.2.1",
	"via 192.0.2.1",
	"xx from 192.0.2.1",
	"xy from 192.0.2.1",
	"qq from 192.0.2.1",
	"z from 192.0.2.1",
	"y from 192.0.2.1",
	"k from 192.0.2.1",
	"spaced from 192.0.2.1",
	"((( from 192.0.2.1",
	"cc from 192.0.2.1",
	"d from 192.0.2.1",
	"w from 192.0.2.1",
	"ww from 192.0.2.1",
	"www from 192.0.2.1",
	"wwww from 192.0.2.1",
	"x5 from 192.0.2.1",
	"x6 from 192.0.2.1",
	"x7 from 192.0.2.1",
	"]7 from 192.0.2.1",
	"h from 192.0.2.1",
	"{3} from 192.0.2.1",
	"g{1} from 192.0.2.1",
	"g{2 from 192.0.2.1",
	"g{1}x from 192.0.2.1",
	"g{y from 192.0.2.1",
	"m from 192.0.2.1",
	"nn from 192.0.2.1",
	"nM from 192.0.2.1",
	"nq from 192.0.2.1",
	"ax from 192.0.2.1",
	"nm from 192.0.2.1",
	"NN from 192.0.2.1",
	"t from 192.0.2.1",
	"u from 192.0.2.1",
	"v from 192.0.2.1",
	"net 192.0.2.0/24",
	"net 2001:db8::/32",
	"alice@ 192.0.2.1",
	"alice+ 192.0.2.1",
	"alice! 192.0.2.1",
	"a.example[2001:db8::1]",
	"id 192.0.2.1 port 25",
	"no mail.example 192.0.2.1",
	"not mail 192.0.2.1",
	"all [192.0.2.1]] 192.0.2.2",
	"all [192.0.2.1] 192.0.2.2",
	"opt :192.0.2.1",
	"opt 192.0.2.1:192.0.2.2",
	"some :192.0.2.1",
	"atomic 192.0.2.1",
	"attic 192.0.2.1",
	"look 192.0.2.1",
	"lock 192.0.2.1",
	"",
	"end 192.0.2.1",
	"nothing at all",
};

static bool
same(const struct match *a, const struct match *b)
{
	return a->filter == b->filter && a->rule == b->rule &&
	    a->verdict == b->verdict && a->has_host == b->has_host &&
	    span_eq(a->text, b->text) && span_eq(a->user, b->user);
}

/* Every message, by the router and by each filter: the same must come out. */
static size_t
compare(struct filter **f, size_t n)
{
	struct router *r = router_new(f, NULL, n);
	size_t hits = 0;

	assert_non_null(r);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct line l = line_of("x", messages[i]);
		struct match by_router[MOST];
		struct match direct;
		size_t found = router_match(r, &l, by_router, MOST);
		size_t next = 0;

		for (size_t k = 0; k < n; k++) {
			if (filter_match(f[k], &l, 0, &direct) == VERDICT_NONE)
				continue;
			if (next >= found || !same(&direct, &by_router[next]))
				fail_msg("\"%s\": rule %s is lost", messages[i],
				    direct.rule->regex);
			next++;
		}
		assert_int_equal(next, found);
		hits += found;
	}
	router_free(r);
	return hits;
}

static void
fill(struct filter **f, size_t n)
{
	char name[16];

	for (size_t i = 0; i < n; i++)
		f[i] = filter_for("f", NULL);
	for (size_t i = 0; i < sizeof(tricky) / sizeof(tricky[0]); i++) {
		snprintf(name, sizeof(name), "r%zu", i);
		assert_int_equal(
		    add(f[i % n], name, RULE_FAILURE, tricky[i]), 0);
	}
}

static void
what_passes_no_screen_matches_no_rule(void **state)
{
	struct filter *f[MOST];

	(void)state;
	for (size_t n = 1; n <= MOST; n++) {
		fill(f, n);
		assert_true(compare(f, n) >= 50);
		free_all(f, n);
	}
}

/* Each rule alone in its screen, so that no other lets its lines in. */
static void
each_rule_alone_passes_its_own_screen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tricky) / sizeof(tricky[0]); i++) {
		struct filter *f[1] = { filter_for("f", NULL) };

		assert_int_equal(add(f[0], "r", RULE_FAILURE, tricky[i]), 0);
		if (compare(f, 1) == 0)
			fail_msg("%s matches none of the messages", tricky[i]);
		free_all(f, 1);
	}
}

/* And each pair, so that every two are merged. */
static void
each_pair_of_rules_passes_its_screen(void **state)
{
	size_t n = sizeof(tricky) / sizeof(tricky[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++) {
			struct filter *f[1] = { filter_for("f", NULL) };

			assert_int_equal(
			    add(f[0], "a", RULE_FAILURE, tricky[i]), 0);
			assert_int_equal(
			    add(f[0], "b", RULE_FAILURE, tricky[k]), 0);
			compare(f, 1);
			free_all(f, 1);
		}
}

/* A screen that hits a limit knows nothing about the rules. */
static void
a_screen_at_its_limit_hides_no_match(void **state)
{
	struct filter *f[1] = { filter_for("f", NULL) };
	char *text = test_malloc(LINE_MAX_BYTES);
	struct line l = { .program = SPAN("x"),
		.message = { text, LINE_MAX_BYTES } };
	struct match m[MOST];
	struct router *r;

	(void)state;
	memset(text, 'b', LINE_MAX_BYTES);
	memcpy(text, "from 192.0.2.1 ", 15);
	text[LINE_MAX_BYTES - 1] = ' ';
	assert_int_equal(
	    add(f[0], "bad", RULE_FAILURE, "^.*?b[^y]*+[cd] <HOST>"), 0);
	assert_int_equal(add(f[0], "good", RULE_FAILURE, "^from <HOST>"), 0);
	r = router_new(f, NULL, 1);
	assert_int_equal(router_match(r, &l, m, MOST), 1);
	assert_string_equal(m[0].rule->name, "good");
	assert_int_equal(f[0]->rules[0].limited, 1);
	router_free(r);
	free_all(f, 1);
	test_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_no_screen_matches_no_rule),
		cmocka_unit_test(each_rule_alone_passes_its_own_screen),
		cmocka_unit_test(each_pair_of_rules_passes_its_screen),
		cmocka_unit_test(a_screen_at_its_limit_hides_no_match),
	};

	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
