/*
 * From what a pattern's groups captured to who did it: the host, the user, the
 * count. A stranger can make a group capture what its pattern allows and no
 * more, so what looks like an address must be one, and what looks like a name
 * must be one that may be looked up.
 */
#include <stdlib.h>

#include "pattern_priv.h"

/* A line that reports more failures than this is mistaken. */
#define COUNT_MOST 1000000

static bool group_role(const char *name, size_t order, enum role *role);
static struct span group_text(
    const struct pattern *p, struct span message, unsigned number);
static void take_host(struct match *out, struct span text);
static bool plausible_name(struct span s);
static bool numeric_label(struct span label);
static unsigned take_count(struct span text);

/*
 * Which groups say what. The name table is sorted by name, and equal names by
 * number, so that "user" must be moved before "alt_user".
 */
int
pattern_find_groups(struct pattern *p)
{
	uint32_t names = 0;
	uint32_t size = 0;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	p->groups = calloc(names + 1, sizeof(*p->groups));
	if (p->groups == NULL)
		return -1;
	for (size_t order = 0; order < 4; order++)
		for (uint32_t i = 0; i < names; i++) {
			PCRE2_SPTR entry = table + i * size;
			struct group *g = &p->groups[p->ngroups];

			if (!group_role(
				(const char *)entry + 2, order, &g->role))
				continue;
			g->number = (uint16_t)(entry[0] << 8 | entry[1]);
			p->ngroups++;
		}
	return 0;
}

void
pattern_captures(
    const struct pattern *p, struct span message, struct match *out)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);

	out->has_host = false;
	out->hostname = span_make(NULL, 0);
	out->user = span_make(NULL, 0);
	out->count = 1;
	for (size_t i = 0; i < p->ngroups; i++) {
		struct span text = group_text(p, message, p->groups[i].number);

		if (text.n == 0)
			continue;
		if (p->groups[i].role == ROLE_HOST)
			take_host(out, text);
		else if (p->groups[i].role == ROLE_COUNT)
			out->count = take_count(text);
		else if (out->user.n == 0)
			out->user = text;
	}
	if (out->has_host)
		out->hostname = span_make(NULL, 0);
	/* "\K" moves the beginning, in a lookahead even past the end. */
	if (message.n > 0 && at[0] <= at[1] && at[1] <= message.n)
		out->text = span_make(message.p + at[0], at[1] - at[0]);
	else
		out->text = span_make(message.p, 0);
}

/* Whether a group of this name is looked at in this turn, and for what. */
static bool
group_role(const char *name, size_t order, enum role *role)
{
	static const char *const hosts[] = { "addr", "dns", "fid", "host", "id",
		"ip", "ip4", "ip6", "subnet" };

	if (order == 0) {
		*role = ROLE_HOST;
		for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
			if (strcmp(name, hosts[i]) == 0)
				return true;
		return false;
	}
	if (order == 3) {
		*role = ROLE_COUNT;
		return strcmp(name, "count") == 0;
	}
	*role = ROLE_USER;
	if (order == 1)
		return strcmp(name, "user") == 0;
	if (strncmp(name, "alt_user", 8) != 0)
		return false;
	return name[8 + strspn(name + 8, "_0123456789")] == '\0';
}

static struct span
group_text(const struct pattern *p, struct span message, unsigned number)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);
	PCRE2_SIZE from = at[2 * number];
	PCRE2_SIZE to = at[2 * number + 1];

	if (from == PCRE2_UNSET || to > message.n || from >= to)
		return span_make(NULL, 0);
	return span_make(message.p + from, to - from);
}

/* The first group that is an address wins over any that is a name. */
static void
take_host(struct match *out, struct span text)
{
	if (out->has_host)
		return;
	if (addr_parse(text, &out->host) == 0)
		out->has_host = true;
	else if (out->hostname.n == 0 && plausible_name(text))
		out->hostname = text;
}

/*
 * Whether a name server could be asked about it (RFC 1123 section 2.1, and "_"
 * as found in practice). What resolvers take for an address is not a name:
 * "127.1", "0x7f.0.0.1", "999.1.1.1".
 */
static bool
plausible_name(struct span s)
{
	struct span label = { s.p, 0 };

	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (label.n == 0)
				return false;
			label = span_make(s.p + i + 1, 0);
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
		if (++label.n > 63)
			return false;
	}
	return label.n > 0 && !numeric_label(label);
}

static bool
numeric_label(struct span label)
{
	static const struct span hex[] = { SPAN("0x"), SPAN("0X") };
	size_t digits = 0;

	if (span_starts(label, hex[0]) || span_starts(label, hex[1]))
		return true;
	while (digits < label.n && label.p[digits] >= '0' &&
	    label.p[digits] <= '9')
		digits++;
	return digits == label.n;
}

/* What is not a number, and none at all, is one failure. */
static unsigned
take_count(struct span text)
{
	unsigned count = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 1;
		count = count * 10 + (unsigned)(text.p[i] - '0');
		if (count > COUNT_MOST)
			return COUNT_MOST;
	}
	return count > 0 ? count : 1;
}
