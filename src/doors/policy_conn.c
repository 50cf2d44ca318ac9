/*
 * The policy door: connections and answers.
 *
 * System calls are what a request costs, so there is one read and one send for
 * each, no timer is armed and nothing is allocated. Everything a client can
 * make grow has an end: a request (max_request, then it is passed over), a
 * request passed over (SKIP_MAX), clients (max_clients), silence (idle), and
 * answers that nobody reads (what the socket holds: Postfix asks one thing at a
 * time, so that a client with a full socket is not waiting for an answer).
 */
#include "doors_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "mxward/template.h"

/* An SMTP reply line has 512 bytes (RFC 5321 section 4.5.3.1.5). */
#define ANSWER_TEXT 512
#define ANSWER_MAX  (sizeof("action=\n\n") + ANSWER_TEXT)
/* Of a request that is not kept, before its client is given up. */
#define SKIP_MAX (1024 * 1024)

static const struct span ACTION = SPAN("action=");
static const struct span DUNNO = SPAN("action=DUNNO\n\n");

static struct policy_conn *conn_new(struct policy *p, int fd);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static bool conn_consume(struct policy_conn *c);
static size_t conn_request(struct policy_conn *c, struct span in);
static size_t conn_skip(struct policy_conn *c, struct span in);
static void conn_answered(struct policy_conn *c);
static bool conn_flush(struct policy_conn *c);
static bool is_refused(struct policy *p, const struct policy_request *req,
    struct addr *host, struct ban *b);
static void answer_refusal(
    struct policy *p, const struct addr *host, const struct ban *b);
static void answer_dunno(struct policy *p);

void
policy_conn_add(struct policy *p, int fd)
{
	struct policy_conn *c;

	/* Closed at once, Postfix goes on with its default_action; left to
	 * wait, it would hold the mail. */
	if (p->nconns >= p->conf->max_clients ||
	    (c = conn_new(p, fd)) == NULL) {
		policy_count(&p->count->turned_away);
		close(fd);
		return;
	}
	LIST_INSERT_HEAD(&p->conns, c, entry);
	p->nconns++;
	policy_count(&p->count->connections);
	policy_count(&p->count->open);
}

void
policy_conn_close(struct policy_conn *c)
{
	struct policy *p = c->policy;

	LIST_REMOVE(c, entry);
	p->nconns--;
	atomic_fetch_sub_explicit(&p->count->open, 1, memory_order_relaxed);
	event_free(c->readable);
	close(c->fd);
	free(c);
}

