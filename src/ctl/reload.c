/*
 * mxwardctl reload. The engine that takes the request is replaced by one with
 * the new configuration; this returns when that one answers.
 */
#include <poll.h>
#include <time.h>

#include "ctl.h"

#define LOAD_PATIENCE 60 /* seconds: names in ignoreip may be resolved */
#define WAIT_PATIENCE 10

static int generation_now(const struct ctl *c, bool quiet, int64_t *out);
static int wait_for(const struct ctl *c, int64_t generation);

int
run_reload(struct ctl *c)
{
	json_t *o = NULL;
	int64_t before = 0, generation;
	struct client *cl;
	int rc = generation_now(c, false, &before);

	if (rc != DONE || !(cl = client_open(c, false, &rc)))
		return rc;
	client_quiet(cl);
	rc = client_ask(cl, json_pack("{s:s}", "command", "reload"),
	    LOAD_PATIENCE, NULL, NULL, &o);
	generation = o ? get_int(o, "generation") : before + 1;
	/* Generation is the warden's: an old engine knows it as well. Only
	 * when that one has hung up does a new one answer. */
	if (rc == DONE)
		client_drained(cl, WAIT_PATIENCE);
	else if (client_lost(cl))
		rc = DONE;
	client_close(cl);
	json_decref(o);
	if (rc != DONE)
		return rc;
	rc = wait_for(c, generation);
	if (rc == DONE && c->given & OPT_JSON)
		printf("{\"generation\":%ld}\n", (long)generation);
	else if (rc == DONE && !(c->given & OPT_QUIET))
		puts("The new configuration is in force.");
	return rc;
}

static int
generation_now(const struct ctl *c, bool quiet, int64_t *out)
{
	json_t *o = NULL;
	int rc = DONE;
	struct client *cl = client_open(c, quiet, &rc);

	if (!cl)
		return rc;
	if (quiet)
		client_quiet(cl);
	rc = client_ask(
	    cl, json_pack("{s:s}", "command", "status"), 5, NULL, NULL, &o);
	*out = o ? get_int(o, "generation") : 0;
	client_close(cl);
	json_decref(o);
	return rc;
}

static int
wait_for(const struct ctl *c, int64_t generation)
{
	time_t begin = time(NULL);
	int64_t is = 0;

	while (time(NULL) - begin <= WAIT_PATIENCE) {
		if (generation_now(c, true, &is) == DONE && is >= generation)
			return DONE;
		poll(NULL, 0, 20);
	}
	return fail(UNREACHABLE,
	    "the configuration was accepted, but no engine answers with it "
	    "after %d s: its log says why%s",
	    WAIT_PATIENCE, on_systemd(" (journalctl -u mxward)"));
}
