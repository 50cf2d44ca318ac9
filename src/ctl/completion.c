/*
 * Completions, made from the tables of commands and options.
 * `mxwardctl completion jails` and `… hosts` are for the scripts: they ask the
 * daemon, and say nothing where it does not answer.
 */
#include <string.h>

#include "ctl.h"

#define COMMON (~0xffffU)

static void bash(void);
static void zsh(void);
static void fish(void);
static void zsh_options(unsigned bits);
static void fish_options(const char *condition, unsigned bits);
static const char *words_of(const char *command);
static int list(const struct ctl *c, const char *command);

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
	if (strcmp(c->operand[0], "jails") == 0)
		return list(c, "status");
	if (strcmp(c->operand[0], "hosts") == 0)
		return list(c, "bans");
	return fail(USAGE,
	    "no completions for \"%s\": there are some for bash, zsh and fish",
	    c->operand[0]);
}

static void
put_host(void *arg, json_t *row)
{
	(void)arg;
	puts(get_text(row, "host"));
}

static int
list(const struct ctl *c, const char *command)
{
	json_t *o = NULL;
	const json_t *jail;
	int rc = DONE;
	struct client *cl = client_open(c, true, &rc);
	size_t i;

	if (!cl)
		return rc;
	client_quiet(cl);
	rc = client_ask(
	    cl, json_pack("{s:s}", "command", command), 2, put_host, NULL, &o);
	json_array_foreach(json_object_get(o, "jails"), i, jail)
	    puts(get_text(jail, "name"));
	json_decref(o);
	client_close(cl);
	return rc;
}

static void
bash_options(unsigned bits)
{
	const struct option_text *o;

	for (size_t i = 0; (o = option_at(i)); i++)
		if (o->bit & bits)
			printf(" --%s", o->name);
}

/* What stands where no option does, and which options there are. */
static void
bash_case(const char *label, const char *words, unsigned options)
{
	printf("\t%s)\n\t\twords=\"%s\"\n\t\topts=\"", label, words);
	bash_options(options | COMMON);
	puts("\"\n\t\t;;");
}

static void
bash_cases(void)
{
	const struct command *cmd;
	char names[512];
	size_t n = 0;

	for (size_t i = 0; (cmd = command_at(i)) && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
		    i ? " " : "", cmd->name);
	puts("\tcase $cmd in");
	bash_case("''", names, 0);
	for (size_t i = 0; (cmd = command_at(i)); i++)
		bash_case(cmd->name,
		    strcmp(cmd->name, "help") == 0 ? names
						   : words_of(cmd->name),
		    cmd->options);
	puts("\tesac");
}

/* The words a command's operand may be, as bash says it. */
static const char *
words_of(const char *command)
{
	if (strcmp(command, "completion") == 0)
		return "bash zsh fish";
	if (strcmp(command, "status") == 0)
		return "$(\"${ctl[@]}\" completion jails)";
	if (strcmp(command, "unban") == 0 || strcmp(command, "check") == 0)
		return "$(\"${ctl[@]}\" completion hosts)";
	return "";
}

static void
bash(void)
{
	puts("# bash completion of mxwardctl: `mxwardctl completion bash`.\n"
	     "_mxwardctl()\n"
	     "{\n"
	     "\tlocal cur=${COMP_LINE:0:COMP_POINT} prev cmd= skip= words= "
	     "opts= i w\n"
	     "\tlocal ctl=(\"${COMP_WORDS[0]}\")\n"
	     "\tcur=${cur##* }\n"
	     "\tprev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tw=${COMP_WORDS[i]}\n"
	     "\t\tif [[ $skip ]]; then\n"
	     "\t\t\tctl+=(\"$w\") skip=\n"
	     "\t\telif [[ $w == -c || $w == -s || $w == --config || "
	     "$w == --socket ]]; then\n"
	     "\t\t\tctl+=(\"$w\") skip=1\n"
	     "\t\telif [[ $w != -* && -z $cmd ]]; then\n"
	     "\t\t\tcmd=$w\n"
	     "\t\tfi\n"
	     "\tdone\n"
	     "\tCOMPREPLY=()");
	bash_cases();
	puts("\tcase $prev in\n"
	     "\t-j | --jail)\n"
	     "\t\twords=$(\"${ctl[@]}\" completion jails)\n"
	     "\t\t;;\n"
	     "\t--for)\n"
	     "\t\twords=\"10m 1h 1d 1w forever\"\n"
	     "\t\t;;\n"
	     "\t-c | --config | -s | --socket)\n"
	     "\t\twords=\n"
	     "\t\t;;\n"
	     "\tesac\n"
	     "\t[[ $cur != -* ]] || words=$opts\n"
	     "\tif [[ -z $words && ( $cmd == test || $prev == -* ) ]]; then\n"
	     "\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "\t# What stands before a colon is no longer part of the word.\n"
	     "\t[[ $COMP_WORDBREAKS != *:* ]] ||\n"
	     "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${cur%\"${cur##*:}\"}\"}\")\n"
	     "}\n"
	     "complete -F _mxwardctl mxwardctl");
}

