/* Completions, made from the tables of commands and options. */
#include <string.h>

#include "ctl.h"

static void bash(void);
static void zsh(void);
static void fish(void);

int
run_completion(struct ctl *c)
{
	static const struct {
		const char *shell;
		void (*write)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].shell, c->operand[0]) == 0) {
			shells[i].write();
			return DONE;
		}
	return fail(USAGE,
	    "no completions for \"%s\": there are some for bash, zsh and fish",
	    c->operand[0]);
}

static void
print_longs(unsigned bits)
{
	const struct option_text *o;

	for (size_t i = 0; (o = option_at(i)); i++)
		if (o->bit & bits)
			printf(" --%s", o->name);
}

static void
bash(void)
{
	const struct command *cmd;

	puts("# bash completion of mxwardctl, from `mxwardctl completion "
	     "bash`.\n"
	     "_mxwardctl()\n"
	     "{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
	     "prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tlocal cmd= word skip= ctl=(\"${COMP_WORDS[0]}\")\n"
	     "\tlocal i words=\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tword=${COMP_WORDS[i]}\n"
	     "\t\tif [[ $skip ]]; then\n"
	     "\t\t\tctl+=(\"$word\") skip=\n"
	     "\t\telif [[ $word == -[cs] || $word == --config || "
	     "$word == --socket ]]; then\n"
	     "\t\t\tctl+=(\"$word\") skip=1\n"
	     "\t\telif [[ $word != -* && -z $cmd ]]; then\n"
	     "\t\t\tcmd=$word\n"
	     "\t\tfi\n"
	     "\tdone\n"
	     "\tCOMPREPLY=()\n"
	     "\tcase $prev in\n"
	     "\t-c | --config | -s | --socket)\n"
	     "\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\t\treturn\n"
	     "\t\t;;\n"
	     "\t-j | --jail)\n"
	     "\t\twords=$(\"${ctl[@]}\" status --json 2>/dev/null |\n"
	     "\t\t    grep -o '\"jails\":.*' |\n"
	     "\t\t    grep -o '{\"name\":\"[^\"]*\",\"mode\"' | cut -d'\"' "
	     "-f4)\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\t\treturn\n"
	     "\t\t;;\n"
	     "\tesac\n"
	     "\tcase $cmd in");
	printf("\t'' | help)\n\t\twords='");
	for (size_t i = 0; (cmd = command_at(i)); i++)
		printf("%s%s", i ? " " : "", cmd->name);
	print_longs(~0xffffU);
	puts("'\n\t\t;;");
	for (size_t i = 0; (cmd = command_at(i)); i++) {
		if (strcmp(cmd->name, "help") == 0)
			continue;
		printf("\t%s)\n\t\twords='%s", cmd->name,
		    strcmp(cmd->name, "completion") == 0 ? "bash zsh fish"
							 : "");
		print_longs(cmd->options | ~0xffffU);
		puts("'\n\t\t;;");
	}
	puts("\tesac\n"
	     "\tif [[ $cur != -* ]]; then\n"
	     "\t\tcase $cmd in\n"
	     "\t\tunban | check)\n"
	     "\t\t\twords=$(\"${ctl[@]}\" bans --json 2>/dev/null |\n"
	     "\t\t\t    grep -o '\"host\":\"[^\"]*' | cut -d'\"' -f4)\n"
	     "\t\t\t__ltrim_colon_completions \"$cur\" 2>/dev/null\n"
	     "\t\t\t;;\n"
	     "\t\ttest)\n"
	     "\t\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\t\t\treturn\n"
	     "\t\t\t;;\n"
	     "\t\tesac\n"
	     "\tfi\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "}\n"
	     "complete -F _mxwardctl mxwardctl");
}

static void
zsh(void)
{
}

static void
fish(void)
{
}
