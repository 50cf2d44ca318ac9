/*
 * Addresses, networks and durations: what is read is shown so that it reads the
 * same again, and the C library agrees about what an address is.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mxward/addr.h"
#include "mxward/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* With neither brackets nor tag nor zone, inet_pton(3) is of one mind with
 * us. */
static void
check_against_libc(struct span text, int ours, const struct addr *a)
{
	char copy[64];
	uint8_t b[16] = { [10] = 0xff, [11] = 0xff };
	int theirs;

	if (text.n >= sizeof(copy) || (text.n > 0 && text.p[0] == '[') ||
	    memchr(text.p, '%', text.n) != NULL ||
	    memchr(text.p, '\0', text.n) != NULL ||
	    (text.n > 4 && (text.p[0] | 0x20) == 'i'))
		return;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	theirs = strchr(copy, ':') != NULL ? inet_pton(AF_INET6, copy, b)
					   : inet_pton(AF_INET, copy, b + 12);
	check((theirs == 1) == (ours == 0));
	if (ours == 0)
		check(memcmp(a->b, b, 16) == 0);
}

static void
check_addr(struct span text)
{
	struct addr a, again;
	char buf[ADDR_STRLEN];
	int rc = addr_parse(text, &a);

	check_against_libc(text, rc, &a);
	if (rc == -1)
		return;
	check(strlen(addr_format(&a, buf)) < ADDR_STRLEN);
	check(addr_parse(span_of(buf), &again) == 0);
	check(memcmp(&a, &again, sizeof(a)) == 0);
}

static void
check_prefix(struct span text)
{
	struct prefix p, again;
	char buf[PREFIX_STRLEN];

	if (prefix_parse(text, &p) == -1)
		return;
	check(p.len <= 128 && prefix_contains(&p, &p.addr));
	again = prefix_of(&p.addr, p.len);
	check(prefix_eq(&p, &again));
	check(strlen(prefix_format(&p, buf)) < PREFIX_STRLEN);
	check(prefix_parse(span_of(buf), &again) == 0);
	check(prefix_eq(&p, &again));
}

static void
check_duration(struct span text)
{
	int64_t s, again;
	char buf[64];

	if (duration_parse(text, &s) == -1)
		return;
	check(s >= 0);
	duration_format(s, buf, sizeof(buf));
	check(duration_parse(span_of(buf), &again) == 0 && s == again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };

	check_addr(text);
	check_prefix(text);
	check_duration(text);
	return 0;
}
