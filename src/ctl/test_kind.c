/*
 * What kind of message it is: words stay, while names, numbers and addresses,
 * which differ from line to line, become "*". Reply codes (": 550 5.1.1") stay:
 * they tell kinds apart.
 */
#include <string.h>

#include "test.h"

struct writer {
	char *buf;
	size_t size, n;
};

static size_t word_length(struct span s);
static void put_word(struct writer *w, struct span word, bool after_colon);
static bool is_code(struct span word, bool after_colon);
static bool is_varying(struct span word);
static size_t group_length(struct span s);
static void put(struct writer *w, const char *p, size_t n);

size_t
kind_of(struct span message, char *buf, size_t size)
{
	struct writer w = { buf, size, 0 };
	size_t n;

	while (message.n > 0 && w.n + 4 < size) {
		if ((n = word_length(message)) > 0) {
			put_word(&w, span_make(message.p, n),
			    w.n < 2 || memcmp(buf + w.n - 2, ": ", 2) == 0);
		} else if ((n = group_length(message)) > 0) {
			put(&w, message.p, 1);
			put(&w, "*", 1);
			put(&w, message.p + n - 1, 1);
		} else {
			n = 1;
			put(&w, message.p, 1);
		}
		message = span_skip(message, n);
	}
	return w.n;
}

static bool
is_alnum(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
	    (ch >= 'A' && ch <= 'Z') || (ch & 0x80);
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Dots and the like count where a word goes on behind them. */
static size_t
word_length(struct span s)
{
	size_t n = 0;

	while (n < s.n &&
	    (is_alnum(s.p[n]) ||
		(n > 0 && n + 1 < s.n && strchr("._-@:+", s.p[n]) &&
		    is_alnum(s.p[n + 1]))))
		n++;
	return n;
}

static void
put_word(struct writer *w, struct span word, bool after_colon)
{
	if (is_varying(word) && !is_code(word, after_colon))
		put(w, "*", 1);
	else
		put(w, word.p, word.n);
}

/* Queue ids may have letters only. */
static bool
is_hex(struct span word)
{
	size_t i = 0;

	while (i < word.n && word.p[i] >= 'A' && word.p[i] <= 'F')
		i++;
	return i == word.n && word.n >= 6;
}

static bool
is_varying(struct span word)
{
	if (is_hex(word))
		return true;
	for (size_t i = 0; i < word.n; i++)
		if (is_digit(word.p[i]) || strchr(".@:", word.p[i]))
			return true;
	return false;
}

/* "550" where a reply begins: elsewhere it is but a number; "5.7.1" */
static bool
is_code(struct span word, bool after_colon)
{
	if (word.n == 3 && after_colon && strchr("245", word.p[0]) &&
	    is_digit(word.p[1]) && is_digit(word.p[2]))
		return true;
	return word.n >= 5 && word.n <= 6 && strchr("245", word.p[0]) &&
	    word.p[1] == '.' && is_digit(word.p[2]) && word.p[3] == '.' &&
	    is_digit(word.p[4]) && is_digit(word.p[word.n - 1]);
}

/* "<a@example.net>", "[192.0.2.1]": the length with both ends, or 0. */
static size_t
group_length(struct span s)
{
	char close = s.p[0] == '<' ? '>' : s.p[0] == '[' ? ']' : '\0';
	const char *end = close ? memchr(s.p, close, s.n) : NULL;

	return end ? (size_t)(end - s.p) + 1 : 0;
}

static void
put(struct writer *w, const char *p, size_t n)
{
	if (n > w->size - w->n)
		n = w->size - w->n;
	memcpy(w->buf + w->n, p, n);
	w->n += n;
}
