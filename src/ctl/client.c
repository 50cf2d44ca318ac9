/*
 * The other end of the control socket (control.h). Every wait has an end, and
 * every failure says what to do.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "mxward/control.h"

/* A line of the answer has at most so many bytes: check can show 50 bans with
 * 100 lines of evidence each. */
#define ANSWER_MOST  (512UL << 20)
#define BUFFER_LEAST 65536

struct client {
	int fd;
	bool quiet;
	bool lost;
	bool rows; /* some came */
	bool may_retry;
	char *buf;
	size_t room, have, taken;
};

static int connect_to(const char *path);
static int unreachable(const char *path, bool quiet);
static int send_request(struct client *cl, json_t *request);
static int lost(struct client *cl, int why);
static int read_line(struct client *cl, int seconds, struct span *line);
static int fill(struct client *cl, int seconds);
static int closing_status(json_t *closing);

struct client *
client_open(const struct ctl *c, bool quiet, int *status)
{
	struct client *cl;
	char path[4096];
	int fd;

	*status = socket_path(c, quiet, path, sizeof(path));
	if (*status != DONE)
		return NULL;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		*status = fail(USAGE,
		    "the socket's path is longer than a socket's may be: %s",
		    path);
		return NULL;
	}
	fd = connect_to(path);
	if (fd < 0) {
		*status = unreachable(path, quiet);
		return NULL;
	}
	cl = calloc(1, sizeof(*cl));
	if (!cl) {
		close(fd);
		*status = fail(UNREACHABLE, "out of memory");
		return NULL;
	}
	cl->fd = fd;
	cl->quiet = quiet;
	return cl;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	/* Also bounds connect() where the backlog is full. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		int keep = errno;
		close(fd);
		errno = keep;
		return -1;
	}
	return fd;
}

static int
unreachable(const char *path, bool quiet)
{
	int why = errno;

	if (quiet)
		return UNREACHABLE;
	if (why == EACCES || why == EPERM)
		return fail(UNREACHABLE,
		    "cannot reach mxward at %s: %s: be root, or a member of "
		    "its control_group (mxward.conf(5))",
		    path, strerror(why));
	return fail(UNREACHABLE,
	    "cannot reach mxward at %s: %s: is it running?%s", path,
	    strerror(why), on_systemd(" (systemctl status mxward)"));
}

const char *
on_systemd(const char *text)
{
	return access("/run/systemd/system", F_OK) == 0 ? text : "";
}

void
client_close(struct client *cl)
{
	if (!cl)
		return;
	close(cl->fd);
	free(cl->buf);
	free(cl);
}

bool
client_lost(const struct client *cl)
{
	return cl->lost;
}

void
client_quiet(struct client *cl)
{
	cl->quiet = true;
}

int
client_ask(struct client *cl, json_t *request, int seconds,
    void (*row)(void *arg, json_t *row), void *arg, json_t **closing)
{
	int rc = send_request(cl, request);
	struct span line;

	while (rc == 0 && (rc = read_line(cl, seconds, &line)) == 0) {
		json_error_t why;
		json_t *o = json_loadb(line.p, line.n, 0, &why);
		json_t *r = json_object_get(o, "row");
		if (!json_is_object(o)) {
			json_decref(o);
			return fail(UNREACHABLE,
			    "what answers there is not mxward (%s)", why.text);
		}
		if (!r) {
			rc = closing_status(o);
			if (closing && rc == DONE) {
				json_object_del(o, "ok");
				*closing = json_incref(o);
			}
			json_decref(o);
			return rc;
		}
		cl->rows = true;
		if (row)
			row(arg, r);
		json_decref(o);
	}
	return rc;
}

static int
send_request(struct client *cl, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0, sent = 0;
	int rc = 0;

	json_decref(request);
	if (!text)
		return fail(USAGE, "the request is not valid UTF-8");
	text[n++] = '\n'; /* instead of the NUL */
	if (n > CONTROL_REQUEST_MAX)
		rc =
		    fail(USAGE, "that is longer than the %d bytes of a request",
			CONTROL_REQUEST_MAX);
	while (rc == 0 && sent < n) {
		ssize_t k = send(cl->fd, text + sent, n - sent, MSG_NOSIGNAL);
		if (k > 0)
			sent += (size_t)k;
		else if (errno != EINTR)
			rc = lost(cl, errno);
	}
	free(text);
	return rc;
}

