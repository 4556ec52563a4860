/*
 * How a grant table lies in memory; private to grant_table.c and
 * grant_table_build.c.
 *
 *   index (hash of an id) → entry (one an installation) → variant (one a choice) → tries
 *
 * Installations that chose alike share a variant, variants share tries: what
 * grows with the number of installations is the index, the entries and the ids.
 */
#ifndef SALLYPORT_POLICY_GRANT_TABLE_LAYOUT_H
#define SALLYPORT_POLICY_GRANT_TABLE_LAYOUT_H

#include "policy/grant_table.h"
#include "policy/trie_hash.h"

/* Places in `tries`, from 1; 0: none. No padding: two are the same if their bytes are. */
struct table_variant {
    uint32_t approved;
    uint32_t own;
    uint32_t analytics;
    uint32_t newest;
    uint32_t version; /* place in `versions`, from 0 */
};

struct table_entry {
    uint32_t id_at; /* in `ids` */
    uint32_t variant;
    uint32_t line;
    uint16_t column; /* cut at its maximum */
    uint8_t id_length;
    uint8_t suspended;
};

struct table_version {
    struct version version;
    char *file;
    bool app_managed;
};

struct grant_table {
    struct trie_hash_key key;
    struct trie **tries; /* one reference each, no two the same */
    size_t trie_count;
    struct table_variant *variants;
    size_t variant_count;
    struct table_version *versions; /* the last is the newest */
    size_t version_count;
    struct table_entry *entries;
    size_t count;
    uint32_t *index; /* places in `entries`, from 1; 0: empty */
    uint32_t index_size;
    char *ids;
    size_t id_bytes;
    char *file; /* installations.yml */
    uint64_t fingerprint;
};

static inline uint32_t table_bucket(const struct grant_table *table, struct span id)
{
    uint64_t state = trie_hash_label(&table->key, table->key.start, id);
    return trie_hash_bucket(trie_hash_short(state), table->index_size);
}

#endif
