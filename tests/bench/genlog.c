/*
 * genlog: a Postfix and Dovecot mail log on standard output, the same for the
 * same arguments, and the truth about it on descriptor 3, so that what a log
 * watcher found can be compared with what was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRUTH_FD 3

enum kind { UNKNOWN, RELAY, GREY, SASL, DOVECOT, LOST, PREGREET, KINDS };

static const char *const kind_names[KINDS] = { "550", "554", "450", "sasl",
	"dovecot", "lost", "pregreet" };

struct genlog {
	long lines;
	long attack; /* percent of them */
	long attackers;
	long start; /* seconds since the epoch */
	long rate;  /* lines a second of the log's time */
	bool iso;
	uint64_t random;
	char when[64];
	time_t last; /* that `when` shows */
	uint32_t (*truth)[KINDS];
};

/* What a line is made of. */
struct event {
	const char *when;
	char host[64];
	uint32_t pid;
	uint32_t q; /* any number */
};

static const char usage[] =
    "usage: genlog [-i] [-n LINES] [-a PERCENT] [-k ATTACKERS] [-s SEED]\n"
    "              [-t EPOCH] [-r RATE]\n"
    "  -n LINES      (1000000)\n"
    "  -a PERCENT    of them are attacks (5)\n"
    "  -k ATTACKERS  addresses they come from (5000)\n"
    "  -s SEED       another log of the same kind (0)\n"
    "  -t EPOCH      time of the first line (1764000000)\n"
    "  -r RATE       lines a second (200)\n"
    "  -i            times as ISO 8601 with microseconds, not RFC 3164\n"
    "  -h, --help    this text\n"
    "On descriptor 3, if it is open: a line for each attacker, its address\n"
    "and its failures by kind.\n";

static void options(struct genlog *g, int argc, char **argv);
static long number(const char *text, long min, long max);
static void write_lines(struct genlog *g);
static void set_time(struct genlog *g, long line);
static void write_attack(struct genlog *g, struct event *e);
static void write_rejects(const struct event *e, enum kind k, uint32_t who);
static void write_guesses(const struct event *e, enum kind k);
static void write_mail(struct genlog *g, struct event *e);
static void write_smtpd(const struct event *e, uint32_t what);
static void write_queue(const struct event *e, uint32_t what);
static void write_dovecot(const struct event *e, uint32_t what);
static int write_truth(const struct genlog *g);
static void attacker(char *buf, size_t size, uint32_t who);
static uint32_t any(struct genlog *g);
static uint32_t below(struct genlog *g, uint32_t n);

int
main(int argc, char **argv)
{
	struct genlog g = { .lines = 1000000,
		.attack = 5,
		.attackers = 5000,
		.start = 1764000000,
		.rate = 200,
		.random = 88172645463325252ULL,
		.last = -1 };
	static char buffer[1 << 20];

	options(&g, argc, argv);
	g.truth = calloc((size_t)g.attackers, sizeof(*g.truth));
	if (g.truth == NULL) {
		fprintf(stderr, "genlog: %s\n", strerror(errno));
		return 1;
	}
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	write_lines(&g);
	if (fflush(stdout) != 0 || write_truth(&g) != 0) {
		fprintf(stderr, "genlog: cannot write: %s\n", strerror(errno));
		return 1;
	}
	free(g.truth);
	return 0;
}

static void
options(struct genlog *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while (
	    (o = getopt_long(argc, argv, "n:a:k:s:it:r:h", longs, NULL)) != -1)
		switch (o) {
		case 'n':
			g->lines = number(optarg, 0, 1000000000);
			break;
		case 'a':
			g->attack = number(optarg, 0, 100);
			break;
		case 'k':
			g->attackers = number(optarg, 1, 1 << 22);
			break;
		case 's':
			g->random ^= (uint64_t)number(optarg, 0, INT32_MAX) *
			    2654435761U;
			break;
		case 'i':
			g->iso = true;
			break;
		case 't':
			g->start = number(optarg, 0, 253402300799L);
			break;
		case 'r':
			g->rate = number(optarg, 1, 1000000);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	if (optind != argc) {
		fputs(usage, stderr);
		exit(2);
	}
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
		    "genlog: \"%s\" is not a number from %ld to "
		    "%ld\n",
		    text, min, max);
		exit(2);
	}
	return n;
}

static void
write_lines(struct genlog *g)
{
	struct event e = { .when = g->when };

	for (long i = 0; i < g->lines; i++) {
		set_time(g, i);
		e.pid = 1000 + below(g, 30000);
		e.q = any(g);
		if (below(g, 100) < (uint32_t)g->attack)
			write_attack(g, &e);
		else
			write_mail(g, &e);
	}
}

