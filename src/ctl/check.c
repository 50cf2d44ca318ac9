/* mxwardctl check: what is known of a host, told as a story. */
#include <string.h>
#include <time.h>

#include "ctl.h"

struct story {
	const struct term *t;
	int64_t now;
};

static void verdict(const struct story *s, const json_t *o);
static void why_not_refused(const struct story *s, const json_t *bans);
static void tell_bans(const struct story *s, const json_t *list);
static void tell_ban(const struct story *s, const json_t *ban);
static void tell_counting(const struct story *s, const json_t *o);
static void tell_history(const struct story *s, const json_t *list);
static void tell_evidence(
    const struct story *s, const json_t *list, const char *jail, size_t most);
static void tell_line(const struct story *s, const json_t *ev);
static void tell_origin(const json_t *ban);
static void tell_state(const struct story *s, const char *state);
static const char *end_in_words(const char *why);
static void heading(const struct story *s, const char *text);

/* Lines shown of an old ban; of one in force, and of counts, all. */
#define OLD_LINES 3

int
run_check(struct ctl *c)
{
	struct story s = { &c->term, time(NULL) };
	json_t *request = request_new(c, "check"), *o = NULL;
	bool refused;
	int rc;

	json_object_set_new(request, "target", json_string(c->operand[0]));
	rc = ask(c, request, 10, NULL, NULL, &o);
	if (rc != DONE)
		return rc;
	refused = json_is_true(json_object_get(o, "refused"));
	if (c->given & OPT_JSON)
		print_json(o);
	else {
		verdict(&s, o);
		tell_bans(&s, json_object_get(o, "bans"));
		tell_counting(&s, o);
		tell_history(&s, json_object_get(o, "history"));
	}
	json_decref(o);
	return c->given & OPT_QUIET && !refused ? NO : DONE;
}

static void
verdict(const struct story *s, const json_t *o)
{
	bool refused = json_is_true(json_object_get(o, "refused"));
	bool friend = json_is_true(json_object_get(o, "friend")), known;
	const json_t *bans = json_object_get(o, "bans");

	printf("%s", style_on(s->t, BOLD));
	text_print(stdout, span_of(get_text(o, "target")));
	printf("%s is %s%s%s", style_off(s->t, BOLD),
	    style_on(s->t, refused ? BAD : GOOD),
	    refused ? "refused at every door" : "not refused",
	    style_off(s->t, refused ? BAD : GOOD));
	if (friend)
		printf(", and is a %sfriend%s (ignoreip): nothing it does is "
		       "counted",
		    style_on(s->t, GOOD), style_off(s->t, GOOD));
	if (friend && !refused && json_array_size(bans))
		printf(", and what bans it below does not hold for it");
	else if (!friend && !refused)
		why_not_refused(s, bans);
	puts(".");
	known = json_array_size(bans) ||
	    json_array_size(json_object_get(o, "counting")) ||
	    json_array_size(json_object_get(o, "history"));
	if (!known)
		puts("Nothing is counted against it, and it was never banned.");
}

/* There may be bans all the same, of jails that observe. */
static void
why_not_refused(const struct story *s, const json_t *bans)
{
	const json_t *o = json_array_get(bans, 0);

	if (!o || strcmp(get_text(o, "mode"), "observe") != 0)
		return;
	printf(": jail %s would ban it, and only %sobserves%s",
	    get_text(o, "jail"), style_on(s->t, WARN), style_off(s->t, WARN));
}

static void
tell_bans(const struct story *s, const json_t *list)
{
	const json_t *o;
	size_t i;

	if (json_array_size(list))
		heading(s, "Banned");
	json_array_foreach(list, i, o)
	{
		tell_ban(s, o);
		tell_evidence(s, json_object_get(o, "evidence"), NULL, 0);
	}
}

static void
tell_ban(const struct story *s, const json_t *ban)
{
	char buf[WHEN_LEN];
	int64_t start = 0, end;

	printf("  %s", style_on(s->t, BOLD));
	text_print(stdout, span_of(get_text(ban, "host")));
	printf("%s in jail %s", style_off(s->t, BOLD), get_text(ban, "jail"));
	if (get_when(ban, "start", &start))
		printf(", since %s", when_format(start, s->now, buf));
	if (get_when(ban, "end", &end)) {
		printf(", until %s", when_format(end, s->now, buf));
		if (json_object_get(ban, "left"))
			printf(" (%s left)",
			    length_format(get_int(ban, "left"), buf));
	} else
		printf(", forever");
	printf("\n  the %s ban there, ",
	    nth_format((unsigned)get_int(ban, "nth"), buf));
	tell_origin(ban);
	if (get_text(ban, "state")[0])
		tell_state(s, get_text(ban, "state"));
	putchar('\n');
	if (get_text(ban, "reason")[0]) {
		printf("  reason: ");
		text_print(stdout, span_of(get_text(ban, "reason")));
		putchar('\n');
	}
}

