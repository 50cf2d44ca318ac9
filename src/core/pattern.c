/*
 * One pattern: compiled once, matched millions of times under limits, and
 * asked for its captures.
 *
 * The subject is bytes (no PCRE2_UTF): log lines hold whatever a stranger
 * sent, and every byte is a character. Matching goes straight to JIT code;
 * where a system forbids JIT (or the pattern is too large for it), PCRE2's
 * interpreter does the same, slower.
 */
#include <stdlib.h>

#include "mxward/error.h"
#include "pattern_priv.h"

/*
 * The match limit counts steps back. A step costs a nanosecond or two, but a
 * pattern may read the rest of the line again after each (as "^.*b[^c]*c"
 * does), so what a match may cost is steps times length: about 5 ms at the
 * worst. Rules that never step back over long text stay far below it.
 */
#define MATCH_BUDGET 8000000 /* steps times bytes */
#define MATCH_MOST   100000
#define MATCH_LEAST  240 /* at LINE_MAX_BYTES still 5 ms */

/* JIT code saves a few words for each group repeated that may yet be taken
 * back: enough for some thousand of them. Bytes. */
#define STACK_START 32768
#define STACK_MOST  262144

/* The interpreter's own: nested groups, and KiB of saved positions. */
#define DEPTH_MOST 2000
#define HEAP_MOST  2048

struct matcher {
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t limit; /* what context is set to */
};

static pcre2_code *compile(
    const struct text *expr, uint32_t options, int *code, size_t *offset);
static int explain(
    const char *regex, int code, size_t offset, struct error *err);
static int finish(struct pattern *p, struct error *err);
static bool only_embeddable(const char *regex);
static uint32_t limit_for(size_t length);
static bool may_begin(
    struct pattern *p, struct matcher *m, struct span beginning);

struct matcher *
matcher_new(void)
{
	struct matcher *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->context = pcre2_match_context_create(NULL);
	if (m->context == NULL) {
		free(m);
		return NULL;
	}
	pcre2_set_depth_limit(m->context, DEPTH_MOST);
	pcre2_set_heap_limit(m->context, HEAP_MOST);
	/* Without one, JIT code makes do with 32 KiB of the machine's. */
	m->stack = pcre2_jit_stack_create(STACK_START, STACK_MOST, NULL);
	if (m->stack != NULL)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
	return m;
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

struct pattern *
pattern_new(const char *regex, struct error *err)
{
	struct text expr = { 0 };
	struct pattern *p = NULL;
	size_t offset;
	int code;

	if (strlen(regex) > PATTERN_MAX_BYTES) {
		error_set(err, "pattern is longer than %d bytes: split it",
		    PATTERN_MAX_BYTES);
		return NULL;
	}
	if (tags_expand(regex, true, &expr, err) != 0)
		goto out;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		error_set(err, "out of memory");
		goto out;
	}
	p->code = compile(&expr, 0, &code, &offset);
	if (p->code == NULL)
		explain(regex, code, offset, err);
	p->embeddable = only_embeddable(regex);
	if (p->code == NULL || finish(p, err) != 0) {
		pattern_free(p);
		p = NULL;
	}
out:
	text_free(&expr);
	return p;
}

struct pattern *
pattern_new_screen(const struct text *expr)
{
	struct pattern *p;
	size_t offset;
	int code;

	if (expr->failed || expr->n == 0)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->code = compile(expr, PCRE2_NO_AUTO_CAPTURE, &code, &offset);
	/* Only JIT makes a screen cheaper than what it spares. */
	if (p->code == NULL || finish(p, NULL) != 0 || !p->jit) {
		pattern_free(p);
		return NULL;
	}
	return p;
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	pcre2_match_data_free(p->data);
	free(p->groups);
	free(p);
}

bool
pattern_embeddable(const struct pattern *p)
{
	return p->embeddable;
}

bool
pattern_has_host(const struct pattern *p)
{
	return p->ngroups > 0 && p->groups[0].role == ROLE_HOST;
}