static void
set_time(struct genlog *g, long line)
{
	time_t now = g->start + line / g->rate;
	struct tm tm;
	size_t n;

	if (now == g->last && !g->iso)
		return;
	g->last = now;
	gmtime_r(&now, &tm);
	if (!g->iso) {
		strftime(g->when, sizeof(g->when), "%b %e %H:%M:%S", &tm);
		return;
	}
	n = strftime(g->when, sizeof(g->when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(g->when + n, sizeof(g->when) - n, ".%06ld+00:00",
	    line % g->rate * (1000000 / g->rate));
}

/* A tenth of the attackers makes more than a quarter of the attacks. */
static void
write_attack(struct genlog *g, struct event *e)
{
	uint32_t k = (uint32_t)g->attackers, who;
	enum kind kind;

	who = below(g, 4) != 0 ? below(g, k / 10 + 1) : below(g, k);
	kind = (enum kind)below(g, KINDS);
	attacker(e->host, sizeof(e->host), who);
	g->truth[who][kind]++;
	if (kind <= GREY)
		write_rejects(e, kind, who);
	else
		write_guesses(e, kind);
}

static void
write_rejects(const struct event *e, enum kind kind, uint32_t who)
{
	uint32_t q = e->q;

	printf("%s mx1 postfix/smtpd[%u]: NOQUEUE: reject: RCPT from ", e->when,
	    e->pid);
	if (kind == UNKNOWN)
		printf("unknown[%s]: 550 5.1.1 <user%u@example.org>: Recipient "
		       "address rejected: User unknown in virtual mailbox "
		       "table; from=<x%u@spam.example> "
		       "to=<user%u@example.org> proto=ESMTP helo=<host%u>\n",
		    e->host, q % 9999, q % 777, q % 9999, who);
	else if (kind == RELAY)
		printf("dsl-%u.isp.example[%s]: 554 5.7.1 "
		       "<spam%u@yahoo.example>: Relay access denied; "
		       "from=<a@b.example> to=<spam%u@yahoo.example> "
		       "proto=SMTP helo=<User>\n",
		    who, e->host, q % 99, q % 99);
	else
		printf("unknown[%s]: 450 4.7.1 Client host rejected: cannot "
		       "find your hostname, [%s]; from=<p%u@q.example> "
		       "to=<info@example.org> proto=ESMTP helo=<WIN-%X>\n",
		    e->host, e->host, q % 99, q);
}

static void
write_guesses(const struct event *e, enum kind kind)
{
	uint32_t q = e->q;

	printf("%s mx1 ", e->when);
	if (kind == SASL)
		printf("postfix/submission/smtpd[%u]: warning: unknown[%s]: "
		       "SASL LOGIN authentication failed: UGFzc3dvcmQ6, "
		       "sasl_username=user%u@example.org\n",
		    e->pid, e->host, q % 500);
	else if (kind == DOVECOT)
		printf("dovecot: imap-login: Disconnected: Connection closed "
		       "(auth failed, 1 attempts in 2 secs): "
		       "user=<user%u@example.org>, method=PLAIN, rip=%s, "
		       "lip=203.0.113.10, TLS, session=<%08X>\n",
		    q % 500, e->host, q);
	else if (kind == LOST)
		printf("postfix/smtpd[%u]: lost connection after AUTH from "
		       "unknown[%s]\n",
		    e->pid, e->host);
	else
		printf("postfix/postscreen[%u]: PREGREET 11 after 0.07 from "
		       "[%s]:%u: EHLO User\\r\\n\n",
		    e->pid, e->host, 1024 + q % 60000);
}

static void
write_mail(struct genlog *g, struct event *e)
{
	uint32_t who = below(g, 4000), what = below(g, 12);

	snprintf(e->host, sizeof(e->host), "198.18.%u.%u", who >> 8 & 255,
	    1 + who % 250);
	printf("%s mx1 ", e->when);
	if (what <= 2 || what == 10)
		write_smtpd(e, what);
	else if (what >= 7 && what <= 9)
		write_dovecot(e, what);
	else
		write_queue(e, what);
}

static void
write_smtpd(const struct event *e, uint32_t what)
{
	uint32_t q = e->q;

	printf("postfix/smtpd[%u]: ", e->pid);
	switch (what) {
	case 0:
		printf("connect from mail%u.partner.example[%s]\n", q % 300,
		    e->host);
		break;
	case 1:
		printf("disconnect from mail%u.partner.example[%s] ehlo=1 "
		       "starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=6\n",
		    q % 300, e->host);
		break;
	case 2:
		printf("%08X: client=mail%u.partner.example[%s]\n", q, q % 300,
		    e->host);
		break;
	default:
		printf("Anonymous TLS connection established from "
		       "mail%u.partner.example[%s]: TLSv1.3 with cipher "
		       "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange "
		       "X25519 server-signature RSA-PSS (2048 bits) "
		       "server-digest SHA256\n",
		    q % 300, e->host);
	}
}

static void
write_queue(const struct event *e, uint32_t what)
{
	uint32_t q = e->q, pid = e->pid;

	switch (what) {
	case 3:
		printf("postfix/cleanup[%u]: %08X: "
		       "message-id=<%u.%u@partner.example>\n",
		    pid, q, q, pid);
		break;
	case 4:
		printf("postfix/qmgr[%u]: %08X: from=<news%u@partner.example>, "
		       "size=%u, nrcpt=1 (queue active)\n",
		    pid, q, q % 50, q % 90000);
		break;
	case 5:
		printf("postfix/lmtp[%u]: %08X: to=<user%u@example.org>, "
		       "relay=mx1[private/dovecot-lmtp], delay=0.35, "
		       "delays=0.2/0.01/0.02/0.12, dsn=2.0.0, status=sent "
		       "(250 2.0.0 <user%u@example.org> %X Saved)\n",
		    pid, q, q % 500, q % 500, q);
		break;
	case 6:
		printf("postfix/qmgr[%u]: %08X: removed\n", pid, q);
		break;
	default:
		printf("postfix/smtp[%u]: %08X: "
		       "to=<someone%u@remote.example>, "
		       "relay=mx.remote.example[198.18.9.9]:25, delay=1.2, "
		       "delays=0.1/0/0.6/0.5, dsn=2.0.0, status=sent "
		       "(250 2.0.0 OK)\n",
		    pid, q, q % 999);
	}
}

static void
write_dovecot(const struct event *e, uint32_t what)
{
	uint32_t q = e->q, pid = e->pid;

	if (what == 7)
		printf("dovecot: imap-login: Login: user=<user%u@example.org>, "
		       "method=PLAIN, rip=%s, lip=203.0.113.10, mpid=%u, TLS, "
		       "session=<%08X>\n",
		    q % 500, e->host, pid, q);
	else if (what == 8)
		printf("dovecot: imap(user%u@example.org)<%u><%08X>: Logged "
		       "out in=%u out=%u deleted=0 expunged=0 trashed=0 "
		       "hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0\n",
		    q % 500, pid, q, q % 9000, q % 99999);
	else
		printf("dovecot: lmtp(user%u@example.org)<%u><%08X>: sieve: "
		       "msgid=<%u@partner.example>: stored mail into mailbox "
		       "'INBOX'\n",
		    q % 500, pid, q, q);
}

static int
write_truth(const struct genlog *g)
{
	char host[64];
	uint32_t sum;
	FILE *f;

	if (fcntl(TRUTH_FD, F_GETFD) == -1)
		return 0;
	if ((f = fdopen(TRUTH_FD, "w")) == NULL)
		return -1;
	for (uint32_t who = 0; who < (uint32_t)g->attackers; who++) {
		sum = 0;
		for (int k = 0; k < KINDS; k++)
			sum += g->truth[who][k];
		if (sum == 0)
			continue;
		attacker(host, sizeof(host), who);
		fprintf(f, "%s", host);
		for (int k = 0; k < KINDS; k++)
			fprintf(f, "\t%s=%u", kind_names[k], g->truth[who][k]);
		fputc('\n', f);
	}
	return fclose(f) == 0 ? 0 : -1;
}

static void
attacker(char *buf, size_t size, uint32_t who)
{
	if (who % 7 == 6)
		snprintf(buf, size, "2001:db8:%x:%x::%x", who / 65536,
		    who % 65536, 1 + who % 5);
	else
		snprintf(buf, size, "%u.%u.%u.%u", 45 + (who >> 16) % 150,
		    who >> 8 & 255, who & 255, 1 + who * 7 % 250);
}

/* Marsaglia's xorshift64; a log must be the same everywhere. */
static uint32_t
any(struct genlog *g)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return (uint32_t)(g->random >> 16);
}

static uint32_t
below(struct genlog *g, uint32_t n)
{
	return any(g) % n;
}
