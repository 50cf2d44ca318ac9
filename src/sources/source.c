/*
 * The table of kinds, and what they have in common. Whether a source is idle
 * is read from its lag: every kind keeps it above 0 until it has seen the end
 * of what was there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources_priv.h"

static const struct source_ops *const kinds[] = {
	[SOURCE_FILES] = &source_files,
	[SOURCE_JOURNAL] = &source_journal,
	[SOURCE_STDIN] = &source_stdin,
};

struct source *
source_start(const struct source_conf *conf, const struct source_host *host,
    struct error *err)
{
	struct source *s;

	if ((size_t)conf->kind >= sizeof kinds / sizeof kinds[0]) {
		error_set(err, "source %s: of no known kind", conf->name);
		return NULL;
	}
	s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, "source %s: out of memory", conf->name);
		return NULL;
	}
	s->ops = kinds[conf->kind];
	s->conf = conf;
	s->state = s->ops->start(conf, host, &s->stats, err);
	if (s->state == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
source_stop(struct source *s)
{
	if (s == NULL)
		return;
	s->ops->stop(s->state);
	free(s);
}

const struct source_stats *
source_stats(const struct source *s)
{
	return &s->stats;
}

const char *
source_name(const struct source *s)
{
	return s->conf->name;
}

bool
source_idle(const struct source *s)
{
	return s->stats.lag == 0;
}

void
source_hand(const struct source_host *host, struct source_stats *stats,
    const char *p, size_t n)
{
	struct line l;

	stats->lines++;
	if (n > LINE_MAX_BYTES) {
		stats->too_long++;
		n = LINE_MAX_BYTES;
	}
	line_parse(host->clock, span_make(p, n), &l);
	if (l.has_time && l.time > stats->last_time)
		stats->last_time = l.time;
	host->line(host->arg, &l);
}

void
source_note(const struct source_host *host, const char *source, int priority,
    const char *fmt, ...)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "source %s: ", source);
	va_list ap;

	if (n < 0 || (size_t)n >= sizeof text)
		return;
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	host->note(host->arg, priority, text);
}
