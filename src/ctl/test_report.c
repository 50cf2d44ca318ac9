/* The summary's tables. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

#define COLUMNS(c)   (c), sizeof(c) / sizeof((c)[0])
#define UNREAD_SHOWN 8
#define SPEED_LEAST  0.05 /* seconds: below, it says nothing */

static void report_head(const struct summary *s);
static void report_rules(const struct summary *s);
static void filter_row(const struct summary *s, struct table *tb, size_t f);
static void rule_row(struct table *tb, const struct rule_sum *r);
static void report_silent(const struct summary *s);
static void report_examples(const struct summary *s);
static void report_hosts(const struct summary *s);
static void report_missed(const struct summary *s);
static void report_unread(const struct summary *s);
static void cell_count(struct table *tb, enum style st, uint64_t n);
static void heading(const struct summary *s, const char *text);

void
report(const struct summary *s)
{
	report_head(s);
	report_rules(s);
	report_silent(s);
	report_examples(s);
	report_hosts(s);
	report_missed(s);
	report_unread(s);
	if (s->trial)
		trial_report(s->trial, &s->t->c->term);
}

static void
count(const struct summary *s, enum style st, uint64_t n, const char *what)
{
	const struct term *t = &s->t->c->term;
	char buf[WHEN_LEN];

	printf("%s%s %s%s", style_on(t, n ? st : DIM), number_format(n, buf),
	    what, style_off(t, n ? st : DIM));
}

static void
report_head(const struct summary *s)
{
	char a[WHEN_LEN], b[WHEN_LEN], d[WHEN_LEN];

	printf("%s line%s, %s", number_format(s->lines, a),
	    s->lines == 1 ? "" : "s", bytes_format(s->bytes, b));
	if (s->seconds >= SPEED_LEAST)
		printf(" in %.2f s (%s lines/s)", s->seconds,
		    number_format(
			(uint64_t)((double)s->lines / s->seconds), d));
	putchar('\n');
	if (s->from <= s->to)
		printf("  from %s to %s (%s)\n", when_format(s->from, 0, a),
		    when_format(s->to, 0, b),
		    length_format(s->to - s->from, d));
	printf("  ");
	count(s, BAD, s->verdicts[VERDICT_FAILURE], "failures, ");
	count(s, GOOD, s->verdicts[VERDICT_SUCCESS], "successes, ");
	count(s, PLAIN, s->verdicts[VERDICT_IGNORED], "ignored, ");
	count(s, WARN, s->missed, "missed, ");
	count(s, PLAIN, s->verdicts[VERDICT_NONE] - s->missed,
	    "of other programs\n");
	if (s->timeless) {
		printf("  ");
		count(s, WARN, s->timeless,
		    "lines begin with no time that mxward knows\n");
	}
	if (s->clamped) {
		printf("  ");
		count(s, WARN, s->clamped,
		    "lines come from the future: is --now right?\n");
	}
	if (s->lines_cut) {
		printf("  ");
		count(s, WARN, s->lines_cut, "lines were longer than 64 KiB\n");
	}
}

static void
report_rules(const struct summary *s)
{
	static const struct column columns[] = {
		{ .title = "filter / rule" },
		{ .title = "lines", .right = true, .drop = 3 },
		{ .title = "failures", .right = true },
		{ .title = "successes", .right = true, .drop = 4 },
		{ .title = "ignored", .right = true, .drop = 1 },
		{ .title = "missed", .right = true, .drop = 2 },
		{ .title = "hosts", .right = true, .drop = 5 },
	};
	struct table *tb = table_new(&s->t->c->term, COLUMNS(columns));

	for (size_t f = 0; f < s->t->nfilters; f++) {
		filter_row(s, tb, f);
		for (size_t k = 0; k < s->t->filters[f]->nrules; k++)
			if (s->rules[s->first_rule[f] + k].lines)
				rule_row(tb, &s->rules[s->first_rule[f] + k]);
	}
	table_print(tb, "Filters and their rules", stdout);
	table_free(tb);
}

static void
filter_row(const struct summary *s, struct table *tb, size_t f)
{
	const struct filter *filter = s->t->filters[f];
	const struct rule_sum *r = &s->rules[s->first_rule[f]];
	uint64_t by_kind[3] = { 0 };

	for (size_t k = 0; k < filter->nrules; k++)
		by_kind[r[k].rule->kind] +=
		    r[k].rule->kind == RULE_FAILURE ? r[k].count : r[k].lines;
	table_cell(tb, BOLD, filter->name);
	cell_count(tb, BOLD, s->filter_seen[f]);
	cell_count(tb, BAD, by_kind[RULE_FAILURE]);
	cell_count(tb, GOOD, by_kind[RULE_SUCCESS]);
	cell_count(tb, PLAIN, by_kind[RULE_IGNORE]);
	cell_count(tb, PLAIN,
	    s->filter_seen[f] > s->filter_lines[f]
		? s->filter_seen[f] - s->filter_lines[f]
		: 0);
	table_cell(tb, PLAIN, "");
}

static void
rule_row(struct table *tb, const struct rule_sum *r)
{
	table_cellf(tb, PLAIN, "  %s", r->rule->name);
	cell_count(tb, PLAIN, r->lines);
	for (enum rule_kind k = RULE_FAILURE; k <= RULE_IGNORE; k++) {
		if (k == r->rule->kind)
			cell_count(
			    tb, PLAIN, k == RULE_FAILURE ? r->count : r->lines);
		else
			table_cell(tb, PLAIN, "");
	}
	table_cell(tb, PLAIN, "");
	cell_count(tb, PLAIN, r->hosts);
}

