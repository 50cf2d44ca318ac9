/*
 * The files beside a log that rotation may have made of it. Their names are
 * only a hint (logrotate's numbers and dates, before or after the extension;
 * newsyslog's; savelog's); what they are is told by inode and first line.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources_priv.h"

static size_t list_dir(const char *path, const char *skip, struct sibling *out,
    size_t n, size_t max, bool *packed);
static bool akin(const char *base, const char *name);
static size_t keep_newest(
    struct sibling *out, size_t n, size_t max, const struct sibling *s);
static bool listed(const struct sibling *out, size_t n, const struct stat *st);
static void sort_by_age(struct sibling *list, size_t n);
static int by_name(const void *a, const void *b);
static bool over_before(const struct sibling *x, const struct sibling *y);
static bool dated(const char *path);
static bool suffix(const char *s, size_t n);

size_t
siblings_list(
    const struct trail *tr, struct sibling *out, size_t max, bool *packed)
{
	size_t n;

	*packed = false;
	n = list_dir(tr->path, tr->real, out, 0, max, packed);
	if (tr->real != NULL)
		n = list_dir(tr->real, tr->path, out, n, max, packed);
	sort_by_age(out, n);
	return n;
}

bool
sibling_shape(const char *base, const char *name)
{
	const char *ext = strrchr(base, '.');
	size_t nb = strlen(base), n = strlen(name), ne, ns;

	if (n > nb && memcmp(name, base, nb) == 0)
		return suffix(name + nb, n - nb) ||
		    strcmp(name + nb, ".old") == 0;
	if (ext == NULL || ext == base || n <= nb)
		return false;
	ne = strlen(ext);
	ns = nb - ne; /* logrotate's `extension`: mail-20261124.log */
	return memcmp(name, base, ns) == 0 &&
	    memcmp(name + n - ne, ext, ne) == 0 &&
	    suffix(name + ns, n - ns - ne);
}

bool
sibling_base(const char *name, char *out, size_t size)
{
	const char *ext = strrchr(name, '.');
	size_t n = strlen(name), i;

	if (n >= size)
		return false;
	for (i = 1; i < n; i++)
		if (suffix(name + i, n - i) || strcmp(name + i, ".old") == 0) {
			memcpy(out, name, i);
			out[i] = '\0';
			return true;
		}
	for (i = 1; ext != NULL && name + i < ext; i++)
		if (suffix(name + i, (size_t)(ext - name) - i)) {
			snprintf(out, size, "%.*s%s", (int)i, name, ext);
			return true;
		}
	return false;
}

bool
sibling_packed(const char *name)
{
	static const char *const ends[] = { ".gz", ".xz", ".bz2", ".zst",
		".lz4", ".lzma", ".Z", ".zip" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t e = strlen(ends[i]);

		if (n > e && memcmp(name + n - e, ends[i], e) == 0)
			return true;
	}
	return false;
}

/* Add the siblings of path, except path itself and skip. */
static size_t
list_dir(const char *path, const char *skip, struct sibling *out, size_t n,
    size_t max, bool *packed)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	int nd = slash != NULL ? (int)(slash - path) : 0;
	char buf[PATH_MAX];
	struct dirent *e;
	struct sibling s;
	DIR *d;

	snprintf(buf, sizeof buf, "%.*s/", nd, path);
	d = opendir(slash != NULL ? buf : ".");
	if (d == NULL)
		return n;
	while ((e = readdir(d)) != NULL) {
		if (!akin(base, e->d_name))
			continue;
		if (sibling_packed(e->d_name)) {
			*packed = true;
			continue;
		}
		snprintf(buf, sizeof buf, "%.*s%s%s", nd, path,
		    slash != NULL ? "/" : "", e->d_name);
		if ((skip != NULL && strcmp(buf, skip) == 0) ||
		    lstat(buf, &s.st) == -1 || !S_ISREG(s.st.st_mode) ||
		    listed(out, n, &s.st))
			continue;
		s.birth = file_birth(AT_FDCWD, buf, &s.st);
		s.shape = sibling_shape(base, e->d_name);
		s.path = strdup(buf);
		if (s.path != NULL)
			n = keep_newest(out, n, max, &s);
	}
	closedir(d);
	return n;
}

static bool
akin(const char *base, const char *name)
{
	size_t n = strlen(base);

	if (strcmp(base, name) == 0)
		return false;
	return strncmp(name, base, n) == 0 || sibling_shape(base, name);
}

/* Append s, in the place of the oldest if there is no room. */
static size_t
keep_newest(struct sibling *out, size_t n, size_t max, const struct sibling *s)
{
	size_t oldest = 0;

	if (n < max) {
		out[n] = *s;
		return n + 1;
	}
	for (size_t i = 1; i < n; i++)
		if (time_after(&out[oldest].st.st_mtim, &out[i].st.st_mtim) > 0)
			oldest = i;
	if (time_after(&s->st.st_mtim, &out[oldest].st.st_mtim) > 0) {
		free(out[oldest].path);
		out[oldest] = *s;
	} else
		free(s->path);
	return n;
}

static bool
listed(const struct sibling *out, size_t n, const struct stat *st)
{
	for (size_t i = 0; i < n; i++)
		if (out[i].st.st_ino == st->st_ino &&
		    out[i].st.st_dev == st->st_dev)
			return true;
	return false;
}

/*
 * The oldest first. Names tell best, for a logger may write to a rotated file
 * for long: the greater number is the older, .2 was .1 before; dates, which are
 * longer, grow. But there are other habits: where one file was written to its
 * end before the other came to be, that decides.
 */
static void
sort_by_age(struct sibling *list, size_t n)
{
	struct sibling s;
	size_t j;

	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 1; i < n; i++) {
		s = list[i];
		for (j = i; j > 0 && over_before(&s, &list[j - 1]); j--)
			list[j] = list[j - 1];
		list[j] = s;
	}
	for (size_t i = 0; i < n; i++)
		list[i].rank = (int)i;
}

static int
by_name(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;
	int c = strverscmp(x->path, y->path);

	return dated(x->path) ? c : -c;
}

static bool
over_before(const struct sibling *x, const struct sibling *y)
{
	return time_after(&x->st.st_mtim, &y->birth) < 0;
}

static bool
dated(const char *path)
{
	size_t digits = 0;

	for (; *path != '\0' && digits < 8; path++)
		digits = *path >= '0' && *path <= '9' ? digits + 1 : 0;
	return digits == 8;
}

/* ".1", "-20261124", ".2026-11-24_13:00", "_7": a separator, then digits. */
static bool
suffix(const char *s, size_t n)
{
	if (n < 2 || strchr(".-_", s[0]) == NULL)
		return false;
	if (s[1] < '0' || s[1] > '9')
		return false;
	for (size_t i = 1; i < n; i++)
		if ((s[i] < '0' || s[i] > '9') && strchr("-._:T", s[i]) == NULL)
			return false;
	return s[0] != '\0';
}
