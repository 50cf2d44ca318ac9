/* Lengths of time as an administrator writes them. */
#ifndef MXWARD_DURATION_H
#define MXWARD_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "mxward/span.h"

/* A ban that never ends; also as a length. */
#define DURATION_FOREVER INT64_MAX

/*
 * Parse "90" or "90s", "10m", "1h", "1h30m", "1d", "1w", "1mo" (30 days),
 * "1y" (365 days), "forever" or "-1" (fail2ban's forever). Returns 0 and
 * seconds, or -1 for anything else (also an overflow).
 */
int duration_parse(struct span text, int64_t *seconds);

/* The shortest exact form: "10m", "1h30m", "forever". Returns buf. */
const char *duration_format(int64_t seconds, char *buf, size_t size);

#endif
