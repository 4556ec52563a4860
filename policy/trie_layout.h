/*
 * How a trie lies in memory; private to trie.c and trie_build.c.
 *
 *   struct trie | directory: where each bucket begins, and where the last ends | records
 *
 * A node's bucket follows from the hash of its suffix. Buckets hold a handful
 * of records one behind the other, so the directory is small enough to stay in
 * a processor's cache where the records are not, and a search that knows the
 * bucket has all of it under way at once: one cache miss a decision.
 * A record is a rule's fixed part and, right behind it, its text as declared.
 * In a bucket records stand in the manifest's order; "*" has a bucket of its own,
 * the last one.
 */
#ifndef SALLYPORT_POLICY_TRIE_LAYOUT_H
#define SALLYPORT_POLICY_TRIE_LAYOUT_H

#include <stdatomic.h>

#include "policy/trie.h"
#include "policy/trie_hash.h"

#define TRIE_CACHE_LINE    64
#define TRIE_BUCKET_MEAN   4                /* rules a bucket */
#define TRIE_TEXT_MAXIMUM  1023             /* record.text_length has 10 bits */
#define TRIE_PLACE_MAXIMUM ((1U << 21) - 1) /* record.line and .column have 21 */

/* Unaligned in memory: read and written by memcpy. */
struct __attribute__((packed)) trie_record {
    uint8_t tag;         /* of the suffix's hash: tells most strangers without a look at the text */
    uint8_t host_length; /* 0: "*" */
    uint8_t host_at;     /* where in the text the canonical host stands */
    uint16_t port;
    uint64_t line : 21;
    uint64_t column : 21;
    uint64_t text_length : 10;
    uint64_t scheme : 3;
    uint64_t list : 2;
    uint64_t wildcard : 1;
    uint64_t analytics : 1;
    uint64_t behind : 1; /* the host is not a part of the text and follows it */
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
    /* Bytes from the trie's beginning; buckets + 2 of them. */
    _Alignas(TRIE_CACHE_LINE) uint32_t directory[];
};

static inline struct trie_record trie_record_at(const struct trie *trie, uint32_t offset)
{
    struct trie_record record;
    memcpy(&record, (const char *)trie + offset, sizeof(record));
    return record;
}

/* Bytes from this record to the one behind it. */
static inline uint32_t trie_record_size(const struct trie_record *record)
{
    uint32_t host = record->behind ? record->host_length : 0;
    return (uint32_t)(sizeof(*record) + record->text_length + host);
}

static inline uint8_t trie_tag(uint32_t hash)
{
    return (uint8_t)hash;
}

#endif
