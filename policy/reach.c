/*
 * From manifests to sets: an item for each address or base URL, sorted. Hosts
 * compare from the right, so that a domain and all below it stand together.
 */
#include "policy/reach.h"

#include <stdlib.h>

#include "policy/authority.h"
#include "policy/reach_search.h"

/* The path a browser would compare (CSP Level 3, section 6.7.2.12): no query; "/" is any path. */
static struct span path_of(struct span text)
{
    struct span scheme, rest = text;
    (void)authority_split_scheme(text, &scheme, &rest);
    struct span path = span_after(rest, authority_length(rest));
    path = span_slice(path, 0, span_find(path, '?'));
    path = span_slice(path, 0, span_find(path, '#'));
    return span_equal(path, SPAN("/")) ? SPAN("") : path;
}

static bool has_region(const struct manifest_remote *remote, const char *region)
{
    for (size_t i = 0; i < remote->url_count; i++) {
        if (span_equal(remote->urls[i].region, span_of(region)))
            return true;
    }
    return false;
}

/* The regions that pick URL; the default is picked by all that have none of their own. */
static uint32_t situations_of_url(const struct manifest_remote *remote,
                                  const struct manifest_base_url *url)
{
    bool is_default = span_equal(url->region, SPAN("default"));
    uint32_t regions = 0;
    for (unsigned i = 0; i < MANIFEST_REGION_COUNT; i++) {
        const char *name = manifest_regions[i];
        if (span_equal(url->region, span_of(name)) || (is_default && !has_region(remote, name)))
            regions |= (uint32_t)1 << i;
    }
    return regions | regions << MANIFEST_REGION_COUNT;
}

static size_t items_of_remote(const struct manifest_remote *remote,
                              const struct manifest_entry *entry, struct reach_item *items)
{
    size_t count = 0;
    for (size_t i = 0; remote != NULL && i < remote->url_count; i++) {
        const struct manifest_base_url *url = &remote->urls[i];
        if (!url->valid)
            continue;
        items[count++] = (struct reach_item){.entry = entry,
                                             .address = &url->address,
                                             .text = url->text,
                                             .situations = situations_of_url(remote, url),
                                             .at = url->at};
    }
    return count;
}

size_t reach_of_entry(const struct manifest *manifest, enum manifest_list list,
                      const struct manifest_entry *entry,
                      struct reach_item items[MANIFEST_REGION_COUNT])
{
    if (entry->form == ENTRY_REMOTE)
        return items_of_remote(manifest_find_remote(manifest, entry->text), entry, items);
    bool browser = list != LIST_FETCH_BACKEND;
    if (!entry->valid && !browser)
        return 0;
    items[0] = (struct reach_item){
        .entry = entry,
        .address = entry->valid ? &entry->address : NULL,
        .path = browser && entry->valid ? path_of(entry->text) : SPAN(""),
        .text = entry->text,
        .situations = entry->analytics ? REACH_ANALYTICS_ON : REACH_ALWAYS,
        .at = entry->at,
    };
    return 1;
}

static int compare_items(const void *left, const void *right)
{
    const struct reach_item *a = left, *b = right;
    int order = reach_compare(a, b);
    return order != 0 ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

/* Equal addresses become the first of them, let out wherever one of them is. */
static void merge_equals(struct reach *reach)
{
    size_t kept = 0;
    for (size_t i = 0; i < reach->count; i++) {
        if (kept > 0 && reach_compare(&reach->items[kept - 1], &reach->items[i]) == 0)
            reach->items[kept - 1].situations |= reach->items[i].situations;
        else
            reach->items[kept++] = reach->items[i];
    }
    reach->count = kept;
}

struct reach *reach_of_list(const struct manifest *manifest, enum manifest_list list,
                            struct arena *arena)
{
    const struct manifest_entries *entries = &manifest->lists[list];
    struct reach *reach = arena_allocate(arena, sizeof(*reach));
    struct reach_item items[MANIFEST_REGION_COUNT];
    if (reach == NULL)
        return NULL;
    reach->items = arena_allocate_array(arena, manifest_count_addresses(manifest, entries) + 1,
                                        sizeof(*reach->items));
    if (reach->items == NULL)
        return NULL;
    for (size_t i = 0; i < entries->count; i++) {
        size_t count = reach_of_entry(manifest, list, &entries->items[i], items);
        memcpy(&reach->items[reach->count], items, count * sizeof(*items));
        reach->count += count;
    }
    qsort(reach->items, reach->count, sizeof(*reach->items), compare_items);
    merge_equals(reach);
    reach_link_folders(reach);
    return reach;
}

void reach_add_to_text(const struct reach_item *item, struct text *text)
{
    const struct address *address = item->address;
    if (address == NULL || address->scheme == SCHEME_ANY) {
        text_add(text, item->text);
        return;
    }
    text_add_format(text, "%s://%s", scheme_name(address->scheme), address->wildcard ? "*." : "");
    host_add_to_text(&address->host, text);
    if (address->port != scheme_default_port(address->scheme))
        text_add_format(text, ":%u", address->port);
    text_add(text, item->path);
}
