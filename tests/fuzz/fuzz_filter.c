/*
 * Hostile messages against patterns as the native filters have them: whatever
 * the text, the router and the filters asked one by one say the same, and what
 * was captured lies within the message.
 *
 * Input that begins with '!' is "!pattern\npattern\nmessage": then the patterns
 * are hostile too, and the same must hold for whatever of them compiles.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mxward/filter.h"

#define FILTERS 3
#define RULES   8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FROM   "[^[]*\\[<HOST>\\](?::\\d+)?"
#define REJECT "^(?:NOQUEUE|[0-9A-Za-z]+): reject: RCPT from " FROM ": "

static const char *const native[FILTERS][RULES] = {
	{ REJECT "550 5\\.1\\.1 ", REJECT "554 5\\.7\\.1 [^;]*Relay access",
	    REJECT "450 4\\.7\\.25 ", "^too many errors after \\S+ from " FROM,
	    "^warning: non-SMTP command from " FROM ": " },
	{ "^warning: " FROM ": SASL (?i:login|plain|cram-md5) authentication "
	  "failed:(?! Connection lost)"
	  "(?:[^,]*, sasl_username=<F-USER>[^ ]+</F-USER>)?",
	    "^lost connection after AUTH from " FROM,
	    "^disconnect from " FROM "(?: [a-z]+=\\d+(?:/\\d+)?)*? "
	    "auth=0/(?<count>\\d+)" },
	{ "^(?:imap|pop3)-login: (?:Disconnected|Aborted login)(?:: [^(]+)? "
	  "\\(auth failed, (?<count>\\d+) attempts(?: in \\d+ secs)?\\): "
	  "user=<<F-USER>[^>]*</F-USER>>,(?: method=\\S+,)? rip=<HOST>,",
	    "^auth(?:-worker)?(?:\\(\\d+\\))?: [a-z-]+\\("
	    "<F-USER>[^,)]*</F-USER>,<ADDR>(?:,[^)]*)?\\): "
	    "(?:[Uu]nknown user|[Pp]assword mismatch)" },
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
add(struct filter *f, const char *regex)
{
	char name[16];
	struct rule_spec spec = { .name = name, .regex = regex };

	snprintf(name, sizeof(name), "r%zu", f->nrules);
	filter_add_rule(f, &spec, NULL);
}

static uint64_t
limited(struct filter *const *f, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < f[i]->nrules; k++)
			sum += f[i]->rules[k].limited;
	return sum;
}

static void
within(struct span part, struct span message)
{
	if (part.n == 0)
		return;
	check(part.p >= message.p);
	check(part.p + part.n <= message.p + message.n);
}

static void
check_match(const struct match *m, struct span message)
{
	check(m->count >= 1 && m->count <= 1000000);
	check(!m->has_host || m->hostname.n == 0);
	within(m->hostname, message);
	within(m->user, message);
	within(m->text, message);
}

static void
compare(struct filter *const *f, size_t n, struct router *r, struct span text)
{
	struct line l = { .program = SPAN("x"), .message = text };
	struct match by_router[FILTERS];
	struct match direct;
	uint64_t before = limited(f, n);
	size_t found = router_match(r, &l, by_router, n);
	size_t next = 0;

	for (size_t i = 0; i < n; i++) {
		if (filter_match(f[i], &l, 0, &direct) == VERDICT_NONE)
			continue;
		check_match(&direct, text);
		if (limited(f, n) != before)
			continue; /* what is found under a limit may differ */
		check(next < found);
		check(by_router[next].rule == direct.rule);
		check(by_router[next].has_host == direct.has_host);
		check(span_eq(by_router[next].user, direct.user));
		next++;
	}
	check(limited(f, n) != before || next == found);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < f[i]->nrules; k++)
			check(filter_reach(f[i], &f[i]->rules[k], text) <=
			    text.n);
}

static void
hostile_patterns(const char *text, size_t size)
{
	struct filter *f[1] = { filter_new("f") };
	struct span rest = span_make(text, size);
	struct router *r;

	if (f[0] == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		const char *end = memchr(rest.p, '\n', rest.n);
		char *regex;

		if (end == NULL)
			break;
		regex = strndup(rest.p, (size_t)(end - rest.p));
		if (regex != NULL)
			add(f[0], regex);
		free(regex);
		rest = span_skip(rest, (size_t)(end - rest.p) + 1);
	}
	r = router_new(f, NULL, 1);
	if (r != NULL)
		compare(f, 1, r, rest);
	router_free(r);
	filter_free(f[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter *f[FILTERS];
	static struct router *r;

	if (size > 0 && data[0] == '!') {
		hostile_patterns((const char *)data + 1, size - 1);
		return 0;
	}
	for (size_t i = 0; i < FILTERS && r == NULL; i++) {
		f[i] = filter_new("native");
		for (size_t k = 0; k < RULES && native[i][k] != NULL; k++)
			add(f[i], native[i][k]);
		check(f[i]->nrules > 1);
	}
	if (r == NULL)
		r = router_new(f, NULL, FILTERS);
	check(r != NULL);
	compare(f, FILTERS, r, span_make((const char *)data, size));
	return 0;
}
