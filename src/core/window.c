/*
 * Sliding windows. What a key holds are its failures since it last started
 * from nothing, as far as they lie within findtime of the newest: so the order
 * of arrival makes no difference to what is held, and the sum decides.
 */
#include <stdlib.h>
#include <string.h>

#include "window_priv.h"

/* Keys looked at to find one to forget. With 16, the one taken is on average
 * among the oldest sixteenth. */
#define EVICT_SAMPLE 16
/* Room for references to begin with: of a key that holds WKEY_INLINE. */
#define REFS_MIN (WKEY_INLINE + 1)

static bool older(int64_t a, int64_t b, int64_t findtime);
static int64_t newest_of(const struct wkey *k);
static unsigned sum_of(const struct wkey *k);
static unsigned add_up(unsigned a, unsigned b);
static void drop_first(struct wkey *k, uint32_t n);
static void slide(const struct windows *w, struct wkey *k, int64_t when);
static bool insert(struct windows *w, struct wkey *k, const struct fail *f);
static uint32_t place_of(const struct wkey *k, int64_t when);
static uint32_t find_or_add(
    struct windows *w, const struct prefix *key, uint32_t hash);
static unsigned take_out(
    struct wkey *k, uint32_t who, uint64_t *refs, size_t *n);
static void evict(struct windows *w);
static void refs_of(struct windows *w, const struct wkey *k,
    const struct fail *last, struct window_refs *refs);

struct windows *
windows_new(unsigned maxretry, int64_t findtime, size_t max_keys)
{
	struct windows *w;
	size_t chunks;

	if (maxretry == 0 || max_keys > UINT32_C(1) << 29)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->maxretry = maxretry;
	w->findtime = findtime > 0 ? findtime : 0;
	w->max_keys = max_keys > 0 ? (uint32_t)max_keys : 1;
	chunks = (w->max_keys + CHUNK_KEYS - 1) >> CHUNK_BITS;
	w->chunk = calloc(chunks, sizeof(struct wkey *));
	w->refs = calloc(REFS_MIN, sizeof(uint64_t));
	w->refs_cap = REFS_MIN;
	hash_key_random(&w->hash_key);
	if (w->chunk != NULL && w->refs != NULL)
		return w;
	windows_free(w);
	return NULL;
}

void
windows_free(struct windows *w)
{
	uint32_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->n; i++)
		if (wkey_at(w, i)->cap > 0)
			free(wkey_at(w, i)->more);
	if (w->chunk != NULL)
		for (i = 0; i < w->max_keys; i += CHUNK_KEYS)
			free(w->chunk[i >> CHUNK_BITS]);
	free(w->chunk);
	free(w->index);
	free(w->refs);
	free(w);
}

uint32_t
windows_who(const struct windows *w, struct span user)
{
	char low[WINDOWS_USER_MAX];
	uint32_t who;
	size_t i;

	if (user.n == 0 || user.n > sizeof(low))
		return 0;
	for (i = 0; i < user.n; i++)
		low[i] = user.p[i] >= 'A' && user.p[i] <= 'Z'
		    ? (char)(user.p[i] + ('a' - 'A'))
		    : user.p[i];
	who = (uint32_t)hash_bytes(&w->hash_key, low, user.n);
	return who != 0 ? who : 1;
}

int
windows_fail(struct windows *w, const struct prefix *key, int64_t when,
    unsigned count, uint64_t ref, uint32_t who, struct window_refs *refs)
{
	struct fail f = { when, ref, count, who };
	uint32_t hash = wkey_hash(w, key), number = wkey_find(w, key, hash);
	struct wkey none = { .n = 0 }, *k;

	if (f.count == 0)
		f.count = 1;
	k = number == WKEY_NONE ? &none : wkey_at(w, number);
	if (k->n > 0 && older(when, newest_of(k), w->findtime))
		return 0;
	slide(w, k, when);
	if (add_up(sum_of(k), f.count) >= w->maxretry) {
		refs_of(w, k, &f, refs);
		if (number != WKEY_NONE)
			wkey_remove(w, number);
		return 1;
	}
	number = find_or_add(w, key, hash);
	if (number == WKEY_NONE)
		return -1;
	k = wkey_at(w, number);
	if (insert(w, k, &f))
		return 0;
	if (k->n == 0)
		wkey_remove(w, number);
	return -1;
}

