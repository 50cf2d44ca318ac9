/* What the judge's tests share: filters made by hand, and matches of them. */
#ifndef JUDGE_FIXTURE_H
#define JUDGE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mxward/duration.h"
#include "mxward/judge.h"

#define ALL_RULES UINT64_MAX

/* Rules of each of the two filters: 0 and 2 are failures, 1 is a success. */
#define FIXTURE_RULES 70

struct fixture {
	struct rule rule[2][FIXTURE_RULES];
	struct filter filter[2];
	const struct filter *both[2];
};

static inline void
fixture_init(struct fixture *f)
{
	static char *const names[2] = { "auth", "flood" };
	static char *const rules[3] = { "refused", "login", "other" };
	size_t i, k;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < 2; i++) {
		for (k = 0; k < FIXTURE_RULES; k++) {
			f->rule[i][k].name = rules[k % 3];
			f->rule[i][k].index = (uint16_t)k;
			f->rule[i][k].kind =
			    k % 3 == 1 ? RULE_SUCCESS : RULE_FAILURE;
		}
		f->filter[i].name = names[i];
		f->filter[i].rules = f->rule[i];
		f->filter[i].nrules = FIXTURE_RULES;
		f->both[i] = &f->filter[i];
	}
}

static inline struct match
fixture_match(const struct fixture *f, size_t filter, size_t rule,
    const struct addr *host, unsigned count)
{
	struct match m = { .filter = &f->filter[filter], .count = count };

	m.rule = &f->rule[filter][rule];
	m.verdict =
	    m.rule->kind == RULE_SUCCESS ? VERDICT_SUCCESS : VERDICT_FAILURE;
	m.has_host = true;
	m.host = *host;
	return m;
}

static inline struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

#endif
