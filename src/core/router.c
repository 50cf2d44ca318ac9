/*
 * Which filters a line goes to, and whether it is worth their while.
 *
 * Lines of one program all go the same way, so the way is found once for each
 * program name: a route, the set of filters that want it and one screen over
 * all their rules. Names can be a stranger's choice (a remote syslog), so only
 * so many are remembered; the others are matched against the globs each time.
 *
 * All screens are compiled by router_new: later, a sandboxed process may not
 * be allowed to make code. The sets of filters that will occur are guessed from
 * the globs; for any other set, the screen of a larger one does.
 */
#include <stdlib.h>

#include "mxward/hash.h"
#include "pattern_priv.h"

/* Program names remembered, their longest (bytes), and slots for them: twice
 * as many as names, so that a search is short. */
#define NAMES_MOST 256
#define NAME_BYTES 56
#define NAME_SLOTS 512

/* Routes with a screen of their own: some 50 KiB each. */
#define SCREENS_MOST 48

/* With fewer rules than this, a filter is as fast without a screen. */
#define SCREEN_LEAST 3

/* A program name made from a glob, to see which filters it would go to. */
#define GUESS_BYTES 256

struct want {
	const struct filter *filter;
	uint64_t optional;
	struct pattern *screen; /* NULL: ask the rules */
	bool loners;            /* has rules that screens do not know */
};

struct route {
	uint64_t *set; /* of indices into wants */
	size_t *wants; /* the same as a list */
	size_t n;
	struct pattern *screen; /* may be another route's; NULL: none */
	bool owns_screen;
	bool loners;
};

struct name {
	const struct route *route; /* NULL: a free slot */
	uint8_t n;
	char text[NAME_BYTES];
};

struct router {
	struct want *wants;
	size_t nwants;
	size_t nwords; /* of a set */
	struct route **routes;
	size_t nroutes;
	size_t routes_cap;
	struct route found; /* room for the set of the name at hand */
	struct name *names;
	size_t nnames;
	uint64_t factor; /* of the names' hash; odd, and a secret */
	struct matcher *matcher;
};

static int setup(struct router *r, struct filter *const *filters,
    const uint64_t *optional, size_t n);
static int guess_routes(struct router *r);
static int guess(struct router *r, const char *glob, const char *any);
static int add_screened(struct router *r);
static struct pattern *make_screen(
    const struct router *r, const struct route *route);
static size_t add_rules(struct screen_spec *spec, struct want *w);
static void screen_wants(struct router *r);
static const struct route *route_of(struct router *r, struct span program);
static size_t name_slot(const struct router *r, struct span program);
static const struct route *find(struct router *r, struct span program);
static void fill(struct router *r, struct span program);
static struct route *equal(const struct router *r);
static struct pattern *wider_screen(const struct router *r);
static struct route *keep(struct router *r);
static int route_init(struct route *route, size_t nwords, size_t nwants);
static void route_clear(struct route *route);
static enum verdict ask(struct want *w, struct span message, struct match *out);

struct router *
router_new(struct filter *const *filters, const uint64_t *optional, size_t n)
{
	struct router *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	if (setup(r, filters, optional, n) != 0 || guess_routes(r) != 0) {
		router_free(r);
		return NULL;
	}
	screen_wants(r);
	return r;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->nroutes; i++) {
		route_clear(r->routes[i]);
		free(r->routes[i]);
	}
	for (size_t i = 0; i < r->nwants; i++)
		pattern_free(r->wants[i].screen);
	route_clear(&r->found);
	matcher_free(r->matcher);
	free(r->routes);
	free(r->wants);
	free(r->names);
	free(r);
}

size_t
router_match(
    struct router *r, const struct line *l, struct match *out, size_t max)
{
	const struct route *route = route_of(r, l->program);
	bool passed = true;
	size_t found = 0;

	if (route->n == 0)
		return 0;
	/* A screen that hits a limit knows nothing: ask the rules. */
	if (route->screen != NULL)
		passed = pattern_match(route->screen, r->matcher, l->message) !=
		    PATTERN_NO;
	if (!passed && !route->loners)
		return 0;
	for (size_t i = 0; i < route->n && found < max; i++) {
		struct want *w = &r->wants[route->wants[i]];

		if (!passed && !w->loners)
			continue;
		/* The only filter's own screen has just been asked. */
		if (route->n > 1 && w->screen != NULL &&
		    pattern_match(w->screen, r->matcher, l->message) ==
			PATTERN_NO)
			continue;
		if (ask(w, l->message, &out[found]) != VERDICT_NONE)
			found++;
	}
	return found;
}

