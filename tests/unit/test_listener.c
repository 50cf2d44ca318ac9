/* Listening sockets: what is made, what is replaced, what is left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mxward/listener.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A directory of the test's own, and a path in it. */
struct place {
	char dir[64];
	char path[96];
	struct listen_conf conf;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/mxward-listener-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/door", p->dir);
	p->conf = (struct listen_conf){
		.is_unix = true, .path = p->path, .text = p->path
	};
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	/* Fails if anything else was left behind. */
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sun.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Whether who dials now is let in by this listener. */
static bool
is_reached_by(int listener, int client)
{
	int fd = accept(listener, NULL, NULL);

	close(client);
	if (fd == -1)
		return false;
	close(fd);
	return true;
}

static void
expect_error(const struct listen_conf *conf, const char *user,
    const char *group, const char *text)
{
	struct error err = { "" };

	assert_int_equal(listener_open(conf, 0600, user, group, &err), -1);
	if (strstr(err.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, text);
	assert_non_null(strstr(err.text, conf->text));
}

static struct listen_conf
inet(const char *host, uint16_t port)
{
	struct listen_conf c = { .port = port, .text = (char *)"inet:test" };

	assert_int_equal(addr_parse(span_of(host), &c.addr), 0);
	return c;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof(sin6);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin6, &len), 0);
	/* In the same place for both families. */
	return ntohs(sin6.sin6_port);
}

