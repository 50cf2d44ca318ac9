/*
 * The control socket's connections (control.h has the language). A slow or
 * greedy peer holds up nobody: rows go out as they are taken, and a watcher
 * that does not keep up is cut off.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_priv.h"
#include "mxward/control.h"
#include "mxward/log.h"

#define CLIENTS_MAX  64
#define WATCH_BEHIND (4 << 20) /* bytes a watcher may be behind */
#define ROWS_AT_ONCE 500
#define ANSWERS_MAX  (256 << 10) /* bytes not taken yet */

static bool may_talk(struct engine *e, int fd);
static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg);
static void on_read(struct bufferevent *bev, void *arg);
static void on_written(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);
static void client_free(struct client *cl);
static void send_line(struct client *cl, json_t *object);
static void broadcast(struct control *c, json_t *event);

struct control *
control_start(struct engine *e, int listener)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->e = e;
	LIST_INIT(&c->clients);
	c->listener = evconnlistener_new(
	    e->base, on_accept, c, LEV_OPT_CLOSE_ON_FREE, 0, listener);
	if (!c->listener)
		log_err("no control socket: %s", strerror(errno));
	e->w->board->watchers = 0;
	return c;
}

void
control_stop(struct control *c)
{
	struct client *cl;

	if (!c)
		return;
	while ((cl = LIST_FIRST(&c->clients))) {
		/* An answer that is ready still goes out. */
		evbuffer_write(bufferevent_get_output(cl->bev),
		    bufferevent_getfd(cl->bev));
		client_free(cl);
	}
	if (c->listener)
		evconnlistener_free(c->listener);
	free(c);
}

/* Root, the daemon's own user, and members of control_group. The socket's mode
 * says the same; this holds where the file system does not. */
static bool
may_talk(struct engine *e, int fd)
{
	const char *group = e->w->conf->control_group;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	/* Whoever could open a 0660 socket is of its group. */
	return peer.uid == 0 || peer.uid == geteuid() || group != NULL;
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct control *c = arg;
	struct client *cl;

	(void)l;
	(void)sa;
	(void)len;
	evutil_make_socket_nonblocking(fd);
	cl = c->nclients < CLIENTS_MAX && may_talk(c->e, fd)
	    ? calloc(1, sizeof(*cl))
	    : NULL;
	if (cl)
		cl->bev = bufferevent_socket_new(
		    c->e->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!cl || !cl->bev) {
		free(cl);
		close(fd);
		return;
	}
	cl->control = c;
	LIST_INSERT_HEAD(&c->clients, cl, entry);
	c->nclients++;
	bufferevent_setcb(cl->bev, on_read, on_written, on_event, cl);
	bufferevent_setwatermark(cl->bev, EV_READ, 0, CONTROL_REQUEST_MAX + 1);
	bufferevent_enable(cl->bev, EV_READ | EV_WRITE);
}

static void
client_free(struct client *cl)
{
	struct control *c = cl->control;

	c->nclients--;
	if (cl->watching && --c->nwatching == 0)
		c->e->w->board->watchers = 0;
	LIST_REMOVE(cl, entry);
	free(cl->rows);
	bufferevent_free(cl->bev);
	free(cl);
}

/* A peer that does not take its answers is asked nothing more. */
static bool
is_full(struct client *cl)
{
	return evbuffer_get_length(bufferevent_get_output(cl->bev)) >
	    ANSWERS_MAX;
}

/* One request at a time: the next is read when this one is answered. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *cl = arg;
	json_error_t why;
	json_t *request;
	size_t n;
	char *line;

	while (!cl->rows && !cl->watching && !cl->reloading && !is_full(cl) &&
	    (line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF))) {
		request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
		if (json_is_object(request))
			command_run(cl, request);
		else
			client_fail(cl, "usage",
			    "a request is a JSON object on one line: %s",
			    why.text);
		json_decref(request);
		free(line);
	}
	if (evbuffer_get_length(in) > CONTROL_REQUEST_MAX &&
	    evbuffer_search(in, "\n", 1, NULL).pos < 0) {
		client_fail(cl, "usage", "a request has at most %d bytes",
		    CONTROL_REQUEST_MAX);
		evbuffer_drain(in, evbuffer_get_length(in));
	}
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct client *cl = arg;
	struct engine *e = cl->control->e;
	char why[256] = "";

	if (!cl->rows) {
		/* Requests that waited for the answers to be taken. */
		on_read(bev, cl);
		return;
	}
	for (int i = 0; i < ROWS_AT_ONCE && cl->next < cl->nrows; i++) {
		const struct ban *b = &cl->rows[cl->next++];
		if (e->store)
			store_ban_reason(e->store, b->id, why, sizeof(why));
		client_row(cl, json_ban(e, b, why));
	}
	if (cl->next < cl->nrows)
		return;
	free(cl->rows);
	cl->rows = NULL;
	client_ok(cl, json_object());
	on_read(bev, cl);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		client_free(arg);
}

