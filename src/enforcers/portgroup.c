/*
 * Port groups: the services of a jail's `ports`. The name of a group becomes
 * part of a set's name in the firewall and must be the same after a restart,
 * so it is made from the text alone.
 */
#include <string.h>

#include "mxward/enforcer.h"
#include "mxward/span.h"

struct service {
	const char *name;
	size_t nports;
	uint16_t port[3];
};

static const struct service services[] = {
	{ "smtp", 3, { 25, 465, 587 } },
	{ "imap", 2, { 143, 993 } },
	{ "pop3", 2, { 110, 995 } },
	{ "sieve", 1, { 4190 } },
};

static struct span trim(struct span s);
static struct span next_part(struct span *rest);
static int add_part(struct portgroup *g, char *name, size_t *n,
    struct span part, struct error *);
static int add_port(struct portgroup *g, uint16_t port, struct error *err);
static int parse_port(struct span s, uint16_t *port);
static void set_name(struct portgroup *g, const char *name, size_t n);

/* A list is at most PORTGROUP_PORTS parts of at most 5 characters and '_'. */
#define LONG_NAME ((size_t)PORTGROUP_PORTS * 6)

int
portgroup_parse(const char *text, struct portgroup *out, struct error *err)
{
	struct span rest = trim(span_of(text));
	char name[LONG_NAME];
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (span_is(rest, "all")) {
		set_name(out, "all", 3);
		return 0;
	}
	do {
		if (add_part(out, name, &n, next_part(&rest), err) == -1)
			return -1;
	} while (rest.p != NULL);
	set_name(out, name, n);
	return 0;
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The part before the next comma; rest->p is NULL after the last. */
static struct span
next_part(struct span *rest)
{
	const char *comma = memchr(rest->p, ',', rest->n);
	struct span part = *rest;

	if (comma == NULL) {
		*rest = span_make(NULL, 0);
	} else {
		part.n = (size_t)(comma - rest->p);
		*rest = span_skip(*rest, part.n + 1);
	}
	return trim(part);
}

static int
add_part(struct portgroup *g, char *name, size_t *n, struct span part,
    struct error *err)
{
	const struct service *s = NULL;
	uint16_t port;
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (span_is(part, services[i].name))
			s = &services[i];
	if (s == NULL && parse_port(part, &port) == -1)
		return error_set(err,
		    "ports: '%.*s' is neither smtp, imap, pop3, sieve nor a "
		    "number from 1 to 65535 ('all' stands alone)",
		    SPAN_ARG(part));
	for (i = 0; s != NULL && i < s->nports; i++)
		if (add_port(g, s->port[i], err) == -1)
			return -1;
	if (s == NULL && add_port(g, port, err) == -1)
		return -1;
	if (*n + part.n + 1 > LONG_NAME)
		return error_set(err, "ports: the list is too long");
	if (*n > 0)
		name[(*n)++] = '_';
	memcpy(name + *n, part.p, part.n);
	*n += part.n;
	return 0;
}

/* Ports that are there already are not added again: "smtp,25" is legal. */
static int
add_port(struct portgroup *g, uint16_t port, struct error *err)
{
	size_t i;

	for (i = 0; i < g->nports; i++)
		if (g->port[i] == port)
			return 0;
	if (g->nports == PORTGROUP_PORTS)
		return error_set(
		    err, "ports: more than %d ports", PORTGROUP_PORTS);
	g->port[g->nports++] = port;
	return 0;
}

/* No leading zeroes, so that a port has one text and a group one name. */
static int
parse_port(struct span s, uint16_t *port)
{
	unsigned v = 0;
	size_t i;

	if (s.n == 0 || s.n > 5 || s.p[0] == '0')
		return -1;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v > UINT16_MAX)
		return -1;
	*port = (uint16_t)v;
	return 0;
}

/* A name that does not fit is cut, and told from others by a checksum (FNV-1a)
 * of the whole. */
static void
set_name(struct portgroup *g, const char *name, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const size_t keep = PORTGROUP_NAME - 1 - 9;
	uint32_t h = 2166136261u;
	size_t i;

	if (n < PORTGROUP_NAME) {
		memcpy(g->name, name, n);
		return;
	}
	for (i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	memcpy(g->name, name, keep);
	g->name[keep] = '_';
	for (i = 0; i < 8; i++)
		g->name[keep + 1 + i] = hex[(h >> (28 - 4 * i)) & 15];
}