static void
tell_origin(const json_t *ban)
{
	static const struct {
		const char *origin, *words;
	} origins[] = {
		{ "log", "for what it did in the log" },
		{ "policy", "for what the policy door saw" },
		{ "milter", "for what the milter saw" },
		{ "dovecot", "for what Dovecot's door saw" },
		{ "manual", "by hand" },
		{ "fleet", "told by the fleet" },
		{ "list", "from a list" },
	};
	const char *origin = get_text(ban, "origin");

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (strcmp(origins[i].origin, origin) == 0)
			origin = origins[i].words;
	fputs(origin, stdout);
}

static void
tell_state(const struct story *s, const char *state)
{
	static const struct {
		const char *state, *words;
		enum style style;
	} states[] = {
		{ "pending", "the doors refuse, the firewall follows", WARN },
		{ "enforced", "the doors refuse, and the firewall", PLAIN },
		{ "failed", "the doors refuse, the firewall fails", BAD },
		{ "doors", "the doors refuse, no firewall is told", PLAIN },
		{ "observe", "only observed, nobody refuses", WARN },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].state, state) == 0)
			printf("; %s%s%s (%s)", style_on(s->t, states[i].style),
			    state, style_off(s->t, states[i].style),
			    states[i].words);
}

static void
tell_counting(const struct story *s, const json_t *o)
{
	const json_t *list = json_object_get(o, "counting"), *c;
	char buf[WHEN_LEN];
	int64_t newest = 0;
	size_t i;

	if (json_array_size(list))
		heading(s, "Counting towards a ban");
	json_array_foreach(list, i, c)
	{
		printf("  %s%ld of %ld%s in jail %s", style_on(s->t, WARN),
		    (long)get_int(c, "count"), (long)get_int(c, "maxretry"),
		    style_off(s->t, WARN), get_text(c, "jail"));
		if (get_when(c, "newest", &newest))
			printf(", the newest at %s",
			    when_format(newest, s->now, buf));
		putchar('\n');
		tell_evidence(
		    s, json_object_get(o, "evidence"), get_text(c, "jail"), 0);
	}
}

static void
tell_history(const struct story *s, const json_t *list)
{
	char buf[WHEN_LEN];
	const json_t *o;
	int64_t over = 0;
	size_t i;

	if (json_array_size(list))
		heading(s, "Earlier bans");
	json_array_foreach(list, i, o)
	{
		tell_ban(s, o);
		/* "until" has said the most usual end. */
		if (strcmp(get_text(o, "over_why"), "time") != 0 &&
		    get_when(o, "over", &over)) {
			printf(
			    "  ended at %s, ", when_format(over, s->now, buf));
			text_print(stdout,
			    span_of(end_in_words(get_text(o, "over_why"))));
			putchar('\n');
		}
		tell_evidence(
		    s, json_object_get(o, "evidence"), NULL, OLD_LINES);
	}
}

/* judge.h has them; others as they are. */
static const char *
end_in_words(const char *why)
{
	static const struct {
		const char *why, *words;
	} ends[] = {
		{ "replaced", "when another ban took its place" },
		{ "evicted", "since the table was full (max_bans)" },
		{ "ignoreip", "since it became a friend (ignoreip)" },
		{ "jail gone",
		    "since its jail is no longer in the configuration" },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(ends[i].why, why) == 0)
			return ends[i].words;
	return why;
}

/* most 0: all of them. */
static void
tell_evidence(
    const struct story *s, const json_t *list, const char *jail, size_t most)
{
	size_t i, told = 0, more = 0;
	const json_t *ev;

	json_array_foreach(list, i, ev)
	{
		if (jail && strcmp(jail, get_text(ev, "jail")) != 0)
			continue;
		if (most && told == most)
			more++;
		else {
			tell_line(s, ev);
			told++;
		}
	}
	if (more)
		printf("    and %zu more (--json shows all)\n", more);
}

static void
tell_line(const struct story *s, const json_t *ev)
{
	char buf[WHEN_LEN];
	int64_t when = 0;

	get_when(ev, "time", &when);
	printf(
	    "    %s%s  ", style_on(s->t, DIM), when_format(when, s->now, buf));
	if (get_text(ev, "filter")[0])
		printf("%s / %s", get_text(ev, "filter"), get_text(ev, "rule"));
	else
		printf("%s", get_text(ev, "jail"));
	if (get_int(ev, "count") > 1)
		printf("  counts %ld", (long)get_int(ev, "count"));
	if (get_text(ev, "user")[0]) {
		printf("  user ");
		text_print(stdout, span_of(get_text(ev, "user")));
	}
	printf("%s\n      ", style_off(s->t, DIM));
	text_print(stdout, span_of(get_text(ev, "text")));
	putchar('\n');
}

static void
heading(const struct story *s, const char *text)
{
	printf(
	    "\n%s%s%s\n", style_on(s->t, TITLE), text, style_off(s->t, TITLE));
}
