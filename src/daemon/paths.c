/*
 * What the warden opens for the engine: the log files that the configuration
 * names, their rotated siblings, and nothing else.
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static bool each_pattern(const struct config *c, const char *path,
    bool (*may)(const char *pattern, const char *path));
static bool is_sibling(const char *pattern, const char *path);
static bool is_directory_of(const char *pattern, const char *path);

bool
paths_may_open(const struct config *c, const char *path)
{
	return each_pattern(c, path, is_sibling);
}

bool
paths_may_watch(const struct config *c, const char *path)
{
	return each_pattern(c, path, is_directory_of) ||
	    each_pattern(c, path, is_sibling);
}

static bool
each_pattern(const struct config *c, const char *path,
    bool (*may)(const char *pattern, const char *path))
{
	if (path[0] != '/' || strstr(path, "/../") || strstr(path, "/./"))
		return false;
	for (size_t s = 0; s < c->nsources; s++)
		for (size_t f = 0; f < c->sources[s].nfiles; f++)
			if (may(c->sources[s].files[f], path))
				return true;
	return false;
}

/*
 * Same directory, and a name that begins like the pattern's up to its first
 * wildcard or last dot: mail.log, mail.log.1, mail-20261124.log.
 */
static bool
is_sibling(const char *pattern, const char *path)
{
	const char *pname = strrchr(pattern, '/'), *name = strrchr(path, '/');
	char pdir[PATH_MAX], dir[PATH_MAX];
	const char *dot;
	size_t stem;

	snprintf(pdir, sizeof(pdir), "%.*s", (int)(pname - pattern), pattern);
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	if (fnmatch(pdir, dir, FNM_PATHNAME) != 0)
		return false;
	pname++;
	name++;
	stem = strcspn(pname, "*?[");
	dot = strrchr(pname, '.');
	if (dot && dot > pname && (size_t)(dot - pname) < stem)
		stem = (size_t)(dot - pname);
	return strncmp(pname, name, stem) == 0;
}

/* The pattern's directory, or one above it that has to appear first. */
static bool
is_directory_of(const char *pattern, const char *path)
{
	char above[PATH_MAX];
	char *slash;

	snprintf(above, sizeof(above), "%s", pattern);
	while ((slash = strrchr(above, '/')) && slash > above) {
		*slash = '\0';
		if (fnmatch(above, path, FNM_PATHNAME) == 0)
			return true;
	}
	return strcmp(path, "/") == 0;
}
