/* policy and enforcer sections. */
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/duration.h"
#include "mxward/listener.h"
#include "mxward/template.h"

#define LISTEN_MAX 16 /* as many as a child inherits */
#define DEFAULT_ANSWER                                                         \
	"521 5.7.1 Access denied: too many failures from %{host}, try again "  \
	"after %{end}"

static bool is_action(const char *text);
static int load_listen(struct loader *l, cfg_t *sec);
static int load_socket_mode(
    struct loader *l, cfg_t *sec, struct policy_conf *p);
static int load_nft(struct loader *l, cfg_t *sec);

int
load_policy(struct loader *l)
{
	struct policy_conf *p = &l->conf->policy;
	unsigned n = cfg_size(l->cfg, "policy");
	int64_t idle = 3600;
	struct error e;
	cfg_t *sec;

	p->answer = strdup(DEFAULT_ANSWER);
	p->max_clients = 1000;
	p->max_request = 16384;
	p->socket_mode = 0666;
	p->idle = (unsigned)idle;
	if (n == 0)
		return 0;
	sec = cfg_getnsec(l->cfg, "policy", n - 1);
	if (n > 1) {
		struct place at = place_of_section(l, sec);
		return loader_fail(l, at.file, at.line,
		    "policy is there twice: put both into one section");
	}
	if (value_string(l, sec, "answer", &p->answer) != 0 ||
	    value_string(l, sec, "socket_user", &p->socket_user) != 0 ||
	    value_string(l, sec, "socket_group", &p->socket_group) != 0 ||
	    value_uint(l, sec, "max_clients", 1, 100000, &p->max_clients) !=
		0 ||
	    value_uint(l, sec, "max_request", 512, 1 << 20, &p->max_request) !=
		0 ||
	    value_duration(l, sec, "idle", &idle) != 0 ||
	    load_socket_mode(l, sec, p) != 0 || load_listen(l, sec) != 0)
		return -1;
	p->idle = idle > 86400 ? 86400 : (unsigned)idle;
	if (template_check(p->answer, &e) != 0)
		return option_fail(l, sec, "answer", "%s", e.text);
	if (!is_action(p->answer))
		return option_fail(l, sec, "answer",
		    "answer = \"%s\": begin it with a code such as 521 or 421, "
		    "or with an action of access(5) such as REJECT, DEFER, "
		    "HOLD, DISCARD or PREPEND",
		    p->answer);
	return 0;
}

/* What Postfix would take for a mistake refuses everybody with 451. */
static bool
is_action(const char *text)
{
	static const char *const actions[] = { "REJECT", "DEFER",
		"DEFER_IF_REJECT", "DEFER_IF_PERMIT", "HOLD", "DISCARD",
		"PREPEND", "WARN", "INFO", "BCC", "FILTER", "REDIRECT", "DUNNO",
		"OK" };
	size_t n = strcspn(text, " ");

	if ((text[0] == '4' || text[0] == '5') && n == 3 &&
	    strspn(text, "0123456789") == 3)
		return true;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strlen(actions[i]) == n &&
		    strncasecmp(text, actions[i], n) == 0)
			return true;
	return false;
}

static int
load_socket_mode(struct loader *l, cfg_t *sec, struct policy_conf *p)
{
	const char *text;
	char *end;
	long v;

	if (!option_given(sec, "socket_mode"))
		return 0;
	text = cfg_getstr(sec, "socket_mode");
	v = strtol(text, &end, 8);
	if (*end || end == text || v < 0 || v > 0777)
		return option_fail(l, sec, "socket_mode",
		    "socket_mode = \"%s\": write it as chmod takes it, such as "
		    "\"0660\"",
		    text);
	p->socket_mode = (unsigned)v;
	return 0;
}

static int
load_listen(struct loader *l, cfg_t *sec)
{
	struct policy_conf *p = &l->conf->policy;
	unsigned n = cfg_size(sec, "listen");
	struct error e;

	if (n > LISTEN_MAX)
		return option_fail(l, sec, "listen",
		    "listen has %u addresses: write at most %d", n, LISTEN_MAX);
	p->listen = calloc(n + 1, sizeof(*p->listen));
	if (!p->listen)
		return option_fail(l, sec, "listen", "out of memory");
	for (unsigned i = 0; i < n; i++) {
		if (listen_conf_parse(
			cfg_getnstr(sec, "listen", i), &p->listen[i], &e) != 0)
			return option_fail(l, sec, "listen", "%s", e.text);
		p->nlisten++;
	}
	return 0;
}

int
load_enforcers(struct loader *l)
{
	struct nft_conf *nft = &l->conf->nft;
	unsigned n = cfg_size(l->cfg, "enforcer");

	nft->table = strdup("mxward");
	nft->priority = -10;
	nft->batch = 1000;
	nft->reconcile = 60;
	for (unsigned i = 0; i < n; i++) {
		cfg_t *sec = cfg_getnsec(l->cfg, "enforcer", i);
		if (strcmp(cfg_title(sec), "nftables") != 0) {
			struct place p = place_of_section(l, sec);
			return loader_fail(l, p.file, p.line,
			    "there is no enforcer \"%s\": write enforcer "
			    "\"nftables\" {}",
			    cfg_title(sec));
		}
		if (load_nft(l, sec) != 0)
			return -1;
	}
	return 0;
}

static int
load_nft(struct loader *l, cfg_t *sec)
{
	struct nft_conf *nft = &l->conf->nft;
	const char *type;
	int64_t every = nft->reconcile;
	long v;

	nft->enabled =
	    !option_given(sec, "enabled") || cfg_getbool(sec, "enabled");
	if (value_string(l, sec, "table", &nft->table) != 0 ||
	    value_uint(l, sec, "batch", 1, 10000, &nft->batch) != 0 ||
	    value_duration(l, sec, "reconcile", &every) != 0)
		return -1;
	nft->reconcile = every > 86400 ? 86400 : (unsigned)every;
	if (nft->table[0] == '\0' || strlen(nft->table) > 31 ||
	    strspn(nft->table, "abcdefghijklmnopqrstuvwxyz0123456789_-") !=
		strlen(nft->table))
		return option_fail(l, sec, "table",
		    "table = \"%s\": write at most 31 of a-z, 0-9, '_' and '-'",
		    nft->table);
	if (option_given(sec, "priority")) {
		v = cfg_getint(sec, "priority");
		if (v < -400 || v > 400)
			return option_fail(l, sec, "priority",
			    "priority = %ld: write a number from -400 to 400",
			    v);
		nft->priority = (int)v;
	}
	if (!option_given(sec, "blocktype"))
		return 0;
	type = cfg_getstr(sec, "blocktype");
	nft->drop = strcmp(type, "drop") == 0;
	if (!nft->drop && strcmp(type, "reject") != 0)
		return option_fail(l, sec, "blocktype",
		    "blocktype = \"%s\": write \"reject\" or \"drop\"", type);
	return 0;
}
