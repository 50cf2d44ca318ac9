#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "mxward/enforcer.h"

static const struct {
	const char *text, *name;
	size_t nports;
	uint16_t port[PORTGROUP_PORTS];
} good[] = {
	{ "smtp", "smtp", 3, { 25, 465, 587 } },
	{ "imap", "imap", 2, { 143, 993 } },
	{ "pop3", "pop3", 2, { 110, 995 } },
	{ "sieve", "sieve", 1, { 4190 } },
	{ "all", "all", 0, { 0 } },
	{ "  all ", "all", 0, { 0 } },
	{ "imap,pop3", "imap_pop3", 4, { 143, 993, 110, 995 } },
	{ " imap ,\tpop3 ", "imap_pop3", 4, { 143, 993, 110, 995 } },
	{ "25", "25", 1, { 25 } },
	{ "25,587", "25_587", 2, { 25, 587 } },
	{ "smtp,25,2525", "smtp_25_2525", 4, { 25, 465, 587, 2525 } },
	{ "1,65535", "1_65535", 2, { 1, 65535 } },
	{ "smtp,imap,pop3,sieve", "smtp_imap_pop3_sieve", 8,
	    { 25, 465, 587, 143, 993, 110, 995, 4190 } },
};

static const char *const bad[] = { "", " ", ",", "smtp,", ",smtp", "smtp,,imap",
	"smtp imap", "SMTP", "http", "0", "025", "65536", "99999", "100000",
	"-1", "+25", "25-30", "smtp,all", "all,smtp", "all,all", "25;", "2 5",
	"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	"smtp,imap,pop3,sieve,1,2,3,4,5,6,7,8,9", "smtp:25" };

static void
services_numbers_and_lists_are_parsed(void **state)
{
	struct portgroup g;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(portgroup_parse(good[i].text, &g, &err), 0);
		assert_string_equal(g.name, good[i].name);
		assert_int_equal(g.nports, good[i].nports);
		assert_memory_equal(g.port, good[i].port, sizeof(g.port));
	}
}

static void
what_is_no_port_is_refused_with_a_reason(void **state)
{
	struct portgroup g;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(portgroup_parse(bad[i], &g, &err), -1);
		assert_memory_equal(err.text, "ports: ", 7);
		assert_int_equal(portgroup_parse(bad[i], &g, NULL), -1);
	}
}

static void
sixteen_ports_fit_and_a_repeated_one_counts_once(void **state)
{
	struct portgroup g;

	(void)state;
	assert_int_equal(
	    portgroup_parse("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", &g, NULL),
	    0);
	assert_int_equal(g.nports, 16);
	assert_int_equal(portgroup_parse("25,25,smtp,smtp", &g, NULL), 0);
	assert_int_equal(g.nports, 3);
}

static void
long_names_are_cut_and_stay_different(void **state)
{
	struct portgroup a, b, c;

	(void)state;
	assert_int_equal(
	    portgroup_parse("10001,10002,10003,10004,10005,10006", &a, NULL),
	    0);
	assert_int_equal(
	    portgroup_parse("10001,10002,10003,10004,10005,10007", &b, NULL),
	    0);
	assert_int_equal(
	    portgroup_parse("10001, 10002,10003,10004,10005,10006", &c, NULL),
	    0);
	assert_int_equal(strlen(a.name), PORTGROUP_NAME - 1);
	assert_string_not_equal(a.name, b.name);
	assert_string_equal(a.name, c.name);
	assert_int_equal(
	    strspn(a.name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
	    strlen(a.name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_numbers_and_lists_are_parsed),
		cmocka_unit_test(what_is_no_port_is_refused_with_a_reason),
		cmocka_unit_test(
		    sixteen_ports_fit_and_a_repeated_one_counts_once),
		cmocka_unit_test(long_names_are_cut_and_stay_different),
	};

	return cmocka_run_group_tests_name("portgroup", tests, NULL, NULL);
}
