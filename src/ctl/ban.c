/* mxwardctl ban. */
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "mxward/duration.h"

static int told(const struct ctl *c, const char *target, json_t *answer);
static void show(const struct ctl *c, const json_t *ban);

int
run_ban(struct ctl *c)
{
	int64_t length = 0;
	json_t *request;
	int rc = DONE;

	if (c->length &&
	    (duration_parse(span_of(c->length), &length) != 0 || length <= 0))
		return fail(USAGE,
		    "\"%s\" is not a length of time: write --for 10m, 1h30m, "
		    "2d, 1w or forever",
		    c->length);
	if (!targets_ok(c, "ban", &rc))
		return rc;
	request = request_new(c, "ban");
	if (c->length)
		json_object_set_new(request, "for",
		    length == DURATION_FOREVER ? json_null()
					       : json_integer(length));
	if (c->reason)
		json_object_set_new(request, "reason", json_string(c->reason));
	if (c->given & OPT_FORCE)
		json_object_set_new(request, "force", json_true());
	return ask_each(c, request, 10, told);
}

static int
told(const struct ctl *c, const char *target, json_t *answer)
{
	(void)target;
	if (c->given & OPT_JSON)
		print_json(answer);
	else
		show(c, json_object_get(answer, "ban"));
	return DONE;
}

static void
show(const struct ctl *c, const json_t *ban)
{
	const char *state = get_text(ban, "state");
	char until[WHEN_LEN], length[WHEN_LEN];
	int64_t start = time(NULL), end;

	printf("%s%s%s is banned ", style_on(&c->term, BOLD),
	    get_text(ban, "host"), style_off(&c->term, BOLD));
	get_when(ban, "start", &start);
	if (get_when(ban, "end", &end))
		printf("for %s, until %s",
		    duration_format(end - start, length, sizeof(length)),
		    when_format(end, start, until));
	else
		printf("forever");
	printf(", jail %s: ", get_text(ban, "jail"));
	if (strcmp(state, "observe") == 0)
		puts("observed only, nobody refuses it");
	else if (strcmp(state, "enforced") == 0)
		puts("every door refuses it, and the firewall");
	else if (strcmp(state, "doors") == 0)
		puts("every door refuses it (no firewall is told)");
	else
		puts("every door refuses it, the firewall follows");
}