int
windows_restore(struct windows *w, const struct prefix *key, int64_t when,
    unsigned count, uint64_t ref, uint32_t who)
{
	struct fail f = { when, ref, count, who };
	uint32_t number;
	struct wkey *k;

	if (f.count == 0)
		f.count = 1;
	/* Nothing is held between two failures of which each one bans. */
	if (w->maxretry == 1)
		return 0;
	number = find_or_add(w, key, wkey_hash(w, key));
	if (number == WKEY_NONE)
		return -1;
	k = wkey_at(w, number);
	if (k->n > 0 && older(when, newest_of(k), w->findtime))
		return 0;
	slide(w, k, when);
	if (k->n == w->maxretry - 1)
		drop_first(k, 1);
	if (insert(w, k, &f))
		return 0;
	if (k->n == 0)
		wkey_remove(w, number);
	return -1;
}

unsigned
windows_clear(
    struct windows *w, const struct prefix *key, struct window_refs *refs)
{
	uint32_t number = wkey_find(w, key, wkey_hash(w, key));
	unsigned sum;

	if (refs != NULL)
		*refs = (struct window_refs){ NULL, 0 };
	if (number == WKEY_NONE)
		return 0;
	sum = sum_of(wkey_at(w, number));
	refs_of(w, wkey_at(w, number), NULL, refs);
	wkey_remove(w, number);
	return sum;
}

unsigned
windows_clear_of(struct windows *w, const struct prefix *key, uint32_t who,
    struct window_refs *refs)
{
	uint32_t number = wkey_find(w, key, wkey_hash(w, key));
	unsigned sum;
	struct wkey *k;
	size_t n = 0;

	if (refs != NULL)
		*refs = (struct window_refs){ NULL, 0 };
	if (number == WKEY_NONE || who == 0)
		return 0;
	k = wkey_at(w, number);
	sum = take_out(k, who, w->refs, &n);
	if (k->n == 0)
		wkey_remove(w, number);
	if (refs != NULL)
		*refs = (struct window_refs){ w->refs, n };
	return sum;
}

unsigned
windows_count(
    const struct windows *w, const struct prefix *key, int64_t *newest)
{
	uint32_t number = wkey_find(w, key, wkey_hash(w, key));
	const struct wkey *k;

	if (number == WKEY_NONE)
		return 0;
	k = wkey_at(w, number);
	if (newest != NULL)
		*newest = newest_of(k);
	return sum_of(k);
}

size_t
windows_prune(struct windows *w, int64_t clock, size_t budget)
{
	size_t forgotten = 0;

	/* Downwards: the key that fills a gap has been looked at. */
	for (; budget > 0 && w->n > 0; budget--) {
		if (w->cursor == 0 || w->cursor > w->n)
			w->cursor = w->n;
		w->cursor--;
		if (older(
			newest_of(wkey_at(w, w->cursor)), clock, w->findtime)) {
			wkey_remove(w, w->cursor);
			forgotten++;
		}
		if (w->cursor == 0)
			break;
	}
	return forgotten;
}

size_t
windows_keys(const struct windows *w)
{
	return w->n;
}

uint64_t
windows_evicted(const struct windows *w)
{
	return w->evicted;
}

void
windows_each(const struct windows *w,
    void (*cb)(
	void *arg, const struct prefix *key, unsigned count, int64_t newest),
    void *arg)
{
	const struct wkey *k;
	uint32_t i;

	for (i = 0; i < w->n; i++) {
		k = wkey_at(w, i);
		cb(arg, &k->key, sum_of(k), newest_of(k));
	}
}

/* Whether a lies more than findtime before b. */
static bool
older(int64_t a, int64_t b, int64_t findtime)
{
	return a < b && (uint64_t)b - (uint64_t)a > (uint64_t)findtime;
}

