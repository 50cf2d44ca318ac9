/*
 * source sections → struct source_conf. Without any, the journal where there
 * is one, else the usual mail log files.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_priv.h"

/* Mail as syslog's facility (RFC 5424, table 1): what Postfix and Dovecot
 * log with. */
#define JOURNAL_MAIL "SYSLOG_FACILITY=2"
#define MATCHES_MAX  8 /* that, and who may say it */

static const char *const usual_files[] = { "/var/log/mail.log",
	"/var/log/maillog", "/var/log/mail", "/var/log/dovecot.log" };

static int load_source(struct loader *l, cfg_t *sec, struct source_conf *s);
static int default_source(struct loader *l);

int
load_sources(struct loader *l)
{
	unsigned n = cfg_size(l->cfg, "source");

	l->conf->sources = calloc(n + 1, sizeof(*l->conf->sources));
	if (!l->conf->sources)
		return loader_fail(l, l->conf->path, 0, "out of memory");
	if (n == 0)
		return default_source(l);
	for (unsigned i = 0; i < n; i++)
		if (load_source(l, cfg_getnsec(l->cfg, "source", i),
			&l->conf->sources[l->conf->nsources++]) != 0)
			return -1;
	return 0;
}

static int
load_source(struct loader *l, cfg_t *sec, struct source_conf *s)
{
	struct place p = place_of_section(l, sec);
	bool in = option_given(sec, "stdin") && cfg_getbool(sec, "stdin");

	s->name = strdup(cfg_title(sec));
	s->written = true;
	if (!s->name)
		return loader_fail(l, p.file, p.line, "out of memory");
	if (option_given(sec, "file") + option_given(sec, "journal") + in != 1)
		return loader_fail(l, p.file, p.line,
		    "source \"%s\": write exactly one of file = { \"PATH\" }, "
		    "journal = \"system\" and stdin = true",
		    s->name);
	s->kind = in                    ? SOURCE_STDIN
	    : option_given(sec, "file") ? SOURCE_FILES
					: SOURCE_JOURNAL;
	if (value_strings(l, sec, "file", &s->files, &s->nfiles) != 0 ||
	    value_string(l, sec, "journal", &s->journal) != 0 ||
	    value_strings(l, sec, "match", &s->match, &s->nmatch) != 0)
		return -1;
	if (s->nmatch && s->kind != SOURCE_JOURNAL)
		return option_fail(l, sec, "match",
		    "match belongs to a journal source: leave it out");
	for (size_t i = 0; i < s->nfiles; i++)
		if (s->files[i][0] != '/')
			return option_fail(l, sec, "file",
			    "file = \"%s\": write an absolute path",
			    s->files[i]);
	for (size_t i = 0; i < s->nmatch; i++)
		if (!strchr(s->match[i], '=') && strcmp(s->match[i], "+") != 0)
			return option_fail(l, sec, "match",
			    "match = \"%s\": write FIELD=value, as journalctl "
			    "takes it",
			    s->match[i]);
	return 0;
}

static bool
have_journal(void)
{
#ifdef HAVE_LIBSYSTEMD
	return access("/run/log/journal", F_OK) == 0 ||
	    (access("/var/log/journal", F_OK) == 0 &&
		access("/run/systemd/journal/socket", F_OK) == 0);
#else
	return false;
#endif
}

/*
 * Any user may write to the journal in any program's name; whose process it was
 * only the journal itself says (_UID). Those who speak for the mail servers are
 * believed.
 */
static int
journal_of_mail(struct source_conf *s)
{
	static const char *const speakers[] = { "root", "postfix", "dovecot",
		"dovenull", "vmail" };
	const struct passwd *pw;
	char text[32];

	s->journal = strdup("system");
	s->match[s->nmatch++] = strdup(JOURNAL_MAIL);
	for (size_t i = 0; i < sizeof(speakers) / sizeof(speakers[0]); i++) {
		pw = getpwnam(speakers[i]);
		if (!pw)
			continue;
		snprintf(text, sizeof(text), "_UID=%u", (unsigned)pw->pw_uid);
		s->match[s->nmatch++] = strdup(text);
	}
	return 0;
}

static int
default_source(struct loader *l)
{
	struct source_conf *s = &l->conf->sources[0];
	size_t n = sizeof(usual_files) / sizeof(usual_files[0]);
	bool journal = have_journal();

	s->name = strdup("mail");
	s->kind = journal ? SOURCE_JOURNAL : SOURCE_FILES;
	s->files = calloc(n, sizeof(*s->files));
	s->match = calloc(MATCHES_MAX, sizeof(*s->match));
	if (!s->name || !s->files || !s->match)
		return loader_fail(l, l->conf->path, 0, "out of memory");
	l->conf->nsources = 1;
	if (journal)
		return journal_of_mail(s);
	while (s->nfiles < n) {
		s->files[s->nfiles] = strdup(usual_files[s->nfiles]);
		s->nfiles++;
	}
	return 0;
}
