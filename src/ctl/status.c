/* mxwardctl status. */
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "mxward/duration.h"

struct show {
	const struct term *t;
	int64_t now;
};

static void show_header(const struct show *s, const json_t *o);
static void show_sources(const struct show *s, const json_t *list);
static void show_jails(const struct show *s, const json_t *list);
static void show_doors(const struct show *s, const json_t *list);
static void show_enforcers(const struct show *s, const json_t *list);
static void cell_number(
    struct table *tb, const json_t *o, const char *key, enum style if_any);
static void cell_trouble(struct table *tb, const json_t *o, const char *key);
static void jail_cells(struct table *tb, const json_t *jail);
static void cell_limits(struct table *tb, const json_t *jail);
static void cell_state(struct table *tb, const json_t *source);
static bool is_behind(const json_t *status);
static void join(const json_t *list, char *buf, size_t size);

#define COLUMNS(c) (c), sizeof(c) / sizeof((c)[0])

int
run_status(struct ctl *c)
{
	struct show s = { .t = &c->term };
	json_t *o = NULL;
	int rc;

	if (c->noperands && is_target(c->operand[0]))
		return fail(USAGE,
		    "\"%s\" is no jail: did you mean `mxwardctl check %s`?",
		    c->operand[0], c->operand[0]);
	if (c->noperands)
		c->jail = c->operand[0];
	rc = ask(c, request_new(c, "status"), 10, NULL, NULL, &o);
	if (rc != DONE)
		return rc;
	if (!get_when(o, "now", &s.now))
		s.now = time(NULL);
	if (c->given & OPT_JSON)
		print_json(o);
	else if (c->jail)
		rc = jail_show(
		    c, json_array_get(json_object_get(o, "jails"), 0));
	else {
		show_header(&s, o);
		show_sources(&s, json_object_get(o, "sources"));
		show_jails(&s, json_object_get(o, "jails"));
		show_doors(&s, json_object_get(o, "doors"));
		show_enforcers(&s, json_object_get(o, "enforcers"));
	}
	json_decref(o);
	return rc;
}

static void
show_header(const struct show *s, const json_t *o)
{
	const json_t *store = json_object_get(o, "store");
	const json_t *table = json_object_get(o, "table");
	char a[WHEN_LEN], b[WHEN_LEN];
	int64_t started = s->now;

	get_when(o, "started", &started);
	printf("%smxward %s%s  on guard for %s", style_on(s->t, BOLD),
	    get_text(o, "version"), style_off(s->t, BOLD),
	    length_format(s->now - started, a));
	printf(", process %ld", (long)get_int(o, "pid"));
	if (get_int(o, "memory"))
		printf(", %s", bytes_format((uint64_t)get_int(o, "memory"), a));
	if (get_int(o, "restarts"))
		printf(", %srestarted %ld times%s", style_on(s->t, WARN),
		    (long)get_int(o, "restarts"), style_off(s->t, WARN));
	printf("\n  config  ");
	text_print(stdout, span_of(get_text(o, "config")));
	printf("\n  bans    %s of %s\n",
	    number_format((uint64_t)get_int(table, "bans"), a),
	    number_format((uint64_t)get_int(table, "capacity"), b));
	printf("  store   ");
	if (json_is_true(json_object_get(store, "ok")))
		printf("%sok%s\n", style_on(s->t, GOOD), style_off(s->t, GOOD));
	else {
		printf(
		    "%sfailed%s: ", style_on(s->t, BAD), style_off(s->t, BAD));
		text_print(stdout, span_of(get_text(store, "error")));
		putchar('\n');
	}
	if (is_behind(o))
		printf("  %scatching up with what was logged before it "
		       "started%s\n",
		    style_on(s->t, WARN), style_off(s->t, WARN));
}

/* After a reload it may take a moment though nothing is left to be read: that
 * is not worth a word. */
