/*
 * Where things were written, and how mistakes are told.
 *
 * libconfuse knows the line only while it parses, and remembers only where a
 * section ends; an administrator wants to hear of the line that is wrong. So
 * every option's place is noted as it is parsed, and the beginning of a section
 * is found again in its file.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/span.h"

static int section_line(cfg_t *sec);
static void compose(struct error *err, const char *file, int line,
    const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

/* libconfuse's callbacks carry no pointer of ours; loads do not nest. */
static _Thread_local struct loader *current;

struct loader *
loader_current(void)
{
	return current;
}

void
loader_begin(struct loader *l)
{
	current = l;
}

void
loader_end(struct loader *l)
{
	current = NULL;
	for (size_t i = 0; i < l->nfiles; i++)
		free(l->files[i]);
	free(l->files);
	free(l->places);
}

static void
compose(
    struct error *err, const char *file, int line, const char *fmt, va_list ap)
{
	char text[600];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (line > 0)
		error_set(err, "%s:%d: %s", file ? file : "?", line, text);
	else
		error_set(err, "%s: %s", file ? file : "?", text);
}

int
loader_fail(struct loader *l, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (l->failed)
		return -1;
	l->failed = true;
	va_start(ap, fmt);
	compose(l->err, file, line, fmt, ap);
	va_end(ap);
	return -1;
}

void
loader_warn(struct loader *l, const char *file, int line, const char *fmt, ...)
{
	struct error e;
	va_list ap;

	if (!l->warn)
		return;
	va_start(ap, fmt);
	compose(&e, file, line, fmt, ap);
	va_end(ap);
	l->warn(l->warn_arg, e.text);
}

const char *
loader_intern(struct loader *l, const char *name)
{
	char **grown;

	for (size_t i = 0; i < l->nfiles; i++)
		if (strcmp(l->files[i], name) == 0)
			return l->files[i];
	grown = realloc(l->files, (l->nfiles + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	l->files = grown;
	l->files[l->nfiles] = strdup(name);
	return l->files[l->nfiles] ? l->files[l->nfiles++] : NULL;
}

void
place_record(struct loader *l, cfg_t *sec, cfg_opt_t *opt)
{
	struct place *grown;

	if (l->nplaces == l->cplaces) {
		size_t c = l->cplaces ? l->cplaces * 2 : 256;
		grown = realloc(l->places, c * sizeof(*grown));
		if (!grown)
			return;
		l->places = grown;
		l->cplaces = c;
	}
	l->places[l->nplaces++] = (struct place){ opt,
		loader_intern(l, sec->filename ? sec->filename : "?"),
		sec->line };
}

struct place
place_of(struct loader *l, cfg_t *sec, const char *option)
{
	const cfg_opt_t *opt = cfg_getopt(sec, option);

	for (size_t i = l->nplaces; i-- > 0;)
		if (l->places[i].opt == opt)
			return l->places[i];
	return place_of_section(l, sec);
}

struct place
place_of_section(struct loader *l, cfg_t *sec)
{
	return (struct place){ NULL,
		loader_intern(l, sec->filename ? sec->filename : l->conf->path),
		section_line(sec) };
}

int
option_fail(
    struct loader *l, cfg_t *sec, const char *option, const char *fmt, ...)
{
	struct place p = place_of(l, sec, option);
	va_list ap;

	if (l->failed)
		return -1;
	l->failed = true;
	va_start(ap, fmt);
	compose(l->err, p.file, p.line, fmt, ap);
	va_end(ap);
	return -1;
}

bool
option_given(cfg_t *sec, const char *option)
{
	const cfg_opt_t *opt = cfg_getopt(sec, option);

	return opt && (opt->flags & CFGF_MODIFIED) && opt->nvalues > 0;
}

/* Whether text begins a section of this name and title. */
static bool
begins(const char *text, const char *name, const char *title)
{
	size_t n = strlen(name);

	text += strspn(text, " \t");
	if (strncmp(text, name, n) != 0 || isalnum((unsigned char)text[n]) ||
	    text[n] == '_')
		return false;
	if (!title)
		return true;
	text += n + strspn(text + n, " \t");
	if (*text == '"' || *text == '\'')
		text++;
	return strncmp(text, title, strlen(title)) == 0;
}

static int
section_line(cfg_t *sec)
{
	char text[1024];
	int line = 0, found = 0;
	FILE *fp;

	if (!sec->filename || !(fp = fopen(sec->filename, "re")))
		return sec->line;
	while (line < sec->line && fgets(text, sizeof(text), fp)) {
		bool whole = strchr(text, '\n') != NULL;
		line++;
		if (begins(text, sec->name, sec->title))
			found = line;
		while (!whole && fgets(text, sizeof(text), fp))
			whole = strchr(text, '\n') != NULL;
	}
	fclose(fp);
	return found ? found : sec->line;
}
