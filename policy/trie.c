/*
 * The search in a trie. All the target's suffixes that a declaration may have are
 * hashed first, and the buckets that may hold them asked for; then these are looked
 * at from the most specific one on, until a rule covers the target.
 */
#include "policy/trie.h"

#include <stdlib.h>

#include "policy/trie_layout.h"
#include "policy/trie_suffix.h"
#include "policy/word.h"

#define FETCH_LINES 4 /* of a bucket asked for beforehand: few have more */

/* What the search has found so far: the best record, and how well it fits. */
struct search {
    const struct trie *trie;
    const struct target *target;
    uint32_t record; /* 0: none */
    enum trie_match match;
    bool plain;
};

/* A suffix that may have rules, by what the directory says. */
struct candidate {
    struct trie_suffix suffix;
    uint32_t bucket; /* bytes from the trie's beginning */
    bool nearest;    /* its rules may be shown where none covers the target */
};

struct trie *trie_ref(struct trie *trie)
{
    atomic_fetch_add_explicit(&trie->references, 1, memory_order_relaxed);
    return trie;
}

void trie_unref(struct trie *trie)
{
    if (trie == NULL)
        return;
    if (atomic_fetch_sub_explicit(&trie->references, 1, memory_order_acq_rel) == 1)
        free(trie);
}

bool trie_equal(const struct trie *a, const struct trie *b)
{
    const size_t from = offsetof(struct trie, size);
    if (a->size != b->size)
        return false;
    return memcmp((const char *)a + from, (const char *)b + from, a->size - from) == 0;
}

size_t trie_size(const struct trie *trie)
{
    return trie->size;
}

size_t trie_rule_count(const struct trie *trie)
{
    return trie->rule_count;
}

/* How well a rule fits; EXACT: it stands at the target's own host, else at an ancestor. */
static enum trie_match compare(const struct trie_record *record, const struct target *target,
                               bool exact)
{
    if (record->wildcard == exact)
        return TRIE_NO_HOST;
    if (target->scheme != SCHEME_TUNNEL && target->scheme != (enum scheme)record->scheme)
        return TRIE_NO_SCHEME;
    return record->port == target->port ? TRIE_MATCH : TRIE_NO_PORT;
}

static bool record_is_plain(const struct trie_record *record)
{
    return record->scheme == SCHEME_HTTP || record->scheme == SCHEME_WS;
}

/* True when nothing that is still to be looked at can change the answer. */
static bool search_is_over(const struct search *search)
{
    if (search->record == 0 || search->match != TRIE_MATCH)
        return false;
    return search->plain || !search->trie->plain || search->target->scheme != SCHEME_TUNNEL;
}

/* A rule of the node that is being looked at. */
static void weigh(struct search *search, uint32_t offset, const struct trie_record *record,
                  const struct candidate *candidate)
{
    enum trie_match match = compare(record, search->target, candidate->suffix.start == 0);
    if (match < search->match || (search->record == 0 && candidate->nearest)) {
        search->match = match;
        search->record = offset;
    }
    if (match == TRIE_MATCH)
        search->plain = search->plain || record_is_plain(record);
}

static bool record_is_of(const struct trie *trie, uint32_t offset, const struct trie_record *record,
                         struct span suffix)
{
    const char *host = (const char *)trie + offset + record->host_at;
    return record->host_length == suffix.length && memcmp(host, suffix.data, suffix.length) == 0;
}

static void search_group(struct search *search, uint32_t offset, const struct trie_group *group,
                         const struct candidate *candidate)
{
    const struct span name = span_after(host_span(&search->target->host), candidate->suffix.start);
    const uint8_t tag = trie_tag(candidate->suffix.hash);
    uint64_t found = word_places(word_load(group->tags), tag);
    for (; found != 0 && !search_is_over(search); found &= found - 1) {
        const uint32_t place = offset + trie_record_place(word_first(found));
        const struct trie_record record = trie_record_at(search->trie, place);
        if (record_is_of(search->trie, place, &record, name))
            weigh(search, place, &record, candidate);
    }
}

