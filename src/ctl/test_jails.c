/*
 * Whom the jails would ban with the limits they have: what one chooses maxretry
 * by. Windows as the daemon has them, but no bans: a host counts once, however
 * often it would be banned. Names among ignoreip are not resolved.
 */
#include <stdlib.h>
#include <string.h>

#include "mxward/duration.h"
#include "mxward/window.h"
#include "test.h"

#define HOSTS_MOST 1000000 /* remembered of all jails */

struct trial {
	const struct config *conf;
	struct jail_spec *specs;
	size_t n;
	struct windows **windows; /* NULL of a jail that counts no lines */
	uint64_t *friends;        /* failures, by jail */
	struct tally *hosts;      /* by jail and key; a: banned, b: logins */
	int64_t newest;
	bool fresh; /* no line of this file yet */
};

struct key {
	uint32_t jail;
	uint8_t len;
	uint8_t addr[16];
};

static bool renew(struct trial *tr);
static bool wants(const struct jail_spec *s, const struct match *m);
static bool is_friend(
    const struct trial *tr, const struct jail_spec *s, const struct addr *a);
static struct item *item_of(
    struct trial *tr, size_t jail, const struct prefix *p);
static void judge_one(
    struct trial *tr, size_t jail, int64_t when, const struct match *m);
static void jail_row(const struct trial *tr, struct table *tb, size_t jail);

struct trial *
trial_new(const struct config *conf)
{
	struct trial *tr = calloc(1, sizeof(*tr));
	long n = tr ? config_jail_specs(conf, &tr->specs) : -1;

	if (n >= 0) {
		tr->conf = conf;
		tr->n = (size_t)n;
		tr->newest = INT64_MIN;
		tr->hosts = tally_new(HOSTS_MOST);
		tr->windows = calloc(tr->n + 1, sizeof(struct windows *));
		tr->friends = calloc(tr->n + 1, sizeof(*tr->friends));
		if (tr->hosts && tr->windows && tr->friends && renew(tr))
			return tr;
	}
	trial_free(tr);
	return NULL;
}

void
trial_free(struct trial *tr)
{
	if (!tr)
		return;
	for (size_t i = 0; tr->windows && i < tr->n; i++)
		windows_free(tr->windows[i]);
	free(tr->windows);
	free(tr->friends);
	free(tr->specs);
	tally_free(tr->hosts);
	free(tr);
}

/* Empty windows. */
static bool
renew(struct trial *tr)
{
	for (size_t i = 0; i < tr->n; i++) {
		const struct jail_spec *s = &tr->specs[i];
		if (s->recidive || s->nfilters == 0)
			continue;
		windows_free(tr->windows[i]);
		tr->windows[i] =
		    windows_new(s->maxretry, s->findtime, s->max_hosts);
		if (!tr->windows[i])
			return false;
	}
	return true;
}

void
trial_file(struct trial *tr)
{
	tr->fresh = true;
}

/* Files may be given with the newest first, as a shell sorts them; to windows
 * that know later failures, all of an older file would be out of date. */
void
trial_match(struct trial *tr, int64_t when, const struct match *m)
{
	if (tr->fresh && when < tr->newest)
		renew(tr);
	tr->fresh = false;
	tr->newest = when > tr->newest ? when : tr->newest;
	for (size_t i = 0; i < tr->n; i++)
		if (tr->windows[i] && wants(&tr->specs[i], m))
			judge_one(tr, i, when, m);
}

static bool
wants(const struct jail_spec *s, const struct match *m)
{
	unsigned index = m->rule->index;

	for (size_t i = 0; i < s->nfilters; i++)
		if (s->filters[i] == m->filter &&
		    (index > 63 || s->rules[i] >> index & 1))
			return true;
	return false;
}

static void
judge_one(struct trial *tr, size_t jail, int64_t when, const struct match *m)
{
	const struct jail_spec *s = &tr->specs[jail];
	struct prefix key = prefix_key(&m->host, s->prefix4, s->prefix6);
	struct window_refs refs;
	struct item *item = NULL;

	if (m->verdict == VERDICT_SUCCESS) {
		if (s->reset_on_success)
			windows_clear_of(tr->windows[jail], &key,
			    windows_who(tr->windows[jail], m->user), NULL);
		if ((item = item_of(tr, jail, &key)))
			item->b++;
	} else if (m->verdict == VERDICT_FAILURE) {
		if (is_friend(tr, s, &m->host))
			tr->friends[jail] += m->count;
		else if (windows_fail(tr->windows[jail], &key, when, m->count,
			     0, windows_who(tr->windows[jail], m->user),
			     &refs) == 1 &&
		    (item = item_of(tr, jail, &key)))
			item->a++;
	}
}

static bool
is_friend(
    const struct trial *tr, const struct jail_spec *s, const struct addr *a)
{
	for (size_t i = 0; i < tr->conf->nignoreip; i++)
		if (prefix_contains(&tr->conf->ignoreip[i], a))
			return true;
	for (size_t i = 0; i < s->nignoreip; i++)
		if (prefix_contains(&s->ignoreip[i], a))
			return true;
	return false;
}

static struct item *
item_of(struct trial *tr, size_t jail, const struct prefix *p)
{
	struct key key;

	memset(&key, 0, sizeof(key)); /* padding is hashed as well */
	key.jail = (uint32_t)jail;
	key.len = p->len;
	memcpy(key.addr, p->addr.b, sizeof(key.addr));
	return tally_get(tr->hosts, span_make((const char *)&key, sizeof(key)));
}

void
trial_report(const struct trial *tr, const struct term *t)
{
	static const struct column columns[] = {
		{ .title = "jail" },
		{ .title = "limit" },
		{ .title = "would ban", .right = true },
		{ .title = "of them logged in", .right = true },
		{ .title = "failures of friends",
		    .right = true,
		    .optional = true,
		    .drop = 1 },
	};
	struct table *tb =
	    table_new(t, columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; i < tr->n; i++)
		if (tr->windows[i])
			jail_row(tr, tb, i);
	if (table_rows(tb))
		table_print(
		    tb, "Jails, and how many hosts each would ban", stdout);
	table_free(tb);
}

static void
jail_row(const struct trial *tr, struct table *tb, size_t jail)
{
	const struct jail_spec *s = &tr->specs[jail];
	uint64_t banned = 0, logins = 0;
	const struct item *items;
	char buf[WHEN_LEN];
	struct key key;
	size_t n;

	items = tally_items(tr->hosts, &n);
	for (size_t i = 0; i < n; i++) {
		memcpy(&key, items[i].key, sizeof(key));
		if (key.jail == jail && items[i].a) {
			banned++;
			logins += items[i].b > 0;
		}
	}
	table_cell(tb, BOLD, s->name);
	table_cellf(tb, PLAIN, "%u in %s", s->maxretry,
	    duration_format(s->findtime, buf, sizeof(buf)));
	table_cell(tb, banned ? BAD : DIM, number_format(banned, buf));
	table_cell(tb, logins ? WARN : DIM, number_format(logins, buf));
	table_cell(tb, PLAIN,
	    tr->friends[jail] ? number_format(tr->friends[jail], buf) : "");
}
