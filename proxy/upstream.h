/*
 * A connection to an origin, and the pool of idle ones that a worker keeps for
 * use again: by the same tenant to the same host and port, with or without TLS as
 * it was made, never across.
 */
#ifndef SALLYPORT_PROXY_UPSTREAM_H
#define SALLYPORT_PROXY_UPSTREAM_H

#include <sys/queue.h>

#include "conf/ip.h"
#include "policy/host.h"
#include "proxy/deadline.h"
#include "proxy/metrics.h"
#include "proxy/tenant.h"
#include "proxy/transport.h"

#define UPSTREAM_POOL_MAXIMUM 256 /* idle connections a worker keeps */

struct http2_stream;

/* How a stream of HTTP/2 ended, for whoever has got no whole response of it. */
struct upstream_stream_end {
    const char *reason;  /* static; NULL: it has not ended, or not by itself */
    bool is_malformed;   /* the response broke the rules */
    bool is_unprocessed; /* the request may be sent again (RFC 9113, section 8.7) … */
    bool wants_http1;    /* … but over HTTP/1.1 */
};

struct upstream {
    struct transport transport;
    struct metrics *metrics;
    struct ip ip;
    uint16_t port;
    bool kept;      /* it has served before */
    bool is_stream; /* of an HTTP/2 connection (http2_upstream.h): good for one request */
    struct http2_stream *stream;           /* its other end; NULL: it is over */
    struct upstream_stream_end stream_end; /* it is over: how */
};

struct idle_upstream;
TAILQ_HEAD(idle_upstream_list, idle_upstream);

struct upstream_pool {
    struct idle_upstream_list idle; /* the longest idle first */
    size_t count;
    struct deadlines *deadlines;
};

/* Takes FD over (closed on failure). NULL: memory is out. */
struct upstream *upstream_new(struct poller *poller, int fd, const struct ip *ip, uint16_t port,
                              struct metrics *metrics, transport_wake *wake, void *owner);
void upstream_free(struct upstream *upstream, bool reset);

/* Nothing of what was written to it waits here for its stream's turn or window. */
bool upstream_has_sent(const struct upstream *upstream);

/* Its TLS is of CONTEXT; NULL: it has none. */
bool upstream_is_made_with(const struct upstream *upstream, const struct tls_context *context);

void upstream_pool_init(struct upstream_pool *pool, struct deadlines *deadlines);
void upstream_pool_clear(struct upstream_pool *pool);

/* Whose connection, and to whom. */
struct upstream_key {
    const struct tenant *tenant;
    const struct host *host;
    uint16_t port;
    const struct tls_context *tls; /* that its TLS is of; NULL: plain */
};

/* Is a connection of TENANT to HOST (its canonical text) still wanted? */
typedef bool upstream_is_wanted(const struct tenant *tenant, struct span host, uint16_t port,
                                bool is_tls, const void *context);

/* Closes the idle ones that are not wanted any more. */
void upstream_pool_sift(struct upstream_pool *pool, upstream_is_wanted *is_wanted,
                        const void *context);

/* An idle connection of KEY; NULL: none. WAKE is called from now on. */
struct upstream *upstream_pool_take(struct upstream_pool *pool, const struct upstream_key *key,
                                    transport_wake *wake, void *owner);

/*
 * Keeps UPSTREAM, if it is no stream and at rest as far as is known (owned by the pool from now
 * on), until it is taken, too old, or the origin speaks or closes.
 */
void upstream_pool_give(struct upstream_pool *pool, struct upstream *upstream,
                        const struct tenant *tenant, const struct host *host);

/* Closes the longest idle one, to free its descriptor. False: there is none. */
bool upstream_pool_shrink(struct upstream_pool *pool);

#endif
