/* Jails' ports → the port groups the enforcer keeps sets for. */
#include <string.h>

#include "engine.h"

static long
find(const struct portgroup *groups, long n, const char *name)
{
	for (long i = 0; i < n; i++)
		if (strcmp(groups[i].name, name) == 0)
			return i;
	return -1;
}

long
groups_of_config(const struct config *c, struct bantable *t,
    struct portgroup groups[PORTGROUPS_MAX], struct desired_groups *of_jail,
    struct error *err)
{
	struct portgroup g;
	long n = 0, at;

	if (of_jail)
		memset(of_jail->of_jail, NO_GROUP, sizeof(of_jail->of_jail));
	for (size_t i = 0; i < c->njails; i++) {
		const struct jail_conf *j = &c->jails[i];
		uint16_t number;
		if (!j->enabled)
			continue;
		if (portgroup_parse(j->ports, &g, err) != 0)
			return -1;
		at = find(groups, n, g.name);
		if (at < 0) {
			if (n == PORTGROUPS_MAX)
				return error_set(err,
				    "%s:%d: jail \"%s\": more than %d "
				    "different "
				    "sets of ports: let some jails share "
				    "theirs",
				    j->file, j->line, j->name, PORTGROUPS_MAX);
			at = n++;
			groups[at] = g;
		}
		number = of_jail ? bantable_jail(t, j->name) : BANTABLE_NO_JAIL;
		if (number != BANTABLE_NO_JAIL)
			of_jail->of_jail[number] = (uint8_t)at;
	}
	return n;
}
