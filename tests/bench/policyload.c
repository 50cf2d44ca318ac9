/*
 * policyload ADDRESS: load a Postfix policy server as smtpd(8) does, one
 * request at a time on each connection. Prints requests a second, percentiles
 * of the time to the answer, and how often each action came back.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 10000
#define REQUESTS_MAX    100000000L
#define ACTIONS_MAX     16
#define PATIENCE_MS     10000

struct conn {
	int fd;
	size_t got;
	uint64_t asked; /* ns */
	char in[4096];
};

struct action {
	char name[96];
	long n;
};

struct load {
	const char *where;
	long nconns;
	long nrequests;
	long banned; /* percent */
	uint32_t seed;
	int epoll;
	struct conn *conns;
	uint32_t *latency; /* µs, of each request */
	long sent;
	long done;
	struct action actions[ACTIONS_MAX];
};

static const char usage[] =
    "usage: policyload [-c CONNECTIONS] [-n REQUESTS] [-b PERCENT] ADDRESS\n"
    "ADDRESS is a port on 127.0.0.1 or the path of a unix socket (it begins\n"
    "with '/' or '.'). PERCENT of the requests name a client 192.0.2.N, the\n"
    "others 198.18.A.B.\n"
    "  -c, --connections N  at once (10)\n"
    "  -n, --requests N     in all (200000)\n"
    "  -b, --banned PERCENT (10)\n"
    "  -h, --help           this text\n";

static void options(struct load *l, int argc, char **argv);
static long number(const char *text, long min, long max);
static void open_all(struct load *l);
static int dial(const char *where);
static void run(struct load *l);
static void ask(struct load *l, struct conn *c);
static void hear(struct load *l, struct conn *c);
static void count_action(struct load *l, const char *answer);
static void report(struct load *l, double seconds);
static int by_value(const void *a, const void *b);
static uint32_t next_random(struct load *l);
static uint64_t now_ns(void);
static _Noreturn void die(const char *what);

int
main(int argc, char **argv)
{
	struct load l = {
		.nconns = 10, .nrequests = 200000, .banned = 10, .seed = 1
	};
	uint64_t start;

	options(&l, argc, argv);
	l.conns = calloc((size_t)l.nconns, sizeof(*l.conns));
	l.latency = malloc((size_t)l.nrequests * sizeof(*l.latency));
	if (l.conns == NULL || l.latency == NULL)
		die("memory");
	open_all(&l);
	start = now_ns();
	run(&l);
	report(&l, (double)(now_ns() - start) / 1e9);
	free(l.conns);
	free(l.latency);
	return 0;
}

static void
options(struct load *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "connections", required_argument, NULL, 'c' },
		{ "requests", required_argument, NULL, 'n' },
		{ "banned", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:n:b:h", longs, NULL)) != -1)
		switch (o) {
		case 'c':
			l->nconns = number(optarg, 1, CONNECTIONS_MAX);
			break;
		case 'n':
			l->nrequests = number(optarg, 1, REQUESTS_MAX);
			break;
		case 'b':
			l->banned = number(optarg, 0, 100);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	if (optind != argc - 1) {
		fputs(usage, stderr);
		exit(2);
	}
	l->where = argv[optind];
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
		    "policyload: \"%s\" is not a number from %ld "
		    "to %ld\n",
		    text, min, max);
		exit(2);
	}
	return n;
}

static void
open_all(struct load *l)
{
	struct epoll_event e = { .events = EPOLLIN };

	if ((l->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		die("epoll");
	for (long i = 0; i < l->nconns; i++) {
		l->conns[i].fd = dial(l->where);
		e.data.ptr = &l->conns[i];
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->conns[i].fd, &e) != 0)
			die("epoll");
	}
}

static int
dial(const char *where)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	bool is_unix = where[0] == '/' || where[0] == '.';
	int fd, rc;

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
	}
	if (rc != 0)
		die(where);
	return fd;
}

