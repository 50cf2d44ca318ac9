/* Listening sockets: made by the warden, used by a child. */
#ifndef MXWARD_LISTENER_H
#define MXWARD_LISTENER_H

#include "mxward/config.h"
#include "mxward/error.h"

/*
 * Bind and listen, non-blocking and close-on-exec. A unix socket that nobody
 * answers on is removed first; one that is answered is an error, as is a path
 * that is not a socket. mode, user and group (the last two may be NULL) are
 * given to a unix socket. Returns the descriptor, or -1 and the reason.
 */
int listener_open(const struct listen_conf *conf, unsigned mode,
    const char *user, const char *group, struct error *err);

/*
 * The same for the successor of a listener of ours that is still there, while
 * its process ends what it has begun (policy_stop_accepting). A unix socket
 * takes the path over in one step; an inet one shares the port until the old
 * one is closed. Works as well where there was none.
 */
int listener_replace(const struct listen_conf *conf, unsigned mode,
    const char *user, const char *group, struct error *err);

/* Parse "unix:/path" or "inet:HOST:PORT". Returns 0, or -1 and the reason.
 * listen_conf_clear frees what it holds. */
int listen_conf_parse(
    const char *text, struct listen_conf *out, struct error *err);
void listen_conf_clear(struct listen_conf *c);

#endif
