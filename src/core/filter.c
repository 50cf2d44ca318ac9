/*
 * A filter and its say about a message. Rules are tried in the order written:
 * there are few of them, and the router's screens see to it that they are
 * tried only on lines that one of them will match.
 */
#include <stdlib.h>

#include "mxward/error.h"
#include "pattern_priv.h"

/* The bits of an optional mask. */
#define OPTIONAL_MOST 64

static int copy_rule(
    struct rule *r, const struct rule_spec *spec, struct error *err);
static char **copy_list(const char *const *list, size_t n);
static void free_list(char **list, size_t n);
static void rule_clear(struct rule *r);
static bool glob_match(const char *glob, struct span text);
static bool rule_try(const struct filter *f, struct rule *r,
    struct span message, struct match *out);

static const enum verdict verdicts[] = { [RULE_FAILURE] = VERDICT_FAILURE,
	[RULE_SUCCESS] = VERDICT_SUCCESS,
	[RULE_IGNORE] = VERDICT_IGNORED };

struct filter *
filter_new(const char *name)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->name = strdup(name);
	f->matcher = matcher_new();
	if (f->name == NULL || f->matcher == NULL) {
		filter_free(f);
		return NULL;
	}
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->nrules; i++)
		rule_clear(&f->rules[i]);
	free(f->rules);
	free_list(f->programs, f->nprograms);
	matcher_free(f->matcher);
	free(f->limits.ports);
	free(f->description);
	free(f->file);
	free(f->name);
	free(f);
}

int
filter_add_program(struct filter *f, const char *glob)
{
	char **grown =
	    reallocarray(f->programs, f->nprograms + 1, sizeof(*f->programs));

	if (grown == NULL)
		return -1;
	f->programs = grown;
	grown[f->nprograms] = strdup(glob);
	if (grown[f->nprograms] == NULL)
		return -1;
	f->nprograms++;
	return 0;
}

int
filter_add_rule(
    struct filter *f, const struct rule_spec *spec, struct error *err)
{
	struct rule r = { 0 };
	struct rule *grown;

	if (filter_rule(f, spec->name) != NULL)
		return error_set(err,
		    "there is a rule \"%s\" already: give this one another "
		    "name",
		    spec->name);
	if (f->nrules > UINT16_MAX)
		return error_set(err, "more than %d rules", UINT16_MAX + 1);
	if (spec->optional && f->nrules >= OPTIONAL_MOST)
		return error_set(err,
		    "an optional rule must be among the "
		    "first %d of its filter: move it up",
		    OPTIONAL_MOST);
	if (copy_rule(&r, spec, err) != 0) {
		rule_clear(&r);
		return -1;
	}
	grown = reallocarray(f->rules, f->nrules + 1, sizeof(*f->rules));
	if (grown == NULL) {
		rule_clear(&r);
		return error_set(err, "out of memory");
	}
	r.index = (uint16_t)f->nrules;
	f->rules = grown;
	f->rules[f->nrules++] = r;
	return 0;
}

struct rule *
filter_rule(const struct filter *f, const char *name)
{
	for (size_t i = 0; i < f->nrules; i++)
		if (strcmp(f->rules[i].name, name) == 0)
			return &f->rules[i];
	return NULL;
}

enum verdict
filter_match(const struct filter *f, const struct line *l, uint64_t optional,
    struct match *out)
{
	enum verdict v = VERDICT_NONE;

	if (filter_wants(f, l->program))
		v = filter_apply(f, l->message, optional, out);
	if (v != VERDICT_NONE)
		f->rules[out->rule->index].matched++;
	return v;
}

size_t
filter_reach(const struct filter *f, const struct rule *r, struct span message)
{
	return pattern_reach(r->pattern, f->matcher, message);
}

bool
filter_wants(const struct filter *f, struct span program)
{
	for (size_t i = 0; i < f->nprograms; i++)
		if (glob_match(f->programs[i], program))
			return true;
	return f->nprograms == 0;
}

enum verdict
filter_apply(const struct filter *f, struct span message, uint64_t optional,
    struct match *out)
{
	for (size_t i = 0; i < f->nrules; i++) {
		struct rule *r = &f->rules[i];

		if (r->kind == RULE_IGNORE && rule_enabled(r, optional) &&
		    rule_try(f, r, message, out))
			return out->verdict;
	}
	for (size_t i = 0; i < f->nrules; i++) {
		struct rule *r = &f->rules[i];

		if (r->kind != RULE_IGNORE && rule_enabled(r, optional) &&
		    rule_try(f, r, message, out))
			return out->verdict;
	}
	return VERDICT_NONE;
}

/* On failure the caller clears the half-made rule. */
static int
copy_rule(struct rule *r, const struct rule_spec *spec, struct error *err)
{
	r->kind = spec->kind;
	r->optional = spec->optional;
	r->name = strdup(spec->name);
	r->regex = strdup(spec->regex);
	r->samples = copy_list(spec->samples, spec->nsamples);
	r->nsamples = r->samples != NULL ? spec->nsamples : 0;
	r->misses = copy_list(spec->misses, spec->nmisses);
	r->nmisses = r->misses != NULL ? spec->nmisses : 0;
	if (r->name == NULL || r->regex == NULL || r->samples == NULL ||
	    r->misses == NULL)
		return error_set(err, "out of memory");
	r->pattern = pattern_new(spec->regex, err);
	if (r->pattern == NULL)
		return -1;
	if (r->kind != RULE_IGNORE && !pattern_has_host(r->pattern))
		return error_set(err,
		    "pattern captures no host: put <HOST> or "
		    "<ADDR> where the client's address stands");
	return 0;
}

/* NULL only when out of memory. */
static char **
copy_list(const char *const *list, size_t n)
{
	char **copy = calloc(n + 1, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(list[i]);
		if (copy[i] == NULL) {
			free_list(copy, i);
			return NULL;
		}
	}
	return copy;
}

static void
free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
rule_clear(struct rule *r)
{
	free(r->name);
	free(r->regex);
	free_list(r->samples, r->nsamples);
	free_list(r->misses, r->nmisses);
	pattern_free(r->pattern);
}

/*
 * "*" is any run of bytes, "/" among them, so that "postfix/" and "*" and
 * "/smtpd" is every smtpd of every service; "?" is one byte. Only the last "*"
 * ever needs to be tried again, so the cost is at most glob times text.
 */
static bool
glob_match(const char *glob, struct span text)
{
	const char *star = NULL;
	size_t retry = 0;
	size_t i = 0;

	while (i < text.n) {
		if (*glob == '*') {
			star = ++glob;
			retry = i;
		} else if (*glob != '\0' &&
		    (*glob == '?' || *glob == text.p[i])) {
			glob++;
			i++;
		} else if (star != NULL) {
			glob = star;
			i = ++retry;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

static bool
rule_try(const struct filter *f, struct rule *r, struct span message,
    struct match *out)
{
	switch (pattern_match(r->pattern, f->matcher, message)) {
	case PATTERN_LIMIT:
		r->limited++;
		return false;
	case PATTERN_YES:
		break;
	default:
		return false;
	}
	out->filter = f;
	out->rule = r;
	out->verdict = verdicts[r->kind];
	pattern_captures(r->pattern, message, out);
	return true;
}
