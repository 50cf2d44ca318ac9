/* "unix:/path" and "inet:HOST:PORT", as Postfix writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "mxward/listener.h"

static int parse_inet(
    const char *text, struct listen_conf *out, struct error *err);

int
listen_conf_parse(const char *text, struct listen_conf *out, struct error *err)
{
	const struct sockaddr_un room;

	memset(out, 0, sizeof(*out));
	if (strncmp(text, "inet:", 5) == 0)
		return parse_inet(text, out, err);
	if (strncmp(text, "unix:/", 6) != 0)
		return error_set(err,
		    "listen = \"%s\": write \"unix:/path/to/socket\" or "
		    "\"inet:127.0.0.1:PORT\"",
		    text);
	if (strlen(text + 5) >= sizeof(room.sun_path) - 4)
		return error_set(err,
		    "listen = \"%s\": a unix socket's path has at most %zu "
		    "bytes",
		    text, sizeof(room.sun_path) - 5);
	out->is_unix = true;
	out->path = strdup(text + 5);
	out->text = strdup(text);
	if (out->path && out->text)
		return 0;
	listen_conf_clear(out);
	return error_set(err, "out of memory");
}

void
listen_conf_clear(struct listen_conf *c)
{
	free(c->path);
	free(c->text);
	memset(c, 0, sizeof(*c));
}

static int
parse_inet(const char *text, struct listen_conf *out, struct error *err)
{
	const char *host = text + 5, *colon = strrchr(host, ':');
	char *end;
	long port = 0;

	if (colon && colon > host) {
		errno = 0;
		port = strtol(colon + 1, &end, 10);
		if (errno || *end || end == colon + 1)
			port = 0;
	}
	if (port < 1 || port > 65535 ||
	    addr_parse(span_make(host, (size_t)(colon - host)), &out->addr) !=
		0)
		return error_set(err,
		    "listen = \"%s\": write inet:ADDRESS:PORT, such as "
		    "\"inet:127.0.0.1:10040\" or \"inet:[::1]:10040\"",
		    text);
	out->port = (uint16_t)port;
	out->text = strdup(text);
	return out->text ? 0 : error_set(err, "out of memory");
}
