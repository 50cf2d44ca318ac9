/*
 * Screens: nine lines of ten interest no rule, so one expression that knows
 * all rules is asked first, and the rules only if it matches.
 *
 * The rules of a program have long beginnings in common ("NOQUEUE: reject:
 * RCPT from …"), which a plain alternation would match again for each of them.
 * So the branches are merged, token by token, into a tree whose common parts
 * are tried once. A screen says only whether any rule would match, so neither
 * the order nor what is captured matters: P(A|B) matches where PA|PB does.
 */
#include <stdlib.h>

#include "pattern_priv.h"

static int expand_branch(const char *regex, struct text *out);
static bool has_alternatives(struct span s);
static size_t atom_length(struct span s);
static size_t group_length(struct span s);
static size_t quantifier_length(struct span s);
static bool same_atom(const struct span *b, size_t n, size_t *length);
static void emit(struct text *out, struct span *b, size_t n);
static void emit_groups(struct text *out, struct span *b, size_t n);
static bool has_flags(const struct span *b, size_t n);
static size_t gather(struct span *b, size_t from, size_t n);

bool
screen_add(struct screen_spec *s, const struct rule *r)
{
	struct text *t;

	if (!pattern_embeddable(r->pattern))
		return false;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;

		t = reallocarray(s->branches, cap, sizeof(*t));
		if (t == NULL)
			return false;
		s->branches = t;
		s->cap = cap;
	}
	t = &s->branches[s->n];
	*t = (struct text){ 0 };
	if (expand_branch(r->regex, t) != 0) {
		text_free(t);
		return false;
	}
	s->n++;
	return true;
}

struct pattern *
screen_compile(const struct screen_spec *s)
{
	struct span *b = calloc(s->n + 1, sizeof(*b));
	struct text expr = { 0 };
	struct pattern *p = NULL;

	if (b != NULL && s->n > 0) {
		for (size_t i = 0; i < s->n; i++)
			b[i] = span_make(s->branches[i].p, s->branches[i].n);
		emit(&expr, b, s->n);
		p = pattern_new_screen(&expr);
	}
	text_free(&expr);
	free(b);
	return p;
}

void
screen_spec_free(struct screen_spec *s)
{
	for (size_t i = 0; i < s->n; i++)
		text_free(&s->branches[i]);
	free(s->branches);
	*s = (struct screen_spec){ 0 };
}

static int
expand_branch(const char *regex, struct text *out)
{
	struct text expr = { 0 };
	int rc = tags_expand(regex, false, &expr, NULL);

	if (rc == 0) {
		/* With a "|" outside of groups it can only be kept whole. */
		bool whole = has_alternatives(span_make(expr.p, expr.n));

		text_puts(out, whole ? "(?:" : "");
		text_add(out, expr.p, expr.n);
		text_puts(out, whole ? ")" : "");
	}
	text_free(&expr);
	return rc == 0 && !out->failed && out->n > 0 ? 0 : -1;
}

static bool
has_alternatives(struct span s)
{
	while (s.n > 0) {
		if (s.p[0] == '|')
			return true;
		s = span_skip(s, atom_length(s));
	}
	return false;
}

/* One token or group, with its quantifier. s is not empty. */
static size_t
atom_length(struct span s)
{
	size_t n = group_length(s);

	return n + quantifier_length(span_skip(s, n));
}

static size_t
group_length(struct span s)
{
	size_t depth = 0;
	size_t n = 0;

	do {
		struct token t = token_next(span_skip(s, n));

		if (t.kind == TOKEN_OPEN || t.kind == TOKEN_NAMED)
			depth++;
		else if (t.kind == TOKEN_CLOSE && depth > 0)
			depth--;
		n += t.n;
	} while (depth > 0 && n < s.n);
	return n;
}

/* What follows an atom and belongs to it: "*", "+?", "{2,3}+". */
static size_t
quantifier_length(struct span s)
{
	size_t n = 0;

	if (s.n == 0)
		return 0;
	if (s.p[0] == '{') {
		n = 1;
		while (n < s.n && strchr("0123456789, ", s.p[n]) != NULL &&
		    s.p[n] != '\0')
			n++;
		if (n == s.n || s.p[n] != '}')
			return 0;
		n++;
	} else if (s.p[0] == '*' || s.p[0] == '+' || s.p[0] == '?') {
		n = 1;
	}
	if (n > 0 && n < s.n && (s.p[n] == '?' || s.p[n] == '+'))
		n++;
	return n;
}

/* Whether all branches go on with the same atom, which may be cut off. */
static bool
same_atom(const struct span *b, size_t n, size_t *length)
{
	if (b[0].n == 0)
		return false;
	*length = atom_length(b[0]);
	for (size_t i = 1; i < n; i++)
		if (!span_starts(b[i], span_make(b[0].p, *length)) ||
		    atom_length(b[i]) != *length)
			return false;
	return true;
}

/* Write an expression that matches where any of the branches does. */
static void
emit(struct text *out, struct span *b, size_t n)
{
	size_t length;

	if (n == 1) {
		text_add(out, b[0].p, b[0].n);
		return;
	}
	while (same_atom(b, n, &length)) {
		text_add(out, b[0].p, length);
		for (size_t i = 0; i < n; i++)
			b[i] = span_skip(b[i], length);
	}
	/* One that ends here matches whatever the others would add. */
	for (size_t i = 0; i < n; i++)
		if (b[i].n == 0)
			return;
	emit_groups(out, b, n);
}

/* The branches differ: those with the same next atom together. */
static void
emit_groups(struct text *out, struct span *b, size_t n)
{
	const char *separator = "(?:";

	for (size_t i = 0; i < n;) {
		size_t alike = gather(b, i, n);

		bool flags = has_flags(b + i, alike);

		/* A group of its own keeps "(?i)" within its branch. */
		text_puts(out, separator);
		text_puts(out, flags ? "(?:" : "");
		emit(out, b + i, alike);
		text_puts(out, flags ? ")" : "");
		separator = "|";
		i += alike;
	}
	text_puts(out, ")");
}

static bool
has_flags(const struct span *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (struct span s = b[i]; s.n > 0;) {
			struct token t = token_next(s);

			if (t.kind == TOKEN_WHOLE)
				return true;
			s = span_skip(s, t.n);
		}
	return false;
}

/* Move the branches that go on like b[from] next to it; how many there are. */
static size_t
gather(struct span *b, size_t from, size_t n)
{
	size_t next = from + 1;
	size_t length;

	for (size_t i = next; i < n; i++) {
		struct span pair[2] = { b[from], b[i] };

		if (!same_atom(pair, 2, &length))
			continue;
		b[i] = b[next];
		b[next++] = pair[1];
	}
	return next - from;
}
