/*
 * Private to the filter engine: patterns and what surrounds them. One pattern
 * is one rule's regular expression, or a screen: one expression that says of
 * many rules at once whether any of them would match.
 */
#ifndef MXWARD_PATTERN_PRIV_H
#define MXWARD_PATTERN_PRIV_H

#include <pcre2.h>

#include "mxward/filter.h"

/* A pattern longer than this is a mistake. Bytes, as written. */
#define PATTERN_MAX_BYTES 8192

/* A string that grows. After a failed allocation it stays empty and `failed`,
 * so that only the end result needs a check. */
struct text {
	char *p;
	size_t n;
	size_t cap;
	bool failed;
};

void text_add(struct text *t, const char *p, size_t n);
void text_puts(struct text *t, const char *s);
void text_free(struct text *t);

/* The smallest parts that a pattern must not be cut within. */
enum token_kind {
	TOKEN_CHAR,   /* one character, with whatever meaning */
	TOKEN_ESCAPE, /* "\d", "\k<name>", "\Q…\E" */
	TOKEN_CLASS,  /* "[^[:alpha:]]" */
	TOKEN_OPEN,   /* "(", "(?:", "(?=", … */
	TOKEN_NAMED,  /* "(?<name>", "(?P<name>", "(?'name'" */
	TOKEN_WHOLE,  /* "(?i)", "(?#…)": complete in itself */
	TOKEN_CLOSE   /* ")" */
};

struct token {
	enum token_kind kind;
	size_t n;   /* bytes it takes */
	bool loner; /* means something else when embedded in another pattern */
};

/* The token that s, which is not empty, begins with. */
struct token token_next(struct span s);

/*
 * Replace the tags of a pattern. With `capture`, groups are captured by name;
 * without, no named group is left. Returns 0, or -1 and the reason.
 */
int tags_expand(
    const char *regex, bool capture, struct text *out, struct error *err);

/* The offset in the pattern as written of an offset in its expansion. */
size_t tags_origin(const char *regex, size_t offset);

/* What matching needs besides the pattern: limits and the stack of JIT code.
 * One filter or router has one. Not for two threads at once. */
struct matcher;
struct matcher *matcher_new(void);
void matcher_free(struct matcher *m);

enum role { ROLE_HOST, ROLE_USER, ROLE_COUNT };

struct group {
	enum role role;
	uint16_t number;
};

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	bool jit;
	bool embeddable;
	struct group *groups; /* by role, in the order they are looked at */
	size_t ngroups;
};

enum pattern_result { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

/* NULL and the reason if it does not compile or is not anchored. */
struct pattern *pattern_new(const char *regex, struct error *err);
void pattern_free(struct pattern *p);

/* Find the groups that matter, once it is compiled. -1: out of memory. */
int pattern_find_groups(struct pattern *p);

/* Whether a rule of this pattern can say which host it is about. */
bool pattern_has_host(const struct pattern *p);

enum pattern_result pattern_match(
    struct pattern *p, struct matcher *m, struct span message);

/* After PATTERN_YES for the same message: fill in host, user, count, text. */
void pattern_captures(
    const struct pattern *p, struct span message, struct match *out);

/* How many bytes of the message the pattern can follow before it fails. */
size_t pattern_reach(struct pattern *p, struct matcher *m, struct span message);

/*
 * Screens. screen_add takes what pattern a rule has; it returns false if the
 * rule cannot take part and must be tried on its own. screen_compile returns
 * NULL if there is nothing to compile or it fails: do without it then.
 */
struct screen_spec {
	struct text *branches;
	size_t n;
	size_t cap;
};
bool screen_add(struct screen_spec *s, const struct rule *r);
struct pattern *screen_compile(const struct screen_spec *s);
void screen_spec_free(struct screen_spec *s);

/* Compile a finished expression that captures nothing. */
struct pattern *pattern_new_screen(const struct text *expr);
/* Whether the pattern means the same as a branch of another one. */
bool pattern_embeddable(const struct pattern *p);

/* Whether the filter's globs match the program, and its say about a message
 * when they do (not counted in rule->matched). */
bool filter_wants(const struct filter *f, struct span program);
enum verdict filter_apply(const struct filter *f, struct span message,
    uint64_t optional, struct match *out);

/* Whether the rule takes part under these bits. */
static inline bool
rule_enabled(const struct rule *r, uint64_t optional)
{
	return !r->optional || r->index > 63 || optional >> r->index & 1;
}

#endif
