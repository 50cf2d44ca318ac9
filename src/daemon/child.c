/*
 * The warden's children: started with the sockets they need, watched, and
 * started again. A listening socket is open in the child that answers on it
 * and nowhere else: when that child is gone, so is the socket, and a mail
 * server sees a closed door and not a silent one (P4).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "warden.h"
#include "mxward/listener.h"
#include "mxward/log.h"

#define STEADY_MS 10000 /* a child that lived this long was well */

static int start(struct warden *wd, enum role r);
static int open_listeners(struct warden *wd, enum role r, struct inherit *in);
static void connect_peers(struct warden *wd, enum role r, struct inherit *in);
static void in_child(struct warden *wd, enum role r, struct inherit *in);
static void close_inherit(struct inherit *in);
static void buried(struct warden *wd, pid_t pid, int status);
static void died(struct warden *wd, enum role r);
static int64_t pause_after(unsigned deaths);

/* Who talks to whom directly. */
static bool
are_peers(enum role a, enum role b)
{
	return a != b && (a == ROLE_ENGINE || b == ROLE_ENGINE);
}

/* The table and the database have one writer: an engine begins when the one
 * before is gone, however long a stuck disk may hold it. */
static bool
is_retiring(const struct warden *wd, enum role r)
{
	for (size_t i = 0; i < wd->nretiring; i++)
		if (wd->retiring[i].role == r)
			return true;
	return false;
}

void
child_start_due(struct warden *wd, int64_t now)
{
	for (int r = 0; r < ROLE_MAX; r++) {
		struct child *c = &wd->child[r];
		if (!c->wanted || c->pid || c->due > now ||
		    (r == ROLE_ENGINE && is_retiring(wd, ROLE_ENGINE)))
			continue;
		if (start(wd, (enum role)r) != 0) {
			c->deaths++;
			c->due = now + pause_after(c->deaths);
		}
	}
}

static int
start(struct warden *wd, enum role r)
{
	struct child *c = &wd->child[r];
	struct inherit in = { .nlisteners = 0 };
	int pair[2];
	pid_t pid;

	if (msg_pair(pair) != 0)
		return -1;
	in.warden = pair[1];
	for (int i = 0; i < ROLE_MAX; i++)
		in.peer[i] = -1;
	if (open_listeners(wd, r, &in) != 0) {
		close(pair[0]);
		close_inherit(&in);
		return -1;
	}
	connect_peers(wd, r, &in);
	c->started = c->heard = monotonic_ms();
	c->ready = false;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		in_child(wd, r, &in);
	}
	close_inherit(&in);
	if (pid < 0) {
		log_err(
		    "cannot start the %s: %s", role_name(r), strerror(errno));
		close(pair[0]);
		return -1;
	}
	c->pid = pid;
	c->sock = pair[0];
	return 0;
}

/* Whether an older process of ours may still hold the same addresses. */
static bool
draining(const struct warden *wd)
{
	return wd->nretiring > 0;
}

static int
open_listeners(struct warden *wd, enum role r, struct inherit *in)
{
	const struct config *conf = wd->w.conf;
	const struct policy_conf *p = &conf->policy;
	struct listen_conf control = {
		.is_unix = true, .path = conf->control, .text = conf->control
	};
	struct error err;

	if (r == ROLE_ENGINE) {
		in->listener[0] =
		    listener_open(&control, conf->control_group ? 0660 : 0600,
			wd->w.id.drop ? conf->user : NULL, conf->control_group,
			&err);
		in->nlisteners = in->listener[0] >= 0;
		if (in->listener[0] < 0) {
			log_err("the control socket: %s", err.text);
			return -1;
		}
		sole_bound(wd, conf->control);
	}
	/* One address that cannot be had does not close the other doors. */
	for (size_t i = 0; r == ROLE_DOORS && i < p->nlisten; i++) {
		int fd = (draining(wd) ? listener_replace : listener_open)(
		    &p->listen[i], p->socket_mode, p->socket_user,
		    p->socket_group, &err);
		if (fd < 0)
			log_err("policy: %s", err.text);
		else if (p->listen[i].is_unix)
			sole_bound(wd, p->listen[i].path);
		in->listener[in->nlisteners++] = fd;
	}
	return 0;
}

static void
connect_peers(struct warden *wd, enum role r, struct inherit *in)
{
	const struct msg m = { .type = MSG_PEER, .value = r };
	int pair[2];

	for (int other = 0; other < ROLE_MAX; other++) {
		struct child *o = &wd->child[other];
		if (!are_peers(r, (enum role)other) || !o->pid ||
		    msg_pair(pair) != 0)
			continue;
		if (msg_send(o->sock, &m, pair[1]) == 0)
			in->peer[other] = pair[0];
		else
			close(pair[0]);
		close(pair[1]);
	}
}

