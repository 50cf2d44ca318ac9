/* What can be typed, for people. */
#include <string.h>

#include "ctl.h"

static void print_options(FILE *fp, unsigned bits);
static const struct command *suggest(const char *name);
static size_t distance(const char *a, const char *b);
static size_t least(size_t a, size_t b, size_t c);

#define WORD_MOST 32

void
help_all(FILE *fp)
{
	const struct command *cmd;

	fputs("usage: mxwardctl [-c FILE] [-s SOCKET] COMMAND …\n\n", fp);
	for (size_t i = 0; (cmd = command_at(i)); i++) {
		char left[40];
		snprintf(left, sizeof(left), "%s %s", cmd->name, cmd->operands);
		/* "…" takes three bytes and one column. */
		fprintf(fp, "  %s%*s%s\n", left, (int)(22 - text_width(left)),
		    "", cmd->summary);
	}
	fputs("\nEvery command takes:\n", fp);
	print_options(fp, ~0xffffU);
	fputs(
	    "\n`mxwardctl help COMMAND` says more, mxwardctl(8) everything.\n",
	    fp);
}

void
help_command(FILE *fp, const struct command *cmd)
{
	char text[SYNOPSIS_LEN];

	fprintf(fp, "usage: mxwardctl %s\n\n%s\n", synopsis(cmd, text),
	    cmd->summary);
	if (cmd->details)
		fprintf(fp, "\n%s\n", cmd->details);
	fputs("\nOptions:\n", fp);
	print_options(fp, cmd->options);
	print_options(fp, ~0xffffU & ~(unsigned)OPT_VERSION);
}

static void
print_options(FILE *fp, unsigned bits)
{
	const struct option_text *o;

	for (size_t i = 0; (o = option_at(i)); i++) {
		char left[48];
		if (!(o->bit & bits))
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s",
		    o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		    o->letter ? "," : " ", o->name, o->value ? " " : "",
		    o->value ? o->value : "");
		fprintf(fp, "  %-22s%s\n", left, o->help);
	}
}

int
run_help(struct ctl *c)
{
	const struct command *cmd;

	if (c->noperands == 0) {
		help_all(stdout);
		return DONE;
	}
	cmd = command_find(c->operand[0]);
	if (!cmd)
		return no_such_command(c->operand[0]);
	help_command(stdout, cmd);
	return DONE;
}

const char *
synopsis(const struct command *cmd, char buf[SYNOPSIS_LEN])
{
	const struct option_text *o;
	size_t n = (size_t)snprintf(buf, SYNOPSIS_LEN, "%s", cmd->name);

	for (size_t i = 0; (o = option_at(i)) && n < SYNOPSIS_LEN; i++) {
		char name[32];
		/* Of --all the operands speak. */
		if (!(o->bit & cmd->options) || o->bit == OPT_ALL)
			continue;
		if (o->letter)
			snprintf(name, sizeof(name), "-%c", o->letter);
		else
			snprintf(name, sizeof(name), "--%s", o->name);
		n += (size_t)snprintf(buf + n, SYNOPSIS_LEN - n, " [%s%s%s]%s",
		    name, o->value ? " " : "", o->value ? o->value : "",
		    o->bit == OPT_FILTER ? "…" : "");
	}
	if (n < SYNOPSIS_LEN && cmd->operands[0])
		snprintf(buf + n, SYNOPSIS_LEN - n, " %s", cmd->operands);
	return buf;
}

int
no_such_command(const char *name)
{
	/* What people have in their fingers from fail2ban-client. */
	static const struct {
		const char *name, *instead;
	} known[] = {
		{ "ping", "`mxwardctl status` says whether mxward answers" },
		{ "banned",
		    "`mxwardctl bans` lists all, `mxwardctl check ADDR` says "
		    "whether one is" },
		{ "banip", "`mxwardctl ban ADDR --jail JAIL`" },
		{ "unbanip", "`mxwardctl unban ADDR --jail JAIL`" },
		{ "get", "`mxwardctl status JAIL` shows a jail's settings" },
		{ "set",
		    "`mxwardctl ban ADDR --jail JAIL` and `mxwardctl unban` "
		    "ban by hand; settings are written in the configuration "
		    "(mxward.conf(5)), then `mxwardctl reload`" },
		{ "start",
		    "`systemctl start mxward`, or what your system "
		    "starts daemons with" },
		{ "stop",
		    "`systemctl stop mxward`, or what your system stops "
		    "daemons with" },
		{ "restart",
		    "`mxwardctl reload` puts a changed configuration "
		    "in force" },
	};
	const struct command *near;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return fail(USAGE, "there is no command \"%s\": %s",
			    name, known[i].instead);
	near = suggest(name);
	if (near)
		return fail(USAGE,
		    "there is no command \"%s\": did you mean \"%s\"? "
		    "`mxwardctl help` lists them",
		    name, near->name);
	return fail(USAGE,
	    "there is no command \"%s\": `mxwardctl help` lists them", name);
}

/* Near enough: a third of it may be wrong, or it is the beginning. */
static const struct command *
suggest(const char *name)
{
	const struct command *cmd, *best = NULL;
	size_t n = strlen(name), least_far = n / 3 + 2;

	if (n == 0 || n > WORD_MOST)
		return NULL;
	for (size_t i = 0; (cmd = command_at(i)); i++) {
		size_t far = strncmp(cmd->name, name, n) == 0
		    ? 0
		    : distance(name, cmd->name);
		if (far < least_far) {
			least_far = far;
			best = cmd;
		}
	}
	return best;
}

/* Letters to change, insert or leave out to make b of a (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MOST + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j];
			row[j] = least(up + 1, row[j - 1] + 1,
			    corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[n];
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}
