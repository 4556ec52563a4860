/*
 * The search in a trie. All the target's suffixes that a declaration may have are
 * hashed first and their buckets asked for, then they are looked at from the most
 * specific one on; the first rule that covers the target ends the search.
 */
#include "policy/trie.h"

#include <stdlib.h>

#include "policy/trie_layout.h"
#include "policy/trie_suffix.h"

#define FETCH_MAXIMUM (4 * TRIE_CACHE_LINE) /* bytes of a bucket asked for beforehand */

/* What the search has found so far: the best record, and how well it fits. */
struct search {
    const struct trie *trie;
    const struct target *target;
    uint32_t record; /* 0: none */
    enum trie_match match;
    bool plain;
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

/* A rule of the node that is being looked at. EXACT: the target's own; NEAREST: may be shown. */
static void weigh(struct search *search, uint32_t offset, const struct trie_record *record,
                  bool exact, bool nearest)
{
    enum trie_match match = compare(record, search->target, exact);
    if (match < search->match || (search->record == 0 && nearest)) {
        search->match = match;
        search->record = offset;
    }
    if (match == TRIE_MATCH)
        search->plain = search->plain || record_is_plain(record);
}

static bool record_is_of(const struct trie *trie, uint32_t offset, const struct trie_record *record,
                         struct span suffix)
{
    const char *text = (const char *)trie + offset + sizeof(*record);
    size_t host_at = record->behind ? record->text_length : record->host_at;
    return memcmp(text + host_at, suffix.data, suffix.length) == 0;
}

static uint32_t bucket_of(const struct trie *trie, const struct trie_suffix *suffix)
{
    return trie_hash_bucket(suffix->hash, trie->buckets);
}

static void search_bucket(struct search *search, const struct trie_suffix *suffix, bool nearest)
{
    const struct trie *trie = search->trie;
    const struct span name = span_after(host_span(&search->target->host), suffix->start);
    const uint8_t tag = trie_tag(suffix->hash);
    const uint32_t *bounds = &trie->directory[bucket_of(trie, suffix)];
    for (uint32_t at = bounds[0], end = bounds[1]; at < end;) {
        const struct trie_record record = trie_record_at(trie, at);
        if (record.tag == tag && record.host_length == name.length &&
            record_is_of(trie, at, &record, name)) {
            weigh(search, at, &record, suffix->start == 0, nearest);
            if (search_is_over(search))
                return;
        }
        at += trie_record_size(&record);
    }
}

/*
 * Asks for the buckets of the suffixes FROM..TO-1 side by side, before the first is read; before
 * that, as much for their places in the directory. The most specific one will be needed first.
 */
static void fetch_buckets(const struct trie *trie, const struct trie_suffix *suffixes, size_t from,
                          size_t to)
{
    for (size_t i = to; i-- > from;)
        __builtin_prefetch(&trie->directory[bucket_of(trie, &suffixes[i])]);
    for (size_t i = to; i-- > from;) {
        const uint32_t *bounds = &trie->directory[bucket_of(trie, &suffixes[i])];
        uint32_t begin = bounds[0], end = bounds[1];
        uint32_t most = begin + FETCH_MAXIMUM < end ? begin + FETCH_MAXIMUM : end;
        for (uint32_t at = begin; at < most; at += TRIE_CACHE_LINE)
            __builtin_prefetch((const char *)trie + at);
    }
}

static void search_suffixes(struct search *search)
{
    const struct trie *trie = search->trie;
    const struct host *host = &search->target->host;
    const bool is_name = host->kind == HOST_NAME;
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM];
    const size_t count = trie_list_suffixes(&trie->key, host, trie->label_maximum, suffixes);
    const size_t from = is_name ? trie->label_minimum - 1 : 0;
    fetch_buckets(trie, suffixes, from, count);
    for (size_t i = count; i-- > from && !search_is_over(search);)
        search_bucket(search, &suffixes[i], i >= 1 || !is_name);
}

/* "*" covers whatever is asked: the first one is as good as all. */
static void search_everything(struct search *search)
{
    uint32_t at = search->trie->directory[search->trie->buckets];
    if (at < search->trie->directory[search->trie->buckets + 1]) {
        search->match = TRIE_MATCH;
        search->record = at;
    }
}

static void show_rule(const struct search *search, struct trie_rule *rule)
{
    const struct trie_record record = trie_record_at(search->trie, search->record);
    *rule = (struct trie_rule){
        .text = {(const char *)search->trie + search->record + sizeof(record), record.text_length},
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
