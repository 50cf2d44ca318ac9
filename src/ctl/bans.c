/* mxwardctl bans; status JAIL shows the same table. */
#include <string.h>
#include <time.h>

#include "ctl.h"

struct rows {
	struct table *table;
	bool one_jail; /* no need to say it in each */
};

static void row_json(void *arg, json_t *row);
static void row_cells(void *arg, json_t *row);
static enum style style_of_state(const char *state);

int
run_bans(struct ctl *c)
{
	char buf[WHEN_LEN];
	int rc = DONE;
	size_t n;

	if (c->given & OPT_JSON)
		return ask(c, request_new(c, "bans"), 10, row_json, NULL, NULL);
	n = show_bans(c, NULL, &rc);
	if (rc == DONE && n == 0)
		puts("Nobody is banned.");
	else if (rc == DONE)
		printf("%s%s ban%s%s\n", style_on(&c->term, DIM),
		    number_format(n, buf), n == 1 ? "" : "s",
		    style_off(&c->term, DIM));
	return rc;
}

size_t
show_bans(const struct ctl *c, const char *title, int *rc)
{
	static const struct column columns[] = {
		{ .title = "host" },
		{ .title = "jail", .optional = true },
		{ .title = "left", .right = true },
		{ .title = "until", .optional = true, .drop = 3 },
		{ .title = "state", .drop = 5 },
		{ .title = "nth", .right = true, .drop = 2 },
		{ .title = "origin", .drop = 1 },
		{ .title = "reason",
		    .elastic = true,
		    .optional = true,
		    .drop = 4 },
	};
	struct table *tb =
	    table_new(&c->term, columns, sizeof(columns) / sizeof(columns[0]));
	struct rows rows = { tb, title != NULL };
	size_t n;

	*rc = ask(c, request_new(c, "bans"), 10, row_cells, &rows, NULL);
	n = table_rows(tb);
	if (*rc == DONE && n > 0)
		table_print(tb, title, stdout);
	table_free(tb);
	return n;
}

static void
row_json(void *arg, json_t *row)
{
	(void)arg;
	print_json(row);
}

static void
row_cells(void *arg, json_t *row)
{
	const struct rows *rows = arg;
	struct table *tb = rows->table;
	const char *state = get_text(row, "state");
	char buf[WHEN_LEN];
	int64_t end;

	table_cell(tb, BOLD, get_text(row, "host"));
	table_cell(tb, PLAIN, rows->one_jail ? "" : get_text(row, "jail"));
	if (get_when(row, "end", &end)) {
		table_cell(tb, PLAIN, length_format(get_int(row, "left"), buf));
		table_cell(tb, PLAIN, when_format(end, time(NULL), buf));
	} else {
		table_cell(tb, PLAIN, "forever");
		table_cell(tb, PLAIN, "");
	}
	table_cell(tb, style_of_state(state), state);
	table_cell(tb, PLAIN, nth_format((unsigned)get_int(row, "nth"), buf));
	table_cell(tb, PLAIN, get_text(row, "origin"));
	table_cell(tb, DIM, get_text(row, "reason"));
}

static enum style
style_of_state(const char *state)
{
	if (strcmp(state, "enforced") == 0 || strcmp(state, "doors") == 0)
		return GOOD;
	return strcmp(state, "failed") == 0 ? BAD : WARN;
}
