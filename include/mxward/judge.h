/*
 * The judge: failures and successes go in, bans come out. Pure logic: it keeps
 * the windows and writes the ban table, and tells everything else through
 * hooks. The order in which it does things is the contract:
 *   1. hooks.failure  (the store gives the failure a number)
 *   2. window; at maxretry: hooks.past_bans, length of the ban
 *   3. the ban table: from here every door refuses (P1)
 *   4. hooks.ban      (store, enforcers, actions, watchers)
 *   5. recidive jails count the ban (1 again)
 * A failure is not counted if this jail bans its key, or the very host, at the
 * failure's time: no ban extends itself.
 *
 * What is banned is the key. Only if some of the jail's ignoreip lies within it
 * (a /64 whose neighbours are strangers), it is the single host of the failure
 * that made maxretry: nobody in ignoreip is refused because of a neighbour. The
 * key goes on being what is counted by; the host's earlier bans are what makes
 * its ban longer, and it is unbanned as a host. Bans by hand, by lists and by
 * the fleet are of what they name, whoever is in it.
 */
#ifndef MXWARD_JUDGE_H
#define MXWARD_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/bantable.h"
#include "mxward/error.h"
#include "mxward/filter.h"
#include "mxward/span.h"
#include "mxward/window.h"

#define JAIL_BANTIMES_MAX 16

enum jail_mode { MODE_BAN, MODE_OBSERVE };

/* A jail as the judge needs it. Strings belong to the configuration. */
struct jail_spec {
	const char *name;
	unsigned maxretry;
	int64_t findtime;                   /* seconds */
	int64_t bantime[JAIL_BANTIMES_MAX]; /* the nth ban takes the nth */
	size_t nbantime;                    /* at least 1 */
	int64_t memory;   /* seconds that earlier bans are remembered for */
	unsigned prefix4; /* 0 … 32, the key of an IPv4 host */
	unsigned prefix6; /* 0 … 128 */
	enum jail_mode mode;
	bool reset_on_success; /* of the same user; see judge_match */
	bool recidive;         /* counts what the other jails ban, not lines */
	const struct prefix *ignoreip; /* beyond the table's friends; below */
	size_t nignoreip;
	/* What it counts: filters[i] with the rules in rules[i] (bit =
	 * rule->index; rules beyond 63 always count). */
	const struct filter *const *filters;
	const uint64_t *rules;
	size_t nfilters;
	size_t max_hosts; /* keys counted at once */
};

struct failure {
	uint16_t jail; /* in the ban table's directory */
	struct prefix key;
	int64_t when;
	unsigned count;
	enum ban_origin origin;
	struct addr host;
	struct span user;
	const char *filter; /* "" for a recidive count */
	const char *rule;
	struct span evidence; /* the line, or what a door saw */
};

struct judge_hooks {
	/* Returns the failure's number, 0 if it could not be stored. */
	uint64_t (*failure)(void *arg, const struct failure *f);
	/* Bans of key in that jail that started at or after since. */
	unsigned (*past_bans)(
	    void *arg, uint16_t jail, const struct prefix *key, int64_t since);
	/* A ban is in force. Returns its number, 0 if it could not be stored. */
	uint64_t (*ban)(
	    void *arg, const struct ban *b, const struct window_refs *why);
	/* Failures were forgotten because of a success or an unban. */
	void (*cleared)(void *arg, const struct window_refs *refs);
	/*
	 * A ban is over, and why: "time", "replaced" (by another ban of its
	 * key and jail), "evicted" (from a full table), "ignoreip", "jail
	 * gone", "orphan", or what judge_unban was given. b->id is 0 if it has
	 * no row in the store. It may have been replaced already: ask the
	 * table (desired.h) what the firewall should hold now.
	 */
	void (*unban)(void *arg, const struct ban *b, const char *why);
};

struct jail_stats {
	uint64_t failures; /* counted, by weight */
	uint64_t successes;
	uint64_t bans;      /* that it decided */
	uint64_t ignored;   /* failures of friends */
	uint64_t after_ban; /* failures of a key or host already banned */
};

struct judge;

/*
 * The specs, the hooks and the table must outlive the judge. Any hook may be
 * NULL; none may call the judge. NULL when out of memory, if two jails bear one
 * name, or if the table's directory has no room for them.
 */
struct judge *judge_new(const struct jail_spec *jails, size_t n,
    struct bantable *table, const struct judge_hooks *hooks, void *arg);
