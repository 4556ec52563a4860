/*
 * Whether what a site's admin configured is what the approved manifest lets an
 * admin configure. The manifest's author says where (supportedPatterns), so a
 * pattern is read the narrow way wherever text could mean two hosts.
 */
#include "policy/installations.h"

#define AUTHORITY_SIZE 320 /* a host, brackets, a colon and a port */

/* PATTERN, which has one "*" at most: as one or more characters, none of STOP among them. */
static bool match(struct span pattern, struct span text, const char *stop)
{
    size_t star = span_find(pattern, '*');
    if (star == pattern.length)
        return span_equal_nocase(pattern, text);
    struct span before = span_slice(pattern, 0, star), behind = span_after(pattern, star + 1);
    if (text.length <= before.length + behind.length || !span_starts_with_nocase(text, before) ||
        !span_equal_nocase(span_after(text, text.length - behind.length), behind))
        return false;
    for (size_t i = before.length; i < text.length - behind.length; i++) {
        if (strchr(stop, text.data[i]) != NULL)
            return false;
    }
    return true;
}

static bool has_two_stars(struct span pattern)
{
    size_t first = span_find(pattern, '*');
    if (first == pattern.length)
        return false;
    struct span behind = span_after(pattern, first + 1);
    return span_find(behind, '*') < behind.length;
}

/* The authority that ADDRESS dials; a default port is left out. */
static void add_authority(const struct address *address, struct text *text)
{
    host_add_to_text(&address->host, text);
    if (address->port != scheme_default_port(address->scheme))
        text_add_format(text, ":%u", (unsigned)address->port);
}

/* Takes "SCHEME://" off PATTERN's front. False: it is not ADDRESS's scheme. */
static bool match_scheme(struct span *pattern, const struct address *address)
{
    for (size_t i = 0; i + 2 < pattern->length; i++) {
        if (memcmp(pattern->data + i, "://", 3) != 0)
            continue;
        struct span scheme = span_slice(*pattern, 0, i);
        *pattern = span_after(*pattern, i + 3);
        return span_equal_nocase(scheme, span_of(scheme_name(address->scheme)));
    }
    return true;
}

/* What stands behind the authority: "" or from the first slash, question mark or hash on. */
static struct span path_of(struct span endpoint)
{
    for (size_t i = 0; i + 2 < endpoint.length; i++) {
        if (memcmp(endpoint.data + i, "://", 3) == 0) {
            endpoint = span_after(endpoint, i + 3);
            break;
        }
    }
    size_t end = 0;
    while (end < endpoint.length && strchr("/?#", endpoint.data[end]) == NULL)
        end++;
    return span_after(endpoint, end);
}

bool installation_pattern_matches(struct span pattern, struct span endpoint,
                                  const struct address *address)
{
    char storage[AUTHORITY_SIZE];
    struct text authority;
    if (has_two_stars(pattern) || !match_scheme(&pattern, address))
        return false;
    text_init_fixed(&authority, storage, sizeof(storage));
    add_authority(address, &authority);
    size_t slash = span_find(pattern, '/');
    struct span path = span_after(pattern, slash);
    if (!match(span_slice(pattern, 0, slash), text_span(&authority), "/?#"))
        return false;
    return path.length == 0 || span_equal(path, SPAN("/")) || match(path, path_of(endpoint), "");
}

static void check_plain(const struct address *address, bool plain_http, struct position at,
                        struct span text, struct findings *findings)
{
    bool plain = address->scheme == SCHEME_HTTP || address->scheme == SCHEME_WS;
    if (plain && !plain_http)
        finding_add(findings, FINDING_ERROR, "plain-http", at, (struct position){0, 0},
                    "%s is not encrypted; write https:// or wss://, or allow it by "
                    "policy.plain_http",
                    FINDING_QUOTE(text));
}

static void check_groups(const struct installation *installation, const struct manifest *manifest,
                         bool plain_http, struct findings *findings)
{
    for (size_t i = 0; i < installation->group_count; i++) {
        const struct installation_group *group = &installation->groups[i];
        if (!manifest->configurable)
            finding_add(findings, FINDING_ERROR, "not-configurable", group->at,
                        (struct position){0, 0},
                        "version %u of the app takes no egress from an admin; take the group %s "
                        "out, or have the manifest say permissions.external.configurable.enabled",
                        installation->approved, FINDING_QUOTE(group->key));
        for (size_t k = 0; k < group->domain_count; k++)
            check_plain(&group->domains[k].address, plain_http, group->domains[k].at,
                        group->domains[k].text, findings);
    }
}

static bool is_supported(const struct manifest_remote *remote,
                         const struct installation_remote *configured)
{
    for (size_t i = 0; i < remote->supported_pattern_count; i++) {
        if (installation_pattern_matches(remote->supported_patterns[i], configured->endpoint,
                                         &configured->address))
            return true;
    }
    return false;
}

static void check_remote(const struct installation *installation,
                         const struct installation_remote *configured,
                         const struct manifest *manifest, struct findings *findings)
{
    const struct manifest_remote *remote = manifest_find_remote(manifest, configured->key);
    const char *key = FINDING_QUOTE(configured->key);
    if (remote == NULL)
        finding_add(findings, FINDING_ERROR, "unknown-remote", configured->at,
                    (struct position){0, 0},
                    "version %u of the app has no remote %s; name one of its manifest, or take it "
                    "out",
                    installation->approved, key);
    else if (!remote->configurable)
        finding_add(findings, FINDING_ERROR, "not-configurable", configured->at,
                    (struct position){0, 0},
                    "version %u of the app lets no admin configure the remote %s; take it out",
                    installation->approved, key);
    else if (!is_supported(remote, configured))
        finding_add(
            findings, FINDING_ERROR, "endpoint", configured->endpoint_at, (struct position){0, 0},
            "%s fits none of the %zu supportedPatterns of the remote %s%s%s; use an "
            "endpoint that does",
            FINDING_QUOTE(configured->endpoint), remote->supported_pattern_count, key,
            remote->supported_pattern_count == 0 ? "" : ", the first is ",
            remote->supported_pattern_count == 0 ? ""
                                                 : FINDING_QUOTE(remote->supported_patterns[0]));
}

void installation_check(const struct installation *installation, const struct manifest *manifest,
                        bool plain_http, struct findings *findings)
{
    check_groups(installation, manifest, plain_http, findings);
    for (size_t i = 0; i < installation->remote_count; i++) {
        const struct installation_remote *configured = &installation->remotes[i];
        check_remote(installation, configured, manifest, findings);
        check_plain(&configured->address, plain_http, configured->endpoint_at, configured->endpoint,
                    findings);
    }
}