static int
dial_inet(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
unix_socket_has_just_the_mode_asked_for(void **state)
{
	static const unsigned modes[] = { 0600, 0660, 0666, 0777 };
	struct place *p = *state;
	struct stat st;
	mode_t mask = umask(027);
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		fd = listener_open(&p->conf, modes[i], NULL, NULL, NULL);
		assert_int_not_equal(fd, -1);
		assert_int_equal(stat(p->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		close(fd);
	}
	assert_int_equal(umask(mask), 027);
}

static void
listener_does_not_block_and_is_not_inherited(void **state)
{
	struct place *p = *state;
	int fd = listener_open(&p->conf, 0600, NULL, NULL, NULL);

	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(is_reached_by(fd, dial(p->path)));
	close(fd);
}

static void
unix_socket_that_nobody_answers_on_is_removed(void **state)
{
	struct place *p = *state;
	int fd = listener_open(&p->conf, 0600, NULL, NULL, NULL);

	close(fd);
	assert_int_equal(dial(p->path), -1);
	fd = listener_open(&p->conf, 0600, NULL, NULL, NULL);
	assert_int_not_equal(fd, -1);
	assert_true(is_reached_by(fd, dial(p->path)));
	close(fd);
}

static void
unix_socket_in_use_is_left_alone(void **state)
{
	struct place *p = *state;
	int fd = listener_open(&p->conf, 0600, NULL, NULL, NULL);

	expect_error(&p->conf, NULL, NULL, "another program listens");
	close(accept(fd, NULL, NULL));
	assert_true(is_reached_by(fd, dial(p->path)));
	close(fd);
}

static void
unix_socket_with_a_full_backlog_is_in_use(void **state)
{
	struct place *p = *state;
	int fd = listener_open(&p->conf, 0600, NULL, NULL, NULL), client;

	listen(fd, 0);
	client = dial(p->path);
	expect_error(&p->conf, NULL, NULL, "another program listens");
	assert_true(is_reached_by(fd, client));
	close(fd);
}

static void
datagram_socket_in_use_is_left_alone(void **state)
{
	struct place *p = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(sun.sun_path, p->path, strlen(p->path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	expect_error(&p->conf, NULL, NULL, "another program listens");
	assert_int_equal(access(p->path, F_OK), 0);
	close(fd);
}

static void
what_is_not_a_socket_is_never_removed(void **state)
{
	struct place *p = *state;
	char target[128];
	int fd = open(p->path, O_WRONLY | O_CREAT, 0600);

	close(fd);
	expect_error(&p->conf, NULL, NULL, "not a socket");
	assert_int_equal(
	    listener_replace(&p->conf, 0600, NULL, NULL, NULL), -1);
	assert_int_equal(access(p->path, F_OK), 0);
	/* A link is not followed, wherever it leads. */
	unlink(p->path);
	snprintf(target, sizeof(target), "%s/target", p->dir);
	assert_int_equal(symlink(target, p->path), 0);
	expect_error(&p->conf, NULL, NULL, "not a socket");
	assert_int_equal(access(target, F_OK), -1);
}

static void
errors_say_what_to_do(void **state)
{
	struct place *p = *state;
	struct listen_conf far = p->conf, lone = p->conf;
	char longpath[200], missing[160];

	memset(longpath, 'x', sizeof(longpath));
	longpath[0] = '/';
	longpath[sizeof(longpath) - 1] = '\0';
	far.path = far.text = longpath;
	expect_error(&far, NULL, NULL, "at most 107 bytes, this one has 199");
	snprintf(missing, sizeof(missing), "%s/no/door", p->dir);
	lone.path = lone.text = missing;
	expect_error(&lone, NULL, NULL, "create it");
	expect_error(&p->conf, "no-such-user", NULL, "no user");
	expect_error(&p->conf, NULL, "no-such-group", "no group");
	assert_int_equal(access(p->path, F_OK), -1);
}

static void
path_has_room_to_the_last_byte(void **state)
{
	struct place *p = *state;
	struct sockaddr_un sun;
	char path[sizeof(sun.sun_path)];
	struct listen_conf c = p->conf;
	struct error err = { "" };
	size_t n = strlen(p->path);
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	memcpy(path, p->path, n);
	path[sizeof(path) - 1] = '\0';
	c.path = c.text = path;
	fd = listener_open(&c, 0600, NULL, NULL, &err);
	assert_int_not_equal(fd, -1);
	/* No room for the suffix of the one that is made aside. */
	assert_int_equal(listener_replace(&c, 0600, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "at most"));
	close(fd);
	unlink(path);
}

static void
group_is_given_to_the_socket(void **state)
{
	struct place *p = *state;
	struct group *gr = getgrgid(getegid());
	struct stat st;
	int fd;

	if (gr == NULL)
		skip();
	fd = listener_open(&p->conf, 0660, NULL, gr->gr_name, NULL);
	assert_int_not_equal(fd, -1);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	close(fd);
}

static void
owner_is_given_to_the_socket_or_the_error_says_root(void **state)
{
	struct place *p = *state;
	struct error err = { "" };
	struct stat st;
	int fd;

	fd = listener_open(&p->conf, 0600, "nobody", NULL, &err);
	if (geteuid() != 0) {
		assert_int_equal(fd, -1);
		assert_non_null(strstr(err.text, "root"));
		assert_int_equal(access(p->path, F_OK), -1);
		return;
	}
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_not_equal(st.st_uid, 0);
	close(fd);
}

static void
replacing_takes_the_path_over_and_leaves_the_old_one_open(void **state)
{
	struct place *p = *state;
	int old = listener_open(&p->conf, 0600, NULL, NULL, NULL), new;
	int early = dial(p->path);
	struct stat st;

	new = listener_replace(&p->conf, 0660, NULL, NULL, NULL);
	assert_int_not_equal(new, -1);
	assert_true(is_reached_by(old, early));
	assert_true(is_reached_by(new, dial(p->path)));
	assert_int_equal(accept(old, NULL, NULL), -1);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(old);
	assert_true(is_reached_by(new, dial(p->path)));
	close(new);
}

static void
replacing_works_where_nothing_was(void **state)
{
	struct place *p = *state;
	int fd = listener_replace(&p->conf, 0600, NULL, NULL, NULL);

	assert_int_not_equal(fd, -1);
	assert_true(is_reached_by(fd, dial(p->path)));
	close(fd);
}

static void
replacing_removes_what_a_failed_replacement_left(void **state)
{
	struct place *p = *state;
	struct listen_conf aside = p->conf;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s.new", p->path);
	aside.path = path;
	close(listener_open(&aside, 0600, NULL, NULL, NULL));
	fd = listener_replace(&p->conf, 0600, NULL, NULL, NULL);
	assert_int_not_equal(fd, -1);
	assert_true(is_reached_by(fd, dial(p->path)));
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

static void
inet_port_in_use_is_an_error_also_among_ourselves(void **state)
{
	struct listen_conf c = inet("127.0.0.1", 0);
	int fd = listener_open(&c, 0, NULL, NULL, NULL);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	c.port = port_of(fd);
	expect_error(&c, NULL, NULL, "another program listens");
	close(fd);
}

static void
inet_port_can_be_taken_over_and_kept(void **state)
{
	struct listen_conf c = inet("127.0.0.1", 0);
	int old = listener_open(&c, 0, NULL, NULL, NULL), new, last;

	(void)state;
	c.port = port_of(old);
	new = listener_replace(&c, 0, NULL, NULL, NULL);
	assert_int_not_equal(new, -1);
	close(old);
	assert_true(is_reached_by(new, dial_inet(c.port)));
	last = listener_replace(&c, 0, NULL, NULL, NULL);
	assert_int_not_equal(last, -1);
	close(new);
	assert_true(is_reached_by(last, dial_inet(c.port)));
	expect_error(&c, NULL, NULL, "another program listens");
	close(last);
}

static void
inet_port_is_free_again_at_once(void **state)
{
	struct listen_conf c = inet("127.0.0.1", 0);
	int fd = listener_open(&c, 0, NULL, NULL, NULL), client, served;

	(void)state;
	c.port = port_of(fd);
	client = dial_inet(c.port);
	served = accept(fd, NULL, NULL);
	/* Our end first: its port stays in TIME_WAIT. */
	close(served);
	close(client);
	close(fd);
	fd = listener_open(&c, 0, NULL, NULL, NULL);
	assert_int_not_equal(fd, -1);
	close(fd);
}

static void
inet_address_of_another_machine_is_an_error(void **state)
{
	struct listen_conf c = inet("192.0.2.1", 0);

	(void)state;
	expect_error(&c, NULL, NULL, "does not have the address");
}

static void
any_ipv6_address_includes_ipv4(void **state)
{
	struct listen_conf c = inet("::", 0);
	struct error err = { "" };
	int fd = listener_open(&c, 0, NULL, NULL, &err);

	(void)state;
	if (fd == -1 && strstr(err.text, "IPv6") != NULL)
		skip();
	assert_int_not_equal(fd, -1);
	assert_true(is_reached_by(fd, dial_inet(port_of(fd))));
	close(fd);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(unix_socket_has_just_the_mode_asked_for),
		WITH_PLACE(listener_does_not_block_and_is_not_inherited),
		WITH_PLACE(unix_socket_that_nobody_answers_on_is_removed),
		WITH_PLACE(unix_socket_in_use_is_left_alone),
		WITH_PLACE(unix_socket_with_a_full_backlog_is_in_use),
		WITH_PLACE(datagram_socket_in_use_is_left_alone),
		WITH_PLACE(what_is_not_a_socket_is_never_removed),
		WITH_PLACE(errors_say_what_to_do),
		WITH_PLACE(path_has_room_to_the_last_byte),
		WITH_PLACE(group_is_given_to_the_socket),
		WITH_PLACE(owner_is_given_to_the_socket_or_the_error_says_root),
		WITH_PLACE(
		    replacing_takes_the_path_over_and_leaves_the_old_one_open),
		WITH_PLACE(replacing_works_where_nothing_was),
		WITH_PLACE(replacing_removes_what_a_failed_replacement_left),
		cmocka_unit_test(
		    inet_port_in_use_is_an_error_also_among_ourselves),
		cmocka_unit_test(inet_port_can_be_taken_over_and_kept),
		cmocka_unit_test(inet_port_is_free_again_at_once),
		cmocka_unit_test(inet_address_of_another_machine_is_an_error),
		cmocka_unit_test(any_ipv6_address_includes_ipv4),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
