/*
 * The keyed hash of tries and of the snapshot's table: eight bytes at a time
 * multiplied to 128 bits and folded. The key is random and process-wide, so
 * nobody who writes manifests or chooses names can make them collide; and a
 * collision would cost time, never a wrong answer.
 */
#ifndef SALLYPORT_POLICY_TRIE_HASH_H
#define SALLYPORT_POLICY_TRIE_HASH_H

#include "policy/span.h"

struct trie_hash_key {
    uint64_t start; /* the state before the first label */
    uint64_t word;  /* multiplies whole words */
    uint64_t tail;  /* multiplies a label's last word, which carries its length */
};

/* The process's key: from getrandom(2), once. Safe from any thread. */
struct trie_hash_key trie_hash_key(void);

/* For tests and measurements: the key that follows from SEED, from now on. Not while others build.
 */
void trie_hash_set_seed(uint64_t seed);

static inline uint64_t trie_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t trie_hash_load(const char *bytes, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    return word;
}

/* The 1 to 8 bytes at BYTES as one word; with LENGTH known, no two are the same. */
static inline uint64_t trie_hash_tail(const char *bytes, size_t length)
{
    if (length >= 4)
        return trie_hash_load(bytes, 4) << 32 | trie_hash_load(bytes + length - 4, 4);
    return trie_hash_load(bytes, 1) << 16 | trie_hash_load(bytes + length / 2, 1) << 8 |
           trie_hash_load(bytes + length - 1, 1);
}

/* STATE with one more LABEL (1 byte at least): the hash of "label.state". */
static inline uint64_t trie_hash_label(const struct trie_hash_key *key, uint64_t state,
                                       struct span label)
{
    while (label.length > 8) {
        state = trie_hash_fold(state ^ trie_hash_load(label.data, 8), key->word);
        label = span_after(label, 8);
    }
    return trie_hash_fold(state ^ trie_hash_tail(label.data, label.length),
                          key->tail + 2 * label.length);
}

/* The 32 bits that a node is found by. */
static inline uint32_t trie_hash_short(uint64_t state)
{
    return (uint32_t)(state >> 32);
}

/* Spreads all HASHes evenly over 0..BUCKETS-1, by their upper bits. */
static inline uint32_t trie_hash_bucket(uint32_t hash, uint32_t buckets)
{
    return (uint32_t)((uint64_t)hash * buckets >> 32);
}

#endif