void judge_free(struct judge *j);

/*
 * A filter's say about a line: counted in every jail that wants the rule. What
 * comes of it depends on `when` and on what was judged before, never on a
 * clock. A line of a banned key that is older than the ban's start counts as
 * being of the banned key, too: it is a late one of the same attack.
 *
 * A success forgets, where reset_on_success, what its user has failed at from
 * that key, and nothing else: whoever has an account must not be able to guess
 * at others for ever. Users are the same if their names are, but for ASCII case.
 * A failure whose user is not known is never forgotten by a success; nor is one
 * whose name is so long (above WINDOWS_USER_MAX) that the store may cut it.
 *
 * A ban is one failure in each recidive jail, whose key is at most as narrow as
 * the ban's. Bans by recidive jails, by hand, by lists and by the fleet are
 * none; a ban of a jail in observe mode is one only to recidive jails that are
 * in observe mode themselves.
 */
void judge_match(
    struct judge *j, const struct match *m, int64_t when, struct span evidence);

/*
 * Starting again. From the store: every failure that still counts, every ban
 * that is not over, and (with BAN_OVER in b->flags) every ban whose end was
 * announced but lies after the time that goes with the stored positions (the
 * `clock` of judge_tick): late lines may still fall into it. To give older ones
 * as well does no harm. Then judge_adopt, judge_friends, and the lines.
 */

/* Put back a failure from the store, oldest first, before anything is judged.
 * It cannot ban. Unknown jails are skipped. The user is as the store has it. */
void judge_restore_failure(struct judge *j, const char *jail,
    const struct prefix *key, int64_t when, unsigned count, struct span user,
    uint64_t id);

/* Put back a ban from the store (b->jail as numbered by the table). Of its
 * flags BAN_OVER and BAN_FORCED count; BAN_OBSERVE follows the jail's mode of
 * today if there is such a jail. */
void judge_restore_ban(struct judge *j, const struct ban *b);

/*
 * All is restored. What else is in the table becomes BAN_ORPHAN: the engine
 * died before its transaction was committed. An orphan refuses, but is not
 * counted with: its lines will be read again and decide it again. Ends bans
 * that log lines led to in jails that are no longer there ("jail gone"), bans
 * wholly inside a friend or the jail's ignoreip, and those that log lines led to
 * and that would not be so wide today (both "ignoreip").
 */
void judge_adopt(struct judge *j);

/* The sources have caught up: orphans that were not decided again go (why
 * "orphan", id 0). Returns how many. */
unsigned judge_drop_orphans(struct judge *j);

/*
 * Make these, and no others, the table's friends; new ones are in force before
 * old ones go. Ends bans that lie wholly inside a new one (why "ignoreip"),
 * except BAN_FORCED. 0, or -1 when out of memory, or if the table has no room
 * even without bans.
 */
int judge_friends(struct judge *j, const struct prefix *friends, size_t n);

/*
 * Ban by hand (or list, or fleet). Returns 0; or -1 and the reason: all of the
 * key is a friend (unless force: then it is BAN_FORCED), or the table is full
 * (nothing is evicted). b->id and b->flags are filled in, b->nth if it is 0.
 */
int judge_ban(struct judge *j, struct ban *b, bool force, struct error *err);

/* End the bans of exactly key in the jail (BANTABLE_NO_JAIL: in all). Its
 * failures are forgotten too. Returns how many bans ended. */
unsigned judge_unban(
    struct judge *j, const struct prefix *key, uint16_t jail, const char *why);

/*
 * Announce bans whose time has come at now (seconds since the epoch) and mark
 * them BAN_OVER, and forget bans and failures that no line at or after clock
 * can count with: clock is the oldest time that a line still to come may have.
 * Call every second. Does a bounded amount of work; true if more is due, which
 * may wait for the next second or for an idle moment (nobody is refused after
 * his time meanwhile).
 */
bool judge_tick(struct judge *j, int64_t now, int64_t clock);

size_t judge_jails(const struct judge *j);
/* The i-th jail's spec, its number in the table, its windows, its counters
 * (which the caller may set at start, from the store). */
const struct jail_spec *judge_jail(const struct judge *j, size_t i);
uint16_t judge_jail_number(const struct judge *j, size_t i);
const struct windows *judge_windows(const struct judge *j, size_t i);
struct jail_stats *judge_stats(struct judge *j, size_t i);

#endif
