/* Lines on standard input: pipes, files, nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source_host.h"

static void
stdin_from(int fd)
{
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
}

static struct owner *
start(int fd)
{
	struct owner *o = owner_new(SOURCE_STDIN);

	stdin_from(fd);
	owner_start(o);
	return o;
}

static void
put(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, text, n);

		assert_true(w > 0);
		text += w;
		n -= (size_t)w;
	}
}

static void
pipe_gives_its_lines_and_its_end_is_noted(void **state)
{
	struct owner *o;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	o = start(p[0]);
	owner_run(o); /* nothing there: idle, and waiting */
	put(p[1], "one\ntw", 6);
	owner_run(o);
	assert_int_equal(o->lines.n, 1);
	put(p[1], "o\n\nthree", 8);
	owner_run(o);
	assert_int_equal(o->lines.n, 3);
	assert_string_equal(o->lines.v[1], "two");
	assert_string_equal(o->lines.v[2], "");
	assert_false(owner_noted(o, "standard input"));
	close(p[1]);
	owner_run(o);
	assert_int_equal(o->lines.n, 4);
	assert_string_equal(o->lines.v[3], "three");
	assert_true(owner_noted(o, "standard input: ended"));
	assert_int_equal(o->nrows, 0);
	owner_free(o);
}

static void
regular_file_is_read_whole(void **state)
{
	FILE *f = tmpfile();
	struct owner *o;

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 50000; i++)
		fprintf(f, "mx a[1]: %d\n", i);
	rewind(f);
	o = start(dup(fileno(f)));
	assert_false(source_idle(o->source));
	owner_run(o);
	assert_int_equal(o->lines.n, 50000);
	assert_string_equal(o->lines.v[49999], "mx a[1]: 49999");
	assert_int_equal(source_stats(o->source)->lines, 50000);
	owner_free(o);
	fclose(f);
}

static void
null_device_is_idle_at_once(void **state)
{
	struct owner *o = start(open("/dev/null", O_RDONLY));

	(void)state;
	owner_run(o);
	assert_true(source_idle(o->source));
	assert_int_equal(o->lines.n, 0);
	owner_free(o);
}

static void
endless_line_is_cut_once(void **state)
{
	static const size_t sizes[] = { LINE_MAX_BYTES, LINE_MAX_BYTES + 1,
		262143, 262144, 262145, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		FILE *f = tmpfile();
		struct owner *o;

		for (size_t k = 0; k < sizes[i]; k++)
			fputc('x', f);
		fputs("\nnext\n", f);
		rewind(f);
		o = start(dup(fileno(f)));
		owner_run(o);
		assert_int_equal(o->lines.n, 2);
		assert_int_equal(strlen(o->lines.v[0]), LINE_MAX_BYTES);
		assert_string_equal(o->lines.v[1], "next");
		assert_int_equal(source_stats(o->source)->too_long,
		    sizes[i] > LINE_MAX_BYTES);
		owner_free(o);
		fclose(f);
	}
}

static void
closed_standard_input_is_refused(void **state)
{
	struct owner *o = owner_new(SOURCE_STDIN);
	struct error err = { "" };
	int keep = dup(STDIN_FILENO);

	(void)state;
	close(STDIN_FILENO);
	assert_null(source_start(&o->conf, &o->host, &err));
	assert_non_null(strstr(err.text, "standard input"));
	stdin_from(keep);
	owner_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipe_gives_its_lines_and_its_end_is_noted),
		cmocka_unit_test(regular_file_is_read_whole),
		cmocka_unit_test(null_device_is_idle_at_once),
		cmocka_unit_test(endless_line_is_cut_once),
		cmocka_unit_test(closed_standard_input_is_refused),
	};

	return cmocka_run_group_tests_name("stdin", tests, NULL, NULL);
}
