/*
 * What the processes tell the administrator: syslog (facility mail), or
 * standard error in the foreground, with systemd's priority prefixes where
 * systemd reads it. Text from strangers is made harmless on the way.
 */
#ifndef MXWARD_LOG_H
#define MXWARD_LOG_H

#include <stdbool.h>
#include <syslog.h>

/* process: "warden", "engine", "doors". Priorities above level are dropped. */
void log_init(const char *process, bool foreground, int level);
void log_level(int level);

/* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. */
void log_write(int priority, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_err(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* "error", "warning", "notice", "info", "debug" → a priority, or -1. */
int log_level_parse(const char *name);

#endif