enum pattern_result
pattern_match(struct pattern *p, struct matcher *m, struct span message)
{
	/* pcre2_jit_match checks nothing: a subject is never NULL here, the
	 * offset is 0, and there is no UTF mode to be valid for. */
	PCRE2_SPTR subject = (PCRE2_SPTR)(message.n ? message.p : "");
	uint32_t limit = limit_for(message.n);
	int rc;

	if (m->limit != limit) {
		pcre2_set_match_limit(m->context, limit);
		m->limit = limit;
	}
	if (p->jit)
		rc = pcre2_jit_match(
		    p->code, subject, message.n, 0, 0, p->data, m->context);
	else
		rc = pcre2_match(
		    p->code, subject, message.n, 0, 0, p->data, m->context);
	if (rc >= 0)
		return PATTERN_YES;
	/* The others are limits of one kind or another. */
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}

/*
 * PCRE2's partial match of a beginning says whether more text could still make
 * it match; the longest such beginning is as far as the pattern follows. Done
 * by the interpreter, for people and not for speed.
 */
size_t
pattern_reach(struct pattern *p, struct matcher *m, struct span message)
{
	size_t low = 0;
	size_t high = message.n;

	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (may_begin(p, m, span_make(message.p, middle)))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static pcre2_code *
compile(const struct text *expr, uint32_t options, int *code, size_t *offset)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *compiled;

	*code = PCRE2_ERROR_NOMEMORY;
	*offset = 0;
	if (context == NULL)
		return NULL;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	/*
	 * NO_DOTSTAR_ANCHOR: "(?s).*x" must not pass for anchored.
	 * NEVER_UTF, NEVER_UCP: else "(*UTF)" in a pattern would have JIT code
	 * read bytes as UTF-8 that nobody has checked.
	 */
	compiled = pcre2_compile((PCRE2_SPTR)(expr->n ? expr->p : ""), expr->n,
	    options | PCRE2_DUPNAMES | PCRE2_NO_DOTSTAR_ANCHOR |
		PCRE2_NEVER_UTF | PCRE2_NEVER_UCP,
	    code, offset, context);
	pcre2_compile_context_free(context);
	return compiled;
}

/* PCRE2's words, and where in the pattern as it was written. */
static int
explain(const char *regex, int code, size_t offset, struct error *err)
{
	PCRE2_UCHAR why[160];
	size_t at = tags_origin(regex, offset);
	size_t from = at > 20 ? at - 20 : 0;

	if (pcre2_get_error_message(code, why, sizeof(why)) < 0 &&
	    why[0] == '\0')
		memcpy(why, "unknown error", sizeof("unknown error"));
	return error_set(err,
	    "pattern does not compile: %s at offset %zu, "
	    "after \"%s%.*s\"",
	    (const char *)why, at, from > 0 ? "…" : "", (int)(at - from),
	    regex + from);
}

/* What a compiled pattern still needs: to be anchored, JIT, match data. */
static int
finish(struct pattern *p, struct error *err)
{
	uint32_t options = 0;

	pcre2_pattern_info(p->code, PCRE2_INFO_ALLOPTIONS, &options);
	if ((options & PCRE2_ANCHORED) == 0)
		return error_set(err,
		    "pattern is not anchored: begin it with "
		    "^ in every alternative, or a stranger's text further on "
		    "in a message could pass for its beginning");
	p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	if (p->data == NULL || pattern_find_groups(p) != 0)
		return error_set(err, "out of memory");
	p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
	if (p->jit) {
		size_t size = 0;

		/* "(*NO_JIT)" is obeyed without an error. */
		pcre2_pattern_info(p->code, PCRE2_INFO_JITSIZE, &size);
		p->jit = size > 0;
	}
	return 0;
}

static bool
only_embeddable(const char *regex)
{
	struct span rest = span_of(regex);

	while (rest.n > 0) {
		struct token t = token_next(rest);

		if (t.loner)
			return false;
		rest = span_skip(rest, t.n);
	}
	return true;
}

static uint32_t
limit_for(size_t length)
{
	if (length < MATCH_BUDGET / MATCH_MOST)
		return MATCH_MOST;
	if (length > MATCH_BUDGET / MATCH_LEAST)
		return MATCH_LEAST;
	return (uint32_t)(MATCH_BUDGET / length);
}

static bool
may_begin(struct pattern *p, struct matcher *m, struct span beginning)
{
	int rc = pcre2_match(p->code, (PCRE2_SPTR)beginning.p, beginning.n, 0,
	    PCRE2_PARTIAL_HARD | PCRE2_NO_JIT, p->data, m->context);

	return rc >= 0 || rc == PCRE2_ERROR_PARTIAL;
}
