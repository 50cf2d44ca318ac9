/*
 * The warden: starts the children, hears their hearts, opens log files for the
 * engine, and reads no stranger's byte. A plain poll loop: nothing in it may
 * ever wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "warden.h"
#include "mxward/log.h"

#define STOP_GRACE_MS 5000

static int prepare(struct warden *wd, struct config *conf, bool foreground);
static int prepare_world(struct warden *wd, struct error *err);
static void loop(struct warden *wd);
static void on_signal(struct warden *wd);
static void on_child(struct warden *wd, enum role r);
static void serve(struct warden *wd, enum role r, const struct msg *m, int fd);
static void serve_open(struct warden *wd, struct child *c, const char *path);
static void serve_watch(
    struct warden *wd, struct child *c, const struct msg *m, int ifd);
static void serve_reload(struct warden *wd, struct child *c);
static void serve_ready(struct warden *wd, enum role r);
static void stop(struct warden *wd);

const char *
role_name(enum role r)
{
	static const char *const names[] = { "engine", "doors", "enforcer" };

	return names[r];
}

int64_t
monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
wall_clock(void)
{
	return (int64_t)time(NULL);
}

int
warden_run(struct config *conf, bool foreground)
{
	struct warden wd = { .signals = -1 };

	if (prepare(&wd, conf, foreground) != 0)
		return 1;
	log_info("mxward " MXWARD_VERSION " with %s", conf->path);
	loop(&wd);
	stop(&wd);
	sole_unbind(&wd);
	bantable_unmap(wd.w.table);
	config_free(wd.w.conf);
	log_info("ended");
	return 0;
}

static int
prepare(struct warden *wd, struct config *conf, bool foreground)
{
	struct error err;
	sigset_t set;

	wd->w.conf = conf;
	wd->w.foreground = foreground;
	wd->w.started = wall_clock();
	log_init("warden", true, log_level_parse(conf->log_level));
	if (prepare_world(wd, &err) != 0) {
		log_err("%s", err.text);
		return -1;
	}
	if (!foreground && daemon(0, 0) != 0) {
		log_err("cannot go into the background: %s", strerror(errno));
		return -1;
	}
	log_init("warden", foreground, log_level_parse(conf->log_level));
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wd->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (wd->signals < 0) {
		log_err("signalfd: %s", strerror(errno));
		return -1;
	}
	wd->watchdog = notify_watchdog_ms();
	for (int r = 0; r < ROLE_MAX; r++) {
		wd->child[r].sock = -1;
		wd->child[r].due = monotonic_ms();
	}
	wd->child[ROLE_ENGINE].wanted = true;
	wd->child[ROLE_DOORS].wanted = conf->policy.nlisten > 0;
	wd->child[ROLE_ENFORCER].wanted = conf->nft.enabled;
	return 0;
}

static int
prepare_world(struct warden *wd, struct error *err)
{
	struct config *conf = wd->w.conf;
	char dir[4096];

	if (identity_find(conf, &wd->w.id, err) != 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/", conf->statedir);
	if (identity_mkdir(dir, 0750, &wd->w.id, err) != 0 ||
	    identity_mkdir(conf->control, 0755, &wd->w.id, err) != 0 ||
	    sole_lock(conf, err) < 0 || sole_control(conf, err) != 0)
		return -1;
	wd->w.table = bantable_map(conf->max_bans);
	wd->w.board = board_map();
	if (!wd->w.table || !wd->w.board)
		return error_set(err,
		    "cannot map the ban table for max_bans = %zu: %s: write "
		    "fewer",
		    conf->max_bans, strerror(errno));
	wd->w.board->generation = 1;
	return 0;
}

static void
loop(struct warden *wd)
{
	struct pollfd fds[1 + ROLE_MAX];
	int64_t now;

	while (!wd->stopping) {
		now = monotonic_ms();
		child_start_due(wd, now);
		if (wd->watchdog && now >= wd->watchdog_due) {
			notify_watchdog();
			wd->watchdog_due = now + wd->watchdog;
		}
		fds[0] = (struct pollfd){ .fd = wd->signals, .events = POLLIN };
		for (int r = 0; r < ROLE_MAX; r++)
			fds[1 + r] = (struct pollfd){
				.fd = wd->child[r].pid ? wd->child[r].sock : -1,
				.events = POLLIN,
			};
		poll(fds, 1 + ROLE_MAX, (int)(child_next(wd, now) - now));
		if (fds[0].revents)
			on_signal(wd);
		for (int r = 0; r < ROLE_MAX; r++)
			if (fds[1 + r].revents)
				on_child(wd, (enum role)r);
		/* If the warden did not run, neither may they have. */
		if (monotonic_ms() - now > HEARTBEAT_LOST_MS / 2)
			child_excuse(wd);
		child_watch(wd, monotonic_ms());
	}
}

