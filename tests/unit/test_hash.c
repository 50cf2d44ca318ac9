/* The hash: the function it is said to be, and spread over slots. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "mxward/hash.h"

/* SipHash-1-3 of 00 01 02 …, under the key 00 01 … 0f. */
static const struct {
	size_t n;
	uint64_t hash;
} vectors[] = {
	{ 0, UINT64_C(0xabac0158050fc4dc) },
	{ 1, UINT64_C(0xc9f49bf37d57ca93) },
	{ 7, UINT64_C(0xd3927d989bb11140) },
	{ 8, UINT64_C(0x369095118d299a8e) },
	{ 9, UINT64_C(0x25a48eb36c063de4) },
	{ 15, UINT64_C(0xd320d86d2a519956) },
	{ 16, UINT64_C(0xcc4fdd1a7d908b66) },
	{ 17, UINT64_C(0x9cf2689063dbd80c) },
	{ 24, UINT64_C(0xf464aeb267349c8c) },
	{ 63, UINT64_C(0x9d199062b7bbb3a8) },
};

static const struct hash_key key = { { UINT64_C(0x0706050403020100),
    UINT64_C(0x0f0e0d0c0b0a0908) } };

static void
known_vectors_of_siphash_1_3_hold(void **state)
{
	uint8_t text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(
		    hash_bytes(&key, text, vectors[i].n) == vectors[i].hash);
}

static void
alignment_does_not_matter(void **state)
{
	char buf[40];

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		memset(buf, 'z', sizeof(buf));
		memcpy(buf + at, "seventeen bytes..", 17);
		assert_true(hash_bytes(&key, buf + at, 17) ==
		    hash_bytes(&key, "seventeen bytes..", 17));
	}
}

static void
the_key_decides(void **state)
{
	struct hash_key a, b;

	(void)state;
	hash_key_random(&a);
	hash_key_random(&b);
	assert_true(a.k[0] != b.k[0] || a.k[1] != b.k[1]);
	assert_true(hash_bytes(&a, "x", 1) != hash_bytes(&b, "x", 1));
}

static void
slots_are_all_in_range_and_evenly_used(void **state)
{
	unsigned used[10] = { 0 };
	uint8_t addr[16] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		size_t slot;

		memcpy(addr, &i, sizeof(i));
		slot = hash_slot(hash_bytes(&key, addr, sizeof(addr)), 10);
		assert_in_range(slot, 0, 9);
		used[slot]++;
	}
	for (size_t i = 0; i < 10; i++)
		assert_in_range(used[i], 800, 1200);
	assert_int_equal(hash_slot(UINT64_MAX, 7), 6);
	assert_int_equal(
	    hash_slot(UINT64_MAX, (size_t)1 << 32), ((size_t)1 << 32) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_vectors_of_siphash_1_3_hold),
		cmocka_unit_test(alignment_does_not_matter),
		cmocka_unit_test(the_key_decides),
		cmocka_unit_test(slots_are_all_in_range_and_evenly_used),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
