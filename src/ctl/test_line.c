/*
 * One line explained: how its header is understood, and of each rule whether it
 * matches, or how far it can follow.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

#define INDENT  6
#define MATCHES SIZE_MAX /* among lengths that rules come */
#define QUOTE   70 /* columns of a message shown where there is no limit */

struct explain {
	struct test *t;
	struct line l;
	json_t *rules; /* with --json */
};

static void show_header(const struct explain *e);
static void show_field(
    const struct explain *e, const char *name, struct span text);
static void show_filter(struct explain *e, size_t i);
static size_t try_rule(struct explain *e, size_t i, const struct rule *r,
    const struct rule *winner);
static void show_misses(
    const struct explain *e, const struct filter *f, size_t *reach);
static bool match_alone(const struct rule *r, const struct line *l,
    struct filter **own, struct match *m);
static void show_match(const struct explain *e, const struct rule *r,
    const struct match *m, const struct rule *winner, bool off);
static void show_reach(const struct explain *e, size_t reach);
static void show_others(const struct explain *e);
static void show_verdict(const struct explain *e);
static void add_json(struct explain *e, const struct filter *f,
    const struct rule *r, const struct match *m, size_t reach);
static json_t *safe_json(struct span text);
static void print_answer(struct explain *e);

int
test_line(struct test *t)
{
	struct explain e = { .t = t };

	line_parse(&t->lt, span_of(t->c->line), &e.l);
	if (t->c->given & OPT_JSON)
		e.rules = json_array();
	else
		show_header(&e);
	for (size_t i = 0; i < t->nfilters; i++)
		if (test_wants(t, i, &e.l))
			show_filter(&e, i);
	if (e.rules) {
		print_answer(&e);
		return DONE;
	}
	show_others(&e);
	show_verdict(&e);
	return DONE;
}

static void
show_header(const struct explain *e)
{
	const struct line *l = &e->l;
	char buf[WHEN_LEN];

	if (l->has_time)
		show_field(e, "time", span_of(when_format(l->time, 0, buf)));
	else
		show_field(e, "time",
		    span_of("none that mxward knows at its beginning: the time "
			    "of reading is taken"));
	if (l->clamped)
		show_field(
		    e, "", span_of("(it is in the future: \"now\" is taken)"));
	show_field(e, "host", l->host);
	show_field(e, "program",
	    l->program.n ? l->program
			 : span_of("none: only filters without `program` read "
				   "it"));
	show_field(e, "pid", l->pid);
	show_field(e, "message", l->message);
}

static void
show_field(const struct explain *e, const char *name, struct span text)
{
	const struct term *t = &e->t->c->term;

	if (text.n == 0)
		return;
	printf("%s%-9s%s", style_on(t, DIM), name, style_off(t, DIM));
	text_print(stdout, text);
	putchar('\n');
}

/* The rules that match; then the others, those first that come farthest, and
 * together those that give up at the same place. */
static void
show_filter(struct explain *e, size_t i)
{
	const struct filter *f = e->t->filters[i];
	const struct term *t = &e->t->c->term;
	struct match m = { .rule = NULL };
	size_t *reach = calloc(f->nrules + 1, sizeof(*reach));

	if (!reach)
		return;
	filter_match(f, &e->l, e->t->optional[i], &m);
	if (!e->rules)
		printf("\n%s%s%s  %s%s:%d%s\n", style_on(t, BOLD), f->name,
		    style_off(t, BOLD), style_on(t, DIM),
		    f->file ? f->file : "?", f->line, style_off(t, DIM));
	for (size_t k = 0; k < f->nrules; k++)
		reach[k] = try_rule(e, i, &f->rules[k], m.rule);
	if (!e->rules)
		show_misses(e, f, reach);
	free(reach);
}

/* Returns how far it comes, or MATCHES. */
static size_t
try_rule(struct explain *e, size_t i, const struct rule *r,
    const struct rule *winner)
{
	const struct filter *f = e->t->filters[i];
	struct filter *own;
	struct match m;
	bool yes = match_alone(r, &e->l, &own, &m);
	size_t reach = yes ? MATCHES : filter_reach(f, r, e->l.message);

	if (e->rules)
		add_json(e, f, r, yes ? &m : NULL, reach);
	else if (yes)
		show_match(e, r, &m, winner,
		    r->optional && !(e->t->optional[i] >> r->index & 1));
	filter_free(own);
	return reach;
}

