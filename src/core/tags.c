/*
 * From a pattern as an administrator writes it to one that PCRE2 compiles:
 * fail2ban's tags become groups. Patterns are read token by token and not by
 * search and replace, so that an escaped "\<", a class or a group's own name
 * is never taken for a tag, and so that screens know where a pattern may be
 * cut.
 */
#include "mxward/error.h"
#include "pattern_priv.h"

/* Tags within tags; nobody needs more. */
#define TAG_DEPTH 8
/* PCRE2 allows group names of 32 bytes. */
#define TAG_NAME_MAX 32

/*
 * After an address comes no letter, digit or hyphen, nor a dot and one of
 * those: "192.0.2.1.dyn.example.net", which a stranger may name his host, is a
 * name, and never the address at its beginning.
 */
#define NOT_WITHIN "(?![\\w-]|\\.\\w)"
#define RE_IP4                                                                 \
	"(?:(?:IPv6:)?::[Ff]{4}:)?"                                            \
	"(?<ip4>\\d{1,3}(?:\\.\\d{1,3}){3})" NOT_WITHIN
/* Two colons, then the shape; addr_parse has the last word on the rest. */
#define RE_IP6                                                                 \
	"(?:IPv6:)?(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)"                     \
	"(?<ip6>(?:[0-9A-Fa-f]{1,4})?(?:(?:::?[0-9A-Fa-f]{1,4}){1,7}"          \
	"(?:::?\\d{1,3}(?:\\.\\d{1,3}){3})?(?:::)?|::)(?:%\\w{1,15})?"         \
	")" NOT_WITHIN
#define RE_DNS  "(?<dns>[\\w.-]{0,252}\\w)"
#define RE_CIDR "(?<cidr>\\d{1,3})"
#define RE_ADDR "(?:\\[?(?:" RE_IP4 "|" RE_IP6 ")\\]?)"

/*
 * A screen only has to let through whatever a rule would: every form of a
 * host is a run of these, which is cheaper to look at and a tenth of the code.
 * Where matching more means that the pattern matches less, it will not do: see
 * must_be_exact.
 */
#define ANY_HOST "(?:[][\\w.:%-]+)"

static const struct tag {
	const char *name; /* also as <F-NAME/> */
	const char *regex;
	const char *screen;
} tags[] = {
	{ "HOST", "(?:" RE_ADDR "|" RE_DNS ")", ANY_HOST },
	{ "ADDR", RE_ADDR, ANY_HOST },
	{ "IP4", "(?:" RE_IP4 ")", ANY_HOST },
	{ "IP6", "(?:" RE_IP6 ")", ANY_HOST },
	{ "DNS", RE_DNS, "(?:[\\w.-]{0,252}\\w)" },
	{ "CIDR", RE_CIDR, "(?:\\d{1,3})" },
	{ "SUBNET", "(?:\\[?(?:" RE_IP4 "|" RE_IP6 ")(?:/" RE_CIDR ")?\\]?)",
	    "(?:[][\\w.:%/-]+)" },
};

/* Self-closing only: fail2ban gives these a pattern of their own. */
static const struct tag own_tags[] = {
	{ "ID", "(?<id>\\S+)", "(?:\\S+)" },
	{ "PORT", "(?<port>\\w+)", "(?:\\w+)" },
};

/* fail2ban's ways to join several lines into one failure. */
static const char *const line_tags[] = { "CONTENT", "MLFID", "MLFFORGET",
	"MLFGAINED", "NOFAIL", "SKIPLINES" };

struct expander {
	struct text *out;
	bool capture;
	bool exact; /* without captures, and yet not one string more */
	struct span open[TAG_DEPTH];
	size_t depth;
	struct error *err;
	size_t stop; /* give up once out is longer than this */
};

static bool must_be_exact(struct span regex);
static bool is_strict(struct span token);
static bool is_digit(char c);
static bool is_name(char c);
static int expand(struct expander *x, struct span regex, size_t *taken);
static int expand_tag(struct expander *x, struct span tag);
static int expand_f(struct expander *x, struct span tag, struct span name);
static int open_group(struct expander *x, struct span name);
static int close_group(struct expander *x, struct span name);
static const struct tag *find_tag(
    const struct tag *list, size_t n, struct span name);
