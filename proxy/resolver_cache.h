/*
 * Answers that are still good, or may stand in for a while where the resolvers fail
 * (RFC 8767), per tenant: what one app has asked is neither seen
 * nor timed by another. Bounded; the longest unused answer goes first.
 */
#ifndef SALLYPORT_PROXY_RESOLVER_CACHE_H
#define SALLYPORT_PROXY_RESOLVER_CACHE_H

#include "proxy/resolver.h"

struct resolver_cache;

/* At most ENTRIES (> 0) answers. NULL: memory is out. */
struct resolver_cache *resolver_cache_new(size_t entries);
void resolver_cache_free(struct resolver_cache *cache);

/* False: nothing, or nothing that is still good at NOW (milliseconds, monotonic). */
bool resolver_cache_find(struct resolver_cache *cache, struct span tenant, struct span name,
                         uint64_t now, struct resolver_answer *answer);

/*
 * The resolvers fail: an answer whose time is over may stand in. It is good again, marked stale,
 * for AGAIN milliseconds from NOW, so that not every request waits for resolvers that fail. False:
 * there is none, or it is too old by now.
 */
bool resolver_cache_revive(struct resolver_cache *cache, struct span tenant, struct span name,
                           uint64_t now, uint64_t again, struct resolver_answer *answer);

/*
 * Keeps ANSWER, good until EXPIRY and to stand in until LAST (not before EXPIRY), in the place of
 * an older one; when memory is out it is simply not kept.
 */
void resolver_cache_put(struct resolver_cache *cache, struct span tenant, struct span name,
                        const struct resolver_answer *answer, uint64_t expiry, uint64_t last);

#endif
