/*
 * What the files of the nftables enforcer share.
 *
 * One table, one chain, and for every port group and prefix length in use a
 * plain hash set keyed by the masked address, with a rule that masks the same
 * way. So no set holds intervals: those would have to be merged where they
 * overlap, and merging elements that have ends of their own is not possible.
 */
#ifndef MXWARD_NFT_PRIV_H
#define MXWARD_NFT_PRIV_H

#if defined(HAVE_LIBNFTABLES) && defined(HAVE_LIBMNL)
#define NFT_BUILT

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/enforcer.h"

#define NFT_CHAIN      "input"
#define NFT_DUMP_TRIES 5 /* a dump is torn when somebody commits meanwhile */

/* Text for libnftables, growing. Appending to one that is out of memory does
 * nothing; nft_run then reports it. */
struct text {
	char *p;
	size_t n, size;
	bool failed;
};

/* A set's number: its group, family and prefix length, in 14 bits. */
#define SETID_GROUP(id) ((unsigned)(id) >> 9)
#define SETID_V6(id)    (((unsigned)(id) >> 8 & 1) != 0)
#define SETID_BITS(id)  ((unsigned)(id)&255)
#define SETIDS          (PORTGROUPS_MAX << 9)
#define SETNAME_LEN     (PORTGROUP_NAME + 16)

enum set_state { SET_MISSING, SET_RIGHT, SET_WRONG };

/* What the kernel holds of our table, without the elements of bans. */
struct nft_seen {
	bool table;           /* is there */
	bool awake;           /* not "dormant" */
	bool chain, chain_ok; /* is there; with our hook and policy */
	uint8_t set[SETIDS];  /* enum set_state */
	uint8_t friends[2];   /* the same, for IPv4 and IPv6 */
	uint64_t sign;        /* checksum of chain, rules and friends */
	struct text stray;    /* commands that delete sets we do not know */
};

struct nft {
	struct nft_ctx *ctx;
	struct mnl_socket *nl;
	uint32_t seq;
	char *table;
	int priority;
	bool drop;
	size_t batch;
	struct portgroup group[PORTGROUPS_MAX];
	size_t ngroups;
	uint8_t have[SETIDS];   /* sets that must be there, with their rules */
	struct prefix *friends; /* sorted, none inside another */
	size_t nfriends;
	bool friends_known; /* before the first friends() they are left alone */
	uint32_t gen;       /* the ruleset's generation when last ours */
	uint32_t own;       /* our transactions since */
	bool foreign;       /* somebody else's came in between */
	uint64_t sign;      /* of what we built */
	bool is_signed;
	struct nft_seen seen;
	struct text text;
};

/* An element the kernel holds, and when it ends: milliseconds since the epoch,
 * or -1 for never. */
struct held {
	struct addr addr;
	int64_t end_ms;
};

/* An element to be written: sorted by set and address it becomes text. */
struct item {
	struct addr addr;
	int64_t left; /* seconds; -1: for ever; 0: delete */
	uint32_t index;
	uint16_t set;
	bool skip; /* a later one of the same key follows */
};

/* nft_text.c */
void text_clear(struct text *t);
void text_str(struct text *t, const char *s);
void text_num(struct text *t, uint64_t v);
void text_addr(struct text *t, const struct addr *a, bool v6);
void text_left(struct text *t, int64_t seconds);

/* nft_rules.c: table, chain, sets and rules */
unsigned nft_setid(unsigned group, const struct prefix *p);
void nft_setname(const struct nft *n, unsigned id, char buf[SETNAME_LEN]);
/* The number of the set with this name, or -1. */
int nft_setid_of(const struct nft *n, const char *name);
/* How many parts of what must be there are missing or wrong in n->seen. */
long nft_broken(const struct nft *n);
/* Look, and build what must be there, in one transaction; elements stay. */
int nft_build(struct nft *n, struct error *err);
/* Delete sets of groups that are no longer configured: 1 if there were any. */
int nft_remove_stray(struct nft *n);
/* Run a transaction (n->text). */
int nft_run(struct nft *n, struct error *err);

/* nft_batch.c: elements */
int nft_apply(struct nft *n, const struct element *el, size_t count,
    uint8_t *done, struct error *err);
/* Items of the elements, sorted, the superseded marked; elements of no
 * configured group are left out. standing: none is to be deleted, whatever
 * its op. Returns how many. */
size_t nft_items(const struct nft *n, const struct element *el, size_t count,
    int64_t now, bool standing, struct item *out);
int64_t nft_now(void);

/* nft_netlink.c: reading */
int nft_generation(struct nft *n, uint32_t *gen, struct error *err);
/* Take note of what our transactions should have made of the generation. */
int nft_settle(struct nft *n, struct error *err);
int nft_look(struct nft *n, struct error *err);
/* Ask for one object, or all, by table and perhaps name. 0, or errno. */
int nft_get(struct nft *n, uint16_t type, bool all, uint16_t table_attr,
    uint16_t name_attr, const char *name, mnl_cb_t cb, void *arg);
/* Say in words what errno means here; returns -1. */
int nft_complain(int e, struct error *err);
const struct nlattr *nft_element_list(const struct nlmsghdr *h);

/* nft_elements.c */
/* The elements of a set, sorted by address; the array is the caller's to free.
 * A set that is not there has none. */
int nft_held(struct nft *n, unsigned id, struct held **out, size_t *count,
    struct error *err);

/* nft_readback.c */
long nft_reconcile(
    struct nft *n, const struct element *el, size_t count, struct error *err);

#endif
#endif
