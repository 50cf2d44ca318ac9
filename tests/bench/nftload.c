/*
 * How many bans a second go into the kernel: through the nftables enforcer,
 * and beside it as plain libnftables commands with the text ready, which is
 * the limit. In a network namespace of its own; needs root.
 *
 *	nftload [ELEMENTS]	(100,000)
 */
#include <stdio.h>

#if defined(HAVE_LIBNFTABLES) && defined(HAVE_LIBMNL)

#include <nftables/libnftables.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mxward/enforcer.h"

/* Others may be using the machine: of so many rounds the best counts. */
#define ROUNDS 3

static const unsigned batches[] = { 1, 100, 1000, 10000 };

static char table[] = "mxward";
static struct portgroup group;
static struct nft_ctx *plain;

static struct element *make_elements(size_t n);
static void compare(const struct element *e, size_t n, unsigned batch);
static double clock_s(void);
static void command(const char *text);
static void *open_enforcer(unsigned batch);
static double with_enforcer(const struct element *e, size_t n, unsigned batch);
static double with_libnftables(size_t n, unsigned batch);
static char **make_commands(size_t n, unsigned batch);
static void read_back(struct element *e, size_t n);
static void reconcile(
    void *nft, const struct element *e, size_t n, const char *what);

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, i;
	struct element *e;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		printf("nftload: needs root: skipped\n");
		return 0;
	}
	if (n == 0 || (e = make_elements(n)) == NULL)
		return 1;
	plain = nft_ctx_new(NFT_CTX_DEFAULT);
	portgroup_parse("smtp", &group, NULL);
	printf("%-8s %10s %14s %14s %7s\n", "batch", "elements", "mxward/s",
	    "libnftables/s", "ratio");
	/* One at a time takes a tenth of them just as long. */
	for (i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
		compare(e, batches[i] == 1 ? (n + 9) / 10 : n, batches[i]);
	read_back(e, n);
	nft_ctx_free(plain);
	free(e);
	return 0;
}

static struct element *
make_elements(size_t n)
{
	struct element *e = calloc(n, sizeof(*e));
	size_t i;

	for (i = 0; e != NULL && i < n; i++) {
		e[i].prefix.addr = (struct addr){ { [10] = 0xff,
		    [11] = 0xff,
		    [12] = 10,
		    [13] = (uint8_t)(i >> 16),
		    [14] = (uint8_t)(i >> 8),
		    [15] = (uint8_t)i } };
		e[i].prefix.len = 128;
		e[i].end = (int64_t)time(NULL) + 3600;
	}
	return e;
}

static void
compare(const struct element *e, size_t n, unsigned batch)
{
	double ours = 1e9, theirs = 1e9, t;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if ((t = with_libnftables(n, batch)) < theirs)
			theirs = t;
		if ((t = with_enforcer(e, n, batch)) < ours)
			ours = t;
	}
	printf("%-8u %10zu %14.0f %14.0f %7.2f\n", batch, n, (double)n / ours,
	    (double)n / theirs, theirs / ours);
}

static double
clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
command(const char *text)
{
	if (nft_run_cmd_from_buffer(plain, text) != 0)
		exit(1);
}

static void *
open_enforcer(unsigned batch)
{
	struct nft_conf conf = { .table = table, .batch = batch };
	struct error err;
	void *nft = enforcer_nftables.open(&conf, &group, 1, &err);

	if (nft == NULL) {
		fprintf(stderr, "nftload: %s\n", err.text);
		exit(1);
	}
	return nft;
}

static double
with_enforcer(const struct element *e, size_t n, unsigned batch)
{
	uint8_t *done = malloc(n);
	struct error err;
	double start;
	size_t i, m;
	void *nft;

	command("flush ruleset");
	nft = open_enforcer(batch);
	start = clock_s();
	for (i = 0; i < n; i += m) {
		m = n - i < batch ? n - i : batch;
		if (enforcer_nftables.apply(nft, e + i, m, done, &err) == -1) {
			fprintf(stderr, "nftload: %s\n", err.text);
			exit(1);
		}
	}
	start = clock_s() - start;
	enforcer_nftables.close(nft);
	free(done);
	return start;
}

static double
with_libnftables(size_t n, unsigned batch)
{
	char **text = make_commands(n, batch);
	double start;
	size_t i;

	command("flush ruleset");
	command("add table inet t; add set inet t s { type ipv4_addr; flags "
		"timeout; }");
	start = clock_s();
	for (i = 0; text[i] != NULL; i++)
		command(text[i]);
	start = clock_s() - start;
	for (i = 0; text[i] != NULL; i++)
		free(text[i]);
	free(text);
	return start;
}

static char **
make_commands(size_t n, unsigned batch)
{
	char **text = calloc(n / batch + 2, sizeof(*text));
	size_t i, k, size = (size_t)batch * 40 + 64;
	int at = 0;

	for (i = 0; text != NULL && i < n; i++) {
		if (i % batch == 0) {
			text[i / batch] = malloc(size);
			at = snprintf(
			    text[i / batch], size, "add element inet t s { ");
		}
		k = i / batch;
		at += snprintf(text[k] + at, size - (size_t)at,
		    "10.%zu.%zu.%zu timeout 3600s%s", i >> 16, i >> 8 & 255,
		    i & 255,
		    i % batch == batch - 1 || i == n - 1 ? " }" : ", ");
	}
	return text;
}

/* What a restart, a foreign "flush ruleset" and a new end for all cost. */
static void
read_back(struct element *e, size_t n)
{
	void *nft = open_enforcer(10000);
	struct prefix friend = e[0].prefix;
	struct error err;
	double start;
	size_t i;

	reconcile(nft, e, n, "as the last run left it");
	start = clock_s();
	enforcer_nftables.friends(nft, &friend, 1, &err);
	printf("friends with %zu elements: %.3f s\n", n, clock_s() - start);
	reconcile(nft, e, n, "all right");
	command("flush ruleset");
	reconcile(nft, e, n, "after flush ruleset");
	for (i = 0; i < n; i++)
		e[i].end += 600;
	reconcile(nft, e, n, "all ends changed");
	enforcer_nftables.close(nft);
}

static void
reconcile(void *nft, const struct element *e, size_t n, const char *what)
{
	double start = clock_s();
	struct error err;
	long repairs = enforcer_nftables.reconcile(nft, e, n, &err);

	printf("reconcile of %zu, %s: %ld repairs in %.3f s\n", n, what,
	    repairs, clock_s() - start);
}

#else

int
main(void)
{
	printf("nftload: built without libnftables: skipped\n");
	return 0;
}

#endif
