/* Texts with %{…} fields, for answers to banned hosts. */
#ifndef MXWARD_TEMPLATE_H
#define MXWARD_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/error.h"

struct template_values {
	const char *jail;
	struct addr host;
	int64_t end; /* DURATION_FOREVER: "forever" */
	int64_t now;
};

/*
 * Fields: %{jail}, %{host}, %{end} (RFC 3339, UTC), %{left} (a duration),
 * %% for a percent sign. Returns 0, or -1 and which field is unknown.
 */
int template_check(const char *text, struct error *err);

/* Fill in. Writes at most size bytes with the NUL, control characters as
 * '?'. Returns the length written. */
size_t template_fill(
    const char *text, const struct template_values *v, char *buf, size_t size);

#endif
