/*
 * The policy door: Postfix policy delegation (Postfix SMTPD_POLICY_README).
 * Requests are name=value lines and an empty line; the answer "action=…" and an
 * empty line; one connection carries many requests, one at a time.
 */
#ifndef MXWARD_POLICY_H
#define MXWARD_POLICY_H

#include <stddef.h>

#include "mxward/addr.h"
#include "mxward/bantable.h"
#include "mxward/board.h"
#include "mxward/config.h"
#include "mxward/error.h"
#include "mxward/span.h"

struct event_base;

/* What the door reads of a request; spans point into it. */
struct policy_request {
	struct span request;
	struct span client_address;
	struct span protocol_state;
	struct span sender;
	struct span recipient;
	struct span sasl_username;
	struct span queue_id;
	struct span instance;
	struct span recipient_count;
};

/*
 * Parse the first whole request in buf. Returns its length in bytes with the
 * empty line, 0 if it is not whole yet, or -1 if a line has no '='. Attributes
 * it does not know are passed over (they may grow in later Postfix versions);
 * those it knows and does not find are empty.
 */
long policy_parse(struct span buf, struct policy_request *out);

/* The listening sockets and connections of the door, on base. fds[i] belongs
 * to conf->listen[i] and is closed by policy_close; -1 stands for one that
 * could not be had. on_refused (may be NULL) is called after a refusal has been
 * answered. NULL and the reason on failure (the descriptors then stay the
 * caller's). conf, table and board must outlive it. */
struct policy;
struct policy *policy_open(struct event_base *base,
    const struct policy_conf *conf, const int *fds,
    const struct bantable *table, struct board *board,
    void (*on_refused)(
	void *arg, enum door, const struct addr *host, const struct ban *b),
    void *arg, struct error *err);
/*
 * Before another door takes over: who waits in the listening sockets is let in,
 * these are closed, and so is every connection as soon as nobody waits for an
 * answer on it; one that does not end its request is closed some seconds later.
 * policy_connections says how many are left.
 */
void policy_stop_accepting(struct policy *p);
size_t policy_connections(const struct policy *p);
/* Close everything at once. NULL is allowed. */
void policy_close(struct policy *p);

#endif