static bool is_line_tag(struct span name);
static size_t tag_length(struct span s);
static void put_tag(struct expander *x, const struct tag *tag);

int
tags_expand(
    const char *regex, bool capture, struct text *out, struct error *err)
{
	struct expander x = { .out = out,
		.capture = capture,
		.exact = !capture && must_be_exact(span_of(regex)),
		.err = err,
		.stop = SIZE_MAX };
	size_t taken;

	if (expand(&x, span_of(regex), &taken) != 0)
		return -1;
	if (x.depth > 0)
		return error_set(err, "<%.*s> is not closed: write </%.*s>",
		    SPAN_ARG(x.open[x.depth - 1]),
		    SPAN_ARG(x.open[x.depth - 1]));
	if (out->failed)
		return error_set(err, "out of memory");
	return 0;
}

size_t
tags_origin(const char *regex, size_t offset)
{
	struct text out = { 0 };
	struct expander x = { .out = &out, .capture = true, .stop = offset };
	size_t taken = 0;

	(void)expand(&x, span_of(regex), &taken);
	text_free(&out);
	return taken;
}

/*
 * Whether a tag stands within a group that gives nothing back, "(?>…)" or
 * "(?:…)++", or that must not match, "(?!…)": there, more would be less.
 */
static bool
must_be_exact(struct span rest)
{
	size_t depth = 0;
	size_t strict = 0;  /* depth within the outermost such group, or 0 */
	bool group = false; /* the atom last seen is a group or a tag */

	while (rest.n > 0) {
		size_t tag = tag_length(rest);
		struct token t = token_next(rest);
		char c = rest.p[0];

		if (tag > 0 && strict > 0)
			return true;
		if (tag > 0) {
			t.n = tag;
			group = true;
		} else if (t.kind == TOKEN_OPEN || t.kind == TOKEN_NAMED) {
			depth++;
			if (strict == 0 && is_strict(span_make(rest.p, t.n)))
				strict = depth;
		} else if (t.kind == TOKEN_CLOSE) {
			if (strict == depth)
				strict = 0;
			depth -= depth > 0;
			group = true;
		} else if (c == '+' && group && rest.p[-1] != '>' &&
		    rest.p[-1] != ')') {
			return true;
		} else if (t.kind != TOKEN_CHAR ||
		    strchr("*+?{},0123456789", c) == NULL) {
			group = false;
		}
		rest = span_skip(rest, t.n);
	}
	return false;
}

