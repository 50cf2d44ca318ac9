/* A run of bytes that somebody else owns. Never NUL-terminated by assumption. */
#ifndef MXWARD_SPAN_H
#define MXWARD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *p;
	size_t n;
};

/* A string literal as a span, also in static initialisers. */
#define SPAN(lit)                                                              \
	{                                                                      \
		(lit), sizeof(lit) - 1                                         \
	}

/* For "%.*s" in printf: SPAN_ARG(s) gives the two arguments. */
#define SPAN_ARG(s) (int)(s).n, (s).n ? (s).p : ""

static inline struct span
span_of(const char *cstr)
{
	return (struct span){ cstr, strlen(cstr) };
}

static inline struct span
span_make(const char *p, size_t n)
{
	return (struct span){ p, n };
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_is(struct span a, const char *cstr)
{
	return span_eq(a, span_of(cstr));
}

static inline bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* s without its first n bytes; n must be at most s.n. */
static inline struct span
span_skip(struct span s, size_t n)
{
	return (struct span){ s.p + n, s.n - n };
}

#endif
