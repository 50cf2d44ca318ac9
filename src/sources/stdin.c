/*
 * Standard input. Nothing can be remembered of it, so there are no positions,
 * only the end of each batch. The descriptor is not made non-blocking: it is
 * shared with whoever started us. What epoll does not take (a regular file,
 * /dev/null) never blocks and is read turn by turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <syslog.h>
#include <unistd.h>

#include <event2/event.h>

#include "sources_priv.h"

struct input {
	const struct source_conf *conf;
	const struct source_host *host;
	struct source_stats *stats;
	struct event *event;
	bool always;   /* readable without asking */
	bool skipping; /* the rest of a line that was too long */
	size_t n;      /* bytes in buf */
	char buf[READ_BYTES];
};

static void *input_start(const struct source_conf *conf,
    const struct source_host *host, struct source_stats *stats,
    struct error *err);
static void input_stop(void *state);
static int input_listen(struct input *in);
static void on_input(evutil_socket_t fd, short what, void *arg);
static void input_lines(struct input *in);
static void input_end(struct input *in, const char *why);
static uint64_t waiting(void);

const struct source_ops source_stdin = { "stdin", input_start, input_stop };

static void *
input_start(const struct source_conf *conf, const struct source_host *host,
    struct source_stats *stats, struct error *err)
{
	struct input *in = calloc(1, sizeof *in);

	if (in == NULL) {
		error_set(err, "source %s: out of memory", conf->name);
		return NULL;
	}
	in->conf = conf;
	in->host = host;
	in->stats = stats;
	if (input_listen(in) == -1) {
		error_set(err, "source %s: standard input: %s", conf->name,
		    strerror(errno));
		input_stop(in);
		return NULL;
	}
	return in;
}

static void
input_stop(void *state)
{
	struct input *in = state;

	if (in->event != NULL)
		event_free(in->event);
	free(in);
}

static int
input_listen(struct input *in)
{
	const struct timeval now = { 0, 0 };
	struct event_base *base = in->host->base;
	int priorities = event_base_get_npriorities(base);
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == -1)
		return -1;
	in->always = S_ISREG(st.st_mode) ||
	    (S_ISCHR(st.st_mode) && !isatty(STDIN_FILENO));
	in->event = in->always
	    ? event_new(base, -1, 0, on_input, in)
	    : event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, in);
	if (in->event == NULL)
		return -1;
	if (priorities > 1)
		event_priority_set(in->event, priorities - 1);
	in->stats->lag = in->always ? 1 : waiting();
	return event_add(in->event, in->always ? &now : NULL);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = { 0, 0 };
	struct input *in = arg;
	ssize_t n;

	(void)fd;
	(void)what;
	n = read(STDIN_FILENO, in->buf + in->n, sizeof in->buf - in->n);
	if (n <= 0) {
		if (n == 0)
			input_end(in, "ended");
		else if (errno != EAGAIN && errno != EINTR)
			input_end(in, strerror(errno));
		return;
	}
	in->n += (size_t)n;
	in->stats->bytes += (uint64_t)n;
	in->stats->lag = in->always ? 1 : waiting();
	input_lines(in);
	in->host->commit(in->host->arg);
	if (in->always)
		event_add(in->event, &now);
}

/* Hand over what is whole, and move the rest to the front. */
static void
input_lines(struct input *in)
{
	const char *p = in->buf, *end = in->buf + in->n, *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (!in->skipping)
			source_hand(in->host, in->stats, p, (size_t)(nl - p));
		in->skipping = false;
		p = nl + 1;
	}
	in->n = (size_t)(end - p);
	if (in->n == sizeof in->buf) { /* much longer than a line may be */
		if (!in->skipping)
			source_hand(in->host, in->stats, p, in->n);
		in->skipping = true;
		in->n = 0;
	}
	memmove(in->buf, p, in->n);
}

static void
input_end(struct input *in, const char *why)
{
	if (in->n > 0 && !in->skipping)
		source_hand(in->host, in->stats, in->buf, in->n);
	in->n = 0;
	in->stats->lag = 0;
	event_del(in->event);
	in->host->commit(in->host->arg);
	source_note(
	    in->host, in->conf->name, LOG_NOTICE, "standard input: %s", why);
}

static uint64_t
waiting(void)
{
	int n = 0;

	if (ioctl(STDIN_FILENO, FIONREAD, &n) == -1 || n < 0)
		return 0;
	return (uint64_t)n;
}
