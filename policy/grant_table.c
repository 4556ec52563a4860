/*
 * A grant table's life once it is built: looked into by every decision for an
 * installation, written never again.
 */
#include "policy/grant_table.h"

#include <stdlib.h>

#include "policy/grant_table_layout.h"

void grant_table_free(struct grant_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->trie_count; i++)
        trie_unref(table->tries[i]);
    for (size_t i = 0; i < table->version_count; i++)
        free(table->versions[i].file);
    free(table->tries);
    free(table->variants);
    free(table->versions);
    free(table->entries);
    free(table->index);
    free(table->ids);
    free(table->file);
    free(table);
}

static const struct trie *trie_at(const struct grant_table *table, uint32_t place)
{
    return place == 0 ? NULL : table->tries[place - 1];
}

static void tell(const struct grant_table *table, const struct table_entry *entry,
                 struct installed_grant *found)
{
    const struct table_variant *variant = &table->variants[entry->variant];
    const struct table_version *approved = &table->versions[variant->version];
    const struct table_version *newest = &table->versions[table->version_count - 1];
    *found = (struct installed_grant){
        .suspended = entry->suspended,
        .approved = trie_at(table, variant->approved),
        .own = trie_at(table, variant->own),
        .analytics = trie_at(table, variant->analytics),
        .newest = trie_at(table, variant->newest),
        .approved_file = approved->file,
        .newest_file = newest->file,
        .own_file = table->file,
        .at = {entry->line, entry->column},
        .approved_major = approved->version.major,
        .newest_major = newest->version.major,
        .app_managed = newest->app_managed,
    };
}

bool grant_table_find(const struct grant_table *table, struct span id,
                      struct installed_grant *found)
{
    if (id.length == 0)
        return false;
    for (uint32_t at = table_bucket(table, id); table->index[at] != 0;
         at = at + 1 == table->index_size ? 0 : at + 1) {
        const struct table_entry *entry = &table->entries[table->index[at] - 1];
        if (!span_equal((struct span){table->ids + entry->id_at, entry->id_length}, id))
            continue;
        tell(table, entry, found);
        return true;
    }
    return false;
}

bool grant_table_covers(const struct grant_table *table, const struct target *target)
{
    struct trie_answer answer;
    for (size_t i = 0; i < table->trie_count; i++) {
        trie_find(table->tries[i], target, &answer);
        if (answer.match == TRIE_MATCH)
            return true;
    }
    return false;
}

size_t grant_table_count(const struct grant_table *table)
{
    return table->count;
}

void grant_table_share(struct grant_table *table, const struct trie *old, struct trie *replacement)
{
    for (size_t i = 0; i < table->trie_count; i++) {
        if (table->tries[i] != old)
            continue;
        trie_unref(table->tries[i]);
        table->tries[i] = trie_ref(replacement);
    }
}

size_t grant_table_size(const struct grant_table *table, const struct trie *deployed)
{
    size_t size =
        sizeof(*table) + table->trie_count * sizeof(struct trie *) +
        table->variant_count * sizeof(*table->variants) +
        table->version_count * sizeof(*table->versions) + table->count * sizeof(*table->entries) +
        table->index_size * sizeof(*table->index) + table->id_bytes + strlen(table->file) + 1;
    for (size_t i = 0; i < table->version_count; i++)
        size += strlen(table->versions[i].file) + 1;
    for (size_t i = 0; i < table->trie_count; i++)
        size += table->tries[i] == deployed ? 0 : trie_size(table->tries[i]);
    return size;
}

uint64_t grant_table_fingerprint(const struct grant_table *table)
{
    return table->fingerprint;
}
