/* mxwardctl unban. */
#include "ctl.h"

static int told(const struct ctl *c, const char *target, json_t *answer);

int
run_unban(struct ctl *c)
{
	json_t *request, *o = NULL;
	int rc = DONE;

	if (!(c->given & OPT_ALL) == (c->noperands == 0))
		return fail(USAGE,
		    "write either `mxwardctl unban ADDR…` or `mxwardctl unban "
		    "--all`");
	if (!targets_ok(c, "unban", &rc))
		return rc;
	request = request_new(c, "unban");
	if (c->noperands)
		return ask_each(c, request, 30, told);
	json_object_set_new(request, "all", json_true());
	rc = ask(c, request, 30, NULL, NULL, &o);
	if (rc == DONE)
		rc = told(c, NULL, o);
	json_decref(o);
	return rc;
}

/* target NULL: all of them. */
static int
told(const struct ctl *c, const char *target, json_t *answer)
{
	int64_t ended = get_int(answer, "ended");
	char buf[WHEN_LEN];

	if (c->given & OPT_JSON) {
		if (c->noperands > 1)
			json_object_set_new(
			    answer, "target", json_string(target));
		print_json(answer);
	} else {
		if (c->noperands > 1)
			printf("%s: ", target);
		if (ended == 0)
			puts("Nobody was banned.");
		else
			printf("%s ban%s ended.\n",
			    number_format((uint64_t)ended, buf),
			    ended == 1 ? "" : "s");
	}
	return ended > 0 ? DONE : NO;
}
