/*
 * Opening the database: settings, version, statements. Nothing is written to a
 * database that is already as it should be, so that one on a full disk still
 * gives its bans back.
 *
 * A restart must not take the time to read everything, so only a small database
 * is checked as a whole; in a larger one damage is found when it is met, which
 * breaks the store and has it put aside by the next store_retry.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_priv.h"

/* How long another program's lock (a backup, sqlite3(1)) may hold us up: well
 * under the warden's patience with an engine that does not beat. */
#define BUSY_MS 1000

/* Pages up to which a whole check costs a few milliseconds. */
#define CHECK_PAGES 512

/*
 * The cache is small, as rows are mostly written once and in order. Checkpoints
 * are not SQLite's to begin (checkpoint.c). Cutting back the log takes long, so
 * only one that grew beyond what they allow is, when it begins anew. Deleted
 * lines, which name people, are overwritten where that costs no extra write.
 */
static const char *const settings = "PRAGMA cache_size = -2048;"
				    "PRAGMA synchronous = NORMAL;"
				    "PRAGMA foreign_keys = OFF;"
				    "PRAGMA temp_store = MEMORY;"
				    "PRAGMA secure_delete = FAST;"
				    "PRAGMA trusted_schema = OFF;"
				    "PRAGMA cell_size_check = ON;"
				    "PRAGMA wal_autocheckpoint = 0;"
				    "PRAGMA journal_size_limit = 100663296;";

static int connect_either(struct store *s, struct error *err);
static int connect_once(struct store *s, bool alone, struct error *err);
static int make_file(const struct store *s, struct error *err);
static int identify(sqlite3 *db, int64_t *version, struct error *err);
static int begin_wal(sqlite3 *db, bool fresh);
static int check_small(sqlite3 *db);
static int prepare(struct store *s);
static int first_numbers(struct store *s);

int
store_connect(struct store *s, struct error *err)
{
	int code = connect_either(s, err);

	if (code == SQLITE_OK)
		return 0;
	if (!store_code_is_bad(code) || store_put_aside(s, err) == -1)
		return -1;
	return connect_either(s, NULL) == SQLITE_OK ? 0 : -1;
}

void
store_disconnect(struct store *s)
{
	/* First: who closes last tidies up the log. */
	checkpoint_detach(s);
	for (size_t i = 0; i < ST_MAX; i++) {
		sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
	store_names_forget(s);
	/* An open transaction is dropped, as its positions are not all in. */
	sqlite3_close(s->db);
	s->db = NULL;
	s->broken = s->blind = true;
}

/* SQLITE_ERROR is what SQLite says of a table that should be there. */
bool
store_code_is_bad(int code)
{
	code &= 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
	    code == SQLITE_FORMAT || code == SQLITE_ERROR;
}

int
store_ask(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int rc;

	if ((rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL)) != SQLITE_OK)
		return rc;
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_ERROR : rc;
}

/*
 * The index of the log is a file that needs room. Where there is none, it is
 * held in memory: then nobody else can look into the database meanwhile, but
 * its bans come back. Returns an SQLite code; err is set unless it is
 * SQLITE_OK.
 */
static int
connect_either(struct store *s, struct error *err)
{
	int code;

	if (make_file(s, err) == -1)
		return SQLITE_CANTOPEN;
	if ((code = connect_once(s, false, err)) == SQLITE_OK)
		return code;
	store_disconnect(s);
	if ((code & 0xff) == SQLITE_BUSY || store_code_is_bad(code))
		return code;
	if ((code = connect_once(s, true, err)) != SQLITE_OK)
		store_disconnect(s);
	return code;
}

