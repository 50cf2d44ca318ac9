/* The warden's own state: warden.c (its loop), child.c (its children),
 * reload.c (a new configuration). */
#ifndef MXWARD_WARDEN_H
#define MXWARD_WARDEN_H

#include "daemon.h"

#define RETIRING_MAX   8
#define BOUND_MAX      (2 * LISTENERS_MAX + 1) /* paths, over reloads */
#define DRAIN_GRACE_MS 10000 /* for doors to answer what was asked */

struct child {
	pid_t pid; /* 0: not running */
	int sock;
	int64_t started, heard; /* monotonic, ms */
	int64_t due;            /* to be started then, if pid is 0 */
	unsigned deaths;        /* in quick succession */
	bool wanted;
	bool ready;
};

/* A child that was told to end, and still may finish what it does. */
struct retiring {
	pid_t pid;
	int sock;
	int64_t deadline;
	enum role role;
	bool stays; /* until its successor is ready; not told to end yet */
};

/* A unix socket of ours. */
struct bound {
	char path[108]; /* sun_path, unix(7) */
	dev_t dev;
	ino_t ino;
};

struct warden {
	struct world w;
	struct child child[ROLE_MAX];
	struct retiring retiring[RETIRING_MAX];
	size_t nretiring;
	struct bound bound[BOUND_MAX];
	size_t nbound;
	int signals; /* signalfd */
	bool stopping, told_ready;
	int64_t watchdog, watchdog_due;
};

/* child.c */
void child_start_due(struct warden *wd, int64_t now);
void child_tell(struct child *c, const struct msg *m);
/* Tell it to end; it has `grace` ms before it is killed. Its place is free. */
void child_retire(struct warden *wd, enum role r, int64_t grace);
/* The same, but it goes on until child_succeed: when its successor is ready. */
void child_supersede(struct warden *wd, enum role r);
void child_succeed(struct warden *wd, enum role r, int64_t grace);
void child_kill(struct warden *wd, enum role r, const char *why);
void child_reap(struct warden *wd);
/* Their silence up to now does not count: the machine was suspended, say. */
void child_excuse(struct warden *wd);
/* Kill what is overdue: children that fell silent, retired ones past their
 * deadline. */
void child_watch(struct warden *wd, int64_t now);
/* When child_start_due or child_watch next has something to do. */
int64_t child_next(const struct warden *wd, int64_t now);

/* sole.c: hold the state directory for this mxward and its children: the
 * descriptor, or -1 and the reason, after waiting for the children of a dead
 * one. Whether the control socket is free: 0, or -1 and the reason. */
int sole_lock(const struct config *c, struct error *err);
int sole_control(const struct config *c, struct error *err);
/* A unix socket was bound at path; remove all that still are ours. */
void sole_bound(struct warden *wd, const char *path);
void sole_unbind(struct warden *wd);

/* reload.c: load the configuration again. 0 and the children are being
 * replaced, or -1 and the reason. */
int reload(struct warden *wd, struct error *err);

#endif
