/*
 * An upstream's transport always has somebody to wake: a dial, then its session,
 * then the pool it idles in. What is known of an idle one only (for whom, for
 * which host, until when) lives as long as it idles.
 */
#include "proxy/upstream.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/http2.h"

struct idle_upstream {
    TAILQ_ENTRY(idle_upstream) link;
    struct upstream_pool *pool;
    struct upstream *upstream; /* owned */
    const struct tenant *tenant;
    struct deadline deadline;
    size_t host_length;
    char host[];
};

struct upstream *upstream_new(struct poller *poller, int fd, const struct ip *ip, uint16_t port,
                              struct metrics *metrics, transport_wake *wake, void *owner)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (upstream == NULL) {
        close(fd);
        return NULL;
    }
    if (!transport_open(&upstream->transport, poller, fd, wake, owner)) {
        free(upstream);
        return NULL;
    }
    upstream->ip = *ip;
    upstream->port = port;
    upstream->metrics = metrics;
    metrics_add(metrics, METRIC_UPSTREAMS_OPEN, 1);
    return upstream;
}

void upstream_free(struct upstream *upstream, bool reset)
{
    if (upstream == NULL)
        return;
    metrics_subtract(upstream->metrics, METRIC_UPSTREAMS_OPEN, 1);
    if (upstream->stream != NULL)
        upstream->stream->owner = NULL;
    transport_close(&upstream->transport, reset);
    free(upstream);
}

bool upstream_has_sent(const struct upstream *upstream)
{
    const struct http2_stream *stream = upstream->stream;
    return stream == NULL || (stream->was_sent && stream->is_whole);
}

/* ---- the pool -------------------------------------------------------------------- */

/*
 * The analyser does not follow TAILQ_REMOVE's pointer to a pointer, and takes what
 * left the list for still in it: hence the NOLINTs below.
 */
static struct upstream *take_out(struct idle_upstream *idle)
{
    struct upstream_pool *pool = idle->pool;
    struct upstream *upstream = idle->upstream;
    TAILQ_REMOVE(&pool->idle, idle, link);
    deadline_end(pool->deadlines, &idle->deadline);
    pool->count--;
    free(idle);
    return upstream;
}

static void drop(struct idle_upstream *idle)
{
    upstream_free(take_out(idle), false);
}

static void on_too_old(struct deadline *deadline, enum deadline_kind kind)
{
    (void)kind;
    drop((struct idle_upstream *)(void *)((char *)deadline -
                                          offsetof(struct idle_upstream, deadline)));
}

void upstream_pool_init(struct upstream_pool *pool, struct deadlines *deadlines)
{
    TAILQ_INIT(&pool->idle);
    pool->count = 0;
    pool->deadlines = deadlines;
    deadlines_set_callback(deadlines, DEADLINE_KEPT_UPSTREAM, on_too_old);
}

void upstream_pool_clear(struct upstream_pool *pool)
{
    for (size_t i = pool->count; i > 0; i--)
        upstream_pool_shrink(pool);
}

bool upstream_pool_shrink(struct upstream_pool *pool)
{
    struct idle_upstream *oldest = TAILQ_FIRST(&pool->idle);
    if (oldest == NULL)
        return false;
    drop(oldest); /* NOLINT: see above */
    return true;
}

/*
 * An idle origin has nothing to say: a byte or an end makes the connection
 * useless (RFC 9112, section 9.5). A mere "writable" is the edge that was due
 * since the last request went out.
 */
static void on_idle_event(void *owner)
{
    struct idle_upstream *idle = owner;
    struct transport *transport = &idle->upstream->transport;
    if (transport->peer_closed || !transport_seems_quiet(transport))
        drop(idle);
}

bool upstream_is_made_with(const struct upstream *upstream, const struct tls_context *context)
{
    const struct tls_stream *stream = upstream->transport.tls;
    return stream == NULL ? context == NULL : tls_stream_is_of(stream, context);
}

static struct idle_upstream *find_idle(struct upstream_pool *pool, const struct upstream_key *key)
{
    struct idle_upstream *idle;
    TAILQ_FOREACH_REVERSE(idle, &pool->idle, idle_upstream_list, link)
    {
        if (idle->tenant == key->tenant && idle->upstream->port == key->port && /* NOLINT: above */
            span_equal((struct span){idle->host, idle->host_length}, host_span(key->host)) &&
            upstream_is_made_with(idle->upstream, key->tls))
            return idle;
    }
    return NULL;
}

void upstream_pool_sift(struct upstream_pool *pool, upstream_is_wanted *is_wanted,
                        const void *context)
{
    struct idle_upstream *idle, *next;
    for (idle = TAILQ_FIRST(&pool->idle); idle != NULL; idle = next) {
        next = TAILQ_NEXT(idle, link);
        const struct upstream *upstream = idle->upstream;
        if (!is_wanted(idle->tenant, (struct span){idle->host, idle->host_length}, upstream->port,
                       upstream->transport.tls != NULL, context))
            drop(idle);
    }
}

/*
 * Whether it is quiet is asked here, at the last moment, whatever was known before:
 * bytes that nobody asked for must never be taken for the next request's response.
 */
struct upstream *upstream_pool_take(struct upstream_pool *pool, const struct upstream_key *key,
                                    transport_wake *wake, void *owner)
{
    struct idle_upstream *idle = find_idle(pool, key);
    while (idle != NULL && !transport_is_quiet(&idle->upstream->transport)) {
        drop(idle);
        idle = find_idle(pool, key);
    }
    if (idle == NULL)
        return NULL;
    struct upstream *upstream = take_out(idle);
    upstream->kept = true;
    upstream->transport.wake = wake;
    upstream->transport.owner = owner;
    metrics_add(upstream->metrics, METRIC_UPSTREAMS_REUSED, 1);
    return upstream;
}

void upstream_pool_give(struct upstream_pool *pool, struct upstream *upstream,
                        const struct tenant *tenant, const struct host *host)
{
    struct idle_upstream *idle = upstream->is_stream ? NULL : malloc(sizeof(*idle) + host->length);
    if (idle == NULL) {
        upstream_free(upstream, false);
        return;
    }
    if (pool->count == UPSTREAM_POOL_MAXIMUM)
        upstream_pool_shrink(pool);
    *idle = (struct idle_upstream){
        .pool = pool, .upstream = upstream, .tenant = tenant, .host_length = host->length};
    memcpy(idle->host, host->text, host->length);
    upstream->transport.wake = on_idle_event;
    upstream->transport.owner = idle;
    TAILQ_INSERT_TAIL(&pool->idle, idle, link);
    pool->count++;
    deadline_start(pool->deadlines, &idle->deadline, DEADLINE_KEPT_UPSTREAM);
}
