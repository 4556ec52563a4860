/*
 * A suffix ends where its host ends, so it is whole words of the host, counted
 * from the right, and what its own beginning leaves of one more. The words are
 * folded into a state that all suffixes share; at each dot the bytes behind it
 * are folded into a copy, with their number, and that is the suffix's hash. In
 * front of the host stand dots, as many as its first word lacks: so the host
 * itself is found as every other suffix is.
 */
#include "policy/trie_suffix.h"

#include "policy/word.h"

#define DOTS (WORD_EACH * '.')

/* The 8 bytes of HOST before END, as if dots stood in front of it. */
static uint64_t word_before(const struct host *host, size_t end)
{
    if (end >= 8)
        return word_load(&host->text[end - 8]);
    const unsigned dots = 8 * (8 - (unsigned)end); /* in bits */
    const uint64_t bytes = end == 0 ? 0 : word_load(host->text) << dots;
    return bytes | DOTS >> (64 - dots);
}

/* The hash of what STATE stands for with the last COUNT (at most 7) bytes of WORD before it. */
static uint32_t hash_suffix(const struct trie_hash_key *key, uint64_t state, uint64_t word,
                            size_t count)
{
    const uint64_t bytes = word >> (8 * (7 - count)) >> 8; /* not by 64 at once */
    return trie_hash_short(trie_hash_fold(state ^ bytes, key->tail + 2 * count));
}

static size_t list_name(const struct trie_hash_key *key, const struct host *host, size_t most,
                        struct trie_suffix *suffixes)
{
    uint64_t state = key->start;
    size_t count = 0;
    for (size_t end = host->length;; end -= 8) {
        const uint64_t word = word_before(host, end);
        for (uint64_t dots = word_places(word, '.'); dots != 0;) {
            const unsigned zeros = (unsigned)__builtin_clzll(dots);
            const size_t behind = zeros / 8; /* bytes of the word behind its last dot */
            suffixes[count++] = (struct trie_suffix){hash_suffix(key, state, word, behind),
                                                     (uint32_t)(end - behind)};
            if (end == behind || count >= most)
                return count;
            dots ^= (uint64_t)1 << (63 - zeros);
        }
        state = trie_hash_fold(state ^ word, key->word);
    }
}

size_t trie_list_suffixes(const struct trie_hash_key *key, const struct host *host, size_t most,
                          struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM])
{
    if (host->kind == HOST_NAME)
        return list_name(key, host, most, suffixes);
    suffixes[0] = suffixes[list_name(key, host, TRIE_LABELS_MAXIMUM, suffixes) - 1];
    return 1;
}
