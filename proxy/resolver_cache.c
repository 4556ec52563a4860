/* A hash table of chains for finding, and one list in order of use for letting go. */
#include "proxy/resolver_cache.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "policy/trie_hash.h"

struct entry {
    TAILQ_ENTRY(entry) link; /* in order of use */
    struct entry *next;      /* in the bucket */
    uint32_t hash;
    uint64_t expiry;
    uint64_t last; /* may stand in until then */
    enum resolver_status status;
    bool stale; /* it stands in */
    size_t count;
    size_t tenant_length;
    size_t key_length;
    char *key; /* behind the addresses: tenant, then name */
    struct ip addresses[];
};

TAILQ_HEAD(entry_list, entry);

struct resolver_cache {
    struct entry_list used; /* the longest unused first */
    size_t count;
    size_t maximum;
    size_t bucket_count;
    struct trie_hash_key hash_key; /* random: below a wildcard anyone may choose names */
    struct entry *buckets[];
};

struct resolver_cache *resolver_cache_new(size_t entries)
{
    struct resolver_cache *cache = calloc(1, sizeof(*cache) + entries * sizeof(struct entry *));
    if (cache == NULL)
        return NULL;
    TAILQ_INIT(&cache->used);
    cache->maximum = cache->bucket_count = entries;
    cache->hash_key = trie_hash_key();
    return cache;
}

static uint32_t hash_of(const struct resolver_cache *cache, struct span tenant, struct span name)
{
    uint64_t state = cache->hash_key.start;
    if (tenant.length > 0)
        state = trie_hash_label(&cache->hash_key, state, tenant);
    if (name.length > 0)
        state = trie_hash_label(&cache->hash_key, state, name);
    return trie_hash_short(state);
}

static struct entry **place_of(struct resolver_cache *cache, struct span tenant, struct span name,
                               uint32_t hash)
{
    struct entry **place = &cache->buckets[hash % cache->bucket_count];
    for (; *place != NULL; place = &(*place)->next) {
        const struct entry *entry = *place;
        struct span key = {entry->key, entry->key_length};
        if (entry->hash == hash && entry->tenant_length == tenant.length &&
            span_starts_with(key, tenant) && span_equal(span_after(key, tenant.length), name))
            break;
    }
    return place;
}

static void remove_at(struct resolver_cache *cache, struct entry **place)
{
    struct entry *entry = *place;
    *place = entry->next;
    TAILQ_REMOVE(&cache->used, entry, link);
    cache->count--;
    free(entry);
}

static void remove_entry(struct resolver_cache *cache, struct entry *entry)
{
    struct entry **place = &cache->buckets[entry->hash % cache->bucket_count];
    while (*place != entry)
        place = &(*place)->next;
    remove_at(cache, place);
}

void resolver_cache_free(struct resolver_cache *cache)
{
    if (cache == NULL)
        return;
    while (!TAILQ_EMPTY(&cache->used))
        remove_entry(cache, TAILQ_FIRST(&cache->used));
    free(cache);
}

/* NULL: there is none, or it is of no use any more. */
static struct entry *find_entry(struct resolver_cache *cache, struct span tenant, struct span name,
                                uint64_t now)
{
    struct entry **place = place_of(cache, tenant, name, hash_of(cache, tenant, name));
    struct entry *entry = *place;
    if (entry == NULL || entry->last > now)
        return entry;
    remove_at(cache, place);
    return NULL;
}

static void give(struct resolver_cache *cache, struct entry *entry, struct resolver_answer *answer)
{
    TAILQ_REMOVE(&cache->used, entry, link);
    TAILQ_INSERT_TAIL(&cache->used, entry, link);
    answer->status = entry->status;
    answer->stale = entry->stale;
    answer->count = entry->count;
    memcpy(answer->addresses, entry->addresses, entry->count * sizeof(entry->addresses[0]));
}

bool resolver_cache_find(struct resolver_cache *cache, struct span tenant, struct span name,
                         uint64_t now, struct resolver_answer *answer)
{
    struct entry *entry = find_entry(cache, tenant, name, now);
    if (entry == NULL || entry->expiry <= now)
        return false;
    give(cache, entry, answer);
    return true;
}

bool resolver_cache_revive(struct resolver_cache *cache, struct span tenant, struct span name,
                           uint64_t now, uint64_t again, struct resolver_answer *answer)
{
    struct entry *entry = find_entry(cache, tenant, name, now);
    if (entry == NULL)
        return false;
    entry->stale = true;
    entry->expiry = now + again < entry->last ? now + again : entry->last;
    give(cache, entry, answer);
    return true;
}

static struct entry *entry_new(struct span tenant, struct span name,
                               const struct resolver_answer *answer)
{
    size_t addresses = answer->count * sizeof(answer->addresses[0]);
    struct entry *entry = calloc(1, sizeof(*entry) + addresses + tenant.length + name.length);
    if (entry == NULL)
        return NULL;
    entry->status = answer->status;
    entry->count = answer->count;
    memcpy(entry->addresses, answer->addresses, addresses);
    entry->key = (char *)entry->addresses + addresses;
    entry->tenant_length = tenant.length;
    entry->key_length = tenant.length + name.length;
    memcpy(entry->key, tenant.data, tenant.length);
    memcpy(entry->key + tenant.length, name.data, name.length);
    return entry;
}

void resolver_cache_put(struct resolver_cache *cache, struct span tenant, struct span name,
                        const struct resolver_answer *answer, uint64_t expiry, uint64_t last)
{
    uint32_t hash = hash_of(cache, tenant, name);
    struct entry **place = place_of(cache, tenant, name, hash);
    if (*place != NULL)
        remove_at(cache, place);
    if (cache->count == cache->maximum)
        remove_entry(cache, TAILQ_FIRST(&cache->used));
    struct entry *entry = entry_new(tenant, name, answer);
    if (entry == NULL)
        return;
    entry->hash = hash;
    entry->expiry = expiry;
    entry->last = last;
    entry->next = cache->buckets[hash % cache->bucket_count];
    cache->buckets[hash % cache->bucket_count] = entry;
    TAILQ_INSERT_TAIL(&cache->used, entry, link);
    cache->count++;
}
