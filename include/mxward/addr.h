/*
 * Addresses and prefixes. One form for both families: 16 bytes, IPv4 mapped
 * into ::ffff:0:0/96 (RFC 4291 section 2.5.5.2), so that "::ffff:192.0.2.1"
 * and "192.0.2.1" are the same host.
 */
#ifndef MXWARD_ADDR_H
#define MXWARD_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "mxward/span.h"

struct addr {
	uint8_t b[16];
};

/*
 * A network: an address whose bits beyond len are zero. len counts bits of
 * the 16-byte form, 0 … 128: an IPv4 /24 has len 120. A host has len 128.
 */
struct prefix {
	struct addr addr;
	uint8_t len;
};

/* Room for any address or prefix as text, with its NUL. */
#define ADDR_STRLEN   46
#define PREFIX_STRLEN 50

/*
 * Parse "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "::ffff:192.0.2.1",
 * "IPv6:2001:db8::1" (RFC 5321 section 4.1.3) or a zone form "fe80::1%eth0"
 * (the zone is dropped). Returns 0, or -1 if it is none of them: leading
 * zeroes ("010.1.1.1"), missing parts and trailing text are refused.
 */
int addr_parse(struct span text, struct addr *out);

/* Parse an address with an optional "/len" of its own family; host bits are
 * cleared. Returns 0 or -1. */
int prefix_parse(struct span text, struct prefix *out);

/* The text of an address (RFC 5952; IPv4 dotted), into buf. Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN]);

/* As addr_format, with "/len" of its family unless the prefix is one host. */
const char *prefix_format(const struct prefix *p, char buf[PREFIX_STRLEN]);

bool addr_is_v4(const struct addr *a);

/* The prefix of the given len (0 … 128, as in struct prefix) around a. */
struct prefix prefix_of(const struct addr *a, unsigned len);

/* The prefix a jail counts by: len4 (0 … 32) bits for IPv4, len6 (0 … 128)
 * for IPv6. */
struct prefix prefix_key(const struct addr *a, unsigned len4, unsigned len6);

bool prefix_contains(const struct prefix *p, const struct addr *a);
/* Whether every address of inner is in outer. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_eq(const struct prefix *a, const struct prefix *b);

/* From and to the sockets interface. addr_from_sockaddr returns 0, or -1 for
 * a family other than AF_INET and AF_INET6. */
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);

#endif
