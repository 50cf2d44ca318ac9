/*
 * The engine's own state, shared by engine.c (its life), restore.c (what the
 * store knew), hooks.c (what follows from a line), friends.c (ignoreip),
 * enforce.c (its end of the line to the enforcer) and control*.c.
 */
#ifndef MXWARD_ENGINE_H
#define MXWARD_ENGINE_H

#include <event2/event.h>

#include "daemon.h"
#include "mxward/desired.h"
#include "mxward/filter.h"
#include "mxward/judge.h"
#include "mxward/source.h"
#include "mxward/store.h"

struct control;
struct enforce;
struct friends;

struct engine {
	const struct world *w;
	struct event_base *base;
	struct heart *heart;
	struct store *store; /* NULL: there is none, memory must do */
	char store_error[256];
	struct judge *judge;
	struct router *router;
	struct jail_spec *specs;
	struct filter **filters;
	uint64_t *optional;
	struct logtime clock;
	struct source_host host;
	struct source **sources;
	int64_t *last_line; /* wall clock when a source last had a line */
	uint64_t *seen;     /* its lines then */
	size_t nsources;
	struct jail_stats *saved; /* what the store has of judge_stats */
	int64_t clock_saved;      /* and of the clock of judge_tick */
	struct enforce *enforce;
	struct friends *friends;
	struct control *control;
	struct event *tick, *doors_event;
	int doors; /* socket from the doors, or -1 */
	bool caught_up;
	bool batch;        /* something since the last commit */
	int64_t committed; /* when that was, on the monotonic clock, in ms */
	/* Of the failure being judged, for the reason of the ban it may lead
	 * to; and what a person gave as one. */
	const char *filter, *rule;
	const char *manual_reason;
	uint64_t tick_count;
	bool prune_more; /* than one round has done */
};

/* engine.c: if everything logged before the start has been read, what only the
 * dead engine knew is dropped. */
void engine_catch_up(struct engine *e);

/* restore.c: bans, failures, totals. */
void engine_restore(struct engine *e);
void engine_save_totals(struct engine *e);
void engine_save_clock(struct engine *e, int64_t clock);

/* hooks.c */
extern const struct judge_hooks engine_hooks;
void engine_line(void *arg, const struct line *l);
/* A batch of lines ends here; the transaction too, unless a backlog is read. */
void engine_batch(void *arg);
/* The transaction ends here. Safe to call at any time. */
void engine_commit(void *arg);
void engine_on_door(evutil_socket_t fd, short what, void *arg);

/* friends.c: keeps judge and enforcer told of ignoreip. */
struct friends *friends_start(struct engine *e);
void friends_stop(struct friends *f);

/* groups.c: the port groups of the enabled jails. Returns how many, or -1 and
 * the reason. Numbers jails in the table on the way, if of_jail is not NULL. */
long groups_of_config(const struct config *c, struct bantable *t,
    struct portgroup groups[PORTGROUPS_MAX], struct desired_groups *of_jail,
    struct error *err);

/* enforce.c */
struct enforce_stats {
	const char *state; /* "ok", "failing", "off" */
	size_t pending, enforced, failed;
	uint64_t repairs;
	const char *error;
};
struct enforce *enforce_start(struct engine *e);
void enforce_stop(struct enforce *f);
/* The enforcer's new socket; taken over. */
void enforce_peer(struct enforce *f, int sock);
/* Bans of this key in this jail have changed. */
void enforce_changed(
    struct enforce *f, const struct prefix *key, uint16_t jail);
/* Send what has changed. Called at the end of a batch. */
void enforce_flush(struct enforce *f);
/* Who must never be refused; copied. */
void enforce_friends(struct enforce *f, const struct prefix *nets, size_t n);
void enforce_stats(struct enforce *f, struct enforce_stats *out);
/* Whether a firewall is told of that jail's bans. */
bool enforce_covers(const struct enforce *f, uint16_t jail);

/* control.c */
struct control *control_start(struct engine *e, int listener);
void control_stop(struct control *c); /* flushes answers */
bool control_watched(const struct control *c);
void control_on_failure(struct control *c, const struct failure *f);
void control_on_success(
    struct control *c, const struct match *m, const struct line *l);
void control_on_ban(struct control *c, const struct ban *b, const char *why);
void control_on_unban(struct control *c, const struct ban *b, const char *why);
void control_on_refused(struct control *c, const struct door_msg *m);
/* The warden's word on a reload: 0, or -1 and why. */
void control_on_reloaded(struct control *c, int64_t result, const char *why);

#endif
