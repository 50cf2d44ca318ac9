/* The summary for people: here it is counted; test_report.c shows it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

/* Keys counted of each sort; more are named as such. */
#define HOSTS_MOST    1000000
#define PROGRAMS_MOST 4096
#define KINDS_MOST    100000
#define KIND_BYTES    160
#define SHOWN         10

static int number(const char *text, const char *option, size_t *out);
static int prepare(struct summary *s);
static void clean(struct summary *s);
static void begin_file(void *arg, const char *name);
static void one_line(void *arg, unsigned long n, const struct line *l,
    const struct match *m, size_t nm);
static void count_match(struct summary *s, unsigned long n,
    const struct line *l, const struct match *m);
static void count_host(struct summary *s, size_t rule, const struct line *l,
    const struct match *m);
static void keep_example(struct summary *s, struct example *e, unsigned long n,
    const struct line *l, const struct match *m);
static bool count_program(struct summary *s, const struct line *l);
static void count_missed(struct summary *s, const struct line *l);
static void add_seen(struct summary *s);
static double clock_now(void);

int
test_summary(struct test *t)
{
	static const struct sink sink = { begin_file, one_line };
	struct summary s = { .t = t, .from = INT64_MAX, .to = INT64_MIN };
	int rc = number(t->c->missed, "--missed", &s.nmissed);

	if (rc == DONE)
		rc = number(t->c->top, "--top", &s.ntop);
	if (rc == DONE)
		rc = prepare(&s);
	if (rc == DONE) {
		s.seconds = clock_now();
		rc = test_each(t, &sink, &s);
		s.seconds = clock_now() - s.seconds;
		add_seen(&s);
		if (s.lines)
			report(&s);
		else if (s.files)
			printf("There is no line in %s.\n",
			    s.files > 1                    ? "these files"
				: strcmp(s.file, "-") == 0 ? "standard input"
							   : s.file);
	}
	clean(&s);
	return rc;
}

static int
number(const char *text, const char *option, size_t *out)
{
	char *end;

	*out = SHOWN;
	if (!text)
		return DONE;
	*out = strtoul(text, &end, 10);
	if (*end || end == text || text[0] == '-')
		return fail(
		    USAGE, "%s takes a number, not \"%s\"", option, text);
	return DONE;
}

static int
prepare(struct summary *s)
{
	const struct test *t = s->t;

	for (size_t i = 0; i < t->nfilters; i++)
		s->nrules += t->filters[i]->nrules;
	s->rules = calloc(s->nrules + 1, sizeof(*s->rules));
	s->first_rule = calloc(t->nfilters + 1, sizeof(*s->first_rule));
	s->filter_lines = calloc(t->nfilters + 1, sizeof(uint64_t));
	s->filter_seen = calloc(t->nfilters + 1, sizeof(uint64_t));
	s->hosts = tally_new(HOSTS_MOST);
	s->rule_hosts = tally_new(HOSTS_MOST);
	s->programs = tally_new(PROGRAMS_MOST);
	s->kinds = tally_new(KINDS_MOST);
	if (t->c->nfilters == 0 && !(s->trial = trial_new(t->confs[0])))
		return fail(USAGE, "out of memory");
	if (!s->rules || !s->first_rule || !s->filter_lines ||
	    !s->filter_seen || !s->hosts || !s->rule_hosts || !s->programs ||
	    !s->kinds)
		return fail(USAGE, "out of memory");
	for (size_t i = 0, r = 0; i < t->nfilters; i++) {
		s->first_rule[i] = r;
		for (size_t k = 0; k < t->filters[i]->nrules; k++, r++) {
			s->rules[r].filter = t->filters[i];
			s->rules[r].rule = &t->filters[i]->rules[k];
		}
	}
	return DONE;
}

static void
clean(struct summary *s)
{
	for (size_t i = 0; s->rules && i < s->nrules; i++)
		free(s->rules[i].first.text);
	free(s->rules);
	free(s->first_rule);
	free(s->filter_lines);
	free(s->filter_seen);
	tally_free(s->hosts);
	tally_free(s->rule_hosts);
	tally_free(s->programs);
	tally_free(s->kinds);
	trial_free(s->trial);
}

static void
begin_file(void *arg, const char *name)
{
	struct summary *s = arg;

	s->file = name;
	s->files++;
	if (s->trial)
		trial_file(s->trial);
}