static int
setup(struct router *r, struct filter *const *filters, const uint64_t *optional,
    size_t n)
{
	struct hash_key key;

	r->wants = calloc(n + 1, sizeof(*r->wants));
	r->names = calloc(NAME_SLOTS, sizeof(*r->names));
	r->routes_cap = SCREENS_MOST + NAMES_MOST;
	r->routes = calloc(r->routes_cap, sizeof(struct route *));
	r->matcher = matcher_new();
	r->nwords = n / 64 + 1;
	if (r->wants == NULL || r->names == NULL || r->routes == NULL ||
	    r->matcher == NULL || route_init(&r->found, r->nwords, n) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct screen_spec spec = { 0 };

		r->wants[i].filter = filters[i];
		r->wants[i].optional = optional != NULL ? optional[i] : 0;
		add_rules(&spec, &r->wants[i]);
		screen_spec_free(&spec);
	}
	r->nwants = n;
	hash_key_random(&key);
	r->factor = key.k[0] | 1;
	return 0;
}

/* A route for every set of filters that the globs themselves bring about. */
static int
guess_routes(struct router *r)
{
	/* What stands for "*": nothing, something, a service's usual name. */
	static const char *const any[] = { "", "x", "submission", "smtpd" };

	/* Every filter at once: wider than any other set. */
	fill(r, span_make("", 0));
	for (size_t i = 0; i < r->nwants; i++) {
		r->found.set[i / 64] |= UINT64_C(1) << i % 64;
		r->found.wants[i] = i;
		r->found.loners = r->found.loners || r->wants[i].loners;
	}
	r->found.n = r->nwants;
	if (add_screened(r) != 0)
		return -1;
	/* A program that no glob names. */
	fill(r, span_make("", 0));
	if (add_screened(r) != 0)
		return -1;
	for (size_t a = 0; a < sizeof(any) / sizeof(any[0]); a++)
		for (size_t i = 0; i < r->nwants; i++) {
			const struct filter *f = r->wants[i].filter;

			for (size_t g = 0; g < f->nprograms; g++)
				if (guess(r, f->programs[g], any[a]) != 0)
					return -1;
		}
	return 0;
}

static int
guess(struct router *r, const char *glob, const char *any)
{
	char name[GUESS_BYTES];
	size_t n = 0;

	for (; *glob != '\0' && n + 16 < sizeof(name); glob++) {
		if (*glob == '*') {
			memcpy(name + n, any, strlen(any));
			n += strlen(any);
		} else {
			name[n++] = *glob == '?' ? 'x' : *glob;
		}
	}
	fill(r, span_make(name, n));
	return add_screened(r);
}

/* Keep the set just found as a route, unless there is one. -1: no memory. */
static int
add_screened(struct router *r)
{
	struct route *route;

	if (r->found.n == 0 || equal(r) != NULL || r->nroutes >= SCREENS_MOST)
		return 0;
	route = keep(r);
	if (route == NULL)
		return -1;
	route->screen = make_screen(r, route);
	route->owns_screen = true;
	return 0;
}

static struct pattern *
make_screen(const struct router *r, const struct route *route)
{
	struct screen_spec spec = { 0 };
	struct pattern *screen;

	for (size_t i = 0; i < route->n; i++)
		add_rules(&spec, &r->wants[route->wants[i]]);
	screen = screen_compile(&spec);
	screen_spec_free(&spec);
	return screen;
}

/* Add a filter's rules to a screen; how many it has. */
static size_t
add_rules(struct screen_spec *spec, struct want *w)
{
	size_t enabled = 0;

	for (size_t i = 0; i < w->filter->nrules; i++) {
		const struct rule *rule = &w->filter->rules[i];

		if (!rule_enabled(rule, w->optional))
			continue;
		enabled++;
		if (!screen_add(spec, rule))
			w->loners = true;
	}
	return enabled;
}

/* Screens for each filter, to find out which of them a line was let in for. */
static void
screen_wants(struct router *r)
{
	for (size_t i = 0; i < r->nwants; i++) {
		struct want *w = &r->wants[i];
		struct screen_spec spec = { 0 };

		if (add_rules(&spec, w) >= SCREEN_LEAST && !w->loners)
			w->screen = screen_compile(&spec);
		screen_spec_free(&spec);
	}
}

