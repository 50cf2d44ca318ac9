/*
 * Who the processes are. The warden stays what it was started as; its children
 * become the configured user before they read a stranger's first byte.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LIBCAP_NG
#include <cap-ng.h>
#endif

#include "daemon.h"
#include "mxward/log.h"

static bool reads_journal(const struct config *c);
static void become(const struct identity *id, bool keep_net_admin);

int
identity_find(const struct config *c, struct identity *id, struct error *err)
{
	const struct passwd *pw;
	const struct group *gr;

	memset(id, 0, sizeof(*id));
	if (geteuid() != 0)
		return 0;
	pw = getpwnam(c->user);
	if (!pw)
		return error_set(err,
		    "there is no user \"%s\": create it with `useradd --system "
		    "--no-create-home --shell /usr/sbin/nologin %s`, or name "
		    "another: user = \"…\"",
		    c->user, c->user);
	gr = getgrnam(c->group);
	if (!gr)
		return error_set(err,
		    "there is no group \"%s\": create it with `groupadd "
		    "--system "
		    "%s`, or name another in %s: group = \"…\"",
		    c->group, c->group, c->path);
	if (pw->pw_uid == 0)
		return error_set(err,
		    "user = \"%s\" is root: name a user without rights",
		    c->user);
	id->drop = true;
	id->uid = pw->pw_uid;
	id->gid = gr->gr_gid;
	if (reads_journal(c) && (gr = getgrnam("systemd-journal")))
		id->extra[id->nextra++] = gr->gr_gid;
	return 0;
}

static bool
reads_journal(const struct config *c)
{
	for (size_t i = 0; i < c->nsources; i++)
		if (c->sources[i].kind == SOURCE_JOURNAL)
			return true;
	return false;
}

static bool
is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	size_t n = 0;

	while (d && (entry = readdir(d)))
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (d)
		closedir(d);
	return d && n == 0;
}

/* A directory that systemd or a package made for us is root's: take it, if
 * nothing is in it. */
static void
adopt_dir(const char *dir, const struct identity *id)
{
	struct stat st;

	if (id->drop && lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == 0 && st.st_nlink <= 2 && is_empty(dir) &&
	    lchown(dir, id->uid, id->gid) != 0)
		log_warn("%s: %s", dir, strerror(errno));
}

int
identity_mkdir(const char *path, unsigned mode, const struct identity *id,
    struct error *err)
{
	char dir[PATH_MAX];
	char *p;

	snprintf(dir, sizeof(dir), "%s", path);
	p = strrchr(dir, '/');
	if (!p || p == dir)
		return 0;
	*p = '\0';
	for (p = strchr(dir + 1, '/');; p = strchr(p + 1, '/')) {
		if (p)
			*p = '\0';
		if (mkdir(dir, p ? 0755 : (mode_t)mode) == 0) {
			if (!p && id->drop && chown(dir, id->uid, id->gid) != 0)
				break;
		} else if (errno != EEXIST) {
			break;
		} else if (!p) {
			adopt_dir(dir, id);
		}
		if (!p)
			return 0;
		*p = '/';
	}
	return error_set(
	    err, "cannot make the directory %s: %s", dir, strerror(errno));
}

void
identity_drop(const struct identity *id, bool keep_net_admin)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (id->drop)
		become(id, keep_net_admin);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn("cannot set no_new_privs: %s", strerror(errno));
	/* Changing the user has cleared it: a child must not outlive the
	 * warden, which alone would start it again. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
become(const struct identity *id, bool keep_net_admin)
{
	if (setgroups(id->nextra, id->extra) != 0)
		goto fail;
#ifdef HAVE_LIBCAP_NG
	capng_clear(CAPNG_SELECT_BOTH);
	if (keep_net_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_NET_ADMIN);
	if (capng_change_id((int)id->uid, (int)id->gid, CAPNG_CLEAR_BOUNDING) !=
	    0)
		goto fail;
	return;
#else
	/* Without libcap-ng the right to the firewall cannot be kept alone. */
	if (keep_net_admin)
		return;
	if (setresgid(id->gid, id->gid, id->gid) == 0 &&
	    setresuid(id->uid, id->uid, id->uid) == 0 && setuid(0) != 0)
		return;
#endif
fail:
	log_err(
	    "cannot become user %u: %s", (unsigned)id->uid, strerror(errno));
	exit(1);
}
