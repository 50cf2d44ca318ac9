/* Captures: hosts, users and counts, whatever a stranger wrote. */
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
a_host_is_an_address_of_either_family_in_every_form(void **state)
{
	static const struct host_case cases[] = {
		{ "^from <HOST>$", "from 192.0.2.1", "192.0.2.1", NULL },
		{ "^from <HOST>$", "from [192.0.2.1]", "192.0.2.1", NULL },
		{ "^from <HOST>$", "from ::ffff:192.0.2.1", "192.0.2.1", NULL },
		{ "^from <HOST>$", "from ::FFFF:192.0.2.1", "192.0.2.1", NULL },
		{ "^from <HOST>$", "from IPv6:::ffff:192.0.2.1", "192.0.2.1",
		    NULL },
		{ "^from <HOST>$", "from [IPv6:2001:db8::1]", "2001:db8::1",
		    NULL },
		{ "^from <HOST>$", "from 2001:db8:1:2:3:4:5:6",
		    "2001:db8:1:2:3:4:5:6", NULL },
		{ "^from <HOST>$", "from ::1", "::1", NULL },
		{ "^from <HOST>$", "from ::", "::", NULL },
		{ "^from <HOST>$", "from 2001:db8::", "2001:db8::", NULL },
		{ "^from <HOST>: ", "from 2001:db8::1: x", "2001:db8::1",
		    NULL },
		{ "^from <HOST>: ", "from 2001:db8::: x", "2001:db8::", NULL },
		{ "^from <HOST>$", "from 64:ff9b::192.0.2.1",
		    "64:ff9b::c000:201", NULL },
		{ "^from <HOST>$", "from fe80::1%eth0", "fe80::1", NULL },
		{ "^[^[]*\\[<HOST>\\]:\\d+$", "a[2001:db8::1]:25",
		    "2001:db8::1", NULL },
		{ "^from \\[<HOST>:\\d+\\]", "from [192.0.2.1:25]", "192.0.2.1",
		    NULL },
		{ "^from <HOST>", "from 192.0.2.123, then", "192.0.2.123",
		    NULL },
		{ "^from <HOST>", "from 192.0.2.123.", "192.0.2.123", NULL },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
a_host_may_be_a_name_but_never_one_that_looks_like_an_address(void **state)
{
	static const struct host_case cases[] = {
		{ "^from <HOST>$", "from mail.example.org", NULL,
		    "mail.example.org" },
		{ "^from <HOST>:", "from cafe: x", NULL, "cafe" },
		{ "^from <HOST>$", "from under_score.example", NULL,
		    "under_score.example" },
		{ "^from <HOST>$", "from 999.1.1.1", NULL, NULL },
		{ "^from <HOST>$", "from 1.2.3.4.5", NULL, NULL },
		{ "^from <HOST>$", "from 010.1.1.1", NULL, NULL },
		{ "^from <HOST>$", "from 127.1", NULL, NULL },
		{ "^from <HOST>$", "from 0x7f000001", NULL, NULL },
		{ "^from <HOST>$", "from 2130706433", NULL, NULL },
		{ "^from <HOST>$", "from a..example", NULL, NULL },
		{ "^from (?<host>\\S+)$", "from a;reboot", NULL, NULL },
		{ "^from (?<host>\\S+)$", "from 192.0.2.9", "192.0.2.9", NULL },
		{ "^from <F-ID/>$", "from 192.0.2.9", "192.0.2.9", NULL },
		{ "^from <F-ID>\\S+</F-ID>$", "from mx.example", NULL,
		    "mx.example" },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

/* A stranger chooses the name of his host; P6. */
static void
a_name_that_begins_like_an_address_is_not_that_address(void **state)
{
	static const struct host_case cases[] = {
		{ "^from <HOST>", "from 192.0.2.1.dyn.example.net[x]", NULL,
		    "192.0.2.1.dyn.example.net" },
		{ "^from <HOST>", "from 192.0.2.1-dyn.example.net", NULL,
		    "192.0.2.1-dyn.example.net" },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
an_address_wins_over_a_name_wherever_it_stands(void **state)
{
	static const struct host_case cases[] = {
		{ "^from <DNS>\\[<ADDR>\\]", "from a.example[192.0.2.7]",
		    "192.0.2.7", NULL },
		{ "^(?:ip4:<F-IP4>\\S+</F-IP4>|ip6:<F-IP6>\\S+</F-IP6>)$",
		    "ip6:2001:db8::5", "2001:db8::5", NULL },
		{ "^<HOST> via <HOST>$", "192.0.2.1 via 192.0.2.2", "192.0.2.1",
		    NULL },
		{ "^(?:a <HOST>|b <HOST>)$", "b 192.0.2.8", "192.0.2.8", NULL },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
address_tags_match_no_names(void **state)
{
	static const char *const regexes[] = { "^from <ADDR>", "^from <IP4>",
		"^from <IP6>", "^from <SUBNET>", "^from <F-ADDR/>" };
	struct line l = line_of("x", "from mail.example.org");
	struct match m;

	(void)state;
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
		struct filter *f = filter_of(regexes[i]);

		assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_NONE);
		filter_free(f);
	}
}

static void
a_subnet_yields_its_address(void **state)
{
	static const struct host_case cases[] = {
		{ "^net <SUBNET>$", "net 192.0.2.0/24", "192.0.2.0", NULL },
		{ "^net <SUBNET>$", "net 192.0.2.1", "192.0.2.1", NULL },
		{ "^net <SUBNET>$", "net [2001:db8::/32]", "2001:db8::", NULL },
		{ "^net <IP4>/<CIDR>$", "net 192.0.2.0/24", "192.0.2.0", NULL },
	};

	(void)state;
	check_hosts(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
the_user_is_the_first_name_that_is_not_empty(void **state)
{
	static const struct {
		const char *regex;
		const char *message;
		const char *user;
	} cases[] = {
		{ "^<F-USER>[^@ ]*</F-USER> <HOST>", "alice 192.0.2.1",
		    "alice" },
		{ "^user=<<F-USER>[^>]*</F-USER>> <HOST>",
		    "user=<b@x.org> 192.0.2.1", "b@x.org" },
		{ "^(?<user>\\S*) <HOST>", "carol 192.0.2.1", "carol" },
		{ "^<F-ALT_USER1>\\S*</F-ALT_USER1> <F-USER>\\S*</F-USER> "
		  "<HOST>(?: <F-ALT_USER>\\S*</F-ALT_USER>)?$",
		    "first  192.0.2.1 last", "last" },
		{ "^<F-ALT_USER1>\\S*</F-ALT_USER1> <F-USER>\\S*</F-USER> "
		  "<HOST>(?: <F-ALT_USER>\\S*</F-ALT_USER>)?$",
		    "first  192.0.2.1", "first" },
		{ "^<F-ALT_USER1>\\S*</F-ALT_USER1> <F-USER>\\S*</F-USER> "
		  "<HOST>(?: <F-ALT_USER>\\S*</F-ALT_USER>)?$",
		    "first real 192.0.2.1", "real" },
		{ "^<F-USER>\\S*</F-USER> <HOST>", " 192.0.2.1", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *f = filter_of(cases[i].regex);
		struct line l = line_of("x", cases[i].message);
		struct match m;

		assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
		assert_span(m.user, cases[i].user);
		filter_free(f);
	}
}

static void
a_count_is_at_least_one_and_never_absurd(void **state)
{
	static const struct {
		const char *message;
		unsigned count;
	} cases[] = {
		{ "6 from 192.0.2.1", 6 },
		{ "0 from 192.0.2.1", 1 },
		{ "000 from 192.0.2.1", 1 },
		{ "1000000 from 192.0.2.1", 1000000 },
		{ "1000001 from 192.0.2.1", 1000000 },
		{ "99999999999999999999999999 from 192.0.2.1", 1000000 },
		{ "4294967296 from 192.0.2.1", 1000000 },
		{ " from 192.0.2.1", 1 },
	};
	struct filter *f = filter_of("^(?<count>\\d+)? ?from <HOST>");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line l = line_of("x", cases[i].message);
		struct match m;

		assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
		assert_int_equal(m.count, cases[i].count);
	}
	filter_free(f);
}

static void
the_text_is_what_matched(void **state)
{
	struct filter *f = filter_of("^reject <HOST>");
	struct line l = line_of("x", "reject 192.0.2.1 for good reasons");
	struct match m;

	(void)state;
	assert_int_equal(filter_match(f, &l, 0, &m), VERDICT_FAILURE);
	assert_span(m.text, "reject 192.0.2.1");
	assert_ptr_equal(m.text.p, l.message.p);
	filter_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_host_is_an_address_of_either_family_in_every_form),
		cmocka_unit_test(
		    a_host_may_be_a_name_but_never_one_that_looks_like_an_address),
		cmocka_unit_test(
		    a_name_that_begins_like_an_address_is_not_that_address),
		cmocka_unit_test(
		    an_address_wins_over_a_name_wherever_it_stands),
		cmocka_unit_test(address_tags_match_no_names),
		cmocka_unit_test(a_subnet_yields_its_address),
		cmocka_unit_test(the_user_is_the_first_name_that_is_not_empty),
		cmocka_unit_test(a_count_is_at_least_one_and_never_absurd),
		cmocka_unit_test(the_text_is_what_matched),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
