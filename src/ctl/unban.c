/* mxwardctl unban. */
#include "ctl.h"

int
run_unban(struct ctl *c)
{
	bool all = c->given & OPT_ALL;
	json_t *request, *o = NULL;
	int64_t ended;
	int rc;

	if (all == (c->noperands == 1))
		return fail(USAGE,
		    "write either `mxwardctl unban ADDR` or `mxwardctl unban "
		    "--all`");
	request = request_new(c, "unban");
	if (all)
		json_object_set_new(request, "all", json_true());
	else
		json_object_set_new(
		    request, "target", json_string(c->operand[0]));
	rc = ask(c, request, 30, NULL, NULL, &o);
	if (rc != DONE)
		return rc;
	ended = get_int(o, "ended");
	if (c->given & OPT_JSON)
		print_json(o);
	else if (!(c->given & OPT_QUIET)) {
		if (ended == 0)
			puts("Nobody was banned.");
		else
			printf("%ld ban%s ended.\n", (long)ended,
			    ended == 1 ? "" : "s");
	}
	json_decref(o);
	return ended > 0 ? DONE : NO;
}
