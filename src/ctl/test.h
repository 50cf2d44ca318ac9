/* mxwardctl test: test.c (what to run), test_load.c (which filters),
 * test_read.c (lines), test_json.c, test_summary.c, test_line.c,
 * test_samples.c (what to say). */
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

/* test_read.c */
struct reader;
/* fd stays the caller's. NULL when out of memory. */
struct reader *reader_new(int fd);
void reader_free(struct reader *r);
/* 1 and the next line without its newline, cut at LINE_MAX_BYTES, valid until
 * the next call; 0 at the end; -1 and errno. */
int reader_next(struct reader *r, struct span *line);

int test_json(struct test *t);
int test_summary(struct test *t);
int test_line(struct test *t);
int test_samples(struct test *t);
/* Every line of every operand (standard input if there is none). Returns DONE,
 * or USAGE if a file could not be read. */
int test_each(struct test *t, const struct sink *sink, void *arg);

#endif
