/*
 * Who must never be banned: ignoreip's addresses and networks, this machine's
 * own, and what host names stand for, looked up again and again. A name that
 * cannot be looked up keeps the addresses it had.
 */
#include <event2/dns.h>
#include <event2/util.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "mxward/log.h"

#define LOOK_AGAIN_S 60
#define NAMES_EVERY  5 /* times that */
#define NAME_ADDRS   16

struct name {
	struct friends *f;
	const char *text;
	struct prefix addr[NAME_ADDRS];
	size_t n;
	bool failed;
};

struct friends {
	struct engine *e;
	struct evdns_base *dns;
	struct event *again;
	struct name *names;
	size_t nnames;
	unsigned rounds;
	struct prefix *told;
	size_t ntold;
};

static void on_again(evutil_socket_t fd, short what, void *arg);
static void look_up(struct friends *f);
static void on_looked_up(int rc, struct evutil_addrinfo *ai, void *arg);
static void tell(struct friends *f);
static size_t add_self(struct prefix *out, size_t max);

struct friends *
friends_start(struct engine *e)
{
	const struct timeval every = { LOOK_AGAIN_S, 0 };
	const struct config *c = e->w->conf;
	struct friends *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->e = e;
	f->names = calloc(c->nignorehosts + 1, sizeof(*f->names));
	f->again = event_new(e->base, -1, EV_PERSIST, on_again, f);
	if (!f->names || !f->again) {
		friends_stop(f);
		return NULL;
	}
	for (size_t i = 0; i < c->nignorehosts; i++)
		f->names[f->nnames++] =
		    (struct name){ .f = f, .text = c->ignorehosts[i] };
	if (f->nnames)
		f->dns =
		    evdns_base_new(e->base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
	event_add(f->again, &every);
	tell(f);
	look_up(f);
	return f;
}

void
friends_stop(struct friends *f)
{
	if (!f)
		return;
	if (f->dns)
		evdns_base_free(f->dns, 0);
	if (f->again)
		event_free(f->again);
	free(f->names);
	free(f->told);
	free(f);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct friends *f = arg;

	(void)fd;
	(void)what;
	if (++f->rounds % NAMES_EVERY == 0)
		look_up(f);
	tell(f);
}

static void
look_up(struct friends *f)
{
	const struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };

	for (size_t i = 0; f->dns && i < f->nnames; i++)
		evdns_getaddrinfo(f->dns, f->names[i].text, NULL, &hints,
		    on_looked_up, &f->names[i]);
}

static void
on_looked_up(int rc, struct evutil_addrinfo *ai, void *arg)
{
	struct name *name = arg;
	struct addr a;

	if (rc == EVUTIL_EAI_CANCEL)
		return;
	if (rc != 0) {
		if (!name->failed)
			log_warn("ignoreip: %s cannot be looked up (%s); its "
				 "last %zu addresses stay",
			    name->text, evutil_gai_strerror(rc), name->n);
		name->failed = true;
		return;
	}
	name->failed = false;
	name->n = 0;
	for (struct evutil_addrinfo *i = ai; i && name->n < NAME_ADDRS;
	     i = i->ai_next)
		if (addr_from_sockaddr(i->ai_addr, &a) == 0)
			name->addr[name->n++] = prefix_of(&a, 128);
	evutil_freeaddrinfo(ai);
	tell(name->f);
}

static void
tell(struct friends *f)
{
	const struct config *c = f->e->w->conf;
	size_t max = c->nignoreip + f->nnames * NAME_ADDRS + 256, n;
	struct prefix *all = calloc(max, sizeof(*all));

	if (!all)
		return;
	n = c->nignoreip;
	memcpy(all, c->ignoreip, n * sizeof(*all));
	if (c->ignore_self)
		n += add_self(all + n, 256);
	for (size_t i = 0; i < f->nnames; i++)
		for (size_t k = 0; k < f->names[i].n; k++)
			all[n++] = f->names[i].addr[k];
	if (f->told && n == f->ntold &&
	    memcmp(all, f->told, n * sizeof(*all)) == 0) {
		free(all);
		return;
	}
	if (judge_friends(f->e->judge, all, n) != 0)
		log_err("not all of ignoreip fits into the ban table: raise "
			"max_bans");
	enforce_friends(f->e->enforce, all, n);
	free(f->told);
	f->told = all;
	f->ntold = n;
}

/* Loopback always; the addresses of all interfaces. */
static size_t
add_self(struct prefix *out, size_t max)
{
	static const char *const loopback[] = { "127.0.0.0/8", "::1" };
	struct ifaddrs *list, *i;
	struct addr a;
	size_t n = 0;

	for (size_t k = 0; k < 2; k++)
		if (prefix_parse(span_of(loopback[k]), &out[n]) == 0)
			n++;
	if (getifaddrs(&list) != 0)
		return n;
	for (i = list; i && n < max; i = i->ifa_next)
		if (i->ifa_addr && !(i->ifa_flags & IFF_LOOPBACK) &&
		    addr_from_sockaddr(i->ifa_addr, &a) == 0)
			out[n++] = prefix_of(&a, 128);
	freeifaddrs(list);
	return n;
}
