/* What the windows' tests share. */
#ifndef WINDOW_FIXTURE_H
#define WINDOW_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mxward/window.h"

static inline uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static inline struct prefix
key(uint32_t i)
{
	struct prefix p = { .len = 128 };

	p.addr.b[0] = 0x20;
	p.addr.b[12] = (uint8_t)(i >> 24);
	p.addr.b[13] = (uint8_t)(i >> 16);
	p.addr.b[14] = (uint8_t)(i >> 8);
	p.addr.b[15] = (uint8_t)i;
	return p;
}

static inline int
fail_of(struct windows *w, uint32_t host, int64_t when, unsigned count,
    uint64_t ref, uint32_t who, struct window_refs *refs)
{
	struct prefix p = key(host);

	return windows_fail(w, &p, when, count, ref, who, refs);
}

static inline int
fail_at(struct windows *w, uint32_t host, int64_t when, unsigned count,
    uint64_t ref, struct window_refs *refs)
{
	return fail_of(w, host, when, count, ref, 0, refs);
}

#endif
