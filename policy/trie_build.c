/*
 * Compiles a grant into a trie. One pass over the rules hashes their hosts, a
 * radix sort brings the rules of one node together and the nodes into the order
 * of their slots, and one more pass writes slots and records front to back.
 * Beside the trie itself it needs 16 bytes a rule, for as long as it runs.
 */
#include <stdlib.h>

#include "policy/trie_layout.h"

#define SIZE_MAXIMUM   ((size_t)1 << 31)
#define PREFETCH_AHEAD 12 /* rules: what is fetched while one is written */

struct key {
    uint32_t hash;
    uint32_t rule; /* index in the grant */
};

struct build {
    const struct grant *grant;
    struct trie_hash_key hash_key;
    struct key *keys; /* rules with a host, later sorted; then the "*" rules */
    struct key *spare;
    size_t hosts; /* how many of keys have a host */
    size_t nodes;
    size_t record_bytes;
    uint32_t homes;
    uint32_t slots;
    uint32_t label_maximum;
    bool plain;
};

static const struct grant_rule *rule_of(const struct build *build, size_t key)
{
    return &build->grant->rules[build->keys[key].rule];
}

static bool is_everything(const struct grant_rule *rule)
{
    return rule->address.scheme == SCHEME_ANY;
}

/* The same walk as the search's: from the right, label by label. */
static uint32_t hash_host(const struct trie_hash_key *key, const struct host *host,
                          uint32_t *label_count)
{
    uint64_t state = key->start;
    size_t end = host->length, start = host->length;
    *label_count = 1;
    if (host->kind != HOST_NAME)
        return trie_hash_short(trie_hash_label(key, state, host_span(host)));
    for (;; ++*label_count) {
        while (start > 0 && host->text[start - 1] != '.')
            start--;
        state = trie_hash_label(key, state, (struct span){host->text + start, end - start});
        if (start == 0)
            return trie_hash_short(state);
        end = --start;
    }
}

static struct span cut_text(struct span text)
{
    return span_slice(text, 0, text.length < TRIE_TEXT_MAXIMUM ? text.length : TRIE_TEXT_MAXIMUM);
}

/* Where HOST stands in TEXT as it is; false where it was written in another form. */
static bool find_host(struct span text, const struct host *host, uint8_t *at)
{
    const char *found = memmem(text.data, text.length, host->text, host->length);
    if (found == NULL || found - text.data > UINT8_MAX)
        return false;
    *at = (uint8_t)(found - text.data);
    return true;
}

static struct trie_record make_record(const struct grant_rule *rule)
{
    const struct address *address = &rule->address;
    struct span text = cut_text(rule->text);
    struct trie_record record = {0};
    record.line = (rule->at.line < TRIE_PLACE_MAXIMUM ? rule->at.line : TRIE_PLACE_MAXIMUM) &
                  TRIE_PLACE_MAXIMUM;
    record.column = (rule->at.column < TRIE_PLACE_MAXIMUM ? rule->at.column : TRIE_PLACE_MAXIMUM) &
                    TRIE_PLACE_MAXIMUM;
    record.text_length = text.length & TRIE_TEXT_MAXIMUM;
    record.scheme = address->scheme & 7U;
    record.list = rule->list & 3U;
    record.wildcard = address->wildcard;
    record.analytics = rule->analytics;
    record.port = address->port;
    if (is_everything(rule))
        return record;
    record.host_length = address->host.length;
    record.behind = !find_host(text, &address->host, &record.host_at);
    return record;
}

