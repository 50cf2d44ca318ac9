/*
 * Postfix policy delegation: from bytes to requests. One pass, no copy, no
 * state between calls except for requests that are thrown away.
 *
 * Of an attribute that comes twice the first counts: Postfix sends
 * client_address before everything that a stranger chooses.
 */
#include "mxward/policy.h"

#include "doors_priv.h"

static struct span *attribute(struct policy_request *r, struct span name);
static struct span without_cr(struct span line);

long
policy_parse(struct span buf, struct policy_request *out)
{
	struct span rest = buf, line, *slot;
	const char *end, *eq;

	*out = (struct policy_request){ 0 };
	while (rest.n > 0 && (end = memchr(rest.p, '\n', rest.n)) != NULL) {
		line = span_make(rest.p, (size_t)(end - rest.p));
		rest = span_skip(rest, line.n + 1);
		line = without_cr(line);
		if (line.n == 0)
			return (long)(buf.n - rest.n);
		if ((eq = memchr(line.p, '=', line.n)) == NULL)
			return -1;
		slot = attribute(out, span_make(line.p, (size_t)(eq - line.p)));
		if (slot != NULL && slot->p == NULL)
			*slot = span_skip(line, (size_t)(eq - line.p) + 1);
	}
	return 0;
}

size_t
policy_skip(struct policy_skip *s, struct span in, bool *ended)
{
	struct span rest = in;
	const char *end;

	*ended = false;
	while (rest.n > 0) {
		if (s->line == POLICY_LINE_TEXT) {
			if ((end = memchr(rest.p, '\n', rest.n)) == NULL)
				return in.n;
			rest = span_skip(rest, (size_t)(end - rest.p) + 1);
			s->line = POLICY_LINE_EMPTY;
			continue;
		}
		if (*rest.p == '\n')
			*ended = true;
		else if (*rest.p == '\r' && s->line == POLICY_LINE_EMPTY)
			s->line = POLICY_LINE_CR;
		else
			s->line = POLICY_LINE_TEXT;
		rest = span_skip(rest, 1);
		if (*ended) {
			s->line = POLICY_LINE_EMPTY;
			break;
		}
	}
	return in.n - rest.n;
}

/* Where the value of an attribute goes, or NULL if the door has no use for
 * it. Of some thirty names in a request nine are wanted: the length decides
 * against most of them. */
static struct span *
attribute(struct policy_request *r, struct span name)
{
	switch (name.n) {
	case 6:
		return span_is(name, "sender") ? &r->sender : NULL;
	case 7:
		return span_is(name, "request") ? &r->request : NULL;
	case 8:
		if (span_is(name, "queue_id"))
			return &r->queue_id;
		return span_is(name, "instance") ? &r->instance : NULL;
	case 9:
		return span_is(name, "recipient") ? &r->recipient : NULL;
	case 13:
		return span_is(name, "sasl_username") ? &r->sasl_username
						      : NULL;
	case 14:
		if (span_is(name, "client_address"))
			return &r->client_address;
		return span_is(name, "protocol_state") ? &r->protocol_state
						       : NULL;
	case 15:
		return span_is(name, "recipient_count") ? &r->recipient_count
							: NULL;
	default:
		return NULL;
	}
}

/* Postfix ends lines with LF alone; a person at a terminal program does not. */
static struct span
without_cr(struct span line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}
