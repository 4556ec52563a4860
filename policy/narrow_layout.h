/*
 * How a compiled narrow.yml lies in memory: narrow_build.c writes it once, narrow.c
 * looks into it.
 *
 * A trie leads from host and port to a group: the entries of one address. Each
 * group has a tree of path segments. All trees' nodes stand in one array, and a
 * child is found by one hash of (parent, segment): ten thousand patterns below one
 * segment cost what one costs. "*" is a child of its own.
 */
#ifndef SALLYPORT_POLICY_NARROW_LAYOUT_H
#define SALLYPORT_POLICY_NARROW_LAYOUT_H

#include "policy/narrow.h"
#include "policy/narrow_regex.h"
#include "policy/trie.h"
#include "policy/trie_hash.h"

/* A path of some entry at the node where it ends. Place 0 of the array is none. */
struct narrow_mark {
    uint32_t entry;
    uint32_t next; /* mark of the same node and kind */
    struct position at;
    struct narrow_regex *regex; /* NULL: a pattern */
};

struct narrow_node {
    uint32_t parent;
    uint32_t star;    /* child for any one segment; 0: none */
    uint32_t slash;   /* child for the empty segment behind a last slash */
    uint32_t ends;    /* first mark of patterns that end here */
    uint32_t below;   /* … that cover all below */
    uint32_t regexes; /* … of expressions that begin with this node and a slash */
    struct span segment;
};

struct narrow_kept_entry {
    struct span address;
    struct position at;
    const struct span *methods;
    uint32_t method_count;
    bool any_method;
    bool any_path;
};

/* The entries of one address, one behind the other. */
struct narrow_group {
    uint32_t first;
    uint32_t count;
    uint32_t root; /* node */
    bool opaque;
    bool has_regex;
};

struct narrow {
    struct arena *arena; /* all but the trie and what PCRE2 holds */
    const char *file;
    struct trie *groups_by_host; /* a rule's line is its group's number, from 1 */
    struct narrow_group *groups;
    uint32_t group_count;
    struct narrow_kept_entry *entries;
    struct narrow_node *nodes;
    uint32_t node_count;
    struct narrow_mark *marks;
    uint32_t mark_count;
    uint32_t *index; /* of nodes by (parent, segment); 0: free */
    uint32_t index_size;
    size_t segment_maximum; /* bytes of the longest */
    struct trie_hash_key key;
    uint64_t fingerprint;
};

/* Where the search for the child SEGMENT (not empty) of PARENT begins in the index. */
static inline uint32_t narrow_bucket(const struct narrow *narrow, uint32_t parent,
                                     struct span segment)
{
    uint64_t state =
        trie_hash_label(&narrow->key, narrow->key.start ^ (parent * 0x9E3779B97F4A7C15U), segment);
    return trie_hash_bucket(trie_hash_short(state), narrow->index_size);
}

/* The child SEGMENT (not empty, no "*") of PARENT; 0: there is none. */
static inline uint32_t narrow_child(const struct narrow *narrow, uint32_t parent,
                                    struct span segment)
{
    if (segment.length > narrow->segment_maximum)
        return 0;
    for (uint32_t at = narrow_bucket(narrow, parent, segment); narrow->index[at] != 0;
         at = at + 1 == narrow->index_size ? 0 : at + 1) {
        const struct narrow_node *node = &narrow->nodes[narrow->index[at]];
        if (node->parent == parent && span_equal(node->segment, segment))
            return narrow->index[at];
    }
    return 0;
}

#endif
