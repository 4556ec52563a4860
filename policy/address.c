/*
 * Why: a manifest's address opens the wall, so a text that people and programs
 * could read in two ways opens nothing: it is an error at the line that wrote it.
 * Rests on: the platform's rules for egress, made stricter; policy/authority and policy/host
 * for all that an address shares with a target.
 */
#include "policy/address.h"

#include "policy/authority.h"
#include "policy/ip_literal.h"

/* By the platform's rules never an egress, in any list. */
static const char *const refused_schemes[] = {
    "javascript", "data",  "vbscript",   "view-source", "resource", "about",
    "chrome",     "mocha", "livescript", "file",        "mhtml",    "smb",
};

static bool refuse(struct error *error, struct span text, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error, "%s: %s", text_quote(text, quoted), why);
    return false;
}

static size_t count_characters(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static bool check_bytes(struct span text, struct error *error)
{
    if (text.length == 0) {
        error_set(error, "the address is empty; name a host, such as api.example.com");
        return false;
    }
    if (count_characters(text) > ADDRESS_LENGTH_MAXIMUM)
        return refuse(error, text, "an address has at most 1000 characters");
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7F)
            return refuse(error, text, "control characters cannot stand in an address");
        if (byte == ' ')
            return refuse(error, text, "an address has no spaces");
        if (byte == '\\')
            return refuse(error, text, "an address has no backslashes; write \"/\"");
    }
    return true;
}

bool address_scheme_refused(struct span name)
{
    for (size_t i = 0; i < sizeof(refused_schemes) / sizeof(refused_schemes[0]); i++) {
        if (span_equal_nocase(name, span_of(refused_schemes[i])))
            return true;
    }
    return false;
}

static bool read_scheme(struct span name, enum scheme *scheme, struct error *error)
{
    if (scheme_parse(name, scheme))
        return true;
    if (address_scheme_refused(name))
        return refuse(error, name, "a scheme that may never be declared; write https:// or wss://");
    if (span_equal(name, SPAN("*")))
        return refuse(error, name, "a scheme is no place for a wildcard; write https:// or wss://");
    return refuse(
        error, name,
        "not a scheme of the network's egress; write https:// or wss://, or leave it out");
}

/* Digits, or nothing, up to the end or a path: what can stand behind a host's colon. */
static bool is_port_like(struct span text)
{
    struct span port = span_slice(text, 0, authority_length(text));
    for (size_t i = 0; i < port.length; i++) {
        if (port.data[i] < '0' || port.data[i] > '9')
            return false;
    }
    return true;
}

/* A text without "://": "//host", and "scheme:rest", which is never host:port. */
static bool check_bare_address(struct span text, struct error *error)
{
    enum scheme scheme;
    uint8_t unbracketed[16];
    size_t colon = span_find(text, ':');
    struct span name = span_slice(text, 0, colon);
    if (text.data[0] == '/')
        return refuse(error, text, "an address begins with a scheme or a host; write https://host");
    if (colon > authority_length(text) || colon == text.length || text.data[0] == '[' ||
        ipv6_parse(text, unbracketed))
        return true;
    if (scheme_parse(name, &scheme))
        return refuse(error, text, "a scheme is followed by two slashes; write https://host");
    if (address_scheme_refused(name))
        return read_scheme(name, &scheme, error);
    if (span_find(name, '.') < name.length || is_port_like(span_after(text, colon + 1)))
        return true;
    return read_scheme(name, &scheme, error);
}

/* Takes the wildcard off AUTHORITY's front, and allows none anywhere else. */
static bool read_wildcard(struct span *authority, bool *wildcard, struct error *error)
{
    struct span whole = *authority;
    if (span_equal(whole, SPAN("*")) || span_starts_with(whole, SPAN("*:")))
        return refuse(error, whole,
                      "everything is \"*\" alone; otherwise name a host, such as *.example.com");
    *wildcard = span_starts_with(whole, SPAN("*."));
    if (*wildcard)
        *authority = span_after(whole, 2);
    if (span_find(*authority, '*') < authority->length)
        return refuse(error, whole,
                      "a wildcard stands only as the whole first label; write *.example.com");
    return true;
}

static bool check_host(const struct address *address, struct span text, struct error *error)
{
    const struct host *host = &address->host;
    if (address->wildcard && host->kind != HOST_NAME)
        return refuse(error, text, "no names lie below an IP address; leave out \"*.\"");
    if (!address->wildcard && host->kind == HOST_NAME &&
        span_find(host_span(host), '.') == host->length)
        return refuse(error, text, "a host is named with its domain, such as api.example.com");
    return true;
}

bool address_parse(struct span text, struct address *address, struct error *error)
{
    struct span scheme, rest = text;
    memset(address, 0, sizeof(*address));
    if (!check_bytes(text, error))
        return false;
    if (span_equal(text, SPAN("*"))) {
        address->scheme = SCHEME_ANY;
        return true;
    }
    address->scheme = SCHEME_HTTPS;
    bool readable = authority_split_scheme(text, &scheme, &rest)
                        ? read_scheme(scheme, &address->scheme, error)
                        : check_bare_address(text, error);
    if (!readable)
        return false;
    struct span authority = span_slice(rest, 0, authority_length(rest));
    struct span path = span_after(rest, authority.length);
    address->has_path = path.length > 0 && !span_equal(path, SPAN("/"));
    return read_wildcard(&authority, &address->wildcard, error) &&
           authority_parse(authority, scheme_default_port(address->scheme), &address->host,
                           &address->port, error) &&
           check_host(address, text, error);
}
