/* mxwardctl bans. */
#include <string.h>
#include <time.h>

#include "ctl.h"

static void
row_json(void *arg, json_t *row)
{
	(void)arg;
	print_json(row);
}

static enum style
style_of_state(const char *state)
{
	if (strcmp(state, "enforced") == 0)
		return GOOD;
	return strcmp(state, "failed") == 0 ? BAD : WARN;
}

static void
row_cells(void *arg, json_t *row)
{
	struct table *tb = arg;
	const char *state = get_text(row, "state");
	char buf[WHEN_LEN];
	int64_t end;

	table_cell(tb, BOLD, get_text(row, "host"));
	table_cell(tb, PLAIN, get_text(row, "jail"));
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

int
run_bans(struct ctl *c)
{
	static const struct column columns[] = {
		{ .title = "host" },
		{ .title = "jail", .elastic = true },
		{ .title = "left", .right = true },
		{ .title = "until", .optional = true },
		{ .title = "state" },
		{ .title = "nth", .right = true },
		{ .title = "origin" },
		{ .title = "reason", .elastic = true, .optional = true },
	};
	char buf[WHEN_LEN];
	struct table *tb;
	size_t n;
	int rc;

	if (c->given & OPT_JSON)
		return ask(c, request_new(c, "bans"), 10, row_json, NULL, NULL);
	tb = table_new(&c->term, columns, sizeof(columns) / sizeof(columns[0]));
	rc = ask(c, request_new(c, "bans"), 10, row_cells, tb, NULL);
	n = table_rows(tb);
	if (rc == DONE && !(c->given & OPT_QUIET)) {
		if (n == 0)
			puts("Nobody is banned.");
		else {
			table_print(tb, NULL, stdout);
			printf("%s%s ban%s%s\n", style_on(&c->term, DIM),
			    number_format(n, buf), n == 1 ? "" : "s",
			    style_off(&c->term, DIM));
		}
	}
	table_free(tb);
	return rc;
}