/* What completes a command's operands, as zsh says it. */
static const char *
zsh_operands(const struct command *cmd)
{
	static const struct {
		const char *command, *spec;
	} specs[] = {
		{ "status", " '1:jail:_mxwardctl_ask jails'" },
		{ "check", " '1:host:_mxwardctl_ask hosts'" },
		{ "unban", " '*:host:_mxwardctl_ask hosts'" },
		{ "ban", " '*:address:'" },
		{ "test", " '*:file:_files'" },
		{ "completion", " '1:shell:(bash zsh fish)'" },
		{ "help", " '1:command:->command'" },
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		if (strcmp(specs[i].command, cmd->name) == 0)
			return specs[i].spec;
	return "";
}

static void
zsh_cases(void)
{
	const struct command *cmd;

	for (size_t i = 0; (cmd = command_at(i)); i++) {
		printf("\t\t%s)\n\t\t\t_arguments $common%s%s", cmd->name,
		    zsh_operands(cmd), cmd->options ? " \\\n" : "\n");
		zsh_options(cmd->options);
		puts("\t\t\t;;");
	}
}

static void
zsh(void)
{
	const struct command *cmd;

	puts("#compdef mxwardctl\n"
	     "# zsh completion of mxwardctl: `mxwardctl completion zsh`.\n"
	     "_mxwardctl_ask() {\n"
	     "\tlocal -a found\n"
	     "\tfound=(${(f)\"$($ctl completion $argv[-1] 2>/dev/null)\"})\n"
	     "\tcompadd \"${(@)argv[1,-2]}\" -a found\n"
	     "}\n"
	     "_mxwardctl() {\n"
	     "\tlocal curcontext=$curcontext state line o\n"
	     "\ttypeset -A opt_args\n"
	     "\tlocal -a common commands ctl\n"
	     "\tcommon=(");
	zsh_options(COMMON);
	puts("\t)\n\tcommands=(");
	for (size_t i = 0; (cmd = command_at(i)); i++)
		printf("\t\t'%s:%s'\n", cmd->name, cmd->summary);
	puts("\t)\n"
	     "\t_arguments -C $common '1:command:->command' "
	     "'*::argument:->argument'\n"
	     "\tctl=(mxwardctl)\n"
	     "\tfor o in -c --config -s --socket; do\n"
	     "\t\t[[ -z $opt_args[$o] ]] || ctl+=($o $opt_args[$o])\n"
	     "\tdone\n"
	     "\tcase $state in\n"
	     "\tcommand) _describe command commands ;;\n"
	     "\targument)\n"
	     "\t\tcase $words[1] in");
	zsh_cases();
	puts("\t\tesac\n"
	     "\t\t[[ $state != command ]] || _describe command commands\n"
	     "\t\t;;\n"
	     "\tesac\n"
	     "}\n"
	     "_mxwardctl \"$@\"");
}

/* What completes an option's value, as zsh says it. */
static const char *
zsh_value(unsigned bit)
{
	if (bit == OPT_JAIL)
		return "_mxwardctl_ask jails";
	if (bit == OPT_FOR)
		return "(10m 1h 1d 1w forever)";
	return bit & (OPT_CONFIG | OPT_SOCKET) ? "_files" : "";
}

static void
zsh_options(unsigned bits)
{
	const struct option_text *o;

	for (size_t i = 0; (o = option_at(i)); i++) {
		const char *repeat = o->bit == OPT_FILTER ? "*" : "";
		char once[64];
		if (!(o->bit & bits))
			continue;
		bits &= ~o->bit;
		snprintf(once, sizeof(once), "(-%c --%s)", o->letter, o->name);
		if (o->letter)
			printf("\t\t\t'%s'{-%c,--%s}", repeat[0] ? "*" : once,
			    o->letter, o->name);
		else
			printf("\t\t\t%s--%s", repeat, o->name);
		printf("'[%s]", o->help);
		if (o->value)
			printf(":%s:%s", o->value, zsh_value(o->bit));
		/* Within an array a line's end needs no backslash. */
		printf("'%s\n", bits && !(bits & COMMON) ? " \\" : "");
	}
}

static void
fish(void)
{
	const struct command *cmd;
	char condition[160];

	puts("# fish completion of mxwardctl: `mxwardctl completion fish`.\n"
	     "complete -c mxwardctl -f");
	fish_options("", COMMON);
	for (size_t i = 0; (cmd = command_at(i)); i++)
		printf("complete -c mxwardctl -n __fish_use_subcommand -a %s "
		       "-d '%s'\n",
		    cmd->name, cmd->summary);
	for (size_t i = 0; (cmd = command_at(i)); i++) {
		const char *words = NULL;
		snprintf(condition, sizeof(condition),
		    " -n '__fish_seen_subcommand_from %s'", cmd->name);
		if (strcmp(cmd->name, "status") == 0)
			words = "(mxwardctl completion jails 2>/dev/null)";
		else if (strcmp(cmd->name, "completion") == 0)
			words = "bash zsh fish";
		else if (strcmp(cmd->name, "unban") == 0 ||
		    strcmp(cmd->name, "check") == 0)
			words = "(mxwardctl completion hosts 2>/dev/null)";
		if (words)
			printf("complete -c mxwardctl%s -a '%s'\n", condition,
			    words);
		if (strcmp(cmd->name, "test") == 0)
			printf("complete -c mxwardctl%s -F\n", condition);
		fish_options(condition, cmd->options);
	}
}

static void
fish_options(const char *condition, unsigned bits)
{
	const struct option_text *o;

	for (size_t i = 0; (o = option_at(i)); i++) {
		if (!(o->bit & bits))
			continue;
		printf("complete -c mxwardctl%s", condition);
		if (o->letter)
			printf(" -s %c", o->letter);
		printf(" -l %s%s", o->name,
		    !o->value                                ? ""
			: o->bit & (OPT_CONFIG | OPT_SOCKET) ? " -r -F"
							     : " -x");
		if (o->bit == OPT_JAIL)
			printf(" -a '(mxwardctl completion jails "
			       "2>/dev/null)'");
		if (o->bit == OPT_FOR)
			printf(" -a '10m 1h 1d 1w forever'");
		printf(" -d '%s'\n", o->help);
	}
}
