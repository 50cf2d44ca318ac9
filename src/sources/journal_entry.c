/*
 * One record of the journal. It comes in fields, which are put together as the
 * line that syslog would have written, because that is what an administrator
 * wants to see as evidence; the filters get the fields and never take that
 * line apart again. A message of several lines is one line, its newlines
 * blanks: nobody can write a second record into it.
 */
#ifdef HAVE_LIBSYSTEMD

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sources_priv.h"
#include "journal_priv.h"

static void field(struct journal *jn, const char *p, size_t n);
static bool is(const char *p, size_t n, const char *name, const char **value);
static void name_copy(char *to, size_t size, const char *p, size_t n);
static void message_copy(struct journal *jn, const char *p, size_t n);
static void compose(struct journal *jn);
static const char *stamp(struct journal *jn);

void
journal_entry(struct journal *jn)
{
	uint64_t usec = 0;
	const void *data;
	size_t n;

	jn->host_name[0] = jn->ident[0] = jn->comm[0] = '\0';
	jn->pid[0] = jn->syslog_pid[0] = '\0';
	jn->when = -1;
	jn->message = sizeof jn->text - LINE_MAX_BYTES;
	jn->n = 0;
	sd_journal_restart_data(jn->j);
	while (sd_journal_enumerate_available_data(jn->j, &data, &n) > 0)
		field(jn, data, n);
	if (jn->when < 0 && sd_journal_get_realtime_usec(jn->j, &usec) >= 0)
		jn->when = (int64_t)(usec / 1000000);
	compose(jn);
}

/* The data is gone with the next field, so what is wanted is copied. */
static void
field(struct journal *jn, const char *p, size_t n)
{
	char digits[24];
	const char *v;

	if (is(p, n, "MESSAGE", &v))
		message_copy(jn, v, n - (size_t)(v - p));
	else if (is(p, n, "SYSLOG_IDENTIFIER", &v))
		name_copy(jn->ident, sizeof jn->ident, v, n - (size_t)(v - p));
	else if (is(p, n, "_COMM", &v))
		name_copy(jn->comm, sizeof jn->comm, v, n - (size_t)(v - p));
	else if (is(p, n, "_HOSTNAME", &v))
		name_copy(jn->host_name, sizeof jn->host_name, v,
		    n - (size_t)(v - p));
	else if (is(p, n, "SYSLOG_PID", &v))
		name_copy(jn->syslog_pid, sizeof jn->syslog_pid, v,
		    n - (size_t)(v - p));
	else if (is(p, n, "_PID", &v))
		name_copy(jn->pid, sizeof jn->pid, v, n - (size_t)(v - p));
	else if (is(p, n, "_SOURCE_REALTIME_TIMESTAMP", &v)) {
		name_copy(digits, sizeof digits, v, n - (size_t)(v - p));
		jn->when = strtoll(digits, NULL, 10) / 1000000;
	}
}

static bool
is(const char *p, size_t n, const char *name, const char **value)
{
	size_t len = strlen(name);

	if (n <= len || p[len] != '=' || memcmp(p, name, len) != 0)
		return false;
	*value = p + len + 1;
	return true;
}

/* A name is a word: what could end it in a syslog line is replaced. */
static void
name_copy(char *to, size_t size, const char *p, size_t n)
{
	if (n >= size)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)p[i] > ' ' && p[i] != 0x7f ? p[i] : '?';
	to[n] = '\0';
}

static void
message_copy(struct journal *jn, const char *p, size_t n)
{
	char *to = jn->text + jn->message;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	if (n > LINE_MAX_BYTES) {
		n = LINE_MAX_BYTES;
		jn->stats->too_long++;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
	jn->n = n;
}

/* "Nov 24 13:02:01 mx postfix/smtpd[314]: " right before the message, and hand
 * it over. */
static void
compose(struct journal *jn)
{
	const char *ident = jn->ident[0] != '\0' ? jn->ident : jn->comm;
	const char *pid = jn->syslog_pid[0] != '\0' ? jn->syslog_pid : jn->pid;
	char head[2 * NAME_BYTES + 64], *raw;
	struct span host, program, number;
	struct line l;
	int n;

	if (pid[strspn(pid, "0123456789")] != '\0')
		pid = "";
	n = snprintf(head, sizeof head, "%s %s %s%s%s%s: ", stamp(jn),
	    jn->host_name[0] != '\0' ? jn->host_name : "-", ident,
	    pid[0] != '\0' ? "[" : "", pid, pid[0] != '\0' ? "]" : "");
	if (n < 0 || (size_t)n >= sizeof head)
		return;
	raw = jn->text + jn->message - n;
	memcpy(raw, head, (size_t)n);
	host = span_make(raw + strlen(jn->stamp) + 1, strlen(jn->host_name));
	program =
	    span_make(raw + strlen(jn->stamp) + 2 + (host.n > 0 ? host.n : 1),
		strlen(ident));
	number = span_make(program.p + program.n + 1, strlen(pid));
	jn->stats->lines++;
	jn->stats->bytes += (size_t)n + jn->n;
	line_assemble(jn->host->clock, span_make(raw, (size_t)n + jn->n),
	    jn->when, host, program, number,
	    span_make(jn->text + jn->message, jn->n), &l);
	if (l.time > jn->stats->last_time)
		jn->stats->last_time = l.time;
	jn->host->line(jn->host->arg, &l);
}

static const char *
stamp(struct journal *jn)
{
	time_t t = (time_t)jn->when;
	struct tm tm;

	if (jn->when == jn->stamp_time)
		return jn->stamp;
	jn->stamp_time = jn->when;
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(jn->stamp, sizeof jn->stamp, "%b %e %H:%M:%S", &tm) == 0)
		memcpy(jn->stamp, "-", 2);
	return jn->stamp;
}

#endif