/* Never returns. The other children's lines must not stay open here. */
static void
in_child(struct warden *wd, enum role r, struct inherit *in)
{
	static int (*const mains[ROLE_MAX])(const struct world *,
	    struct inherit *) = { engine_main, doors_main, firewall_main };
	sigset_t none;
	char name[16]; /* TASK_COMM_LEN, see prctl(2) */

	snprintf(name, sizeof(name), "mxward-%s", role_name(r));
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < ROLE_MAX; i++)
		if (wd->child[i].pid)
			close(wd->child[i].sock);
	for (size_t i = 0; i < wd->nretiring; i++)
		close(wd->retiring[i].sock);
	close(wd->signals);
	/* A terminal's ^C is the warden's to handle. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	log_init(role_name(r), wd->w.foreground,
	    log_level_parse(wd->w.conf->log_level));
	_exit(mains[r](&wd->w, in));
}

static void
close_inherit(struct inherit *in)
{
	close(in->warden);
	for (int i = 0; i < ROLE_MAX; i++)
		if (in->peer[i] >= 0)
			close(in->peer[i]);
	for (size_t i = 0; i < in->nlisteners; i++)
		if (in->listener[i] >= 0)
			close(in->listener[i]);
}

void
child_tell(struct child *c, const struct msg *m)
{
	if (c->pid && msg_send(c->sock, m, -1) != 0)
		log_warn(
		    "cannot tell process %d: %s", (int)c->pid, strerror(errno));
}

void
child_retire(struct warden *wd, enum role r, int64_t grace)
{
	child_supersede(wd, r);
	child_succeed(wd, r, grace);
}

void
child_supersede(struct warden *wd, enum role r)
{
	struct child *c = &wd->child[r];

	if (!c->pid)
		return;
	if (wd->nretiring == RETIRING_MAX) {
		kill(wd->retiring[0].pid, SIGKILL);
		close(wd->retiring[0].sock);
		memmove(&wd->retiring[0], &wd->retiring[1],
		    --wd->nretiring * sizeof(wd->retiring[0]));
	}
	wd->retiring[wd->nretiring++] =
	    (struct retiring){ c->pid, c->sock, INT64_MAX, r, true };
	c->pid = 0;
	c->sock = -1;
	c->ready = false;
}

void
child_succeed(struct warden *wd, enum role r, int64_t grace)
{
	const struct msg m = { .type = MSG_STOP };

	for (size_t i = 0; i < wd->nretiring; i++) {
		struct retiring *old = &wd->retiring[i];
		if (old->role != r || !old->stays)
			continue;
		/* One that cannot even be told is not waited for. */
		old->deadline = monotonic_ms();
		if (msg_send(old->sock, &m, -1) == 0)
			old->deadline += grace;
		old->stays = false;
	}
}

void
child_kill(struct warden *wd, enum role r, const char *why)
{
	struct child *c = &wd->child[r];

	log_warn("the %s (process %d) %s: starting it again", role_name(r),
	    (int)c->pid, why);
	/* It is buried when the kernel lets it go: never waited for here. */
	kill(c->pid, SIGKILL);
	died(wd, r);
	child_supersede(wd, r);
	for (size_t i = 0; i < wd->nretiring; i++)
		if (wd->retiring[i].role == r)
			wd->retiring[i].stays = false;
}

/* Count it, and say when the next one begins. */
static void
died(struct warden *wd, enum role r)
{
	struct child *c = &wd->child[r];
	int64_t now = monotonic_ms();

	c->deaths = now - c->started < STEADY_MS ? c->deaths + 1 : 0;
	c->due = now + pause_after(c->deaths);
	wd->w.board->restarts++;
	if (r == ROLE_ENGINE)
		wd->w.board->restored = 1; /* the table stands */
	if (r == ROLE_DOORS)
		wd->w.board->door[DOOR_POLICY].open = 0;
}

void
child_reap(struct warden *wd)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		buried(wd, pid, status);
}

static void
buried(struct warden *wd, pid_t pid, int status)
{
	for (size_t i = 0; i < wd->nretiring; i++)
		if (wd->retiring[i].pid == pid) {
			close(wd->retiring[i].sock);
			wd->retiring[i] = wd->retiring[--wd->nretiring];
			return;
		}
	for (int r = 0; r < ROLE_MAX; r++) {
		struct child *c = &wd->child[r];
		if (c->pid != pid)
			continue;
		if (WIFSIGNALED(status))
			log_err("the %s (process %d) died of signal %d: "
				"starting it again",
			    role_name((enum role)r), (int)pid,
			    WTERMSIG(status));
		else
			log_info("the %s (process %d) ended with %d: starting "
				 "it again",
			    role_name((enum role)r), (int)pid,
			    WEXITSTATUS(status));
		close(c->sock);
		c->pid = 0;
		c->sock = -1;
		died(wd, (enum role)r);
	}
}

/* A child that keeps dying is not started more than every five seconds. */
static int64_t
pause_after(unsigned deaths)
{
	static const int64_t pauses[] = { 0, 0, 50, 100, 200, 500, 1000, 2000 };

	return deaths < 8 ? pauses[deaths] : 5000;
}

/* Nobody waits for the enforcer, and a large firewall takes its time. */
static int64_t
lost_after(enum role r)
{
	return r == ROLE_ENFORCER ? ENFORCER_LOST_MS : HEARTBEAT_LOST_MS;
}

void
child_excuse(struct warden *wd)
{
	for (int r = 0; r < ROLE_MAX; r++)
		wd->child[r].heard = monotonic_ms();
}

void
child_watch(struct warden *wd, int64_t now)
{
	for (int r = 0; r < ROLE_MAX; r++)
		if (wd->child[r].pid &&
		    now - wd->child[r].heard >= lost_after((enum role)r))
			child_kill(wd, (enum role)r, "is silent");
	for (size_t i = 0; i < wd->nretiring; i++)
		if (now >= wd->retiring[i].deadline) {
			log_warn("process %d did not end in time: killed",
			    (int)wd->retiring[i].pid);
			kill(wd->retiring[i].pid, SIGKILL);
			wd->retiring[i].deadline = INT64_MAX;
		}
}

int64_t
child_next(const struct warden *wd, int64_t now)
{
	int64_t next = now + HEARTBEAT_MS / 2;

	for (int r = 0; r < ROLE_MAX; r++)
		if (wd->child[r].wanted && !wd->child[r].pid &&
		    wd->child[r].due < next)
			next = wd->child[r].due;
	return next < now ? now : next;
}
