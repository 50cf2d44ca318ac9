/*
 * Enforcers: ways to make the operating system refuse. They run in the warden.
 * The engine is the source of truth and speaks in elements; an enforcer makes
 * the firewall hold exactly them.
 *
 * An element is a prefix in a port group until a moment. Bans of several jails
 * on one prefix and group are one element, which ends with the last of them:
 * the engine merges (desired.h), the enforcer only obeys.
 */
#ifndef MXWARD_ENFORCER_H
#define MXWARD_ENFORCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/config.h"
#include "mxward/error.h"

/* Port groups that jails use, numbered by the configuration. */
#define PORTGROUPS_MAX  32
#define PORTGROUP_PORTS 16
#define PORTGROUP_NAME  32

struct portgroup {
	char name[PORTGROUP_NAME]; /* "smtp"; for a set's name: [a-z0-9_] */
	uint16_t port[PORTGROUP_PORTS];
	size_t nports; /* 0: all ports */
};

/*
 * Parse a jail's `ports`: "smtp" (25, 465, 587), "imap" (143, 993), "pop3"
 * (110, 995), "sieve" (4190), "all", numbers, or a list of these ("imap,pop3").
 * The name of a list is its parts joined by '_'. Returns 0, or -1 and the
 * reason.
 */
int portgroup_parse(const char *text, struct portgroup *out, struct error *err);

enum enforce_op {
	ENFORCE_ADD, /* also when it is there with another end */
	ENFORCE_DEL, /* also when it is not there */
};

struct element {
	struct prefix prefix;
	uint8_t group; /* index of its port group */
	uint8_t op;    /* enum enforce_op */
	int64_t end;   /* seconds since the epoch; DURATION_FOREVER */
};

struct enforcer_ops {
	const char *name;
	/*
	 * Begin: make sure that table, sets and rules are there, without
	 * touching elements that are. Returns the state, or NULL and the
	 * reason (then it is called again later, with growing pauses).
	 */
	void *(*open)(const struct nft_conf *conf,
	    const struct portgroup *groups, size_t ngroups, struct error *err);
	/* Stop, leaving everything in force. */
	void (*close)(void *state);
	/*
	 * Apply changes, in order, in as few transactions as may be. done[i]
	 * becomes 0 where the kernel took elements[i], 1 where it did not.
	 * Returns 0 if all were taken; else -1 and the first reason.
	 */
	int (*apply)(void *state, const struct element *elements, size_t n,
	    uint8_t *done, struct error *err);
	/* Addresses and networks that no element may refuse. Replaces the
	 * previous set of them. 0, or -1 and the reason. */
	int (*friends)(void *state, const struct prefix *friends, size_t n,
	    struct error *err);
	/*
	 * Whether anybody else has changed the firewall since the last apply
	 * or reconcile: 1 or 0, cheaply; -1 and the reason.
	 */
	int (*changed)(void *state, struct error *err);
	/*
	 * Make the firewall hold exactly these elements (op is not looked at):
	 * reads back what there is, repairs table and rules, adds and deletes
	 * the difference in batches; an element that is right is never
	 * touched. Returns the number of repairs, or -1 and the reason.
	 */
	long (*reconcile)(void *state, const struct element *elements, size_t n,
	    struct error *err);
};

extern const struct enforcer_ops enforcer_nftables;

#endif
