/*
 * Addresses as text. Written by hand instead of with inet_pton(3), which wants
 * a NUL behind the text: an address is read for every line that matches, from
 * the middle of somebody else's bytes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "mxward/addr.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* A name the kernel would give an interface is shorter (IFNAMSIZ); Windows
 * and macOS write longer ones into mail headers. */
#define ZONE_MAX 64

static struct span strip_brackets(struct span text);
static bool strip_tag(struct span *text);
static bool strip_zone(struct span *text);
static bool parse_v4(struct span text, uint8_t out[4]);
static bool parse_v6(struct span text, uint8_t out[16]);
static char *format_v4(const uint8_t b[4], char *p);
static char *format_v6(const uint8_t b[16], char *p);

int
addr_parse(struct span text, struct addr *out)
{
	bool tagged;
	struct addr a;

	if (text.n > 0 && text.p[0] == '[')
		text = strip_brackets(text);
	if (text.n == 0)
		return -1;
	tagged = strip_tag(&text);
	if (memchr(text.p, ':', text.n) == NULL) {
		memcpy(a.b, mapped, sizeof(mapped));
		if (tagged || !parse_v4(text, a.b + 12))
			return -1;
	} else if (!strip_zone(&text) || !parse_v6(text, a.b))
		return -1;
	*out = a;
	return 0;
}

const char *
addr_format(const struct addr *a, char buf[ADDR_STRLEN])
{
	char *end;

	end = addr_is_v4(a) ? format_v4(a->b + 12, buf) : format_v6(a->b, buf);
	*end = '\0';
	return buf;
}

bool
addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

int
addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, mapped, sizeof(mapped));
		memcpy(out->b + 12, &in.sin_addr, 4);
		return 0;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		return 0;
	default:
		return -1;
	}
}

/* What "[…]" holds; empty if the bracket does not close at the end. */
static struct span
strip_brackets(struct span text)
{
	if (text.n < 3 || text.p[text.n - 1] != ']')
		return span_make(text.p, 0);
	return span_make(text.p + 1, text.n - 2);
}

static bool
strip_tag(struct span *text)
{
	static const char tag[] = "ipv6:";

	if (text->n < 5)
		return false;
	for (size_t i = 0; i < 5; i++) {
		char c = text->p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c != tag[i])
			return false;
	}
	*text = span_skip(*text, 5);
	return true;
}

/* Drop "%eth0" from the end. False if it is no interface's name. */
static bool
strip_zone(struct span *text)
{
	const char *percent = memchr(text->p, '%', text->n);
	size_t n;

	if (percent == NULL)
		return true;
	n = (size_t)(percent - text->p);
	if (n + 1 == text->n || text->n - n - 1 > ZONE_MAX)
		return false;
	for (size_t i = n + 1; i < text->n; i++) {
		unsigned char c = (unsigned char)text->p[i];

		if (c <= 0x20 || c >= 0x7f || strchr("[]%/:", c) != NULL)
			return false;
	}
	text->n = n;
	return true;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
parse_v4(struct span text, uint8_t out[4])
{
	size_t i = 0;

	for (int part = 0; part < 4; part++) {
		unsigned value = 0;
		size_t start;

		if (part > 0 && (i == text.n || text.p[i++] != '.'))
			return false;
		for (start = i;
		     i < text.n && i < start + 3 && is_digit(text.p[i]); i++)
			value = value * 10 + (unsigned)(text.p[i] - '0');
		if (i == start || value > 255 ||
		    (i - start > 1 && text.p[start] == '0'))
			return false;
		out[part] = (uint8_t)value;
	}
	return i == text.n;
}

static inline int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to four hexadecimal digits. Returns how many. */
static size_t
take_group(struct span text, unsigned *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < 4 && n < text.n && hex_value(text.p[n]) >= 0; n++)
		*value = *value << 4 | (unsigned)hex_value(text.p[n]);
	return n;
}

/* Make the gap that "::" stands for, at byte gap of the n that are there. */
static bool
open_gap(uint8_t out[16], size_t n, size_t gap)
{
	if (n == 16)
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}

static bool
parse_v6(struct span text, uint8_t out[16])
{
	size_t n = 0, gap = SIZE_MAX, digits;
	unsigned value;

	if (text.n >= 2 && text.p[0] == ':' && text.p[1] == ':') {
		gap = 0;
		text = span_skip(text, 2);
	}
	while (text.n > 0) {
		digits = take_group(text, &value);
		if (digits < text.n && text.p[digits] == '.') {
			if (n > 12 || !parse_v4(text, out + n))
				return false;
			n += 4;
			break;
		}
		if (digits == 0 || n == 16)
			return false;
		out[n++] = (uint8_t)(value >> 8);
		out[n++] = (uint8_t)value;
		text = span_skip(text, digits);
		if (text.n == 0)
			break;
		if (text.p[0] != ':' || text.n == 1)
			return false;
		text = span_skip(text, 1);
		if (text.p[0] == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			text = span_skip(text, 1);
		}
	}
	return gap == SIZE_MAX ? n == 16 : open_gap(out, n, gap);
}

static char *
format_v4(const uint8_t b[4], char *p)
{
	for (int part = 0; part < 4; part++) {
		unsigned v = b[part];

		if (part > 0)
			*p++ = '.';
		if (v >= 100)
			*p++ = (char)('0' + v / 100);
		if (v >= 10)
			*p++ = (char)('0' + v / 10 % 10);
		*p++ = (char)('0' + v % 10);
	}
	return p;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952
 * section 4.2). Returns its length, 0 if there is none. */
static int
longest_zeroes(const uint8_t b[16], int *start)
{
	int best = 1, run = 0;

	for (int i = 0; i < 8; i++) {
		run = b[2 * i] == 0 && b[2 * i + 1] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*start = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

static char *
put_group(unsigned v, char *p)
{
	static const char hex[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = hex[v >> shift & 15];
	return p;
}

static char *
format_v6(const uint8_t b[16], char *p)
{
	int start = -1, zeroes = longest_zeroes(b, &start);

	for (int i = 0; i < 8; i++) {
		if (zeroes > 0 && i == start) {
			*p++ = ':';
			*p++ = ':';
			i += zeroes - 1;
			continue;
		}
		if (i > 0 && i != start + zeroes)
			*p++ = ':';
		p = put_group((unsigned)b[2 * i] << 8 | b[2 * i + 1], p);
	}
	return p;
}
