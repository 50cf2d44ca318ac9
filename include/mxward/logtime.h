/*
 * Times as log lines bear them. Formatting the same second twice costs next to
 * nothing: the parser remembers the last text of each format it has seen.
 */
#ifndef MXWARD_LOGTIME_H
#define MXWARD_LOGTIME_H

#include <stdint.h>
#include <time.h>

#include "mxward/span.h"

/* Room for the message of the longest line. Bytes. */
#define LOGTIME_SCRATCH 65536

struct logtime {
	/* The moment a year is inferred against and the future is measured
	 * from: seconds since the epoch. The caller moves it on. */
	int64_t now;
	/* Private: memo of the last second of each format, and the local UTC
	 * offsets of the last hour looked up (two in the hour that the end of
	 * summer time repeats). */
	char stamp[2][24];
	int64_t stamp_time[2];
	int64_t zone_hour;
	int32_t zone_offset[2];
	/* Private to line_parse: a message that had to be put together. */
	char scratch[LOGTIME_SCRATCH];
};

void logtime_init(struct logtime *lt, int64_t now);

/*
 * Parse the time that text begins with. Formats:
 *   RFC 3164 section 4.1.2      "Nov 24 13:02:01", "Nov  4 13:02:01", with an
 *                               optional year ("Nov 24 2026 13:02:01") and an
 *                               optional fraction; in local time; a missing
 *                               year is the one that puts the time nearest to
 *                               now, at most a day ahead of it
 *   RFC 3339 / ISO 8601         "2026-11-24T13:02:01[.frac](Z|±hh:mm|±hhmm)",
 *                               or a space for the T; without a zone, local
 *   epoch                       "1764000000[.frac]", also in "[…]"
 *   TAI64N                      "@4000…" (24 hexadecimal digits)
 * Returns the number of bytes the time took, or 0 if there is none. *when is
 * in seconds since the epoch (the fraction is dropped).
 */
size_t logtime_parse(struct logtime *lt, struct span text, int64_t *when);

#endif