static const struct route *
route_of(struct router *r, struct span program)
{
	size_t slot;
	struct name *name;
	const struct route *route;

	if (program.n > NAME_BYTES)
		return find(r, program);
	slot = name_slot(r, program);
	for (;; slot = (slot + 1) % NAME_SLOTS) {
		name = &r->names[slot];
		if (name->route == NULL)
			break;
		if (name->n == program.n &&
		    (program.n == 0 ||
			memcmp(name->text, program.p, program.n) == 0))
			return name->route;
	}
	route = find(r, program);
	if (r->nnames >= NAMES_MOST)
		return route;
	if (route == &r->found)
		route = keep(r);
	if (route == NULL)
		return &r->found;
	r->nnames++;
	name->route = route;
	name->n = (uint8_t)program.n;
	if (program.n > 0)
		memcpy(name->text, program.p, program.n);
	return route;
}

/*
 * For every line, so it must cost nothing: the first and the last eight bytes
 * and the length, multiplied. Names that differ only in between share a slot;
 * the search is over few enough (NAMES_MOST) that a stranger gains nothing.
 */
static size_t
name_slot(const struct router *r, struct span program)
{
	uint64_t first = 0, last = 0;

	if (program.n >= sizeof(first)) {
		memcpy(&first, program.p, sizeof(first));
		memcpy(
		    &last, program.p + program.n - sizeof(last), sizeof(last));
	} else {
		for (size_t i = 0; i < program.n; i++)
			first = first << 8 | (unsigned char)program.p[i];
	}
	first = (first ^ program.n) * r->factor;
	first = (first >> 32 ^ first ^ last) * r->factor;
	return hash_slot(first, NAME_SLOTS);
}

/* The route by the globs. It may be r->found, good until the next line. */
static const struct route *
find(struct router *r, struct span program)
{
	const struct route *known;

	fill(r, program);
	known = equal(r);
	if (known != NULL)
		return known;
	r->found.screen = r->found.n > 0 ? wider_screen(r) : NULL;
	return &r->found;
}

/* Make r->found the set of filters that want the program. */
static void
fill(struct router *r, struct span program)
{
	struct route *found = &r->found;

	memset(found->set, 0, r->nwords * sizeof(*found->set));
	found->n = 0;
	found->screen = NULL;
	found->loners = false;
	for (size_t i = 0; i < r->nwants; i++) {
		if (!filter_wants(r->wants[i].filter, program))
			continue;
		found->set[i / 64] |= UINT64_C(1) << i % 64;
		found->wants[found->n++] = i;
		found->loners = found->loners || r->wants[i].loners;
	}
}

/* The route kept for the set in r->found, or NULL. */
static struct route *
equal(const struct router *r)
{
	for (size_t i = 0; i < r->nroutes; i++)
		if (memcmp(r->routes[i]->set, r->found.set,
			r->nwords * sizeof(*r->found.set)) == 0)
			return r->routes[i];
	return NULL;
}

/* The screen of the smallest set that holds the one in r->found. */
static struct pattern *
wider_screen(const struct router *r)
{
	const struct route *best = NULL;

	for (size_t i = 0; i < r->nroutes; i++) {
		const struct route *route = r->routes[i];
		bool holds = route->owns_screen && route->screen != NULL;

		for (size_t w = 0; w < r->nwords && holds; w++)
			holds = (r->found.set[w] & ~route->set[w]) == 0;
		if (holds && (best == NULL || route->n < best->n))
			best = route;
	}
	return best != NULL ? best->screen : NULL;
}

/* A copy of r->found among the routes. NULL when there is no room. */
static struct route *
keep(struct router *r)
{
	struct route *route;

	if (r->nroutes == r->routes_cap)
		return NULL;
	route = calloc(1, sizeof(*route));
	if (route == NULL || route_init(route, r->nwords, r->found.n) != 0) {
		if (route != NULL)
			route_clear(route);
		free(route);
		return NULL;
	}
	memcpy(route->set, r->found.set, r->nwords * sizeof(*route->set));
	if (r->found.n > 0)
		memcpy(route->wants, r->found.wants,
		    r->found.n * sizeof(*route->wants));
	route->n = r->found.n;
	route->screen = r->found.screen;
	route->loners = r->found.loners;
	r->routes[r->nroutes++] = route;
	return route;
}

static int
route_init(struct route *route, size_t nwords, size_t nwants)
{
	route->set = calloc(nwords, sizeof(*route->set));
	route->wants = calloc(nwants + 1, sizeof(*route->wants));
	return route->set != NULL && route->wants != NULL ? 0 : -1;
}

static void
route_clear(struct route *route)
{
	free(route->set);
	free(route->wants);
	if (route->owns_screen)
		pattern_free(route->screen);
}

/* One filter's say, counted. */
static enum verdict
ask(struct want *w, struct span message, struct match *out)
{
	enum verdict v = filter_apply(w->filter, message, w->optional, out);

	if (v != VERDICT_NONE)
		w->filter->rules[out->rule->index].matched++;
	return v;
}
