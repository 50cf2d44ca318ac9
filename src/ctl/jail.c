/* mxwardctl status JAIL: one jail, and whom it has banned. */
#include <string.h>

#include "ctl.h"
#include "mxward/control.h"
#include "mxward/duration.h"

static void name_of(const struct ctl *c, const char *what);
static void show_counts(const struct ctl *c, const json_t *jail);
static void show_number(const json_t *o, const char *key, const char *what);

bool
jail_is_manual(const json_t *jail)
{
	return strcmp(get_text(jail, "name"), CONTROL_MANUAL_JAIL) == 0 &&
	    json_array_size(json_object_get(jail, "filters")) == 0;
}

/* "1h 1d forever" */
const char *
jail_bantimes(const json_t *jail, char *buf, size_t size)
{
	char one[WHEN_LEN];
	const json_t *o;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(json_object_get(jail, "bantime"), i, o) if (n < size)
	    n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? " " : "",
		json_is_null(o)
		    ? "forever"
		    : duration_format(json_integer_value(o), one, sizeof(one)));
	return buf;
}

int
jail_show(const struct ctl *c, const json_t *jail)
{
	const char *mode = get_text(jail, "mode");
	bool observes = strcmp(mode, "observe") == 0;
	char text[160], buf[WHEN_LEN];
	int rc;

	printf("%s%s%s", style_on(&c->term, BOLD), get_text(jail, "name"),
	    style_off(&c->term, BOLD));
	if (observes)
		printf(", %sobserve%s: refuses nobody",
		    style_on(&c->term, WARN), style_off(&c->term, WARN));
	if (jail_is_manual(jail))
		printf(": bans by hand");
	putchar('\n');
	if (!jail_is_manual(jail)) {
		name_of(c, "limit");
		printf("%ld failures in %s\n", (long)get_int(jail, "maxretry"),
		    duration_format(
			get_int(jail, "findtime"), buf, sizeof(buf)));
	}
	name_of(c, "bantime");
	puts(jail_bantimes(jail, text, sizeof(text)));
	show_counts(c, jail);
	if (show_bans(c, "Banned now", &rc) == 0 && rc == DONE)
		puts("\nNobody is banned.");
	return rc;
}

static void
name_of(const struct ctl *c, const char *what)
{
	printf("  %s%-10s%s", style_on(&c->term, DIM), what,
	    style_off(&c->term, DIM));
}

static void
show_counts(const struct ctl *c, const json_t *jail)
{
	const json_t *filters = json_object_get(jail, "filters"), *o;
	char buf[WHEN_LEN];
	size_t i;

	if (json_array_size(filters)) {
		name_of(c, "filters");
		json_array_foreach(filters, i, o)
		    printf("%s%s", i ? ", " : "", json_string_value(o));
		putchar('\n');
	}
	if (get_text(jail, "ports")[0]) {
		name_of(c, "ports");
		text_print(stdout, span_of(get_text(jail, "ports")));
		putchar('\n');
	}
	if (!jail_is_manual(jail)) {
		name_of(c, "counting");
		printf("%s host%s\n",
		    number_format((uint64_t)get_int(jail, "counting"), buf),
		    get_int(jail, "counting") == 1 ? "" : "s");
		name_of(c, "failures");
		printf("%s",
		    number_format((uint64_t)get_int(jail, "failures"), buf));
		show_number(jail, "ignored", "of friends");
		show_number(jail, "after_ban", "of hosts already banned");
		putchar('\n');
		name_of(c, "successes");
		puts(number_format((uint64_t)get_int(jail, "successes"), buf));
		name_of(c, "bans");
		puts(number_format((uint64_t)get_int(jail, "bans"), buf));
	}
	name_of(c, "banned");
	puts(number_format((uint64_t)get_int(jail, "banned"), buf));
}

/* ", and 12 of friends": they are not among those counted. */
static void
show_number(const json_t *o, const char *key, const char *what)
{
	char buf[WHEN_LEN];

	if (get_int(o, key))
		printf(", and %s %s",
		    number_format((uint64_t)get_int(o, key), buf), what);
}
