/*
 * What is asked for: scheme, host, port. Made from a URL, from host or
 * host:port on the command line, or from a CONNECT authority. This is the only
 * parser of absolute URLs and targets; proxy/ uses it as it is.
 */
#ifndef SALLYPORT_POLICY_TARGET_H
#define SALLYPORT_POLICY_TARGET_H

#include "policy/host.h"

enum scheme {
    SCHEME_HTTPS,
    SCHEME_WSS,
    SCHEME_HTTP,
    SCHEME_WS,
    SCHEME_TUNNEL, /* asked by CONNECT: cannot tell which of the four it carries */
    SCHEME_ANY,    /* declared by "*" only */
};

/* "https", "wss", "http", "ws", "tunnel", "*". */
const char *scheme_name(enum scheme scheme);

/* 443 for https and wss, 80 for http and ws, 0 for the others. */
uint16_t scheme_default_port(enum scheme scheme);

/* The scheme of this name (without "://", any case); false: none of the four. */
bool scheme_parse(struct span name, enum scheme *scheme);

struct target {
    enum scheme scheme;
    struct host host;
    uint16_t port; /* 1..65535, the scheme's own where none was written */
};

/*
 * A command line's TARGET: URL, host, or host:port (then https), UTF-8. Refuses
 * userinfo, backslashes, control characters, spaces, schemes other than the
 * four, ports out of range. Path, query and fragment are looked at for control
 * characters only. On false here and below, what TARGET holds means nothing.
 */
bool target_parse(struct span text, struct target *target, struct error *error);

/*
 * The same, and what TEXT says behind the authority: *path_and_query is a slice of it without
 * the fragment, "" where there is none. *is_url: TEXT has a scheme or a path, and so means
 * a request and not only a host.
 */
bool target_parse_url(struct span text, struct target *target, struct span *path_and_query,
                      bool *is_url, struct error *error);

/*
 * An absolute-form request target (RFC 9112, section 3.2.2). *path_and_query is
 * the rest behind the authority, a slice of TEXT: "" or begins with "/" or "?".
 * A fragment and every byte that is not printable ASCII are refused. What the
 * path is made of is otherwise the origin's business.
 */
bool target_parse_absolute(struct span text, struct target *target, struct span *path_and_query,
                           struct error *error);

/* An authority-form request target (CONNECT): host ":" port, both there. Scheme is SCHEME_TUNNEL.
 */
bool target_parse_connect(struct span text, struct target *target, struct error *error);

/* The authority in TEXT, a target in absolute or authority form that was parsed: a slice of it. */
struct span target_authority(struct span text);

/*
 * host[":" port], as in a Host field: printable ASCII. Where no port is written
 * it is DEFAULT_PORT.
 */
bool target_parse_authority(struct span text, uint16_t default_port, struct host *host,
                            uint16_t *port, struct error *error);

#endif