static void
show_misses(const struct explain *e, const struct filter *f, size_t *reach)
{
	const struct term *t = &e->t->c->term;
	size_t width = t->width ? t->width : QUOTE;

	for (;;) {
		size_t far = MATCHES, column = 3;
		for (size_t k = 0; k < f->nrules; k++)
			if (reach[k] != MATCHES &&
			    (far == MATCHES || reach[k] > far))
				far = reach[k];
		if (far == MATCHES)
			return;
		printf("  %s-", style_on(t, DIM));
		for (size_t k = 0; k < f->nrules; k++) {
			size_t n = strlen(f->rules[k].name) + 1;
			if (reach[k] != far)
				continue;
			if (column + n > width) {
				printf("\n   ");
				column = 3;
			}
			printf(" %s", f->rules[k].name);
			column += n;
			reach[k] = MATCHES;
		}
		printf("%s\n", style_off(t, DIM));
		show_reach(e, far);
	}
}

/* What this rule alone would say: in a filter of its own, for every program. */
static bool
match_alone(const struct rule *r, const struct line *l, struct filter **own,
    struct match *m)
{
	const struct rule_spec spec = {
		.name = r->name, .kind = r->kind, .regex = r->regex
	};
	struct error err;

	*own = filter_new("own");
	return *own && filter_add_rule(*own, &spec, &err) == 0 &&
	    filter_match(*own, l, 0, m) != VERDICT_NONE;
}

static const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = { "none", "ignored", "success",
		"failure" };

	return names[v];
}

static void
show_match(const struct explain *e, const struct rule *r, const struct match *m,
    const struct rule *winner, bool off)
{
	const struct term *t = &e->t->c->term;
	enum style s = r == winner ? GOOD : WARN;
	const struct example ex = { .text = (char *)e->l.message.p,
		.n = e->l.message.n,
		.from = (size_t)(m->text.p - e->l.message.p),
		.to = (size_t)(m->text.p - e->l.message.p) + m->text.n };
	char buf[ADDR_STRLEN];

	printf("  %s+ %s  %s%s\n", style_on(t, s), r->name,
	    off ? "matches, but is optional and no jail enables it"
		: r == winner ? "matches"
			      : "matches, but another rule came first",
	    style_off(t, s));
	printf("%*s", INDENT, "");
	print_marked(t, &ex);
	printf("%*s%s", INDENT, "", verdict_name(m->verdict));
	if (m->has_host)
		printf(", host %s", addr_format(&m->host, buf));
	else if (m->hostname.n) {
		printf(", host ");
		text_print(stdout, m->hostname);
	}
	if (m->user.n) {
		printf(", user ");
		text_print(stdout, m->user);
	}
	if (m->verdict == VERDICT_FAILURE)
		printf(", count %u", m->count);
	putchar('\n');
}

/* The part of the message around the place where the rule gave up, with a caret
 * below that place. */
static void
show_reach(const struct explain *e, size_t reach)
{
	const struct term *t = &e->t->c->term;
	size_t width = (t->width ? t->width : QUOTE + INDENT) - INDENT - 4;
	size_t from = reach > width * 2 / 3 ? reach - width * 2 / 3 : 0;
	size_t to =
	    e->l.message.n - from < width ? e->l.message.n : from + width;
	char before[1024], after[1024];

	while (from > 0 && from < reach &&
	    ((unsigned char)e->l.message.p[from] & 0xc0) == 0x80)
		from++;
	while (to > reach && to < e->l.message.n &&
	    ((unsigned char)e->l.message.p[to] & 0xc0) == 0x80)
		to--;
	text_safe(span_make(e->l.message.p + from, reach - from), before,
	    sizeof(before));
	text_safe(span_make(e->l.message.p + reach, to - reach), after,
	    sizeof(after));
	printf("%*s%s%s%s%s%s%s\n", INDENT, "", from ? "..." : "", before,
	    style_on(t, DIM), after, to < e->l.message.n ? "..." : "",
	    style_off(t, DIM));
	printf("%*s%s^%s\n", INDENT + (from ? 3 : 0) + (int)text_width(before),
	    "", style_on(t, BAD), style_off(t, BAD));
}

