/* mxward(8): the command line of the daemon. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"
#include "mxward/config.h"

static const char usage[] =
    "usage: mxward [-f] [-t] [-c FILE]\n"
    "  -c, --config FILE   the configuration (" MXWARD_CONF ")\n"
    "  -f, --foreground    stay in the foreground, log to standard error\n"
    "  -t, --test          check the configuration and exit: 0, or 1 and what\n"
    "                      is wrong\n"
    "  -h, --help          this text\n"
    "  -V, --version\n"
    "See mxward(8) and mxward.conf(5).\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "test", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void
warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "warning: %s\n", text);
}

/* What only the start would find otherwise. Takes conf. */
static int
check_identity(struct config *conf)
{
	struct identity id;
	struct error err;
	int rc = identity_find(conf, &id, &err);

	if (rc != 0)
		fprintf(stderr, "%s: %s\n", conf->path, err.text);
	config_free(conf);
	return rc == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	const char *path = MXWARD_CONF;
	char whole[PATH_MAX];
	bool foreground = false, test = false;
	struct config *conf;
	struct error err;
	int c;

	while ((c = getopt_long(argc, argv, "c:fthV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		case 't':
			test = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("mxward " MXWARD_VERSION);
			return 0;
		default:
			fputs("Try 'mxward --help'.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
		    "mxward: '%s' is not an option: name a configuration with "
		    "-c FILE\n",
		    argv[optind]);
		return 2;
	}
	/* In the background the directory is another; a reload must find it. */
	if (realpath(path, whole))
		path = whole;
	conf = config_load(path, &err, warn, NULL);
	if (!conf) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (test)
		return check_identity(conf);
	return warden_run(conf, foreground);
}
