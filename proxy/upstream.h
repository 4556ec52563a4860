/*
 * A connection to an origin, and the pool of idle ones that a worker keeps for
 * use again: by the same tenant to the same host and port, never across.
 */
#ifndef SALLYPORT_PROXY_UPSTREAM_H
#define SALLYPORT_PROXY_UPSTREAM_H

#include <sys/queue.h>

#include "conf/ip.h"
#include "policy/host.h"
#include "proxy/buffer.h"
#include "proxy/deadline.h"
#include "proxy/metrics.h"
#include "proxy/tenant.h"
#include "proxy/transport.h"

#define UPSTREAM_POOL_MAXIMUM 256 /* idle connections a worker keeps */

typedef void upstream_callback(void *context);

struct upstream {
    struct transport transport;
    upstream_callback *wake; /* called on each event */
    void *context;
    struct metrics *metrics;
    struct buffer input; /* read and not used yet */
    struct ip ip;
    uint16_t port;
    bool kept; /* it has served before */
    struct upstream_pool
        *pool; /* the pool it idles in; the next two: for whom, and for which host */
    const struct tenant *tenant;
    char *host; /* owned */
    struct deadline deadline;
    TAILQ_ENTRY(upstream) link; /* in the pool */
};

TAILQ_HEAD(upstream_list, upstream);

struct upstream_pool {
    struct upstream_list idle; /* the longest idle first */
    size_t count;
    struct deadlines *deadlines;
};

/* Takes FD over (closed on failure). NULL: memory is out. */
struct upstream *upstream_new(struct event_base *base, int fd, const struct ip *ip, uint16_t port,
                              struct metrics *metrics, upstream_callback *wake, void *context);
void upstream_free(struct upstream *upstream, bool reset);

void upstream_pool_init(struct upstream_pool *pool, struct deadlines *deadlines);
void upstream_pool_clear(struct upstream_pool *pool);

/* An idle connection of TENANT to HOST and PORT; NULL: none. WAKE is called from now on. */
struct upstream *upstream_pool_take(struct upstream_pool *pool, const struct tenant *tenant,
                                    const struct host *host, uint16_t port, upstream_callback *wake,
                                    void *context);

/* Keeps UPSTREAM, which is quiet (owned by the pool from now on), until it is taken, too old, or
 * the origin speaks or closes. */
void upstream_pool_give(struct upstream_pool *pool, struct upstream *upstream,
                        const struct tenant *tenant, const struct host *host);

/* Closes the longest idle one, to free its descriptor. False: there is none. */
bool upstream_pool_shrink(struct upstream_pool *pool);

#endif
