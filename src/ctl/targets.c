/*
 * Addresses and networks as operands, one or many. They are looked at before
 * the first is sent: a slip in the third leaves nothing half done.
 */
#include <string.h>

#include "ctl.h"
#include "mxward/addr.h"

#define TARGETS_BYTES 256

static int rank(int status);

bool
is_target(const char *text)
{
	struct prefix p;

	return prefix_parse(span_of(text), &p) == 0;
}

/* All operands but one, as they would be written. */
static void
join_but(const struct ctl *c, int but, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (int i = 0; i < c->noperands; i++)
		if (i != but && n < size)
			n += (size_t)snprintf(
			    buf + n, size - n, " %s", c->operand[i]);
}

bool
targets_ok(const struct ctl *c, const char *command, int *status)
{
	char others[TARGETS_BYTES];
	int wrong = -1, n = 0;

	for (int i = 0; i < c->noperands; i++)
		if (!is_target(c->operand[i])) {
			wrong = wrong < 0 ? i : wrong;
			n++;
		}
	if (n == 0)
		return true;
	join_but(c, wrong, others, sizeof(others));
	/* fail2ban-client's order: JAIL ADDR. */
	if (n == 1 && c->noperands > 1 && !c->jail &&
	    !strpbrk(c->operand[wrong], ".:/"))
		*status = fail(USAGE,
		    "\"%s\" is not an address: did you mean `mxwardctl "
		    "%s%s --jail %s`?",
		    c->operand[wrong], command, others, c->operand[wrong]);
	else
		*status = fail(USAGE,
		    "\"%s\" is not an address or network: write 192.0.2.1, "
		    "192.0.2.0/24 or 2001:db8::/64",
		    c->operand[wrong]);
	return false;
}

int
ask_each(const struct ctl *c, json_t *request, int seconds,
    int (*told)(const struct ctl *c, const char *target, json_t *answer))
{
	int worst = DONE, rc = DONE;
	struct client *cl = client_open(c, false, &worst);

	for (int i = 0; cl && i < c->noperands; i++) {
		json_t *o = NULL;
		json_object_set_new(
		    request, "target", json_string(c->operand[i]));
		rc = client_ask(
		    cl, json_deep_copy(request), seconds, NULL, NULL, &o);
		if (rc == DONE)
			rc = told(c, c->operand[i], o);
		json_decref(o);
		worst = rank(rc) > rank(worst) ? rc : worst;
		if (client_lost(cl))
			break;
	}
	client_close(cl);
	json_decref(request);
	return worst;
}

/* A script that lets friends pass must not overlook a worse thing. */
static int
rank(int status)
{
	static const int ranks[] = { [DONE] = 0,
		[NO] = 1,
		[REFUSED] = 2,
		[USAGE] = 3,
		[UNREACHABLE] = 4 };

	return ranks[status];
}
