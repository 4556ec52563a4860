/*
 * The suffixes of a host ("com", "example.com", "www.example.com") and the hash
 * by which a trie finds each. A hash reads its suffix from the right, eight
 * bytes at a time wherever the dots are, so that all suffixes share the work of
 * one and no step waits to learn how long a label is.
 */
#ifndef SALLYPORT_POLICY_TRIE_SUFFIX_H
#define SALLYPORT_POLICY_TRIE_SUFFIX_H

#include "policy/host.h"
#include "policy/trie_hash.h"

#define TRIE_LABELS_MAXIMUM 127 /* of a host of 253 bytes */

struct trie_suffix {
    uint32_t hash;
    uint32_t start; /* in the host's text */
};

/*
 * The suffixes of HOST, shortest first, those with more than MOST labels (1 at least)
 * left out; an IP literal has one, itself. Returns their number.
 */
size_t trie_list_suffixes(const struct trie_hash_key *key, const struct host *host, size_t most,
                          struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM]);

#endif