static bool
is_strict(struct span token)
{
	return span_is(token, "(?!") || span_is(token, "(?<!") ||
	    span_is(token, "(?>");
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name(char c)
{
	return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

/* *taken: how much of the pattern is in out. */
static int
expand(struct expander *x, struct span regex, size_t *taken)
{
	for (*taken = 0; *taken < regex.n;) {
		struct span rest = span_skip(regex, *taken);
		size_t n = tag_length(rest);

		if (n > 0) {
			if (expand_tag(x, span_make(rest.p, n)) != 0)
				return -1;
		} else {
			struct token t = token_next(rest);

			n = t.n;
			if (t.kind == TOKEN_NAMED && !x->capture)
				text_puts(x->out, "(?:");
			else
				text_add(x->out, rest.p, n);
		}
		if (x->out->n > x->stop)
			return 0;
		*taken += n;
	}
	return 0;
}

/* tag: "<HOST>", "<F-USER>", "</F-USER>", "<F-ID/>"; or only looks like it. */
static int
expand_tag(struct expander *x, struct span tag)
{
	struct span name = span_make(tag.p + 1, tag.n - 2);
	const struct tag *known =
	    find_tag(tags, sizeof(tags) / sizeof(tags[0]), name);

	if (known != NULL) {
		put_tag(x, known);
		return 0;
	}
	if (is_line_tag(name))
		return error_set(x->err,
		    "%.*s joins several lines, and a rule sees one: "
		    "write a rule for the line that names the host",
		    SPAN_ARG(tag));
	return expand_f(x, tag, name);
}

static int
expand_f(struct expander *x, struct span tag, struct span name)
{
	static const struct span prefix = SPAN("F-");
	bool closes = name.p[0] == '/';
	bool alone = name.p[name.n - 1] == '/';
	const struct tag *known;
	struct span base;

	if (closes)
		name = span_skip(name, 1);
	if (alone)
		name.n--;
	if (!span_starts(name, prefix) || name.n == prefix.n ||
	    (closes && alone)) {
		text_add(x->out, tag.p, tag.n); /* text that looks like a tag */
		return 0;
	}
	base = span_skip(name, prefix.n);
	if (is_line_tag(base))
		return error_set(x->err,
		    "%.*s joins several lines, and a rule sees one: "
		    "write a rule for the line that names the host",
		    SPAN_ARG(tag));
	if (closes)
		return close_group(x, name);
	if (!alone)
		return open_group(x, name);
	known = find_tag(tags, sizeof(tags) / sizeof(tags[0]), base);
	if (known == NULL)
		known = find_tag(
		    own_tags, sizeof(own_tags) / sizeof(own_tags[0]), base);
	if (known == NULL)
		return error_set(x->err,
		    "%.*s has no pattern of its own: write <%.*s>…</%.*s>",
		    SPAN_ARG(tag), SPAN_ARG(name), SPAN_ARG(name));
	put_tag(x, known);
	return 0;
}

static int
open_group(struct expander *x, struct span name)
{
	if (x->depth == TAG_DEPTH)
		return error_set(
		    x->err, "more than %d tags within each other", TAG_DEPTH);
	if (name.n - 2 > TAG_NAME_MAX || is_digit(name.p[2]))
		return error_set(x->err,
		    "<%.*s>: a name has at most %d letters and does not "
		    "begin with a digit",
		    SPAN_ARG(name), TAG_NAME_MAX);
	x->open[x->depth++] = name;
	if (!x->capture) {
		text_puts(x->out, "(?:");
		return 0;
	}
	text_puts(x->out, "(?<");
	for (size_t i = 2; i < name.n; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		else if (c == '-')
			c = '_';
		text_add(x->out, &c, 1);
	}
	text_puts(x->out, ">");
	return 0;
}

static int
close_group(struct expander *x, struct span name)
{
	if (x->depth == 0)
		return error_set(x->err,
		    "</%.*s> closes nothing: no <%.*s> "
		    "before it",
		    SPAN_ARG(name), SPAN_ARG(name));
	if (!span_eq(x->open[x->depth - 1], name))
		return error_set(x->err,
		    "</%.*s> where <%.*s> is open: write </%.*s> first",
		    SPAN_ARG(name), SPAN_ARG(x->open[x->depth - 1]),
		    SPAN_ARG(x->open[x->depth - 1]));
	x->depth--;
	text_puts(x->out, ")");
	return 0;
}

static const struct tag *
find_tag(const struct tag *list, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, list[i].name))
			return &list[i];
	return NULL;
}

static bool
is_line_tag(struct span name)
{
	for (size_t i = 0; i < sizeof(line_tags) / sizeof(line_tags[0]); i++)
		if (span_is(name, line_tags[i]))
			return true;
	return false;
}

/* The length of what looks like a tag at the beginning of s, or 0. */
static size_t
tag_length(struct span s)
{
	size_t i = 1;

	if (s.p[0] != '<')
		return 0;
	if (i < s.n && s.p[i] == '/')
		i++;
	if (i >= s.n || !is_name(s.p[i]))
		return 0;
	while (i < s.n && is_name(s.p[i]))
		i++;
	if (i < s.n && s.p[i] == '/')
		i++;
	return i < s.n && s.p[i] == '>' ? i + 1 : 0;
}

static void
put_tag(struct expander *x, const struct tag *tag)
{
	const char *regex = tag->regex;
	const char *name;

	if (!x->capture && !x->exact) {
		text_puts(x->out, tag->screen);
		return;
	}
	/* Our own patterns have no "(?<" but for names. */
	while (x->exact && (name = strstr(regex, "(?<")) != NULL) {
		text_add(x->out, regex, (size_t)(name - regex));
		text_puts(x->out, "(?:");
		regex = strchr(name, '>') + 1;
	}
	text_puts(x->out, regex);
}
