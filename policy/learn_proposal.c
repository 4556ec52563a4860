/*
 * Targets into addresses, addresses under wildcards. Rests on two sorts: by host
 * and port, so that a tunnel meets the address that opens it anyway; and by
 * scheme, port and parent, so that siblings stand side by side.
 */
#include "policy/learn_proposal.h"

#include <stdlib.h>

#include "policy/lint_rules.h"

/* Where siblings meet: the name they share, under one scheme and port. */
struct family {
    struct proposal wildcard;
    size_t members; /* siblings that stand in it directly */
};

struct families {
    struct family *items; /* in the order of compare_families */
    size_t count;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_proposals(const void *left, const void *right)
{
    const struct proposal *a = left, *b = right;
    int order = span_compare_from_end(a->host, b->host);
    if (order == 0)
        order = compare_numbers(a->port, b->port);
    if (order == 0)
        order = compare_numbers(a->wildcard, b->wildcard);
    return order != 0 ? order : compare_numbers(a->scheme, b->scheme);
}

/* ---- Single addresses ---------------------------------------------------- */

static void absorb(struct proposal *into, const struct proposal *other)
{
    into->count += other->count;
    if (into->first[0] == '\0' ||
        (other->first[0] != '\0' && strcmp(other->first, into->first) < 0))
        into->first = other->first;
    if (strcmp(other->last, into->last) > 0)
        into->last = other->last;
}

/*
 * A tunnel is opened by any scheme that is declared for its host and port, so it
 * needs an address of its own (https) only where there is none. SCHEME_TUNNEL
 * sorts behind the four.
 */
static void settle_tunnels(struct proposals *proposals)
{
    size_t kept = 0;
    for (size_t i = 0; i < proposals->count; i++) {
        struct proposal *next = &proposals->items[i];
        struct proposal *before = kept == 0 ? NULL : &proposals->items[kept - 1];
        if (next->scheme == SCHEME_TUNNEL && before != NULL && before->port == next->port &&
            span_equal(before->host, next->host)) {
            absorb(before, next);
            continue;
        }
        if (next->scheme == SCHEME_TUNNEL)
            next->scheme = SCHEME_HTTPS;
        proposals->items[kept++] = *next;
    }
    proposals->count = kept;
}

static void take_entries(struct tally_entry **entries, struct proposals *proposals)
{
    for (size_t i = 0; i < proposals->count; i++) {
        const struct tally_entry *entry = entries[i];
        proposals->items[i] = (struct proposal){
            .scheme = entry->scheme,
            .host_kind = entry->host_kind,
            .host = entry->host,
            .port = entry->port,
            .count = entry->count,
            .names = 1,
            .first = entry->first,
            .last = entry->last,
        };
    }
    qsort(proposals->items, proposals->count, sizeof(*proposals->items), compare_proposals);
    settle_tunnels(proposals);
}

/* ---- Wildcards ----------------------------------------------------------- */

static int compare_families(const void *left, const void *right)
{
    const struct proposal *a = &((const struct family *)left)->wildcard;
    const struct proposal *b = &((const struct family *)right)->wildcard;
    int order = compare_numbers(a->scheme, b->scheme);
    if (order == 0)
        order = compare_numbers(a->port, b->port);
    return order != 0 ? order : span_compare_from_end(a->host, b->host);
}

/* What is behind the first label; "" where there is no more. */
static struct span parent_of(struct span name)
{
    size_t dot = span_find(name, '.');
    return dot == name.length ? SPAN("") : span_after(name, dot + 1);
}

static struct family family_of(const struct proposal *proposal, struct span parent)
{
    return (struct family){
        .wildcard = {.scheme = proposal->scheme,
                     .host = parent,
                     .port = proposal->port,
                     .wildcard = true,
                     .first = "",
                     .last = ""},
        .members = 1,
    };
}

/* A wildcard is never proposed over a name without a dot: nobody owns all below it. */
static bool can_have_family(const struct proposal *proposal)
{
    struct span parent = parent_of(proposal->host);
    return proposal->host_kind == HOST_NAME && span_find(parent, '.') < parent.length;
}

/* Each proposal's family once, with its members counted. */
static bool find_families(const struct proposals *proposals, struct arena *arena,
                          struct families *families)
{
    size_t kept = 0;
    families->items = arena_allocate_array(arena, proposals->count + 1, sizeof(*families->items));
    families->count = 0;
    if (families->items == NULL)
        return false;
    for (size_t i = 0; i < proposals->count; i++) {
        const struct proposal *proposal = &proposals->items[i];
        if (can_have_family(proposal))
            families->items[families->count++] = family_of(proposal, parent_of(proposal->host));
    }
    qsort(families->items, families->count, sizeof(*families->items), compare_families);
    for (size_t i = 0; i < families->count; i++) {
        if (kept > 0 && compare_families(&families->items[kept - 1], &families->items[i]) == 0)
            families->items[kept - 1].members++;
        else
            families->items[kept++] = families->items[i];
    }
    families->count = kept;
    return true;
}

/* Keeps the families that are large enough; those over a shared name only to say so. */
static void judge_families(struct families *families, size_t wildcards)
{
    size_t kept = 0;
    const char *reason;
    for (size_t i = 0; i < families->count; i++) {
        struct family *family = &families->items[i];
        if (family->members < wildcards)
            continue;
        /* The parent ends where the host ends, and behind that is a NUL. */
        family->wildcard.shared = lint_shared_host(family->wildcard.host.data, &reason);
        families->items[kept++] = *family;
    }
    families->count = kept;
}

static struct family *find_family(const struct families *families, const struct proposal *proposal,
                                  struct span parent)
{
    const struct family wanted = family_of(proposal, parent);
    return bsearch(&wanted, families->items, families->count, sizeof(wanted), compare_families);
}

/*
 * The widest family that holds PROPOSAL and may have a wildcard; NULL: none. A family that
 * may not is told of by the first of its own members.
 */
static struct family *widest_family(const struct families *families, struct proposal *proposal)
{
    struct family *widest = NULL;
    struct span direct = parent_of(proposal->host);
    for (struct span parent = direct; parent.length > 0; parent = parent_of(parent)) {
        struct family *family = find_family(families, proposal, parent);
        if (family == NULL)
            continue;
        if (family->wildcard.shared == NULL) {
            widest = family;
            continue;
        }
        if (parent.length == direct.length && family->members > 0) {
            proposal->shared = family->wildcard.shared;
            proposal->siblings = family->members;
            family->members = 0;
        }
    }
    return widest;
}

/* Puts proposals under their families, and the families that hold any among the proposals. */
static void fold(struct proposals *proposals, struct families *families)
{
    size_t kept = 0;
    for (size_t i = 0; i < proposals->count; i++) {
        struct proposal *proposal = &proposals->items[i];
        struct family *family =
            proposal->host_kind == HOST_NAME ? widest_family(families, proposal) : NULL;
        if (family == NULL) {
            proposals->items[kept++] = *proposal;
            continue;
        }
        absorb(&family->wildcard, proposal);
        family->wildcard.names++;
    }
    for (size_t i = 0; i < families->count; i++) {
        if (families->items[i].wildcard.names > 0)
            proposals->items[kept++] = families->items[i].wildcard;
    }
    proposals->count = kept;
}

bool proposals_make(struct tally_entry **entries, size_t count, size_t wildcards,
                    struct arena *arena, struct proposals *proposals)
{
    struct families families;
    proposals->count = count;
    proposals->items = arena_allocate_array(arena, count + 1, sizeof(*proposals->items));
    if (proposals->items == NULL)
        return false;
    take_entries(entries, proposals);
    if (wildcards == 0)
        return true;
    if (!find_families(proposals, arena, &families))
        return false;
    judge_families(&families, wildcards);
    fold(proposals, &families);
    qsort(proposals->items, proposals->count, sizeof(*proposals->items), compare_proposals);
    return true;
}

/* ---- As an address ------------------------------------------------------- */

void proposal_add_address(const struct proposal *proposal, struct text *text)
{
    bool ipv6 = proposal->host_kind == HOST_IPV6;
    if (proposal->scheme != SCHEME_HTTPS || ipv6) {
        text_add_string(text, scheme_name(proposal->scheme));
        text_add_string(text, "://");
    }
    if (proposal->wildcard)
        text_add_string(text, "*.");
    if (ipv6)
        text_add_char(text, '[');
    text_add(text, proposal->host);
    if (ipv6)
        text_add_char(text, ']');
    if (proposal->port != scheme_default_port(proposal->scheme)) {
        text_add_char(text, ':');
        text_add_decimal(text, proposal->port);
    }
}

bool proposal_can_be_declared(const struct proposal *proposal, bool plain_http, struct error *error)
{
    char storage[300];
    struct text text;
    struct address address;
    if (!plain_http && (proposal->scheme == SCHEME_HTTP || proposal->scheme == SCHEME_WS)) {
        error_set(error,
                  "plain %s may be declared only where policy.plain_http is true; ask "
                  "again with --plain-http",
                  scheme_name(proposal->scheme));
        return false;
    }
    text_init_fixed(&text, storage, sizeof(storage));
    proposal_add_address(proposal, &text);
    return address_parse(text_span(&text), &address, error);
}
