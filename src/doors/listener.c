/*
 * Listening sockets. They are made by the one process that may make them (root,
 * and not in a sandbox) and handed to a child.
 *
 * A unix socket comes into being with its final mode (umask), because a chmod
 * afterwards would follow whatever somebody has put in its place. An inet
 * socket is bound alone, so that a second daemon is told "in use", and only
 * then shared, so that the successor of this one can take over.
 */
#include "mxward/listener.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NEW_SUFFIX ".new"

struct owner {
	uid_t uid; /* -1: as it is */
	gid_t gid;
};

static int open_any(const struct listen_conf *conf, unsigned mode,
    const char *user, const char *group, bool replace, struct error *err);
static int open_unix(const char *path, unsigned mode, const struct owner *o,
    bool replace, struct error *err);
static int owner_find(struct owner *o, const char *user, const char *group,
    const char *path, struct error *err);
static int path_take(const char *path, bool replace, struct error *err);
static int is_answered(const char *path, struct error *err);
static int unix_address(
    const char *path, struct sockaddr_un *sun, struct error *err);
static int unix_bind(
    const char *path, unsigned mode, const struct owner *o, struct error *err);
static int unix_bind_failed(const char *path, struct error *err);
static int open_inet(
    const struct listen_conf *conf, bool replace, struct error *err);
static socklen_t inet_address(
    const struct listen_conf *conf, struct sockaddr_storage *ss);
static int inet_bind(int fd, const struct listen_conf *conf, bool replace);
static int inet_failed(const struct listen_conf *conf, struct error *err);

int
listener_open(const struct listen_conf *conf, unsigned mode, const char *user,
    const char *group, struct error *err)
{
	return open_any(conf, mode, user, group, false, err);
}

int
listener_replace(const struct listen_conf *conf, unsigned mode,
    const char *user, const char *group, struct error *err)
{
	return open_any(conf, mode, user, group, true, err);
}

static int
open_any(const struct listen_conf *conf, unsigned mode, const char *user,
    const char *group, bool replace, struct error *err)
{
	struct owner o;

	if (!conf->is_unix)
		return open_inet(conf, replace, err);
	if (owner_find(&o, user, group, conf->path, err) != 0)
		return -1;
	return open_unix(conf->path, mode, &o, replace, err);
}

static int
open_unix(const char *path, unsigned mode, const struct owner *o, bool replace,
    struct error *err)
{
	struct sockaddr_un sun;
	char aside[sizeof(sun.sun_path) + sizeof(NEW_SUFFIX)];
	int fd;

	if (unix_address(path, &sun, err) != 0 ||
	    path_take(path, replace, err) != 0)
		return -1;
	if (!replace)
		return unix_bind(path, mode, o, err);
	snprintf(aside, sizeof(aside), "%s" NEW_SUFFIX, path);
	if (unix_address(aside, &sun, err) != 0 ||
	    path_take(aside, false, err) != 0 ||
	    (fd = unix_bind(aside, mode, o, err)) == -1)
		return -1;
	if (rename(aside, path) != 0) {
		error_set(err, "%s: cannot rename it to %s: %s", aside, path,
		    strerror(errno));
		unlink(aside);
		close(fd);
		return -1;
	}
	return fd;
}

static int
owner_find(struct owner *o, const char *user, const char *group,
    const char *path, struct error *err)
{
	const struct passwd *pw;
	const struct group *gr;

	*o = (struct owner){ (uid_t)-1, (gid_t)-1 };
	if (user != NULL) {
		if ((pw = getpwnam(user)) == NULL)
			return error_set(err,
			    "%s: there is no user \"%s\"; "
			    "create it or name another one",
			    path, user);
		o->uid = pw->pw_uid;
	}
	if (group != NULL) {
		if ((gr = getgrnam(group)) == NULL)
			return error_set(err,
			    "%s: there is no group \"%s\"; "
			    "create it or name another one",
			    path, group);
		o->gid = gr->gr_gid;
	}
	return 0;
}

/* Make room for a socket at path. */
static int
path_take(const char *path, bool replace, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		/* Other reasons are bind's to tell. */
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err,
		    "%s: is not a socket and will not be "
		    "removed; remove it or choose another "
		    "path",
		    path);
	if (replace)
		return 0;
	if (is_answered(path, err) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT)
		return error_set(err, "%s: cannot remove the old socket: %s",
		    path, strerror(errno));
	return 0;
}

/* 0 if nobody listens there any more. Only the kernel's plain refusal is proof
 * of that: a full backlog, for one, is a sign of life. */
