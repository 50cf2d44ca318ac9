/*
 * The store: one SQLite database in WAL mode. Memory answers; the store
 * remembers. Everything between two store_commit is one transaction: positions
 * and what the lines before them caused go in together or not at all (P3).
 *
 * A store that cannot write (disk full, I/O error) says so from store_commit,
 * drops the transaction, and refuses more until store_retry succeeds. What was
 * lost lies after the last stored position and is read again by whoever starts
 * from the store.
 *
 * Copying the log (mxward.db-wal) into the database waits for the disk. A
 * thread of the store's does it, so that store_commit need not; only a log of
 * 20,000 pages, with which the thread does not keep up, makes a commit wait for
 * it, and so is bounded. Another program that reads the database for long keeps
 * the log from beginning anew, and nothing bounds it until that has ended.
 */
#ifndef MXWARD_STORE_H
#define MXWARD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/bantable.h"
#include "mxward/error.h"
#include "mxward/judge.h"
#include "mxward/source.h"

struct store;

/*
 * Open or create dir/mxward.db, migrating an older schema. A database that is
 * corrupt, or of a newer schema, is kept aside as mxward.db.bad-TIME and a new
 * one begun; `aside` then holds its name, else "", and err says why. Returns
 * NULL and the reason if there is no way to have one.
 *
 * Starts the thread, all signals blocked: to be called before a sandbox that
 * allows no more of them; without it, commits do its work. The owner of a store
 * must not fork and go on with it in the child.
 */
struct store *store_open(
    const char *dir, char *aside, size_t size, struct error *err);
void store_close(struct store *s);

/* End the transaction. 0, or -1 and the reason; see above. A transaction
 * begins by itself with the next change. */
int store_commit(struct store *s, struct error *err);
/*
 * Whether the store is refusing, and another try at it (0 if it works again).
 * If it was found damaged, store_retry puts it aside like store_open:
 * store_aside then names it (else ""), err says why, and the new one is empty:
 * what stands in memory can be stored again.
 */
bool store_broken(const struct store *s);
int store_retry(struct store *s, struct error *err);
const char *store_aside(const struct store *s);

/* Positions. The row is (source, path, dev, inode). */
int store_position_put(struct store *s, const char *source, const char *path,
    const struct position *p);
int store_position_del(struct store *s, const char *source, const char *path,
    const struct position *p);
/* Oldest file first: the order in which they were first put. */
size_t store_positions(struct store *s, const char *source, const char *path,
    struct position *out, size_t max);

/* A failure; jail by name. Returns its number, or 0. */
uint64_t store_failure(
    struct store *s, const char *jail, const struct failure *f);
/* These failures led to that ban; or (ban 0) were forgotten. */
int store_failures_used(
    struct store *s, const uint64_t *ids, size_t n, uint64_t ban);
/* Call cb for every failure that still counts, oldest first; user is empty if
 * it is not known. */
int store_failures_each(struct store *s,
    void (*cb)(void *arg, uint64_t id, const char *jail,
	const struct prefix *key, int64_t when, unsigned count,
	struct span user),
    void *arg);

/* A ban has begun. reason may be NULL. Returns its number, or 0. */
uint64_t store_ban(
    struct store *s, const char *jail, const struct ban *b, const char *reason);
/* It is over (seconds since the epoch). */
int store_ban_over(struct store *s, uint64_t id, int64_t when, const char *why);
/* The reason of a ban, into buf; "" if there is none. Returns buf. */
const char *store_ban_reason(
    struct store *s, uint64_t id, char *buf, size_t size);
/* Bans of key in jail that began at or after since. */
unsigned store_ban_count(
    struct store *s, const char *jail, const struct prefix *key, int64_t since);
/* Call cb for every ban that is not over. */
int store_bans_each(struct store *s,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg);

/* The same for every ban whose time came, but not before since: its end lies
 * after since, and a line may still be older than that. */
int store_bans_ended(struct store *s, int64_t since,
    void (*cb)(
	void *arg, const char *jail, const struct ban *b, const char *reason),
    void *arg);

/* One row of history: a ban, past or present. */
struct store_ban_row {
	struct ban ban; /* jail is not set */
	const char *jail;
	const char *reason;
	int64_t over; /* 0 if it is not */
	const char *over_why;
};
/* Bans of key (NULL: all), the newest first, at most max; cb returns false to
 * stop. covering: also bans of prefixes around key and of hosts within it. */
int store_history(struct store *s, const struct prefix *key, bool covering,
    size_t max, bool (*cb)(void *arg, const struct store_ban_row *row),
    void *arg);

/* The failures behind a ban, oldest first; or (ban 0) those of key that still
 * count, in all jails. */
struct store_evidence {
	int64_t when;
	unsigned count;
	const char *jail;
	const char *filter;
	const char *rule;
	const char *host; /* the address as text */
	const char *user;
	const char *text; /* the line */
};
int store_evidence(struct store *s, uint64_t ban, const struct prefix *key,
    size_t max, void (*cb)(void *arg, const struct store_evidence *e),
    void *arg);

/* Named numbers (a jail's totals): in the same transaction as the rest.
 * store_number returns 0 for an unknown name. */
int store_number_put(struct store *s, const char *name, uint64_t value);
uint64_t store_number(struct store *s, const char *name);

/* Drop failures whose time is before `failures`, unless they are evidence of
 * a ban that is kept, and bans that were over before `bans`, with their
 * evidence. At most `budget` rows a call. Returns rows dropped, or -1. */
long store_prune(
    struct store *s, int64_t failures, int64_t bans, size_t budget);

#endif
