/*
 * A new configuration: loaded and checked whole beside the old one. A bad one
 * changes nothing. A good one gets new children; the ban table stands all the
 * while, and doors that need not change are not touched.
 */
#include <string.h>

#include "warden.h"
#include "mxward/log.h"

#define ENGINE_GRACE_MS 2000

static bool same_doors(
    const struct policy_conf *a, const struct policy_conf *b);
static void keep_what_cannot_change(
    const struct config *old, struct config *fresh);

static void
warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

int
reload(struct warden *wd, struct error *err)
{
	const struct msg answer = { .type = MSG_RELOADED };
	struct config *old = wd->w.conf, *fresh;
	struct identity id;
	int64_t now;

	fresh = config_load(old->path, err, warn, NULL);
	if (!fresh)
		return -1;
	if (identity_find(fresh, &id, err) != 0) {
		config_free(fresh);
		return -1;
	}
	notify_reloading();
	keep_what_cannot_change(old, fresh);
	wd->w.id = id;
	wd->w.conf = fresh;
	wd->w.board->generation++;
	log_level(log_level_parse(fresh->log_level));
	child_tell(&wd->child[ROLE_ENGINE], &answer);
	child_retire(wd, ROLE_ENGINE, ENGINE_GRACE_MS);
	child_retire(wd, ROLE_ENFORCER, ENGINE_GRACE_MS);
	if (fresh->policy.nlisten == 0)
		child_retire(wd, ROLE_DOORS, DRAIN_GRACE_MS);
	else if (!same_doors(&old->policy, &fresh->policy))
		child_supersede(wd, ROLE_DOORS);
	now = monotonic_ms();
	wd->child[ROLE_DOORS].wanted = fresh->policy.nlisten > 0;
	wd->child[ROLE_ENFORCER].wanted = fresh->nft.enabled;
	for (int r = 0; r < ROLE_MAX; r++)
		wd->child[r].due = now;
	child_start_due(wd, now);
	config_free(old);
	notify_ready();
	log_info("the new configuration is in force");
	return 0;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
same_doors(const struct policy_conf *a, const struct policy_conf *b)
{
	if (a->nlisten != b->nlisten || strcmp(a->answer, b->answer) != 0 ||
	    a->max_clients != b->max_clients ||
	    a->max_request != b->max_request || a->idle != b->idle ||
	    a->socket_mode != b->socket_mode ||
	    !same_text(a->socket_user, b->socket_user) ||
	    !same_text(a->socket_group, b->socket_group))
		return false;
	for (size_t i = 0; i < a->nlisten; i++)
		if (strcmp(a->listen[i].text, b->listen[i].text) != 0)
			return false;
	return true;
}

static void
keep_what_cannot_change(const struct config *old, struct config *fresh)
{
	if (old->max_bans != fresh->max_bans)
		log_warn("max_bans = %zu takes effect when mxward is started "
			 "again",
		    fresh->max_bans);
	fresh->max_bans = old->max_bans;
}
