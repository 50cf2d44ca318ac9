/*
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): one
 * round a word and three at the end, which is what hash tables with keys of
 * strangers' choosing have come to use; a 17-byte key costs six rounds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mxward/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s);
static inline uint64_t word_at(const unsigned char *p);
static inline uint64_t last_word(const unsigned char *p, size_t n);

void
hash_key_random(struct hash_key *key)
{
	ssize_t n;

	/* Up to 256 bytes come whole, or not at all (getrandom(2)). */
	do
		n = getrandom(key, sizeof(*key), 0);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)sizeof(*key))
		abort();
}

uint64_t
hash_bytes(const struct hash_key *key, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t left = n;
	uint64_t m;
	struct sip s = {
		key->k[0] ^ UINT64_C(0x736f6d6570736575),
		key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		key->k[0] ^ UINT64_C(0x6c7967656e657261),
		key->k[1] ^ UINT64_C(0x7465646279746573),
	};

	for (; left >= 8; p += 8, left -= 8) {
		m = word_at(p);
		s.v3 ^= m;
		sip_round(&s);
		s.v0 ^= m;
	}
	m = last_word(p, left) | (uint64_t)n << 56;
	s.v3 ^= m;
	sip_round(&s);
	s.v0 ^= m;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static inline uint64_t
rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

/* Little-endian, as the paper has it, so that the published vectors hold. */
static inline uint64_t
word_at(const unsigned char *p)
{
	uint64_t m;

	memcpy(&m, p, sizeof(m));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	m = __builtin_bswap64(m);
#endif
	return m;
}

static inline uint64_t
last_word(const unsigned char *p, size_t n)
{
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)p[i] << (8 * i);
	return m;
}
