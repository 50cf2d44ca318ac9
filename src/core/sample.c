/*
 * Samples: the lines beside each rule that say what it is for, checked as the
 * running program would see them: header, program globs, ignore rules and the
 * other rules of the filter included.
 */
#include <stdio.h>

#include "mxward/error.h"
#include "pattern_priv.h"

/* How much of a message is quoted in an error. Bytes. */
#define QUOTE_BYTES 60

/* What a sample says it must yield; a span whose p is NULL was not given. */
struct expected {
	struct span line;
	struct span host;
	struct span user;
	struct span count;
};

static int split(struct span sample, struct expected *e, struct error *err);
static bool find_mark(struct span sample, size_t *at);
static size_t field_length(struct span s);
static int set_field(
    struct expected *e, struct span key, struct span value, struct error *err);
static size_t word_length(struct span s);
static int check_hit(const struct filter *f, const struct rule *r,
    const struct line *l, const struct expected *e, struct error *err);
static int explain_none(const struct filter *f, const struct rule *r,
    struct span message, struct error *err);
static int check_miss(const struct filter *f, const struct rule *r,
    const struct line *l, struct error *err);
static int compare(
    const struct match *m, const struct expected *e, struct error *err);
static int compare_host(
    const struct match *m, struct span want, struct error *err);
static struct span host_text(const struct match *m, char buf[ADDR_STRLEN]);

int
filter_check_sample(const struct filter *f, const struct rule *r,
    const char *sample, bool hit, int64_t now, struct error *err)
{
	struct expected e = { 0 };
	struct logtime lt;
	struct line l;

	if (split(span_of(sample), &e, err) != 0)
		return -1;
	logtime_init(&lt, now);
	line_parse(&lt, e.line, &l);
	return hit ? check_hit(f, r, &l, &e, err) : check_miss(f, r, &l, err);
}

/* The line, and what stands behind the last " ## ". */
static int
split(struct span sample, struct expected *e, struct error *err)
{
	static const size_t mark = sizeof(" ## ") - 1;
	struct span rest;
	size_t at;

	e->line = sample;
	if (!find_mark(sample, &at))
		return 0;
	e->line = span_make(sample.p, at);
	rest = span_skip(sample, at + mark);
	while (rest.n > 0) {
		size_t n = field_length(rest);
		size_t key = word_length(rest);
		size_t used = n;

		while (n > 0 && rest.p[n - 1] == ' ')
			n--;
		if (key >= n || rest.p[key] != '=')
			return error_set(err,
			    "sample: after \" ## \" stand "
			    "host=…, user=… or count=…, not \"%.*s\"",
			    SPAN_ARG(rest));
		if (set_field(e, span_make(rest.p, key),
			span_make(rest.p + key + 1, n - key - 1), err) != 0)
			return -1;
		rest = span_skip(rest, used);
	}
	return 0;
}

/* The last " ## " that is followed by "word="; a line may hold others. */
static bool
find_mark(struct span sample, size_t *at)
{
	static const struct span mark = SPAN(" ## ");

	for (size_t i = sample.n; i-- > 0;) {
		struct span rest = span_skip(sample, i);
		size_t word;

		if (!span_starts(rest, mark))
			continue;
		rest = span_skip(rest, mark.n);
		word = word_length(rest);
		if (word > 0 && word < rest.n && rest.p[word] == '=') {
			*at = i;
			return true;
		}
	}
	return false;
}

/* A value may hold spaces: it ends where the next field begins. */
static size_t
field_length(struct span s)
{
	for (size_t i = 1; i < s.n; i++) {
		size_t word;

		if (s.p[i - 1] != ' ')
			continue;
		word = word_length(span_skip(s, i));
		if (word > 0 && i + word < s.n && s.p[i + word] == '=')
			return i;
	}
	return s.n;
}