static int
is_answered(const char *path, struct error *err)
{
	struct sockaddr_un sun;
	int fd, rc, reason;

	if (unix_address(path, &sun, err) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return error_set(err, "%s: %s", path, strerror(errno));
	rc = connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
	reason = errno;
	close(fd);
	if (rc != 0 && (reason == ECONNREFUSED || reason == ENOENT))
		return 0;
	if (rc != 0 && reason != EAGAIN && reason != EPROTOTYPE)
		return error_set(err,
		    "%s: cannot tell whether this socket is "
		    "in use: %s",
		    path, strerror(reason));
	return error_set(err,
	    "%s: another program listens there; stop it or "
	    "choose another path",
	    path);
}

static int
unix_address(const char *path, struct sockaddr_un *sun, struct error *err)
{
	size_t n = strlen(path);

	if (n >= sizeof(sun->sun_path))
		return error_set(err,
		    "%s: the path of a unix socket has at "
		    "most %zu bytes, this one has %zu",
		    path, sizeof(sun->sun_path) - 1, n);
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(sun->sun_path, path, n);
	return 0;
}

static int
unix_bind(
    const char *path, unsigned mode, const struct owner *o, struct error *err)
{
	struct sockaddr_un sun;
	mode_t mask;
	int fd, rc;

	if (unix_address(path, &sun, err) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return error_set(err, "%s: %s", path, strerror(errno));
	mask = umask((mode_t)(~mode & 0777));
	rc = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (rc != 0) {
		unix_bind_failed(path, err);
		close(fd);
		return -1;
	}
	if (lchown(path, o->uid, o->gid) != 0)
		error_set(err,
		    "%s: cannot change its owner or group: %s; "
		    "that takes root",
		    path, strerror(errno));
	else if (listen(fd, SOMAXCONN) != 0)
		error_set(err, "%s: %s", path, strerror(errno));
	else
		return fd;
	unlink(path);
	close(fd);
	return -1;
}

static int
unix_bind_failed(const char *path, struct error *err)
{
	int reason = errno, n;
	const char *slash = strrchr(path, '/');

	n = slash == NULL ? 0 : (int)(slash - path);
	if (reason == ENOENT)
		return error_set(err,
		    "%s: there is no directory %.*s; create "
		    "it, or correct the path",
		    path, n == 0 ? 1 : n, n == 0 ? "." : path);
	if (reason == EACCES || reason == EROFS)
		return error_set(err,
		    "%s: cannot create a socket there: %s; "
		    "start as root or choose another path",
		    path, strerror(reason));
	return error_set(err, "%s: cannot listen: %s", path, strerror(reason));
}

static int
open_inet(const struct listen_conf *conf, bool replace, struct error *err)
{
	int fd;

	fd = socket(addr_is_v4(&conf->addr) ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return inet_failed(conf, err);
	if (inet_bind(fd, conf, replace) != 0) {
		inet_failed(conf, err);
		close(fd);
		return -1;
	}
	return fd;
}

static socklen_t
inet_address(const struct listen_conf *conf, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	*ss = (struct sockaddr_storage){ 0 };
	if (addr_is_v4(&conf->addr)) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(conf->port);
		memcpy(&sin->sin_addr, conf->addr.b + 12, 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(conf->port);
	memcpy(&sin6->sin6_addr, conf->addr.b, 16);
	return sizeof(*sin6);
}

static int
inet_bind(int fd, const struct listen_conf *conf, bool replace)
{
	struct sockaddr_storage ss;
	socklen_t len = inet_address(conf, &ss);
	int on = 1, off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -1;
	/* "[::]" means every address of the machine, whatever the sysctl. */
	if (ss.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		return -1;
	if (replace &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&ss, len) != 0)
		return -1;
	if (!replace &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return -1;
	/* Accepted sockets inherit it. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		return -1;
	return listen(fd, SOMAXCONN);
}

static int
inet_failed(const struct listen_conf *conf, struct error *err)
{
	int reason = errno;

	switch (reason) {
	case EADDRINUSE:
		return error_set(err,
		    "%s: another program listens there; "
		    "stop it or choose another port",
		    conf->text);
	case EADDRNOTAVAIL:
		return error_set(err,
		    "%s: this machine does not have the "
		    "address; correct it, or add it to an "
		    "interface first",
		    conf->text);
	case EACCES:
		return error_set(err,
		    "%s: ports below 1024 take root; start "
		    "as root or choose another port",
		    conf->text);
	case EAFNOSUPPORT:
		return error_set(err,
		    "%s: this machine has no IPv6; use an "
		    "IPv4 address",
		    conf->text);
	default:
		return error_set(
		    err, "%s: cannot listen: %s", conf->text, strerror(reason));
	}
}