/* Gives every rule its key and adds up what the records will need. */
static void make_keys(struct build *build)
{
    const struct grant *grant = build->grant;
    size_t everything = grant->count;
    for (size_t i = grant->count; i-- > 0;) {
        if (is_everything(&grant->rules[i]))
            build->keys[--everything] = (struct key){0, (uint32_t)i};
    }
    build->hosts = 0;
    for (size_t i = 0; i < grant->count; i++) {
        const struct grant_rule *rule = &grant->rules[i];
        const struct trie_record record = make_record(rule);
        uint32_t labels;
        build->record_bytes += trie_record_size(&record);
        build->plain = build->plain || rule->address.scheme == SCHEME_HTTP ||
                       rule->address.scheme == SCHEME_WS;
        if (is_everything(rule))
            continue;
        uint32_t hash = hash_host(&build->hash_key, &rule->address.host, &labels);
        build->keys[build->hosts++] = (struct key){hash, (uint32_t)i};
        if (labels > build->label_maximum)
            build->label_maximum = labels;
    }
}

/* A stable pass of a radix sort: by the hash's byte at SHIFT. */
static void sort_by_byte(const struct key *from, struct key *to, size_t count, unsigned shift)
{
    size_t places[257] = {0};
    for (size_t i = 0; i < count; i++)
        places[(from[i].hash >> shift & 255) + 1]++;
    for (size_t i = 1; i < 257; i++)
        places[i] += places[i - 1];
    for (size_t i = 0; i < count; i++)
        to[places[from[i].hash >> shift & 255]++] = from[i];
}

/* Stable, so that the rules of one host stay in the manifest's order. */
static void sort_keys(struct build *build)
{
    for (unsigned shift = 0; shift < 32; shift += 16) {
        sort_by_byte(build->keys, build->spare, build->hosts, shift);
        sort_by_byte(build->spare, build->keys, build->hosts, shift + 8);
    }
}

static bool same_host(const struct build *build, size_t a, size_t b)
{
    return span_equal(host_span(&rule_of(build, a)->address.host),
                      host_span(&rule_of(build, b)->address.host));
}

static int compare_hosts(const void *a, const void *b, void *context)
{
    const struct grant *grant = context;
    const struct key *left = a, *right = b;
    const struct host *left_host = &grant->rules[left->rule].address.host;
    const struct host *right_host = &grant->rules[right->rule].address.host;
    int order = strcmp(left_host->text, right_host->text);
    return order != 0 ? order : (left->rule > right->rule) - (left->rule < right->rule);
}

/* Different hosts may share a hash: then a sort by the hosts themselves parts them again. */
static void part_collisions(struct build *build, size_t from, size_t to)
{
    bool mixed = false;
    for (size_t i = from + 1; i < to && !mixed; i++)
        mixed = !same_host(build, from, i);
    if (mixed)
        qsort_r(build->keys + from, to - from, sizeof(*build->keys), compare_hosts,
                (void *)build->grant);
}

/* Sees to it that keys of one node are neighbours, and counts the nodes. */
static void part_nodes(struct build *build)
{
    for (size_t from = 0, to; from < build->hosts; from = to) {
        for (to = from + 1; to < build->hosts && build->keys[to].hash == build->keys[from].hash;)
            to++;
        if (to > from + 1)
            part_collisions(build, from, to);
        build->nodes++;
        for (size_t i = from + 1; i < to; i++)
            build->nodes += !same_host(build, i - 1, i);
    }
}

static bool begins_node(const struct build *build, size_t key)
{
    return key == 0 || build->keys[key].hash != build->keys[key - 1].hash ||
           !same_host(build, key - 1, key);
}

/* The slot of a node with HASH when the slots before NEXT are taken. */
static uint32_t place(const struct build *build, uint32_t hash, uint32_t next)
{
    uint32_t home = trie_hash_home(hash, build->homes);
    return home > next ? home : next;
}

/* Homes for a load of 4/5, and behind them what the last ones push out, and an empty one. */
static void count_slots(struct build *build)
{
    uint32_t next = 0;
    build->homes = (uint32_t)(build->nodes + build->nodes / 4 + 1);
    for (size_t i = 0; i < build->hosts; i++) {
        if (begins_node(build, i))
            next = place(build, build->keys[i].hash, next) + 1;
    }
    build->slots = (next > build->homes ? next : build->homes) + 1;
}

