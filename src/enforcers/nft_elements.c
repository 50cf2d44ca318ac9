/*
 * Reading the elements of a set over netlink, in a fraction of the time that
 * libnftables' text or JSON takes. Most of it is spent in the kernel, which
 * counts from the start for every 800 elements: ten times the elements take a
 * hundred times as long. So it is done only when there is a reason to.
 */
#include "nft_priv.h"

#ifdef NFT_BUILT

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_NS 50000000L

struct dump {
	struct held *held;
	size_t n, size;
	size_t klen;
	int64_t now_ms; /* when the message at hand was read */
	bool nomem;
};

static int dump_set(struct nft *n, unsigned id, struct dump *d);
static bool unique(struct dump *d);
static int by_address(const void *a, const void *b);
static int on_elements(const struct nlmsghdr *h, void *arg);
static int keep_element(struct dump *d, const struct nlattr *element);
static const struct nlattr *element_key(const struct nlattr *element);
static int64_t element_left(const struct nlattr *element);

/*
 * The kernel continues a dump by counting from the start. While it moves the
 * elements of a set that has grown into a larger table (a matter of moments),
 * their order changes under the count: some come twice, and as many not at
 * all. So a dump with repetitions is made again.
 */
int
nft_held(struct nft *n, unsigned id, struct held **out, size_t *count,
    struct error *err)
{
	struct dump d = { .klen = SETID_V6(id) ? 16 : 4 };
	int e, tries;

	for (tries = 0; tries < NFT_DUMP_TRIES; tries++) {
		d.n = 0;
		e = dump_set(n, id, &d);
		if (e == 0 && unique(&d))
			break;
		if (e != 0 && e != EINTR)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	if (e != 0 && e != ENOENT) {
		free(d.held);
		return nft_complain(e, err);
	}
	*out = d.held;
	*count = e == 0 ? d.n : 0;
	return 0;
}

static int
dump_set(struct nft *n, unsigned id, struct dump *d)
{
	char name[SETNAME_LEN];
	int e;

	nft_setname(n, id, name);
	e = nft_get(n, NFT_MSG_GETSETELEM, true, NFTA_SET_ELEM_LIST_TABLE,
	    NFTA_SET_ELEM_LIST_SET, name, on_elements, d);
	return e == 0 && d->nomem ? ENOMEM : e;
}

/* Sort; leave out repetitions, and say whether there were none. */
static bool
unique(struct dump *d)
{
	size_t i, kept = 0, found = d->n;

	if (found > 1)
		qsort(d->held, found, sizeof(*d->held), by_address);
	for (i = 0; i < found; i++)
		if (kept == 0 ||
		    by_address(&d->held[kept - 1], &d->held[i]) != 0)
			d->held[kept++] = d->held[i];
	d->n = kept;
	return kept == found;
}

static int
by_address(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static int
on_elements(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a, *list = nft_element_list(h);
	struct dump *d = arg;
	struct timespec t;

	if (list == NULL)
		return MNL_CB_OK;
	clock_gettime(CLOCK_REALTIME, &t);
	d->now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	mnl_attr_for_each_nested(a, list)
	{
		/* The dump must be read to its end all the same. */
		if (!d->nomem && keep_element(d, a) == -1)
			d->nomem = true;
	}
	return MNL_CB_OK;
}

static int
keep_element(struct dump *d, const struct nlattr *element)
{
	const struct nlattr *key = element_key(element);
	struct held *e;
	int64_t left;
	size_t size;

	if (key == NULL || mnl_attr_get_payload_len(key) != d->klen)
		return 0;
	if (d->n == d->size) {
		size = d->size == 0 ? 1024 : d->size * 2;
		if ((e = realloc(d->held, size * sizeof(*e))) == NULL)
			return -1;
		d->held = e;
		d->size = size;
	}
	e = &d->held[d->n++];
	memset(&e->addr, 0, sizeof(e->addr));
	if (d->klen == 4)
		e->addr.b[10] = e->addr.b[11] = 0xff;
	memcpy(e->addr.b + 16 - d->klen, mnl_attr_get_payload(key), d->klen);
	left = element_left(element);
	e->end_ms = left < 0 ? -1 : d->now_ms + left;
	return 0;
}

static const struct nlattr *
element_key(const struct nlattr *element)
{
	const struct nlattr *a, *key = NULL, *value = NULL;

	mnl_attr_for_each_nested(a, element)
	{
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_KEY)
			key = a;
	}
	if (key == NULL)
		return NULL;
	mnl_attr_for_each_nested(a, key)
	{
		if (mnl_attr_get_type(a) == NFTA_DATA_VALUE)
			value = a;
	}
	return value;
}

static int64_t
element_left(const struct nlattr *element)
{
	const struct nlattr *a;
	uint64_t ms;

	mnl_attr_for_each_nested(a, element)
	{
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_EXPIRATION &&
		    mnl_attr_validate(a, MNL_TYPE_U64) == 0) {
			ms = be64toh(mnl_attr_get_u64(a));
			return ms > INT64_MAX / 2 ? -1 : (int64_t)ms;
		}
	}
	return -1;
}

#endif
