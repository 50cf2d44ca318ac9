/* The configuration: what works, and that each mistake is told with its file
 * and line and what to write instead. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mxward/config.h"
#include "mxward/duration.h"
#include "mxward/listener.h"

#define FILTER                                                                 \
	"filter \"f\" { program = { \"p\" }  maxretry = 7  findtime = \"5m\" " \
	"bantime = \"2h\"  ports = \"smtp\"\n"                                 \
	"rule \"a\" { failregex = '^x <HOST>$' }\n"                            \
	"rule \"b\" { failregex = '^y <HOST>$'  optional = true }\n"           \
	"rule \"ok\" { successregex = '^z <HOST>$' } }\n"

static char dir[] = "/tmp/mxward-config.XXXXXX";
static char warned[2048];

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *fp;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fp = fopen(path, "w");
	assert_non_null(fp);
	fputs(text, fp);
	fclose(fp);
}

static void
on_warn(void *arg, const char *text)
{
	(void)arg;
	snprintf(warned + strlen(warned), sizeof(warned) - strlen(warned),
	    "%s\n", text);
}

static struct config *
load(const char *text, struct error *err)
{
	char path[256];

	write_file("m.conf", text);
	snprintf(path, sizeof(path), "%s/m.conf", dir);
	warned[0] = '\0';
	return config_load(path, err, on_warn, NULL);
}

static struct config *
load_good(const char *text)
{
	struct error err;
	struct config *c = load(text, &err);

	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static const struct jail_conf *
jail(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->njails; i++)
		if (strcmp(c->jails[i].name, name) == 0)
			return &c->jails[i];
	fail_msg("no jail %s", name);
	return NULL;
}

static void
a_jail_of_a_filters_name_takes_the_filters_limits(void **state)
{
	struct config *c = load_good(FILTER "jail \"f\" {}\n");
	const struct jail_conf *j = jail(c, "f");

	(void)state;
	assert_int_equal(j->spec.maxretry, 7);
	assert_int_equal(j->spec.findtime, 300);
	assert_int_equal(j->spec.nbantime, 1);
	assert_int_equal(j->spec.bantime[0], 7200);
	assert_string_equal(j->ports, "smtp");
	assert_int_equal(j->spec.prefix4, 32);
	assert_int_equal(j->spec.prefix6, 64);
	assert_true(j->enabled);
	config_free(c);
}

static void
a_global_limit_comes_before_the_filters_and_after_the_jails(void **state)
{
	struct config *c =
	    load_good(FILTER "maxretry = 4\nbantime = { \"1m\", \"1h\" }\n"
			     "jail \"f\" { maxretry = 2 }\n"
			     "jail \"g\" { filter = { \"f\" } }\n");

	(void)state;
	assert_int_equal(jail(c, "f")->spec.maxretry, 2);
	assert_int_equal(jail(c, "g")->spec.maxretry, 4);
	assert_int_equal(jail(c, "g")->spec.findtime, 300);
	assert_int_equal(jail(c, "g")->spec.nbantime, 2);
	assert_int_equal(jail(c, "g")->spec.bantime[1], 3600);
	config_free(c);
}

static void
optional_rules_count_only_where_enabled_and_others_can_be_disabled(void **state)
{
	struct config *c = load_good(
	    FILTER "jail \"f\" {}\n"
		   "jail \"g\" { filter = \"f\" enable = { \"b\" } }\n"
		   "jail \"h\" { filter = \"f\" disable = { \"a\" } }\n");

	(void)state;
	assert_int_equal(jail(c, "f")->rules[0], 5);
	assert_int_equal(jail(c, "g")->rules[0], 7);
	assert_int_equal(jail(c, "h")->rules[0], 4);
	config_free(c);
}

static void
a_recidive_jail_counts_bans_and_has_its_own_defaults(void **state)
{
	struct config *c = load_good(
	    FILTER "bantime = \"1m\"\nfindtime = \"1m\"\njail \"f\" {}\n"
		   "jail \"recidive\" {}\n");
	const struct jail_conf *j = jail(c, "recidive");

	(void)state;
	assert_true(j->spec.recidive);
	assert_int_equal(j->spec.nfilters, 0);
	assert_int_equal(j->spec.findtime, 86400);
	assert_int_equal(j->spec.bantime[0], 7 * 86400);
	assert_string_equal(j->ports, "all");
	config_free(c);
}

static void
a_global_observe_holds_for_every_jail(void **state)
{
	struct config *c = load_good(
	    FILTER "mode = \"observe\"\njail \"f\" { mode = \"ban\" }\n");

	(void)state;
	assert_int_equal(jail(c, "f")->spec.mode, MODE_OBSERVE);
	config_free(c);
}

static void
the_manual_jail_is_always_there(void **state)
{
	struct config *c = load_good(FILTER "jail \"f\" {}\n");

	(void)state;
	assert_string_equal(jail(c, "manual")->ports, "all");
	assert_true(jail(c, "manual")->enabled);
	config_free(c);
}

static void
ignoreip_knows_addresses_networks_names_and_self(void **state)
{
	struct config *c = load_good(
	    FILTER "ignoreip = { \"self\", \"192.0.2.1\", \"2001:db8::/32\", "
		   "\"office.example.org\", \"10.0.0.0/8\" }\njail \"f\" {}\n");

	(void)state;
	assert_true(c->ignore_self);
	assert_int_equal(c->nignoreip, 3);
	assert_int_equal(c->nignorehosts, 1);
	assert_string_equal(c->ignorehosts[0], "office.example.org");
	config_free(c);
}

static void
self_is_ignored_unless_ignoreip_says_otherwise(void **state)
{
	struct config *c = load_good(FILTER "jail \"f\" {}\n");

	(void)state;
	assert_true(c->ignore_self);
	config_free(c);
	c = load_good(FILTER "ignoreip = {}\njail \"f\" {}\n");
	assert_false(c->ignore_self);
	config_free(c);
	c = load_good(FILTER "ignoreip = { \"192.0.2.1\" }\njail \"f\" {}\n");
	assert_false(c->ignore_self);
	config_free(c);
}

static void
include_takes_a_file_or_a_directory_relative_to_the_including_file(void **state)
{
	char path[256];
	struct config *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/d", dir);
	mkdir(path, 0700);
	write_file("one.conf", FILTER);
	write_file("d/a.conf", "jail \"f\" {}\n");
	write_file("d/b.conf", "jail \"g\" { filter = \"f\" }\n");
	write_file("d/README", "this is not configuration\n");
	c = load_good("include(\"one.conf\")\ninclude(\"d\")\nmaxretry = 9\n");
	assert_int_equal(jail(c, "f")->spec.maxretry, 9);
	assert_int_equal(jail(c, "g")->spec.maxretry, 9);
	config_free(c);
}

static void
comments_may_stand_anywhere_but_in_quotes(void **state)
{
	struct config *c = load_good(
	    "# one\n" FILTER "ignoreip = { # two, \"quoted\" and it's open\n"
	    "  \"192.0.2.1\", // three\n"
	    "  /* four\n  192.0.2.9 */ \"192.0.2.2\" # five\n"
	    "}\njail \"f\" {} # six\n"
	    "policy { answer = \"521 # not // a /* comment\" }\n"
	    "statedir = \"/tmp/a#b//c\"\n");

	(void)state;
	assert_int_equal(c->nignoreip, 2);
	assert_string_equal(c->policy.answer, "521 # not // a /* comment");
	assert_string_equal(c->statedir, "/tmp/a#b//c");
	config_free(c);
}

