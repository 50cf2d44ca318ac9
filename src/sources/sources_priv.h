/* What the files of this module share. */
#ifndef SOURCES_PRIV_H
#define SOURCES_PRIV_H

#include <sys/queue.h>
#include <sys/stat.h>

#include "mxward/source.h"

struct source {
	const struct source_ops *ops;
	const struct source_conf *conf;
	void *state;
	struct source_stats stats;
};

/* One turn reads so much, then the loop has its say. */
#define READ_BYTES 262144
/* The first line is known by its first bytes. */
#define HEAD_BYTES 4096
/* Descriptors a source holds at the most, and paths it follows. */
#define FILES_MAX  64
#define TRAILS_MAX 64
/* Rotated files of a path that were read to their end and whose rows stay, so
 * that a file found next to them later is known to be old. */
#define RETIRED_MAX 4
/* A rotated file is let go when its successor has lines and nothing came for
 * so long (seconds); sooner if it has no name any more, for it holds space. */
#define LINGER_NAMED   600
#define LINGER_DELETED 60
/* Seconds after a rotation in which files unseen so far are looked for. */
#define ADOPT_SECONDS 10

struct trail;

/* One file: of a path, its present one or one that was rotated away. */
struct tail {
	TAILQ_ENTRY(tail) link;
	struct trail *trail;
	struct position at;
	struct position
	    was; /* the row to go with the next commit, if rekeyed */
	bool rekeyed;
	bool dirty;   /* the row must be written */
	bool pending; /* there may be something to read */
	bool retired; /* was read to its end and let go */
	bool aside;   /* has been seen under a name that rotation gives */
	bool unseen;  /* what is in it came while nobody looked */
	int rank;     /* in the last list of siblings; -1: not there */
	int fd;       /* -1: closed */
	int wd;
	uint64_t hole;    /* NULs after at.offset, skipped */
	uint64_t scanned; /* bytes after the hole without a newline */
	uint64_t lag;     /* this file's part of stats->lag */
	off_t size;       /* when last looked at */
	struct timespec mtime;
	struct timespec birth;
	int64_t moved;  /* when it last grew, monotonic seconds */
	int64_t opened; /* the same */
};
TAILQ_HEAD(tails, tail);

/* A path, and all its files that matter: the oldest first. */
struct trail {
	TAILQ_ENTRY(trail) link;
	struct tails tails;
	char *path;
	char *real;        /* where a symbolic link led to, or NULL */
	struct tail *live; /* the one that has the name, or NULL */
	bool globbed;
	bool known;   /* has been looked at before: not a first start */
	bool fresh;   /* no row, and it came while we were running */
	bool rows;    /* there were rows at the start */
	bool scan;    /* to be looked at again */
	bool gap;     /* it was rotated, and nothing has the name yet */
	bool denied;  /* said already that it cannot be opened */
	bool forget;  /* to be freed after the next commit */
	bool reorder; /* the rows are to be put in order again */
	int dir_wd;
	int real_wd;
	struct timespec floor; /* unseen files are not older */
	int64_t adopt_until;   /* monotonic seconds */
};
TAILQ_HEAD(trails, trail);

struct files {
	const struct source_conf *conf;
	const struct source_host *host;
	struct source_stats *stats;
	struct trails trails;
	size_t ntrails;
	size_t nopen;
	struct tails gone; /* rows to go with the next commit */
	bool started;
	bool dirty;
	bool reglob;
	bool rewatch; /* a directory is not watched */
	bool full;    /* said already that there are too many */
	bool unread;  /* said already that inotify is not there */
	int *glob_wd; /* one for each pattern */
	int ifd;
	struct event *inotify;
	struct event *tick;
	struct event *work;
	unsigned ticks;
	int64_t linger;
	int64_t linger_deleted;
	char *buf; /* READ_BYTES */
	char *cut; /* LINE_MAX_BYTES */
};

/* source.c: hand over one record of any length, cutting and counting. */
void source_hand(const struct source_host *host, struct source_stats *stats,
    const char *p, size_t n);
