/* What can be typed, for people. */
#include <string.h>

#include "ctl.h"

static void print_options(FILE *fp, unsigned bits);
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
	fprintf(fp, "usage: mxwardctl %s%s%s%s\n\n%s\n", cmd->name,
	    cmd->options ? " [OPTION]…" : "", cmd->operands[0] ? " " : "",
	    cmd->operands, cmd->summary);
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
		return fail(USAGE,
		    "there is no command \"%s\": `mxwardctl help` lists them",
		    c->operand[0]);
	help_command(stdout, cmd);
	return DONE;
}

/* Near enough: a third of it may be wrong, or it is the beginning. */
const struct command *
command_suggest(const char *name)
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
