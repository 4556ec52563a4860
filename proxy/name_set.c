/*
 * Open addressing by compare-and-swap. An entry of another minute is a free place;
 * within a minute entries only come, so a search may end at the first free place.
 */
#include "proxy/name_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "policy/trie_hash.h"
#include "proxy/minute_counter.h"

#define HASH_BITS 47

struct name_set {
    uint32_t limit;
    atomic_uint_least64_t count;
    size_t mask; /* places - 1; a power of two */
    atomic_uint_least64_t places[];
};

struct name_set *name_set_new(uint32_t limit)
{
    size_t count = 4;
    while (count < 2 * (size_t)limit)
        count *= 2;
    struct name_set *set = calloc(1, sizeof(*set) + count * sizeof(set->places[0]));
    if (set == NULL)
        return NULL;
    set->limit = limit;
    set->mask = count - 1;
    return set;
}

void name_set_free(struct name_set *set)
{
    free(set);
}

/* Never 0, which is a place that was never used. */
static uint64_t stamp_of(uint64_t minute)
{
    return (minute & 0xFFFF) + 1;
}

/* A place is counted before it is filled: another thread may have filled it with the same name. */
static bool found(struct name_set *set, bool counted, uint64_t minute)
{
    if (counted)
        minute_counter_give(&set->count, minute);
    return true;
}

bool name_set_take(struct name_set *set, struct span name, uint64_t minute)
{
    const struct trie_hash_key key = trie_hash_key();
    const uint64_t hash = trie_hash_label(&key, key.start, name) >> (64 - HASH_BITS);
    const uint64_t stamp = stamp_of(minute), entry = stamp << HASH_BITS | hash;
    bool counted = false;
    for (size_t at = (size_t)hash & set->mask, tries = 0; tries <= set->mask; tries++) {
        uint64_t seen = atomic_load_explicit(&set->places[at], memory_order_relaxed);
        if (seen >> HASH_BITS != stamp) {
            counted = counted || minute_counter_take(&set->count, set->limit, minute);
            if (!counted ||
                atomic_compare_exchange_strong_explicit(&set->places[at], &seen, entry,
                                                        memory_order_relaxed, memory_order_relaxed))
                return counted;
        }
        if (seen == entry)
            return found(set, counted, minute);
        at = (at + 1) & set->mask;
    }
    return false;
}
