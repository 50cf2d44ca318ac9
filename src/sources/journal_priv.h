/* The journal source, in two files. Only with libsystemd. */
#ifndef JOURNAL_PRIV_H
#define JOURNAL_PRIV_H

#include <systemd/sd-journal.h>

#define NAME_BYTES 256

struct journal {
	const struct source_conf *conf;
	const struct source_host *host;
	struct source_stats *stats;
	sd_journal *j; /* NULL: could not be opened yet */
	struct event *change;
	struct event *tick;
	struct event *work;
	struct position at;
	bool said;  /* why it could not be opened */
	bool stale; /* files came or went: look for our place again */
	int64_t stamp_time;
	char stamp[20];
	/* The fields of the entry at hand. */
	int64_t when;
	char host_name[NAME_BYTES];
	char ident[NAME_BYTES];
	char comm[NAME_BYTES];
	char pid[24];
	char syslog_pid[24];
	size_t message; /* where it begins in text */
	size_t n;
	char text[2 * NAME_BYTES + 64 + LINE_MAX_BYTES];
};

/* Hand over the entry that jn->j is at. */
void journal_entry(struct journal *jn);

#endif
