/*
 * Table, chain, sets and rules. Whatever is missing or wrong, all rules are
 * written again in one transaction that leaves the sets as they are: the
 * kernel goes from the old rules to the new ones between two packets, and no
 * element is touched.
 *
 * There is no rule for established connections before ours, so those of a
 * banned host are cut too: its next segment is answered with a reset.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

static void write_table(struct nft *n);
static void write_chain(struct nft *n);
static void write_sets(struct nft *n);
static void write_friends(struct nft *n);
static void write_rules(struct nft *n);
static void write_rule(struct nft *n, unsigned id, bool tcp, const char *what);
static void write_match(struct nft *n, unsigned id);
static void command(struct nft *n, const char *verb, const char *name);
static int run_text(struct nft *n, const char *text, struct error *err);

unsigned
nft_setid(unsigned group, const struct prefix *p)
{
	bool v4 = p->len >= 96 && addr_is_v4(&p->addr);

	return group << 9 | (v4 ? p->len - 96u : 256u + p->len);
}

/* A name in nftables may not begin with a digit, a port group's may. */
void
nft_setname(const struct nft *n, unsigned id, char buf[SETNAME_LEN])
{
	const char *group = n->group[SETID_GROUP(id)].name;

	snprintf(buf, SETNAME_LEN, "%s%s_v%c_%u",
	    group[0] >= '0' && group[0] <= '9' ? "p" : "", group,
	    SETID_V6(id) ? '6' : '4', SETID_BITS(id));
}

int
nft_setid_of(const struct nft *n, const char *name)
{
	char buf[SETNAME_LEN];
	const char *tail = strrchr(name, '_');
	unsigned g, bits = 0, id;
	size_t i;

	if (tail == NULL || tail - name < 3 || strlen(tail + 1) > 3)
		return -1;
	for (i = 1; tail[i] >= '0' && tail[i] <= '9'; i++)
		bits = bits * 10 + (unsigned)(tail[i] - '0');
	if (bits > (tail[-1] == '6' ? 128 : 32))
		return -1;
	for (g = 0; g < n->ngroups; g++) {
		id = g << 9 | (tail[-1] == '6' ? 256u : 0u) | bits;
		nft_setname(n, id, buf);
		if (strcmp(name, buf) == 0)
			return (int)id;
	}
	return -1;
}

long
nft_broken(const struct nft *n)
{
	const struct nft_seen *s = &n->seen;
	long broken = 0;
	size_t i;

	broken += !s->table || !s->awake;
	broken += !s->chain_ok;
	for (i = 0; i < 2; i++)
		broken += s->friends[i] != SET_RIGHT;
	for (i = 0; i < SETIDS; i++)
		broken += n->have[i] && s->set[i] != SET_RIGHT;
	/* With the chain gone its rules are, too: that is one thing. */
	broken += s->chain_ok && (!n->is_signed || s->sign != n->sign);
	return broken;
}

int
nft_build(struct nft *n, struct error *err)
{
	int gap;

	if (nft_settle(n, err) == -1 || nft_look(n, err) == -1)
		return -1;
	text_clear(&n->text);
	write_table(n);
	write_chain(n);
	write_sets(n);
	write_friends(n);
	write_rules(n);
	n->is_signed = false;
	if (nft_run(n, err) == -1)
		return -1;
	(void)nft_remove_stray(n);
	if (nft_look(n, err) == -1 || (gap = nft_settle(n, err)) == -1)
		return -1;
	/* If somebody changed something since, this may be his signature. */
	n->sign = n->seen.sign;
	n->is_signed = gap == 0;
	return 0;
}

/* A rule of somebody else's may still use such a set; then it stays, and that
 * is all right. */
int
nft_remove_stray(struct nft *n)
{
	struct text *t = &n->seen.stray;

	return t->n > 0 && !t->failed && run_text(n, t->p, NULL) == 0;
}

int
nft_run(struct nft *n, struct error *err)
{
	if (n->text.failed)
		return error_set(err, "nftables: out of memory");
	if (n->text.n == 0)
		return 0;
	return run_text(n, n->text.p, err);
}

/* "add table" also wakes one that is dormant. */
static void
write_table(struct nft *n)
{
	text_str(&n->text, "add table inet ");
	text_str(&n->text, n->table);
	text_str(&n->text, "\n");
}

/* A chain cannot be changed into one of another priority: it is replaced, and
 * the kernel hooks the new one before it unhooks the old one. */
static void
write_chain(struct nft *n)
{
	char hook[96];

	if (n->seen.chain) {
		command(n, "flush chain", NFT_CHAIN);
		text_str(&n->text, "\n");
	}
	if (n->seen.chain && !n->seen.chain_ok) {
		command(n, "delete chain", NFT_CHAIN);
		text_str(&n->text, "\n");
	}
	command(n, "add chain", NFT_CHAIN);
	snprintf(hook, sizeof(hook),
	    " { type filter hook input priority %d; policy accept; }\n",
	    n->priority);
	text_str(&n->text, hook);
}

