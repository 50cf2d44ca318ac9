/*
 * The nftables enforcer: what the warden calls. All is done by two kernel
 * conversations: changes go through libnftables as text, in transactions;
 * reading goes over netlink.
 *
 * Nothing is remembered of the elements: the engine knows what must stand, the
 * kernel what does, and a third copy would only be one more that can be wrong.
 */
#include "mxward/enforcer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft_priv.h"

static void *nft_open(const struct nft_conf *conf,
    const struct portgroup *groups, size_t ngroups, struct error *err);
static void nft_close(void *state);
static int nft_op_apply(void *state, const struct element *elements, size_t n,
    uint8_t *done, struct error *err);
static int nft_friends(
    void *state, const struct prefix *friends, size_t n, struct error *err);
static int nft_changed(void *state, struct error *err);
static long nft_op_reconcile(
    void *state, const struct element *elements, size_t n, struct error *err);

const struct enforcer_ops enforcer_nftables = {
	.name = "nftables",
	.open = nft_open,
	.close = nft_close,
	.apply = nft_op_apply,
	.friends = nft_friends,
	.changed = nft_changed,
	.reconcile = nft_op_reconcile,
};

#ifdef NFT_BUILT

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel answers at once; without a limit a lost answer would be a hang. */
#define ANSWER_SECONDS 5

static struct nft *new_state(const struct nft_conf *conf,
    const struct portgroup *groups, size_t ngroups, struct error *err);
static int check_conf(
    const struct nft_conf *conf, size_t ngroups, struct error *err);
static int connect_kernel(struct nft *n, struct error *err);
static void first_sets(struct nft *n);
static size_t unite(struct prefix *p, size_t n);
static int by_prefix(const void *a, const void *b);
static bool is_v6(const struct prefix *p);

static void *
nft_open(const struct nft_conf *conf, const struct portgroup *groups,
    size_t ngroups, struct error *err)
{
	struct nft *n;
	unsigned id;

	if (check_conf(conf, ngroups, err) == -1 ||
	    (n = new_state(conf, groups, ngroups, err)) == NULL)
		return NULL;
	if (connect_kernel(n, err) == -1 ||
	    nft_generation(n, &n->gen, err) == -1 || nft_look(n, err) == -1)
		goto fail;
	first_sets(n);
	/* Sets that an earlier run needed: their elements are in force. */
	for (id = 0; id < SETIDS; id++)
		n->have[id] |= n->seen.set[id] != SET_MISSING;
	if (nft_build(n, err) == 0)
		return n;
fail:
	nft_close(n);
	return NULL;
}

static void
nft_close(void *state)
{
	struct nft *n = state;

	if (n == NULL)
		return;
	if (n->ctx != NULL)
		nft_ctx_free(n->ctx);
	if (n->nl != NULL)
		mnl_socket_close(n->nl);
	free(n->table);
	free(n->friends);
	free(n->seen.stray.p);
	free(n->text.p);
	free(n);
}

static int
nft_op_apply(void *state, const struct element *elements, size_t n,
    uint8_t *done, struct error *err)
{
	return nft_apply(state, elements, n, done, err);
}

static int
nft_friends(
    void *state, const struct prefix *friends, size_t n, struct error *err)
{
	struct nft *nft = state;
	struct prefix *copy = malloc((n + 1) * sizeof(*copy));

	if (copy == NULL)
		return error_set(err, "nftables: out of memory");
	if (n > 0)
		memcpy(copy, friends, n * sizeof(*copy));
	n = unite(copy, n);
	if (nft->friends_known && nft->is_signed && n == nft->nfriends &&
	    memcmp(copy, nft->friends, n * sizeof(*copy)) == 0) {
		free(copy);
		return 0;
	}
	free(nft->friends);
	nft->friends = copy;
	nft->nfriends = n;
	nft->friends_known = true;
	return nft_build(nft, err);
}

static int
nft_changed(void *state, struct error *err)
{
	struct nft *n = state;

	if (n->foreign || !n->is_signed)
		return 1;
	return nft_settle(n, err);
}

static long
nft_op_reconcile(
    void *state, const struct element *elements, size_t n, struct error *err)
{
	return nft_reconcile(state, elements, n, err);
}

