/*
 * Why: where the host ends and the port begins is the classic place for two
 * parsers to disagree; so there is one. It never looks for a "best" reading: one
 * "@", one colon too many, an empty port, and the whole text is refused.
 */
#include "policy/authority.h"

static bool refuse(struct error *error, struct span text, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error, "%s: %s", text_quote(text, quoted), why);
    return false;
}

/* Where the host ends: behind the bracket of an IPv6 literal, or at the first colon. */
static size_t host_length(struct span text)
{
    size_t bracket = span_find(text, ']');
    if (text.length > 0 && text.data[0] == '[' && bracket < text.length)
        return bracket + 1;
    return span_find(text, ':');
}

bool authority_split(struct span text, struct authority *authority, struct error *error)
{
    if (span_find(text, '@') < text.length) {
        /* without the text: it holds a secret, and these words are logged */
        error_set(error, "user names and passwords are not taken; write the host alone");
        return false;
    }
    size_t host = host_length(text);
    struct span rest = span_after(text, host);
    authority->host = span_slice(text, 0, host);
    authority->has_port = rest.length > 0;
    authority->port = authority->has_port ? span_after(rest, 1) : rest;
    if (!authority->has_port)
        return true;
    if (rest.data[0] != ':')
        return refuse(error, text, "only \":\" and a port can stand behind the bracket");
    if (span_find(authority->port, ':') < authority->port.length)
        return refuse(error, text,
                      "more than one colon; an IPv6 address is written in brackets, [2001:db8::1]");
    return true;
}

bool authority_parse_port(struct span digits, uint16_t *port, struct error *error)
{
    uint64_t value;
    if (digits.length == 0) {
        error_set(error, "no port stands behind the colon; write one or leave the colon out");
        return false;
    }
    if (digits.length > 1 && digits.data[0] == '0')
        return refuse(error, digits, "a port is written in decimal, without leading zeros");
    if (!span_parse_decimal(digits, UINT16_MAX, &value) || value == 0)
        return refuse(error, digits, "not a port; a port is a number from 1 to 65535");
    *port = (uint16_t)value;
    return true;
}

bool authority_parse(struct span text, uint16_t default_port, struct host *host, uint16_t *port,
                     struct error *error)
{
    struct authority authority;
    if (!authority_split(text, &authority, error) || !host_parse(authority.host, host, error))
        return false;
    *port = default_port;
    return !authority.has_port || authority_parse_port(authority.port, port, error);
}

size_t authority_length(struct span text)
{
    size_t at = 0;
    while (at < text.length && text.data[at] != '/' && text.data[at] != '?' && text.data[at] != '#')
        at++;
    return at;
}

bool authority_split_scheme(struct span text, struct span *scheme, struct span *rest)
{
    size_t colon = span_find(text, ':');
    if (colon > authority_length(text) || !span_starts_with(span_after(text, colon), SPAN("://")))
        return false;
    *scheme = span_slice(text, 0, colon);
    *rest = span_after(text, colon + 3);
    return true;
}
