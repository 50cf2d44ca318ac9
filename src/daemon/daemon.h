/*
 * The wiring: what the files of src/daemon/ share. This is the only place
 * where the boxes of the program are connected, and it holds no logic of
 * theirs.
 */
#ifndef MXWARD_DAEMON_H
#define MXWARD_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mxward/bantable.h"
#include "mxward/board.h"
#include "mxward/config.h"
#include "mxward/msg.h"

#define HEARTBEAT_MS      500   /* a child says it is alive this often */
#define HEARTBEAT_LOST_MS 3000  /* and is killed when silent this long */
#define ENFORCER_LOST_MS  60000 /* the enforcer may be reading back for long */
#define LISTENERS_MAX     16    /* listening sockets of one child */

struct event_base;

/* Who engine, doors and enforcer run as; not used unless root. */
struct identity {
	bool drop;
	uid_t uid;
	gid_t gid;
	gid_t extra[4]; /* systemd-journal, where a source reads it */
	size_t nextra;
};

/* What every process inherits from the warden. */
struct world {
	struct config *conf;
	struct bantable *table;
	struct board *board;
	struct identity id;
	bool foreground;
	int64_t started; /* seconds since the epoch */
};

/* What one child gets besides. Descriptors are the child's. */
struct inherit {
	int warden;         /* msg socket */
	int peer[ROLE_MAX]; /* msg sockets, or -1 */
	int listener[LISTENERS_MAX];
	size_t nlisteners;
};

/* main → warden.c: run until SIGTERM; the exit status. conf is taken over. */
int warden_run(struct config *conf, bool foreground);

/* The children's mains, called in a forked process; they return its exit
 * status. engine.c, doors.c, firewall.c. */
int engine_main(const struct world *w, struct inherit *in);
int doors_main(const struct world *w, struct inherit *in);
int firewall_main(const struct world *w, struct inherit *in);

/* "engine", "doors", "enforcer". */
const char *role_name(enum role r);

/* identity.c. identity_find: 0, or -1 and the reason. */
int identity_find(
    const struct config *c, struct identity *id, struct error *err);
/* Make path's directory (and those above it), path itself if it ends with a
 * slash, and give the last one to the identity. 0, or -1 and the reason. */
int identity_mkdir(const char *path, unsigned mode, const struct identity *id,
    struct error *err);
/* Drop what a child does not need, for ever. keep_net_admin: all but the right
 * to change the firewall. Ends the process if it cannot. */
void identity_drop(const struct identity *id, bool keep_net_admin);

/* sandbox.c: allow this process only the system calls its role needs. Logs
 * when the kernel has no seccomp. */
void sandbox_enter(enum role role);

/* heart.c: the child's end of its line to the warden. */
struct heart;
/* Beats by itself on base. on_msg gets every message that heart does not
 * answer itself; the process is told to end by on_msg with MSG_STOP, also when
 * the warden is gone. */
struct heart *heart_start(struct event_base *base, int sock,
    void (*on_msg)(void *arg, const struct msg *m, int fd), void *arg);
void heart_stop(struct heart *h);
void heart_beat(struct heart *h); /* now, in the middle of long work */
int heart_send(struct heart *h, const struct msg *m, int fd);
/* Ask and wait for the answer of that type, for at most a second; other
 * messages are kept for on_msg. Returns 0 and *m (and *fd), or -1. */
int heart_ask(struct heart *h, const struct msg *question, int qfd,
    enum msg_type answer, struct msg *m, int *fd);

/* notify.c: sd_notify, or nothing. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
int64_t notify_watchdog_ms(void); /* how often; 0: not wanted */

/* paths.c: whether a configured source may read this file or watch this
 * directory. */
bool paths_may_open(const struct config *c, const char *path);
bool paths_may_watch(const struct config *c, const char *path);
/* Open a log file to read: a regular file of a real file system, looked at
 * before it is opened; through a symbolic link only if root or the file's own
 * owner made it. The descriptor, or -1 with errno. */
int paths_open(const char *path);

int64_t monotonic_ms(void);
int64_t wall_clock(void);

#endif
