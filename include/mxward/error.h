/* Why something failed, for the one caller at the edge that prints it. */
#ifndef MXWARD_ERROR_H
#define MXWARD_ERROR_H

/* One line: what, where, and what to do about it. */
struct error {
	char text[768];
};

/*
 * Write the reason (control characters become '?') and return -1, so that a
 * failing function can end with: return error_set(err, "...", ...). err may be
 * NULL when nobody wants to know.
 */
int error_set(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