static bool
is_behind(const json_t *status)
{
	const json_t *o;
	size_t i;

	if (!json_is_false(json_object_get(status, "caught_up")))
		return false;
	json_array_foreach(json_object_get(status, "sources"), i,
	    o) if (get_int(o, "lag") > 0) return true;
	return false;
}

static void
show_sources(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "source" },
		{ .title = "kind", .drop = 1 },
		{ .title = "lines", .right = true, .drop = 3 },
		{ .title = "lag", .right = true },
		{ .title = "last line", .right = true, .drop = 2 },
		{ .title = "state", .elastic = true },
	};
	struct table *tb = table_new(s->t, COLUMNS(columns));
	const json_t *o;
	char buf[WHEN_LEN];
	int64_t last;
	size_t i;

	json_array_foreach(list, i, o)
	{
		int64_t lag = get_int(o, "lag");
		table_cell(tb, BOLD, get_text(o, "name"));
		table_cell(tb, PLAIN, get_text(o, "kind"));
		cell_number(tb, o, "lines", PLAIN);
		table_cell(tb, lag ? WARN : PLAIN,
		    lag ? bytes_format((uint64_t)lag, buf) : "-");
		if (get_when(o, "last_time", &last))
			table_cellf(tb, PLAIN, "%s ago",
			    length_format(
				last < s->now ? s->now - last : 0, buf));
		else
			table_cell(tb, PLAIN, "-");
		cell_state(tb, o);
	}
	table_print(tb, "Sources", stdout);
	table_free(tb);
}

/* Trouble first. A file that is not there is trouble, unless others are read:
 * then it may be one of several places where a log may be. */
static void
cell_state(struct table *tb, const json_t *source)
{
	const json_t *missing = json_object_get(source, "missing");
	const char *path = json_string_value(json_array_get(missing, 0));
	size_t others = json_array_size(missing);
	int64_t cut = get_int(source, "too_long");
	bool reads = get_int(source, "bytes") > 0 ||
	    json_object_get(source, "last_time");
	char buf[WHEN_LEN], more[48] = "";

	if (others > 1)
		snprintf(more, sizeof(more), " and %zu more", others - 1);
	if (get_int(source, "errors"))
		table_cellf(tb, BAD, "%s errors: see its log",
		    number_format((uint64_t)get_int(source, "errors"), buf));
	else if (path && !reads)
		table_cellf(tb, WARN, "waiting for %s%s", path, more);
	else if (cut)
		table_cellf(tb, WARN, "%s lines were cut",
		    number_format((uint64_t)cut, buf));
	else if (json_is_false(json_object_get(source, "idle")))
		table_cell(tb, WARN, "reading");
	else if (path)
		table_cellf(
		    tb, GOOD, "up to date, waiting for %s%s", path, more);
	else
		table_cell(tb, GOOD, "up to date");
}

static void
show_jails(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "jail" },
		{ .title = "mode", .drop = 5 },
		{ .title = "limit", .elastic = true, .drop = 4 },
		{ .title = "counting", .right = true, .drop = 2 },
		{ .title = "failures", .right = true, .drop = 3 },
		{ .title = "bans", .right = true, .drop = 1 },
		{ .title = "banned", .right = true },
	};
	struct table *tb = table_new(s->t, COLUMNS(columns));
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o) jail_cells(tb, o);
	if (table_rows(tb))
		table_print(tb, "Jails", stdout);
	else
		printf("\n%sNo jail is enabled: nobody is counted.%s Write "
		       "jail \"postfix-auth\" {} in the configuration.\n",
		    style_on(s->t, WARN), style_off(s->t, WARN));
	table_free(tb);
}