static void
without_a_source_there_is_one(void **state)
{
	struct config *c = load_good(FILTER "jail \"f\" {}\n");

	(void)state;
	assert_int_equal(c->nsources, 1);
	config_free(c);
}

static void
routes_are_the_filters_that_jails_use(void **state)
{
	struct config *c = load_good(FILTER
	    "filter \"unused\" { rule \"r\" { failregex = '^<HOST>' } }\n"
	    "jail \"f\" { enable = \"b\" }\n");
	struct jail_spec *specs;
	struct filter **filters;
	uint64_t *optional;

	(void)state;
	assert_int_equal(config_routes(c, &filters, &optional), 1);
	assert_string_equal(filters[0]->name, "f");
	assert_int_equal(optional[0], 7);
	assert_int_equal(config_jail_specs(c, &specs), 2);
	free(filters);
	free(optional);
	free(specs);
	config_free(c);
}

static void
a_configuration_that_counts_nothing_is_warned_of(void **state)
{
	struct config *c = load_good(FILTER);

	(void)state;
	assert_non_null(strstr(warned, "no jail counts anything"));
	config_free(c);
}

/* text; the line of the mistake (0: none is said); what is said */
static const struct {
	const char *text;
	int line;
	const char *says;
} mistakes[] = {
	{ "maxrety = 3\n", 1,
	    "unknown key 'maxrety': did you mean 'maxretry'?" },
	{ "\n\nzzzzzzzzz = 3\n", 3, "unknown key 'zzzzzzzzz'" },
	{ FILTER "jail \"f\" {\n  maxretry = 3\n  findtme = \"1h\"\n}\n", 7,
	    "did you mean 'findtime'?" },
	{ FILTER "jail \"f\" {\n  findtime = \"1 fortnight\"\n}\n", 6,
	    "is not a length of time: write \"90s\"" },
	{ FILTER "jail \"f\" {\n\n  bantime = { \"1h\", \"oops\" }\n}\n", 7,
	    "bantime = \"oops\"" },
	{ FILTER "jail \"nothere\" {\n maxretry = 3\n}\n", 5,
	    "there is no filter \"nothere\"" },
	{ FILTER "jail \"j\" {\n filter = \"g\"\n}\n", 6,
	    "there is no filter \"g\"" },
	{ "jail \"postfix-auth\" {}\n", 1, "include(" },
	{ "filter \"f\" {\n rule \"r\" {\n\n failregex = '^([<HOST>'\n }\n}\n",
	    4, "rule \"r\" of filter \"f\"" },
	{ "filter \"f\" {\n rule \"r\" {\n failregex = 'x <HOST>'\n }\n}\n", 3,
	    "not anchored" },
	{ "filter \"f\" {\n rule \"r\" {\n failregex = '^x'\n }\n}\n", 3,
	    "host" },
	{ "filter \"f\" {\n rule \"r\" {\n }\n}\n", 2, "exactly one of" },
	{ "filter \"f\" {\n rule \"r\" { failregex = '^<HOST>' successregex = "
	  "'^<HOST>' }\n}\n",
	    2, "exactly one of" },
	{ "filter \"f\" {\n}\n", 1, "has no rule" },
	{ FILTER "jail \"f\" {}\njail \"f\" {}\n", 6, "twice" },
	{ FILTER "jail \"f\" { maxretry = 0 }\n", 5, "write a number from 1" },
	{ FILTER "jail \"f\" { maxretry = many }\n", 5, "" },
	{ FILTER "jail \"f\" { mode = \"kill\" }\n", 5, "\"observe\"" },
	{ FILTER "jail \"f\" { prefix6 = 200 }\n", 5, "from 16 to 128" },
	{ FILTER "jail \"f\" { enable = \"nope\" }\n", 5, "\"nope\"" },
	{ FILTER "jail \"f\" { ports = \"smpt\" }\n", 5, "smpt" },
	{ FILTER "jail \"f\" { ignoreip = \"300.1.1.1\" }\n", 5,
	    "is not an address" },
	{ FILTER "jail \"f\" { findtime = \"forever\" }\n", 5, "for ever" },
	{ FILTER "jail \"recidive\" { filter = \"f\" }\n", 5,
	    "counts bans, not lines" },
	{ FILTER "jail \"a b\" { filter = \"f\" }\n", 5, "name it with" },
	{ "ignoreip = { \"10.0.0\" }\n", 1, "is not an address" },
	{ "log_level = \"loud\"\n", 1, "\"warning\"" },
	{ "control = \"run/control\"\n", 1, "absolute" },
	{ "source \"s\" {}\n", 1, "exactly one of file" },
	{ "source \"s\" { file = { \"mail.log\" } }\n", 1, "absolute path" },
	{ "source \"s\" { file = \"/x\" stdin = true }\n", 1, "exactly one" },
	{ "source \"s\" { journal = \"system\" match = { \"mail\" } }\n", 1,
	    "FIELD=value" },
	{ "policy { listen = { \"tcp:25\" } }\n", 1, "unix:/path" },
	{ "policy { listen = { \"inet:127.0.0.1:0\" } }\n", 1,
	    "inet:ADDRESS:PORT" },
	{ "policy {\n answer = \"521 %{nope}\"\n}\n", 2, "nope" },
	{ "policy { socket_mode = \"rw\" }\n", 1, "chmod" },
	{ "policy {}\npolicy {}\n", 2, "twice" },
	{ "enforcer \"pf\" {}\n", 1, "enforcer \"nftables\"" },
	{ "enforcer \"nftables\" { blocktype = \"shoo\" }\n", 1, "\"reject\"" },
	{ "enforcer \"nftables\" { table = \"my table\" }\n", 1, "a-z" },
	{ "ignoreip = { # one\n\n \"x/y\" # two\n}\n", 4, "is not an address" },
	{ "include(\"nothere.conf\")\n", 1, "No such file" },
	{ "include(\"m.conf\")\n", 1, "include itself" },
	{ "\njail \"f\" {\n maxretry = 3\n", 2, "is not closed: write a }" },
	{ FILTER "jail \"f\" {\n jail \"g\" {}\n}\n", 6, "} missing above" },
	{ "\njail \"f\n", 2, "the quote that begins in this line" },
	{ "maxretry 3\n", 1, "write key = value" },
	{ "\n}\n", 2, "closes nothing" },
	{ "bantime = { \"10m\" \"1h\" }\n", 1, "comma" },
	{ "maxretry = \"many\"\n", 1, "write a number" },
	{ "logpath = \"/var/log/mail.log\"\n", 1, "write source" },
	{ "ignoreip = \"192.0.2.1 192.0.2.2\"\n", 1, "in braces" },
	{ "policy { answer = \"forbidden\" }\n", 1, "access(5)" },
	{ "include \"x\"\n", 1, "include(\"PATH\")" },
};

