/* What the ban table's tests share. */
#ifndef BANTABLE_FIXTURE_H
#define BANTABLE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../src/core/bantable_priv.h"

static inline uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static inline struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_of(text), &p), 0);
	return p;
}

/* The i-th host of a family of test hosts. */
static inline struct prefix
host(uint32_t i)
{
	struct prefix p = { .len = 128 };

	p.addr.b[10] = p.addr.b[11] = 0xff;
	p.addr.b[12] = 10;
	p.addr.b[13] = (uint8_t)(i >> 16);
	p.addr.b[14] = (uint8_t)(i >> 8);
	p.addr.b[15] = (uint8_t)i;
	return p;
}

static inline struct ban
ban(struct prefix key, uint16_t jail, int64_t end, uint8_t flags)
{
	struct ban b = { .key = key, .jail = jail, .flags = flags };

	b.start = end - 100;
	b.end = end;
	b.id = (uint64_t)end * 7 + jail;
	return b;
}

#endif
