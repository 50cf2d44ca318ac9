/*
 * mxwardctl watch: a line an event, until it is interrupted. A reload replaces
 * the engine; then the stream goes on from the new one.
 */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

#define PATIENCE 10 /* seconds to wait for an engine that is replaced */

static int watch_once(struct ctl *c, bool again, bool *was_there);
static void on_event(void *arg, json_t *row);
static void tell(const struct ctl *c, const json_t *o);
static void tell_what(const json_t *o);

int
run_watch(struct ctl *c)
{
	time_t lost = 0;
	int rc;

	for (;;) {
		bool was_there = false;
		rc = watch_once(c, lost != 0, &was_there);
		if (rc != UNREACHABLE)
			return rc;
		if (was_there)
			lost = time(NULL);
		else if (!lost || time(NULL) - lost > PATIENCE)
			break;
		poll(NULL, 0, 100);
	}
	return lost ? fail(rc,
			  "the connection to mxward broke off and mxward did "
			  "not come back within %d s%s",
			  PATIENCE, on_systemd(": systemctl status mxward"))
		    : rc;
}

static int
watch_once(struct ctl *c, bool again, bool *was_there)
{
	int rc = DONE;
	struct client *cl = client_open(c, again, &rc);

	if (!cl)
		return rc;
	client_quiet(cl);
	rc = client_ask(
	    cl, json_pack("{s:s}", "command", "watch"), 0, on_event, c, NULL);
	*was_there = client_lost(cl);
	client_close(cl);
	return rc;
}

static void
on_event(void *arg, json_t *row)
{
	const struct ctl *c = arg;

	if (c->jail && strcmp(c->jail, get_text(row, "jail")) != 0)
		return;
	if (c->given & OPT_JSON)
		print_json(row);
	else
		tell(c, row);
	fflush(stdout);
}

static void
tell(const struct ctl *c, const json_t *o)
{
	static const struct {
		const char *event;
		enum style style;
	} styles[] = { { "failure", WARN }, { "success", GOOD }, { "ban", BAD },
		{ "unban", GOOD }, { "refused", BAD }, { "reload", BOLD } };
	const char *event = get_text(o, "event");
	enum style s = PLAIN;
	char buf[WHEN_LEN];
	int64_t when = 0;

	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (strcmp(styles[i].event, event) == 0)
			s = styles[i].style;
	get_when(o, "time", &when);
	printf("%s%s%s %s%-8s%s", style_on(&c->term, DIM),
	    when_format(when, time(NULL), buf), style_off(&c->term, DIM),
	    style_on(&c->term, s), event, style_off(&c->term, s));
	if (get_text(o, "host")[0])
		printf(" %s%-15s%s", style_on(&c->term, BOLD),
		    get_text(o, "host"), style_off(&c->term, BOLD));
	if (get_text(o, "jail")[0])
		printf(" %s", get_text(o, "jail"));
	tell_what(o);
	putchar('\n');
}

static void
tell_what(const json_t *o)
{
	const char *rule = get_text(o, "rule"), *door = get_text(o, "door");
	const char *more[] = { get_text(o, "why"), get_text(o, "text") };
	char a[WHEN_LEN], b[WHEN_LEN];
	int64_t now = time(NULL), end;

	if (rule[0])
		printf(" %s/%s", get_text(o, "filter"), rule);
	if (door[0])
		printf(" at the %s door", door);
	if (get_int(o, "count") > 1)
		printf(" x%ld", (long)get_int(o, "count"));
	if (get_text(o, "user")[0]) {
		printf(" user ");
		text_print(stdout, span_of(get_text(o, "user")));
	}
	if (get_int(o, "nth"))
		printf(" %s", nth_format((unsigned)get_int(o, "nth"), a));
	if (strcmp(get_text(o, "event"), "ban") == 0) {
		if (get_when(o, "end", &end))
			printf(" until %s (%s)", when_format(end, now, a),
			    length_format(end > now ? end - now : 0, b));
		else
			printf(" forever");
	}
	for (size_t i = 0; i < 2; i++)
		if (more[i][0]) {
			printf("  ");
			text_print(stdout, span_of(more[i]));
		}
}
