/* mxwardctl test: test.c (what to run), test_load.c (which filters),
 * test_read.c (lines), test_json.c, test_line.c, test_samples.c (what to say);
 * test_summary.c (counting), test_jails.c (whom they would ban),
 * test_report.c (tables), test_kind.c and tally.c (what it counts by). */
#ifndef MXWARD_CTL_TEST_H
#define MXWARD_CTL_TEST_H

#include "ctl.h"
#include "mxward/config.h"
#include "mxward/filter.h"
#include "mxward/line.h"

#define MATCHES_MOST 64

struct test {
	struct ctl *c;
	struct config **confs; /* the filters' owners */
	size_t nconfs;
	struct filter **filters;
	uint64_t *optional;
	struct filter **probes; /* of filters[i]: see test_wants */
	size_t nfilters;
	struct router *router;
	int64_t now;
	struct logtime lt;
};

/* What becomes of lines. */
struct sink {
	void (*file)(void *arg, const char *name);
	void (*line)(void *arg, unsigned long number, const struct line *l,
	    const struct match *m, size_t n);
};

/* test_load.c: 0, or an exit status after a message. all: every filter of the
 * configuration, not only those that enabled jails use. */
int test_load(struct test *t, bool all);
void test_unload(struct test *t);
/* Whether the i-th filter reads lines of this program. */
bool test_wants(const struct test *t, size_t i, const struct line *l);

/* test_read.c */
struct reader;
/* fd stays the caller's. NULL when out of memory. */
struct reader *reader_new(int fd);
void reader_free(struct reader *r);
/* 1 and the next line without its newline, cut at LINE_MAX_BYTES, valid until
 * the next call; 0 at the end; -1 and errno. */
int reader_next(struct reader *r, struct span *line);
/* Before the first line: 0, and in *with what would unpack it, or NULL if it
 * is not compressed; -1 and errno. */
int reader_packed(struct reader *r, const char **with);

int test_json(struct test *t);
int test_summary(struct test *t);
int test_line(struct test *t);
int test_samples(struct test *t);
/* Every line of every operand (standard input if there is none). Returns DONE,
 * or USAGE if a file could not be read. */
int test_each(struct test *t, const struct sink *sink, void *arg);

/* test_jails.c: whom the enabled jails of a configuration would ban. */
struct trial;
/* NULL when out of memory. */
struct trial *trial_new(const struct config *conf);
void trial_free(struct trial *tr);
/* Another file begins: it may be older than the last. */
void trial_file(struct trial *tr);
void trial_match(struct trial *tr, int64_t when, const struct match *m);
void trial_report(const struct trial *tr, const struct term *t);

/* tally.c: counts by key, for at most so many keys. */
struct item {
	char *key;
	size_t n;     /* its bytes; a NUL follows */
	uint64_t a;   /* lines, or failures */
	uint64_t b;   /* what else is counted */
	int64_t from; /* times */
	int64_t to;
};
struct tally;
struct tally *tally_new(size_t most); /* NULL when out of memory */
void tally_free(struct tally *t);
/* The item of that key, with zeroes if it is new; NULL when there are too many
 * already. Valid until the next call. */
struct item *tally_get(struct tally *t, struct span key);
/* In the order of their first appearance. */
const struct item *tally_items(const struct tally *t, size_t *n);
/* Of keys that found no room. */
uint64_t tally_dropped(const struct tally *t);
/* The items with the largest a, at most n, as an array to be freed; returns how
 * many. */
size_t tally_top(const struct tally *t, size_t n, const struct item ***out);

/* test_kind.c: the message without what differs from one line to the next.
 * Returns the length. */
size_t kind_of(struct span message, char *buf, size_t size);

/* test_summary.c counts, test_report.c shows. */
#define EXAMPLE_BYTES 1500

struct example {
	char *text; /* NULL: none */
	size_t n;
	size_t from, to; /* what matched */
	const char *file;
	unsigned long number;
};

struct rule_sum {
	const struct filter *filter;
	const struct rule *rule;
	uint64_t lines;
	uint64_t count; /* by weight */
	uint64_t hosts;
	struct example first;
};

struct summary {
	struct test *t;
	const char *file;
	size_t files;
	uint64_t lines, bytes, timeless, clamped, lines_cut;
	uint64_t verdicts[4];   /* lines, by enum verdict */
	uint64_t missed;        /* lines that a filter reads and none matched */
	uint64_t *filter_lines; /* per filter: matched ones */
	uint64_t *filter_seen;  /* and those of its programs */
	struct rule_sum *rules;
	size_t nrules;
	size_t *first_rule; /* per filter: its first in rules */
	int64_t from, to;   /* times of the lines */
	double seconds;     /* that it took */
	struct tally *hosts, *rule_hosts, *programs, *kinds;
	struct trial *trial;  /* NULL: with --filter */
	size_t ntop, nmissed; /* to show */
};

void report(const struct summary *s);
/* A line with its matched part made to stand out. */
void print_marked(const struct term *t, const struct example *e);

#endif
