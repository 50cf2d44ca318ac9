/*
 * The board: a page of shared counters that doors write and the engine reads,
 * apart from the ban table, which doors cannot write.
 */
#ifndef MXWARD_BOARD_H
#define MXWARD_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

enum door { DOOR_POLICY, DOOR_TABLE, DOOR_MILTER, DOOR_AUTH, DOOR_MAX };

struct door_counters {
	_Atomic uint64_t connections; /* accepted */
	_Atomic uint64_t open;        /* now */
	_Atomic uint64_t requests;
	_Atomic uint64_t refused;     /* answered with a refusal */
	_Atomic uint64_t malformed;   /* answered DUNNO or closed */
	_Atomic uint64_t turned_away; /* over max_clients */
};

struct board {
	struct door_counters door[DOOR_MAX];
	_Atomic uint32_t watchers;   /* doors report refusals only if not 0 */
	_Atomic uint32_t generation; /* of the configuration, from 1 */
	_Atomic uint32_t restored;   /* the table holds what the store knew */
	_Atomic uint64_t enforce_pending; /* changes not yet in the firewall */
	_Atomic uint64_t restarts; /* children that had to be started again */
};

/* Map one, zeroed, shared with the processes forked later. NULL on failure. */
struct board *board_map(void);

/* "policy", "table", "milter", "auth_policy". */
const char *door_name(enum door d);

#endif
