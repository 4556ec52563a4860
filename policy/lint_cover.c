/*
 * Which entries of a list say nothing new. The addresses are sorted by (kind,
 * scheme, port, host); what could cover one is then a few searches, one for
 * each parent of its host, so a list of any length costs n log n.
 */
#include <stdlib.h>

#include "policy/lint_rules.h"

struct cover {
    const struct manifest_entry **sorted; /* those whose address could be read, but "*" */
    size_t count;
    const struct manifest_entry *everything; /* the first "*" */
};

static int compare_numbers(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare_addresses(const struct address *a, const struct address *b)
{
    int order = compare_numbers(a->wildcard, b->wildcard);
    if (order == 0)
        order = compare_numbers(a->scheme, b->scheme);
    if (order == 0)
        order = compare_numbers(a->port, b->port);
    return order != 0 ? order : strcmp(a->host.text, b->host.text);
}

/* Equal addresses in the order of the list. */
static int compare_entries(const void *left, const void *right)
{
    const struct manifest_entry *a = *(const struct manifest_entry *const *)left;
    const struct manifest_entry *b = *(const struct manifest_entry *const *)right;
    int order = compare_addresses(&a->address, &b->address);
    return order != 0 ? order : (a > b) - (a < b);
}

struct cover *cover_build(struct lint *lint, const struct manifest_entries *entries)
{
    struct cover *cover = arena_allocate(lint->arena, sizeof(*cover));
    if (cover != NULL)
        cover->sorted = arena_allocate_array(lint->arena, entries->count + 1,
                                             sizeof(const struct manifest_entry *));
    if (cover == NULL || cover->sorted == NULL) {
        lint->out_of_memory = true;
        return NULL;
    }
    for (size_t i = 0; i < entries->count; i++) {
        const struct manifest_entry *entry = &entries->items[i];
        if (!entry->valid || entry->form == ENTRY_REMOTE)
            continue;
        if (entry->address.scheme != SCHEME_ANY)
            cover->sorted[cover->count++] = entry;
        else if (cover->everything == NULL)
            cover->everything = entry;
    }
    qsort(cover->sorted, cover->count, sizeof(const struct manifest_entry *), compare_entries);
    return cover;
}

/* The first entry of exactly this address. */
static const struct manifest_entry *find_exact(const struct cover *cover,
                                               const struct address *address)
{
    size_t low = 0, high = cover->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_addresses(&cover->sorted[middle]->address, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == cover->count || compare_addresses(&cover->sorted[low]->address, address) != 0)
        return NULL;
    return cover->sorted[low];
}

/* Makes ADDRESS the wildcard over its host's parent; false: the host has none. */
static bool widen(struct address *address)
{
    struct host *host = &address->host;
    const char *dot = host->kind == HOST_NAME ? strchr(host->text, '.') : NULL;
    if (dot == NULL)
        return false;
    size_t dropped = (size_t)(dot + 1 - host->text);
    memmove(host->text, dot + 1, host->length - dropped + 1);
    host->length = (uint8_t)(host->length - dropped);
    address->wildcard = true;
    return true;
}

/* The narrowest wildcard over one of ADDRESS's parents, or else "*". */
static const struct manifest_entry *find_wider(const struct cover *cover,
                                               const struct address *address)
{
    struct address wider = *address;
    while (widen(&wider)) {
        const struct manifest_entry *found = find_exact(cover, &wider);
        if (found != NULL)
            return found;
    }
    return cover->everything;
}

const struct manifest_entry *cover_find(const struct cover *cover, const struct address *address)
{
    const struct manifest_entry *found = find_exact(cover, address);
    return found != NULL ? found : find_wider(cover, address);
}

/* An analytics entry can be switched off: then it covers nothing of what must stay. */
static bool covers(const struct manifest_entry *wider, const struct manifest_entry *entry)
{
    return wider != NULL && wider != entry && (!wider->analytics || entry->analytics);
}

static void check_entry(const struct lint *lint, const struct cover *cover,
                        const struct manifest_entry *entry)
{
    bool everything = entry->address.scheme == SCHEME_ANY;
    const struct manifest_entry *same =
        everything ? cover->everything : find_exact(cover, &entry->address);
    const struct manifest_entry *wider = everything ? NULL : find_wider(cover, &entry->address);
    if (covers(same, entry) && same < entry) {
        finding_add(lint->findings, FINDING_NOTE, "duplicate", entry->at, entry->end,
                    "%s on line %u is declared on line %u already; take one of them out",
                    FINDING_QUOTE(entry->text), entry->at.line, same->at.line);
        return;
    }
    if (covers(wider, entry))
        finding_add(lint->findings, FINDING_NOTE, "already-covered", entry->at, entry->end,
                    "%s on line %u is covered by %s on line %u; take one of them out",
                    FINDING_QUOTE(entry->text), entry->at.line, FINDING_QUOTE(wider->text),
                    wider->at.line);
}

static int compare_remote_entries(const void *left, const void *right)
{
    const struct manifest_entry *a = *(const struct manifest_entry *const *)left;
    const struct manifest_entry *b = *(const struct manifest_entry *const *)right;
    size_t shorter = a->text.length < b->text.length ? a->text.length : b->text.length;
    int order = shorter == 0 ? 0 : memcmp(a->text.data, b->text.data, shorter);
    if (order == 0)
        order = (a->text.length > b->text.length) - (a->text.length < b->text.length);
    return order != 0 ? order : (a > b) - (a < b);
}

/* Remotes that a list names more than once. */
static void check_remotes(struct lint *lint, const struct manifest_entries *entries)
{
    size_t count = 0, first = 0;
    const struct manifest_entry **named = arena_allocate_array(
        lint->arena, entries->count + 1, sizeof(const struct manifest_entry *));
    if (named == NULL) {
        lint->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->items[i].form == ENTRY_REMOTE && entries->items[i].valid)
            named[count++] = &entries->items[i];
    }
    qsort(named, count, sizeof(const struct manifest_entry *), compare_remote_entries);
    for (size_t i = 1; i < count; i++) {
        if (!span_equal(named[first]->text, named[i]->text)) {
            first = i;
            continue;
        }
        finding_add(lint->findings, FINDING_NOTE, "duplicate", named[i]->at, named[i]->end,
                    "the remote %s on line %u is named on line %u already; take one of them out",
                    FINDING_QUOTE(named[i]->text), named[i]->at.line, named[first]->at.line);
    }
}

void lint_covered(struct lint *lint)
{
    for (enum manifest_list list = 0; list < LIST_COUNT; list++) {
        const struct manifest_entries *entries = &lint->manifest->lists[list];
        const struct cover *cover = entries->count == 0 ? NULL : cover_build(lint, entries);
        if (cover == NULL)
            continue;
        for (size_t i = 0; i < entries->count; i++) {
            if (entries->items[i].valid && entries->items[i].form != ENTRY_REMOTE)
                check_entry(lint, cover, &entries->items[i]);
        }
        check_remotes(lint, entries);
    }
}
