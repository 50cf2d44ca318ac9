/*
 * One log record, taken apart once. All spans point into the raw text, which
 * belongs to the source and lives until the line's handler returns; except in a
 * record of Dovecot's own log file, whose program is a literal and whose
 * message is put together in the struct logtime and lives until that one's next
 * line is parsed.
 */
#ifndef MXWARD_LINE_H
#define MXWARD_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "mxward/logtime.h"
#include "mxward/span.h"

/* A longer line is cut by its source and counted. Bytes. */
#define LINE_MAX_BYTES 65536

struct line {
	struct span raw; /* the whole record, without its newline */
	int64_t time;    /* seconds since the epoch; see line_parse */
	bool has_time;
	bool clamped;        /* the time was in the future and is now `now` */
	struct span host;    /* the machine that logged it; may be empty */
	struct span program; /* "postfix/smtpd", "dovecot"; may be empty */
	struct span pid;     /* digits; may be empty */
	struct span message; /* what the program said */
};

/*
 * Take a record apart. Headers known: RFC 3164 (with or without <PRI>, year,
 * fraction), RFC 5424 (with structured data), RFC 3339 (rsyslog's and
 * systemd's file format), Postfix maillog_file, Dovecot's own log file
 * ("Nov 24 13:02:01 imap-login: Info: …", whose program becomes "dovecot" and
 * whose level word is removed, so that filters see what syslog would have
 * shown). A line without a known header has an empty program and the whole
 * text as message. A line without a time takes lt->now. A time more than
 * LINE_FUTURE seconds after lt->now is set to lt->now and `clamped`.
 */
#define LINE_FUTURE 300
void line_parse(struct logtime *lt, struct span raw, struct line *out);

/* The same for a record that arrives in pieces, as from the journal. */
void line_assemble(struct logtime *lt, struct span raw, int64_t when,
    struct span host, struct span program, struct span pid, struct span message,
    struct line *out);

#endif
