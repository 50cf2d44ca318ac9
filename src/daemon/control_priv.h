/* control.c (connections), control_commands.c, control_status.c and
 * control_json.c (shapes). */
#ifndef MXWARD_CONTROL_PRIV_H
#define MXWARD_CONTROL_PRIV_H

#include <event2/bufferevent.h>
#include <jansson.h>
#include <sys/queue.h>

#include "engine.h"

struct client {
	LIST_ENTRY(client) entry;
	struct control *control;
	struct bufferevent *bev;
	bool watching;
	bool reloading; /* waits for the warden's word */
	/* Rows that go out as the peer takes them. */
	struct ban *rows;
	size_t nrows, next;
};

struct control {
	struct engine *e;
	struct evconnlistener *listener;
	LIST_HEAD(clients, client) clients;
	size_t nclients, nwatching;
};

/* control.c: each takes over `object`. */
void client_row(struct client *cl, json_t *object);
void client_ok(struct client *cl, json_t *object);
void client_fail(struct client *cl, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Send bans as rows, then {"ok": true}. The array is taken over. */
void client_stream(struct client *cl, struct ban *rows, size_t n);

/* control_commands.c: serve one request. */
void command_run(struct client *cl, const json_t *request);
void command_status(struct client *cl, const json_t *request);

/* control_json.c. Text from strangers becomes valid UTF-8. */
json_t *json_text(const char *p, size_t n);
json_t *json_time(int64_t when); /* null for DURATION_FOREVER */
json_t *json_ban(struct engine *e, const struct ban *b, const char *reason);
json_t *json_evidence(const struct store_evidence *ev);
const char *origin_name(enum ban_origin o);

#endif
