/* The shapes of control.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control_priv.h"
#include "mxward/duration.h"

const char *
origin_name(enum ban_origin o)
{
	static const char *const names[] = { "log", "policy", "milter",
		"dovecot", "manual", "fleet", "list" };

	return o <= ORIGIN_LIST ? names[o] : "log";
}

/* Length of the well-formed UTF-8 sequence at p (Unicode, table 3-7), 0 if it
 * is none. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80          ? 1
	    : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	    : (p[0] & 0xf0) == 0xe0       ? 3
	    : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
					  : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

json_t *
json_text(const char *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;
	char *clean = malloc(n + 1);
	json_t *out;
	size_t len;

	if (!clean)
		return NULL;
	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_len(s + i, n - i);
		if (len > 1)
			memcpy(clean + i, s + i, len);
		else
			clean[i] = len && s[i] >= 0x20 && s[i] != 0x7f
			    ? (char)s[i]
			    : '?';
	}
	out = json_stringn(clean, n);
	free(clean);
	return out;
}

json_t *
json_time(int64_t when)
{
	char buf[40];
	time_t t = (time_t)when;
	struct tm tm;

	if (when == DURATION_FOREVER || !gmtime_r(&t, &tm))
		return json_null();
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

static const char *
state_name(struct engine *e, const struct ban *b)
{
	static const char *const names[] = { "pending", "enforced", "failed" };

	if (b->flags & BAN_OBSERVE)
		return "observe";
	if (!enforce_covers(e->enforce, b->jail))
		return "doors";
	return b->state <= BAN_FAILED ? names[b->state] : "failed";
}

json_t *
json_ban(struct engine *e, const struct ban *b, const char *reason)
{
	char key[PREFIX_STRLEN];
	int64_t now = wall_clock();
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:i, s:s}",
	    "host", prefix_format(&b->key, key), "jail",
	    bantable_jail_name(e->w->table, b->jail), "start",
	    json_time(b->start), "end", json_time(b->end), "state",
	    state_name(e, b), "origin", origin_name(b->origin), "nth", b->nth,
	    "mode", b->flags & BAN_OBSERVE ? "observe" : "ban");

	if (b->end != DURATION_FOREVER)
		json_object_set_new(
		    o, "left", json_integer(b->end > now ? b->end - now : 0));
	if (reason && reason[0])
		json_object_set_new(
		    o, "reason", json_text(reason, strlen(reason)));
	return o;
}

json_t *
json_evidence(const struct store_evidence *ev)
{
	json_t *o = json_object();

	json_object_set_new(o, "time", json_time(ev->when));
	json_object_set_new(o, "count", json_integer(ev->count));
	json_object_set_new(o, "jail", json_string(ev->jail));
	if (ev->filter && ev->filter[0])
		json_object_set_new(o, "filter", json_string(ev->filter));
	if (ev->rule && ev->rule[0])
		json_object_set_new(o, "rule", json_string(ev->rule));
	if (ev->host && ev->host[0])
		json_object_set_new(o, "host", json_string(ev->host));
	if (ev->user && ev->user[0])
		json_object_set_new(
		    o, "user", json_text(ev->user, strlen(ev->user)));
	json_object_set_new(o, "text",
	    json_text(
		ev->text ? ev->text : "", ev->text ? strlen(ev->text) : 0));
	return o;
}
