/*
 * The two questions of a lookup, A and AAAA, which are asked apart (RFC 8305, section 3), and
 * what their answers come to together. Nothing here waits or keeps anything.
 */
#ifndef SALLYPORT_PROXY_RESOLVER_FAMILIES_H
#define SALLYPORT_PROXY_RESOLVER_FAMILIES_H

#include <ares.h>

#include "proxy/resolver.h"

enum { RESOLVER_IPV6, RESOLVER_IPV4, RESOLVER_FAMILIES }; /* in the order of preference */

/* What is known of one family; all zero: not answered yet. */
struct resolver_family {
    bool answered;
    bool usable; /* this machine has a way to the first of its addresses (RFC 6724, rule 1) */
    enum resolver_status status;
    uint32_t ttl; /* seconds: its shortest-lived record's */
    size_t count;
    struct ip addresses[RESOLVER_ADDRESSES_MAXIMUM];
};

/* What c-ares said to the question. INFO stays the caller's; NULL: nothing but CODE. */
void resolver_family_take(struct resolver_family *family, int code,
                          const struct ares_addrinfo *info);

/*
 * Families take turns, the preferred usable one's first (RFC 8305, section 4). What has not been
 * answered counts as timed out; addresses of one family alone are a good answer.
 */
void resolver_families_join(const struct resolver_family families[RESOLVER_FAMILIES],
                            struct resolver_answer *answer);

/* Seconds that the joined answer is good for, within the bounds of CONFIGURATION. */
uint32_t resolver_families_ttl(const struct resolver_family families[RESOLVER_FAMILIES],
                               const struct configuration *configuration);

#endif
