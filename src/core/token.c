/*
 * How a pattern falls into tokens: just enough of PCRE2's syntax
 * (pcre2pattern(3)) to know where tags may stand, where two patterns may be
 * cut to be merged, and what would change its meaning within another pattern.
 */
#include <stdlib.h>

#include "pattern_priv.h"

static struct token token_escape(struct span s);
static struct token token_group(struct span s);
static struct token token_flags(struct span s);
static size_t class_length(struct span s);
static size_t until(struct span s, size_t from, char end);

void
text_add(struct text *t, const char *p, size_t n)
{
	if (t->failed)
		return;
	if (t->n + n + 1 > t->cap) {
		size_t cap = (t->n + n + 1) * 2;
		char *grown = realloc(t->p, cap);

		if (grown == NULL) {
			t->failed = true;
			return;
		}
		t->p = grown;
		t->cap = cap;
	}
	if (n != 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

void
text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_free(struct text *t)
{
	free(t->p);
	*t = (struct text){ 0 };
}

struct token
token_next(struct span s)
{
	switch (s.p[0]) {
	case '\\':
		return token_escape(s);
	case '[':
		return (struct token){ TOKEN_CLASS, class_length(s), false };
	case '(':
		return token_group(s);
	case ')':
		return (struct token){ TOKEN_CLOSE, 1, false };
	default:
		return (struct token){ TOKEN_CHAR, 1, false };
	}
}

static struct token
token_escape(struct span s)
{
	struct token t = { TOKEN_ESCAPE, s.n < 2 ? s.n : 2, false };
	char c = s.n < 2 ? '\0' : s.p[1];

	switch (c) {
	case 'Q':
		t.loner = true;
		for (t.n = 2; t.n < s.n; t.n++)
			if (t.n >= 4 && s.p[t.n - 2] == '\\' &&
			    s.p[t.n - 1] == 'E')
				break;
		break;
	case 'c': /* the next byte is part of it, even "(" */
		t.n = s.n < 3 ? s.n : 3;
		break;
	case 'g':
	case 'k':
		t.loner = true;
		if (s.n > 2 && s.p[2] == '<')
			t.n = until(s, 3, '>');
		break;
	case 'K':
	case 'G':
		t.loner = true;
		break;
	default: /* a reference by number */
		t.loner = c >= '1' && c <= '9';
		break;
	}
	return t;
}

/* s begins with "(". What is not known to be harmless is a loner. */
static struct token
token_group(struct span s)
{
	struct token t = { TOKEN_OPEN, 1, false };

	if (s.n > 1 && s.p[1] == '*')
		return (struct token){ TOKEN_WHOLE, until(s, 2, ')'), true };
	if (s.n < 3 || s.p[1] != '?')
		return t;
	t.n = 3;
	switch (s.p[2]) {
	case ':':
	case '=':
	case '!':
	case '>':
		return t;
	case '#':
		return (struct token){ TOKEN_WHOLE, until(s, 3, ')'), false };
	case 'P':
		if (s.n > 3 && s.p[3] == '<')
			return (struct token){ TOKEN_NAMED, until(s, 4, '>'),
				false };
		return (struct token){ TOKEN_WHOLE, until(s, 3, ')'), true };
	case '<':
		if (s.n > 3 && (s.p[3] == '=' || s.p[3] == '!'))
			return (struct token){ TOKEN_OPEN, 4, false };
		return (struct token){ TOKEN_NAMED, until(s, 3, '>'), false };
	case '\'':
		return (struct token){ TOKEN_NAMED, until(s, 3, '\''), false };
	case '(': /* a condition, read as the group that it is */
		return (struct token){ TOKEN_OPEN, 2, true };
	case '|':
		return (struct token){ TOKEN_OPEN, 3, true };
	default:
		return token_flags(s);
	}
}

/* "(?i)", "(?i-s:", and what looks like them: "(?R)", "(?1)", "(?&name)". */
static struct token
token_flags(struct span s)
{
	struct token t = { TOKEN_WHOLE, 2, false };

	for (; t.n < s.n; t.n++) {
		char c = s.p[t.n];

		if (c == ')' || c == ':')
			break;
		if (c != 'i' && c != 's' && c != '-')
			t.loner = true;
	}
	if (t.n < s.n && s.p[t.n] == ':')
		t.kind = TOKEN_OPEN;
	if (t.n < s.n)
		t.n++;
	return t;
}

/* s begins with "[": a "]" right at the beginning is a member, and so is
 * everything within "[:…:]". */
static size_t
class_length(struct span s)
{
	size_t i = 1;

	if (i < s.n && s.p[i] == '^')
		i++;
	if (i < s.n && s.p[i] == ']')
		i++;
	while (i < s.n && s.p[i] != ']') {
		if (s.p[i] == '\\') {
			i += 2;
		} else if (s.p[i] == '[' && i + 1 < s.n && s.p[i + 1] == ':') {
			size_t end = i + 2;

			if (end < s.n && s.p[end] == '^')
				end++;
			while (end < s.n && s.p[end] >= 'a' && s.p[end] <= 'z')
				end++;
			if (end + 1 < s.n && s.p[end] == ':' &&
			    s.p[end + 1] == ']')
				i = end + 2;
			else
				i++;
		} else {
			i++;
		}
	}
	return i < s.n ? i + 1 : s.n;
}

/* Where s is past the first `end` at or after `from`. */
static size_t
until(struct span s, size_t from, char end)
{
	while (from < s.n && s.p[from] != end)
		from++;
	return from < s.n ? from + 1 : s.n;
}
