/* What a request asks for. */
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"
#include "mxward/control.h"
#include "mxward/duration.h"

/* Rows of the past that check shows, and lines of evidence a ban. */
#define HISTORY_MAX  50
#define EVIDENCE_MAX 100
#define COVERING_MAX 256

static void command_bans(struct client *cl, const json_t *request);
static void command_check(struct client *cl, const json_t *request);
static void command_ban(struct client *cl, const json_t *request);
static void command_unban(struct client *cl, const json_t *request);
static void command_watch(struct client *cl, const json_t *request);
static void command_reload(struct client *cl, const json_t *request);

static const struct {
	const char *name;
	void (*run)(struct client *cl, const json_t *request);
} commands[] = {
	{ "status", command_status },
	{ "bans", command_bans },
	{ "check", command_check },
	{ "ban", command_ban },
	{ "unban", command_unban },
	{ "watch", command_watch },
	{ "reload", command_reload },
};

void
command_run(struct client *cl, const json_t *request)
{
	const char *name =
	    json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (name && strcmp(name, commands[i].name) == 0) {
			commands[i].run(cl, request);
			return;
		}
	client_fail(
	    cl, "usage", "there is no command \"%s\"", name ? name : "");
}

static const char *
get_string(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

/* The number of the jail the request names; BANTABLE_NO_JAIL if it names none.
 * False after an answer that there is no such jail. */
static bool
get_jail(struct client *cl, const json_t *request, uint16_t *out)
{
	struct engine *e = cl->control->e;
	const char *name = get_string(request, "jail");

	*out = BANTABLE_NO_JAIL;
	if (!name)
		return true;
	for (size_t i = 0; i < judge_jails(e->judge); i++)
		if (strcmp(judge_jail(e->judge, i)->name, name) == 0) {
			*out = judge_jail_number(e->judge, i);
			return true;
		}
	client_fail(cl, "not-found",
	    "there is no jail \"%s\": `mxwardctl status` lists them", name);
	return false;
}

static bool
get_target(struct client *cl, const json_t *request, struct prefix *out)
{
	const char *text = get_string(request, "target");

	if (text && prefix_parse(span_of(text), out) == 0)
		return true;
	client_fail(cl, "usage",
	    "\"%s\" is not an address or network: write 192.0.2.1, "
	    "192.0.2.0/24 or 2001:db8::/64",
	    text ? text : "");
	return false;
}

struct gather {
	struct ban *bans;
	size_t n, room;
	uint16_t jail;
	int64_t now;
};

static bool
gather_ban(void *arg, const struct ban *b)
{
	struct gather *g = arg;

	if (b->flags & (BAN_FRIEND | BAN_OVER) || b->end <= g->now ||
	    (g->jail != BANTABLE_NO_JAIL && b->jail != g->jail))
		return true;
	if (g->n < g->room)
		g->bans[g->n++] = *b;
	return true;
}

static int
by_start(const void *a, const void *b)
{
	const struct ban *x = a, *y = b;

	return x->start < y->start ? 1 : x->start > y->start ? -1 : 0;
}

/* The newest first. */
static void
command_bans(struct client *cl, const json_t *request)
{
	struct bantable *t = cl->control->e->w->table;
	struct gather g = { .now = wall_clock() };

	if (!get_jail(cl, request, &g.jail))
		return;
	g.room = bantable_count(t);
	g.bans = calloc(g.room + 1, sizeof(*g.bans));
	if (!g.bans) {
		client_fail(cl, "failed", "out of memory for %zu bans", g.room);
		return;
	}
	bantable_each(t, gather_ban, &g);
	qsort(g.bans, g.n, sizeof(*g.bans), by_start);
	client_stream(cl, g.bans, g.n);
}

struct history {
	struct engine *e;
	json_t *bans; /* in force */
	json_t *past;
	int64_t now;
};

static void
add_evidence(void *arg, const struct store_evidence *ev)
{
	json_array_append_new(arg, json_evidence(ev));
}

static bool
add_history(void *arg, const struct store_ban_row *row)
{
	struct history *h = arg;
	struct ban b = row->ban;
	struct ban live;
	json_t *o;

	b.jail = bantable_jail(h->e->w->table, row->jail);
	if (bantable_get(h->e->w->table, &b.key, b.jail, &live) &&
	    live.id == b.id)
		b.state = live.state;
	o = json_ban(h->e, &b, row->reason);
	if (row->over) {
		json_object_set_new(o, "over", json_time(row->over));
		if (row->over_why)
			json_object_set_new(
			    o, "over_why", json_string(row->over_why));
		json_object_del(o, "left");
		json_object_del(o, "state");
	}
	json_object_set_new(o, "id", json_integer((json_int_t)b.id));
	json_array_append_new(
	    row->over || b.end <= h->now ? h->past : h->bans, o);
	return true;
}

/* Evidence is asked for after the history was read: one query at a time. */
static void
attach_evidence(struct engine *e, json_t *rows)
{
	size_t i;
	json_t *o;

	json_array_foreach(rows, i, o)
	{
		json_t *list = json_array();
		json_int_t id = json_integer_value(json_object_get(o, "id"));
		if (id)
			store_evidence(e->store, (uint64_t)id, NULL,
			    EVIDENCE_MAX, add_evidence, list);
		json_object_del(o, "id");
		json_object_set_new(o, "evidence", list);
	}
}

/* Bans of the table that the store does not know, as when it is broken. */
static void
add_unstored(struct engine *e, const struct addr *host, json_t *bans)
{
	struct ban b[COVERING_MAX];
	size_t n = bantable_covering(e->w->table, host, b, COVERING_MAX);

	for (size_t i = 0; i < n && i < COVERING_MAX; i++)
		if (!(b[i].flags & (BAN_FRIEND | BAN_OVER)) && b[i].id == 0 &&
		    b[i].end > wall_clock())
			json_array_append_new(bans, json_ban(e, &b[i], NULL));
}

static json_t *
counting_json(struct engine *e, const struct prefix *target)
{
	json_t *list = json_array();

	for (size_t i = 0; i < judge_jails(e->judge); i++) {
		const struct jail_spec *s = judge_jail(e->judge, i);
		struct prefix key = *target;
		int64_t newest = 0;
		unsigned n;
		if (target->len == 128)
			key = prefix_key(&target->addr, s->prefix4, s->prefix6);
		n = windows_count(judge_windows(e->judge, i), &key, &newest);
		if (n)
			json_array_append_new(list,
			    json_pack("{s:s, s:I, s:I, s:o}", "jail", s->name,
				"count", (json_int_t)n, "maxretry",
				(json_int_t)s->maxretry, "newest",
				json_time(newest)));
	}
	return list;
}

static void
command_check(struct client *cl, const json_t *request)
{
	struct engine *e = cl->control->e;
	struct history h = { e, json_array(), json_array(), wall_clock() };
	json_t *evidence = json_array();
	char text[PREFIX_STRLEN];
	struct prefix target;

	if (!get_target(cl, request, &target)) {
		json_decref(h.bans);
		json_decref(h.past);
		json_decref(evidence);
		return;
	}
	if (e->store && !store_broken(e->store)) {
		store_history(
		    e->store, &target, true, HISTORY_MAX, add_history, &h);
		attach_evidence(e, h.bans);
		attach_evidence(e, h.past);
		store_evidence(
		    e->store, 0, &target, EVIDENCE_MAX, add_evidence, evidence);
	}
	add_unstored(e, &target.addr, h.bans);
	client_ok(cl,
	    json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o}", "target",
		prefix_format(&target, text), "refused",
		(int)bantable_refuses(e->w->table, &target.addr, h.now, NULL),
		"friend", (int)bantable_friend(e->w->table, &target), "bans",
		h.bans, "counting", counting_json(e, &target), "evidence",
		evidence, "history", h.past));
}

