/*
 * Compiles a grant into a trie: a counting sort by bucket. One pass over the
 * rules hashes their hosts, one adds up what each bucket will hold, the sums say
 * where each begins, and a last pass writes every rule to its place.
 * Beside the trie itself it needs 12 bytes a rule, for as long as it runs.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "policy/trie_layout.h"
#include "policy/trie_suffix.h"

#define HUGE_PAGE      ((size_t)2 << 20)
#define PREFETCH_AHEAD 16 /* rules: places asked for before they are written */

/* Records with the longest texts and hosts fit in a group's and a record's 16 bits. */
_Static_assert(sizeof(struct trie_group) +
                       TRIE_GROUP_RULES * (sizeof(struct trie_record) + TRIE_TEXT_MAXIMUM + 255) <=
                   UINT16_MAX,
               "a group is too large");

/* A bucket on its way. */
struct bucket {
    uint32_t rules; /* that it will hold */
    uint32_t bytes; /* that they need, with their groups */
    uint32_t filter;
    uint32_t written; /* rules, so far */
    uint32_t group;   /* where the group that is being filled begins, from the trie's beginning */
    uint32_t end;     /* where it ends so far */
};

struct build {
    const struct grant *grant;
    struct trie_hash_key key;
    uint32_t *hashes;       /* one a rule */
    struct bucket *buckets; /* the last is that of "*" */
    uint32_t bucket_count;  /* without it */
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

/* The text that RULE was declared with, as far as it is kept. */
static struct span kept_text(const struct grant_rule *rule)
{
    size_t length = rule->text.length < TRIE_TEXT_MAXIMUM ? rule->text.length : TRIE_TEXT_MAXIMUM;
    return span_slice(rule->text, 0, length);
}

/* RULE's canonical host; empty for "*". */
static struct span host_of(const struct grant_rule *rule)
{
    return is_everything(rule) ? SPAN("") : host_span(&rule->address.host);
}

/* Where HOST stands in TEXT as it is; the text's length where it was written in another form. */
static size_t find_host(struct span text, struct span host)
{
    const char *found = memmem(text.data, text.length, host.data, host.length);
    return found == NULL ? text.length : (size_t)(found - text.data);
}

/* RULE's record, TEXT_AT bytes before its text. */
static struct trie_record make_record(const struct grant_rule *rule, uint32_t text_at)
{
    const struct address *address = &rule->address;
    const struct span text = kept_text(rule), host = host_of(rule);
    struct trie_record record = {.port = address->port, .text_at = (uint16_t)text_at};
    record.host_at = (uint16_t)(text_at + find_host(text, host));
    record.host_length = (uint8_t)host.length;
    record.scheme = (uint8_t)address->scheme;
    record.line = at_most(rule->at.line, TRIE_PLACE_MAXIMUM) & TRIE_PLACE_MAXIMUM;
    record.column = at_most(rule->at.column, TRIE_PLACE_MAXIMUM) & TRIE_PLACE_MAXIMUM;
    record.text_length = text.length & TRIE_TEXT_MAXIMUM;
    record.list = rule->list & 3U;
    record.wildcard = address->wildcard;
    record.analytics = rule->analytics;
    return record;
}

/* Bytes from a record to the end of its text, and of its host where that stands behind it. */
static uint32_t record_end(const struct trie_record *record)
{
    const uint32_t text_end = record->text_at + record->text_length;
    const uint32_t host_end = record->host_at + record->host_length;
    return host_end > text_end ? host_end : text_end;
}

static struct bucket *bucket_of(const struct build *build, size_t rule)
{
    if (is_everything(&build->grant->rules[rule]))
        return &build->buckets[build->bucket_count];
    return &build->buckets[trie_hash_bucket(build->hashes[rule], build->bucket_count)];
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

static size_t whole_lines(size_t bytes)
{
    return (bytes + TRIE_CACHE_LINE - 1) / TRIE_CACHE_LINE * TRIE_CACHE_LINE;
}

/* Notes what each bucket will hold; stops where that is more than a trie can. */
static void measure_buckets(const struct build *build)
{
    size_t bytes = 0;
    for (size_t i = 0; i < build->grant->count && bytes < TRIE_SIZE_LIMIT; i++) {
        struct bucket *bucket = bucket_of(build, i);
        const struct trie_record record = make_record(&build->grant->rules[i], sizeof(record));
        const bool opens_group = bucket->rules++ % TRIE_GROUP_RULES == 0;
        const uint32_t more = record_end(&record) + (opens_group ? trie_record_place(0) : 0);
        bucket->bytes += more;
        bucket->filter |= trie_filter(build->hashes[i]);
        bytes += more;
    }
}

/* Where the first bucket begins. */
static size_t buckets_begin(const struct build *build)
{
    return whole_lines(sizeof(struct trie) + sizeof(uint32_t) * ((size_t)build->bucket_count + 2));
}

static size_t count_bytes(const struct build *build)
{
    size_t bytes = buckets_begin(build);
    for (uint32_t i = 0; i <= build->bucket_count; i++)
        bytes += whole_lines(build->buckets[i].bytes);
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

static struct trie *allocate_trie(size_t size)
{
    struct trie *trie = size < TRIE_SIZE_LIMIT ? allocate_block(size) : NULL;
    if (trie == NULL)
        return NULL;
    memset(trie, 0, size); /* what no bucket fills is compared as well */
    atomic_init(&trie->references, 1);
    trie->size = size;
    return trie;
}

/* Places the buckets one behind the other. */
static void lay_out(struct trie *trie, const struct build *build)
{
    size_t place = buckets_begin(build);
    for (uint32_t i = 0; i <= build->bucket_count; i++) {
        struct bucket *bucket = &build->buckets[i];
        trie->directory[i] = trie_entry(place, bucket->filter);
        bucket->group = bucket->end = (uint32_t)place;
        place += whole_lines(bucket->bytes);
    }
    trie->directory[build->bucket_count + 1] = trie_entry(place, 0);
}

/* Begins BUCKET's next group, with room for the records of as many rules as it will have. */
static void open_group(struct trie *trie, struct bucket *bucket)
{
    if (bucket->written > 0) {
        struct trie_group full = trie_group_at(trie, bucket->group);
        full.next = (uint16_t)(bucket->end - bucket->group);
        memcpy((char *)trie + bucket->group, &full, sizeof(full));
    }
    const struct trie_group group = {.next = 0};
    memcpy((char *)trie + bucket->end, &group, sizeof(group));
    bucket->group = bucket->end;
    bucket->end += trie_record_place(at_most(bucket->rules - bucket->written, TRIE_GROUP_RULES));
}

static void write_rule(struct trie *trie, struct bucket *bucket, const struct grant_rule *rule,
                       uint32_t hash)
{
    if (bucket->written % TRIE_GROUP_RULES == 0)
        open_group(trie, bucket);
    const uint32_t index = bucket->written++ % TRIE_GROUP_RULES;
    const uint32_t place = bucket->group + trie_record_place(index);
    const struct trie_record record = make_record(rule, bucket->end - place);
    char *bytes = (char *)trie;
    bytes[bucket->group + index] = (char)trie_tag(hash); /* the group begins with its tags */
    memcpy(bytes + place, &record, sizeof(record));
    memcpy(bytes + bucket->end, rule->text.data, record.text_length);
    memcpy(bytes + place + record.host_at, host_of(rule).data, record.host_length);
    bucket->end = place + record_end(&record);
}

static void write_rules(struct trie *trie, const struct build *build)
{
    const struct grant *grant = build->grant;
    for (size_t i = 0; i < grant->count; i++) {
        if (i + PREFETCH_AHEAD < grant->count)
            __builtin_prefetch((char *)trie + bucket_of(build, i + PREFETCH_AHEAD)->group, 1);
        write_rule(trie, bucket_of(build, i), &grant->rules[i], build->hashes[i]);
    }
}

static struct trie *write_trie(const struct build *build)
{
    struct trie *trie = allocate_trie(count_bytes(build));
    if (trie == NULL)
        return NULL;
    trie->key = build->key;
    trie->rule_count = (uint32_t)build->grant->count;
    trie->buckets = build->bucket_count;
    trie->label_minimum = build->label_minimum;
    trie->label_maximum = build->label_maximum;
    trie->plain = build->plain;
    lay_out(trie, build);
    write_rules(trie, build);
    return trie;
}

struct trie *trie_build(const struct grant *grant)
{
    struct build build = {.grant = grant,
                          .key = trie_hash_key(),
                          .label_minimum = TRIE_LABELS_MAXIMUM,
                          .label_maximum = 1};
    if (grant->count > TRIE_SIZE_LIMIT / sizeof(struct trie_record))
        return NULL;
    build.bucket_count = (uint32_t)(grant->count / TRIE_BUCKET_MEAN + 1);
    build.hashes = calloc(grant->count + 1, sizeof(*build.hashes));
    build.buckets = calloc((size_t)build.bucket_count + 1, sizeof(*build.buckets));
    struct trie *trie = NULL;
    if (build.hashes != NULL && build.buckets != NULL) {
        hash_rules(&build);
        measure_buckets(&build);
        trie = write_trie(&build);
    }
    free(build.buckets);
    free(build.hashes);
    return trie;
}