/* The name goes into commands as it is. */
static int
check_conf(const struct nft_conf *conf, size_t ngroups, struct error *err)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *t = conf->table;

	if (*t == '\0' || strlen(t) > 64 || strspn(t, letters) == 0 ||
	    strspn(t, others) != strlen(t))
		return error_set(err,
		    "nftables: table '%s': a name of letters, digits and '_' "
		    "that begins with a letter",
		    t);
	if (ngroups > PORTGROUPS_MAX)
		return error_set(
		    err, "nftables: more than %d port groups", PORTGROUPS_MAX);
	return 0;
}

static struct nft *
new_state(const struct nft_conf *conf, const struct portgroup *groups,
    size_t ngroups, struct error *err)
{
	struct nft *n = calloc(1, sizeof(*n));

	if (n == NULL || (n->table = strdup(conf->table)) == NULL) {
		free(n);
		error_set(err, "nftables: out of memory");
		return NULL;
	}
	n->priority = conf->priority;
	n->drop = conf->drop;
	n->batch = conf->batch > 0 ? conf->batch : 1;
	if (ngroups > 0)
		memcpy(n->group, groups, ngroups * sizeof(*groups));
	n->ngroups = ngroups;
	return n;
}

static int
connect_kernel(struct nft *n, struct error *err)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };

	n->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (n->nl == NULL ||
	    mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID) == -1)
		return error_set(
		    err, "nftables: no netlink socket: %s", strerror(errno));
	(void)setsockopt(mnl_socket_get_fd(n->nl), SOL_SOCKET, SO_RCVTIMEO,
	    &limit, sizeof(limit));
	if ((n->ctx = nft_ctx_new(NFT_CTX_DEFAULT)) == NULL ||
	    nft_ctx_buffer_output(n->ctx) != 0 ||
	    nft_ctx_buffer_error(n->ctx) != 0)
		return error_set(err, "nftables: libnftables does not start");
	return 0;
}

/* The lengths that bans have unless told otherwise. */
static void
first_sets(struct nft *n)
{
	static const struct prefix usual[] = {
		{ { { [10] = 0xff, [11] = 0xff } }, 128 },
		{ { { 0 } }, 64 },
		{ { { 0 } }, 128 },
	};
	unsigned g;
	size_t i;

	for (g = 0; g < n->ngroups; g++)
		for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			n->have[nft_setid(g, &usual[i])] = 1;
}

/* Sort, and leave out what lies inside another: an interval set refuses
 * overlaps. "::/0" is IPv6 alone here. Returns how many remain. */
static size_t
unite(struct prefix *p, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++)
		p[i] = prefix_of(&p[i].addr, p[i].len);
	if (n > 1)
		qsort(p, n, sizeof(*p), by_prefix);
	for (i = 0; i < n; i++)
		if (kept == 0 || is_v6(&p[kept - 1]) != is_v6(&p[i]) ||
		    !prefix_covers(&p[kept - 1], &p[i]))
			p[kept++] = p[i];
	return kept;
}

static int
by_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = (int)is_v6(x) - (int)is_v6(y);

	if (c == 0)
		c = memcmp(&x->addr, &y->addr, sizeof(x->addr));
	return c != 0 ? c : (int)x->len - (int)y->len;
}

static bool
is_v6(const struct prefix *p)
{
	return SETID_V6(nft_setid(0, p));
}

#else

static const char *const lacking =
    "nftables: mxward was built without libnftables and libmnl; install "
    "their development packages and build it again";

static void *
nft_open(const struct nft_conf *conf, const struct portgroup *groups,
    size_t ngroups, struct error *err)
{
	(void)conf;
	(void)groups;
	(void)ngroups;
	error_set(err, "%s", lacking);
	return NULL;
}

static void
nft_close(void *state)
{
	(void)state;
}

static int
nft_op_apply(void *state, const struct element *elements, size_t n,
    uint8_t *done, struct error *err)
{
	(void)state;
	(void)elements;
	memset(done, 1, n);
	return error_set(err, "%s", lacking);
}

static int
nft_friends(
    void *state, const struct prefix *friends, size_t n, struct error *err)
{
	(void)state;
	(void)friends;
	(void)n;
	return error_set(err, "%s", lacking);
}

static int
nft_changed(void *state, struct error *err)
{
	(void)state;
	return error_set(err, "%s", lacking);
}

static long
nft_op_reconcile(
    void *state, const struct element *elements, size_t n, struct error *err)
{
	(void)state;
	(void)elements;
	(void)n;
	return error_set(err, "%s", lacking);
}

#endif
