/*
 * Compiles a grant into a trie: a counting sort by bucket. One pass over the
 * rules hashes their hosts and adds up what each bucket will hold, the sums say
 * where each begins, and a second pass writes every record to its place.
 * Beside the trie itself it needs 4 bytes a rule, for as long as it runs.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "policy/trie_layout.h"
#include "policy/trie_suffix.h"

#define SIZE_MAXIMUM   ((size_t)1 << 31)
#define HUGE_PAGE      ((size_t)2 << 20)
#define PREFETCH_AHEAD 16 /* rules: places asked for before they are written */

struct build {
    const struct grant *grant;
    struct trie_hash_key key;
    uint32_t *hashes; /* one a rule */
    uint32_t buckets;
    uint32_t label_minimum; /* more than label_maximum where no name is declared */
    uint32_t label_maximum;
    bool plain;
};

static bool is_everything(const struct grant_rule *rule)
{
    return rule->address.scheme == SCHEME_ANY;
}

static uint32_t at_most(uint32_t value, uint32_t maximum)
{
    return value < maximum ? value : maximum;
}

static size_t cut_length(const struct grant_rule *rule)
{
    return rule->text.length < TRIE_TEXT_MAXIMUM ? rule->text.length : TRIE_TEXT_MAXIMUM;
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

static struct trie_record make_record(const struct grant_rule *rule, uint32_t hash)
{
    const struct address *address = &rule->address;
    struct trie_record record = {.tag = trie_tag(hash), .port = address->port};
    record.line = at_most(rule->at.line, TRIE_PLACE_MAXIMUM) & TRIE_PLACE_MAXIMUM;
    record.column = at_most(rule->at.column, TRIE_PLACE_MAXIMUM) & TRIE_PLACE_MAXIMUM;
    record.text_length = cut_length(rule) & TRIE_TEXT_MAXIMUM;
    record.scheme = address->scheme & 7U;
    record.list = rule->list & 3U;
    record.wildcard = address->wildcard;
    record.analytics = rule->analytics;
    if (is_everything(rule))
        return record;
    struct span text = span_slice(rule->text, 0, record.text_length);
    record.host_length = address->host.length;
    record.behind = !find_host(text, &address->host, &record.host_at);
    return record;
}

static uint32_t bucket_of(const struct build *build, size_t rule)
{
    if (is_everything(&build->grant->rules[rule]))
        return build->buckets;
    return trie_hash_bucket(build->hashes[rule], build->buckets);
}

static void hash_host(struct build *build, size_t rule)
{
    const struct host *host = &build->grant->rules[rule].address.host;
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM];
    const uint32_t labels =
        (uint32_t)trie_list_suffixes(&build->key, host, TRIE_LABELS_MAXIMUM, suffixes);
    build->hashes[rule] = suffixes[labels - 1].hash;
    if (host->kind != HOST_NAME)
        return;
    if (labels < build->label_minimum)
        build->label_minimum = labels;
    if (labels > build->label_maximum)
        build->label_maximum = labels;
}

/* Hashes all hosts, and notes what holds for the whole grant. */
static void hash_rules(struct build *build)
{
    for (size_t i = 0; i < build->grant->count; i++) {
        const struct grant_rule *rule = &build->grant->rules[i];
        enum scheme scheme = rule->address.scheme;
        if (!is_everything(rule))
            hash_host(build, i);
        build->plain = build->plain || scheme == SCHEME_HTTP || scheme == SCHEME_WS;
    }
}

/* Bytes that the records need; more than SIZE_MAXIMUM: too many. */
static size_t count_record_bytes(const struct build *build)
{
    size_t bytes = 0;
    for (size_t i = 0; i < build->grant->count && bytes <= SIZE_MAXIMUM; i++) {
        const struct trie_record record = make_record(&build->grant->rules[i], build->hashes[i]);
        bytes += trie_record_size(&record);
    }
    return bytes;
}

/*
 * Memory for free(). Big blocks ask for huge pages: at 10^6 rules a decision
 * would else miss the TLB as often as the cache.
 */