static void
one_line(void *arg, unsigned long n, const struct line *l,
    const struct match *m, size_t nm)
{
	struct summary *s = arg;
	bool wanted;

	s->lines++;
	s->bytes += l->raw.n + 1;
	s->lines_cut += l->raw.n == LINE_MAX_BYTES;
	s->clamped += l->clamped;
	if (l->has_time) {
		s->from = l->time < s->from ? l->time : s->from;
		s->to = l->time > s->to ? l->time : s->to;
	} else
		s->timeless++;
	wanted = count_program(s, l);
	if (nm == 0) {
		s->verdicts[VERDICT_NONE]++;
		if (wanted)
			count_missed(s, l);
	}
	for (size_t i = 0; i < nm; i++) {
		count_match(s, n, l, &m[i]);
		if (s->trial && m[i].has_host)
			trial_match(s->trial, l->time, &m[i]);
	}
}

static void
count_match(struct summary *s, unsigned long n, const struct line *l,
    const struct match *m)
{
	struct rule_sum *r;
	size_t f = 0, k;

	while (s->t->filters[f] != m->filter)
		f++;
	k = s->first_rule[f] + m->rule->index;
	r = &s->rules[k];
	r->lines++;
	r->count += m->count;
	s->filter_lines[f]++;
	s->verdicts[m->verdict]++;
	if (!r->first.text)
		keep_example(s, &r->first, n, l, m);
	if (m->verdict != VERDICT_IGNORED)
		count_host(s, k, l, m);
}

/* Hosts as text, since some are names; behind the rule's number once more. */
static void
count_host(
    struct summary *s, size_t rule, const struct line *l, const struct match *m)
{
	char key[sizeof(rule) + 256], *host = key + sizeof(rule);
	struct item *item;
	size_t n;

	if (m->has_host)
		n = strlen(addr_format(&m->host, host));
	else {
		n = m->hostname.n < 256 ? m->hostname.n : 256;
		memcpy(host, m->hostname.p, n);
	}
	if (n == 0)
		return;
	memcpy(key, &rule, sizeof(rule));
	item = tally_get(s->rule_hosts, span_make(key, sizeof(rule) + n));
	if (item && item->a++ == 0)
		s->rules[rule].hosts++;
	item = tally_get(s->hosts, span_make(host, n));
	if (!item)
		return;
	if (item->a + item->b == 0)
		item->from = item->to = l->time;
	item->from = l->time < item->from ? l->time : item->from;
	item->to = l->time > item->to ? l->time : item->to;
	if (m->verdict == VERDICT_FAILURE)
		item->a += m->count;
	else
		item->b++;
}

/* The whole line, or its message if that was put together elsewhere. */
static void
keep_example(struct summary *s, struct example *e, unsigned long n,
    const struct line *l, const struct match *m)
{
	const char *at = m->text.p;
	struct span in = l->raw;

	if (!at || at < in.p || at + m->text.n > in.p + in.n)
		in = l->message;
	*e = (struct example){ .file = s->file,
		.number = n,
		.from = at ? (size_t)(at - in.p) : 0 };
	e->n = in.n < EXAMPLE_BYTES ? in.n : EXAMPLE_BYTES;
	e->from = e->from < e->n ? e->from : e->n;
	e->to = m->text.n < e->n - e->from ? e->from + m->text.n : e->n;
	e->text = malloc(e->n + 1);
	if (e->text)
		memcpy(e->text, in.p, e->n);
}

/* Whether some filter reads the line's program; found out once a program. */
static bool
count_program(struct summary *s, const struct line *l)
{
	struct item *item = tally_get(s->programs, l->program);
	bool wanted = false;

	if (item && item->a++ > 0)
		return item->b;
	for (size_t i = 0; i < s->t->nfilters && !wanted; i++)
		wanted = test_wants(s->t, i, l);
	if (item)
		item->b = wanted;
	return wanted;
}

/* The key is the program, a newline, and the kind of message. */
static void
count_missed(struct summary *s, const struct line *l)
{
	char key[64 + 1 + KIND_BYTES];
	size_t n = l->program.n < 64 ? l->program.n : 64;
	struct item *item;

	s->missed++;
	if (s->nmissed == 0)
		return;
	memcpy(key, l->program.p, n);
	key[n++] = '\n';
	n += kind_of(l->message, key + n, KIND_BYTES);
	item = tally_get(s->kinds, span_make(key, n));
	if (item)
		item->a++;
}

/* How many lines each filter was asked about. */
static void
add_seen(struct summary *s)
{
	const struct item *items;
	size_t n;

	items = tally_items(s->programs, &n);
	for (size_t i = 0; i < n; i++) {
		struct line l = { .program =
				      span_make(items[i].key, items[i].n) };
		for (size_t f = 0; f < s->t->nfilters; f++)
			if (test_wants(s->t, f, &l))
				s->filter_seen[f] += items[i].a;
	}
}

static double
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
