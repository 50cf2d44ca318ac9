/*
 * Reading the kernel's side over netlink (linux/netfilter/nf_tables.h).
 *
 * Chain, rules and friends are not understood, only compared: a checksum of
 * their messages is taken after we wrote them, and must be the same later.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* nft's numbers for its data types, which the kernel keeps for it. */
#define TYPE_IPV4 7
#define TYPE_IPV6 8

#define FNV_START 14695981039346656037ull

static int look_once(struct nft *n);
static struct nlmsghdr *request(
    struct nft *n, char *buf, uint16_t type, uint16_t flags);
static int talk(struct nft *n, struct nlmsghdr *h, mnl_cb_t cb, void *arg);
static bool take_torn(char *buf, int len);
static int on_gen(const struct nlmsghdr *h, void *arg);
static int on_table(const struct nlmsghdr *h, void *arg);
static int on_chain(const struct nlmsghdr *h, void *arg);
static bool hook_is(const struct nft *n, const struct nlattr *hook);
static int on_rule(const struct nlmsghdr *h, void *arg);
static int on_set(const struct nlmsghdr *h, void *arg);
static void note_set(struct nft *n, const char *name, uint32_t flags,
    uint32_t type, uint32_t len);
static void note_stray(struct nft *n, const char *name);
static int on_friends(const struct nlmsghdr *h, void *arg);
static void sign(struct nft *n, const void *p, size_t len);

int
nft_generation(struct nft *n, uint32_t *gen, struct error *err)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	int e;

	*gen = 0;
	e = talk(n, request(n, buf, NFT_MSG_GETGEN, NLM_F_ACK), on_gen, gen);
	return e == 0 ? 0 : nft_complain(e, err);
}

/*
 * Every transaction moves the generation by one. If it moved further than
 * ours explain, somebody else has been at work, also between ours. Returns 1
 * then, else 0; -1 and the reason.
 */
int
nft_settle(struct nft *n, struct error *err)
{
	uint32_t gen;
	int gap;

	if (nft_generation(n, &gen, err) == -1)
		return -1;
	/* "At most", because a transaction that changes nothing does not count. */
	gap = (uint32_t)(gen - n->gen) > n->own;
	if (gap)
		n->foreign = true;
	n->gen = gen;
	n->own = 0;
	return gap;
}

/* Fill n->seen. A table that is not there is no error. */
int
nft_look(struct nft *n, struct error *err)
{
	int e, tries;

	for (tries = 0; tries < NFT_DUMP_TRIES; tries++)
		if ((e = look_once(n)) != EINTR)
			break;
	/* What vanished while it was read is missing, and will be seen so. */
	return e == 0 || e == ENOENT ? 0 : nft_complain(e, err);
}

/* 0, or errno; as do all below. */
static int
look_once(struct nft *n)
{
	static const char *const friends[2] = { "friends_v4", "friends_v6" };
	struct nft_seen *s = &n->seen;
	struct text stray = s->stray;
	int e, i;

	text_clear(&stray);
	memset(s, 0, sizeof(*s));
	s->stray = stray;
	s->sign = FNV_START;
	e = nft_get(
	    n, NFT_MSG_GETTABLE, false, NFTA_TABLE_NAME, 0, NULL, on_table, n);
	if (e != 0)
		return e;
	e = nft_get(n, NFT_MSG_GETCHAIN, false, NFTA_CHAIN_TABLE,
	    NFTA_CHAIN_NAME, NFT_CHAIN, on_chain, n);
	if (e == 0)
		e = nft_get(n, NFT_MSG_GETRULE, true, NFTA_RULE_TABLE,
		    NFTA_RULE_CHAIN, NFT_CHAIN, on_rule, n);
	if (e == 0 || e == ENOENT)
		e = nft_get(n, NFT_MSG_GETSET, true, NFTA_SET_TABLE, 0, NULL,
		    on_set, n);
	for (i = 0; i < 2 && e == 0; i++)
		if (s->friends[i] == SET_RIGHT)
			e = nft_get(n, NFT_MSG_GETSETELEM, true,
			    NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
			    friends[i], on_friends, n);
	return e;
}

static struct nlmsghdr *
request(struct nft *n, char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++n->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	g->res_id = 0;
	return h;
}

/* A torn dump is read to its end: the kernel takes no second one before. */
static int
talk(struct nft *n, struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	char buf[65536];
	unsigned seq = h->nlmsg_seq, port = mnl_socket_get_portid(n->nl);
	bool torn = false;
	ssize_t got;
	int more = 1;

	if (mnl_socket_sendto(n->nl, h, h->nlmsg_len) == -1)
		return errno;
	while (more > 0) {
		got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return errno;
		torn |= take_torn(buf, (int)got);
		more = mnl_cb_run(buf, (size_t)got, seq, port, cb, arg);
		/* The rest of an answer that we did not wait for. */
		if (more == -1 && errno == EPROTO)
			more = 1;
	}
	if (more == -1)
		return errno;
	return torn ? EINTR : 0;
}

/* Whether the kernel marks the dump as torn; the mark would stop libmnl. */
static bool
take_torn(char *buf, int len)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
	bool torn = false;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		h->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return torn;
}

int
nft_get(struct nft *n, uint16_t type, bool all, uint16_t table_attr,
    uint16_t name_attr, const char *name, mnl_cb_t cb, void *arg)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *h =
	    request(n, buf, type, all ? NLM_F_DUMP : NLM_F_ACK);

	mnl_attr_put_strz(h, table_attr, n->table);
	if (name != NULL)
		mnl_attr_put_strz(h, name_attr, name);
	return talk(n, h, cb, arg);
}

