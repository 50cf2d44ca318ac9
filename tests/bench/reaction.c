/*
 * reaction LOG ADDRESS [ROUNDS]: how long it takes from the third failure's
 * line in the log to the refusal at the policy door.
 *
 * In each round a host of its own fails three times. After the third line is
 * written the door is asked about that host, again and again on a connection
 * that was open before, until it refuses: as an attacker would who does not
 * let up. Prints percentiles, and how many questions were still let through.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX  10000
#define PATIENCE_NS UINT64_C(5000000000)
/* Between a host's second failure and its third, so that the first two are
 * no part of what is measured. */
#define PAUSE_NS 2000000

struct round {
	uint32_t us;
	uint32_t let_through;
};

static const char usage[] =
    "usage: reaction LOG ADDRESS [ROUNDS]\n"
    "Lines are appended to LOG; ADDRESS is the policy door's, a port on\n"
    "127.0.0.1 or the path of a unix socket (it begins with '/').\n"
    "  ROUNDS    (200)\n"
    "  --help    this text\n";

static long number(const char *text, long min, long max);
static int dial(const char *where);
static void one_round(int log, int door, long n, struct round *r);
static void write_failure(int log, const char *host);
static bool refused(int door, const char *host);
static size_t hear(int door, char *buf, size_t size);
static void report(struct round *r, long n);
static int by_time(const void *a, const void *b);
static uint64_t now_ns(void);
static _Noreturn void die(const char *what);

int
main(int argc, char **argv)
{
	struct round *rounds;
	long n = 200, i;
	int log, door;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 3 || argc > 4) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc == 4)
		n = number(argv[3], 1, ROUNDS_MAX);
	if ((rounds = calloc((size_t)n, sizeof(*rounds))) == NULL)
		die("memory");
	log = open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC);
	if (log == -1)
		die(argv[1]);
	door = dial(argv[2]);
	for (i = 0; i < n; i++)
		one_round(log, door, i, &rounds[i]);
	report(rounds, n);
	free(rounds);
	return 0;
}

static long
number(const char *text, long min, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < min || n > max) {
		fprintf(stderr,
		    "reaction: \"%s\" is not a number from %ld to %ld\n", text,
		    min, max);
		exit(2);
	}
	return n;
}

static int
dial(const char *where)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	bool is_unix = where[0] == '/';
	int fd, rc, on = 1;

	fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	if (is_unix) {
		if (strlen(where) >= sizeof(sun.sun_path)) {
			errno = ENAMETOOLONG;
			die(where);
		}
		memcpy(sun.sun_path, where, strlen(where));
		rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	} else {
		sin.sin_port = htons((uint16_t)number(where, 1, 65535));
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		rc = connect(fd, (struct sockaddr *)&sin, sizeof(sin));
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (rc != 0)
		die(where);
	return fd;
}

static void
one_round(int log, int door, long n, struct round *r)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t start;
	char host[64];

	snprintf(host, sizeof(host), "100.64.%ld.%ld", n / 250, 1 + n % 250);
	write_failure(log, host);
	write_failure(log, host);
	nanosleep(&pause, NULL);
	if (refused(door, host)) {
		fprintf(stderr, "reaction: %s is refused after two failures\n",
		    host);
		exit(1);
	}
	start = now_ns();
	write_failure(log, host);
	while (!refused(door, host)) {
		r->let_through++;
		if (now_ns() - start > PATIENCE_NS) {
			fprintf(
			    stderr, "reaction: %s was never refused\n", host);
			exit(1);
		}
	}
	r->us = (uint32_t)((now_ns() - start) / 1000);
}

static void
write_failure(int log, const char *host)
{
	char when[32], line[512];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line),
	    "%s mx1 postfix/smtpd[314]: NOQUEUE: reject: RCPT from "
	    "unknown[%s]: 550 5.1.1 <nobody@example.org>: Recipient address "
	    "rejected: User unknown in virtual mailbox table; "
	    "from=<x@spam.example> to=<nobody@example.org> proto=ESMTP "
	    "helo=<spam.example>\n",
	    when, host);
	if (write(log, line, (size_t)n) != n)
		die("the log");
}

static bool
refused(int door, const char *host)
{
	char buf[4096];
	int n;

	n = snprintf(buf, sizeof(buf),
	    "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "protocol_name=ESMTP\nclient_address=%s\nclient_name=unknown\n"
	    "helo_name=spam.example\nsender=x@spam.example\n"
	    "recipient=nobody@example.org\n\n",
	    host);
	if (write(door, buf, (size_t)n) != n)
		die("the door");
	buf[hear(door, buf, sizeof(buf) - 1)] = '\0';
	return strncmp(buf, "action=DUNNO\n", 13) != 0;
}

/* A whole answer. */
static size_t
hear(int door, char *buf, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < 2 || memcmp(buf + got - 2, "\n\n", 2) != 0) {
		n = read(door, buf + got, size - got);
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			die("the door");
		got += (size_t)n;
	}
	return got;
}

static void
report(struct round *r, long n)
{
	uint32_t most = 0;
	long i;

	for (i = 0; i < n; i++)
		if (r[i].let_through > most)
			most = r[i].let_through;
	qsort(r, (size_t)n, sizeof(*r), by_time);
	printf("rounds=%ld p50=%u p99=%u max=%u us let_through=%u\n", n,
	    r[n / 2].us, r[n * 99 / 100].us, r[n - 1].us, most);
}

static int
by_time(const void *a, const void *b)
{
	const struct round *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "reaction: %s: %s\n", what, strerror(errno));
	exit(1);
}
