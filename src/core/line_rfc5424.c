/*
 * RFC 5424 section 6, as syslog relays send it:
 *   1 2026-11-24T13:02:01.5+01:00 mx postfix/smtpd 314 - [a@1 b="c"] text
 * Structured data is skipped, not kept: no mail program's filter needs it.
 */
#include "line_priv.h"

static bool take_token(struct span *text, size_t max, struct span *token);
static bool take_time(
    struct logtime *lt, struct span *text, int64_t *when, bool *has);
static bool skip_structured_data(struct span *text);
static struct span strip_message(struct span text);

/* MSGID is at most 32 bytes; some write more. */
#define MSGID_MAX 255

bool
line_rfc5424(struct logtime *lt, struct span text, struct line *out)
{
	struct line l = *out;
	struct span pid, msgid;

	/* Version 1 is the only one there is. */
	if (text.n < 2 || text.p[0] != '1' || text.p[1] != ' ')
		return false;
	text = span_skip(text, 2);
	if (!take_time(lt, &text, &l.time, &l.has_time) ||
	    !take_token(&text, LINE_HOST_MAX, &l.host) ||
	    !take_token(&text, LINE_PROGRAM_MAX, &l.program) ||
	    !take_token(&text, LINE_PROGRAM_MAX, &pid) ||
	    !take_token(&text, MSGID_MAX, &msgid) ||
	    !skip_structured_data(&text))
		return false;
	if (line_is_pid(pid))
		l.pid = pid;
	l.message = strip_message(text);
	*out = l;
	return true;
}

/* A token and the space behind it. "-" is an empty one. */
static bool
take_token(struct span *text, size_t max, struct span *token)
{
	size_t n = 0;

	while (
	    n < text->n && n <= max && text->p[n] > 0x20 && text->p[n] < 0x7f)
		n++;
	if (n == 0 || n > max || n == text->n || text->p[n] != ' ')
		return false;
	*token = span_make(text->p, n);
	if (n == 1 && text->p[0] == '-')
		token->n = 0;
	*text = span_skip(*text, n + 1);
	return true;
}

static bool
take_time(struct logtime *lt, struct span *text, int64_t *when, bool *has)
{
	size_t n = 1;

	*has = text->n > 0 && text->p[0] != '-';
	/* No other of the formats can stand here. */
	if (*has &&
	    (text->n < 11 || text->p[10] != 'T' ||
		(n = logtime_parse(lt, *text, when)) == 0))
		return false;
	if (n >= text->n || text->p[n] != ' ')
		return false;
	*text = span_skip(*text, n + 1);
	return true;
}

/* Past one element, "[id name=\"value\"]"; in a value, '"', '\' and ']' are
 * written with a backslash. Returns its length, or 0 if it does not end. */
static size_t
element_length(struct span text)
{
	bool quoted = false;

	if (text.n == 0 || text.p[0] != '[')
		return 0;
	for (size_t i = 1; i < text.n; i++) {
		if (quoted && text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
		else if (text.p[i] == ']' && !quoted)
			return i + 1;
	}
	return 0;
}

static bool
skip_structured_data(struct span *text)
{
	struct span rest = *text;
	size_t n;

	if (rest.n > 0 && rest.p[0] == '-')
		rest = span_skip(rest, 1);
	else {
		if (element_length(rest) == 0)
			return false;
		while ((n = element_length(rest)) > 0)
			rest = span_skip(rest, n);
	}
	if (rest.n > 0 && rest.p[0] != ' ')
		return false;
	*text = rest;
	return true;
}

/* The separating space, the byte order mark of a UTF-8 text, and the space that
 * rsyslog keeps in front of a message that came to it as RFC 3164. */
static struct span
strip_message(struct span text)
{
	static const struct span bom = SPAN("\xef\xbb\xbf");

	if (text.n > 0)
		text = span_skip(text, 1);
	if (span_starts(text, bom))
		text = span_skip(text, bom.n);
	if (text.n > 0 && text.p[0] == ' ')
		text = span_skip(text, 1);
	return text;
}
