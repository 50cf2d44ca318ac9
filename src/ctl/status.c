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
static void cell_limits(struct table *tb, const json_t *jail);
static void join(const json_t *list, char *buf, size_t size);

#define COLUMNS(c) (c), sizeof(c) / sizeof((c)[0])

int
run_status(struct ctl *c)
{
	struct show s = { .t = &c->term };
	json_t *o = NULL;
	int rc;

	if (c->noperands)
		c->jail = c->operand[0];
	rc = ask(c, request_new(c, "status"), 10, NULL, NULL, &o);
	if (rc != DONE)
		return rc;
	if (!get_when(o, "now", &s.now))
		s.now = time(NULL);
	if (c->given & OPT_JSON)
		print_json(o);
	else if (!(c->given & OPT_QUIET)) {
		show_header(&s, o);
		if (!c->jail)
			show_sources(&s, json_object_get(o, "sources"));
		show_jails(&s, json_object_get(o, "jails"));
		if (!c->jail) {
			show_doors(&s, json_object_get(o, "doors"));
			show_enforcers(&s, json_object_get(o, "enforcers"));
		}
	}
	json_decref(o);
	return DONE;
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
	if (json_is_false(json_object_get(o, "caught_up")))
		printf("  %scatching up with what was logged before it "
		       "started%s\n",
		    style_on(s->t, WARN), style_off(s->t, WARN));
}

static void
show_sources(const struct show *s, const json_t *list)
{
	static const struct column columns[] = { { .title = "source" },
		{ .title = "kind" }, { .title = "lines", .right = true },
		{ .title = "lag", .right = true },
		{ .title = "last line", .right = true },
		{ .title = "state", .elastic = true } };
	struct table *tb = table_new(s->t, COLUMNS(columns));
	const json_t *o;
	char buf[WHEN_LEN];
	int64_t last;
	size_t i;

	json_array_foreach(list, i, o)
	{
		int64_t lag = get_int(o, "lag");
		int64_t errors = get_int(o, "errors");
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
		if (errors)
			table_cellf(tb, BAD, "%ld errors", (long)errors);
		else if (get_int(o, "too_long"))
			table_cellf(tb, WARN, "%ld lines were cut",
			    (long)get_int(o, "too_long"));
		else if (json_is_true(json_object_get(o, "idle")))
			table_cell(tb, GOOD, "up to date");
		else
			table_cell(tb, WARN, "reading");
	}
	table_print(tb, "Sources", stdout);
	table_free(tb);
}

static void
show_jails(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "jail" },
		{ .title = "mode" },
		{ .title = "limit", .elastic = true },
		{ .title = "counting", .right = true },
		{ .title = "failures", .right = true },
		{ .title = "bans", .right = true },
		{ .title = "banned", .right = true },
	};
	struct table *tb = table_new(s->t, COLUMNS(columns));
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *mode = get_text(o, "mode");
		table_cell(tb, BOLD, get_text(o, "name"));
		table_cell(
		    tb, strcmp(mode, "observe") == 0 ? WARN : PLAIN, mode);
		cell_limits(tb, o);
		cell_number(tb, o, "counting", PLAIN);
		cell_number(tb, o, "failures", PLAIN);
		cell_number(tb, o, "bans", PLAIN);
		cell_number(tb, o, "banned", BAD);
	}
	if (table_rows(tb))
		table_print(tb, "Jails", stdout);
	else
		printf("\n%sNo jail is enabled: nobody is counted.%s Write "
		       "jail \"postfix-auth\" {} in the configuration.\n",
		    style_on(s->t, WARN), style_off(s->t, WARN));
	table_free(tb);
}

/* "3 in 10m: 1h 1d": so many failures within that, then banned that long. */
static void
cell_limits(struct table *tb, const json_t *jail)
{
	const json_t *times = json_object_get(jail, "bantime"), *o;
	char text[160], buf[WHEN_LEN];
	size_t i, n;

	n = (size_t)snprintf(text, sizeof(text),
	    "%ld in %s:", (long)get_int(jail, "maxretry"),
	    duration_format(get_int(jail, "findtime"), buf, sizeof(buf)));
	json_array_foreach(times, i, o) if (n < sizeof(text)) n +=
	    (size_t)snprintf(text + n, sizeof(text) - n, " %s",
		json_is_null(o)
		    ? "forever"
		    : duration_format(json_integer_value(o), buf, sizeof(buf)));
	table_cell(tb, PLAIN, text);
}

static void
show_doors(const struct show *s, const json_t *list)
{
	static const struct column columns[] = {
		{ .title = "door" },
		{ .title = "listens at", .elastic = true },
		{ .title = "clients", .right = true },
		{ .title = "requests", .right = true },
		{ .title = "refused", .right = true },
		{ .title = "malformed", .right = true, .optional = true },
		{ .title = "turned away", .right = true, .optional = true },
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
		{ .title = "repairs", .right = true, .optional = true },
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
