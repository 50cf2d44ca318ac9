/* Shared by the files of config/ only. */
#ifndef MXWARD_CONFIG_PRIV_H
#define MXWARD_CONFIG_PRIV_H

#include <confuse.h>

#include "mxward/config.h"
#include "mxward/error.h"

/* Where an option was written. libconfuse forgets it after parsing. */
struct place {
	const cfg_opt_t *opt;
	const char *file; /* interned in the loader */
	int line;
};

/* One config_load at work. */
struct loader {
	cfg_t *cfg;
	struct config *conf;
	struct error *err;
	bool failed;
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
	struct place *places;
	size_t nplaces, cplaces;
	char **files; /* interned names */
	size_t nfiles;
	int depth; /* of include() */
};

/* grammar.c: a parser for mxward.conf(5). */
cfg_t *grammar_new(void);

/* place.c: the loader at work (libconfuse hands its callbacks nothing of
 * ours), and where things were written. */
struct loader *loader_current(void);
void loader_begin(struct loader *l);
void loader_end(struct loader *l);
/* Report the first mistake as "FILE:LINE: …"; later ones are dropped.
 * Returns -1. */
int loader_fail(struct loader *l, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
void loader_warn(struct loader *l, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
/* A copy of a name that lives as long as the loader, or NULL. */
const char *loader_intern(struct loader *l, const char *name);
void place_record(struct loader *l, cfg_t *sec, cfg_opt_t *opt);
/* The place of an option of a section; of the section itself (where it
 * begins) if the option was not written. */
struct place place_of(struct loader *l, cfg_t *sec, const char *option);
struct place place_of_section(struct loader *l, cfg_t *sec);
/* place_of and loader_fail in one. */
int option_fail(struct loader *l, cfg_t *sec, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Whether it was written, not left to its default. */
bool option_given(cfg_t *sec, const char *option);

/* text.c: parse a file; as cfg_parse. */
int text_parse(cfg_t *cfg, const char *path);

/* include.c: the include() function of the grammar. */
int include_function(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

/* Each reads one kind of section into l->conf; 0, or -1 after loader_fail. */
int load_globals(struct loader *l);
int load_filters(struct loader *l);
int load_jails(struct loader *l);
int load_sources(struct loader *l);
int load_policy(struct loader *l);
int load_enforcers(struct loader *l);

/* values.c: an option's values. Each returns 0, or -1 after loader_fail. */
int value_duration(
    struct loader *l, cfg_t *sec, const char *option, int64_t *out);
int value_durations(struct loader *l, cfg_t *sec, const char *option,
    int64_t *out, size_t max, size_t *n);
int value_uint(struct loader *l, cfg_t *sec, const char *option, long min,
    long max, unsigned *out);
int value_size(struct loader *l, cfg_t *sec, const char *option, long min,
    long max, size_t *out);
int value_mode(
    struct loader *l, cfg_t *sec, const char *option, enum jail_mode *out);
int value_string(struct loader *l, cfg_t *sec, const char *option, char **out);
/* The list's strings as a new array; *out and its strings are the caller's. */
int value_strings(
    struct loader *l, cfg_t *sec, const char *option, char ***out, size_t *n);
/* Addresses and networks; names and "self" only where their pointers are not
 * NULL. */
int value_networks(struct loader *l, cfg_t *sec, const char *option,
    struct prefix **nets, size_t *nnets, char ***names, size_t *nnames,
    bool *self);

/* jails.c */
void jail_conf_clear(struct jail_conf *j);

#endif
