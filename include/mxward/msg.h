/*
 * What processes say to each other. Fixed-size messages over a socket pair
 * (SOCK_SEQPACKET): nothing is parsed, everything is checked. Every child has a
 * pair with the warden; engine and enforcer, and engine and doors, have one of
 * their own, which the warden makes anew when either is started again.
 */
#ifndef MXWARD_MSG_H
#define MXWARD_MSG_H

#include <stdint.h>

#include "mxward/addr.h"
#include "mxward/enforcer.h"

#define MSG_TEXT     1024
#define MSG_ELEMENTS 32

enum msg_type {
	/* child → warden */
	MSG_HEARTBEAT = 1,
	MSG_OPEN,  /* text: path; answered by MSG_OPENED with a descriptor */
	MSG_WATCH, /* text: path, value: mask, with an inotify descriptor */
	/* engine → enforcer */
	MSG_ELEMENTS_APPLY, /* elements; value: a number that comes back */
	MSG_SYNC_BEGIN,     /* then MSG_SYNC_ITEMs, then MSG_SYNC_END */
	MSG_SYNC_ITEM,
	MSG_SYNC_END,
	MSG_FRIEND_BEGIN,
	MSG_FRIEND_ITEM,
	MSG_FRIEND_END,
	/* engine → warden */
	MSG_RELOAD, /* please load the configuration again */
	/* enforcer → engine */
	MSG_APPLIED,     /* value: the number; count and done as in APPLY */
	MSG_SYNC_WANTED, /* the firewall may differ: send everything */
	MSG_SYNCED,      /* value: repairs, or -1; text: the reason */
	/* warden → child */
	MSG_OPENED,   /* value: 0 or errno, with the descriptor */
	MSG_WATCHED,  /* value: the watch, or -errno */
	MSG_RELOADED, /* value: 0 (you will be replaced) or -1; text: why */
	MSG_STOP,     /* finish what you are doing and exit */
	MSG_PEER,     /* value: enum role, with your new socket to it */
	/* child → warden */
	MSG_READY, /* what was to be restored is restored */
	MSG_LAST = MSG_READY
};

/* The processes besides the warden. */
enum role { ROLE_ENGINE, ROLE_DOORS, ROLE_ENFORCER, ROLE_MAX };

struct msg {
	uint16_t type;
	uint16_t count; /* elements used */
	uint32_t reserved;
	int64_t value;
	union {
		char text[MSG_TEXT];
		struct {
			struct element element[MSG_ELEMENTS];
			uint8_t done[MSG_ELEMENTS];
		};
	};
};

/*
 * Send one, with a descriptor unless fd is -1. Returns 0, or -1 with errno
 * (EAGAIN: the other side is behind). Only the part that is used is sent.
 */
int msg_send(int sock, const struct msg *m, int fd);

/*
 * Receive one. fd receives a descriptor or -1; it may be NULL (a descriptor
 * that nobody wants is closed). Returns 1; 0 if the other side is gone; -1 with
 * errno (EAGAIN: nothing there; EBADMSG: not a message of ours). Text is always
 * NUL-terminated, counts are always within bounds.
 */
int msg_recv(int sock, struct msg *m, int *fd);

/* A pair of sockets for it, non-blocking and close-on-exec; 0 or -1. */
int msg_pair(int fds[2]);

/* What a door noticed, to the engine, over a pair of its own. */
struct door_msg {
	uint8_t door;  /* enum door */
	uint8_t what;  /* enum door_what */
	uint16_t jail; /* that refused */
	uint32_t reserved;
	int64_t when;
	struct addr host;
};

enum door_what { DOOR_REFUSED = 1 };

#endif