static void
on_signal(struct warden *wd)
{
	struct signalfd_siginfo si;
	struct error err;

	while (read(wd->signals, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			child_reap(wd);
			break;
		case SIGHUP:
			if (reload(wd, &err) != 0)
				log_err("the configuration stays as it was: %s",
				    err.text);
			break;
		default:
			wd->stopping = true;
		}
	}
}

static void
on_child(struct warden *wd, enum role r)
{
	struct child *c = &wd->child[r];
	struct msg m;
	int fd, rc = 0;

	/* A child cannot keep the warden busy: so many, then the others. */
	for (int i = 0; i < 64 && c->pid; i++) {
		rc = msg_recv(c->sock, &m, &fd);
		if (rc != 1)
			break;
		c->heard = monotonic_ms();
		serve(wd, r, &m, fd);
		if (fd >= 0)
			close(fd);
	}
	if (c->pid && rc == 0)
		child_kill(wd, r, "closed its line");
	else if (c->pid && rc < 0 && errno == EBADMSG)
		child_kill(wd, r, "sent what is no message");
}

static void
serve(struct warden *wd, enum role r, const struct msg *m, int fd)
{
	struct child *c = &wd->child[r];

	if (m->type == MSG_HEARTBEAT)
		return;
	if (m->type == MSG_READY) {
		serve_ready(wd, r);
		return;
	}
	if (r != ROLE_ENGINE) {
		child_kill(wd, r, "asked for what is not its business");
		return;
	}
	switch (m->type) {
	case MSG_OPEN:
		serve_open(wd, c, m->text);
		break;
	case MSG_WATCH:
		serve_watch(wd, c, m, fd);
		break;
	case MSG_RELOAD:
		serve_reload(wd, c);
		break;
	default:
		child_kill(wd, r, "asked for what is not its business");
	}
}

static void
serve_open(struct warden *wd, struct child *c, const char *path)
{
	struct msg answer = { .type = MSG_OPENED };
	int fd = -1;

	if (!paths_may_open(wd->w.conf, path))
		answer.value = EPERM;
	else if ((fd = paths_open(path)) < 0)
		answer.value = errno;
	if (msg_send(c->sock, &answer, answer.value ? -1 : fd) != 0)
		log_warn("cannot answer the engine: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
serve_watch(struct warden *wd, struct child *c, const struct msg *m, int ifd)
{
	struct msg answer = { .type = MSG_WATCHED, .value = -EPERM };

	if (ifd >= 0 && paths_may_watch(wd->w.conf, m->text)) {
		int wdn = inotify_add_watch(
		    ifd, m->text, (uint32_t)m->value & IN_ALL_EVENTS);
		answer.value = wdn < 0 ? -errno : wdn;
	}
	if (msg_send(c->sock, &answer, -1) != 0)
		log_warn("cannot answer the engine: %s", strerror(errno));
}

static void
serve_reload(struct warden *wd, struct child *c)
{
	struct msg answer = { .type = MSG_RELOADED };
	struct child asked = *c;
	struct error err;

	/* The answer goes out before the engine is told to end. */
	if (reload(wd, &err) == 0)
		return;
	answer.value = -1;
	snprintf(answer.text, sizeof(answer.text), "%s", err.text);
	child_tell(&asked, &answer);
}

static void
serve_ready(struct warden *wd, enum role r)
{
	wd->child[r].ready = true;
	child_succeed(wd, r, DRAIN_GRACE_MS);
	if (wd->told_ready)
		return;
	for (int i = 0; i < ROLE_MAX; i++)
		if (wd->child[i].wanted && !wd->child[i].ready &&
		    i != ROLE_ENFORCER)
			return;
	wd->told_ready = true;
	log_info("ready");
	notify_ready();
}

static void
stop(struct warden *wd)
{
	notify_stopping();
	for (int r = 0; r < ROLE_MAX; r++) {
		wd->child[r].wanted = false;
		child_retire(wd, (enum role)r, STOP_GRACE_MS);
	}
	while (wd->nretiring) {
		struct pollfd p = { .fd = wd->signals, .events = POLLIN };
		poll(&p, 1, 50);
		child_reap(wd);
		child_watch(wd, monotonic_ms());
	}
}
