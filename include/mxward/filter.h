/*
 * Filters: named sets of rules for one program family, and the router that
 * hands each line to the filters whose `program` globs match.
 *
 * Patterns are PCRE2 with fail2ban's tags (jail.conf(5), "FILTER FILES"):
 *   <HOST>            an address, or a host name (group "dns")
 *   <ADDR>            an address only
 *   <SUBNET>          an address with an optional /len
 *   <F-NAME>…</F-NAME>  a group named after NAME in lower case, "user" being
 *                     the login name
 *   (?<count>\d+)     how many failures the line reports
 * A pattern must be anchored with ^ in all its alternatives (P6): text that a
 * stranger controls must not be able to look like the beginning of a message.
 * It is matched against line->message, compiled once with JIT, under limits.
 */
#ifndef MXWARD_FILTER_H
#define MXWARD_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/error.h"
#include "mxward/line.h"
#include "mxward/span.h"

enum rule_kind { RULE_FAILURE, RULE_SUCCESS, RULE_IGNORE };

enum verdict {
	VERDICT_NONE,
	VERDICT_IGNORED,
	VERDICT_SUCCESS,
	VERDICT_FAILURE
};

/* What an administrator wrote; the strings are copied by filter_add_rule. */
struct rule_spec {
	const char *name;
	enum rule_kind kind;
	const char *regex;
	bool optional; /* counts only where a jail says enable = { "name" } */
	const char *const *samples; /* lines that must match; may be NULL */
	size_t nsamples;
	const char *const *misses; /* lines that must not; may be NULL */
	size_t nmisses;
};

struct rule {
	char *name;
	enum rule_kind kind;
	bool optional;
	char *regex; /* as written */
	char **samples;
	size_t nsamples;
	char **misses;
	size_t nmisses;
	uint16_t index;          /* in its filter's rules */
	uint64_t matched;        /* lines since the start */
	uint64_t limited;        /* lines on which a match limit was hit */
	struct pattern *pattern; /* private to core */
};

/* Defaults that a filter carries for a jail of its name; 0 or NULL: none. */
struct filter_limits {
	unsigned maxretry;
	int64_t findtime; /* seconds */
	int64_t bantime;  /* seconds */
	char *ports;      /* a port group or a list: "smtp", "imap,pop3" */
};

struct filter {
	char *name;
	char *description;
	char *file; /* where it was defined */
	int line;
	char **programs; /* globs; none: every program */
	size_t nprograms;
	struct rule *rules;
	size_t nrules;
	struct filter_limits limits;
	struct matcher *matcher; /* private to core */
};

/* One filter's say about one line. Spans point into the line. */
struct match {
	const struct filter *filter;
	const struct rule *rule;
	enum verdict verdict;
	bool has_host;
	struct addr host;     /* set if has_host */
	struct span hostname; /* what <HOST> captured if it was a name */
	struct span user;     /* empty if the rule captured none */
	unsigned count;       /* at least 1 */
	struct span text;     /* the part of the message that matched */
};

/* An empty filter that filter_free frees. NULL when out of memory. */
struct filter *filter_new(const char *name);
void filter_free(struct filter *f);

/* 0, or -1 when out of memory. */
int filter_add_program(struct filter *f, const char *glob);

/*
 * Compile a rule and append it. Returns 0, or -1 and the reason: the pattern
 * does not compile (with the offset and PCRE2's words), is not anchored, or a
 * failure or success rule captures no host.
 */
int filter_add_rule(
    struct filter *f, const struct rule_spec *spec, struct error *err);

/* The rule of that name, or NULL. */
struct rule *filter_rule(const struct filter *f, const char *name);

/*
 * Ask one filter about one line, program globs included. An ignore rule that
 * matches wins; else the first success or failure rule that matches, in the
 * order written. Optional rules take part only if `optional` has their bit set
 * (bit rule->index; rules beyond 63 are never optional). Returns the verdict
 * and fills out unless it is VERDICT_NONE.
 */
enum verdict filter_match(const struct filter *f, const struct line *l,
    uint64_t optional, struct match *out);

/*
 * How many bytes of the message the rule's pattern can follow before it fails,
 * to show why a rule did not match. Slow: for people.
 */
size_t filter_reach(
    const struct filter *f, const struct rule *r, struct span message);

/*
 * The router: remembers for each program name which filters want it.
 * `optional[i]` belongs to filters[i]. Filters must outlive it.
 */
struct router;
struct router *router_new(
    struct filter *const *filters, const uint64_t *optional, size_t n);
void router_free(struct router *r);

/* All filters that have a say about the line, at most max; returns how many. */
size_t router_match(
    struct router *r, const struct line *l, struct match *out, size_t max);

/*
 * Check one sample line of a rule, as written in the filter file: the log
 * line, then optionally " ## host=… user=… count=…" with what it must yield.
 * hit: the line must match this very rule; else it must not match it. now: the
 * reference for years. Returns 0, or -1 and how it differs.
 */
int filter_check_sample(const struct filter *f, const struct rule *r,
    const char *sample, bool hit, int64_t now, struct error *err);

#endif
