/*
 * How a trie lies in memory; private to trie.c and trie_build.c.
 *
 *   struct trie | directory: an entry a bucket, and one more for where the last ends | buckets
 *
 * A node's bucket follows from the hash of its suffix. Buckets hold a handful
 * of rules and begin with a cache line each, so the directory is small enough to
 * stay in a processor's cache where the rules are not, and a search that knows
 * the bucket has all of it under way at once: one cache miss a decision.
 * An entry also has a filter, a few bits that the hashes of the bucket's rules
 * set: most suffixes without a rule are known by it, and nothing is fetched for
 * them. A bucket is a row of groups, nearly always one:
 *
 *   struct trie_group | a record for each of its one to eight rules | their texts as declared
 *
 * A group begins with a tag a rule, out of its suffix's hash as well. A search
 * compares all of them at once, and so comes to its rule without a look at the
 * strangers before it. In a bucket rules stand in the manifest's order; "*" has
 * a bucket of its own, the last one.
 */
#ifndef SALLYPORT_POLICY_TRIE_LAYOUT_H
#define SALLYPORT_POLICY_TRIE_LAYOUT_H

#include <stdatomic.h>

#include "policy/trie.h"
#include "policy/trie_hash.h"

#define TRIE_CACHE_LINE    64
#define TRIE_BUCKET_MEAN   3                 /* rules a bucket */
#define TRIE_GROUP_RULES   8                 /* at most: a word has all their tags */
#define TRIE_FILTER_BITS   8                 /* of an entry's 32; the others count cache lines */
#define TRIE_SIZE_LIMIT    ((size_t)1 << 30) /* bytes, of which 24 bits can count the lines */
#define TRIE_TEXT_MAXIMUM  1023              /* record.text_length has 10 bits */
#define TRIE_PLACE_MAXIMUM ((1U << 21) - 1)  /* record.line and .column have 21 */

/* Groups and records are unaligned in memory: read and written by memcpy. */
struct __attribute__((packed)) trie_group {
    char tags[TRIE_GROUP_RULES]; /* of its records, in their order; 0: there is none */
    uint16_t next;               /* bytes from here to the bucket's next group; 0: the last */
};

struct trie_record {
    uint16_t port;
    uint16_t text_at;    /* bytes from the record to its text */
    uint16_t host_at;    /* and to its canonical host: a part of the text, or right behind it */
    uint8_t host_length; /* 0: "*" */
    uint8_t scheme;
    uint64_t line : 21;
    uint64_t column : 21;
    uint64_t text_length : 10;
    uint64_t list : 2;
    uint64_t wildcard : 1;
    uint64_t analytics : 1;
    uint64_t unused : 8; /* 0: tries are compared byte by byte */
};

struct trie {
    atomic_size_t references;
    size_t size; /* all bytes, this struct's too; what follows is equal in equal tries */
    struct trie_hash_key key;
    uint32_t rule_count;
    uint32_t buckets;       /* without the one of "*" */
    uint32_t label_minimum; /* of any declared name: shorter suffixes are not looked up */
    uint32_t label_maximum; /* of any declared name: longer ones are not either */
    bool plain;             /* some rule is http or ws */
    _Alignas(TRIE_CACHE_LINE) uint32_t directory[]; /* buckets + 2 entries */
};

/* The entry of a bucket that begins PLACE bytes, whole cache lines, from the trie's beginning. */
static inline uint32_t trie_entry(size_t place, uint32_t filter)
{
    return (uint32_t)(place / TRIE_CACHE_LINE) << TRIE_FILTER_BITS | filter;
}

static inline uint32_t trie_entry_place(uint32_t entry)
{
    return (entry >> TRIE_FILTER_BITS) * TRIE_CACHE_LINE;
}

/* The bit that rules of this hash set in their bucket's filter. */
static inline uint32_t trie_filter(uint32_t hash)
{
    return 1U << (hash >> 8) % TRIE_FILTER_BITS;
}

/* Of a rule with this hash: never 0. */
static inline uint8_t trie_tag(uint32_t hash)
{
    const uint8_t tag = (uint8_t)hash;
    return tag == 0 ? 1 : tag;
}

/* Bytes from a group to its record INDEX, or behind its last. */
static inline uint32_t trie_record_place(uint32_t index)
{
    return (uint32_t)(sizeof(struct trie_group) + index * sizeof(struct trie_record));
}

/* OFFSET is in bytes from the trie's beginning, here and below. */
static inline struct trie_group trie_group_at(const struct trie *trie, uint32_t offset)
{
    struct trie_group group;
    memcpy(&group, (const char *)trie + offset, sizeof(group));
    return group;
}

static inline struct trie_record trie_record_at(const struct trie *trie, uint32_t offset)
{
    struct trie_record record;
    memcpy(&record, (const char *)trie + offset, sizeof(record));
    return record;
}

#endif