static int64_t
newest_of(const struct wkey *k)
{
	return wkey_fails(k)[k->n - 1].when;
}

static unsigned
sum_of(const struct wkey *k)
{
	const struct fail *f = wkey_fails(k);
	unsigned sum = 0;
	uint32_t i;

	for (i = 0; i < k->n; i++)
		sum = add_up(sum, f[i].count);
	return sum;
}

static unsigned
add_up(unsigned a, unsigned b)
{
	return a + b >= a ? a + b : UINT32_MAX;
}

static void
drop_first(struct wkey *k, uint32_t n)
{
	struct fail *f = wkey_fails(k);

	k->n -= n;
	memmove(f, f + n, k->n * sizeof(*f));
}

/* Drop what leaves the window as it moves to `when`. */
static void
slide(const struct windows *w, struct wkey *k, int64_t when)
{
	const struct fail *f = wkey_fails(k);
	uint32_t n = 0;

	while (n < k->n && older(f[n].when, when, w->findtime))
		n++;
	if (n > 0)
		drop_first(k, n);
}

/* In its place by time, behind those of the same time. */
static bool
insert(struct windows *w, struct wkey *k, const struct fail *f)
{
	struct fail *fails;
	uint32_t at;

	if (!wkey_grow(w, k))
		return false;
	fails = wkey_fails(k);
	at = place_of(k, f->when);
	memmove(&fails[at + 1], &fails[at], (k->n - at) * sizeof(*fails));
	fails[at] = *f;
	k->n++;
	return true;
}

static uint32_t
place_of(const struct wkey *k, int64_t when)
{
	const struct fail *f = wkey_fails(k);
	uint32_t at = k->n;

	while (at > 0 && f[at - 1].when > when)
		at--;
	return at;
}

static uint32_t
find_or_add(struct windows *w, const struct prefix *key, uint32_t hash)
{
	uint32_t number = wkey_find(w, key, hash);

	if (number != WKEY_NONE)
		return number;
	if (w->n >= w->max_keys)
		evict(w);
	return wkey_add(w, key, hash);
}

/* The failures about who, closing the gaps. Returns their sum. */
static unsigned
take_out(struct wkey *k, uint32_t who, uint64_t *refs, size_t *n)
{
	struct fail *f = wkey_fails(k);
	uint32_t i, kept = 0;
	unsigned sum = 0;

	for (i = 0; i < k->n; i++) {
		if (f[i].who != who) {
			f[kept++] = f[i];
			continue;
		}
		sum = add_up(sum, f[i].count);
		if (f[i].ref != 0)
			refs[(*n)++] = f[i].ref;
	}
	k->n = kept;
	return sum;
}

/* Of a sample: keys lie in no order that a stranger could choose, but start
 * anywhere, so that the same few are not asked again. */
static void
evict(struct windows *w)
{
	uint64_t at = hash_bytes(&w->hash_key, &w->evicted, sizeof(w->evicted));
	uint32_t i, number, oldest = 0;

	for (i = 0; i < EVICT_SAMPLE; i++) {
		number = (uint32_t)hash_slot(at, w->n);
		if (i == 0 ||
		    newest_of(wkey_at(w, number)) <
			newest_of(wkey_at(w, oldest)))
			oldest = number;
		at = at * UINT64_C(6364136223846793005) + 1;
	}
	wkey_remove(w, oldest);
	w->evicted++;
}

/* The references of a key's failures, and of one more if last is not NULL. */
static void
refs_of(struct windows *w, const struct wkey *k, const struct fail *last,
    struct window_refs *refs)
{
	const struct fail *f = wkey_fails(k);
	uint32_t i, at = last != NULL ? place_of(k, last->when) : k->n;
	size_t n = 0;

	if (refs == NULL)
		return;
	for (i = 0; i <= k->n; i++) {
		if (i == at && last != NULL && last->ref != 0)
			w->refs[n++] = last->ref;
		if (i < k->n && f[i].ref != 0)
			w->refs[n++] = f[i].ref;
	}
	*refs = (struct window_refs){ w->refs, n };
}
