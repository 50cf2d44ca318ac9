/*
 * Texts with %{…} fields. They are checked when the configuration is read and
 * filled in for every refusal, so filling allocates nothing and cannot fail; an
 * unknown field that got past the check is left as it stands.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mxward/duration.h"
#include "mxward/span.h"
#include "mxward/template.h"

/* Room for any field but the jail's name: an address, a time, a duration. */
#define FIELD_SIZE 64

enum field {
	FIELD_NONE,
	FIELD_PERCENT,
	FIELD_JAIL,
	FIELD_HOST,
	FIELD_END,
	FIELD_LEFT
};

/* What is written so far; it stops growing at size, with room for the NUL. */
struct output {
	char *buf;
	size_t size;
	size_t n;
};

static size_t take_field(struct span text, enum field *field);
static void put(struct output *out, struct span text);
static void put_field(
    struct output *out, enum field field, const struct template_values *v);

int
template_check(const char *text, struct error *err)
{
	struct span rest = span_of(text);
	enum field field;

	while (rest.n > 0) {
		const char *percent = memchr(rest.p, '%', rest.n);
		size_t n;

		if (percent == NULL)
			break;
		rest = span_skip(rest, (size_t)(percent - rest.p));
		n = take_field(rest, &field);
		if (field == FIELD_NONE)
			return error_set(err,
			    "unknown field \"%.*s\" in \"%s\": use %%{jail}, "
			    "%%{host}, %%{end}, %%{left}, or %%%% for a "
			    "percent sign",
			    (int)n, rest.p, text);
		rest = span_skip(rest, n);
	}
	return 0;
}

size_t
template_fill(
    const char *text, const struct template_values *v, char *buf, size_t size)
{
	struct output out = { buf, size, 0 };
	struct span rest = span_of(text);
	enum field field;

	if (size == 0)
		return 0;
	while (rest.n > 0) {
		const char *percent = memchr(rest.p, '%', rest.n);
		size_t plain =
		    percent != NULL ? (size_t)(percent - rest.p) : rest.n;
		size_t n;

		put(&out, span_make(rest.p, plain));
		rest = span_skip(rest, plain);
		if (rest.n == 0)
			break;
		n = take_field(rest, &field);
		if (field == FIELD_NONE)
			put(&out, span_make(rest.p, n));
		else
			put_field(&out, field, v);
		rest = span_skip(rest, n);
	}
	buf[out.n] = '\0';
	return out.n;
}

/* text begins with a percent sign. Returns how many bytes belong to it, at
 * least 1, and which field it is. */
static size_t
take_field(struct span text, enum field *field)
{
	static const struct {
		struct span name;
		enum field field;
	} fields[] = {
		{ SPAN("%%"), FIELD_PERCENT },
		{ SPAN("%{jail}"), FIELD_JAIL },
		{ SPAN("%{host}"), FIELD_HOST },
		{ SPAN("%{end}"), FIELD_END },
		{ SPAN("%{left}"), FIELD_LEFT },
	};
	const char *brace;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_starts(text, fields[i].name)) {
			*field = fields[i].field;
			return fields[i].name.n;
		}
	*field = FIELD_NONE;
	if (text.n < 2 || text.p[1] != '{')
		return text.n < 2 ? 1 : 2;
	brace = memchr(text.p, '}', text.n);
	return brace != NULL ? (size_t)(brace - text.p) + 1 : text.n;
}

static void
put(struct output *out, struct span text)
{
	for (size_t i = 0; i < text.n && out->n + 1 < out->size; i++) {
		unsigned char c = (unsigned char)text.p[i];

		out->buf[out->n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
}

static const char *
format_end(int64_t end, char buf[FIELD_SIZE])
{
	time_t t = (time_t)end;
	struct tm tm;

	if (end == DURATION_FOREVER)
		return "forever";
	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, FIELD_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "?";
	return buf;
}

static const char *
format_left(int64_t end, int64_t now, char buf[FIELD_SIZE])
{
	int64_t left = end == DURATION_FOREVER ? end
	    : end > now                        ? end - now
					       : 0;

	return duration_format(left, buf, FIELD_SIZE);
}

static void
put_field(struct output *out, enum field field, const struct template_values *v)
{
	char buf[FIELD_SIZE];

	switch (field) {
	case FIELD_PERCENT:
		put(out, span_of("%"));
		break;
	case FIELD_JAIL:
		put(out, span_of(v->jail));
		break;
	case FIELD_HOST:
		put(out, span_of(addr_format(&v->host, buf)));
		break;
	case FIELD_END:
		put(out, span_of(format_end(v->end, buf)));
		break;
	case FIELD_LEFT:
		put(out, span_of(format_left(v->end, v->now, buf)));
		break;
	case FIELD_NONE:
		break;
	}
}
