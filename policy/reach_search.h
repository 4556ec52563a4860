/*
 * The order of a reach's items, and the searches in it: reach.c builds,
 * reach_search.c finds.
 */
#ifndef SALLYPORT_POLICY_REACH_SEARCH_H
#define SALLYPORT_POLICY_REACH_SEARCH_H

#include "policy/reach.h"

/* What an item is sorted by; a host of ".example.com" stands before all below example.com. */
struct reach_key {
    bool opaque; /* then `path` is its text and the rest is zero */
    enum scheme scheme;
    uint16_t port;
    struct span host;
    bool wildcard;
    struct span path;
};

struct reach_key reach_key_of(const struct reach_item *item);

#endif