/* A slip of the finger should not shut out the world. */
static bool
is_huge(const struct prefix *p)
{
	return addr_is_v4(&p->addr) && p->len >= 96 ? p->len < 96 + 8
						    : p->len < 16;
}

/* How long a ban by hand lasts: as asked, or the jail's first bantime. */
static bool
get_length(
    struct client *cl, const json_t *request, const char *jail, int64_t *out)
{
	struct engine *e = cl->control->e;
	const json_t *length = json_object_get(request, "for");

	if (json_is_integer(length) && json_integer_value(length) > 0)
		*out = json_integer_value(length);
	else if (json_is_null(length))
		*out = DURATION_FOREVER;
	else if (length)
		return client_fail(cl, "usage",
			   "\"for\" is a number of seconds, or null"),
		       false;
	else
		for (size_t i = 0; i < judge_jails(e->judge); i++)
			if (strcmp(judge_jail(e->judge, i)->name, jail) == 0)
				*out = judge_jail(e->judge, i)->bantime[0];
	return true;
}

static void
command_ban(struct client *cl, const json_t *request)
{
	struct engine *e = cl->control->e;
	struct ban b = { .origin = ORIGIN_MANUAL, .nth = 1 };
	const char *jail = get_string(request, "jail");
	bool force = json_is_true(json_object_get(request, "force"));
	int64_t length = 3600;
	struct error err;
	int rc;

	if (!get_target(cl, request, &b.key) || !get_jail(cl, request, &b.jail))
		return;
	if (!jail) {
		jail = CONTROL_MANUAL_JAIL;
		b.jail = bantable_jail(e->w->table, jail);
	}
	if (!get_length(cl, request, jail, &length))
		return;
	if (is_huge(&b.key) && !force) {
		client_fail(cl, "refused",
		    "%s is a very large network: --force if that is meant",
		    get_string(request, "target"));
		return;
	}
	b.start = wall_clock();
	b.end = length == DURATION_FOREVER ? length : b.start + length;
	e->manual_reason = get_string(request, "reason");
	rc = judge_ban(e->judge, &b, force, &err);
	e->manual_reason = NULL;
	if (rc != 0) {
		client_fail(cl, "refused", "%s", err.text);
		return;
	}
	engine_commit(e);
	client_ok(cl,
	    json_pack("{s:o}", "ban",
		json_ban(e, &b, get_string(request, "reason"))));
}

