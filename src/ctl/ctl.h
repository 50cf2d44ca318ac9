/* What the commands of mxwardctl share. */
#ifndef MXWARD_CTL_H
#define MXWARD_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mxward/error.h"
#include "mxward/span.h"

/* Exit status, as in mxwardctl(8). */
enum { DONE = 0, NO = 1, USAGE = 2, UNREACHABLE = 3, REFUSED = 4 };

/* What a command accepts besides the common options: a bit each. */
enum {
	OPT_JAIL = 1 << 0,
	OPT_FOR = 1 << 1,
	OPT_REASON = 1 << 2,
	OPT_FORCE = 1 << 3,
	OPT_ALL = 1 << 4,
	OPT_FILTER = 1 << 5,
	OPT_NOW = 1 << 6,
	OPT_SAMPLES = 1 << 7,
	OPT_LINE = 1 << 8,
	OPT_MISSED = 1 << 9,
	OPT_TOP = 1 << 10,
	/* The common ones. */
	OPT_CONFIG = 1 << 16,
	OPT_SOCKET = 1 << 17,
	OPT_JSON = 1 << 18,
	OPT_QUIET = 1 << 19,
	OPT_HELP = 1 << 20,
	OPT_VERSION = 1 << 21
};

#define FILTERS_MOST 64

/* How to write for a person. */
struct term {
	bool color;
	bool utf8;
	size_t width; /* columns; 0: no limit, as in a pipe */
};

/* The command line, taken apart. Strings are argv's. */
struct ctl {
	struct term term;   /* standard output */
	unsigned given;     /* OPT_… */
	const char *config; /* NULL: not given */
	const char *socket;
	const char *jail;
	const char *length; /* --for */
	const char *reason;
	const char *filter[FILTERS_MOST];
	size_t nfilters;
	const char *now;
	const char *line;
	const char *missed;
	const char *top;
	char **operand;
	int noperands;
};

struct command {
	const char *name;
	const char *operands; /* as in a synopsis */
	const char *summary;  /* one line */
	const char *details;  /* more for --help, or NULL */
	unsigned options;
	int least, most; /* operands; most -1: any number */
	int (*run)(struct ctl *c);
};