/* An engine hangs up on whom it does not know, and when it ends. */
static int
lost(struct client *cl, int why)
{
	cl->lost = true;
	if (cl->quiet || (cl->may_retry && !cl->rows))
		return UNREACHABLE;
	if (why == ETIMEDOUT)
		return fail(UNREACHABLE,
		    "mxward does not answer in time: does it hang?%s",
		    on_systemd(" (systemctl status mxward)"));
	if (why == 0 || why == EPIPE || why == ECONNRESET)
		return fail(UNREACHABLE,
		    "mxward hung up: it has just ended%s, or lets in only root "
		    "and members of its control_group (mxward.conf(5))",
		    on_systemd(" (systemctl status mxward)"));
	return fail(UNREACHABLE, "the connection to mxward broke off: %s",
	    strerror(why));
}

/* The next line, valid until the next call. */
static int
read_line(struct client *cl, int seconds, struct span *line)
{
	size_t looked = cl->taken;
	int rc;

	for (;;) {
		char *nl = cl->have > looked
		    ? memchr(cl->buf + looked, '\n', cl->have - looked)
		    : NULL;
		if (nl) {
			*line = span_make(cl->buf + cl->taken,
			    (size_t)(nl - cl->buf) - cl->taken);
			cl->taken = (size_t)(nl - cl->buf) + 1;
			return 0;
		}
		looked = cl->have - cl->taken;
		if (cl->taken) {
			memmove(cl->buf, cl->buf + cl->taken, looked);
			cl->have = looked;
			cl->taken = 0;
		}
		rc = fill(cl, seconds);
		if (rc != 0)
			return rc;
	}
}

static int
fill(struct client *cl, int seconds)
{
	struct pollfd pfd = { .fd = cl->fd, .events = POLLIN };
	ssize_t k;
	int ready;

	if (cl->have == cl->room) {
		size_t room = cl->room ? 2 * cl->room : BUFFER_LEAST;
		char *grown =
		    room <= ANSWER_MOST ? realloc(cl->buf, room) : NULL;
		if (!grown)
			return fail(UNREACHABLE, "the answer is too long");
		cl->buf = grown;
		cl->room = room;
	}
	do
		ready = poll(&pfd, 1, seconds ? seconds * 1000 : -1);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return lost(cl, ETIMEDOUT);
	k = read(cl->fd, cl->buf + cl->have, cl->room - cl->have);
	if (k <= 0)
		return lost(cl, k < 0 ? errno : 0);
	cl->have += (size_t)k;
	return 0;
}

/* DONE, or the status of an error that was printed. */
static int
closing_status(json_t *closing)
{
	static const struct {
		const char *code;
		int status;
	} codes[] = {
		{ "usage", USAGE },
		{ "config", USAGE },
		{ "not-found", NO },
		{ "refused", REFUSED },
	};
	const char *code = get_text(closing, "code");

	if (json_is_true(json_object_get(closing, "ok")))
		return DONE;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return fail(
			    codes[i].status, "%s", get_text(closing, "error"));
	if (!get_text(closing, "error")[0])
		return fail(UNREACHABLE, "what answers there is not mxward");
	return fail(UNREACHABLE, "%s", get_text(closing, "error"));
}

bool
client_drained(struct client *cl, int seconds)
{
	struct pollfd pfd = { .fd = cl->fd, .events = POLLIN };
	char rest[4096];

	for (int i = 0; i < seconds * 100; i++)
		if (poll(&pfd, 1, 10) > 0 &&
		    read(cl->fd, rest, sizeof(rest)) <= 0)
			return true;
	return false;
}

/* Questions are asked once more where an engine that was just being replaced
 * took the first one with it; orders are not. */
static bool
is_question(const json_t *request)
{
	const char *name = get_text(request, "command");

	return strcmp(name, "status") == 0 || strcmp(name, "bans") == 0 ||
	    strcmp(name, "check") == 0;
}

int
ask(const struct ctl *c, json_t *request, int seconds,
    void (*row)(void *arg, json_t *row), void *arg, json_t **closing)
{
	bool may_retry = is_question(request), again = false;
	int rc = DONE;

	do {
		struct client *cl = client_open(c, false, &rc);
		if (!cl)
			break;
		cl->may_retry = may_retry;
		may_retry = false;
		rc = client_ask(
		    cl, json_incref(request), seconds, row, arg, closing);
		again = cl->lost && cl->may_retry && !cl->rows;
		client_close(cl);
	} while (again);
	json_decref(request);
	return rc;
}

json_t *
request_new(const struct ctl *c, const char *name)
{
	json_t *o = json_pack("{s:s}", "command", name);

	if (c->jail)
		json_object_set_new(o, "jail", json_string(c->jail));
	return o;
}

void
print_json(const json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
}

const char *
get_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

int64_t
get_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

bool
get_when(const json_t *o, const char *key, int64_t *out)
{
	return when_parse(get_text(o, key), out);
}
