/*
 * The compiled form of one grant: a trie over a host's labels read from the
 * right (com, example, www), in one block of memory that is never written again.
 *
 * The one trick: a node is a place in a hash table, and the place follows from
 * the hash of its whole suffix ("com", "example.com", …). So all the places that
 * a name may touch are known before the first is read, the processor fetches
 * them side by side instead of chasing a pointer a label, and nodes that hold no
 * rule need not be there at all. Each rule carries the host it was declared
 * with: a match is always proved by bytes and never by a hash. "*" hangs at the
 * root; an IP literal is one label.
 */
#ifndef SALLYPORT_POLICY_TRIE_H
#define SALLYPORT_POLICY_TRIE_H

#include "policy/grant.h"

struct trie;

/* A rule as the trie keeps it; `text` points into the trie. */
struct trie_rule {
    struct span text; /* as declared; cut behind 1023 bytes */
    enum scheme scheme;
    uint16_t port;
    bool wildcard;
    bool analytics;
    enum grant_list list;
    struct position at; /* each at most 2^21 - 1, more than a manifest of 1 MiB can have */
};

enum trie_match {
    TRIE_MATCH,     /* a rule covers the target */
    TRIE_NO_PORT,   /* host and scheme are declared, this port is not */
    TRIE_NO_SCHEME, /* the host is declared, under another scheme */
    TRIE_NO_HOST,   /* the host is not declared */
};

struct trie_answer {
    enum trie_match match;
    bool has_rule;         /* TRIE_NO_HOST: the nearest declaration, where there is one */
    struct trie_rule rule; /* the rule that decided, most specific first; or the nearest */
    bool plain;            /* a tunnel's host:port is declared http or ws too ("*" is neither) */
};

/*
 * NULL: memory is out, or 2^30 bytes or more would be needed. The caller holds
 * one reference. Two tries of one process built from equal grants are equal.
 */
struct trie *trie_build(const struct grant *grant);

/* Safe from any thread; the last unref frees. trie_unref takes NULL. */
struct trie *trie_ref(struct trie *trie);
void trie_unref(struct trie *trie);

/* The same rules at the same places: one may stand for the other. */
bool trie_equal(const struct trie *a, const struct trie *b);

/* Bytes of memory that the trie holds. */
size_t trie_size(const struct trie *trie);
size_t trie_rule_count(const struct trie *trie);

/*
 * Most specific first: the host's own rules, then wildcards from the deepest
 * ancestor up, then "*"; of one host, the manifest's order. Where nothing
 * covers the target the answer's rule is the nearest declaration: a missing
 * port before a missing scheme before a host that only shares a suffix of at
 * least two labels (an ancestor, or the name that a wildcard covers all below
 * of). Allocates nothing, writes nothing but ANSWER.
 */
void trie_find(const struct trie *trie, const struct target *target, struct trie_answer *answer);

#endif
