/*
 * Whatever a source may hand over. The pieces must lie in the line, and a
 * parser that remembers earlier lines must say what a new one says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mxward/line.h"

#define NOW INT64_C(1795521726)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int ok)
{
	if (!ok)
		abort();
}

static int
inside(struct span part, struct span whole)
{
	return part.n == 0 ||
	    ((uintptr_t)part.p >= (uintptr_t)whole.p &&
		(uintptr_t)part.p + part.n <= (uintptr_t)whole.p + whole.n);
}

static void
check_line(const struct logtime *lt, struct span raw, const struct line *l)
{
	struct span scratch = { lt->scratch, sizeof(lt->scratch) };
	int joined = inside(l->message, scratch) && l->message.n > 0;

	check(inside(l->raw, raw) && l->raw.n + 1 >= raw.n);
	check(inside(l->host, raw) && inside(l->pid, raw));
	check(l->message.n <= raw.n);
	if (joined)
		check(span_is(l->program, "dovecot") && l->host.n == 0);
	else
		check(inside(l->program, raw) && inside(l->message, raw));
	check(l->time <= lt->now + LINE_FUTURE);
	check(l->has_time || l->time == lt->now);
	check(!l->clamped || (l->has_time && l->time == lt->now));
	for (size_t i = 0; i < l->program.n; i++)
		check(l->program.p[i] > 0x20 && l->program.p[i] < 0x7f);
	for (size_t i = 0; i < l->pid.n; i++)
		check(l->pid.p[i] >= '0' && l->pid.p[i] <= '9');
}

static void
check_same(const struct line *a, const struct line *b)
{
	check(a->time == b->time && a->has_time == b->has_time);
	check(a->clamped == b->clamped);
	check(span_eq(a->host, b->host) && span_eq(a->program, b->program));
	check(span_eq(a->pid, b->pid) && span_eq(a->message, b->message));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct logtime old, new;
	static int begun;
	struct span raw = { (const char *)data, size };
	struct line first, second;

	if (!begun) {
		setenv("TZ", "Europe/Berlin", 1);
		logtime_init(&old, NOW);
		begun = 1;
	}
	logtime_init(&new, NOW);
	line_parse(&old, raw, &first);
	check_line(&old, raw, &first);
	line_parse(&new, raw, &second);
	check_same(&first, &second);
	line_parse(&new, raw, &second);
	check_line(&new, raw, &second);
	check_same(&first, &second);
	return 0;
}
