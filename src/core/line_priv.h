/* What the header formats of line share. Private to core. */
#ifndef MXWARD_LINE_PRIV_H
#define MXWARD_LINE_PRIV_H

#include "mxward/line.h"

/* RFC 1035's longest name, and more than any program is called. A longer token
 * is not one of a header. */
#define LINE_HOST_MAX    255
#define LINE_PROGRAM_MAX 128
#define LINE_PID_MAX     20

/*
 * RFC 5424 behind its <PRI>. On success fills in everything but raw and
 * returns true; otherwise out is as it was.
 */
bool line_rfc5424(struct logtime *lt, struct span text, struct line *out);

/*
 * A record of Dovecot's own log file behind its time. On success fills in
 * program and message and returns true; otherwise out is as it was.
 */
bool line_dovecot(struct logtime *lt, struct span text, struct line *out);

/* Digits, and not too many to be a process number. */
bool line_is_pid(struct span text);

#endif
