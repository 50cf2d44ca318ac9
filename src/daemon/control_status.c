/* The status command. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_priv.h"
#include "mxward/duration.h"

static json_t *source_json(struct engine *e, size_t i);
static json_t *jail_json(struct engine *e, size_t i, const size_t *banned);
static json_t *door_json(struct engine *e, enum door d);
static json_t *enforcer_json(struct engine *e);
static json_t *store_json(struct engine *e);
static long resident(void);

struct count {
	int64_t now;
	size_t banned[BANTABLE_JAILS];
	size_t total;
};

static bool
count_ban(void *arg, const struct ban *b)
{
	struct count *c = arg;

	if (b->flags & (BAN_FRIEND | BAN_OVER) || b->end <= c->now)
		return true;
	c->banned[b->jail]++;
	c->total++;
	return true;
}

void
command_status(struct client *cl, const json_t *request)
{
	struct engine *e = cl->control->e;
	const char *jail = json_string_value(json_object_get(request, "jail"));
	struct count count = { .now = wall_clock() };
	json_t *o, *sources = json_array(), *jails = json_array(),
		   *doors = json_array(), *enforcers = json_array();

	bantable_each(e->w->table, count_ban, &count);
	for (size_t i = 0; i < e->nsources; i++)
		json_array_append_new(sources, source_json(e, i));
	for (size_t i = 0; i < judge_jails(e->judge); i++)
		if (!jail || strcmp(judge_jail(e->judge, i)->name, jail) == 0)
			json_array_append_new(
			    jails, jail_json(e, i, count.banned));
	if (e->w->conf->policy.nlisten)
		json_array_append_new(doors, door_json(e, DOOR_POLICY));
	json_array_append_new(enforcers, enforcer_json(e));
	o = json_pack("{s:s, s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "version", MXWARD_VERSION, "pid", (int)getppid(), "started",
	    json_time(e->w->started), "now", json_time(count.now), "config",
	    e->w->conf->path, "sources", sources, "jails", jails, "doors",
	    doors, "enforcers", enforcers, "store", store_json(e));
	json_object_set_new(o, "table",
	    json_pack("{s:I, s:I}", "bans", (json_int_t)count.total, "capacity",
		(json_int_t)bantable_capacity(e->w->table)));
	json_object_set_new(
	    o, "restarts", json_integer((json_int_t)e->w->board->restarts));
	json_object_set_new(
	    o, "generation", json_integer(e->w->board->generation));
	json_object_set_new(o, "caught_up", json_boolean(e->caught_up));
	json_object_set_new(o, "memory", json_integer(resident()));
	if (jail && json_array_size(jails) == 0) {
		json_decref(o);
		client_fail(cl, "not-found",
		    "there is no jail \"%s\": `mxwardctl status` lists them",
		    jail);
		return;
	}
	client_ok(cl, o);
}

static void
add_missing(json_t *o, const struct source_conf *conf)
{
	json_t *missing = json_array();
	glob_t g;

	for (size_t f = 0; f < conf->nfiles; f++) {
		if (glob(conf->files[f], GLOB_NOSORT, NULL, &g) == 0)
			globfree(&g);
		else
			json_array_append_new(
			    missing, json_string(conf->files[f]));
	}
	/* Of the usual files, not each can be there. */
	if (json_array_size(missing) &&
	    (conf->written || json_array_size(missing) == conf->nfiles))
		json_object_set(o, "missing", missing);
	json_decref(missing);
}

static const char *
ports_of(const struct engine *e, const char *jail)
{
	const struct config *c = e->w->conf;

	for (size_t i = 0; i < c->njails; i++)
		if (strcmp(c->jails[i].name, jail) == 0)
			return c->jails[i].ports;
	return "";
}

