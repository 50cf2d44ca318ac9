/*
 * The ban table's memory, and its directory of jails. Everything that a reader
 * needs to stay within bounds (sizes, the hash key) lies outside the shared
 * mapping, in a struct that fork copies: no writer can change it for him.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bantable_priv.h"

/* Two thirds full at the most: a miss then looks at about five slots, which
 * share a cache line. */
#define SLOTS_OF(capacity) ((capacity) + (capacity) / 2 + 8)
#define CAPACITY_MAX       (UINT32_C(1) << 30)

static bool map_shared(struct bantable *t);
static bool map_ends(struct bantable *t);
static size_t page_up(size_t n);

struct bantable *
bantable_map(size_t max_bans)
{
	struct bantable *t;

	if (max_bans > CAPACITY_MAX) {
		errno = EINVAL;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->capacity = max_bans > 0 ? (uint32_t)max_bans : 1;
	t->nslots = SLOTS_OF(t->capacity);
	t->number_bits = 32 - (unsigned)__builtin_clz(t->capacity);
	hash_key_random(&t->key);
	if (map_shared(t) && map_ends(t))
		return t;
	bantable_unmap(t);
	return NULL;
}

/*
 * Anonymous memory cannot be mapped again for reading only, so this alone could
 * be undone: a process that reads strangers' text must also be forbidden to
 * make memory writable (sandbox.c). A sealed memfd would do without, and was
 * tried: its pages cost the engine a third of its speed.
 */
int
bantable_reopen_readonly(struct bantable *t)
{
	return mprotect(t->map, t->map_size, PROT_READ);
}

void
bantable_unmap(struct bantable *t)
{
	if (t == NULL)
		return;
	if (t->map != NULL)
		munmap(t->map, t->map_size);
	if (t->ends.heap != NULL)
		munmap(t->ends.heap, t->ends_size);
	free(t);
}

uint16_t
bantable_jail(struct bantable *t, const char *name)
{
	struct shared *s = t->shared;
	uint32_t i, n = atomic_load(&s->njails);
	size_t size = strlen(name) + 1;

	if (size > BANTABLE_JAIL_LEN || size == 1)
		return BANTABLE_NO_JAIL;
	for (i = 0; i < n; i++)
		if (memcmp(s->name[i], name, size) == 0)
			return (uint16_t)i;
	if (n >= BANTABLE_NO_JAIL)
		return BANTABLE_NO_JAIL;
	memcpy(s->name[n], name, size);
	atomic_store(&s->njails, n + 1);
	return (uint16_t)n;
}

const char *
bantable_jail_name(const struct bantable *t, uint16_t jail)
{
	uint32_t n = atomic_load(&t->shared->njails);

	return jail < n && jail < BANTABLE_NO_JAIL ? t->shared->name[jail] : "";
}

size_t
bantable_capacity(const struct bantable *t)
{
	return t->capacity;
}

/* One mapping: the shared head, the index, the entries. */
static bool
map_shared(struct bantable *t)
{
	size_t head = page_up(sizeof(struct shared));
	size_t index = page_up((size_t)t->nslots * sizeof(*t->index));
	char *p;

	t->map_size =
	    head + index + page_up((size_t)t->capacity * sizeof(struct entry));
	p = mmap(NULL, t->map_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	t->map = p;
	t->shared = (struct shared *)p;
	t->index = (_Atomic uint32_t *)(p + head);
	t->entry = (struct entry *)(p + head + index);
	return true;
}

/* Mapped, not allocated: pages come with use, and a put cannot fail later. */
static bool
map_ends(struct bantable *t)
{
	void *p;

	t->ends_size = 2 * (size_t)t->capacity * sizeof(uint32_t);
	p = mmap(NULL, t->ends_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	t->ends.heap = p;
	t->ends.pos = t->ends.heap + t->capacity;
	return true;
}

static size_t
page_up(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}
