/*
 * The journal, on files that systemd-journal-remote(8) makes of the journal
 * export format. Where there is no such program, or no libsystemd, there is
 * nothing to test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "source_host.h"

#define REMOTE "/lib/systemd/systemd-journal-remote"
#define BEGIN  1790000000

struct scene {
	struct owner *o;
	char dir[64];
	char place[96]; /* what the source is given */
	unsigned written;
};

static struct scene *
scene_new(void)
{
	struct scene *s = calloc(1, sizeof *s);

	if (access(REMOTE, X_OK) == -1)
		skip();
	assert_non_null(s);
	snprintf(s->dir, sizeof s->dir, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->place, sizeof s->place, "%s", s->dir);
	s->o = owner_new(SOURCE_JOURNAL);
	s->o->clock.now = BEGIN + 1000000;
	s->o->conf.journal = s->place;
	return s;
}

static void
scene_free(struct scene *s)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(s->dir);

	owner_free(s->o);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", s->dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(s->dir);
	free(s);
}

/* Append what is in export to the journal file of that name. */
static void
import(struct scene *s, const char *name, const char *export, size_t n)
{
	char path[128];
	int p[2], status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid;

	snprintf(path, sizeof path, "%s/%s.journal", s->dir, name);
	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[0], 0);
		close(p[1]);
		dup2(null, 1);
		dup2(null, 2);
		execl(REMOTE, REMOTE, "-o", path, "-", (char *)NULL);
		_exit(127);
	}
	close(null);
	close(p[0]);
	assert_int_equal(write(p[1], export, n), n);
	close(p[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
log_entries(struct scene *s, const char *name, unsigned n, const char *ident)
{
	char *buf = malloc(n * 512 + 1);
	size_t len = 0;

	while (n-- > 0) {
		unsigned k = s->written++;

		len += (size_t)snprintf(buf + len, 512,
		    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n"
		    "_BOOT_ID=11111111111111111111111111111111\n"
		    "_HOSTNAME=mx\nSYSLOG_IDENTIFIER=%s\n_PID=314\n"
		    "PRIORITY=%u\nMESSAGE=%06u connect from unknown\n\n",
		    (BEGIN + k) * 1000000ull, (1000 + k) * 1000000ull, ident,
		    k % 8, k);
	}
	import(s, name, buf, len);
	free(buf);
}

static void
want_all(struct scene *s)
{
	unsigned k = 0;

	for (size_t i = 0; i < s->o->lines.n; i++, k++)
		assert_int_equal(
		    strtoul(strstr(s->o->lines.v[i], "]: ") + 3, NULL, 10), k);
	assert_int_equal(k, s->written);
}

static void
entries_become_the_lines_syslog_would_have_written(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	log_entries(s, "a", 2, "postfix/smtpd");
	owner_start(s->o);
	assert_false(source_idle(s->o->source));
	owner_run(s->o);
	want_all(s);
	assert_string_equal(s->o->lines.v[1],
	    "Sep 21 14:13:21 mx postfix/smtpd[314]: "
	    "000001 connect from unknown");
	assert_int_equal(source_stats(s->o->source)->last_time, BEGIN + 1);
	scene_free(s);
}

struct seen {
	int64_t time;
	bool has_time;
	char host[64], program[64], pid[16], message[128];
};

static struct seen seen;

static void
see(void *arg, const struct line *l)
{
	(void)arg;
	seen.time = l->time;
	snprintf(seen.host, sizeof seen.host, "%.*s", SPAN_ARG(l->host));
	snprintf(
	    seen.program, sizeof seen.program, "%.*s", SPAN_ARG(l->program));
	snprintf(seen.pid, sizeof seen.pid, "%.*s", SPAN_ARG(l->pid));
	snprintf(
	    seen.message, sizeof seen.message, "%.*s", SPAN_ARG(l->message));
}

static void
fields_come_as_they_are(void **state)
{
	static const char export[] =
	    "__REALTIME_TIMESTAMP=1790000005000000\n"
	    "_SOURCE_REALTIME_TIMESTAMP=1790000003999999\n"
	    "_HOSTNAME=mx\n_COMM=imap-login\n_PID=7\nSYSLOG_PID=8\n"
	    "MESSAGE\n\x17\0\0\0\0\0\0\0two\nlines] forged[1]: \n\n\n\n\n";
	struct scene *s = scene_new();

	(void)state;
	import(s, "a", export, sizeof export - 1);
	s->o->host.line = see;
	owner_start(s->o);
	owner_run(s->o);
	assert_int_equal(seen.time, 1790000003);
	assert_string_equal(seen.host, "mx");
	assert_string_equal(seen.program, "imap-login");
	assert_string_equal(seen.pid, "8");
	assert_string_equal(seen.message, "two lines] forged[1]: ");
	scene_free(s);
}

static void
identifier_cannot_forge_a_line(void **state)
{
	static const char export[] =
	    "__REALTIME_TIMESTAMP=1790000005000000\n"
	    "_HOSTNAME=mx\nSYSLOG_IDENTIFIER=a b\x01: x\nSYSLOG_PID=x]: y\n"
	    "MESSAGE=hello\n\n";
	struct scene *s = scene_new();

	(void)state;
	import(s, "a", export, sizeof export - 1);
	s->o->host.line = see;
	owner_start(s->o);
	owner_run(s->o);
	assert_string_equal(seen.program, "a?b?:?x");
	assert_string_equal(seen.pid, "");
	assert_string_equal(seen.message, "hello");
	scene_free(s);
}

static void
restart_goes_on_after_the_cursor(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	log_entries(s, "a", 3, "postfix/smtpd");
	owner_start(s->o);
	owner_run(s->o);
	want_all(s);
	for (int i = 0; i < 3; i++) {
		owner_restart(s->o);
		owner_run(s->o);
		want_all(s);
		owner_kill(s->o);
		log_entries(s, "a", 2, "postfix/smtpd");
		owner_start(s->o);
		owner_run(s->o);
		want_all(s);
	}
	scene_free(s);
}

static void
batch_that_was_not_committed_comes_again(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	log_entries(s, "a", 3000, "postfix/smtpd");
	owner_start(s->o);
	s->o->dies_after = 1500;
	owner_run(s->o);
	assert_true(s->o->dead);
	owner_kill(s->o);
	s->o->dies_after = -1;
	owner_start(s->o);
	owner_run(s->o);
	want_all(s);
	scene_free(s);
}

static void
new_entries_and_new_files_are_seen(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	log_entries(s, "a", 2, "postfix/smtpd");
	owner_start(s->o);
	owner_run(s->o);
	log_entries(s, "a", 2, "postfix/smtpd");
	owner_wait(s->o, 1200);
	want_all(s);
	log_entries(s, "b", 2, "postfix/smtpd");
	owner_wait(s->o, 1200);
	want_all(s);
	log_entries(s, "b", 2, "postfix/smtpd");
	owner_wait(s->o, 1200);
	want_all(s);
	scene_free(s);
}

static void
vacuumed_cursor_goes_on_with_the_next_entry(void **state)
{
	struct scene *s = scene_new();
	char path[128];

	(void)state;
	log_entries(s, "a", 3, "postfix/smtpd");
	owner_start(s->o);
	owner_run(s->o);
	owner_kill(s->o);
	log_entries(s, "b", 3, "postfix/smtpd");
	snprintf(path, sizeof path, "%s/a.journal", s->dir);
	unlink(path);
	owner_start(s->o);
	owner_run(s->o);
	want_all(s);
	owner_restart(s->o);
	owner_run(s->o);
	want_all(s);
	scene_free(s);
}

static void
first_start_begins_where_it_should(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	log_entries(s, "a", 100, "postfix/smtpd");
	s->o->host.begin = BEGIN + 90;
	owner_start(s->o);
	owner_run(s->o);
	assert_int_equal(s->o->lines.n, 10);
	scene_free(s);
}

static void
matches_are_those_of_journalctl(void **state)
{
	static const struct {
		const char *match[4];
		size_t n, want;
	} cases[] = {
		{ { "SYSLOG_IDENTIFIER=a" }, 1, 16 },
		{ { "SYSLOG_IDENTIFIER=a", "SYSLOG_IDENTIFIER=b" }, 2, 32 },
		{ { "SYSLOG_IDENTIFIER=a", "PRIORITY=3" }, 2, 2 },
		{ { "SYSLOG_IDENTIFIER=a", "+", "PRIORITY=3" }, 3, 20 },
		{ { "SYSLOG_IDENTIFIER=none" }, 1, 0 },
	};
	struct scene *s = scene_new();
	const char *names[] = { "a", "b", "c" };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		log_entries(s, "x", 16, names[i]);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		texts_clear(&s->o->lines);
		s->o->nrows = 0;
		s->o->conf.match = (char **)(uintptr_t)cases[i].match;
		s->o->conf.nmatch = cases[i].n;
		owner_start(s->o);
		owner_run(s->o);
		assert_int_equal(s->o->lines.n, cases[i].want);
		owner_kill(s->o);
	}
	scene_free(s);
}

static void
match_that_is_none_is_refused(void **state)
{
	struct scene *s = scene_new();
	struct error err = { "" };
	char *match[] = { (char *)"postfix" };

	(void)state;
	s->o->conf.match = match;
	s->o->conf.nmatch = 1;
	assert_null(source_start(&s->o->conf, &s->o->host, &err));
	assert_non_null(strstr(err.text, "FIELD=value"));
	scene_free(s);
}

static void
journal_that_appears_later_is_found(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	snprintf(s->place, sizeof s->place, "%s/a.journal", s->dir);
	owner_start(s->o);
	owner_run(s->o);
	assert_true(owner_noted(s->o, "cannot be opened"));
	log_entries(s, "a", 3, "postfix/smtpd");
	owner_wait(s->o, 1200);
	want_all(s);
	log_entries(s, "a", 3, "postfix/smtpd");
	owner_wait(s->o, 1200);
	want_all(s);
	scene_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    entries_become_the_lines_syslog_would_have_written),
		cmocka_unit_test(fields_come_as_they_are),
		cmocka_unit_test(identifier_cannot_forge_a_line),
		cmocka_unit_test(restart_goes_on_after_the_cursor),
		cmocka_unit_test(batch_that_was_not_committed_comes_again),
		cmocka_unit_test(new_entries_and_new_files_are_seen),
		cmocka_unit_test(vacuumed_cursor_goes_on_with_the_next_entry),
		cmocka_unit_test(first_start_begins_where_it_should),
		cmocka_unit_test(matches_are_those_of_journalctl),
		cmocka_unit_test(match_that_is_none_is_refused),
		cmocka_unit_test(journal_that_appears_later_is_found),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