static void *allocate_block(size_t size)
{
    void *block;
    if (posix_memalign(&block, size < HUGE_PAGE ? TRIE_CACHE_LINE : HUGE_PAGE, size) != 0)
        return NULL;
    if (size >= HUGE_PAGE)
        madvise(block, size, MADV_HUGEPAGE);
    return block;
}

static struct trie *allocate_trie(size_t directory_bytes, size_t record_bytes)
{
    size_t used = sizeof(struct trie) + directory_bytes + record_bytes;
    size_t size = (used + TRIE_CACHE_LINE - 1) / TRIE_CACHE_LINE * TRIE_CACHE_LINE;
    if (size > SIZE_MAXIMUM)
        return NULL;
    struct trie *trie = allocate_block(size);
    if (trie == NULL)
        return NULL;
    memset(trie, 0, sizeof(*trie) + directory_bytes);
    memset((char *)trie + used, 0, size - used);
    trie->size = size;
    return trie;
}

/*
 * Leaves in directory[b + 1] where bucket b begins; writing its records moves
 * that to where it ends, which is what the entry has to say in the end.
 */
static void lay_out(struct trie *trie, const struct build *build, uint32_t offset)
{
    uint32_t *begins = trie->directory + 1;
    for (size_t i = 0; i < build->grant->count; i++) {
        const struct trie_record record = make_record(&build->grant->rules[i], build->hashes[i]);
        begins[bucket_of(build, i)] += trie_record_size(&record);
    }
    trie->directory[0] = offset;
    for (uint32_t bucket = 0; bucket <= build->buckets; bucket++) {
        uint32_t bytes = begins[bucket];
        begins[bucket] = offset;
        offset += bytes;
    }
}

static void write_records(struct trie *trie, const struct build *build)
{
    uint32_t *next = trie->directory + 1;
    const struct grant *grant = build->grant;
    for (size_t i = 0; i < grant->count; i++) {
        const struct grant_rule *rule = &grant->rules[i];
        if (i + PREFETCH_AHEAD < grant->count)
            __builtin_prefetch((char *)trie + next[bucket_of(build, i + PREFETCH_AHEAD)], 1);
        const struct trie_record record = make_record(rule, build->hashes[i]);
        uint32_t bucket = bucket_of(build, i);
        char *to = (char *)trie + next[bucket];
        memcpy(to, &record, sizeof(record));
        memcpy(to + sizeof(record), rule->text.data, record.text_length);
        if (record.behind)
            memcpy(to + sizeof(record) + record.text_length, rule->address.host.text,
                   record.host_length);
        next[bucket] += trie_record_size(&record);
    }
}

static struct trie *write_trie(const struct build *build)
{
    size_t directory_bytes = sizeof(uint32_t) * ((size_t)build->buckets + 2);
    struct trie *trie = allocate_trie(directory_bytes, count_record_bytes(build));
    if (trie == NULL)
        return NULL;
    atomic_init(&trie->references, 1);
    trie->key = build->key;
    trie->rule_count = (uint32_t)build->grant->count;
    trie->buckets = build->buckets;
    trie->label_minimum = build->label_minimum;
    trie->label_maximum = build->label_maximum;
    trie->plain = build->plain;
    lay_out(trie, build, (uint32_t)(sizeof(*trie) + directory_bytes));
    write_records(trie, build);
    return trie;
}

struct trie *trie_build(const struct grant *grant)
{
    struct build build = {.grant = grant,
                          .key = trie_hash_key(),
                          .label_minimum = TRIE_LABELS_MAXIMUM,
                          .label_maximum = 1};
    if (grant->count > SIZE_MAXIMUM / sizeof(struct trie_record))
        return NULL;
    build.buckets = (uint32_t)(grant->count / TRIE_BUCKET_MEAN + 1);
    build.hashes = calloc(grant->count + 1, sizeof(*build.hashes));
    if (build.hashes == NULL)
        return NULL;
    hash_rules(&build);
    struct trie *trie = write_trie(&build);
    free(build.hashes);
    return trie;
}
