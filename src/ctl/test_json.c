/*
 * For programs: an object for every line. Written by hand, since a library's
 * objects would cost more than reading and matching together.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

#define STDOUT_BYTES (1 << 20)

struct json {
	const char *file; /* as JSON, with its quotes */
	char *file_text;
	int64_t second; /* that `time` says */
	char time[WHEN_LEN];
};

static void begin_file(void *arg, const char *name);
static void one_line(void *arg, unsigned long number, const struct line *l,
    const struct match *m, size_t n);
static void put_match(const struct match *m);
static void put_time(struct json *j, int64_t when);
static void put_text(const char *key, struct span text);
static void put_escaped(struct span text);

int
test_json(struct test *t)
{
	static const struct sink sink = { begin_file, one_line };
	struct json j = { .second = INT64_MIN };
	int rc;

	setvbuf(stdout, NULL, _IOFBF, STDOUT_BYTES);
	rc = test_each(t, &sink, &j);
	free(j.file_text);
	return rc;
}

static void
begin_file(void *arg, const char *name)
{
	struct json *j = arg;
	json_t *o = json_string(name);

	free(j->file_text);
	j->file_text = o ? json_dumps(o, JSON_ENCODE_ANY) : NULL;
	j->file = j->file_text ? j->file_text : "\"?\"";
	json_decref(o);
}

static void
one_line(void *arg, unsigned long number, const struct line *l,
    const struct match *m, size_t n)
{
	static const char *const verdicts[] = { "none", "ignored", "success",
		"failure" };
	struct json *j = arg;
	size_t i = 0;

	do {
		printf("{\"file\":%s,\"line\":%lu,\"verdict\":\"%s\"", j->file,
		    number, verdicts[n ? m[i].verdict : VERDICT_NONE]);
		if (l->has_time)
			put_time(j, l->time);
		if (n)
			put_match(&m[i]);
		fputs_unlocked("}\n", stdout);
	} while (++i < n);
}

static void
put_match(const struct match *m)
{
	char buf[ADDR_STRLEN];

	put_text("filter", span_of(m->filter->name));
	put_text("rule", span_of(m->rule->name));
	if (m->has_host)
		put_text("host", span_of(addr_format(&m->host, buf)));
	else if (m->hostname.n)
		put_text("host", m->hostname);
	if (m->user.n)
		put_text("user", m->user);
	if (m->verdict == VERDICT_FAILURE)
		printf(",\"count\":%u", m->count);
}

/* Lines come in the order of time: most are of the second of the last. */
static void
put_time(struct json *j, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (when != j->second && gmtime_r(&t, &tm)) {
		strftime(j->time, sizeof(j->time),
		    ",\"time\":\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
		j->second = when;
	}
	fputs_unlocked(j->time, stdout);
}

static void
put_text(const char *key, struct span text)
{
	fputs_unlocked(",\"", stdout);
	fputs_unlocked(key, stdout);
	fputs_unlocked("\":\"", stdout);
	put_escaped(text);
	putc_unlocked('"', stdout);
}

static void
put_escaped(struct span text)
{
	size_t len;

	for (; text.n > 0; text = span_skip(text, len)) {
		unsigned char ch = (unsigned char)text.p[0];

		len = text_plain(text);
		if (len > 0)
			fwrite_unlocked(text.p, 1, len, stdout);
		else if (ch == '"' || ch == '\\')
			printf("\\%c", ch);
		else if (ch < 0x20 || ch == 0x7f)
			printf("\\u%04x", ch);
		else
			fputs_unlocked("\xef\xbf\xbd", stdout);
		len = len ? len : 1;
	}
}
