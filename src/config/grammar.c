/*
 * The grammar of mxward.conf(5) for libconfuse: which sections and keys there
 * are. What their values must look like is said where they are read.
 */
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"

static int note_place(cfg_t *cfg, cfg_opt_t *opt);
static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* No defaults here: whether a key was written matters (a jail's own limit
 * comes before the global one, and that before the filter's). */
/* clang-format off */
#define STRING(n) { .name = (n), .type = CFGT_STR, .validcb = note_place }
#define STRINGS(n)                                                             \
	{ .name = (n), .type = CFGT_STR, .flags = CFGF_LIST,                   \
	  .validcb = note_place }
#define NUMBER(n) { .name = (n), .type = CFGT_INT, .validcb = note_place }
#define SWITCH(n) { .name = (n), .type = CFGT_BOOL, .validcb = note_place }
#define TITLED(n, o)                                                           \
	{ .name = (n), .type = CFGT_SEC, .subopts = (o),                       \
	  .flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES }
#define SINGLE(n, o)                                                           \
	{ .name = (n), .type = CFGT_SEC, .subopts = (o),                       \
	  .flags = CFGF_MULTI }
#define FUNCTION(n, f) { .name = (n), .type = CFGT_FUNC, .func = (f) }

static cfg_opt_t rule_opts[] = {
	STRING("failregex"),
	STRING("successregex"),
	STRING("ignoreregex"),
	SWITCH("optional"),
	STRINGS("sample"),
	STRINGS("miss"),
	CFG_END()
};

static cfg_opt_t filter_opts[] = {
	STRING("description"),
	STRINGS("program"),
	NUMBER("maxretry"),
	STRING("findtime"),
	STRING("bantime"),
	STRING("ports"),
	TITLED("rule", rule_opts),
	CFG_END()
};

/* What may be set globally and again in a jail. */
#define LIMITS                                                                 \
	NUMBER("maxretry"),                                                    \
	STRING("findtime"),                                                    \
	STRINGS("bantime"),                                                    \
	STRING("memory"),                                                      \
	STRINGS("ignoreip"),                                                   \
	STRING("mode"),                                                        \
	NUMBER("prefix"),                                                      \
	NUMBER("prefix6"),                                                     \
	SWITCH("reset_on_success")

static cfg_opt_t jail_opts[] = {
	LIMITS,
	SWITCH("enabled"),
	STRINGS("filter"),
	STRINGS("enable"),
	STRINGS("disable"),
	SWITCH("recidive"),
	STRINGS("ports"),
	CFG_END()
};

static cfg_opt_t source_opts[] = {
	STRINGS("file"),
	STRING("journal"),
	STRINGS("match"),
	SWITCH("stdin"),
	CFG_END()
};

static cfg_opt_t policy_opts[] = {
	STRINGS("listen"),
	STRING("answer"),
	NUMBER("max_clients"),
	NUMBER("max_request"),
	STRING("idle"),
	STRING("socket_mode"),
	STRING("socket_user"),
	STRING("socket_group"),
	CFG_END()
};

static cfg_opt_t enforcer_opts[] = {
	SWITCH("enabled"),
	STRING("table"),
	NUMBER("priority"),
	STRING("blocktype"),
	NUMBER("batch"),
	STRING("reconcile"),
	CFG_END()
};

static cfg_opt_t top_opts[] = {
	FUNCTION("include", include_function),
	STRING("user"),
	STRING("group"),
	STRING("statedir"),
	STRING("control"),
	STRING("control_group"),
	STRING("log_level"),
	NUMBER("max_bans"),
	NUMBER("max_hosts"),
	STRING("history"),
	LIMITS,
	TITLED("filter", filter_opts),
	TITLED("source", source_opts),
	TITLED("jail", jail_opts),
	SINGLE("policy", policy_opts),
	TITLED("enforcer", enforcer_opts),
	CFG_END()
};
/* clang-format on */

cfg_t *
grammar_new(void)
{
	cfg_t *cfg = cfg_init(top_opts, CFGF_NONE);

	if (cfg)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

static int
note_place(cfg_t *cfg, cfg_opt_t *opt)
{
	place_record(loader_current(), cfg, opt);
	return 0;
}

/* How unlike two names are: insertions, deletions, changes (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], nb = strlen(b);

	if (nb >= 64 || strlen(a) >= 64)
		return 64;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = row[j] < row[j - 1] ? row[j] : row[j - 1];
			row[j] = row[j] + 1 < change ? row[j] + 1 : change;
		}
	}
	return row[nb];
}

/* Words that are known, but not here: fail2ban's, and sections within a section
 * whose } is missing. */
static bool
hint_known(cfg_t *cfg, const char *key)
{
	static const struct {
		const char *word, *hint;
	} words[] = {
		{ "logpath", "write source \"NAME\" { file = { \"PATH\" } }" },
		{ "backend", "write source \"NAME\" { journal = \"system\" }" },
		{ "action", "write enforcer \"nftables\" {}" },
		{ "banaction", "write enforcer \"nftables\" {}" },
		{ "port", "write ports = { \"smtp\" }" },
		{ "blocktype", "write it into enforcer \"nftables\" {}" },
		{ "ignoreself", "write ignoreip = { \"self\" }" },
		{ "dbpurgeage", "write history = \"90d\"" },
		{ "dbfile", "write statedir = \"DIRECTORY\"" },
		{ "loglevel", "write log_level = \"info\"" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(key, words[i].word) == 0) {
			loader_fail(loader_current(), cfg->filename, cfg->line,
			    "unknown key '%s': %s", key, words[i].hint);
			return true;
		}
	for (cfg_opt_t *o = top_opts; strcmp(cfg->name, "root") && o->name; o++)
		if (strcmp(key, o->name) == 0 && o->type == CFGT_SEC) {
			loader_fail(loader_current(), cfg->filename, cfg->line,
			    "'%s' stands within %s: is a } missing above it?",
			    key, cfg->name);
			return true;
		}
	return false;
}

static void
unknown_key(cfg_t *cfg, const char *key)
{
	const char *best = NULL;
	size_t least = strlen(key) < 6 ? 2 : 4;

	if (hint_known(cfg, key))
		return;

	for (cfg_opt_t *o = cfg->opts; o->name; o++)
		if (distance(key, o->name) < least) {
			least = distance(key, o->name);
			best = o->name;
		}
	if (best)
		loader_fail(loader_current(), cfg->filename, cfg->line,
		    "unknown key '%s': did you mean '%s'?", key, best);
	else
		loader_fail(loader_current(), cfg->filename, cfg->line,
		    "unknown key '%s' in %s: mxward.conf(5) lists those there "
		    "are",
		    key, strcmp(cfg->name, "root") ? cfg->name : "the file");
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	static const char unknown[] = "no such option '";
	static const char twice[] = "found duplicate title '";
	/* What libconfuse says, and what to write instead. */
	static const struct {
		const char *begins, *hint;
	} hints[] = {
		{ "invalid integer", "write a number without quotes" },
		{ "invalid boolean", "write true or false" },
		{ "unexpected token",
		    "is a comma missing in a list, or one too many between "
		    "keys?" },
		{ "missing title", "write a name in quotes before the {" },
		{ "missing parenthesis", "write include(\"PATH\")" },
		{ "missing equal", "write key = value" },
		{ "premature end", "is a value, a quote or a } missing?" },
	};
	char text[512];
	size_t n;

	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	if (strncmp(text, unknown, sizeof(unknown) - 1) == 0) {
		text[n - 1] = '\0';
		unknown_key(cfg, text + sizeof(unknown) - 1);
	} else if (strncmp(text, twice, sizeof(twice) - 1) == 0) {
		loader_fail(loader_current(), cfg->filename, cfg->line,
		    "the title '%s is there twice: put both into one section, "
		    "and include a file once",
		    text + sizeof(twice) - 1);
	} else {
		for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
			if (strncmp(text, hints[i].begins,
				strlen(hints[i].begins)) == 0)
				loader_fail(loader_current(), cfg->filename,
				    cfg->line, "%s: %s", text, hints[i].hint);
		loader_fail(
		    loader_current(), cfg->filename, cfg->line, "%s", text);
	}
}