static void
put_wrapped(
    const struct summary *s, size_t *column, bool first, const char *text)
{
	size_t width = s->t->c->term.width ? s->t->c->term.width : 78;
	size_t n = text_width(text);

	if (!first)
		putchar(',');
	if (*column + n + 2 > width) {
		printf("\n ");
		*column = 1;
	}
	putchar(' ');
	text_print(stdout, span_of(text));
	*column += n + 2;
}

/* Those that take part, and matched nothing. */
static void
report_silent(const struct summary *s)
{
	size_t column = 1, found = 0;
	char name[256];

	for (size_t f = 0, i = 0; f < s->t->nfilters; f++)
		for (size_t k = 0; k < s->t->filters[f]->nrules; k++, i++) {
			const struct rule *r = s->rules[i].rule;
			if (s->rules[i].lines || r->kind == RULE_IGNORE ||
			    (r->optional &&
				!(s->t->optional[f] >> r->index & 1)))
				continue;
			if (!found++) {
				heading(s, "Rules that matched nothing");
				putchar(' ');
			}
			snprintf(name, sizeof(name), "%s/%s",
			    s->t->filters[f]->name, r->name);
			put_wrapped(s, &column, found == 1, name);
		}
	if (found)
		putchar('\n');
}

static void
report_examples(const struct summary *s)
{
	const struct term *t = &s->t->c->term;
	bool any = false;

	for (size_t i = 0; i < s->nrules; i++) {
		const struct rule_sum *r = &s->rules[i];
		if (!r->first.text)
			continue;
		if (!any)
			heading(s, "The first line of each rule");
		any = true;
		printf("  %s%s/%s%s  %s", style_on(t, BOLD), r->filter->name,
		    r->rule->name, style_off(t, BOLD), style_on(t, DIM));
		text_print(stdout, span_of(r->first.file));
		printf(":%lu%s\n    ", r->first.number, style_off(t, DIM));
		print_marked(t, &r->first);
	}
}

void
print_marked(const struct term *t, const struct example *e)
{
	text_print(stdout, span_make(e->text, e->from));
	fputs(t->color ? style_on(t, WARN) : "[[", stdout);
	text_print(stdout, span_make(e->text + e->from, e->to - e->from));
	fputs(t->color ? style_off(t, WARN) : "]]", stdout);
	text_print(stdout, span_make(e->text + e->to, e->n - e->to));
	putchar('\n');
}

static void
report_hosts(const struct summary *s)
{
	static const struct column columns[] = {
		{ .title = "host" },
		{ .title = "failures", .right = true },
		{ .title = "successes", .right = true },
		{ .title = "first", .drop = 1 },
		{ .title = "last", .drop = 2 },
	};
	const struct item **list;
	size_t n = tally_top(s->hosts, s->ntop, &list), all;
	struct table *tb = table_new(&s->t->c->term, COLUMNS(columns));
	char buf[WHEN_LEN], title[96];

	tally_items(s->hosts, &all);
	for (size_t i = 0; i < n && list[i]->a; i++) {
		table_cell(tb, BOLD, list[i]->key);
		cell_count(tb, BAD, list[i]->a);
		cell_count(tb, GOOD, list[i]->b);
		table_cell(tb, PLAIN, when_short(list[i]->from, buf));
		table_cell(tb, PLAIN, when_short(list[i]->to, buf));
	}
	snprintf(title, sizeof(title), "Hosts with most failures (of %s%s)",
	    number_format(all, buf),
	    tally_dropped(s->hosts) ? " and more" : "");
	if (table_rows(tb))
		table_print(tb, title, stdout);
	table_free(tb);
	free(list);
}

static void
report_missed(const struct summary *s)
{
	static const struct column columns[] = {
		{ .title = "lines", .right = true },
		{ .title = "program" },
		{ .title = "message", .elastic = true },
	};
	const struct item **list;
	size_t n = tally_top(s->kinds, s->nmissed, &list), all;
	struct table *tb = table_new(&s->t->c->term, COLUMNS(columns));
	char buf[WHEN_LEN], title[96];

	tally_items(s->kinds, &all);
	for (size_t i = 0; i < n; i++) {
		char *nl = strchr(list[i]->key, '\n');
		cell_count(tb, PLAIN, list[i]->a);
		table_cellf(
		    tb, PLAIN, "%.*s", (int)(nl - list[i]->key), list[i]->key);
		table_cell(tb, PLAIN, nl + 1);
	}
	snprintf(title, sizeof(title),
	    "Most frequent messages that no rule matches (of %s%s kinds)",
	    number_format(all, buf),
	    tally_dropped(s->kinds) ? " and more" : "");
	if (table_rows(tb))
		table_print(tb, title, stdout);
	table_free(tb);
	free(list);
}

/* What would be read if its program had another name. */
static void
report_unread(const struct summary *s)
{
	const struct item **list;
	size_t n = tally_top(s->programs, SIZE_MAX, &list), column = 1;
	size_t shown = 0;
	char buf[WHEN_LEN], text[160];

	for (size_t i = 0; i < n && shown < UNREAD_SHOWN; i++) {
		if (list[i]->b)
			continue;
		if (!shown++) {
			heading(s, "Programs that none of these filters reads");
			putchar(' ');
		}
		snprintf(text, sizeof(text), "%.80s (%s)",
		    list[i]->n ? list[i]->key : "no program",
		    number_format(list[i]->a, buf));
		put_wrapped(s, &column, shown == 1, text);
	}
	if (shown)
		putchar('\n');
	free(list);
}

static void
cell_count(struct table *tb, enum style st, uint64_t n)
{
	char buf[WHEN_LEN];

	table_cell(tb, n ? st : DIM, number_format(n, buf));
}

static void
heading(const struct summary *s, const char *text)
{
	const struct term *t = &s->t->c->term;

	printf("\n%s%s%s\n", style_on(t, TITLE), text, style_off(t, TITLE));
}