bool
policy_conn_read(struct policy_conn *c)
{
	struct policy *p = c->policy;
	struct timespec ts;
	ssize_t n;

	n = recv(c->fd, c->in + c->used, p->conf->max_request - c->used, 0);
	if (n == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	if (n <= 0) {
		policy_conn_close(c);
		return false;
	}
	if (policy_conn_resting(c))
		c->stamp = p->tick;
	c->used += (size_t)n;
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	p->now = ts.tv_sec;
	p->nout = 0;
	p->refused = false;
	if (conn_consume(c) && conn_flush(c))
		return true;
	policy_conn_close(c);
	return false;
}

bool
policy_conn_resting(const struct policy_conn *c)
{
	return c->used == 0 && !c->skipping;
}

static struct policy_conn *
conn_new(struct policy *p, int fd)
{
	struct policy_conn *c;
	int on = 1;

	/* Not zeroed: memory that no request has filled costs nothing. */
	if ((c = malloc(sizeof(*c) + p->conf->max_request)) == NULL)
		return NULL;
	*c = (struct policy_conn){ .policy = p, .fd = fd, .stamp = p->tick };
	c->readable =
	    event_new(p->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	if (c->readable == NULL || event_add(c->readable, NULL) != 0) {
		if (c->readable != NULL)
			event_free(c->readable);
		free(c);
		return NULL;
	}
	/* No more than a delay is lost where it fails, as on unix sockets. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return c;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct policy_conn *c = arg;

	(void)fd;
	(void)what;
	if (policy_conn_read(c) && c->policy->draining && c->served &&
	    policy_conn_resting(c))
		policy_conn_close(c);
}

/* Answer every whole request in the buffer, in order, and keep the rest.
 * False: the client is to be given up. */
static bool
conn_consume(struct policy_conn *c)
{
	struct policy *p = c->policy;
	struct span in = span_make(c->in, c->used);
	size_t n;

	while (in.n > 0) {
		if ((POLICY_OUT_SIZE - p->nout < ANSWER_MAX || p->refused) &&
		    !conn_flush(c))
			return false;
		n = c->skipping ? 0 : conn_request(c, in);
		if (n == 0 && !c->skipping)
			break;
		if (n == 0)
			n = conn_skip(c, in);
		if (c->skipped > SKIP_MAX) {
			policy_count(&p->count->malformed);
			return false;
		}
		in = span_skip(in, n);
	}
	if (in.n > 0 && in.p != c->in)
		memmove(c->in, in.p, in.n);
	c->used = in.n;
	return true;
}

/* Answer the request that `in` begins with. Returns its length, or 0 if it is
 * not whole, or is now to be passed over. */
static size_t
conn_request(struct policy_conn *c, struct span in)
{
	struct policy *p = c->policy;
	struct policy_request req;
	struct addr host;
	struct ban b;
	long n;

	n = policy_parse(in, &req);
	if (n < 0 || (n == 0 && in.n == p->conf->max_request)) {
		c->skipping = true;
		c->skipped = 0;
	}
	if (n <= 0)
		return 0;
	if (is_refused(p, &req, &host, &b))
		answer_refusal(p, &host, &b);
	else
		answer_dunno(p);
	conn_answered(c);
	return (size_t)n;
}

static size_t
conn_skip(struct policy_conn *c, struct span in)
{
	bool ended;
	size_t n;

	n = policy_skip(&c->skip, in, &ended);
	c->skipped += n;
	if (ended) {
		c->skipping = false;
		policy_count(&c->policy->count->malformed);
		answer_dunno(c->policy);
		conn_answered(c);
	}
	return n;
}

static void
conn_answered(struct policy_conn *c)
{
	policy_count(&c->policy->count->requests);
	c->served = true;
	c->stamp = c->policy->tick;
}

/* Send what has been answered so far. False: it does not fit, or the client
 * is gone. */
static bool
conn_flush(struct policy_conn *c)
{
	struct policy *p = c->policy;
	ssize_t n;

	if (p->nout == 0)
		return true;
	do
		n = send(c->fd, p->out, p->nout, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n < 0 || (size_t)n != p->nout) {
		if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK)
			policy_count(&p->count->malformed);
		return false;
	}
	p->nout = 0;
	if (p->refused) {
		p->refused = false;
		p->on_refused(
		    p->arg, DOOR_POLICY, &p->refused_host, &p->refused_ban);
	}
	return true;
}

/* Whatever is odd about a request is no reason to refuse mail. */
static bool
is_refused(struct policy *p, const struct policy_request *req,
    struct addr *host, struct ban *b)
{
	if (!span_is(req->request, "smtpd_access_policy")) {
		policy_count(&p->count->malformed);
		return false;
	}
	if (req->client_address.n == 0 ||
	    span_is(req->client_address, "unknown"))
		return false;
	if (addr_parse(req->client_address, host) != 0) {
		policy_count(&p->count->malformed);
		return false;
	}
	return bantable_refuses(p->table, host, p->now, b);
}

static void
answer_refusal(struct policy *p, const struct addr *host, const struct ban *b)
{
	struct template_values v = {
		.jail = bantable_jail_name(p->table, b->jail),
		.host = *host,
		.end = b->end,
		.now = p->now,
	};
	char *text = p->out + p->nout + ACTION.n;
	size_t n;

	n = template_fill(p->conf->answer, &v, text, ANSWER_TEXT);
	if (n == 0) {
		answer_dunno(p);
		return;
	}
	memcpy(p->out + p->nout, ACTION.p, ACTION.n);
	memcpy(text + n, "\n\n", 2);
	p->nout += ACTION.n + n + 2;
	policy_count(&p->count->refused);
	if (p->on_refused != NULL) {
		p->refused = true;
		p->refused_host = *host;
		p->refused_ban = *b;
	}
}

static void
answer_dunno(struct policy *p)
{
	memcpy(p->out + p->nout, DUNNO.p, DUNNO.n);
	p->nout += DUNNO.n;
}
