/* Addresses and networks, from text and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "mxward/addr.h"

/* What is written, and what is shown of it. */
static const struct {
	const char *text;
	const char *shown;
} good[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "10.20.100.9", "10.20.100.9" },
	{ "[192.0.2.1]", "192.0.2.1" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:c000:201", "192.0.2.1" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "[2001:db8::1]", "2001:db8::1" },
	{ "IPv6:2001:db8::1", "2001:db8::1" },
	{ "[IPv6:2001:DB8::1]", "2001:db8::1" },
	{ "fe80::1%eth0", "fe80::1" },
	{ "[fe80::1%eth0]", "fe80::1" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "1::", "1::" },
	{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
	{ "0:0:1:2:3:4:5:6", "::1:2:3:4:5:6" },
	{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
	{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
	{ "::192.0.2.1", "::c000:201" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static const char *const bad[] = { "", "[", "[]", "[192.0.2.1", "192.0.2.1]",
	"010.1.1.1", "1.02.3.4", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3.4",
	"1.2.3.4.5", "1..2.3", "256.1.1.1", "1.2.3.1000", "1.2.3.4 ",
	" 1.2.3.4", "1.2.3.4x", "0x7f.1.1.1", "127.1", "2130706433", "1.2.3.-4",
	"192.0.2.1%eth0", "192.0.2.1/24", "192.0.2.1:25", "IPv6:192.0.2.1",
	"IPv6:", "IPv6", "[IPv6:]", ":", ":::", "1:", ":1", "1::2::3",
	"::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1.2.3",
	"::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "fe80::1%",
	"fe80::1%a]b", "fe80::1%a b", "2001:db8::1]", "[2001:db8::1]:25",
	"2001:db8::1 ", "[[::1]]", "localhost", "unknown" };

static struct addr
address(const char *text)
{
	struct addr a;

	if (addr_parse(span_of(text), &a) == -1)
		fail_msg("%s is no address", text);
	return a;
}

static struct prefix
network(const char *text)
{
	struct prefix p;

	if (prefix_parse(span_of(text), &p) == -1)
		fail_msg("%s is no network", text);
	return p;
}

static void
every_way_of_writing_an_address_is_read(void **state)
{
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = address(good[i].text);
		assert_string_equal(addr_format(&a, buf), good[i].shown);
	}
}

static void
what_only_looks_like_an_address_is_refused(void **state)
{
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(span_of(bad[i]), &a) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(addr_parse(span_make(NULL, 0), &a), -1);
	assert_int_equal(addr_parse(span_make("1.2.3.4\0", 8), &a), -1);
}

static void
address_is_read_no_further_than_its_end(void **state)
{
	struct addr a, b = address("192.0.2.1");

	(void)state;
	assert_int_equal(addr_parse(span_make("192.0.2.123", 9), &a), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void
refused_text_leaves_the_address_alone(void **state)
{
	struct addr a = address("192.0.2.1"), b = a;

	(void)state;
	assert_int_equal(addr_parse(span_of("2001:db8:1:2:3"), &a), -1);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* The C library as the second opinion, on addresses of every shape. */
static void
text_and_back_agree_with_the_c_library(void **state)
{
	char buf[ADDR_STRLEN];
	uint32_t seed = 1;
	struct in6_addr in6;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct addr a, b;

		for (size_t j = 0; j < 16; j++) {
			seed = seed * 1664525 + 1013904223;
			a.b[j] = seed >> 30 == 0 ? (uint8_t)(seed >> 16) : 0;
		}
		addr_format(&a, buf);
		assert_int_equal(inet_pton(AF_INET6, buf, &in6), 1);
		assert_memory_equal(in6.s6_addr, a.b, 16);
		assert_int_equal(addr_parse(span_of(buf), &b), 0);
		assert_memory_equal(b.b, a.b, 16);
		inet_ntop(AF_INET6, &a, buf, sizeof(buf));
		assert_int_equal(addr_parse(span_of(buf), &b), 0);
		assert_memory_equal(b.b, a.b, 16);
	}
}

static const struct {
	const char *text;
	const char *shown;
	unsigned len;
} networks[] = {
	{ "192.0.2.1", "192.0.2.1", 128 },
	{ "192.0.2.77/24", "192.0.2.0/24", 120 },
	{ "192.0.2.77/32", "192.0.2.77", 128 },
	{ "192.0.2.77/31", "192.0.2.76/31", 127 },
	{ "192.0.2.77/0", "0.0.0.0/0", 96 },
	{ "10.255.0.0/9", "10.128.0.0/9", 105 },
	{ "2001:db8:1:2:3::4/64", "2001:db8:1:2::/64", 64 },
	{ "2001:db8:ffff::/33", "2001:db8:8000::/33", 33 },
	{ "[2001:db8::1]/128", "2001:db8::1", 128 },
	{ "::/0", "::/0", 0 },
	{ "::ffff:192.0.2.1/120", "192.0.2.0/24", 120 },
};

static void
networks_lose_their_host_bits(void **state)
{
	char buf[PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct prefix p = network(networks[i].text), again;

		assert_string_equal(prefix_format(&p, buf), networks[i].shown);
		assert_int_equal(p.len, networks[i].len);
		again = network(buf);
		assert_true(prefix_eq(&p, &again));
	}
}

static void
odd_lengths_of_networks_are_refused(void **state)
{
	static const char *const odd[] = { "", "/", "/24", "192.0.2.0/",
		"192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+1", "192.0.2.0/08",
		"192.0.2.0/2 ", "192.0.2.0/24/24", "2001:db8::/129",
		"2001:db8::/1000", "192.0.2.0/255.255.255.0", "2001:db8::/4x",
		"fe80::%eth0/64x" };
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (prefix_parse(span_of(odd[i]), &p) != -1)
			fail_msg("\"%s\" was taken", odd[i]);
	assert_int_equal(prefix_parse(span_make(NULL, 0), &p), -1);
}

static void
a_jail_counts_each_family_by_its_own_length(void **state)
{
	char buf[PREFIX_STRLEN];
	struct addr a4 = address("192.0.2.77"), a6 = address("2001:db8::77");
	struct prefix p;

	(void)state;
	p = prefix_key(&a4, 32, 64);
	assert_string_equal(prefix_format(&p, buf), "192.0.2.77");
	p = prefix_key(&a4, 24, 64);
	assert_string_equal(prefix_format(&p, buf), "192.0.2.0/24");
	p = prefix_key(&a6, 24, 64);
	assert_string_equal(prefix_format(&p, buf), "2001:db8::/64");
	p = prefix_key(&a6, 24, 128);
	assert_string_equal(prefix_format(&p, buf), "2001:db8::77");
	p = prefix_key(&a4, 99, 999);
	assert_int_equal(p.len, 128);
	p = prefix_key(&a6, 99, 999);
	assert_int_equal(p.len, 128);
}

/* Bit by bit, as slowly and plainly as can be. */
static bool
naive_contains(const struct prefix *p, const struct addr *a)
{
	for (unsigned i = 0; i < p->len; i++)
		if ((p->addr.b[i / 8] ^ a->b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static void
a_network_contains_what_shares_its_bits(void **state)
{
	struct addr a = address("2001:db8:1234:5678:9abc:def0:1234:5678");

	(void)state;
	for (unsigned len = 0; len <= 128; len++) {
		struct prefix p = prefix_of(&a, len);

		assert_int_equal(p.len, len);
		for (unsigned bit = 0; bit < 128; bit++) {
			struct addr b = a;

			b.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			assert_int_equal(prefix_contains(&p, &b), bit >= len);
			assert_int_equal(
			    prefix_contains(&p, &b), naive_contains(&p, &b));
		}
		assert_true(prefix_contains(&p, &a));
	}
}

static void
a_network_covers_itself_and_smaller_ones_only(void **state)
{
	struct prefix wide = network("192.0.2.0/24");
	struct prefix narrow = network("192.0.2.128/25");
	struct prefix other = network("192.0.3.0/25");
	struct addr host = address("192.0.2.200"), far = address("2001:db8::1");

	(void)state;
	assert_true(prefix_covers(&wide, &wide));
	assert_true(prefix_covers(&wide, &narrow));
	assert_false(prefix_covers(&narrow, &wide));
	assert_false(prefix_covers(&wide, &other));
	assert_true(prefix_contains(&narrow, &host));
	assert_false(prefix_contains(&wide, &far));
	assert_false(prefix_eq(&wide, &narrow));
}

static void
socket_addresses_of_both_families_are_read(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct addr a, b = address("192.0.2.1"), c = address("2001:db8::1");

	(void)state;
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&in, &a), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(addr_is_v4(&a));
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&in6, &a), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&in6, &a), 0);
	assert_memory_equal(&a, &c, sizeof(a));
	assert_false(addr_is_v4(&a));
	assert_int_equal(addr_from_sockaddr(&un, &a), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_writing_an_address_is_read),
		cmocka_unit_test(what_only_looks_like_an_address_is_refused),
		cmocka_unit_test(address_is_read_no_further_than_its_end),
		cmocka_unit_test(refused_text_leaves_the_address_alone),
		cmocka_unit_test(text_and_back_agree_with_the_c_library),
		cmocka_unit_test(networks_lose_their_host_bits),
		cmocka_unit_test(odd_lengths_of_networks_are_refused),
		cmocka_unit_test(a_jail_counts_each_family_by_its_own_length),
		cmocka_unit_test(a_network_contains_what_shares_its_bits),
		cmocka_unit_test(a_network_covers_itself_and_smaller_ones_only),
		cmocka_unit_test(socket_addresses_of_both_families_are_read),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
