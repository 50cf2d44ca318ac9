/*
 * The board lives in a mapping of its own, so that doors, which count on it,
 * need no write access to the ban table.
 */
#include <stddef.h>
#include <sys/mman.h>

#include "mxward/board.h"

struct board *
board_map(void)
{
	void *p;

	p = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

const char *
door_name(enum door d)
{
	static const char *const names[DOOR_MAX] = {
		[DOOR_POLICY] = "policy",
		[DOOR_TABLE] = "table",
		[DOOR_MILTER] = "milter",
		[DOOR_AUTH] = "auth_policy",
	};

	return (unsigned)d < DOOR_MAX ? names[d] : "";
}