static void
each_mistake_is_told_with_its_file_and_line(void **state)
{
	char where[300];
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct config *c = load(mistakes[i].text, &err);
		if (c)
			fail_msg("accepted: %s", mistakes[i].text);
		snprintf(where, sizeof(where), "%s/m.conf:%d: ", dir,
		    mistakes[i].line);
		if (mistakes[i].line &&
		    strncmp(err.text, where, strlen(where)) != 0)
			fail_msg("%s\n said: %s\n not at line %d",
			    mistakes[i].text, err.text, mistakes[i].line);
		if (!strstr(err.text, mistakes[i].says))
			fail_msg("%s\n said: %s\n not: %s", mistakes[i].text,
			    err.text, mistakes[i].says);
		assert_null(strchr(err.text, '\n'));
	}
}

static void
a_mistake_in_an_included_file_names_that_file(void **state)
{
	char where[300];
	struct error err;

	(void)state;
	write_file("bad.conf", "\n\nmaxretry = 0\n");
	assert_null(load("user = \"x\"\ninclude(\"bad.conf\")\n", &err));
	snprintf(where, sizeof(where), "%s/bad.conf:3: ", dir);
	assert_memory_equal(err.text, where, strlen(where));
}

static void
a_missing_file_says_what_to_do(void **state)
{
	struct error err;

	(void)state;
	assert_null(config_load("/nonexistent/m.conf", &err, NULL, NULL));
	assert_non_null(strstr(err.text, "/nonexistent/m.conf"));
	assert_non_null(strstr(err.text, "-c FILE"));
}

