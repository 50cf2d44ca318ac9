/* What the files of src/doors share, and nobody else needs. */
#ifndef MXWARD_DOORS_PRIV_H
#define MXWARD_DOORS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mxward/policy.h"
#include "mxward/span.h"

struct event;
struct evconnlistener;

/* The line at which a look for the end of a request stands. Zero is a line's
 * beginning, so that a zeroed struct begins with a new request. */
enum policy_line { POLICY_LINE_EMPTY, POLICY_LINE_CR, POLICY_LINE_TEXT };

struct policy_skip {
	enum policy_line line;
};

/*
 * Pass over a request that is not kept (malformed, or larger than allowed) as
 * it comes in pieces. Returns how many bytes of `in` belong to it; *ended says
 * whether its empty line was among them. An empty line is the same here as in
 * policy_parse.
 */
size_t policy_skip(struct policy_skip *s, struct span in, bool *ended);

/* Answers that go out with one send: for clients that ask many at once. */
#define POLICY_OUT_SIZE 16384
/* An idle client is closed after `idle` to `idle` + 1/POLICY_SWEEPS of it. */
#define POLICY_SWEEPS 4

struct policy_conn {
	LIST_ENTRY(policy_conn) entry;
	struct policy *policy;
	struct event *readable;
	int fd;
	uint32_t stamp; /* sweep in which a request began or was answered */
	bool served;    /* at least one answer */
	bool skipping;  /* the bytes to come are not kept */
	struct policy_skip skip;
	size_t skipped;
	size_t used; /* of in: a request that is not whole yet */
	char in[];   /* max_request */
};

struct policy_socket {
	int fd;
	struct evconnlistener *listener;
};

struct policy {
	struct event_base *base;
	const struct policy_conf *conf;
	const struct bantable *table;
	struct door_counters *count;
	void (*on_refused)(
	    void *arg, enum door, const struct addr *host, const struct ban *b);
	void *arg;
	struct event *sweep;
	struct event *pause;
	LIST_HEAD(, policy_conn) conns;
	size_t nconns;
	uint32_t tick; /* sweeps so far */
	int64_t now;   /* of the read in progress */
	bool draining;
	bool refused; /* the last answer in out; to be told once it is sent */
	struct addr refused_host;
	struct ban refused_ban;
	size_t nout;
	char out[POLICY_OUT_SIZE];
	size_t nsockets;
	struct policy_socket socket[];
};

/* A client that was accepted: fd is the door's from now on. It is closed at
 * once where there is no room. */
void policy_conn_add(struct policy *p, int fd);
void policy_conn_close(struct policy_conn *c);
/* Take what has come and answer it. False: the connection is no more. */
bool policy_conn_read(struct policy_conn *c);
/* Whether nobody waits for an answer on it. */
bool policy_conn_resting(const struct policy_conn *c);

static inline void
policy_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
