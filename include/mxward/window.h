/*
 * Sliding windows: the failures of every key of one jail. Exact: a key is over
 * the limit as soon as the failures whose times lie within findtime of its
 * newest one sum up to maxretry. Times come from lines, in any order.
 */
#ifndef MXWARD_WINDOW_H
#define MXWARD_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/span.h"

#define WINDOWS_USER_MAX 252 /* bytes; a store keeps at least these */

struct windows;

/* References the caller gave with failures, oldest failure first. Owned by
 * the windows and valid until the next call on them. */
struct window_refs {
	const uint64_t *ref;
	size_t n;
};

/*
 * maxretry at least 1; findtime in seconds (both ends included: two failures
 * exactly findtime apart are in one window); max_keys bounds the memory: beyond
 * it, the key whose newest failure is oldest (of a sample) is forgotten.
 * Returns NULL when out of memory (or maxretry is 0).
 */
struct windows *windows_new(
    unsigned maxretry, int64_t findtime, size_t max_keys);
void windows_free(struct windows *w);

/*
 * A number for a user's name, the same for names that differ in ASCII case
 * alone. It holds for these windows only, whose hash is keyed: nobody can call
 * himself what collides. 0, not known, for no name and for one longer than
 * WINDOWS_USER_MAX bytes, which a store may have cut.
 */
uint32_t windows_who(const struct windows *w, struct span user);

/*
 * Count `count` failures of key at `when` (seconds since the epoch, from the
 * line). Returns 1 if that brings the key to maxretry: refs then holds the
 * failures that led to it, and the key starts again from nothing. Returns 0
 * otherwise, -1 when out of memory (the failure is not counted). A failure
 * older than findtime before the key's newest counts for nothing. Failures
 * that have left the window are dropped; refs of 0 are not reported back.
 * who is whom they were about (windows_who), for windows_clear_of alone.
 */
int windows_fail(struct windows *w, const struct prefix *key, int64_t when,
    unsigned count, uint64_t ref, uint32_t who, struct window_refs *refs);

/*
 * Put a failure back, without a verdict; in any order, the window becomes what
 * it was. (If maxretry or findtime have changed since, it may hold enough for
 * a verdict: then the next failure brings it.) 0, or -1 when out of memory.
 */
int windows_restore(struct windows *w, const struct prefix *key, int64_t when,
    unsigned count, uint64_t ref, uint32_t who);

/* Forget a key (an unban). refs receives what was forgotten (may
 * be NULL). Returns the number of failures forgotten, by weight. */
unsigned windows_clear(
    struct windows *w, const struct prefix *key, struct window_refs *refs);

/* The same for those failures of key alone that are about who (a success); the
 * others stay as they are. Nothing is about 0. */
unsigned windows_clear_of(struct windows *w, const struct prefix *key,
    uint32_t who, struct window_refs *refs);

/* Failures of key in its present window, by weight, and its newest time (may be
 * NULL; set only if there are any). */
unsigned windows_count(
    const struct windows *w, const struct prefix *key, int64_t *newest);

/* Forget keys whose newest failure is older than findtime before clock. Looks
 * at `budget` keys a call, going round. Returns the number forgotten. */
size_t windows_prune(struct windows *w, int64_t clock, size_t budget);

size_t windows_keys(const struct windows *w);      /* how many are counted */
uint64_t windows_evicted(const struct windows *w); /* forgotten at max_keys */

/* Call cb for every key; it must not change the windows. */
void windows_each(const struct windows *w,
    void (*cb)(
	void *arg, const struct prefix *key, unsigned count, int64_t newest),
    void *arg);

#endif
