/*
 * Tables for people: columns as wide as what is in them, coloured where the
 * terminal has colours. Where it is too narrow, long texts are cut, then the
 * columns that matter least are left out, and only then is the rest cut: a row
 * must still say what it is about. In a pipe nothing is cut.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define COLUMNS_MOST  16
#define GAP           2 /* columns between two columns, and before the first */
#define CELL_BYTES    1024
#define ELASTIC_LEAST 12 /* columns that are left of an elastic column */
#define OTHER_LEAST   8  /* and of another one that is no number */

struct cell {
	char *text;
	enum style style;
};

struct table {
	const struct term *term;
	const struct column *columns;
	size_t ncolumns;
	struct cell *cells;
	size_t ncells, room;
};

static void measure(const struct table *tb, size_t *width);
static void squeeze(const struct table *tb, size_t *width);
static size_t excess(const struct table *tb, const size_t *width, bool elastic);
static bool drop_one(const struct table *tb, size_t *width);
static void shave(
    const struct table *tb, size_t *width, size_t much, bool elastic);
static void print_row(const struct table *tb, const size_t *width,
    const struct cell *row, FILE *fp);
static void print_cell(const struct table *tb, const struct column *col,
    const struct cell *cell, size_t width, bool last, FILE *fp);
static void print_heads(const struct table *tb, const size_t *width, FILE *fp);

struct table *
table_new(const struct term *t, const struct column *columns, size_t n)
{
	struct table *tb = must(calloc(1, sizeof(*tb)));

	tb->term = t;
	tb->columns = columns;
	tb->ncolumns = n;
	return tb;
}

void
table_free(struct table *tb)
{
	for (size_t i = 0; i < tb->ncells; i++)
		free(tb->cells[i].text);
	free(tb->cells);
	free(tb);
}

void
table_cell(struct table *tb, enum style s, const char *text)
{
	char safe[CELL_BYTES];

	if (tb->ncells == tb->room) {
		size_t room = tb->room ? 2 * tb->room : 64;
		tb->cells =
		    must(reallocarray(tb->cells, room, sizeof(*tb->cells)));
		tb->room = room;
	}
	text_safe(span_of(text), safe, sizeof(safe));
	tb->cells[tb->ncells].text = must(strdup(safe));
	tb->cells[tb->ncells++].style = s;
}

void
table_cellf(struct table *tb, enum style s, const char *fmt, ...)
{
	char text[CELL_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_cell(tb, s, text);
}

size_t
table_rows(const struct table *tb)
{
	return tb->ncells / tb->ncolumns;
}

void
table_print(const struct table *tb, const char *title, FILE *fp)
{
	size_t width[COLUMNS_MOST];

	measure(tb, width);
	squeeze(tb, width);
	if (title)
		fprintf(fp, "\n%s%s%s\n", style_on(tb->term, TITLE), title,
		    style_off(tb->term, TITLE));
	print_heads(tb, width, fp);
	for (size_t i = 0; i + tb->ncolumns <= tb->ncells; i += tb->ncolumns)
		print_row(tb, width, tb->cells + i, fp);
}

/* The width of each column; 0: it is left out. */
static void
measure(const struct table *tb, size_t *width)
{
	for (size_t k = 0; k < tb->ncolumns; k++) {
		width[k] = tb->columns[k].optional
		    ? 0
		    : text_width(tb->columns[k].title);
		for (size_t i = k; i < tb->ncells; i += tb->ncolumns) {
			size_t w = text_width(tb->cells[i].text);
			if (w > width[k])
				width[k] = w;
		}
		if (width[k] && width[k] < text_width(tb->columns[k].title))
			width[k] = text_width(tb->columns[k].title);
	}
}

static void
squeeze(const struct table *tb, size_t *width)
{
	if (!tb->term->width)
		return;
	while (excess(tb, width, true) && drop_one(tb, width))
		;
	shave(tb, width, excess(tb, width, false), true);
	shave(tb, width, excess(tb, width, false), false);
}

/* Columns a row is too long by; elastic: even if those are cut. */
static size_t
excess(const struct table *tb, const size_t *width, bool elastic)
{
	size_t total = 0;

	for (size_t k = 0; k < tb->ncolumns; k++) {
		bool cut = elastic && tb->columns[k].elastic &&
		    width[k] > ELASTIC_LEAST;
		total += width[k] ? GAP + (cut ? ELASTIC_LEAST : width[k]) : 0;
	}
	return total > tb->term->width ? total - tb->term->width : 0;
}

/* False if there is none that may go. */
static bool
drop_one(const struct table *tb, size_t *width)
{
	size_t first = tb->ncolumns;

	for (size_t k = 0; k < tb->ncolumns; k++)
		if (width[k] && tb->columns[k].drop &&
		    (first == tb->ncolumns ||
			tb->columns[k].drop < tb->columns[first].drop))
			first = k;
	if (first == tb->ncolumns)
		return false;
	width[first] = 0;
	return true;
}

/* Take so much from the widest column, again and again: from elastic ones, or
 * from all but numbers. */
static void
shave(const struct table *tb, size_t *width, size_t much, bool elastic)
{
	size_t least = elastic ? ELASTIC_LEAST : OTHER_LEAST;

	for (; much > 0; much--) {
		size_t widest = tb->ncolumns;
		for (size_t k = 0; k < tb->ncolumns; k++)
			if ((elastic ? tb->columns[k].elastic
				     : !tb->columns[k].right) &&
			    width[k] > least &&
			    (widest == tb->ncolumns ||
				width[k] > width[widest]))
				widest = k;
		if (widest == tb->ncolumns)
			return;
		width[widest]--;
	}
}

static void
print_heads(const struct table *tb, const size_t *width, FILE *fp)
{
	struct cell heads[COLUMNS_MOST];

	for (size_t k = 0; k < tb->ncolumns; k++)
		heads[k] = (struct cell){ (char *)tb->columns[k].title, DIM };
	print_row(tb, width, heads, fp);
}

static void
print_row(const struct table *tb, const size_t *width, const struct cell *row,
    FILE *fp)
{
	size_t last = 0;

	for (size_t k = 0; k < tb->ncolumns; k++)
		if (width[k] && row[k].text[0])
			last = k;
	for (size_t k = 0; k <= last; k++)
		if (width[k])
			print_cell(tb, &tb->columns[k], &row[k], width[k],
			    k == last, fp);
	fputc('\n', fp);
}

static void
print_cell(const struct table *tb, const struct column *col,
    const struct cell *cell, size_t width, bool last, FILE *fp)
{
	const char *more = tb->term->utf8 ? "…" : "...";
	size_t has = text_width(cell->text), bytes = strlen(cell->text);
	int pad;

	if (has > width) {
		bytes = text_fit(cell->text, width - text_width(more));
		has = width; /* a column less if a wide one did not fit */
	} else
		more = "";
	pad = (int)(width - has);
	fprintf(fp, "%*s%*s%s%.*s%s%s%*s", GAP, "", col->right ? pad : 0, "",
	    style_on(tb->term, cell->style), (int)bytes, cell->text, more,
	    style_off(tb->term, cell->style), last || col->right ? 0 : pad, "");
}
