/*
 * Options: one table, from which the parser, --help and the shell completions
 * are made, so that they cannot say different things.
 */
#include <getopt.h>
#include <string.h>

#include "ctl.h"

#define COMMON                                                                 \
	(OPT_CONFIG | OPT_SOCKET | OPT_JSON | OPT_QUIET | OPT_HELP |           \
	    OPT_VERSION)

static const struct option_text options[] = {
	{ OPT_JAIL, 'j', "jail", "JAIL", "only in this jail" },
	{ OPT_FOR, 'f', "for", "LENGTH",
	    "how long: 10m, 1h30m, 2d, 1w, forever" },
	{ OPT_REASON, 'r', "reason", "TEXT", "why, for those who look later" },
	{ OPT_FORCE, 0, "force", NULL,
	    "even a friend (ignoreip), or a very large network" },
	{ OPT_ALL, 0, "all", NULL, "every ban" },
	{ OPT_FILTER, 'f', "filter", "NAME", "this filter; may be repeated" },
	{ OPT_LINE, 'l', "line", "TEXT",
	    "explain this one line, rule by rule" },
	{ OPT_MISSED, 'm', "missed", "N",
	    "kinds of unmatched lines to show (10)" },
	{ OPT_TOP, 't', "top", "N", "hosts to show (10)" },
	{ OPT_SAMPLES, 0, "samples", NULL,
	    "run the samples in the filters instead" },
	{ OPT_NOW, 0, "now", "TIME",
	    "the time to read years and the future by" },
	{ OPT_CONFIG, 'c', "config", "FILE", "the configuration" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the control socket" },
	{ OPT_JSON, 0, "json", NULL, "for programs: one JSON object a line" },
	{ OPT_QUIET, 'q', "quiet", NULL, "no answer but the exit status" },
	{ OPT_HELP, 'h', "help", NULL, "what can be written here" },
	{ OPT_VERSION, 'V', "version", NULL, "the version" },
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

/* What getopt_long returns for the i-th option. */
#define CODE(i) (256 + (int)(i))

static void fill(unsigned allowed, struct option *longs, char *letters);
static size_t find(unsigned allowed, int code);
static int take(struct ctl *c, unsigned bit, const char *value);
static int complain(const struct command *cmd, int what, const char *word);

const struct option_text *
option_at(size_t i)
{
	return i < NOPTIONS ? &options[i] : NULL;
}

int
options_parse(struct ctl *c, const struct command *cmd, int argc, char **argv)
{
	unsigned allowed = COMMON | (cmd ? cmd->options : 0);
	struct option longs[NOPTIONS + 1];
	char letters[3 + 2 * NOPTIONS];
	int code, rc = 0;

	/* '+': the first word that is no option is the command, and what
	 * follows may be options that only that one knows. */
	letters[0] = cmd ? ':' : '+';
	letters[1] = ':';
	fill(allowed, longs, letters + (cmd ? 1 : 2));
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while (rc == 0 &&
	    (code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		size_t i = find(allowed, code);
		if (i == NOPTIONS)
			return complain(cmd, code, argv[optind - 1]);
		rc = take(c, options[i].bit, optarg);
	}
	c->operand = argv + optind;
	c->noperands = argc - optind;
	return rc;
}

static void
fill(unsigned allowed, struct option *longs, char *letters)
{
	for (size_t i = 0; i < NOPTIONS; i++) {
		if (!(options[i].bit & allowed))
			continue;
		*longs++ = (struct option){ options[i].name,
			options[i].value ? required_argument : no_argument,
			NULL, CODE(i) };
		if (options[i].letter)
			*letters++ = options[i].letter;
		if (options[i].letter && options[i].value)
			*letters++ = ':';
	}
	*longs = (struct option){ 0 };
	*letters = '\0';
}

/* Two commands may give the same letter to different options. */
static size_t
find(unsigned allowed, int code)
{
	size_t i;

	for (i = 0; i < NOPTIONS; i++)
		if (options[i].bit & allowed &&
		    (code == CODE(i) ||
			(options[i].letter && code == options[i].letter)))
			break;
	return i;
}

static int
take(struct ctl *c, unsigned bit, const char *value)
{
	const struct {
		unsigned bit;
		const char **to;
	} texts[] = {
		{ OPT_CONFIG, &c->config },
		{ OPT_SOCKET, &c->socket },
		{ OPT_JAIL, &c->jail },
		{ OPT_FOR, &c->length },
		{ OPT_REASON, &c->reason },
		{ OPT_NOW, &c->now },
		{ OPT_LINE, &c->line },
		{ OPT_MISSED, &c->missed },
		{ OPT_TOP, &c->top },
	};

	c->given |= bit;
	if (bit == OPT_FILTER) {
		if (c->nfilters == FILTERS_MOST)
			return fail(USAGE,
			    "more than %d filters: leave "
			    "--filter out for all that are used",
			    FILTERS_MOST);
		c->filter[c->nfilters++] = value;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].bit == bit)
			*texts[i].to = value;
	return 0;
}

static int
complain(const struct command *cmd, int what, const char *word)
{
	const char *space = cmd ? " " : "", *help = cmd ? cmd->name : "";

	if (what == ':')
		return fail(USAGE,
		    "option \"%s\" needs a value: `mxwardctl help%s%s`", word,
		    space, help);
	return fail(USAGE,
	    "there is no option \"%s\" here: `mxwardctl help%s%s`", word, space,
	    help);
}
