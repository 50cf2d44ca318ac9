/* An option's values, checked as they are taken. */
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "mxward/duration.h"

static int one_duration(struct loader *l, cfg_t *sec, const char *option,
    const char *text, int64_t *out);
static int one_network(struct loader *l, cfg_t *sec, const char *option,
    const char *text, struct prefix **nets, size_t *nnets);
static bool is_hostname(const char *text);

int
value_duration(struct loader *l, cfg_t *sec, const char *option, int64_t *out)
{
	if (!option_given(sec, option))
		return 0;
	return one_duration(l, sec, option, cfg_getstr(sec, option), out);
}

int
value_durations(struct loader *l, cfg_t *sec, const char *option, int64_t *out,
    size_t max, size_t *n)
{
	size_t size = cfg_size(sec, option);

	if (!option_given(sec, option))
		return 0;
	if (size > max)
		return option_fail(l, sec, option,
		    "%s has %zu steps: write at most %zu", option, size, max);
	for (size_t i = 0; i < size; i++)
		if (one_duration(l, sec, option,
			cfg_getnstr(sec, option, (unsigned)i), &out[i]) != 0)
			return -1;
	*n = size;
	return 0;
}

static int
one_duration(struct loader *l, cfg_t *sec, const char *option, const char *text,
    int64_t *out)
{
	if (duration_parse(span_of(text), out) == 0 && *out > 0)
		return 0;
	return option_fail(l, sec, option,
	    "%s = \"%s\" is not a length of time: write \"90s\", \"10m\", "
	    "\"1h30m\", \"1d\", \"1w\" or \"forever\"",
	    option, text);
}

int
value_uint(struct loader *l, cfg_t *sec, const char *option, long min, long max,
    unsigned *out)
{
	size_t n = *out;

	if (value_size(l, sec, option, min, max, &n) != 0)
		return -1;
	*out = (unsigned)n;
	return 0;
}

int
value_size(struct loader *l, cfg_t *sec, const char *option, long min, long max,
    size_t *out)
{
	long v;

	if (!option_given(sec, option))
		return 0;
	v = cfg_getint(sec, option);
	if (v < min || v > max)
		return option_fail(l, sec, option,
		    "%s = %ld: write a number from %ld to %ld", option, v, min,
		    max);
	*out = (size_t)v;
	return 0;
}

int
value_mode(
    struct loader *l, cfg_t *sec, const char *option, enum jail_mode *out)
{
	const char *text;

	if (!option_given(sec, option))
		return 0;
	text = cfg_getstr(sec, option);
	if (strcmp(text, "ban") == 0)
		*out = MODE_BAN;
	else if (strcmp(text, "observe") == 0)
		*out = MODE_OBSERVE;
	else
		return option_fail(l, sec, option,
		    "%s = \"%s\": write \"ban\", or \"observe\" to count and "
		    "refuse nobody",
		    option, text);
	return 0;
}

int
value_string(struct loader *l, cfg_t *sec, const char *option, char **out)
{
	char *copy;

	if (!option_given(sec, option))
		return 0;
	copy = strdup(cfg_getstr(sec, option));
	if (!copy)
		return option_fail(l, sec, option, "out of memory");
	free(*out);
	*out = copy;
	return 0;
}

int
value_strings(
    struct loader *l, cfg_t *sec, const char *option, char ***out, size_t *n)
{
	size_t size = option_given(sec, option) ? cfg_size(sec, option) : 0;

	*n = 0;
	*out = calloc(size + 1, sizeof(**out));
	if (!*out)
		return option_fail(l, sec, option, "out of memory");
	for (; *n < size; (*n)++) {
		(*out)[*n] = strdup(cfg_getnstr(sec, option, (unsigned)*n));
		if (!(*out)[*n])
			return option_fail(l, sec, option, "out of memory");
	}
	return 0;
}

int
value_networks(struct loader *l, cfg_t *sec, const char *option,
    struct prefix **nets, size_t *nnets, char ***names, size_t *nnames,
    bool *self)
{
	size_t size = option_given(sec, option) ? cfg_size(sec, option) : 0;

	*nets = calloc(size + 1, sizeof(**nets));
	if (names)
		*names = calloc(size + 1, sizeof(**names));
	if (!*nets || (names && !*names))
		return option_fail(l, sec, option, "out of memory");
	for (size_t i = 0; i < size; i++) {
		const char *text = cfg_getnstr(sec, option, (unsigned)i);
		if (self && strcmp(text, "self") == 0) {
			*self = true;
		} else if (names && is_hostname(text)) {
			(*names)[*nnames] = strdup(text);
			if (!(*names)[(*nnames)++])
				return option_fail(
				    l, sec, option, "out of memory");
		} else if (one_network(l, sec, option, text, nets, nnets)) {
			return -1;
		}
	}
	return 0;
}

static int
one_network(struct loader *l, cfg_t *sec, const char *option, const char *text,
    struct prefix **nets, size_t *nnets)
{
	if (prefix_parse(span_of(text), &(*nets)[*nnets]) != 0)
		return option_fail(l, sec, option,
		    strpbrk(text, " ,")
			? "%s: \"%s\": write each in quotes of its own, in "
			  "braces: { \"192.0.2.1\", \"192.0.2.2\" }%.0s"
			: "%s: \"%s\" is not an address: write \"192.0.2.1\", "
			  "\"192.0.2.0/24\", \"2001:db8::/32\"%s",
		    option, text,
		    strcmp(sec->name, "root") == 0
			? ", \"self\" or a host name"
			: " (host names and \"self\" only globally)");
	(*nnets)++;
	return 0;
}

/* A name with a letter in its last label, so that "10.0.0" is none. */
static bool
is_hostname(const char *text)
{
	const char *last = strrchr(text, '.');

	if (strspn(text,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != strlen(text))
		return false;
	last = last ? last + 1 : text;
	return strpbrk(last,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}
