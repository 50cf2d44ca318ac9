#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mxward/board.h"

static void
board_is_zero_and_shared_with_children(void **state)
{
	struct board *b = board_map();
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->door[DOOR_POLICY].requests, 0);
	assert_int_equal(b->generation, 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		b->door[DOOR_POLICY].requests += 3;
		b->watchers++;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(b->door[DOOR_POLICY].requests, 3);
	assert_int_equal(b->watchers, 1);
	munmap(b, sizeof(*b));
}

static void
doors_have_the_names_of_their_sections(void **state)
{
	(void)state;
	assert_string_equal(door_name(DOOR_POLICY), "policy");
	assert_string_equal(door_name(DOOR_TABLE), "table");
	assert_string_equal(door_name(DOOR_MILTER), "milter");
	assert_string_equal(door_name(DOOR_AUTH), "auth_policy");
}

static void
unknown_door_has_an_empty_name(void **state)
{
	(void)state;
	assert_string_equal(door_name(DOOR_MAX), "");
	assert_string_equal(door_name((enum door)250), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(board_is_zero_and_shared_with_children),
		cmocka_unit_test(doors_have_the_names_of_their_sections),
		cmocka_unit_test(unknown_door_has_an_empty_name),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