/*
 * The kernel looks for elements that are over once a second unless told
 * otherwise, which costs with a million of them; they refuse nobody meanwhile.
 */
static void
write_sets(struct nft *n)
{
	char name[SETNAME_LEN];
	unsigned id;

	for (id = 0; id < SETIDS; id++) {
		if (!n->have[id])
			continue;
		nft_setname(n, id, name);
		if (n->seen.set[id] == SET_WRONG) {
			command(n, "delete set", name);
			text_str(&n->text, "\n");
		}
		command(n, "add set", name);
		text_str(&n->text,
		    SETID_V6(id) ? " { type ipv6_addr;" : " { type ipv4_addr;");
		text_str(&n->text, " flags timeout; gc-interval 30s; }\n");
	}
}

static void
write_friends(struct nft *n)
{
	static const char *const name[2] = { "friends_v4", "friends_v6" };
	size_t i, written;
	unsigned v6, id;

	for (v6 = 0; v6 < 2; v6++) {
		if (n->seen.friends[v6] == SET_WRONG) {
			command(n, "delete set", name[v6]);
			text_str(&n->text, "\n");
		}
		command(n, "add set", name[v6]);
		text_str(&n->text,
		    v6 ? " { type ipv6_addr; flags interval; }\n"
		       : " { type ipv4_addr; flags interval; }\n");
		if (!n->friends_known)
			continue;
		command(n, "flush set", name[v6]);
		text_str(&n->text, "\n");
		for (i = written = 0; i < n->nfriends; i++) {
			id = nft_setid(0, &n->friends[i]);
			if (SETID_V6(id) != (v6 == 1))
				continue;
			if (written++ == 0)
				command(n, "add element", name[v6]);
			text_str(&n->text, written == 1 ? " { " : ", ");
			text_addr(&n->text, &n->friends[i].addr, v6 == 1);
			text_str(&n->text, "/");
			text_num(&n->text, SETID_BITS(id));
		}
		text_str(&n->text, written > 0 ? " }\n" : "");
	}
}

static void
write_rules(struct nft *n)
{
	unsigned id;

	command(n, "add rule", NFT_CHAIN);
	text_str(&n->text, " ip saddr @friends_v4 return\n");
	command(n, "add rule", NFT_CHAIN);
	text_str(&n->text, " ip6 saddr @friends_v6 return\n");
	for (id = 0; id < SETIDS; id++) {
		if (!n->have[id])
			continue;
		if (!n->drop)
			write_rule(n, id, true, "reject with tcp reset");
		if (n->drop || n->group[SETID_GROUP(id)].nports == 0)
			write_rule(n, id, false, "drop");
	}
}

/* Ports come first: traffic of other services does not look into big sets. */
static void
write_rule(struct nft *n, unsigned id, bool tcp, const char *what)
{
	const struct portgroup *g = &n->group[SETID_GROUP(id)];
	size_t i;

	command(n, "add rule", NFT_CHAIN);
	if (g->nports > 0) {
		text_str(&n->text, " tcp dport ");
		for (i = 0; i < g->nports; i++) {
			text_str(&n->text, i == 0 ? "{ " : ", ");
			text_num(&n->text, g->port[i]);
		}
		text_str(&n->text, " }");
	} else if (tcp) {
		text_str(&n->text, " meta l4proto tcp");
	}
	write_match(n, id);
	text_str(&n->text, what);
	text_str(&n->text, "\n");
}

static void
write_match(struct nft *n, unsigned id)
{
	static const struct addr ones = { { 255, 255, 255, 255, 255, 255, 255,
	    255, 255, 255, 255, 255, 255, 255, 255, 255 } };
	unsigned full = SETID_V6(id) ? 128 : 32;
	char name[SETNAME_LEN];
	struct prefix mask;

	text_str(&n->text, SETID_V6(id) ? " ip6 saddr " : " ip saddr ");
	if (SETID_BITS(id) < full) {
		mask = prefix_of(&ones, 128 - full + SETID_BITS(id));
		text_str(&n->text, "& ");
		text_addr(&n->text, &mask.addr, SETID_V6(id));
		text_str(&n->text, " ");
	}
	nft_setname(n, id, name);
	text_str(&n->text, "@");
	text_str(&n->text, name);
	text_str(&n->text, " ");
}

static void
command(struct nft *n, const char *verb, const char *name)
{
	text_str(&n->text, verb);
	text_str(&n->text, " inet ");
	text_str(&n->text, n->table);
	text_str(&n->text, " ");
	text_str(&n->text, name);
}

/* Of libnftables' complaint the first line, without where in our text. */
static int
run_text(struct nft *n, const char *text, struct error *err)
{
	const char *why, *p;

	if (nft_run_cmd_from_buffer(n->ctx, text) == 0) {
		n->own++;
		return 0;
	}
	why = nft_ctx_get_error_buffer(n->ctx);
	if (why == NULL || *why == '\0')
		why = "no reason given";
	if ((p = strstr(why, "Error: ")) != NULL)
		why = p + 7;
	return error_set(err, "nftables: %.*s", (int)strcspn(why, "\n"), why);
}

#endif
