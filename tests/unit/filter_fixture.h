/* What the tests of the filter engine share: filters of one rule, and lines. */
#ifndef FILTER_FIXTURE_H
#define FILTER_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mxward/filter.h"

static inline int
add(struct filter *f, const char *name, enum rule_kind kind, const char *regex)
{
	struct rule_spec spec = { .name = name, .kind = kind, .regex = regex };
	struct error err = { "" };
	int rc = filter_add_rule(f, &spec, &err);

	if (rc != 0)
		print_message("%s: %s\n", name, err.text);
	return rc;
}

/* A filter that wants every program, with one failure rule. */
static inline struct filter *
filter_of(const char *regex)
{
	struct filter *f = filter_new("test");

	assert_non_null(f);
	assert_int_equal(add(f, "rule", RULE_FAILURE, regex), 0);
	return f;
}

static inline struct line
line_of(const char *program, const char *message)
{
	return (struct line){ .program = span_of(program),
		.message = span_of(message) };
}

/* The reason why a rule is refused. */
static inline const char *
refused(const char *regex)
{
	static struct error err;
	struct filter *f = filter_new("test");
	struct rule_spec spec = { .name = "rule", .regex = regex };

	err.text[0] = '\0';
	assert_int_equal(filter_add_rule(f, &spec, &err), -1);
	assert_int_equal(f->nrules, 0);
	filter_free(f);
	return err.text;
}

static inline void
assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static inline void
assert_span(struct span s, const char *want)
{
	if (!span_is(s, want))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), want);
}

static inline void
assert_host(const struct match *m, const char *want)
{
	char buf[ADDR_STRLEN];

	if (!m->has_host)
		fail_msg("no host, expected %s", want);
	assert_string_equal(addr_format(&m->host, buf), want);
}

#endif
