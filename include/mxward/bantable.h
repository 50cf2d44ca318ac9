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

/* After a writer died: end a half-done change and release the lock. To be
 * called by the new writer before anything else. */
void bantable_repair(struct bantable *t);

/*
 * The directory of jail names: the number of `name`, given out on first use
 * and kept for the table's life. Returns BANTABLE_NO_JAIL if all are taken.
 * bantable_jail_name returns "" for an unknown number.
 */
uint16_t bantable_jail(struct bantable *t, const char *name);
const char *bantable_jail_name(const struct bantable *t, uint16_t jail);

/* Writer. Add or replace the entry of (key, jail): 0, or -1 if the table is
 * full. */
int bantable_put(struct bantable *t, const struct ban *b);
/* Remove it: 0, or -1 if there was none. */
int bantable_del(struct bantable *t, const struct prefix *key, uint16_t jail);
/* Change only the state or the flags of an entry: 0, or -1 if there is none. */
int bantable_set_state(struct bantable *t, const struct prefix *key,
    uint16_t jail, enum ban_state state);
int bantable_set_flags(
    struct bantable *t, const struct prefix *key, uint16_t jail, uint8_t flags);

/*
 * Reader. Whether host is refused at `now` (seconds since the epoch): the ban
 * that ends last among those in force that cover it, none if a friend entry
 * covers it too. Returns true and fills out (may be NULL) if so.
 */
bool bantable_refuses(const struct bantable *t, const struct addr *host,
    int64_t now, struct ban *out);

/* The entry of exactly (key, jail), ended or not: true and *out, or false. */
bool bantable_get(const struct bantable *t, const struct prefix *key,
    uint16_t jail, struct ban *out);

/* Writer only: call cb for every entry, friends too, until it returns false.
 * It may change the entry it is given (state, flags, removal), no other. */
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

size_t bantable_capacity(const struct bantable *t);

#endif