static void
run(struct load *l)
{
	struct epoll_event e[64];
	int n;

	for (long i = 0; i < l->nconns && l->sent < l->nrequests; i++)
		ask(l, &l->conns[i]);
	while (l->done < l->nrequests) {
		n = epoll_wait(l->epoll, e, 64, PATIENCE_MS);
		if (n == 0) {
			fprintf(stderr, "policyload: no answer for %d s\n",
			    PATIENCE_MS / 1000);
			exit(1);
		}
		if (n == -1)
			die("epoll");
		for (int i = 0; i < n; i++)
			hear(l, e[i].data.ptr);
	}
}

static void
ask(struct load *l, struct conn *c)
{
	char text[1400], client[64];
	uint32_t r = next_random(l);
	int n;

	if (next_random(l) % 100 < (uint32_t)l->banned)
		snprintf(client, sizeof(client), "192.0.2.%u", r % 256);
	else
		snprintf(client, sizeof(client), "198.18.%u.%u", r >> 8 & 255,
		    r & 255);
	n = snprintf(text, sizeof(text),
	    "request=smtpd_access_policy\nprotocol_state=RCPT\n"
	    "protocol_name=ESMTP\nclient_address=%s\nclient_name=unknown\n"
	    "client_port=51234\nreverse_client_name=host.example.net\n"
	    "server_address=203.0.113.10\nserver_port=25\n"
	    "helo_name=host.example.net\nsender=someone@example.net\n"
	    "recipient=user%u@example.org\nrecipient_count=0\nqueue_id=\n"
	    "instance=321d.6b0592f5.2a872.0\nsize=12345\netrn_domain=\n"
	    "stress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
	    "ccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
	    "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
	    "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
	    "encryption_keysize=256\npolicy_context=\n\n",
	    client, r % 1000);
	c->got = 0;
	c->asked = now_ns();
	l->sent++;
	if (write(c->fd, text, (size_t)n) != n)
		die("write");
}

static void
hear(struct load *l, struct conn *c)
{
	ssize_t n;

	n = read(c->fd, c->in + c->got, sizeof(c->in) - 1 - c->got);
	if (n <= 0) {
		fprintf(stderr,
		    "policyload: connection lost after %ld "
		    "answers: %s\n",
		    l->done, n == 0 ? "closed, or too long" : strerror(errno));
		exit(1);
	}
	c->got += (size_t)n;
	c->in[c->got] = '\0';
	if (strstr(c->in, "\n\n") == NULL)
		return;
	l->latency[l->done++] = (uint32_t)((now_ns() - c->asked) / 1000);
	count_action(l, c->in);
	if (l->sent < l->nrequests)
		ask(l, c);
}

/* By its first word: "DUNNO", "521". Beyond ACTIONS_MAX of them none is
 * counted. */
static void
count_action(struct load *l, const char *answer)
{
	const char *word = answer;
	size_t n;

	if (strncmp(word, "action=", 7) == 0)
		word += 7;
	n = strcspn(word, " \n");
	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct action *a = &l->actions[i];

		if (a->n == 0)
			snprintf(
			    a->name, sizeof(a->name), "%.*s", (int)n, word);
		if (strlen(a->name) == n && strncmp(a->name, word, n) == 0) {
			a->n++;
			return;
		}
	}
}

static void
report(struct load *l, double seconds)
{
	size_t n = (size_t)l->nrequests;

	qsort(l->latency, n, sizeof(*l->latency), by_value);
	printf("connections=%ld requests=%ld rps=%.0f p50=%u p99=%u p999=%u "
	       "max=%u us",
	    l->nconns, l->nrequests, (double)n / seconds, l->latency[n / 2],
	    l->latency[n * 99 / 100], l->latency[n * 999 / 1000],
	    l->latency[n - 1]);
	for (size_t i = 0; i < ACTIONS_MAX && l->actions[i].n > 0; i++)
		printf(" %s=%ld", l->actions[i].name, l->actions[i].n);
	putchar('\n');
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The same requests in every run. */
static uint32_t
next_random(struct load *l)
{
	l->seed = l->seed * 1664525U + 1013904223U;
	return l->seed >> 8;
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
	fprintf(stderr, "policyload: %s: %s\n", what, strerror(errno));
	exit(1);
}