static void
listen_addresses_are_parsed_strictly(void **state)
{
	static const char *const bad[] = { "", "inet:", "inet:1.2.3.4",
		"inet:1.2.3.4:", "inet:1.2.3.4:99999", "inet:1.2.3.4:25x",
		"inet:name:25", "unix:", "unix:relative", "25", "inet:::25",
		"inet:1.2.3.4:-1" };
	struct listen_conf c;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (listen_conf_parse(bad[i], &c, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(listen_conf_parse("inet:[::1]:10040", &c, &err), 0);
	assert_int_equal(c.port, 10040);
	listen_conf_clear(&c);
	assert_int_equal(listen_conf_parse("unix:/run/x", &c, &err), 0);
	assert_string_equal(c.path, "/run/x");
	listen_conf_clear(&c);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	static const char *const files[] = { "m.conf", "one.conf", "bad.conf",
		"d/a.conf", "d/b.conf", "d/README", "d", "" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)!remove(path);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_jail_of_a_filters_name_takes_the_filters_limits),
		cmocka_unit_test(
		    a_global_limit_comes_before_the_filters_and_after_the_jails),
		cmocka_unit_test(
		    optional_rules_count_only_where_enabled_and_others_can_be_disabled),
		cmocka_unit_test(
		    a_recidive_jail_counts_bans_and_has_its_own_defaults),
		cmocka_unit_test(a_global_observe_holds_for_every_jail),
		cmocka_unit_test(the_manual_jail_is_always_there),
		cmocka_unit_test(
		    ignoreip_knows_addresses_networks_names_and_self),
		cmocka_unit_test(
		    self_is_ignored_unless_ignoreip_says_otherwise),
		cmocka_unit_test(
		    include_takes_a_file_or_a_directory_relative_to_the_including_file),
		cmocka_unit_test(comments_may_stand_anywhere_but_in_quotes),
		cmocka_unit_test(without_a_source_there_is_one),
		cmocka_unit_test(routes_are_the_filters_that_jails_use),
		cmocka_unit_test(
		    a_configuration_that_counts_nothing_is_warned_of),
		cmocka_unit_test(each_mistake_is_told_with_its_file_and_line),
		cmocka_unit_test(a_mistake_in_an_included_file_names_that_file),
		cmocka_unit_test(a_missing_file_says_what_to_do),
		cmocka_unit_test(listen_addresses_are_parsed_strictly),
	};

	return cmocka_run_group_tests_name(
	    "config", tests, make_dir, remove_dir);
}
