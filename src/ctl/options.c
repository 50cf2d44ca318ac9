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
	{ OPT_JAIL, 'j', "jail", "JAIL", "only this jail" },
	{ OPT_FOR, 'f', "for", "LENGTH",
	    "how long: 10m, 1h30m, 2d, 1w, forever" },
	{ OPT_REASON, 'r', "reason", "TEXT", "why, for those who look later" },
	{ OPT_FORCE, 0, "force", NULL, "even a friend (ignoreip)" },
	{ OPT_ALL, 0, "all", NULL, "every ban" },
	{ OPT_FILTER, 'f', "filter", "NAME", "this filter; may be repeated" },
	{ OPT_LINE, 'l', "line", "TEXT",
	    "explain this one line, rule by rule" },
	{ OPT_MISSED, 'm', "missed", "N",
	    "kinds of unmatched lines to show (10)" },
	{ OPT_TOP, 't', "top", "N", "hosts to show (10)" },
	{ OPT_SAMPLES, 0, "samples", NULL,
	    "run the filters' own samples instead" },
	{ OPT_NOW, 0, "now", "TIME",
	    "what \"now\" is for lines without a year" },
	{ OPT_CONFIG, 'c', "config", "FILE", "the configuration" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the control socket" },
	{ OPT_JSON, 0, "json", NULL, "for programs: one JSON object a line" },
	{ OPT_QUIET, 'q', "quiet", NULL, "no answer but the exit status" },
	{ OPT_HELP, 'h', "help", NULL, "what can be written here" },
	{ OPT_VERSION, 'V', "version", NULL, "the version" },
};

#define NOPTIONS (sizeof(options) / sizeof(options[0]))

static void fill(unsigned allowed, struct option *longs, char *letters);
static int take(struct ctl *c, unsigned bit, const char *value);
static const struct option_text *of_letter(unsigned allowed, int letter);
static int complain(
    const struct command *cmd, unsigned allowed, int what, char *word);

const struct option_text *
option_at(size_t i)
{
	return i < NOPTIONS ? &options[i] : NULL;
}

int
options_parse(struct ctl *c, const struct command *cmd, int argc, char **argv)
{
	unsigned allowed = COMMON | (cmd ? cmd->options : 0);
	char letters[4 + 2 * NOPTIONS];
	struct option longs[NOPTIONS + 1];
	int ch, which, rc = 0;

	/* The first word that is no option is the command: what follows may
	 * be options only that one knows. */
	strcpy_prefix: ;
	letters[0] = cmd ? ':' : '+';
	letters[1] = cmd ? '\0' : ':';
	letters[2] = '\0';
	fill(allowed, longs, letters + strlen(letters));
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while (rc == 0 &&
	    (ch = getopt_long(argc, argv, letters, longs, &which)) != -1) {
		if (ch == '?' || ch == ':')
			return complain(cmd, allowed, ch, argv[optind - 1]);
		rc = take(c,
		    ch == 0 ? (unsigned)longs[which].val
			    : of_letter(allowed, ch)->bit,
		    optarg);
	}
	c->operand = argv + optind;
	c->noperands = argc - optind;
	return rc;
}