void source_note(const struct source_host *host, const char *source,
    int priority, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* files.c */
int64_t files_now(void);

/* follow.c: reading one file. tail_turn reads once and hands over the whole
 * lines; the caller commits. */
void tail_turn(struct files *fs, struct tail *t);
/* It was truncated. */
void tail_restart(struct files *fs, struct tail *t);
uint64_t tail_head(int fd);
/* Whether the file behind fd is the one the position speaks of. */
bool tail_fits(int fd, const struct position *at);

/* tail.c */
struct tail *tail_new(struct trail *tr, const struct position *at);
void tail_open(struct files *fs, struct tail *t, int fd, const char *path);
void tail_close(struct files *fs, struct tail *t);
/* Its file is another one now, or unknown: the row moves with the commit. */
void tail_rekey(struct files *fs, struct tail *t, uint64_t dev, uint64_t ino);
/* Forget it, row and all. */
void tail_drop(struct files *fs, struct tail *t);
/* There is that much to read, as far as is known. */
void tail_wait(struct files *fs, struct tail *t, uint64_t lag);
/* The inode is somebody else's now: the row may still fit a copy. */
void tail_lose(struct files *fs, struct tail *t);
/* Follow this file with that tail, from its position on. */
void tail_take(struct files *fs, struct tail *t, int fd, const struct stat *st,
    const char *path);
bool tail_is(const struct tail *t, const struct stat *st);
/* Inode and first line; the offset is left. */
void tail_identify(struct position *at, int fd, const struct stat *st);
/* As openat has fd and path; "" is fd itself. */
struct timespec file_birth(int fd, const char *path, const struct stat *st);
int time_after(const struct timespec *a, const struct timespec *b);

/* rotate.c: which files a path has. */
void trail_scan(struct files *fs, struct trail *tr);
/* There may be files that were never seen, younger than all that were. */
void trail_adopt(struct trail *tr);
/* tick.c: once a second. */
void trail_tick(struct files *fs, struct trail *tr);
struct tail *trail_by_inode(const struct files *fs, const struct stat *st);
struct tail *trail_by_head(struct trail *tr, uint64_t head, bool open);
bool trail_open_file(struct files *fs, struct trail *tr, const char *path,
    int *fd, struct stat *st);

/* claim.c. claim_known: the open files, and those of the rows; live (or NULL)
 * has the path now and is not for a row. */
struct sibling;
void claim_known(struct files *fs, struct trail *tr, const struct sibling *list,
    size_t n, const struct stat *live);
/* Files that came and went unseen. */
void claim_unseen(
    struct files *fs, struct trail *tr, const struct sibling *list, size_t n);
void claim_first(
    struct files *fs, struct trail *tr, const struct sibling *list, size_t n);

/* siblings.c: rotated files beside a path. */
struct sibling {
	char *path;
	struct stat st;
	struct timespec birth;
	int rank;   /* the place in the list */
	bool shape; /* its name is one that rotation gives */
};
#define SIBLINGS_MAX 64
/* The youngest last. Returns how many; the paths are the caller's. packed: a
 * compressed one was seen. */
size_t siblings_list(
    const struct trail *tr, struct sibling *out, size_t max, bool *packed);
/* Whether name is base as rotation renames it. */
bool sibling_shape(const char *base, const char *name);
/* The name that a rotated one had, into out; false if it is none. */
bool sibling_base(const char *name, char *out, size_t size);
bool sibling_packed(const char *name);

/* trails.c: the paths of a source. */
void trails_find(struct files *fs);
void trails_commit(struct files *fs);
void trails_free(struct files *fs);

/* watch.c */
int watch_start(struct files *fs, struct error *err);
void watch_stop(struct files *fs);
void watch_file(struct files *fs, struct tail *t, const char *path);
void watch_dirs(struct files *fs);
/* Read what inotify has to say into pending and scan. */
void watch_read(struct files *fs);

#endif
