/* Sources, byte by byte; see the header. */
#include "policy/csp_source.h"

#include "policy/authority.h"

static const char *const keywords[] = {"unsafe-inline",    "unsafe-eval",    "unsafe-hashes",
                                       "wasm-unsafe-eval", "strict-dynamic", NULL};

/* How many characters of base64 a digest has (RFC 4648, section 4), padding counted. */
static const struct hash_form {
    struct span prefix;
    size_t length;
} hashes[] = {{{"sha256-", 7}, 44}, {{"sha384-", 7}, 64}, {{"sha512-", 7}, 88}};

static bool refuse(struct span text, const char *why, struct error *error)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error, "%s cannot stand in a Content-Security-Policy: %s", text_quote(text, quoted),
              why);
    return false;
}

static bool is_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

/* TEXT is alphanumeric but for the bytes in OTHERS. */
static bool consists_of(struct span text, const char *others)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\0' ||
            (!is_alphanumeric(text.data[i]) && strchr(others, text.data[i]) == NULL))
            return false;
    }
    return true;
}

/* Each "%" begins an escape (RFC 3986, section 2.1). */
static bool escapes_are_whole(struct span path)
{
    for (size_t i = 0; i < path.length; i++) {
        if (path.data[i] != '%')
            continue;
        if (i + 2 >= path.length || !is_hex(path.data[i + 1]) || !is_hex(path.data[i + 2]))
            return false;
    }
    return true;
}

static bool write_path(struct span path, struct text *source, struct error *error)
{
    path = span_slice(path, 0, span_find(path, '?'));
    path = span_slice(path, 0, span_find(path, '#'));
    if (span_equal(path, SPAN("/")))
        return true;
    if (!consists_of(path, "/-._~%!$&()*+=:@") || !escapes_are_whole(path))
        return refuse(path, "write other characters of a path as %XX", error);
    text_add(source, path);
    return true;
}

bool csp_source_write_origin(const struct address *address, struct text *source,
                             struct error *error)
{
    struct span host = host_span(&address->host);
    if (address->scheme == SCHEME_ANY) {
        text_add_char(source, '*');
        return true;
    }
    if (address->host.kind == HOST_IPV6)
        return refuse(host, "its grammar has no IPv6 addresses; name a host", error);
    text_add_format(source, "%s://%s", scheme_name(address->scheme), address->wildcard ? "*." : "");
    text_add(source, host);
    if (address->port != scheme_default_port(address->scheme))
        text_add_format(source, ":%u", address->port);
    return true;
}

bool csp_source_write_address(const struct address *address, struct span text, struct text *source,
                              struct error *error)
{
    struct span scheme, rest = text;
    if (!csp_source_write_origin(address, source, error))
        return false;
    (void)authority_split_scheme(text, &scheme, &rest);
    return write_path(span_after(rest, authority_length(rest)), source, error);
}

bool csp_source_write_custom(struct span text, struct text *source, struct error *error)
{
    size_t colon = span_find(text, ':');
    struct span name = span_slice(text, 0, colon);
    if (colon == text.length || colon == 0 || !consists_of(name, "+-."))
        return refuse(text, "write a scheme, such as slack:", error);
    struct span rest = span_after(text, colon + 1);
    if (rest.length > 0 && !span_starts_with(rest, SPAN("//")))
        return refuse(text, "write scheme: or scheme://host", error);
    struct span authority = rest.length == 0 ? rest : span_after(rest, 2);
    struct span host = span_slice(authority, 0, authority_length(authority));
    if (!consists_of(host, "-._:") || (rest.length > 0 && host.length == 0))
        return refuse(text, "write scheme: or scheme://host", error);
    text_add(source, span_slice(text, 0, text.length - authority.length + host.length));
    return write_path(span_after(authority, host.length), source, error);
}

static bool is_keyword(struct span option)
{
    for (size_t i = 0; keywords[i] != NULL; i++) {
        if (span_equal(option, span_of(keywords[i])))
            return true;
    }
    return false;
}

/* Base64 or its URL-safe form, padded to the digest's length. */
static bool is_hash(struct span option)
{
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        if (!span_starts_with(option, hashes[i].prefix))
            continue;
        struct span digest = span_after(option, hashes[i].prefix.length);
        size_t padding = 0;
        while (padding < 2 && padding < digest.length &&
               digest.data[digest.length - padding - 1] == '=')
            padding++;
        return digest.length == hashes[i].length &&
               consists_of(span_slice(digest, 0, digest.length - padding), "+/-_");
    }
    return false;
}

bool csp_source_write_option(struct span option, struct text *source, struct error *error)
{
    struct span bare = option;
    if (bare.length >= 2 && bare.data[0] == '\'' && bare.data[bare.length - 1] == '\'')
        bare = span_slice(bare, 1, bare.length - 2);
    if (span_equal(bare, SPAN("blob:"))) {
        text_add(source, bare);
        return true;
    }
    if (!is_keyword(bare) && !is_hash(bare))
        return refuse(option, "write unsafe-inline, unsafe-eval, unsafe-hashes, blob: or a hash",
                      error);
    text_add_char(source, '\'');
    text_add(source, bare);
    text_add_char(source, '\'');
    return true;
}
