/*
 * Random writing, rotating, copying, killing and starting: every line is wanted
 * once, and in its order. SEEDS in the environment says how many games to play; a failure names
 * its seed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "files_scene.h"

static unsigned
dice(unsigned long *seed, unsigned sides)
{
	*seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(*seed >> 33) % sides;
}

/* Rename, and nothing at the path until the next line. */
static void
set_aside(struct scene *s, int *late)
{
	if (s->logger == -1)
		return;
	rotate(s);
	if (*late != -1)
		close(*late);
	*late = s->logger;
	s->logger = -1;
}

/* One random thing: write, rotate, kill, start, run. */
static void
random_step(struct scene *s, unsigned long *seed, int *late)
{
	switch (dice(seed, 13)) {
	case 0:
		set_aside(s, late);
		log_lines(s, 1);
		break;
	case 1:
		if (s->logger == -1)
			break;
		copytruncate(s);
		log_lines(s, 1 + dice(seed, 40));
		break;
	case 2:
		if (*late != -1)
			log_late(s, *late, dice(seed, 4));
		break;
	case 3:
		if (s->o->source != NULL)
			owner_kill(s->o);
		break;
	case 4:
		if (s->o->source != NULL)
			s->o->dies_after = (long)dice(seed, 30);
		break;
	case 5:
	case 6:
	case 7:
		log_lines(s, dice(seed, 20));
		break;
	case 8:
		set_aside(s, late);
		break;
	default:
		if (s->o->source == NULL)
			owner_start(s->o);
		owner_run(s->o);
		if (s->o->dead) {
			owner_kill(s->o);
			s->o->dies_after = -1;
		}
		break;
	}
}

static void
random_rotations_and_kills_lose_and_repeat_nothing(void **state)
{
	const char *env = getenv("SEEDS");
	unsigned long seeds = env && *env ? strtoul(env, NULL, 10) : 60;

	(void)state;
	for (unsigned long n = 1; n <= seeds; n++) {
		struct scene *s = scene_new();
		unsigned long seed = n;
		int late = -1;

		s->seed = n;
		reopen(s);
		owner_start(s->o);
		owner_run(s->o);
		for (int i = 0; i < 60; i++)
			random_step(s, &seed, &late);
		s->o->dies_after = -1;
		if (s->o->source != NULL && s->o->dead)
			owner_kill(s->o);
		finish(s);
		if (late != -1)
			close(late);
		scene_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    random_rotations_and_kills_lose_and_repeat_nothing),
	};

	return cmocka_run_group_tests_name("exactly_once", tests, NULL, NULL);
}
