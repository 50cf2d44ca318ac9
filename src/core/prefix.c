/*
 * Networks. Both families live in one 128-bit space, so there is one way to
 * mask, to compare and to contain; only text and configuration know that an
 * IPv4 /24 is 120 bits of it.
 */
#include <string.h>

#include "mxward/addr.h"

#define V4_BITS 96 /* of the 128, before an IPv4 address's own */

static bool parse_len(struct span text, unsigned max, unsigned *len);
static unsigned first_difference(const struct addr *a, const struct addr *b);

int
prefix_parse(struct span text, struct prefix *out)
{
	struct addr a;
	const char *slash;
	struct span host = text;
	unsigned len, max, base;

	if (text.n == 0)
		return -1;
	slash = memrchr(text.p, '/', text.n);
	if (slash != NULL)
		host.n = (size_t)(slash - text.p);
	if (addr_parse(host, &a) == -1)
		return -1;
	/* How it is written decides, not what it is: "::ffff:192.0.2.0/120"
	 * counts the bits of IPv6. */
	base = memchr(host.p, ':', host.n) == NULL ? V4_BITS : 0;
	len = max = 128 - base;
	if (slash != NULL && !parse_len(span_skip(text, host.n + 1), max, &len))
		return -1;
	*out = prefix_of(&a, base + len);
	return 0;
}

const char *
prefix_format(const struct prefix *p, char buf[PREFIX_STRLEN])
{
	char *end = buf + strlen(addr_format(&p->addr, buf));
	unsigned len = p->len;

	if (len >= 128)
		return buf;
	if (len >= V4_BITS && addr_is_v4(&p->addr))
		len -= V4_BITS;
	*end++ = '/';
	if (len >= 100)
		*end++ = (char)('0' + len / 100);
	if (len >= 10)
		*end++ = (char)('0' + len / 10 % 10);
	*end++ = (char)('0' + len % 10);
	*end = '\0';
	return buf;
}

struct prefix
prefix_of(const struct addr *a, unsigned len)
{
	struct prefix p = { *a, 0 };
	unsigned byte;

	if (len >= 128) {
		p.len = 128;
		return p;
	}
	p.len = (uint8_t)len;
	byte = len / 8;
	p.addr.b[byte] &= (uint8_t)(0xff00 >> (len % 8));
	memset(p.addr.b + byte + 1, 0, 15 - byte);
	return p;
}

struct prefix
prefix_key(const struct addr *a, unsigned len4, unsigned len6)
{
	if (addr_is_v4(a))
		return prefix_of(a, V4_BITS + (len4 < 32 ? len4 : 32));
	return prefix_of(a, len6);
}

bool
prefix_contains(const struct prefix *p, const struct addr *a)
{
	return first_difference(&p->addr, a) >= p->len;
}

bool
prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return inner->len >= outer->len && prefix_contains(outer, &inner->addr);
}

bool
prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && memcmp(a->addr.b, b->addr.b, 16) == 0;
}

static bool
parse_len(struct span text, unsigned max, unsigned *len)
{
	unsigned value = 0;

	if (text.n == 0 || text.n > 3 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text.p[i] - '0');
	}
	*len = value;
	return value <= max;
}

static inline uint64_t
half(const uint8_t *b)
{
	uint64_t v;

	memcpy(&v, b, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* The number of leading bits two addresses share, 0 … 128. */
static unsigned
first_difference(const struct addr *a, const struct addr *b)
{
	uint64_t x = half(a->b) ^ half(b->b);

	if (x != 0)
		return (unsigned)__builtin_clzll(x);
	x = half(a->b + 8) ^ half(b->b + 8);
	return x != 0 ? 64 + (unsigned)__builtin_clzll(x) : 128;
}
