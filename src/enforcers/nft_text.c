/*
 * Text for libnftables. A hundred thousand elements a second are written here,
 * so numbers and addresses are formatted by hand.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <stdlib.h>
#include <string.h>

/* libnftables takes at most eight digits of seconds; days carry the rest. */
#define PLAIN_SECONDS 99999999
#define DAY           86400

static char *text_room(struct text *t, size_t n);
static char *put_num(char *p, uint64_t v);
static char *put_v4(char *p, const uint8_t *b);
static char *put_v6(char *p, const uint8_t *b);
static char *put_hex(char *p, unsigned v);

void
text_clear(struct text *t)
{
	t->n = 0;
	t->failed = false;
}

void
text_str(struct text *t, const char *s)
{
	size_t n = strlen(s);
	char *p = text_room(t, n + 1);

	if (p == NULL)
		return;
	memcpy(p, s, n + 1);
	t->n += n;
}

void
text_num(struct text *t, uint64_t v)
{
	char *p = text_room(t, 21);

	if (p != NULL)
		t->n += (size_t)(put_num(p, v) - p);
}

void
text_addr(struct text *t, const struct addr *a, bool v6)
{
	char *p = text_room(t, ADDR_STRLEN);

	if (p != NULL)
		t->n +=
		    (size_t)((v6 ? put_v6(p, a->b) : put_v4(p, a->b + 12)) - p);
}

/* " timeout N", or nothing for ever (negative). */
void
text_left(struct text *t, int64_t seconds)
{
	if (seconds < 0)
		return;
	text_str(t, " timeout ");
	if (seconds > PLAIN_SECONDS) {
		text_num(t, (uint64_t)seconds / DAY);
		text_str(t, "d");
		seconds %= DAY;
	}
	text_num(t, (uint64_t)seconds);
	text_str(t, "s");
}

static char *
text_room(struct text *t, size_t n)
{
	size_t size = t->size != 0 ? t->size : 4096;
	char *p;

	if (t->failed)
		return NULL;
	if (t->size - t->n < n) {
		while (size - t->n < n)
			size *= 2;
		if ((p = realloc(t->p, size)) == NULL) {
			t->failed = true;
			return NULL;
		}
		t->p = p;
		t->size = size;
	}
	return t->p + t->n;
}

static char *
put_num(char *p, uint64_t v)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
	} while ((v /= 10) != 0);
	while (n > 0)
		*p++ = digits[--n];
	*p = '\0';
	return p;
}

static char *
put_v4(char *p, const uint8_t *b)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_num(p, b[i]);
	}
	return p;
}

/* Zeroes at the end, as networks have them, become "::"; the rest is plain. */
static char *
put_v6(char *p, const uint8_t *b)
{
	int i, n = 8;

	while (n > 0 && b[2 * n - 2] == 0 && b[2 * n - 1] == 0)
		n--;
	if (n == 7)
		n = 8;
	for (i = 0; i < n; i++) {
		if (i > 0)
			*p++ = ':';
		p = put_hex(p, (unsigned)(b[2 * i] << 8 | b[2 * i + 1]));
	}
	if (n < 8) {
		*p++ = ':';
		*p++ = ':';
	}
	*p = '\0';
	return p;
}

static char *
put_hex(char *p, unsigned v)
{
	static const char hex[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = hex[v >> shift & 15];
	return p;
}

#endif