/* Writes the record of key INDEX at OFFSET; returns the offset behind it. */
static uint32_t write_record(struct trie *trie, const struct build *build, size_t index, bool last,
                             uint32_t offset)
{
    const struct grant_rule *rule = rule_of(build, index);
    struct trie_record record = make_record(rule);
    char *to = (char *)trie + offset;
    record.last = last;
    memcpy(to, &record, sizeof(record));
    to += sizeof(record);
    memcpy(to, rule->text.data, record.text_length);
    if (record.behind)
        memcpy(to + record.text_length, rule->address.host.text, record.host_length);
    return offset + trie_record_size(&record);
}

/* Rules are read in the order of their hashes, which is no order in memory: ask in time. */
static void prefetch_rule(const struct build *build, size_t key)
{
    if (key + PREFETCH_AHEAD < build->hosts) {
        const struct grant_rule *later = rule_of(build, key + PREFETCH_AHEAD);
        __builtin_prefetch(&later->address);
        __builtin_prefetch(&later->address.host.text);
        __builtin_prefetch(&later->text);
    }
    if (key + PREFETCH_AHEAD / 2 < build->hosts)
        __builtin_prefetch(rule_of(build, key + PREFETCH_AHEAD / 2)->text.data);
}

static void write_nodes(struct trie *trie, const struct build *build, uint32_t offset)
{
    uint32_t next = 0;
    for (size_t i = 0; i < build->hosts; i++) {
        prefetch_rule(build, i);
        if (begins_node(build, i)) {
            uint32_t at = place(build, build->keys[i].hash, next);
            trie->slots[at] = (struct trie_slot){build->keys[i].hash, offset};
            next = at + 1;
        }
        bool last = i + 1 == build->hosts || begins_node(build, i + 1);
        offset = write_record(trie, build, i, last, offset);
    }
    if (build->hosts < build->grant->count)
        trie->everything = offset;
    for (size_t i = build->hosts; i < build->grant->count; i++)
        offset = write_record(trie, build, i, i + 1 == build->grant->count, offset);
}

static struct trie *allocate(const struct build *build, size_t slot_bytes)
{
    size_t size = sizeof(struct trie) + slot_bytes + build->record_bytes;
    size_t rounded = (size + TRIE_CACHE_LINE - 1) / TRIE_CACHE_LINE * TRIE_CACHE_LINE;
    if (rounded > SIZE_MAXIMUM)
        return NULL;
    struct trie *trie = aligned_alloc(TRIE_CACHE_LINE, rounded);
    if (trie == NULL)
        return NULL;
    memset(trie, 0, sizeof(*trie) + slot_bytes);
    memset((char *)trie + size, 0, rounded - size);
    trie->size = rounded;
    return trie;
}

static struct trie *write_trie(const struct build *build)
{
    size_t slot_bytes = sizeof(struct trie_slot) * build->slots;
    struct trie *trie = allocate(build, slot_bytes);
    if (trie == NULL)
        return NULL;
    atomic_init(&trie->references, 1);
    trie->key = build->hash_key;
    trie->rule_count = (uint32_t)build->grant->count;
    trie->homes = build->homes;
    trie->label_maximum = build->label_maximum;
    trie->plain = build->plain;
    write_nodes(trie, build, (uint32_t)(sizeof(*trie) + slot_bytes));
    return trie;
}

struct trie *trie_build(const struct grant *grant)
{
    struct build build = {.grant = grant, .hash_key = trie_hash_key()};
    struct trie *trie = NULL;
    if (grant->count > SIZE_MAXIMUM / sizeof(struct trie_record))
        return NULL;
    build.keys = calloc(grant->count + 1, sizeof(*build.keys));
    build.spare = calloc(grant->count + 1, sizeof(*build.spare));
    if (build.keys != NULL && build.spare != NULL) {
        make_keys(&build);
        sort_keys(&build);
        part_nodes(&build);
        count_slots(&build);
        trie = write_trie(&build);
    }
    free(build.keys);
    free(build.spare);
    return trie;
}
