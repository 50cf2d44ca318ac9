/*
 * mxwardctl test: the filters on any log, without a daemon: line by line for
 * programs, summed up for people, one line explained, or the filters' own
 * samples.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static int set_now(struct test *t);
static int run(struct test *t);
static int each_file(
    struct test *t, const char *name, const struct sink *sink, void *arg);

int
run_test(struct ctl *c)
{
	struct test *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return fail(USAGE, "out of memory");
	t->c = c;
	rc = set_now(t);
	if (rc == DONE)
		rc = test_load(t, c->given & OPT_SAMPLES);
	if (rc == DONE)
		rc = run(t);
	test_unload(t);
	free(t);
	return rc;
}

static int
set_now(struct test *t)
{
	struct span text;

	logtime_init(&t->lt, time(NULL));
	t->now = time(NULL);
	if (!t->c->now)
		return DONE;
	text = span_of(t->c->now);
	if (logtime_parse(&t->lt, text, &t->now) != text.n)
		return fail(USAGE,
		    "\"%s\" is no time: write --now 2026-11-24T13:02:01Z, or "
		    "seconds since 1970",
		    t->c->now);
	t->lt.now = t->now;
	return DONE;
}

static int
run(struct test *t)
{
	if (t->c->given & OPT_SAMPLES)
		return test_samples(t);
	t->router = router_new(t->filters, t->optional, t->nfilters);
	if (!t->router)
		return fail(USAGE, "out of memory");
	if (t->c->line)
		return test_line(t);
	return t->c->given & OPT_JSON ? test_json(t) : test_summary(t);
}

int
test_each(struct test *t, const struct sink *sink, void *arg)
{
	int rc = DONE;

	if (t->c->noperands == 0) {
		if (isatty(STDIN_FILENO))
			fputs("mxwardctl: reading log lines from the terminal; "
			      "end with Ctrl-D\n",
			    stderr);
		return each_file(t, "-", sink, arg);
	}
	for (int i = 0; i < t->c->noperands; i++)
		if (each_file(t, t->c->operand[i], sink, arg) != DONE)
			rc = USAGE;
	return rc;
}

static int
packed(const char *name, const char *with)
{
	if (strcmp(name, "-") == 0)
		return fail(
		    USAGE, "standard input is compressed: put %s before", with);
	return fail(USAGE, "%s is compressed: %s %s | mxwardctl test -", name,
	    with, name);
}

static int
each_file(struct test *t, const char *name, const struct sink *sink, void *arg)
{
	bool is_stdin = strcmp(name, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct reader *r = fd >= 0 ? reader_new(fd) : NULL;
	struct match m[MATCHES_MOST];
	unsigned long number = 0;
	const char *with = NULL;
	struct span raw;
	struct line l;
	int rc = r ? reader_packed(r, &with) : -1;

	if (rc == 0 && !with) {
		sink->file(arg, name);
		while ((rc = reader_next(r, &raw)) == 1) {
			line_parse(&t->lt, raw, &l);
			sink->line(arg, ++number, &l, m,
			    router_match(t->router, &l, m, MATCHES_MOST));
		}
	}
	if (rc != 0)
		fail(USAGE, "%s: %s", name, strerror(errno));
	else if (with)
		rc = packed(name, with);
	reader_free(r);
	if (fd >= 0 && !is_stdin)
		close(fd);
	return rc == 0 ? DONE : USAGE;
}
