/*
 * HTTP/2 connections to origins. A request that goes over one has a stream of it, which looks to
 * its session like an HTTP/1.1 connection to the origin that is good for this one request
 * (http2.h); so nobody else has to know that there are any.
 *
 * A connection belongs to one tenant, host and port, and one way of TLS, as a kept HTTP/1
 * connection does (upstream.h). It carries many streams at once; where it has no room, another is
 * dialled. One without streams is kept for a while, a bounded number of them. One that the origin
 * has ended, or that has grown old or silent, gets no new streams.
 */
#ifndef SALLYPORT_PROXY_HTTP2_UPSTREAM_H
#define SALLYPORT_PROXY_HTTP2_UPSTREAM_H

#include <sys/queue.h>

#include "proxy/upstream.h"

#define HTTP2_UPSTREAM_STREAMS      100 /* at once on a connection, where its peer allows more */
#define HTTP2_UPSTREAM_IDLE_MAXIMUM 256 /* connections without streams that a worker keeps */
#define HTTP2_UPSTREAM_AGE          3600000 /* milliseconds until it gets no new streams */
#define HTTP2_UPSTREAM_BUCKETS      1024    /* a power of two */
#define HTTP2_UPSTREAM_SILENCE      10000   /* the same while it has streams, and hears nothing */

struct worker;
struct http2_upstream;
TAILQ_HEAD(http2_upstream_list, http2_upstream);

/*
 * Zeroed, it is an empty one that may be shrunk and cleared. Each connection is in two lists: that
 * of its key's bucket, so that nobody looks through another's, and busy or idle.
 */
struct http2_upstreams {
    struct worker *worker;
    struct http2_upstream_list buckets[HTTP2_UPSTREAM_BUCKETS];
    struct http2_upstream_list busy;
    struct http2_upstream_list idle; /* without streams, the longest idle first */
    size_t idle_count;
};

/* WORKER has its loop, poller, deadlines and lender already. */
void http2_upstreams_init(struct http2_upstreams *upstreams, struct worker *worker);

/* Closes all connections; no session has a stream any more. */
void http2_upstreams_clear(struct http2_upstreams *upstreams);

/* A stream of a connection of KEY that there is; WAKE is called from now on. NULL: none has room.
 */
struct upstream *http2_upstreams_take(struct http2_upstreams *upstreams,
                                      const struct upstream_key *key, transport_wake *wake,
                                      void *owner);

/*
 * Makes an HTTP/2 connection of CONNECTION (taken over), which has agreed on it by ALPN and is
 * KEY's, and gives its first stream. NULL: memory or descriptors are out.
 */
struct upstream *http2_upstreams_add(struct http2_upstreams *upstreams, struct upstream *connection,
                                     const struct upstream_key *key, transport_wake *wake,
                                     void *owner);

/* Those that are not wanted any more get no new streams, and end with those that they have. */
void http2_upstreams_sift(struct http2_upstreams *upstreams, upstream_is_wanted *is_wanted,
                          const void *context);

/* Closes the longest idle one, to free its descriptor. False: there is none. */
bool http2_upstreams_shrink(struct http2_upstreams *upstreams);

#endif