static int
set_field(
    struct expected *e, struct span key, struct span value, struct error *err)
{
	if (span_is(key, "host"))
		e->host = value;
	else if (span_is(key, "user"))
		e->user = value;
	else if (span_is(key, "count"))
		e->count = value;
	else
		return error_set(err,
		    "sample: there is no \"%.*s\": write host=…, user=… or "
		    "count=…",
		    SPAN_ARG(key));
	return 0;
}

static size_t
word_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 'a' && s.p[n] <= 'z')
		n++;
	return n;
}

static int
check_hit(const struct filter *f, const struct rule *r, const struct line *l,
    const struct expected *e, struct error *err)
{
	uint64_t own = r->index < 64 ? UINT64_C(1) << r->index : 0;
	struct match m;

	if (!filter_wants(f, l->program))
		return error_set(err,
		    "sample: its program \"%.*s\" is none of "
		    "the filter's: mend the sample, or add to program",
		    SPAN_ARG(l->program));
	if (filter_apply(f, l->message, own, &m) == VERDICT_NONE)
		return explain_none(f, r, l->message, err);
	if (m.rule != r)
		return error_set(err,
		    "sample: rule \"%s\" matches it before "
		    "rule \"%s\" does",
		    m.rule->name, r->name);
	return compare(&m, e, err);
}

static int
explain_none(const struct filter *f, const struct rule *r, struct span message,
    struct error *err)
{
	size_t reach = filter_reach(f, r, message);
	struct span before = span_make(message.p, reach);
	struct span after = span_skip(message, reach);

	if (before.n > QUOTE_BYTES)
		before = span_skip(before, before.n - QUOTE_BYTES);
	if (after.n > QUOTE_BYTES)
		after.n = QUOTE_BYTES;
	return error_set(err,
	    "sample: rule \"%s\" does not match; it follows "
	    "the message up to \"%.*s\", then comes \"%.*s\"",
	    r->name, SPAN_ARG(before), SPAN_ARG(after));
}

/* A line that an ignore rule takes away first is a miss as well. */
static int
check_miss(const struct filter *f, const struct rule *r, const struct line *l,
    struct error *err)
{
	uint64_t own = r->index < 64 ? UINT64_C(1) << r->index : 0;
	struct match m;

	if (!filter_wants(f, l->program))
		return 0;
	if (r->kind != RULE_IGNORE &&
	    filter_apply(f, l->message, own, &m) == VERDICT_IGNORED)
		return 0;
	if (pattern_match(r->pattern, f->matcher, l->message) == PATTERN_YES)
		return error_set(err,
		    "sample: rule \"%s\" matches it and must not", r->name);
	return 0;
}

static int
compare(const struct match *m, const struct expected *e, struct error *err)
{
	char count[16];

	if (e->host.p != NULL && compare_host(m, e->host, err) != 0)
		return -1;
	if (e->user.p != NULL && !span_eq(m->user, e->user))
		return error_set(err,
		    "sample: user is \"%.*s\", expected \"%.*s\"",
		    SPAN_ARG(m->user), SPAN_ARG(e->user));
	snprintf(count, sizeof(count), "%u", m->count);
	if (e->count.p != NULL && !span_is(e->count, count))
		return error_set(err, "sample: count is %s, expected \"%.*s\"",
		    count, SPAN_ARG(e->count));
	return 0;
}

static int
compare_host(const struct match *m, struct span want, struct error *err)
{
	char buf[ADDR_STRLEN];
	struct span is = host_text(m, buf);
	struct addr a;

	if (m->has_host && addr_parse(want, &a) == 0 &&
	    memcmp(&a, &m->host, sizeof(a)) == 0)
		return 0;
	if (!m->has_host && span_eq(is, want))
		return 0;
	return error_set(err, "sample: host is \"%.*s\", expected \"%.*s\"",
	    SPAN_ARG(is), SPAN_ARG(want));
}

static struct span
host_text(const struct match *m, char buf[ADDR_STRLEN])
{
	if (m->has_host)
		return span_of(addr_format(&m->host, buf));
	return m->hostname;
}
