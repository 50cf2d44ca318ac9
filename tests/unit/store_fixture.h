/* A store in a directory of its own, for test_store*.c. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mxward/store.h"

struct fixture {
	char dir[64];
	char aside[512];
	struct store *s;
	struct error err;
};

static inline struct addr
host(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_of(text), &a), 0);
	return a;
}

static inline struct prefix
net(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

static inline struct failure
failure_of(const char *from, int64_t when)
{
	struct failure f = {
		.when = when,
		.count = 1,
		.origin = ORIGIN_LOG,
		.host = host(from),
		.user = SPAN("alice"),
		.filter = "postfix-auth",
		.rule = "sasl-failed",
		.evidence = SPAN("the line"),
	};

	f.key = prefix_of(&f.host, 128);
	return f;
}

static inline struct ban
ban_of(const char *key, int64_t start)
{
	return (struct ban){ .key = net(key),
		.origin = ORIGIN_LOG,
		.nth = 1,
		.start = start,
		.end = start + 600 };
}

static inline void
reopen(struct fixture *f)
{
	store_close(f->s);
	f->s = store_open(f->dir, f->aside, sizeof(f->aside), &f->err);
	if (f->s == NULL)
		print_error("%s\n", f->err.text);
	assert_non_null(f->s);
}

static inline void
commit(struct fixture *f)
{
	if (store_commit(f->s, &f->err) == -1) {
		print_error("%s\n", f->err.text);
		fail();
	}
}

static inline void
setup_dir(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/mxward-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

static inline void
empty_dir(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
}

static inline int
setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	setup_dir(f);
	reopen(f);
	assert_string_equal(f->aside, "");
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	empty_dir(f->dir);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* What the callbacks have seen. */
struct seen {
	size_t n;
	struct {
		uint64_t id;
		char jail[32];
		struct prefix key;
		int64_t when;
		unsigned count;
		char user[256];
		size_t nuser;
	} failure[32];
	struct ban ban[32];
	char jail[32][32];
	char reason[32][64];
	int64_t over[32];
	char why[32][64];
	size_t stop_at;
};

static inline void
see_failure(void *arg, uint64_t id, const char *jail, const struct prefix *key,
    int64_t when, unsigned count, struct span user)
{
	struct seen *seen = arg;

	if (seen->n < 32) {
		seen->failure[seen->n].id = id;
		snprintf(seen->failure[seen->n].jail, 32, "%s", jail);
		seen->failure[seen->n].key = *key;
		seen->failure[seen->n].when = when;
		seen->failure[seen->n].count = count;
		seen->failure[seen->n].nuser = user.n;
		memcpy(seen->failure[seen->n].user, user.n > 0 ? user.p : "",
		    user.n < 256 ? user.n : 256);
	}
	seen->n++;
}

static inline void
see_ban(void *arg, const char *jail, const struct ban *b, const char *reason)
{
	struct seen *seen = arg;

	if (seen->n < 32) {
		seen->ban[seen->n] = *b;
		snprintf(seen->jail[seen->n], 32, "%s", jail);
		snprintf(seen->reason[seen->n], 64, "%s", reason);
	}
	seen->n++;
}

static inline bool
see_row(void *arg, const struct store_ban_row *row)
{
	struct seen *seen = arg;

	if (seen->n < 32) {
		snprintf(seen->why[seen->n], 64, "%s", row->over_why);
		seen->over[seen->n] = row->over;
	}
	see_ban(arg, row->jail, &row->ban, row->reason);
	return seen->n != seen->stop_at;
}

static inline size_t
failures_left(struct store *s)
{
	struct seen seen = { 0 };

	assert_int_equal(store_failures_each(s, see_failure, &seen), 0);
	return seen.n;
}

static inline size_t
bans_standing(struct store *s)
{
	struct seen seen = { 0 };

	assert_int_equal(store_bans_each(s, see_ban, &seen), 0);
	return seen.n;
}

struct seen_evidence {
	size_t n;
	int64_t when[32];
	unsigned count[32];
	char jail[32][32], filter[32][32], rule[32][32], host[32][64];
	char user[32][300], text[32][1100];
};

static inline void
see_evidence(void *arg, const struct store_evidence *e)
{
	struct seen_evidence *seen = arg;
	size_t i = seen->n++;

	if (i >= 32)
		return;
	seen->when[i] = e->when;
	seen->count[i] = e->count;
	snprintf(seen->jail[i], 32, "%s", e->jail);
	snprintf(seen->filter[i], 32, "%s", e->filter);
	snprintf(seen->rule[i], 32, "%s", e->rule);
	snprintf(seen->host[i], 64, "%s", e->host);
	snprintf(seen->user[i], 300, "%s", e->user);
	snprintf(seen->text[i], 1100, "%s", e->text);
}

#endif