static void
jail_cells(struct table *tb, const json_t *jail)
{
	const char *mode = get_text(jail, "mode");
	static const char *const counts[] = { "counting", "failures", "bans" };
	bool counting = !jail_is_manual(jail);

	table_cell(tb, BOLD, get_text(jail, "name"));
	table_cell(tb, strcmp(mode, "observe") == 0 ? WARN : PLAIN, mode);
	if (counting)
		cell_limits(tb, jail);
	else
		table_cell(tb, DIM, "bans by hand");
	for (size_t i = 0; i < 3; i++) {
		if (counting)
			cell_number(tb, jail, counts[i], PLAIN);
		else
			table_cell(tb, PLAIN, "");
	}
	cell_number(tb, jail, "banned", BAD);
}

/* "3 in 10m: 1h 1d": so many failures within that, then banned that long. */
static void
cell_limits(struct table *tb, const json_t *jail)
{
	char text[160], buf[WHEN_LEN];

	table_cellf(tb, PLAIN, "%ld in %s: %s", (long)get_int(jail, "maxretry"),
	    duration_format(get_int(jail, "findtime"), buf, sizeof(buf)),
	    jail_bantimes(jail, text, sizeof(text)));
}

static void
show_doors(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "door" },
		{ .title = "listens at", .elastic = true, .drop = 2 },
		{ .title = "clients", .right = true, .drop = 1 },
		{ .title = "requests", .right = true, .drop = 3 },
		{ .title = "refused", .right = true },
		{ .title = "malformed",
		    .right = true,
		    .optional = true,
		    .drop = 4 },
		{ .title = "turned away",
		    .right = true,
		    .optional = true,
		    .drop = 5 },
	};
	struct table *tb = table_new(s->t, COLUMNS(columns));
	char listen[512];
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		join(json_object_get(o, "listen"), listen, sizeof(listen));
		table_cell(tb, BOLD, get_text(o, "name"));
		table_cell(tb, PLAIN, listen);
		cell_number(tb, o, "open", PLAIN);
		cell_number(tb, o, "requests", PLAIN);
		cell_number(tb, o, "refused", BAD);
		cell_trouble(tb, o, "malformed");
		cell_trouble(tb, o, "turned_away");
	}
	if (table_rows(tb))
		table_print(tb, "Doors", stdout);
	table_free(tb);
}

static void
show_enforcers(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "enforcer" },
		{ .title = "state" },
		{ .title = "enforced", .right = true },
		{ .title = "pending", .right = true },
		{ .title = "failed", .right = true },
		{ .title = "repairs",
		    .right = true,
		    .optional = true,
		    .drop = 1 },
		{ .title = "error", .elastic = true, .optional = true },
	};
	struct table *tb = table_new(s->t, COLUMNS(columns));
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *state = get_text(o, "state");
		table_cell(tb, BOLD, get_text(o, "name"));
		table_cell(tb,
		    strcmp(state, "ok") == 0        ? GOOD
			: strcmp(state, "off") == 0 ? DIM
						    : BAD,
		    state);
		cell_number(tb, o, "enforced", PLAIN);
		cell_number(tb, o, "pending", WARN);
		cell_number(tb, o, "failed", BAD);
		cell_trouble(tb, o, "repairs");
		table_cell(tb, BAD, get_text(o, "error"));
	}
	if (table_rows(tb))
		table_print(tb, "Enforcers", stdout);
	table_free(tb);
}

/* Shown only where there was some. */
static void
cell_trouble(struct table *tb, const json_t *o, const char *key)
{
	if (get_int(o, key))
		cell_number(tb, o, key, WARN);
	else
		table_cell(tb, PLAIN, "");
}

static void
cell_number(
    struct table *tb, const json_t *o, const char *key, enum style if_any)
{
	int64_t n = get_int(o, key);
	char buf[WHEN_LEN];

	table_cell(tb, n ? if_any : DIM, number_format((uint64_t)n, buf));
}

static void
join(const json_t *list, char *buf, size_t size)
{
	const json_t *o;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(list, i, o) if (n < size) n += (size_t)snprintf(
	    buf + n, size - n, "%s%s", i ? ", " : "", json_string_value(o));
}
