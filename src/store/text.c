/*
 * What crosses the border to SQLite: texts that strangers wrote, kept as the
 * bytes they are and given back so that any terminal, mail or JSON document can
 * show them; and addresses.
 */
#include <string.h>

#include "store_priv.h"

static size_t utf8_length(const uint8_t *p, size_t n);

int
store_bind_span(sqlite3_stmt *st, int i, struct span text, size_t max)
{
	size_t n = text.n;

	if (n > max) {
		n = max;
		/* Not in the middle of a character. */
		for (int back = 0;
		     back < 3 && n > 0 && ((uint8_t)text.p[n] & 0xc0) == 0x80;
		     back++)
			n--;
	}
	return sqlite3_bind_blob(
	    st, i, n > 0 ? text.p : "", (int)n, SQLITE_STATIC);
}

const char *
store_text(sqlite3_stmt *st, int i, char *buf, size_t size)
{
	const uint8_t *p = sqlite3_column_blob(st, i);
	size_t n = p != NULL ? (size_t)sqlite3_column_bytes(st, i) : 0;
	size_t len, out = 0;

	for (size_t in = 0; in < n; in += len) {
		bool good = (len = utf8_length(p + in, n - in)) > 0;

		if (!good)
			len = 1;
		if (out + len >= size)
			break;
		if (good)
			memcpy(buf + out, p + in, len);
		else
			buf[out] = '?';
		out += len;
	}
	buf[out] = '\0';
	return buf;
}

void
store_key(const struct prefix *p, uint8_t key[STORE_KEY_LEN])
{
	memcpy(key, p->addr.b, sizeof(p->addr.b));
	key[16] = p->len;
}

int
store_bind_key(
    sqlite3_stmt *st, int i, const struct prefix *p, uint8_t key[STORE_KEY_LEN])
{
	store_key(p, key);
	return sqlite3_bind_blob(st, i, key, STORE_KEY_LEN, SQLITE_STATIC);
}

struct prefix
store_column_key(sqlite3_stmt *st, int i)
{
	const uint8_t *p = sqlite3_column_blob(st, i);
	int n = sqlite3_column_bytes(st, i);
	struct prefix key = { .len = 128 };

	if (p == NULL || n < 16)
		return key;
	memcpy(key.addr.b, p, sizeof(key.addr.b));
	if (n >= STORE_KEY_LEN && p[16] <= 128)
		key.len = p[16];
	return key;
}

/*
 * Bytes of the character at p (RFC 3629), or 0 if it is none that may be shown:
 * malformed, overlong, a surrogate, or a control character, of which U+0080 to
 * U+009F steer terminals as well.
 */
static size_t
utf8_length(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1
	    : p[0] < 0xc0        ? 0
	    : p[0] < 0xe0        ? 2
	    : p[0] < 0xf0        ? 3
	    : p[0] < 0xf8        ? 4
				 : 0;
	uint32_t c;

	if (len == 0 || len > n)
		return 0;
	if (len == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	c = p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
	    (c >= 0x80 && c < 0xa0))
		return 0;
	return len;
}
