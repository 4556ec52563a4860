/*
 * How a trie lies in memory; private to trie.c and trie_build.c.
 *
 *   struct trie | slots, ordered by hash, the last one empty | records
 *
 * A slot's home follows from its hash; a slot whose home is taken stands behind
 * it, still in order. So a search walks forward from the home and may stop at
 * the first bigger hash, and one cache line (8 slots) nearly always answers.
 * A record is a rule's fixed part and, right behind it, its text as declared.
 * The rules of one node lie one behind the other, in the manifest's order.
 */
#ifndef SALLYPORT_POLICY_TRIE_LAYOUT_H
#define SALLYPORT_POLICY_TRIE_LAYOUT_H

#include <stdatomic.h>

#include "policy/trie.h"
#include "policy/trie_hash.h"

#define TRIE_CACHE_LINE    64
#define TRIE_TEXT_MAXIMUM  1023             /* record.text_length has 10 bits */
#define TRIE_PLACE_MAXIMUM ((1U << 21) - 1) /* record.line and .column have 21 */

struct trie_slot {
    uint32_t hash;
    uint32_t record; /* of the node's first rule: bytes from the trie's beginning; 0: empty */
};

/* Unaligned in memory: read and written by memcpy. */
struct __attribute__((packed)) trie_record {
    uint64_t line : 21;
    uint64_t column : 21;
    uint64_t text_length : 10;
    uint64_t scheme : 3;
    uint64_t list : 2;
    uint64_t wildcard : 1;
    uint64_t analytics : 1;
    uint64_t last : 1;   /* of its node */
    uint64_t behind : 1; /* the host is not a part of the text and follows it */
    uint16_t port;
    uint8_t host_at; /* where in the text the canonical host stands */
    uint8_t host_length;
};

struct trie {
    atomic_size_t references;
    size_t size; /* all bytes, this struct's too; what follows is equal in equal tries */
    struct trie_hash_key key;
    uint32_t rule_count;
    uint32_t homes;
    uint32_t everything;    /* the first "*" record; 0: none */
    uint32_t label_maximum; /* of any declared host: names with more are looked at no further */
    bool plain;             /* some rule is http or ws */
    _Alignas(TRIE_CACHE_LINE) struct trie_slot slots[];
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

#endif
