/*
 * An open addressing index, made once for the maximum, over entries in an
 * arena. The hash is keyed, so that no log can make its hosts collide.
 */
#include "policy/tally.h"

#include <stdlib.h>

#include "policy/trie_hash.h"

#define ENTRY_STRINGS                                                                              \
    512 /* bytes: names of an app, an environment, an installation, a host; NULs */

struct tally {
    struct trie_hash_key key;
    struct arena *arena;
    struct tally_entry **entries;
    uint32_t *index; /* of an entry, from 1; 0: empty */
    uint32_t index_size;
    size_t count;
    size_t maximum;
    uint64_t others;
    bool starved;
};

struct tally *tally_new(size_t maximum)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    if (tally == NULL)
        return NULL;
    tally->key = trie_hash_key();
    tally->maximum = maximum;
    tally->index_size = (uint32_t)(maximum * 2 + 1);
    tally->index = calloc(tally->index_size, sizeof(*tally->index));
    tally->entries = calloc(maximum, sizeof(struct tally_entry *));
    tally->arena = arena_new(maximum * (sizeof(struct tally_entry) + ENTRY_STRINGS));
    if (tally->index == NULL || tally->entries == NULL || tally->arena == NULL) {
        tally_free(tally);
        return NULL;
    }
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    arena_free(tally->arena);
    free(tally->entries);
    free(tally->index);
    free(tally);
}

static uint32_t hash_key(const struct tally *tally, const struct tally_key *key)
{
    const uint32_t numbers[2] = {key->kind,
                                 (uint32_t)key->target->scheme << 16 | key->target->port};
    uint64_t state = trie_hash_label(&tally->key, tally->key.start,
                                     (struct span){(const char *)numbers, sizeof(numbers)});
    state = trie_hash_label(&tally->key, state, host_span(&key->target->host));
    if (key->app.length > 0)
        state = trie_hash_label(&tally->key, state, key->app);
    if (key->environment.length > 0)
        state = trie_hash_label(&tally->key, state, key->environment);
    if (key->installation.length > 0)
        state = trie_hash_label(&tally->key, state, key->installation);
    return trie_hash_short(state);
}

static bool is_same(const struct tally_entry *entry, const struct tally_key *key)
{
    return entry->port == key->target->port && entry->scheme == key->target->scheme &&
           entry->kind == key->kind && span_equal(entry->host, host_span(&key->target->host)) &&
           span_equal(entry->app, key->app) && span_equal(entry->environment, key->environment) &&
           span_equal(entry->installation, key->installation);
}

/* NULL: memory is out. */
static struct tally_entry *make_entry(struct tally *tally, const struct tally_key *key)
{
    struct tally_entry *entry = arena_allocate(tally->arena, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->kind = key->kind;
    entry->app = arena_copy(tally->arena, key->app);
    entry->environment = arena_copy(tally->arena, key->environment);
    entry->installation = arena_copy(tally->arena, key->installation);
    entry->scheme = key->target->scheme;
    entry->host_kind = key->target->host.kind;
    entry->host = arena_copy(tally->arena, host_span(&key->target->host));
    entry->port = key->target->port;
    return entry->app.data != NULL && entry->environment.data != NULL &&
                   entry->installation.data != NULL && entry->host.data != NULL
               ? entry
               : NULL;
}

static void note_time(struct tally_entry *entry, struct span time)
{
    char text[TALLY_TIME_SIZE] = "";
    if (time.length == 0 || time.length >= sizeof(text))
        return;
    memcpy(text, time.data, time.length);
    if (entry->first[0] == '\0' || strcmp(text, entry->first) < 0)
        memcpy(entry->first, text, sizeof(text));
    if (strcmp(text, entry->last) > 0)
        memcpy(entry->last, text, sizeof(text));
}

/* The entry of KEY, made if there is none; NULL: no room. */
static struct tally_entry *find_or_make(struct tally *tally, const struct tally_key *key)
{
    uint32_t at = trie_hash_bucket(hash_key(tally, key), tally->index_size);
    for (; tally->index[at] != 0; at = at + 1 == tally->index_size ? 0 : at + 1) {
        struct tally_entry *entry = tally->entries[tally->index[at] - 1];
        if (is_same(entry, key))
            return entry;
    }
    if (tally->count == tally->maximum)
        return NULL;
    struct tally_entry *entry = make_entry(tally, key);
    tally->starved = tally->starved || entry == NULL;
    if (entry == NULL)
        return NULL;
    tally->entries[tally->count++] = entry;
    tally->index[at] = (uint32_t)tally->count;
    return entry;
}

struct tally_entry *tally_add(struct tally *tally, const struct tally_key *key, struct span time)
{
    struct tally_entry *entry = find_or_make(tally, key);
    if (entry == NULL) {
        tally->others++;
        return NULL;
    }
    entry->count++;
    note_time(entry, time);
    return entry;
}

struct tally_entry **tally_entries(struct tally *tally, size_t *count)
{
    *count = tally->count;
    return tally->entries;
}

uint64_t tally_others(const struct tally *tally)
{
    return tally->others;
}

bool tally_is_starved(const struct tally *tally)
{
    return tally->starved;
}

void tally_entry_target(const struct tally_entry *entry, struct target *target)
{
    target->scheme = entry->scheme;
    target->port = entry->port;
    target->host.kind = entry->host_kind;
    target->host.length = (uint8_t)entry->host.length;
    memcpy(target->host.text, entry->host.data, entry->host.length + 1);
    memset(target->host.address, 0, sizeof(target->host.address));
}