static json_t *
source_json(struct engine *e, size_t i)
{
	static const char *const kinds[] = { "file", "journal", "stdin" };
	const struct source_stats *s = source_stats(e->sources[i]);
	const struct config *c = e->w->conf;
	const struct source_conf *conf = NULL;
	json_t *o;

	for (size_t k = 0; k < c->nsources; k++)
		if (strcmp(c->sources[k].name, source_name(e->sources[i])) == 0)
			conf = &c->sources[k];
	o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "name",
	    source_name(e->sources[i]), "kind",
	    conf ? kinds[conf->kind] : "file", "lines", (json_int_t)s->lines,
	    "bytes", (json_int_t)s->bytes, "lag", (json_int_t)s->lag,
	    "too_long", (json_int_t)s->too_long, "rotations",
	    (json_int_t)s->rotations, "errors", (json_int_t)s->errors, "idle",
	    (int)source_idle(e->sources[i]));
	if (s->last_time)
		json_object_set_new(o, "last_time", json_time(s->last_time));
	if (conf && conf->kind == SOURCE_FILES)
		add_missing(o, conf);
	return o;
}

static json_t *
jail_json(struct engine *e, size_t i, const size_t *banned)
{
	const struct jail_spec *s = judge_jail(e->judge, i);
	const struct jail_stats *st = judge_stats(e->judge, i);
	json_t *bantime = json_array(), *filters = json_array();

	for (size_t k = 0; k < s->nbantime; k++)
		json_array_append_new(bantime,
		    s->bantime[k] == DURATION_FOREVER
			? json_null()
			: json_integer(s->bantime[k]));
	for (size_t k = 0; k < s->nfilters; k++)
		json_array_append_new(
		    filters, json_string(s->filters[k]->name));
	return json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, "
	    "s:I, s:I, s:I}",
	    "name", s->name, "ports", ports_of(e, s->name), "mode",
	    s->mode == MODE_OBSERVE ? "observe" : "ban", "maxretry",
	    (json_int_t)s->maxretry, "findtime", (json_int_t)s->findtime,
	    "bantime", bantime, "filters", filters, "counting",
	    (json_int_t)windows_keys(judge_windows(e->judge, i)), "failures",
	    (json_int_t)st->failures, "successes", (json_int_t)st->successes,
	    "bans", (json_int_t)st->bans, "ignored", (json_int_t)st->ignored,
	    "after_ban", (json_int_t)st->after_ban, "banned",
	    (json_int_t)banned[judge_jail_number(e->judge, i)]);
}

static json_t *
door_json(struct engine *e, enum door d)
{
	const struct door_counters *c = &e->w->board->door[d];
	const struct policy_conf *p = &e->w->conf->policy;
	json_t *listen = json_array();

	for (size_t i = 0; i < p->nlisten; i++)
		json_array_append_new(listen, json_string(p->listen[i].text));
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
	    door_name(d), "listen", listen, "connections",
	    (json_int_t)c->connections, "open", (json_int_t)c->open, "requests",
	    (json_int_t)c->requests, "refused", (json_int_t)c->refused,
	    "malformed", (json_int_t)c->malformed, "turned_away",
	    (json_int_t)c->turned_away);
}

static json_t *
enforcer_json(struct engine *e)
{
	struct enforce_stats s;
	json_t *o;

	enforce_stats(e->enforce, &s);
	o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", "nftables",
	    "state", s.state, "pending", (json_int_t)s.pending, "enforced",
	    (json_int_t)s.enforced, "failed", (json_int_t)s.failed, "repairs",
	    (json_int_t)s.repairs);
	if (s.error)
		json_object_set_new(
		    o, "error", json_text(s.error, strlen(s.error)));
	return o;
}

static json_t *
store_json(struct engine *e)
{
	bool ok = e->store && !store_broken(e->store);
	json_t *o = json_pack("{s:b}", "ok", (int)ok);

	if (!ok)
		json_object_set_new(o, "error",
		    e->store_error[0]
			? json_text(e->store_error, strlen(e->store_error))
			: json_string("it cannot be written: see the log"));
	return o;
}

/* Bytes; 0 where /proc does not say. */
static long
resident(void)
{
	FILE *fp = fopen("/proc/self/statm", "re");
	long pages = 0, ignored;

	if (!fp)
		return 0;
	if (fscanf(fp, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	fclose(fp);
	return pages * sysconf(_SC_PAGESIZE);
}
