/*
 * include("FILE") and include("DIRECTORY"): the latter reads every *.conf in
 * it, by name. A relative path starts at the directory of the file that
 * includes it, so that a configuration can be moved as a whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_priv.h"

#define INCLUDE_DEPTH 8

static int include_file(cfg_t *cfg, const char *path);
static int include_dir(cfg_t *cfg, const char *path);

int
include_function(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct loader *l = loader_current();
	char path[PATH_MAX];
	const char *slash = strrchr(cfg->filename, '/');
	struct stat st;

	(void)opt;
	if (argc != 1)
		return loader_fail(l, cfg->filename, cfg->line,
		    "include takes one file or directory: "
		    "include(\"/etc/mxward/conf.d\")");
	if (argv[0][0] == '/' || !slash)
		snprintf(path, sizeof(path), "%s", argv[0]);
	else
		snprintf(path, sizeof(path), "%.*s/%s",
		    (int)(slash - cfg->filename), cfg->filename, argv[0]);
	if (l->depth >= INCLUDE_DEPTH)
		return loader_fail(l, cfg->filename, cfg->line,
		    "include(\"%s\") is nested more than %d deep: does a file "
		    "include itself?",
		    argv[0], INCLUDE_DEPTH);
	if (stat(path, &st) != 0)
		return loader_fail(l, cfg->filename, cfg->line,
		    "include(\"%s\"): %s: write the path of a file or a "
		    "directory that is there",
		    path, strerror(errno));
	return S_ISDIR(st.st_mode) ? include_dir(cfg, path)
				   : include_file(cfg, path);
}

/*
 * libconfuse can be called again while it parses: it stacks its input. Only
 * the name and line of the outer file have to be kept.
 */
static int
include_file(cfg_t *cfg, const char *path)
{
	struct loader *l = loader_current();
	char *name = cfg->filename;
	int line = cfg->line, rc;

	cfg->filename = NULL;
	l->depth++;
	rc = text_parse(cfg, path);
	l->depth--;
	free(cfg->filename);
	cfg->filename = name;
	cfg->line = line;
	if (rc == CFG_FILE_ERROR)
		return loader_fail(
		    l, name, line, "cannot read %s: %s", path, strerror(errno));
	return rc == CFG_SUCCESS ? 0 : -1;
}

static int
is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && fnmatch("*.conf", d->d_name, 0) == 0;
}

static int
include_dir(cfg_t *cfg, const char *path)
{
	struct dirent **list;
	char file[PATH_MAX + NAME_MAX + 2];
	int n, rc = 0;

	n = scandir(path, &list, is_conf, alphasort);
	if (n < 0)
		return loader_fail(loader_current(), cfg->filename, cfg->line,
		    "cannot list %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
		if (rc == 0)
			rc = include_file(cfg, file);
		free(list[i]);
	}
	free(list);
	return rc;
}
