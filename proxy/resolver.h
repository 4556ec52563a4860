/*
 * Names to addresses on a worker's own loop, by c-ares. The caller decides
 * first: a name that is not declared never gets here. One resolver per worker;
 * no locks.
 *
 * Answers are cached within the configuration's bounds, per tenant, so that no
 * app can tell from the time taken what another has asked; one query is in
 * flight per tenant and name.
 */
#ifndef SALLYPORT_PROXY_RESOLVER_H
#define SALLYPORT_PROXY_RESOLVER_H

#include <event2/event.h>

#include "conf/configuration.h"
#include "proxy/metrics.h"

#define RESOLVER_ADDRESSES_MAXIMUM 16

enum resolver_status {
    RESOLVER_OK,
    RESOLVER_NOT_FOUND, /* NXDOMAIN, or no A and no AAAA */
    RESOLVER_TIMEOUT,
    RESOLVER_FAILED, /* SERVFAIL, refused, malformed, memory */
};

/* In the order to try them: RFC 6724 as far as c-ares sorts, families interleaved (RFC 8305 section
 * 4). */
struct resolver_answer {
    enum resolver_status status;
    bool more;  /* one family's addresses alone: the other's are still waited for */
    bool stale; /* older than its time: the resolvers fail (network.dns_stale_seconds) */
    size_t count;
    struct ip addresses[RESOLVER_ADDRESSES_MAXIMUM];
};

struct resolver;

/* NULL: ERROR says why. METRICS is the worker's. */
struct resolver *resolver_new(struct event_base *base, const struct configuration *configuration,
                              struct metrics *metrics, struct error *error);
/* No callback is made from here; queries still waiting are forgotten. */
void resolver_free(struct resolver *resolver);

/* ANSWER is valid during the call only. While answer->more, there is another call to come. */
typedef void resolver_callback(void *context, const struct resolver_answer *answer);

/* Has TENANT an answer for NAME that is still good? Then a lookup asks nobody. */
bool resolver_knows(struct resolver *resolver, struct span tenant, struct span name);

struct resolver_query;

/*
 * Looks NAME (canonical, no trailing dot) up for TENANT. A cached answer is copied to *answer and
 * NULL returned, and CALLBACK is not called. Otherwise CALLBACK is called, from the loop and
 * never from within this call, until it is told the whole answer or the query is cancelled. Also
 * NULL with a failed answer when memory is out.
 */
struct resolver_query *resolver_lookup(struct resolver *resolver, struct span tenant,
                                       struct span name, resolver_callback *callback, void *context,
                                       struct resolver_answer *answer);

/* The callback will not be called; QUERY is gone. The lookup itself may go on for others and the
 * cache. */
void resolver_cancel(struct resolver_query *query);

#endif
