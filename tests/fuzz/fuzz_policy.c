/*
 * The policy door under arbitrary bytes. Two properties: whatever the bytes and
 * however they are cut into pieces, each empty line gets one answer, in order;
 * and what is parsed lies within what was given.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "mxward/duration.h"
#include "mxward/policy.h"

#define MAX_REQUEST 256
/* Less than the door's limit for a request it passes over. */
#define MAX_INPUT 4096

struct heard {
	char buf[MAX_INPUT * 64];
	size_t used;
};

static struct listen_conf where = { .text = (char *)"fuzz" };
static const struct policy_conf conf = { .listen = &where,
	.nlisten = 1,
	.answer = (char *)"521 %{host} %{jail}",
	.max_clients = 1,
	.max_request = MAX_REQUEST,
	.idle = 1 };

static struct event_base *base;
static struct policy *door;
static struct board board;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len = sizeof(address.sun_family);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool what)
{
	if (!what)
		abort();
}

static void
open_door(void)
{
	struct bantable *t = bantable_map(16);
	struct ban b = { .end = DURATION_FOREVER };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* With the family alone the kernel chooses an abstract name. */
	require(bind(fd, (struct sockaddr *)&address, address_len) == 0);
	address_len = sizeof(address);
	require(
	    getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
	require(listen(fd, 4) == 0 && t != NULL);
	require(prefix_parse(span_of("192.0.2.0/24"), &b.key) == 0);
	b.jail = bantable_jail(t, "j");
	require(bantable_put(t, &b) == 0);
	base = event_base_new();
	door = policy_open(base, &conf, &fd, t, &board, NULL, NULL, NULL);
	require(door != NULL);
}

static void
check_span(struct span whole, struct span part)
{
	require(part.n == 0 ||
	    (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
	require(part.n == 0 || memchr(part.p, '\n', part.n) == NULL);
}

static void
check_parse(struct span in)
{
	struct policy_request r;
	long n = policy_parse(in, &r);

	require(n >= -1 && n <= (long)in.n);
	if (n <= 0)
		return;
	in.n = (size_t)n;
	require(in.p[n - 1] == '\n');
	check_span(in, r.request);
	check_span(in, r.client_address);
	check_span(in, r.protocol_state);
	check_span(in, r.sender);
	check_span(in, r.recipient);
	check_span(in, r.sasl_username);
	check_span(in, r.queue_id);
	check_span(in, r.instance);
	check_span(in, r.recipient_count);
	/* Nothing less is a whole request. */
	require(policy_parse(span_make(in.p, in.n - 1), &r) == 0);
}

static size_t
empty_lines(const uint8_t *p, size_t n)
{
	size_t count = 0, length = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			length++;
			continue;
		}
		count += length == 0 || (length == 1 && p[i - 1] == '\r');
		length = 0;
	}
	return count;
}

/* Read what has been answered so far: a client that never does is given up,
 * rightly. */
static void
hear(int fd, struct heard *h)
{
	ssize_t n;

	while ((n = recv(fd, h->buf + h->used, sizeof(h->buf) - h->used,
		    MSG_DONTWAIT)) > 0)
		h->used += (size_t)n;
}

static size_t
answers(const struct heard *h)
{
	const char *p, *end, *last = h->buf + h->used;
	size_t count = 0;

	for (p = h->buf; p < last; p = end + 2, count++) {
		end = memmem(p, (size_t)(last - p), "\n\n", 2);
		require(end != NULL);
		require(strncmp(p, "action=", 7) == 0);
		require(memchr(p, '\n', (size_t)(end - p)) == NULL);
	}
	return count;
}

static void
pump(void)
{
	require(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard heard;
	size_t step, n, expected;
	int fd;

	if (size < 1 || size > MAX_INPUT)
		return 0;
	if (door == NULL)
		open_door();
	/* The first byte says how large the pieces are. */
	step = data[0] == 0 ? MAX_INPUT : data[0];
	data++;
	size--;
	check_parse(span_make((const char *)data, size));
	heard.used = 0;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	require(connect(fd, (struct sockaddr *)&address, address_len) == 0);
	pump();
	for (size_t i = 0; i < size; i += step) {
		n = size - i < step ? size - i : step;
		require(send(fd, data + i, n, MSG_NOSIGNAL) == (ssize_t)n);
		pump();
		hear(fd, &heard);
	}
	expected = empty_lines(data, size);
	for (int i = 0; i < MAX_INPUT && answers(&heard) < expected; i++) {
		pump();
		hear(fd, &heard);
	}
	/* Not one more, either. */
	pump();
	hear(fd, &heard);
	require(answers(&heard) == expected);
	require(policy_connections(door) == 1);
	close(fd);
	for (int i = 0; i < MAX_INPUT && policy_connections(door) > 0; i++)
		pump();
	require(policy_connections(door) == 0);
	return 0;
}
