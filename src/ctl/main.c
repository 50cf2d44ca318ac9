/*
 * mxwardctl(8): what the administrator types. This file knows the commands and
 * which one was meant; each has a file of its own.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

static const struct command commands[] = {
	{ "status", "[JAIL]", "what is watched, counted, banned and refused",
	    NULL, 0, 0, 1, run_status },
	{ "bans", "", "who is banned, until when, and in which state", NULL,
	    OPT_JAIL, 0, 0, run_bans },
	{ "check", "ADDR", "everything known about a host or network",
	    "With --quiet nothing is printed, and the exit status is 0 if it "
	    "is refused\nand 1 if not.",
	    0, 1, 1, run_check },
	{ "ban", "ADDR…", "ban hosts or networks by hand",
	    "Without --jail, it is put into the jail \"manual\". Without "
	    "--for, it lasts as\nlong as a first ban in that jail: the first "
	    "bantime of the configuration,\nunless the jail has its own.",
	    OPT_JAIL | OPT_FOR | OPT_REASON | OPT_FORCE, 1, -1, run_ban },
	{ "unban", "ADDR… | --all", "end bans", NULL, OPT_JAIL | OPT_ALL, 0, -1,
	    run_unban },
	{ "watch", "", "failures, bans and refusals as they happen", NULL,
	    OPT_JAIL, 0, 0, run_watch },
	{ "reload", "", "put a changed configuration in force",
	    "Nothing is lost, bans stand all the while, and a configuration "
	    "with a\nmistake changes nothing.",
	    0, 0, 0, run_reload },
	{ "test", "[FILE… | -]", "which rule matches which line, and why",
	    "Needs no daemon. Without --filter: the filters and rules that "
	    "the enabled jails\nof the configuration use; with it, those "
	    "filters with all their rules. A NAME\nwith a \"/\" in it is a "
	    "filter file.",
	    OPT_FILTER | OPT_NOW | OPT_SAMPLES | OPT_LINE | OPT_MISSED |
		OPT_TOP,
	    0, -1, run_test },
	{ "completion", "SHELL", "completions for bash, zsh or fish", NULL, 0,
	    1, 1, run_completion },
	{ "help", "[COMMAND]", "this list, or all about a command", NULL, 0, 0,
	    1, run_help },
};

static int usage(const struct ctl *c, const struct command *cmd);
static int dispatch(struct ctl *c, const struct command *cmd);

int
main(int argc, char **argv)
{
	struct ctl c = { 0 };
	const struct command *cmd;
	int rc;

	term_init(&c.term, STDOUT_FILENO);
	rc = options_parse(&c, NULL, argc, argv);
	if (rc != 0)
		return rc;
	if (c.given & OPT_VERSION) {
		puts("mxwardctl " MXWARD_VERSION);
		return DONE;
	}
	if (c.noperands == 0) {
		help_all(c.given & OPT_HELP ? stdout : stderr);
		return c.given & OPT_HELP ? DONE : USAGE;
	}
	cmd = command_find(c.operand[0]);
	if (!cmd)
		return no_such_command(c.operand[0]);
	rc = options_parse(&c, cmd, c.noperands, c.operand);
	return rc != 0 ? rc : dispatch(&c, cmd);
}

static int
dispatch(struct ctl *c, const struct command *cmd)
{
	int rc;

	if (c->given & OPT_HELP) {
		help_command(stdout, cmd);
		return DONE;
	}
	if (c->noperands < cmd->least ||
	    (cmd->most >= 0 && c->noperands > cmd->most))
		return usage(c, cmd);
	/* The exit status is the answer then, whatever the command prints. */
	if (c->given & OPT_QUIET && !freopen("/dev/null", "w", stdout))
		return fail(NO, "/dev/null: %s", strerror(errno));
	rc = cmd->run(c);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail(NO, "standard output cannot be written");
	return rc;
}

static int
usage(const struct ctl *c, const struct command *cmd)
{
	char text[SYNOPSIS_LEN];
	const char *first = c->noperands ? c->operand[0] : "";

	/* fail2ban-client's `status JAIL` and `banned ADDR` come to mind. */
	if (cmd->most == 0 && is_target(first))
		return fail(USAGE,
		    "%s takes no address: did you mean `mxwardctl check %s`?",
		    cmd->name, first);
	if (cmd->most == 0 && c->noperands == 1 && cmd->options & OPT_JAIL)
		return fail(USAGE,
		    "did you mean `mxwardctl %s --jail %s`? (mxwardctl help "
		    "%s)",
		    cmd->name, first, cmd->name);
	return fail(USAGE, "usage: mxwardctl %s (mxwardctl help %s)",
	    synopsis(cmd, text), cmd->name);
}

const struct command *
command_at(size_t i)
{
	return i < sizeof(commands) / sizeof(commands[0]) ? &commands[i] : NULL;
}

const struct command *
command_find(const char *name)
{
	const struct command *cmd;

	for (size_t i = 0; (cmd = command_at(i)); i++)
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	return NULL;
}

int
fail(int status, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fflush(stdout);
	fputs("mxwardctl: ", stderr);
	text_print(stderr, span_of(text));
	fputc('\n', stderr);
	return status;
}

void *
must(void *p)
{
	if (!p)
		exit(fail(UNREACHABLE, "out of memory"));
	return p;
}
