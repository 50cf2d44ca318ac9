/*
 * One mxward for one state directory, and one for one control socket. The lock
 * lives in all processes: a new warden waits until the children of one that was
 * killed are gone, too, so that two engines never write one database. And only
 * what this mxward has bound is removed at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "warden.h"
#include "mxward/listener.h"

#define LOCK_WAIT_MS 3000

int
sole_lock(const struct config *c, struct error *err)
{
	const int64_t begin = monotonic_ms();
	int fd = open(c->statedir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(
		    err, "statedir %s: %s", c->statedir, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			close(fd);
			return error_set(err, "statedir %s: cannot lock it: %s",
			    c->statedir, strerror(errno));
		}
		if (monotonic_ms() - begin > LOCK_WAIT_MS) {
			close(fd);
			return error_set(err,
			    "another mxward is running with statedir = \"%s\": "
			    "stop it, or give this one a directory and a "
			    "control socket of its own",
			    c->statedir);
		}
		poll(NULL, 0, 20);
	}
	return fd;
}

int
sole_control(const struct config *c, struct error *err)
{
	struct listen_conf control = {
		.is_unix = true, .path = c->control, .text = c->control
	};
	int fd = listener_open(&control, 0600, NULL, NULL, err);

	if (fd < 0)
		return -1;
	unlink(c->control);
	close(fd);
	return 0;
}

void
sole_bound(struct warden *wd, const char *path)
{
	struct bound *b = NULL;
	struct stat st;

	if (lstat(path, &st) != 0)
		return;
	for (size_t i = 0; i < wd->nbound && !b; i++)
		if (strcmp(wd->bound[i].path, path) == 0)
			b = &wd->bound[i];
	if (!b && wd->nbound < BOUND_MAX)
		b = &wd->bound[wd->nbound++];
	if (!b)
		return;
	snprintf(b->path, sizeof(b->path), "%s", path);
	b->dev = st.st_dev;
	b->ino = st.st_ino;
}

void
sole_unbind(struct warden *wd)
{
	struct stat st;

	for (size_t i = 0; i < wd->nbound; i++)
		if (lstat(wd->bound[i].path, &st) == 0 &&
		    st.st_dev == wd->bound[i].dev &&
		    st.st_ino == wd->bound[i].ino)
			unlink(wd->bound[i].path);
}