static void search_bucket(struct search *search, const struct candidate *candidate)
{
    uint32_t offset = candidate->bucket, step;
    do {
        const struct trie_group group = trie_group_at(search->trie, offset);
        search_group(search, offset, &group, candidate);
        step = group.next;
        offset += step;
    } while (step != 0);
}

static const uint32_t *entry_of(const struct trie *trie, const struct trie_suffix *suffix)
{
    return &trie->directory[trie_hash_bucket(suffix->hash, trie->buckets)];
}

/*
 * Lists what is worth a look, the most specific first, and asks for all of it side by side before
 * anything is read; before that, as much for the entries of the directory. Returns the number.
 * (Prefetches stand in a function that does more than that: compilers drop calls that have no
 * effect, and do not count these as one.)
 */
static size_t list_candidates(const struct trie *trie, const struct host *host,
                              struct candidate candidates[TRIE_LABELS_MAXIMUM])
{
    const bool is_name = host->kind == HOST_NAME;
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM];
    const size_t all = trie_list_suffixes(&trie->key, host, trie->label_maximum, suffixes);
    const size_t from = is_name ? trie->label_minimum - 1 : 0;
    size_t count = 0;
    for (size_t i = all; i-- > from;)
        __builtin_prefetch(entry_of(trie, &suffixes[i]));
    for (size_t i = all; i-- > from;) {
        const uint32_t *entry = entry_of(trie, &suffixes[i]);
        if ((entry[0] & trie_filter(suffixes[i].hash)) == 0)
            continue;
        const uint32_t begin = trie_entry_place(entry[0]), end = trie_entry_place(entry[1]);
        candidates[count++] = (struct candidate){suffixes[i], begin, i >= 1 || !is_name};
        for (uint32_t line = 0; line < FETCH_LINES; line++) {
            const uint32_t at = begin + line * TRIE_CACHE_LINE;
            __builtin_prefetch((const char *)trie + (at < end ? at : begin));
        }
    }
    return count;
}

static void search_suffixes(struct search *search)
{
    struct candidate candidates[TRIE_LABELS_MAXIMUM];
    const size_t count = list_candidates(search->trie, &search->target->host, candidates);
    for (size_t i = 0; i < count && !search_is_over(search); i++)
        search_bucket(search, &candidates[i]);
}

/* "*" covers whatever is asked: the first one is as good as all. */
static void search_everything(struct search *search)
{
    const uint32_t *entry = &search->trie->directory[search->trie->buckets];
    if (trie_entry_place(entry[0]) == trie_entry_place(entry[1]))
        return;
    search->match = TRIE_MATCH;
    search->record = trie_entry_place(entry[0]) + trie_record_place(0);
}

static void show_rule(const struct search *search, struct trie_rule *rule)
{
    const struct trie_record record = trie_record_at(search->trie, search->record);
    *rule = (struct trie_rule){
        .text = {(const char *)search->trie + search->record + record.text_at, record.text_length},
        .scheme = (enum scheme)record.scheme,
        .port = record.port,
        .wildcard = record.wildcard,
        .analytics = record.analytics,
        .list = (enum grant_list)record.list,
        .at = {(uint32_t)record.line, (uint32_t)record.column},
    };
}

void trie_find(const struct trie *trie, const struct target *target, struct trie_answer *answer)
{
    struct search search = {.trie = trie, .target = target, .match = TRIE_NO_HOST};
    search_suffixes(&search);
    if (search.match != TRIE_MATCH)
        search_everything(&search);
    answer->match = search.match;
    answer->has_rule = search.record != 0;
    answer->plain = search.plain && target->scheme == SCHEME_TUNNEL;
    if (answer->has_rule)
        show_rule(&search, &answer->rule);
}
