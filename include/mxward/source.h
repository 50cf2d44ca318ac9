/*
 * Sources: where lines come from. Each kind is a struct of functions; the
 * engine runs them on its libevent loop. A source hands over whole lines in
 * batches, with its position, and the engine makes one transaction of a batch
 * and what it caused (P3).
 */
#ifndef MXWARD_SOURCE_H
#define MXWARD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mxward/config.h"
#include "mxward/error.h"
#include "mxward/line.h"
#include "mxward/span.h"

struct event_base;

/*
 * Where a file was read up to: which file (inode, and a hash of its first
 * line, for copies and reused inodes) and how far. Journals: the cursor.
 */
struct position {
	uint64_t dev;
	uint64_t inode;
	uint64_t head;    /* hash of the first line; 0: none was complete yet */
	uint64_t offset;  /* bytes read, always at the beginning of a line */
	char cursor[256]; /* journal; "" for files */
};

struct source_stats {
	uint64_t lines;
	uint64_t bytes;
	uint64_t too_long; /* lines longer than LINE_MAX_BYTES, cut */
	uint64_t rotations;
	uint64_t errors;
	int64_t last_time; /* of the newest line, seconds since the epoch */
	uint64_t lag;      /* bytes (journal: 1 or 0) known to be waiting */
};

/*
 * What a source needs of its owner. All calls happen in the loop's thread.
 *
 * line        one record; the spans live until it returns
 * commit      the batch is over. Every position that changed in it was given
 *             by `position` before. The source goes on after it returns.
 * position    this file of that source has been read up to here; gone: it will
 *             never be read again, its row can go
 * stored      the positions the store has for the source, the oldest file
 *             first; returns how many (at most max)
 * open        a file to read by path; the warden opens it and passes it on
 * note        something an administrator should hear of, said once
 */
struct source_host {
	struct event_base *base;
	void (*line)(void *arg, const struct line *l);
	void (*commit)(void *arg);
	void (*position)(void *arg, const char *source, const char *path,
	    const struct position *p, bool gone);
	size_t (*stored)(void *arg, const char *source, const char *path,
	    struct position *out, size_t max);
	/* Returns a descriptor, or -1 with errno. Blocking, but short. */
	int (*open)(void *arg, const char *path);
	/* Add an inotify watch to ifd, as inotify_add_watch. */
	int (*watch)(void *arg, int ifd, const char *path, uint32_t mask);
	void (*note)(void *arg, int priority, const char *text);
	void *arg;
	/* A first start reads nothing older than this (seconds since epoch). */
	int64_t begin;
	/* The reference for clamping and years, moved on by the engine. */
	struct logtime *clock;
};

struct source;

struct source_ops {
	const char *name;
	/* Start; returns NULL and the reason if it can never work. */
	void *(*start)(const struct source_conf *conf,
	    const struct source_host *host, struct source_stats *stats,
	    struct error *err);
	void (*stop)(void *state);
};

extern const struct source_ops source_files;
extern const struct source_ops source_journal;
extern const struct source_ops source_stdin;

/* Start a configured source by its kind. Conf and host must outlive it. */
struct source *source_start(const struct source_conf *conf,
    const struct source_host *host, struct error *err);
void source_stop(struct source *s);
const struct source_stats *source_stats(const struct source *s);
const char *source_name(const struct source *s);
/* Whether everything that was there has been read. */
bool source_idle(const struct source *s);

/*
 * Where to begin in a file of growing times: the offset of the first line
 * whose time is at or after `begin`, by bisection. Returns -1 with errno.
 */
off_t source_bisect(int fd, int64_t begin, struct logtime *clock);

#endif
