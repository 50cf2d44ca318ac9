/*
 * The ban table: anonymous shared memory, one writer (the engine), any number
 * of readers (the doors), which never wait.
 *
 * An open-addressing hash of fixed capacity under a sequence lock. Each entry
 * carries its own end, so that a reader needs nobody to know a ban is over.
 * The writer orders its stores so that the table is whole after every single
 * one of them: a writer killed in the middle of a change leaves the lock odd,
 * and readers, after a bounded number of tries, read what is there.
 *
 * Entries are keyed by (prefix, jail): two jails may ban the same host, and
 * each ban ends on its own. A look-up probes only the prefix lengths present.
 */
#ifndef MXWARD_BANTABLE_H
#define MXWARD_BANTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"

enum ban_state { BAN_PENDING, BAN_ENFORCED, BAN_FAILED };

enum ban_origin {
	ORIGIN_LOG,
	ORIGIN_POLICY,
	ORIGIN_MILTER,
	ORIGIN_DOVECOT,
	ORIGIN_MANUAL,
	ORIGIN_FLEET,
	ORIGIN_LIST
};

/* The entry refuses nobody (mode = "observe"). */
#define BAN_OBSERVE 0x01
/* Not a ban: an ignoreip entry. Whoever it covers is never refused (P5). */
#define BAN_FRIEND 0x02
/* Left by an engine that died before it could store it; see judge.h. */
#define BAN_ORPHAN 0x04

/* Its end has come and been announced; it stays until no line can be older
 * than its end, so that late lines of a banned host are known as such. */
#define BAN_OVER 0x08
/* Put back from the store and not yet adopted; see judge.h. */
#define BAN_RESTORED 0x10
/* Ordered by hand in the knowledge that it refuses a friend. */
#define BAN_FORCED 0x20

/* Numbers of jails in the table's directory (below); friends use the last. */
#define BANTABLE_JAILS    256
#define BANTABLE_JAIL_LEN 64
#define BANTABLE_NO_JAIL  (BANTABLE_JAILS - 1)

struct ban {
	struct prefix key;
	uint16_t jail;  /* bantable_jail */
	uint8_t origin; /* enum ban_origin */
	uint8_t state;  /* enum ban_state */
	uint8_t flags;  /* BAN_… */
	uint8_t nth;    /* this key's nth ban in this jail, at most 255 */
	int64_t start;  /* seconds since the epoch */
	int64_t end;    /* likewise; DURATION_FOREVER never ends */
	uint64_t id;    /* of its row in the store; 0 if none */
};

/* Whether a ban refuses at `now`, friends aside. */
static inline bool
ban_in_force(const struct ban *b, int64_t now)
{
	return (b->flags & (BAN_OBSERVE | BAN_FRIEND | BAN_OVER)) == 0 &&
	    now < b->end;
}

struct bantable;

/*
 * Map a table for at most max_bans entries. Pages that hold nothing cost
 * nothing. Returns NULL if the memory cannot be mapped. The mapping is
 * inherited by fork; bantable_reopen_readonly makes it read-only in a process
 * that only reads (0, or -1 with errno).
 */
struct bantable *bantable_map(size_t max_bans);
int bantable_reopen_readonly(struct bantable *t);
void bantable_unmap(struct bantable *t);

/* After a writer died: end a half-done change, release the lock, and count the
 * table afresh. To be called by the new writer before anything else; costs
 * nothing if the table was never written. */
void bantable_repair(struct bantable *t);

/*
 * The directory of jail names: the number of `name`, given out on first use
 * and kept for the table's life. Returns BANTABLE_NO_JAIL if all are taken.
 * bantable_jail_name returns "" for an unknown number.
 */
uint16_t bantable_jail(struct bantable *t, const char *name);
const char *bantable_jail_name(const struct bantable *t, uint16_t jail);

/* Writer. Add or replace the entry of (key, jail): 0, or -1 if the table is
 * full, or it is neither a ban of a jail nor a friend without one. */
int bantable_put(struct bantable *t, const struct ban *b);
/* Remove it: 0, or -1 if there was none. */
int bantable_del(struct bantable *t, const struct prefix *key, uint16_t jail);
/* Change only the state or the flags of an entry (it stays a friend, or none):
 * 0, or -1 if there is none. */
int bantable_set_state(struct bantable *t, const struct prefix *key,
    uint16_t jail, enum ban_state state);
int bantable_set_flags(
    struct bantable *t, const struct prefix *key, uint16_t jail, uint8_t flags);

/*
 * Reader. Whether host is refused at `now` (seconds since the epoch): the ban
 * that ends last among those in force that cover it, none if a friend entry
 * covers it too, unless the ban is BAN_FORCED. Returns true and fills out (may
 * be NULL) if so.
 */
bool bantable_refuses(const struct bantable *t, const struct addr *host,
    int64_t now, struct ban *out);

/* Whether a friend entry covers all of key. */
bool bantable_friend(const struct bantable *t, const struct prefix *key);

/* The entry of exactly (key, jail), ended or not: true and *out (of no meaning
 * otherwise), or false. */
bool bantable_get(const struct bantable *t, const struct prefix *key,
    uint16_t jail, struct ban *out);

/* All entries of exactly this prefix, friends and ended ones included; at most
 * max. Returns how many there are. */
size_t bantable_of_key(const struct bantable *t, const struct prefix *key,
    struct ban *out, size_t max);

/* Writer only: call cb for every entry, friends too, until it returns false.
 * It may change the entry it is given (all but its key, or remove it), no
 * other. */
void bantable_each(
    struct bantable *t, bool (*cb)(void *arg, const struct ban *b), void *arg);

/* All entries covering host, friends and ended ones included; at most max.
 * Returns how many there are. */
size_t bantable_covering(const struct bantable *t, const struct addr *host,
    struct ban *out, size_t max);

/* Writer only. Of the entries that are not friends: how many, and the one that
 * ends soonest (false if there is none). */
size_t bantable_count(const struct bantable *t);
bool bantable_soonest(struct bantable *t, struct ban *out);
/* The same among those that are not BAN_OVER yet, and among those that are. */
bool bantable_soonest_waiting(struct bantable *t, struct ban *out);
bool bantable_soonest_over(struct bantable *t, struct ban *out);

/* max_bans. Friends take their room there, too. */
size_t bantable_capacity(const struct bantable *t);

#endif