static bool
unban_each(void *arg, const struct ban *b)
{
	struct gather *g = arg;

	if (!(b->flags & (BAN_FRIEND | BAN_OVER)) && b->end > g->now &&
	    (g->jail == BANTABLE_NO_JAIL || b->jail == g->jail) &&
	    g->n < g->room)
		g->bans[g->n++] = *b;
	return true;
}

static unsigned
unban_all(struct engine *e, uint16_t jail)
{
	struct gather g = { .jail = jail,
		.room = bantable_count(e->w->table),
		.now = wall_clock() };
	unsigned ended = 0;

	g.bans = calloc(g.room + 1, sizeof(*g.bans));
	if (!g.bans)
		return 0;
	bantable_each(e->w->table, unban_each, &g);
	for (size_t i = 0; i < g.n; i++)
		ended += judge_unban(
		    e->judge, &g.bans[i].key, g.bans[i].jail, "by hand");
	free(g.bans);
	return ended;
}

/* Nothing was ended: say what does ban it, if anything. */
static void
not_banned(struct client *cl, const struct prefix *target)
{
	struct bantable *t = cl->control->e->w->table;
	char text[PREFIX_STRLEN], around[PREFIX_STRLEN];
	struct ban b;

	prefix_format(target, text);
	if (bantable_refuses(t, &target->addr, wall_clock(), &b))
		client_fail(cl, "not-found",
		    "%s itself is not banned, but within %s (jail %s): "
		    "`mxwardctl unban %s`",
		    text, prefix_format(&b.key, around),
		    bantable_jail_name(t, b.jail), around);
	else
		client_fail(cl, "not-found",
		    "%s is not banned: `mxwardctl check %s` says what is known "
		    "of it",
		    text, text);
}

static void
command_unban(struct client *cl, const json_t *request)
{
	struct engine *e = cl->control->e;
	struct prefix target;
	unsigned ended;
	uint16_t jail;

	if (!get_jail(cl, request, &jail))
		return;
	if (json_is_true(json_object_get(request, "all"))) {
		ended = unban_all(e, jail);
	} else {
		if (!get_target(cl, request, &target))
			return;
		ended = judge_unban(e->judge, &target, jail, "by hand");
		/* A host that is banned by its network: that is what is meant,
		 * where the network is what its jail counts by. */
		if (ended == 0 && target.len == 128)
			for (size_t i = 0; i < judge_jails(e->judge); i++) {
				const struct jail_spec *s =
				    judge_jail(e->judge, i);
				struct prefix key = prefix_key(
				    &target.addr, s->prefix4, s->prefix6);
				if (key.len != 128)
					ended += judge_unban(
					    e->judge, &key, jail, "by hand");
			}
		if (ended == 0) {
			not_banned(cl, &target);
			return;
		}
	}
	engine_commit(e);
	client_ok(cl, json_pack("{s:I}", "ended", (json_int_t)ended));
}

static void
command_watch(struct client *cl, const json_t *request)
{
	(void)request;
	cl->watching = true;
	cl->control->nwatching++;
	cl->control->e->w->board->watchers = 1;
}

static void
command_reload(struct client *cl, const json_t *request)
{
	const struct msg m = { .type = MSG_RELOAD };

	(void)request;
	cl->reloading = true;
	if (heart_send(cl->control->e->heart, &m, -1) == 0)
		return;
	cl->reloading = false;
	client_fail(cl, "failed", "the warden cannot be asked");
}
