/* mxwardctl ban. */
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "mxward/duration.h"

static void show(const struct ctl *c, const json_t *ban);

int
run_ban(struct ctl *c)
{
	json_t *request, *o = NULL;
	int64_t length = 0;
	int rc;

	if (c->length &&
	    (duration_parse(span_of(c->length), &length) != 0 || length <= 0))
		return fail(USAGE,
		    "\"%s\" is not a length of time: write --for 10m, 1h30m, "
		    "2d, 1w or forever",
		    c->length);
	request = request_new(c, "ban");
	json_object_set_new(request, "target", json_string(c->operand[0]));
	if (c->length)
		json_object_set_new(request, "for",
		    length == DURATION_FOREVER ? json_null()
					       : json_integer(length));
	if (c->reason)
		json_object_set_new(request, "reason", json_string(c->reason));
	if (c->given & OPT_FORCE)
		json_object_set_new(request, "force", json_true());
	rc = ask(c, request, 10, NULL, NULL, &o);
	if (rc != DONE)
		return rc;
	if (c->given & OPT_JSON)
		print_json(o);
	else if (!(c->given & OPT_QUIET))
		show(c, json_object_get(o, "ban"));
	json_decref(o);
	return DONE;
}

static void
show(const struct ctl *c, const json_t *ban)
{
	const char *state = get_text(ban, "state");
	char until[WHEN_LEN], left[WHEN_LEN];
	int64_t end;

	printf("%s%s%s is banned ", style_on(&c->term, BOLD),
	    get_text(ban, "host"), style_off(&c->term, BOLD));
	if (get_when(ban, "end", &end))
		printf("until %s (%s)", when_format(end, time(NULL), until),
		    length_format(get_int(ban, "left"), left));
	else
		printf("forever");
	printf(", jail %s: ", get_text(ban, "jail"));
	if (strcmp(state, "observe") == 0)
		puts("observed only, nobody refuses it");
	else if (strcmp(state, "enforced") == 0)
		puts("every door refuses it");
	else
		puts("every door refuses it, the firewall follows");
}