int
nft_complain(int e, struct error *err)
{
	if (e == EPERM || e == EACCES)
		return error_set(err,
		    "nftables: no permission to read the rules: run as root "
		    "or with CAP_NET_ADMIN");
	return error_set(err, "nftables: cannot read the rules: %s%s",
	    strerror(e),
	    e == EINVAL || e == EOPNOTSUPP
		? " (is the kernel module nf_tables there?)"
		: "");
}

static int
on_gen(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a;
	uint32_t *gen = arg;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_GEN_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			*gen = ntohl(mnl_attr_get_u32(a));
	}
	return MNL_CB_OK;
}

static int
on_table(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a;
	struct nft *n = arg;

	n->seen.table = n->seen.awake = true;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_TABLE_FLAGS &&
		    mnl_attr_validate(a, MNL_TYPE_U32) == 0 &&
		    (ntohl(mnl_attr_get_u32(a)) & NFT_TABLE_F_DORMANT) != 0)
			n->seen.awake = false;
	}
	return MNL_CB_OK;
}

static int
on_chain(const struct nlmsghdr *h, void *arg)
{
	struct nft *n = arg;
	const struct nlattr *a;
	bool hook = false, accept = false, filter = false;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_CHAIN_HOOK:
			hook = hook_is(n, a);
			break;
		case NFTA_CHAIN_POLICY:
			accept = mnl_attr_validate(a, MNL_TYPE_U32) == 0 &&
			    ntohl(mnl_attr_get_u32(a)) == NF_ACCEPT;
			break;
		case NFTA_CHAIN_TYPE:
			filter = mnl_attr_get_payload_len(a) >= 6 &&
			    memcmp(mnl_attr_get_payload(a), "filter", 6) == 0;
			break;
		default:
			break;
		}
	}
	n->seen.chain = true;
	n->seen.chain_ok = hook && accept && filter;
	return MNL_CB_OK;
}

static bool
hook_is(const struct nft *n, const struct nlattr *hook)
{
	const struct nlattr *a;
	bool input = false, priority = false;

	mnl_attr_for_each_nested(a, hook)
	{
		if (mnl_attr_validate(a, MNL_TYPE_U32) == -1)
			continue;
		if (mnl_attr_get_type(a) == NFTA_HOOK_HOOKNUM)
			input = ntohl(mnl_attr_get_u32(a)) == NF_INET_LOCAL_IN;
		if (mnl_attr_get_type(a) == NFTA_HOOK_PRIORITY)
			priority =
			    (int32_t)ntohl(mnl_attr_get_u32(a)) == n->priority;
	}
	return input && priority;
}

static int
on_rule(const struct nlmsghdr *h, void *arg)
{
	const size_t extra = sizeof(struct nfgenmsg);

	sign(arg, mnl_nlmsg_get_payload_offset(h, extra),
	    mnl_nlmsg_get_payload_len(h) - extra);
	return MNL_CB_OK;
}

static int
on_set(const struct nlmsghdr *h, void *arg)
{
	const char *name = NULL;
	uint32_t flags = 0, type = 0, len = 0;
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_SET_NAME:
			if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
				name = mnl_attr_get_str(a);
			break;
		case NFTA_SET_FLAGS:
			flags = ntohl(mnl_attr_get_u32(a));
			break;
		case NFTA_SET_KEY_TYPE:
			type = ntohl(mnl_attr_get_u32(a));
			break;
		case NFTA_SET_KEY_LEN:
			len = ntohl(mnl_attr_get_u32(a));
			break;
		default:
			break;
		}
	}
	if (name != NULL && (flags & NFT_SET_ANONYMOUS) == 0)
		note_set(arg, name, flags, type, len);
	return MNL_CB_OK;
}

static void
note_set(struct nft *n, const char *name, uint32_t flags, uint32_t type,
    uint32_t len)
{
	bool v4 = type == TYPE_IPV4 && len == 4;
	bool v6 = type == TYPE_IPV6 && len == 16;
	int id;

	if (strcmp(name, "friends_v4") == 0)
		n->seen.friends[0] =
		    v4 && flags == NFT_SET_INTERVAL ? SET_RIGHT : SET_WRONG;
	else if (strcmp(name, "friends_v6") == 0)
		n->seen.friends[1] =
		    v6 && flags == NFT_SET_INTERVAL ? SET_RIGHT : SET_WRONG;
	else if ((id = nft_setid_of(n, name)) != -1)
		n->seen.set[id] =
		    (SETID_V6(id) ? v6 : v4) && flags == NFT_SET_TIMEOUT
		    ? SET_RIGHT
		    : SET_WRONG;
	else
		note_stray(n, name);
}

/* Only what has our form of a name, GROUP_v4_LEN: the rest is not ours. */
static void
note_stray(struct nft *n, const char *name)
{
	const char *tail = strrchr(name, '_');
	size_t len = strlen(name);

	if (tail == NULL || tail - name < 4 || tail[-2] != 'v' ||
	    (tail[-1] != '4' && tail[-1] != '6') || tail[-3] != '_' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
		return;
	text_str(&n->seen.stray, "delete set inet ");
	text_str(&n->seen.stray, n->table);
	text_str(&n->seen.stray, " ");
	text_str(&n->seen.stray, name);
	text_str(&n->seen.stray, "\n");
}

/* Element by element: how many come in a message is the kernel's mood. */
static int
on_friends(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a, *list = nft_element_list(h);

	if (list == NULL)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(a, list)
	{
		sign(arg, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	}
	return MNL_CB_OK;
}

const struct nlattr *
nft_element_list(const struct nlmsghdr *h)
{
	const struct nlattr *a, *list = NULL;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
			list = a;
	}
	return list;
}

/* FNV-1a: it guards against accidents, not against root. */
static void
sign(struct nft *n, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		n->seen.sign = (n->seen.sign ^ b[i]) * 1099511628211ull;
}

#endif