/* main.c */
const struct command *command_at(size_t i); /* NULL after the last */
const struct command *command_find(const char *name);
/* "mxwardctl: …" on standard error, made harmless; returns status. */
int fail(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* p, or the end of the program where there was no memory for it. */
void *must(void *p);

/* options.c */
struct option_text {
	unsigned bit;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* NULL: it takes none */
	const char *help;
};
const struct option_text *option_at(size_t i); /* NULL after the last */
/* Parse options into c; mask: those allowed, NULL command: before the command,
 * where the first operand ends it. Returns 0, or an exit status after a
 * message. */
int options_parse(
    struct ctl *c, const struct command *cmd, int argc, char **argv);

/* help.c, completion.c */
#define SYNOPSIS_LEN 256
/* "watch [-j JAIL]" */
const char *synopsis(const struct command *cmd, char buf[SYNOPSIS_LEN]);
/* Complain about a name that is no command; returns the exit status. */
int no_such_command(const char *name);
void help_all(FILE *fp);
void help_command(FILE *fp, const struct command *cmd);
int run_help(struct ctl *c);
int run_completion(struct ctl *c);

/* socket.c: the path of the control socket, into buf. DONE, or an exit status
 * after a message unless quiet. */
int socket_path(const struct ctl *c, bool quiet, char *buf, size_t size);

/* client.c: one connection to the engine. */
struct client;
/* NULL and an exit status in *status, after a message unless quiet. */
struct client *client_open(const struct ctl *c, bool quiet, int *status);
void client_close(struct client *cl);
/*
 * Send the request (taken over) and hand each row (borrowed) to row, which
 * may be NULL, until the closing line, whose members *closing gets (the
 * caller's to free; may be NULL). Returns DONE, or an exit status after a
 * message. seconds: how long to wait for each line; 0: for ever.
 */
int client_ask(struct client *cl, json_t *request, int seconds,
    void (*row)(void *arg, json_t *row), void *arg, json_t **closing);
/* Whether the last client_ask lost the connection (its message was not
 * printed if quiet is set). */
bool client_lost(const struct client *cl);
void client_quiet(struct client *cl);
/* Wait until the peer closes. False after so many seconds. */
bool client_drained(struct client *cl, int seconds);
/* Open, ask, close: for commands of one question. */
int ask(const struct ctl *c, json_t *request, int seconds,
    void (*row)(void *arg, json_t *row), void *arg, json_t **closing);
/* text, or "" where systemd does not run: for what only it can be asked. */
const char *on_systemd(const char *text);
/* {"command": name, "jail": from --jail if given}. */
json_t *request_new(const struct ctl *c, const char *name);
/* One compact line on standard output. */
void print_json(const json_t *o);

/* text.c: for people. */
enum style { PLAIN, BOLD, DIM, GOOD, BAD, WARN, TITLE };
void term_init(struct term *t, int fd);
/* The sequences around a text; "" without colour. */
const char *style_on(const struct term *t, enum style s);
const char *style_off(const struct term *t, enum style s);
/* Copy text with everything that could act on a terminal made harmless, cut to
 * fit. Returns the length. */
size_t text_safe(struct span text, char *buf, size_t size);
void text_print(FILE *fp, struct span text);
/* Bytes at the beginning that JSON takes as they are: valid UTF-8 without
 * controls, quotes and backslashes. */
size_t text_plain(struct span text);
/* Columns that harmless UTF-8 takes; bytes of it that fit into so many
 * columns. */
size_t text_width(const char *s);
size_t text_fit(const char *s, size_t columns);
/* RFC 3339 in UTC → seconds since the epoch; false if it is none. */
bool when_parse(const char *text, int64_t *out);
/* Local time for a person: "13:02:01" today, else "2026-11-24 13:02:01". */
#define WHEN_LEN 32
const char *when_format(int64_t when, int64_t now, char buf[WHEN_LEN]);
const char *when_short(int64_t when, char buf[WHEN_LEN]); /* "Nov 24 13:02" */
/* Rounded, at most two units: "3h 12m". */
const char *length_format(int64_t seconds, char buf[WHEN_LEN]);
/* "12,345", "1.2 GiB", "3rd". */
const char *number_format(uint64_t n, char buf[WHEN_LEN]);
const char *bytes_format(uint64_t n, char buf[WHEN_LEN]);
const char *nth_format(unsigned n, char buf[WHEN_LEN]);

/* targets.c: addresses and networks as operands. */
bool is_target(const char *text);
/* Whether all operands are; if not, *status after a message that says what was
 * probably meant. */
bool targets_ok(const struct ctl *c, const char *command, int *status);
/*
 * Send the request (taken over) for one target after the other, on one
 * connection; told gets each answer. Returns the worst exit status.
 */
int ask_each(const struct ctl *c, json_t *request, int seconds,
    int (*told)(const struct ctl *c, const char *target, json_t *answer));

/* JSON, with a default where a member is missing. */
const char *get_text(const json_t *o, const char *key); /* "" */
int64_t get_int(const json_t *o, const char *key);      /* 0 */
bool get_when(const json_t *o, const char *key, int64_t *out);

/* table.c */
struct column {
	const char *title;
	bool right;    /* numbers */
	bool elastic;  /* is cut first where the terminal is too narrow */
	bool optional; /* left out when all its cells are empty */
	/* Left out where the terminal is too narrow: 1 first; 0 never. */
	unsigned char drop;
};
struct table;
/* columns, at most 16, must outlive the table. */
struct table *table_new(
    const struct term *t, const struct column *columns, size_t n);
void table_free(struct table *tb);
/* Append a cell; after the last of a row comes the next row. */
void table_cell(struct table *tb, enum style s, const char *text);
void table_cellf(struct table *tb, enum style s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t table_rows(const struct table *tb);
void table_print(const struct table *tb, const char *title, FILE *fp);

/* The commands. */
int run_status(struct ctl *c);
/* bans.c: the bans of c->jail as a table, the newest first; with a title (or
 * NULL) that says of which jail. Returns how many; *rc is the exit status. */
size_t show_bans(const struct ctl *c, const char *title, int *rc);
/* jail.c: of a jail as status gives it, whether it is the one of bans by hand
 * only; its lengths of bans; all about it. Returns an exit status. */
bool jail_is_manual(const json_t *jail);
const char *jail_bantimes(const json_t *jail, char *buf, size_t size);
int jail_show(const struct ctl *c, const json_t *jail);
int run_bans(struct ctl *c);
int run_check(struct ctl *c);
int run_ban(struct ctl *c);
int run_unban(struct ctl *c);
int run_watch(struct ctl *c);
int run_reload(struct ctl *c);
int run_test(struct ctl *c);

#endif
