/*
 * The configuration: what an administrator wrote (mxward.conf(5)), read by
 * libconfuse, checked whole, and laid out for the program. Immutable once
 * loaded; a reload loads another one.
 */
#ifndef MXWARD_CONFIG_H
#define MXWARD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/error.h"
#include "mxward/filter.h"
#include "mxward/judge.h"

/* Where one may listen: "unix:/path" or "inet:HOST:PORT" (HOST an address,
 * "[::1]" for IPv6). */
struct listen_conf {
	bool is_unix;
	char *path;       /* unix */
	struct addr addr; /* inet */
	uint16_t port;
	char *text; /* as written */
};

enum source_kind { SOURCE_FILES, SOURCE_JOURNAL, SOURCE_STDIN };

struct source_conf {
	char *name;
	enum source_kind kind;
	char **files; /* globs */
	size_t nfiles;
	char *journal; /* "system", or the path of a directory or file */
	char **match;  /* "FIELD=value", as journalctl(1) takes them */
	size_t nmatch;
	bool written; /* by an administrator; else the default */
};

struct jail_conf {
	struct jail_spec spec; /* its arrays point into this struct */
	char *name;
	struct filter **filters;
	uint64_t *rules; /* per filter, see jail_spec */
	struct prefix *ignoreip;
	char *ports; /* "smtp", "imap,pop3", "all", "25,587" */
	bool enabled;
	char *file; /* where it was written */
	int line;
};

struct policy_conf {
	struct listen_conf *listen;
	size_t nlisten;
	char *answer; /* "521 5.7.1 …", may hold %{…} fields: template.h */
	unsigned max_clients;
	unsigned max_request; /* bytes */
	unsigned idle; /* seconds after which a silent client is closed */
	unsigned socket_mode; /* of unix sockets */
	char *socket_user; /* their owner and group; NULL: left as they are */
	char *socket_group;
};

struct nft_conf {
	bool enabled;
	char *table;        /* name of the inet table, "mxward" */
	int priority;       /* of the input hook */
	bool drop;          /* else: reject, with a tcp reset */
	unsigned batch;     /* elements a transaction at the most */
	unsigned reconcile; /* seconds between two read-backs */
};

struct config {
	char *path; /* the file it was loaded from */
	char *user; /* whom engine and doors run as, when started as root */
	char *group;
	char *statedir;
	char *control;       /* path of the control socket */
	char *control_group; /* may use it besides root; NULL: nobody */
	char *log_level;     /* "error", "warning", "info", "debug" */
	size_t max_bans;
	size_t max_hosts; /* counted at once, each jail */
	int64_t history;  /* seconds that ended bans are kept in the store */
	bool ignore_self; /* "self" among ignoreip */
	struct prefix *ignoreip;
	size_t nignoreip;
	char **ignorehosts; /* names to be resolved */
	size_t nignorehosts;
	struct source_conf *sources;
	size_t nsources;
	struct filter **filters; /* all that were defined */
	size_t nfilters;
	struct jail_conf *jails; /* all; look at `enabled` */
	size_t njails;
	struct policy_conf policy;
	struct nft_conf nft;
};

/*
 * Load and check the file. Returns NULL and one line
 * "FILE:LINE: what is wrong, what to write instead".
 * warn, if not NULL, is called with a line for each thing that is legal and
 * probably not meant.
 */
struct config *config_load(const char *path, struct error *err,
    void (*warn)(void *arg, const char *text), void *arg);
void config_free(struct config *c);

/* What enabled jails want of every filter: the filters used by any of them
 * and the optional rules they enable, for router_new. The arrays are the
 * caller's to free. Returns how many, or -1 when out of memory. */
long config_routes(
    const struct config *c, struct filter ***filters, uint64_t **optional);

/* The specs of the enabled jails, as an array for judge_new (the caller frees
 * the array only). Returns how many, or -1. */
long config_jail_specs(const struct config *c, struct jail_spec **specs);

#endif
