/* The filters' own samples: what `make check` and writers of filters run. */
#include <string.h>

#include "test.h"

struct tally {
	const struct test *t;
	size_t passed, failed;
};

static void check_filter(struct tally *sum, const struct filter *f);
static size_t check_rule(
    struct tally *sum, const struct filter *f, const struct rule *r, bool hit);
static void complain(const struct tally *sum, const struct filter *f,
    const struct rule *r, const char *sample, bool hit, const char *why);

int
test_samples(struct test *t)
{
	struct tally sum = { .t = t };

	for (size_t i = 0; i < t->nfilters; i++)
		check_filter(&sum, t->filters[i]);
	if (t->c->given & OPT_JSON)
		printf("{\"passed\":%zu,\"failed\":%zu}\n", sum.passed,
		    sum.failed);
	else if (!(t->c->given & OPT_QUIET))
		printf("%zu passed, %zu failed\n", sum.passed, sum.failed);
	return sum.failed ? NO : DONE;
}

static void
check_filter(struct tally *sum, const struct filter *f)
{
	const struct ctl *c = sum->t->c;
	size_t failed = sum->failed, samples = 0, misses = 0, bare = 0;
	enum style s;

	for (size_t i = 0; i < f->nrules; i++) {
		const struct rule *r = &f->rules[i];
		samples += check_rule(sum, f, r, true);
		misses += check_rule(sum, f, r, false);
		bare += r->nsamples == 0;
	}
	failed = sum->failed - failed;
	if (c->given & (OPT_JSON | OPT_QUIET))
		return;
	s = failed ? BAD : GOOD;
	printf("%s: %zu sample%s, %zu miss%s: %s", f->name, samples,
	    samples == 1 ? "" : "s", misses, misses == 1 ? "" : "es",
	    style_on(&c->term, s));
	if (failed)
		printf("%zu FAILED", failed);
	else
		printf("ok");
	printf("%s", style_off(&c->term, s));
	if (bare)
		printf(" (%zu rule%s without a sample)", bare,
		    bare == 1 ? "" : "s");
	putchar('\n');
}

static size_t
check_rule(
    struct tally *sum, const struct filter *f, const struct rule *r, bool hit)
{
	char **list = hit ? r->samples : r->misses;
	size_t n = hit ? r->nsamples : r->nmisses;
	struct error err;

	for (size_t i = 0; i < n; i++) {
		if (filter_check_sample(
			f, r, list[i], hit, sum->t->now, &err) == 0) {
			sum->passed++;
			continue;
		}
		sum->failed++;
		complain(sum, f, r, list[i], hit, err.text);
	}
	return n;
}

static void
complain(const struct tally *sum, const struct filter *f, const struct rule *r,
    const char *sample, bool hit, const char *why)
{
	const struct ctl *c = sum->t->c;

	if (c->given & OPT_QUIET)
		return;
	if (c->given & OPT_JSON) {
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "file",
		    f->file ? f->file : "", "filter", f->name, "rule", r->name,
		    hit ? "sample" : "miss", sample, "error", why, "verdict",
		    "failed");
		print_json(o);
		json_decref(o);
		return;
	}
	printf("%s:%d: filter \"%s\", rule \"%s\":\n  %s: ",
	    f->file ? f->file : "?", f->line, f->name, r->name,
	    hit ? "sample" : "miss");
	text_print(stdout, span_of(sample));
	printf(
	    "\n  %swhy:%s ", style_on(&c->term, BAD), style_off(&c->term, BAD));
	text_print(stdout, span_of(why));
	putchar('\n');
}
