/*
 * Searches in a reach: what covers an item is its own host or a wildcard over one
 * of its parents, each with its path or a folder above it, or "*".
 *
 * Folders cost one search a host: whatever stands in the order between a folder
 * and a path below it lies in that folder too, so all folders of a path are on
 * the chain that begins at the item next before it.
 */
#include "policy/reach_search.h"

/* What an item is sorted by; a host of ".example.com" stands before all below example.com. */
struct reach_key {
    bool opaque; /* then `path` is its text and the rest is zero */
    enum scheme scheme;
    uint16_t port;
    struct span host;
    bool wildcard;
    struct span path;
};

/* What a search for covers has found so far. */
struct covering {
    const struct reach *reach;
    uint32_t situations;
    const struct reach_item *first;
};

static int compare_numbers(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare_texts(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static struct reach_key key_of(const struct reach_item *item)
{
    const struct address *address = item->address;
    if (address == NULL)
        return (struct reach_key){.opaque = true, .host = SPAN(""), .path = item->text};
    return (struct reach_key){
        .scheme = address->scheme,
        .port = address->port,
        .host = host_span(&address->host),
        .wildcard = address->wildcard,
        .path = item->path,
    };
}

/* Without the path. */
static int compare_places(const struct reach_key *a, const struct reach_key *b)
{
    int order = compare_numbers(a->opaque, b->opaque);
    if (order == 0)
        order = compare_numbers(a->scheme, b->scheme);
    if (order == 0)
        order = compare_numbers(a->port, b->port);
    if (order == 0)
        order = span_compare_from_end(a->host, b->host);
    return order != 0 ? order : compare_numbers(a->wildcard, b->wildcard);
}

static int compare_keys(const struct reach_key *a, const struct reach_key *b)
{
    int order = compare_places(a, b);
    return order != 0 ? order : compare_texts(a->path, b->path);
}

int reach_compare(const struct reach_item *a, const struct reach_item *b)
{
    struct reach_key left = key_of(a), right = key_of(b);
    return compare_keys(&left, &right);
}

/* The index of the first item that does not stand before KEY. */
static size_t find_first(const struct reach *reach, const struct reach_key *key)
{
    size_t low = 0, high = reach->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct reach_key found = key_of(&reach->items[middle]);
        if (compare_keys(&found, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What is let out under WIDER's path: itself, all of it where it is a folder or empty. */
static bool path_is_below(struct span path, struct span wider)
{
    if (wider.length == 0 || span_equal(path, wider))
        return true;
    return wider.data[wider.length - 1] == '/' && span_starts_with(path, wider);
}

void reach_link_folders(struct reach *reach)
{
    for (size_t i = 0; i < reach->count; i++) {
        struct reach_key key = key_of(&reach->items[i]);
        size_t above = i == 0 ? 0 : i - 1;
        struct reach_key other = key_of(&reach->items[above]);
        reach->items[i].folder = i;
        if (above == i || key.opaque || compare_places(&other, &key) != 0)
            continue;
        while (!path_is_below(key.path, reach->items[above].path) &&
               reach->items[above].folder != above)
            above = reach->items[above].folder;
        if (path_is_below(key.path, reach->items[above].path))
            reach->items[i].folder = above;
    }
}

/* The last item of KEY's scheme, port, host and wildcard that does not stand behind KEY, or NULL.
 */
static const struct reach_item *find_last(const struct reach *reach, const struct reach_key *key)
{
    size_t at = find_first(reach, key);
    struct reach_key found;
    if (at < reach->count) {
        found = key_of(&reach->items[at]);
        if (compare_keys(&found, key) == 0)
            return &reach->items[at];
    }
    if (at == 0)
        return NULL;
    found = key_of(&reach->items[at - 1]);
    return compare_places(&found, key) == 0 ? &reach->items[at - 1] : NULL;
}

/* The items of KEY's host that cover its path, the nearest first; of an opaque key, itself. */
static void take_paths(struct covering *covering, const struct reach_key *key)
{
    const struct reach_item *items = covering->reach->items;
    const struct reach_item *item = find_last(covering->reach, key);
    while (item != NULL) {
        struct span path = key->opaque ? item->text : item->path;
        if (key->opaque ? span_equal(path, key->path) : path_is_below(key->path, path)) {
            covering->situations |= item->situations;
            covering->first = covering->first == NULL ? item : covering->first;
        }
        item = &items[item->folder] == item ? NULL : &items[item->folder];
    }
}

/* The wildcards over each parent of the host, the nearest first. */
static void take_wildcards(struct covering *covering, struct reach_key key)
{
    key.wildcard = true;
    for (;;) {
        size_t dot = span_find(key.host, '.');
        if (dot == key.host.length)
            return;
        key.host = span_after(key.host, dot + 1);
        take_paths(covering, &key);
    }
}

uint32_t reach_missing(const struct reach *reach, const struct reach_item *item,
                       const struct reach_item **cover)
{
    struct covering covering = {.reach = reach};
    struct reach_key key = key_of(item);
    take_paths(&covering, &key);
    if (!key.opaque && key.scheme != SCHEME_ANY && item->address->host.kind == HOST_NAME)
        take_wildcards(&covering, key);
    struct reach_key everything = {.scheme = SCHEME_ANY, .host = SPAN(""), .path = SPAN("")};
    if (!key.opaque && key.scheme != SCHEME_HTTP && key.scheme != SCHEME_WS)
        take_paths(&covering, &everything);
    if (cover != NULL)
        *cover = covering.first;
    return item->situations & ~covering.situations;
}

size_t reach_below(const struct reach *reach, const struct reach_item *item, uint32_t situations,
                   const struct reach_item **found, size_t maximum)
{
    char suffix[sizeof(item->address->host.text) + 1];
    struct reach_key key = key_of(item);
    size_t count = 0;
    if (!key.wildcard)
        return 0;
    suffix[0] = '.';
    memcpy(suffix + 1, key.host.data, key.host.length);
    struct reach_key start = {.scheme = key.scheme,
                              .port = key.port,
                              .host = {suffix, key.host.length + 1},
                              .path = SPAN("")};
    for (size_t at = find_first(reach, &start); at < reach->count && count < maximum; at++) {
        const struct reach_item *below = &reach->items[at];
        struct reach_key other = key_of(below);
        if (other.opaque || other.scheme != key.scheme || other.port != key.port ||
            !span_ends_with(other.host, start.host))
            break;
        if ((situations & ~below->situations) == 0 && path_is_below(other.path, key.path))
            found[count++] = below;
    }
    return count;
}
