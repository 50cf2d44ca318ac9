/*
 * The control socket: how mxwardctl talks to the engine. A unix stream socket;
 * the peer must be root, the daemon's own user, or of control_group.
 *
 * One request is one line of JSON, {"command": NAME, …}. The answer is any
 * number of rows, a line {"row": {…}} each, and then one closing line: either
 * {"ok": true, …} or {"ok": false, "error": "one line for a person",
 * "code": CODE}. Several requests may follow each other on a connection.
 *
 * Times are RFC 3339 in UTC ("2026-11-24T13:02:01Z"), lengths are seconds; a
 * ban without end has "end": null and no "left". Commands:
 *
 *   status {jail?}     closing line: version, pid, started, now, config,
 *                      sources[] {name, kind, lines, bytes, lag, too_long,
 *                        rotations, errors, idle, last_time?, missing[]?
 *                        (paths and globs that are not there)}
 *                      jails[] {name, mode, maxretry, findtime, bantime[],
 *                        filters[], ports, counting, failures, successes,
 *                        bans, ignored, after_ban, banned}
 *                      doors[] {name, listen[], connections, open, requests,
 *                        refused, malformed, turned_away}
 *                      enforcers[] {name, state ("ok", "failing", "off"),
 *                        pending, enforced, failed, repairs, error?}
 *                      store {ok, error?}, table {bans, capacity}, restarts,
 *                      memory (resident bytes of the engine), generation
 *                      (of the configuration, from 1), caught_up (what was
 *                      logged before the start has been read)
 *   bans {jail?}       rows: BAN
 *   check {target}     closing line: target, refused, friend, bans[] BAN,
 *                      counting[] {jail, count, maxretry, newest},
 *                      evidence[] EVIDENCE (failures that still count),
 *                      history[] {BAN, over?, over_why?, evidence[]}
 *   ban {target, jail?, for?, reason?, force?}
 *                      for: seconds, or null for a ban without end; closing
 *                      line: ban BAN
 *   unban {target? | all, jail?}   closing line: ended (how many)
 *   watch {}           rows without end, {"event": "failure" | "success" |
 *                      "ban" | "unban" | "refused" | "reload", "time": …} and
 *                      what applies of host, jail, filter, rule, user, count,
 *                      end, nth, why, door, text
 *   reload {}          closing line: generation (the one to come); then the
 *                      engine is replaced and the connection ends
 *
 *   BAN       host, jail, start, end, left?, state ("pending", "enforced",
 *             "failed"; "doors" where no firewall is told; "observe" where it
 *             refuses nobody), origin, nth, mode, reason?
 *   EVIDENCE  time, count, jail, filter?, rule?, host?, user?, text
 *
 * CODE: "usage" (the request makes no sense), "not-found" (no such jail, or
 * nobody banned), "refused" (a friend, without force), "config" (a reload
 * found a mistake), "failed".
 */
#ifndef MXWARD_CONTROL_H
#define MXWARD_CONTROL_H

/* A longer request is refused. Bytes. */
#define CONTROL_REQUEST_MAX 8192

/* The jail of bans by hand that name none. */
#define CONTROL_MANUAL_JAIL "manual"

#endif