static int
connect_once(struct store *s, bool alone, struct error *err)
{
	int64_t version = 0;
	struct error why = { "" };
	int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	if ((rc = sqlite3_open_v2(s->path, &s->db, flags, NULL)) == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, BUSY_MS);
	/* Before anything is read, or it comes too late. */
	if (rc == SQLITE_OK && alone)
		rc = sqlite3_exec(
		    s->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = identify(s->db, &version, &why);
	if (rc == SQLITE_OK)
		rc = begin_wal(s->db, version == 0);
	if (rc == SQLITE_OK && version > 0)
		rc = check_small(s->db);
	if (rc == SQLITE_OK && version < STORE_SCHEMA)
		rc = store_migrate(s->db, store_steps, STORE_SCHEMA);
	if (rc == SQLITE_OK)
		rc = prepare(s);
	if (rc == SQLITE_OK)
		rc = first_numbers(s);
	if (rc != SQLITE_OK) {
		error_set(err, "%s: %s", s->path,
		    why.text[0]         ? why.text
			: s->db != NULL ? sqlite3_errmsg(s->db)
					: sqlite3_errstr(rc));
		return rc;
	}
	checkpoint_attach(s, alone);
	s->broken = s->blind = false;
	return SQLITE_OK;
}

/* SQLite gives the log and the index the permissions of the database. */
static int
make_file(const struct store *s, struct error *err)
{
	int fd;

	if (mkdir(s->dir, 0700) == -1 && errno != EEXIST)
		return error_set(err, "%s: cannot make the directory: %s",
		    s->dir, strerror(errno));
	fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return error_set(err,
		    "%s: %s: mxward's user must be able to write here", s->path,
		    strerror(errno));
	close(fd);
	return 0;
}

/*
 * Whether this is a database of ours that we can read: version 0 if it is
 * still empty. The first read also finds a bad header and a file that is
 * shorter than it says.
 */
static int
identify(sqlite3 *db, int64_t *version, struct error *err)
{
	int64_t app = 0, tables = 0;
	int rc;

	if ((rc = store_ask(db, "PRAGMA application_id", &app)) == SQLITE_OK)
		rc = store_ask(db, "PRAGMA user_version", version);
	if (rc == SQLITE_OK)
		rc = store_ask(
		    db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc != SQLITE_OK)
		return rc;
	if (app == 0 && *version == 0 && tables == 0)
		return SQLITE_OK;
	if (app != STORE_APPLICATION_ID || *version < 1) {
		error_set(err, "this is not a database of mxward's");
		return SQLITE_NOTADB;
	}
	if (*version > STORE_SCHEMA) {
		error_set(err,
		    "written by a newer mxward (schema %" PRId64
		    ", this one knows %d)",
		    *version, STORE_SCHEMA);
		return SQLITE_NOTADB;
	}
	return SQLITE_OK;
}

/* Pages can be given back to the file system only if that is said before the
 * first is written. */
static int
begin_wal(sqlite3 *db, bool fresh)
{
	sqlite3_stmt *st;
	int rc;

	if (fresh &&
	    (rc = sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL,
		 NULL, NULL)) != SQLITE_OK)
		return rc;
	rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		rc =
		    strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0
		    ? SQLITE_OK
		    : SQLITE_CANTOPEN; /* a file system without mmap */
	sqlite3_finalize(st);
	return rc;
}

static int
check_small(sqlite3 *db)
{
	sqlite3_stmt *st;
	int64_t pages = 0;
	int rc;

	if ((rc = store_ask(db, "PRAGMA page_count", &pages)) != SQLITE_OK)
		return rc;
	if (pages > CHECK_PAGES)
		return SQLITE_OK;
	rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		rc = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0
		    ? SQLITE_OK
		    : SQLITE_CORRUPT;
	sqlite3_finalize(st);
	return rc;
}

static int
prepare(struct store *s)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < ST_MAX && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(s->db, store_sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL);
	return rc;
}

/* A ban's number stays with people and in the ban table: that of the last one
 * must not come again even if pruning took its row (prune.c). */
static int
first_numbers(struct store *s)
{
	int64_t failure = 0, ban = 0;
	int rc;

	rc = store_ask(
	    s->db, "SELECT coalesce(max(id), 0) FROM failures", &failure);
	if (rc == SQLITE_OK)
		rc = store_ask(s->db,
		    "SELECT max(coalesce((SELECT max(id) FROM bans), 0),"
		    " coalesce((SELECT value FROM numbers"
		    " WHERE name = 'store last ban'), 0))",
		    &ban);
	if (rc != SQLITE_OK)
		return rc;
	if (s->next_failure <= (uint64_t)failure)
		s->next_failure = (uint64_t)failure + 1;
	s->recent_from = s->next_failure;
	if (s->next_ban <= (uint64_t)ban)
		s->next_ban = (uint64_t)ban + 1;
	return SQLITE_OK;
}
