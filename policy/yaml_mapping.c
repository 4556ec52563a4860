/*
 * A mapping's last touch: a key that stands twice is refused (two readers could
 * keep different ones), then merge keys are resolved: the mapping's own keys
 * win, and of several merged mappings the first (YAML's merge key type). Both
 * work on sorted pointers, so that a mapping of many keys costs n log n.
 */
#include "policy/text.h"
#include "policy/yaml_build.h"

#include <stdlib.h>

/* An entry to be sorted: by key, then by place, so that the first of equal keys comes first. */
struct keyed {
    const struct yaml_entry *entry;
    size_t rank;
};

static int compare_text(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 || a.data == b.data ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

static int compare_keyed(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    int order = compare_text(a->entry->key->text, b->entry->key->text);
    return order != 0 ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static bool same_key(const struct keyed *a, const struct keyed *b)
{
    return span_equal(a->entry->key->text, b->entry->key->text);
}

/* Puts the entries whose keys are scalars into KEYED, sorted; how many. */
static size_t sort_entries(const struct yaml_entry *entries, size_t count, struct keyed *keyed)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].key->kind == YAML_SCALAR)
            keyed[used++] = (struct keyed){&entries[i], i};
    }
    qsort(keyed, used, sizeof(*keyed), compare_keyed);
    return used;
}

static bool refuse_key(const struct keyed *first, const struct keyed *again, const char *file,
                       struct error *error)
{
    const struct yaml_node *key = again->entry->key;
    struct position before = first->entry->key->at;
    char quoted[TEXT_QUOTE_SIZE];
    error_set_at(error, file, key->at,
                 "the key %s stands twice, first on line %u, column %u; keep one of them",
                 text_quote(key->text, quoted), before.line, before.column);
    return false;
}

/* Refuses the earliest key that repeats one before it. */
static bool check_unique(const struct keyed *keyed, size_t count, const char *file,
                         struct error *error)
{
    size_t first = 0, again = 0;
    for (size_t i = 1, run = 0; i < count; i++) {
        if (!same_key(&keyed[i], &keyed[run])) {
            run = i;
            continue;
        }
        if (again == 0 || keyed[i].rank < keyed[again].rank) {
            first = run;
            again = i;
        }
    }
    return again == 0 || refuse_key(&keyed[first], &keyed[again], file, error);
}

static bool is_merge_key(const struct yaml_node *key)
{
    return key->kind == YAML_SCALAR && !key->quoted && span_equal(key->text, SPAN("<<"));
}

static const struct yaml_entry *find_merge(const struct yaml_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_merge_key(entries[i].key))
            return &entries[i];
    }
    return NULL;
}

static bool set_entries(struct yaml_node *mapping, const struct yaml_entry *entries, size_t count,
                        struct arena *arena, struct error *error)
{
    mapping->count = count;
    if (count == 0)
        return true;
    mapping->entries = arena_allocate_array(arena, count, sizeof(*entries));
    if (mapping->entries == NULL) {
        error_set(error, "out of memory");
        return false;
    }
    memcpy(mapping->entries, entries, count * sizeof(*entries));
    return true;
}

static size_t add_all(struct yaml_entry *into, size_t used, const struct yaml_node *from)
{
    if (from->count > 0)
        memcpy(&into[used], from->entries, from->count * sizeof(*into));
    return used + from->count;
}

/* The mappings that VALUE (of a merge key) names: itself or its items. */
static const struct yaml_node *merged_mapping(const struct yaml_node *value, size_t index)
{
    if (value->kind == YAML_MAPPING)
        return index == 0 ? value : NULL;
    return index < value->count ? value->items[index] : NULL;
}

static bool check_merge(const struct yaml_node *value, const char *file, struct error *error)
{
    bool fits = value->kind == YAML_MAPPING || value->kind == YAML_SEQUENCE;
    for (size_t i = 0; fits && value->kind == YAML_SEQUENCE && i < value->count; i++)
        fits = value->items[i]->kind == YAML_MAPPING;
    if (!fits)
        error_set_at(error, file, value->at,
                     "\"<<\" with something other than mappings; it takes a mapping or a list of "
                     "mappings, or write \"<<\" in quotes if it is a key of yours");
    return fits;
}

static int compare_rank(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

/* Keeps the first of equal keys, in their old order. Entries with other than scalar keys go. */
static size_t keep_first(struct yaml_entry *all, size_t count, struct keyed *keyed)
{
    size_t sorted = sort_entries(all, count, keyed);
    size_t kept = 0;
    for (size_t i = 0; i < sorted; i++) {
        if (kept == 0 || !same_key(&keyed[kept - 1], &keyed[i]))
            keyed[kept++] = keyed[i];
    }
    qsort(keyed, kept, sizeof(*keyed), compare_rank);
    for (size_t i = 0; i < kept; i++)
        all[i] = *keyed[i].entry; /* ranks rise, so nothing is overwritten before it is moved */
    return kept;
}

static size_t merged_count(const struct yaml_node *value)
{
    const struct yaml_node *mapping;
    size_t count = 0;
    for (size_t i = 0; (mapping = merged_mapping(value, i)) != NULL; i++)
        count += mapping->count;
    return count;
}

static bool merge(struct yaml_node *mapping, const struct yaml_entry *entries, size_t count,
                  const struct yaml_entry *merge_entry, struct arena *arena, struct error *error)
{
    const struct yaml_node *value = merge_entry->value;
    const struct yaml_node *from;
    size_t total = count + merged_count(value), used = 0;
    struct yaml_entry *all = calloc(total, sizeof(*all));
    struct keyed *keyed = calloc(total, sizeof(*keyed));
    bool done = false;
    if (all == NULL || keyed == NULL) {
        error_set(error, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        if (&entries[i] != merge_entry)
            all[used++] = entries[i];
    }
    for (size_t i = 0; (from = merged_mapping(value, i)) != NULL; i++)
        used = add_all(all, used, from);
    done = set_entries(mapping, all, keep_first(all, used, keyed), arena, error);
out:
    free(all);
    free(keyed);
    return done;
}

static bool check_keys(const struct yaml_entry *entries, size_t count, const char *file,
                       struct error *error)
{
    bool unique = false;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].key->text.length > YAML_KEY_MAXIMUM) {
            error_set_at(error, file, entries[i].key->at,
                         "a key of more than %d bytes; keys are short", YAML_KEY_MAXIMUM);
            return false;
        }
    }
    struct keyed *keyed = calloc(count == 0 ? 1 : count, sizeof(*keyed));
    if (keyed == NULL) {
        error_set(error, "out of memory");
        return false;
    }
    unique = check_unique(keyed, sort_entries(entries, count, keyed), file, error);
    free(keyed);
    return unique;
}

bool yaml_mapping_finish(struct yaml_node *mapping, struct yaml_entry *entries, size_t count,
                         struct arena *arena, const char *file, struct error *error)
{
    if (!check_keys(entries, count, file, error))
        return false;
    const struct yaml_entry *merge_entry = find_merge(entries, count);
    if (merge_entry == NULL)
        return set_entries(mapping, entries, count, arena, error);
    return check_merge(merge_entry->value, file, error) &&
           merge(mapping, entries, count, merge_entry, arena, error);
}
