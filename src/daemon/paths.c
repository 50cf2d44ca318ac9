/*
 * What the warden opens for the engine: the log files that the configuration
 * names, their rotated siblings, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon.h"

static bool is_kernels(int fd);
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

int
paths_open(const char *path)
{
	struct stat link, st;
	char again[40];
	int at, fd = -1;

	/* Opening a device or a pipe can have effects; a look has none. */
	at = open(path, O_PATH | O_CLOEXEC);
	if (at < 0)
		return -1;
	if (fstat(at, &st) != 0 || lstat(path, &link) != 0) {
		close(at);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
	} else if (!S_ISREG(st.st_mode) || is_kernels(at)) {
		errno = EINVAL;
	} else if (S_ISLNK(link.st_mode) && link.st_uid != 0 &&
	    link.st_uid != st.st_uid) {
		errno = EPERM;
	} else {
		snprintf(again, sizeof(again), "/proc/self/fd/%d", at);
		fd = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	close(at);
	return fd;
}

/* Files that are the kernel's voice look like regular ones. */
static bool
is_kernels(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) != 0 || fs.f_type == PROC_SUPER_MAGIC ||
	    fs.f_type == SYSFS_MAGIC;
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
 * Same directory, and the pattern's name or one that rotation makes of it:
 * mail.log, mail.log.1, mail.log-20261124.gz, mail-20261124.log.
 */
static bool
is_sibling(const char *pattern, const char *path)
{
	const char *pname = strrchr(pattern, '/'), *name = strrchr(path, '/');
	char pdir[PATH_MAX], dir[PATH_MAX], made[PATH_MAX];
	const char *dot;

	snprintf(pdir, sizeof(pdir), "%.*s", (int)(pname - pattern), pattern);
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	if (fnmatch(pdir, dir, FNM_PATHNAME) != 0)
		return false;
	pname++;
	name++;
	if (fnmatch(pname, name, FNM_PERIOD) == 0)
		return true;
	snprintf(made, sizeof(made), "%s[-.]?*", pname);
	if (fnmatch(made, name, FNM_PERIOD) == 0)
		return true;
	dot = strrchr(pname, '.');
	if (!dot || dot == pname)
		return false;
	snprintf(made, sizeof(made), "%.*s[-.][0-9]*%s", (int)(dot - pname),
	    pname, dot);
	return fnmatch(made, name, FNM_PERIOD) == 0;
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
