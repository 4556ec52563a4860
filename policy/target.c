/*
 * Why: what a client asks for is decided by the same bytes that are dialled, so
 * they are read once, and strictly: where a browser would repair a text (a
 * backslash, a missing slash, an empty port), this refuses it and says what would
 * be right.
 * Rests on: policy/authority for host and port, policy/host for what a host is.
 */
#include "policy/target.h"

#include "policy/authority.h"

struct scheme_fact {
    struct span name;
    uint16_t default_port;
};

static const struct scheme_fact scheme_facts[] = {
    [SCHEME_HTTPS] = {{"https", 5}, 443}, [SCHEME_WSS] = {{"wss", 3}, 443},
    [SCHEME_HTTP] = {{"http", 4}, 80},    [SCHEME_WS] = {{"ws", 2}, 80},
    [SCHEME_TUNNEL] = {{"tunnel", 6}, 0}, [SCHEME_ANY] = {{"*", 1}, 0},
};

const char *scheme_name(enum scheme scheme)
{
    return scheme_facts[scheme].name.data;
}

uint16_t scheme_default_port(enum scheme scheme)
{
    return scheme_facts[scheme].default_port;
}

bool scheme_parse(struct span name, enum scheme *scheme)
{
    for (enum scheme i = SCHEME_HTTPS; i <= SCHEME_WS; i++) {
        if (span_equal_nocase(name, scheme_facts[i].name)) {
            *scheme = i;
            return true;
        }
    }
    return false;
}

/* A password or a query: these words are logged, and neither may be. */
static bool may_hold_secret(struct span text)
{
    return span_find(text, '@') < text.length || span_find(text, '?') < text.length;
}

static bool refuse(struct error *error, struct span text, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    if (may_hold_secret(text)) {
        error_set(error, "%s", why);
        return false;
    }
    error_set(error, "%s: %s", text_quote(text, quoted), why);
    return false;
}

static bool has_control_character(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            return true;
    }
    return false;
}

static bool is_printable_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7F)
            return false;
    }
    return true;
}

/* What a request carries is printable ASCII, whatever a command line may take. */
static bool check_request_bytes(struct span text, struct error *error)
{
    return is_printable_ascii(text) ||
           refuse(error, text,
                  "a request names its target in printable ASCII; an international name is "
                  "written in its xn-- form, and other bytes are percent-encoded");
}

static bool read_scheme(struct span name, enum scheme *scheme, struct error *error)
{
    return scheme_parse(name, scheme) ||
           refuse(error, name, "not a scheme that is taken; write https, wss, http or ws");
}

/* A text without "://": mistakes that look like a host and are none. */
static bool check_bare_target(struct span text, struct error *error)
{
    enum scheme scheme;
    if (text.length > 0 && text.data[0] == '/')
        return refuse(error, text, "a target begins with a scheme or a host; write https://host");
    if (span_find(text, ':') < text.length &&
        scheme_parse(span_slice(text, 0, span_find(text, ':')), &scheme))
        return refuse(error, text, "a scheme is followed by two slashes; write https://host");
    return true;
}

bool target_parse_url(struct span text, struct target *target, struct span *path_and_query,
                      bool *is_url, struct error *error)
{
    struct span scheme, rest;
    target->scheme = SCHEME_HTTPS;
    if (has_control_character(text))
        return refuse(error, text, "control characters cannot stand in a target");
    *is_url = authority_split_scheme(text, &scheme, &rest);
    if (*is_url && !read_scheme(scheme, &target->scheme, error))
        return false;
    if (!*is_url && !check_bare_target(text, error))
        return false;
    if (!*is_url)
        rest = text;
    size_t length = authority_length(rest);
    *is_url = *is_url || length < rest.length;
    *path_and_query = span_after(rest, length);
    *path_and_query = span_slice(*path_and_query, 0, span_find(*path_and_query, '#'));
    return authority_parse(span_slice(rest, 0, length), scheme_default_port(target->scheme),
                           &target->host, &target->port, error);
}

bool target_parse(struct span text, struct target *target, struct error *error)
{
    struct span path_and_query;
    bool is_url;
    return target_parse_url(text, target, &path_and_query, &is_url, error);
}

bool target_parse_absolute(struct span text, struct target *target, struct span *path_and_query,
                           struct error *error)
{
    struct span scheme, rest;
    if (!check_request_bytes(text, error))
        return false;
    if (span_find(text, '#') < text.length)
        return refuse(error, text, "a fragment is never sent; leave out \"#\" and what follows");
    if (!authority_split_scheme(text, &scheme, &rest))
        return refuse(error, text, "not an absolute URL; write http://host/path");
    if (!read_scheme(scheme, &target->scheme, error))
        return false;
    size_t length = authority_length(rest);
    *path_and_query = span_after(rest, length);
    return authority_parse(span_slice(rest, 0, length), scheme_default_port(target->scheme),
                           &target->host, &target->port, error);
}

bool target_parse_connect(struct span text, struct target *target, struct error *error)
{
    if (!check_request_bytes(text, error))
        return false;
    if (authority_length(text) < text.length)
        return refuse(error, text, "CONNECT names host:port alone, without scheme and path");
    if (!authority_parse(text, 0, &target->host, &target->port, error))
        return false;
    if (target->port == 0)
        return refuse(error, text, "CONNECT names a port too; write host:443");
    target->scheme = SCHEME_TUNNEL;
    return true;
}

struct span target_authority(struct span text)
{
    struct span scheme, rest = text;
    authority_split_scheme(text, &scheme, &rest);
    return span_slice(rest, 0, authority_length(rest));
}

bool target_parse_authority(struct span text, uint16_t default_port, struct host *host,
                            uint16_t *port, struct error *error)
{
    return check_request_bytes(text, error) &&
           authority_parse(text, default_port, host, port, error);
}