static void
show_others(const struct explain *e)
{
	const struct term *t = &e->t->c->term;
	size_t n = 0;

	for (size_t i = 0; i < e->t->nfilters; i++) {
		const struct filter *f = e->t->filters[i];
		if (test_wants(e->t, i, &e->l))
			continue;
		if (n++ == 0)
			puts("\nNot asked, since they read other programs:");
		printf("  %s%s", f->name, style_on(t, DIM));
		for (size_t k = 0; k < f->nprograms; k++)
			printf("%s%s", k ? ", " : "  ", f->programs[k]);
		printf("%s\n", style_off(t, DIM));
	}
}

static void
show_verdict(const struct explain *e)
{
	const struct term *t = &e->t->c->term;
	struct match m[MATCHES_MOST];
	size_t n = router_match(e->t->router, &e->l, m, MATCHES_MOST);

	putchar('\n');
	for (size_t i = 0; i < n; i++) {
		enum style s = m[i].verdict == VERDICT_FAILURE ? BAD
		    : m[i].verdict == VERDICT_SUCCESS          ? GOOD
							       : PLAIN;
		printf("%s%s%s, says %s/%s.\n", style_on(t, s),
		    verdict_name(m[i].verdict), style_off(t, s),
		    m[i].filter->name, m[i].rule->name);
	}
	if (n == 0)
		printf("%snone%s: no rule matches it.\n", style_on(t, WARN),
		    style_off(t, WARN));
}

static void
set_match(json_t *o, const struct match *m)
{
	char buf[ADDR_STRLEN];

	json_object_set_new(
	    o, "verdict", json_string(verdict_name(m->verdict)));
	if (m->has_host)
		json_object_set_new(
		    o, "host", json_string(addr_format(&m->host, buf)));
	else if (m->hostname.n)
		json_object_set_new(o, "host", safe_json(m->hostname));
	if (m->user.n)
		json_object_set_new(o, "user", safe_json(m->user));
	if (m->verdict == VERDICT_FAILURE)
		json_object_set_new(o, "count", json_integer(m->count));
}

static void
add_json(struct explain *e, const struct filter *f, const struct rule *r,
    const struct match *m, size_t reach)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "filter", f->name, "rule",
	    r->name, "matches", m != NULL);

	if (m)
		set_match(o, m);
	else
		json_object_set_new(
		    o, "reach", json_integer((json_int_t)reach));
	json_array_append_new(e->rules, o);
}

static json_t *
safe_json(struct span text)
{
	char *buf = malloc(text.n + 1);
	json_t *o;

	if (!buf)
		return NULL;
	text_safe(text, buf, text.n + 1);
	o = json_string(buf);
	free(buf);
	return o;
}

static void
print_answer(struct explain *e)
{
	struct match m[MATCHES_MOST];
	size_t n = router_match(e->t->router, &e->l, m, MATCHES_MOST);
	json_t *o = json_object(), *verdicts = json_array();
	char buf[WHEN_LEN];
	time_t when = (time_t)e->l.time;
	struct tm tm;

	if (e->l.has_time && gmtime_r(&when, &tm)) {
		strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
		json_object_set_new(o, "time", json_string(buf));
	}
	if (e->l.host.n)
		json_object_set_new(o, "logged_by", safe_json(e->l.host));
	if (e->l.program.n)
		json_object_set_new(o, "program", safe_json(e->l.program));
	if (e->l.pid.n)
		json_object_set_new(o, "pid", safe_json(e->l.pid));
	json_object_set_new(o, "message", safe_json(e->l.message));
	json_object_set_new(o, "rules", e->rules);
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_pack("{s:s, s:s}", "filter", m[i].filter->name,
		    "rule", m[i].rule->name);
		set_match(v, &m[i]);
		json_array_append_new(verdicts, v);
	}
	json_object_set_new(o, "verdicts", verdicts);
	print_json(o);
	json_decref(o);
}
