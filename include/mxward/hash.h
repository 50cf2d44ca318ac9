/*
 * A keyed 64-bit hash for tables whose keys strangers choose: without the key,
 * nobody can make addresses that collide. Not for cryptography.
 */
#ifndef MXWARD_HASH_H
#define MXWARD_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k[2];
};

/* Fill key from the kernel's random source; the process ends if there is none. */
void hash_key_random(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t n);

/* Map a hash onto 0 … n-1 without a division (n at most 2^32). */
static inline size_t
hash_slot(uint64_t h, size_t n)
{
	return (size_t)(((h >> 32) * (uint64_t)n) >> 32);
}

#endif