static void
send_line(struct client *cl, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text)
		evbuffer_add_printf(
		    bufferevent_get_output(cl->bev), "%s\n", text);
	free(text);
	json_decref(object);
}

void
client_row(struct client *cl, json_t *object)
{
	send_line(cl, json_pack("{s:o}", "row", object));
}

void
client_ok(struct client *cl, json_t *object)
{
	json_object_set_new(object, "ok", json_true());
	send_line(cl, object);
}

void
client_fail(struct client *cl, const char *code, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_line(cl,
	    json_pack("{s:b, s:o, s:s}", "ok", 0, "error",
		json_text(text, strlen(text)), "code", code));
}

void
client_stream(struct client *cl, struct ban *rows, size_t n)
{
	cl->rows = rows;
	cl->nrows = n;
	cl->next = 0;
	on_written(cl->bev, cl);
}

bool
control_watched(const struct control *c)
{
	return c && c->nwatching > 0;
}

static void
broadcast(struct control *c, json_t *event)
{
	struct client *cl, *next;

	for (cl = LIST_FIRST(&c->clients); cl; cl = next) {
		next = LIST_NEXT(cl, entry);
		if (!cl->watching)
			continue;
		if (evbuffer_get_length(bufferevent_get_output(cl->bev)) >
		    WATCH_BEHIND) {
			log_info("a watcher did not keep up and is cut off");
			client_free(cl);
			continue;
		}
		client_row(cl, json_incref(event));
	}
	json_decref(event);
}

static json_t *
new_event(const char *what, int64_t when)
{
	return json_pack("{s:s, s:o}", "event", what, "time", json_time(when));
}

static void
set_text(json_t *o, const char *key, struct span text)
{
	if (text.n)
		json_object_set_new(o, key, json_text(text.p, text.n));
}

static void
set_addr(json_t *o, const struct addr *a)
{
	char buf[ADDR_STRLEN];

	json_object_set_new(o, "host", json_string(addr_format(a, buf)));
}

static void
set_jail(struct control *c, json_t *o, uint16_t jail)
{
	json_object_set_new(
	    o, "jail", json_string(bantable_jail_name(c->e->w->table, jail)));
}

void
control_on_failure(struct control *c, const struct failure *f)
{
	json_t *o = new_event("failure", f->when);

	set_addr(o, &f->host);
	set_jail(c, o, f->jail);
	json_object_set_new(o, "count", json_integer(f->count));
	if (f->filter && f->filter[0]) {
		json_object_set_new(o, "filter", json_string(f->filter));
		json_object_set_new(o, "rule", json_string(f->rule));
	}
	set_text(o, "user", f->user);
	set_text(o, "text", f->evidence);
	broadcast(c, o);
}

void
control_on_success(
    struct control *c, const struct match *m, const struct line *l)
{
	json_t *o = new_event("success", l->time);

	if (m->has_host)
		set_addr(o, &m->host);
	json_object_set_new(o, "filter", json_string(m->filter->name));
	json_object_set_new(o, "rule", json_string(m->rule->name));
	set_text(o, "user", m->user);
	set_text(o, "text", l->raw);
	broadcast(c, o);
}

static json_t *
ban_event(struct control *c, const char *what, const struct ban *b)
{
	char key[PREFIX_STRLEN];
	json_t *o = new_event(what, wall_clock());

	json_object_set_new(
	    o, "host", json_string(prefix_format(&b->key, key)));
	set_jail(c, o, b->jail);
	json_object_set_new(o, "end", json_time(b->end));
	json_object_set_new(o, "nth", json_integer(b->nth));
	return o;
}

void
control_on_ban(struct control *c, const struct ban *b, const char *why)
{
	json_t *o = ban_event(c, "ban", b);

	if (why)
		set_text(o, "why", span_of(why));
	broadcast(c, o);
}

void
control_on_unban(struct control *c, const struct ban *b, const char *why)
{
	json_t *o = ban_event(c, "unban", b);

	set_text(o, "why", span_of(why));
	broadcast(c, o);
}

void
control_on_refused(struct control *c, const struct door_msg *m)
{
	json_t *o;

	if (!control_watched(c))
		return;
	o = new_event("refused", m->when);
	set_addr(o, &m->host);
	set_jail(c, o, m->jail);
	json_object_set_new(
	    o, "door", json_string(door_name((enum door)m->door)));
	broadcast(c, o);
}

void
control_on_reloaded(struct control *c, int64_t result, const char *why)
{
	struct client *cl;

	if (!c)
		return;
	LIST_FOREACH (cl, &c->clients, entry) {
		if (!cl->reloading)
			continue;
		cl->reloading = false;
		if (result == 0)
			client_ok(cl,
			    json_pack("{s:I}", "generation",
				(json_int_t)c->e->w->board->generation));
		else
			client_fail(cl, "config", "%s", why);
	}
}
