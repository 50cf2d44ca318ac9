/*
 * From bans to elements: what the firewall should hold for one prefix and port
 * group, given all bans of it. Pure logic over the ban table.
 */
#ifndef MXWARD_DESIRED_H
#define MXWARD_DESIRED_H

#include <stdint.h>

#include "mxward/bantable.h"
#include "mxward/enforcer.h"

/* For each jail number of the ban table: its port group's index, or NO_GROUP
 * if nothing is to be enforced for it. */
#define NO_GROUP 255
struct desired_groups {
	uint8_t of_jail[BANTABLE_JAILS];
};

/*
 * The element that must stand for key in group now: op ENFORCE_ADD with the
 * latest end among its bans in force that refuse, or ENFORCE_DEL if there are
 * none.
 */
void desired_element(const struct bantable *t, const struct desired_groups *g,
    const struct prefix *key, uint8_t group, int64_t now, struct element *out);

/* Every element that must stand now; the array is the caller's to free.
 * Returns how many, or -1 when out of memory. */
long desired_all(struct bantable *t, const struct desired_groups *g,
    int64_t now, struct element **out);

#endif
