/*
 * Every statement the store ever runs, prepared once when it is opened: which
 * also finds a table that is missing. Values are always bound.
 */
#include "store_priv.h"

/* struct ban's columns, as bans.c reads them. */
#define BAN                                                                    \
	"SELECT b.id, n.name, b.key, b.origin, b.flags, b.nth, b.start,"       \
	" b.\"end\", b.reason, b.over, b.over_why "
#define EVIDENCE                                                               \
	"SELECT f.time, f.count, n.name, fn.name, rn.name,"                    \
	" coalesce(f.host, f.key), f.user, f.text "
#define EVIDENCE_NAMES                                                         \
	" JOIN names n ON n.id = f.jail JOIN names fn ON fn.id = f.filter"     \
	" JOIN names rn ON rn.id = f.rule "

const char *const store_sql[ST_MAX] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",

	[ST_NAME_FIND] = "SELECT id FROM names WHERE name = ?1",
	[ST_NAME_ADD] = "INSERT INTO names (name) VALUES (?1)",

	[ST_POSITION_PUT] =
	    "INSERT INTO positions"
	    " (source, path, dev, inode, head, offset, cursor)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (source, path, dev, inode) DO UPDATE SET"
	    " head = ?5, offset = ?6, cursor = ?7",
	[ST_POSITION_DEL] = "DELETE FROM positions WHERE source = ?1"
			    " AND path = ?2 AND dev = ?3 AND inode = ?4",
	[ST_POSITIONS] = "SELECT dev, inode, head, offset, cursor"
			 " FROM positions WHERE source = ?1 AND path = ?2"
			 " ORDER BY id",

	[ST_FAILURE_ADD] = "INSERT INTO failures (id, time, jail, filter, rule,"
			   " origin, count, key, host, user, text)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
			   " ?11)",
	[ST_COUNTING_ADD] = "INSERT INTO counting (time, id, jail, key, count)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)",
	[ST_COUNTING_DEL] = "DELETE FROM counting WHERE id = ?1 AND time ="
			    " (SELECT time FROM failures WHERE id = ?1)",
	[ST_COUNTING_DEL_AT] = "DELETE FROM counting"
			       " WHERE time = ?2 AND id = ?1",
	[ST_COUNTING_EACH] = "SELECT c.id, n.name, c.key, c.time, c.count,"
			     " f.user FROM counting c CROSS JOIN names n"
			     " ON n.id = c.jail LEFT JOIN failures f"
			     " ON f.id = c.id ORDER BY c.time, c.id",
	[ST_FAILURE_DEL] = "DELETE FROM failures WHERE id = ?1",
	[ST_EVIDENCE_ADD] = "INSERT OR IGNORE INTO evidence (ban, failure)"
			    " SELECT ?1, id FROM failures WHERE id = ?2",
	[ST_EVIDENCE_PUT] = "INSERT OR IGNORE INTO evidence (ban, failure)"
			    " VALUES (?1, ?2)",

	[ST_BAN_ADD] = "INSERT INTO bans (id, jail, key, origin, flags, nth,"
		       " start, \"end\", reason, over)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
	[ST_BAN_OVER] = "UPDATE bans SET over = ?2, over_why = ?3"
			" WHERE id = ?1 AND over = 0",
	[ST_BAN_REASON] = "SELECT reason FROM bans WHERE id = ?1",
	[ST_BAN_COUNT] = "SELECT count(*) FROM bans"
			 " WHERE key = ?1 AND jail = ?2 AND start >= ?3",
	[ST_BANS_EACH] = BAN "FROM bans b INDEXED BY bans_over"
			     " CROSS JOIN names n ON n.id = b.jail"
			     " WHERE b.over = 0 ORDER BY b.id",

	/* What ended by itself did not do so before its end. */
	[ST_BANS_ENDED] = BAN "FROM bans b INDEXED BY bans_over"
			      " CROSS JOIN names n ON n.id = b.jail"
			      " WHERE b.over > max(?1, 0) AND b.\"end\" > ?1"
			      " AND b.over_why = CAST('time' AS BLOB)"
			      " ORDER BY b.id",

	[ST_HISTORY_ALL] = BAN "FROM bans b CROSS JOIN names n ON n.id = b.jail"
			       " ORDER BY b.id DESC LIMIT ?1",
	[ST_HISTORY_KEY] = BAN "FROM bans b INDEXED BY bans_key"
			       " CROSS JOIN names n ON n.id = b.jail"
			       " WHERE b.key = ?2 ORDER BY b.id DESC LIMIT ?1",
	/* ?2 … ?3: the range within; ?4: the ?5 keys around, end to end. */
	[ST_HISTORY_COVERING] =
	    "WITH RECURSIVE around (i) AS (SELECT 0 WHERE ?5 > 0 UNION ALL"
	    " SELECT i + 1 FROM around WHERE i + 1 < ?5),"
	    " found (id) AS (SELECT id FROM bans INDEXED BY bans_key"
	    " WHERE key BETWEEN ?2 AND ?3 UNION ALL"
	    " SELECT p.id FROM around CROSS JOIN bans p INDEXED BY bans_key"
	    " ON p.key = substr(?4, i * 17 + 1, 17)) " BAN
	    "FROM (SELECT id FROM found ORDER BY id DESC LIMIT ?1) t"
	    " CROSS JOIN bans b ON b.id = t.id"
	    " CROSS JOIN names n ON n.id = b.jail ORDER BY b.id DESC",

	[ST_EVIDENCE_BAN] = EVIDENCE
	"FROM evidence e JOIN failures f ON f.id = e.failure" EVIDENCE_NAMES
	"WHERE e.ban = ?1 ORDER BY f.time, f.id LIMIT ?2",
	[ST_EVIDENCE_KEY] = EVIDENCE
	"FROM counting c CROSS JOIN failures f ON f.id = c.id" EVIDENCE_NAMES
	"WHERE (?1 IS NULL OR c.key = ?1) ORDER BY c.time, c.id LIMIT ?2",

	[ST_NUMBER_PUT] = "INSERT INTO numbers (name, value) VALUES (?1, ?2)"
			  " ON CONFLICT (name) DO UPDATE SET value = ?2",
	[ST_NUMBER] = "SELECT value FROM numbers WHERE name = ?1",

	[ST_PRUNE_FAILURES] =
	    "DELETE FROM failures WHERE id IN (SELECT id FROM counting"
	    " WHERE time < ?1 ORDER BY time, id LIMIT ?2)",
	[ST_PRUNE_COUNTING] =
	    "DELETE FROM counting WHERE (time, id) IN (SELECT time, id"
	    " FROM counting WHERE time < ?1 ORDER BY time, id LIMIT ?2)",
	[ST_PRUNE_NEXT_BAN] = "SELECT id FROM bans WHERE over > 0"
			      " AND over < ?1 ORDER BY over, id LIMIT 1",
	[ST_PRUNE_BAN_FAILURES] =
	    "DELETE FROM failures WHERE id IN (SELECT failure FROM evidence"
	    " WHERE ban = ?1 ORDER BY failure LIMIT ?2)",
	[ST_PRUNE_EVIDENCE] =
	    "DELETE FROM evidence WHERE (ban, failure) IN (SELECT ban, failure"
	    " FROM evidence WHERE ban = ?1 ORDER BY failure LIMIT ?2)",
	[ST_PRUNE_BAN] = "DELETE FROM bans WHERE id = ?1",
	[ST_SHRINK] = "PRAGMA incremental_vacuum(256)",
};
