/*
 * An upstream always has somebody to wake: a dial, then its session, then the
 * pool it idles in.
 */
#include "proxy/upstream.h"

#include <stddef.h>
#include <stdlib.h>

static void on_event(evutil_socket_t fd, short what, void *context)
{
    struct upstream *upstream = context;
    (void)fd;
    transport_note(&upstream->transport, what);
    upstream->wake(upstream->context);
}

struct upstream *upstream_new(struct event_base *base, int fd, const struct ip *ip, uint16_t port,
                              struct metrics *metrics, upstream_callback *wake, void *context)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (upstream == NULL) {
        evutil_closesocket(fd);
        return NULL;
    }
    if (!transport_open(&upstream->transport, base, fd, on_event, upstream)) {
        free(upstream);
        return NULL;
    }
    upstream->ip = *ip;
    upstream->port = port;
    upstream->metrics = metrics;
    upstream->wake = wake;
    upstream->context = context;
    metrics_add(metrics, METRIC_UPSTREAMS_OPEN, 1);
    return upstream;
}

void upstream_free(struct upstream *upstream, bool reset)
{
    if (upstream == NULL)
        return;
    metrics_subtract(upstream->metrics, METRIC_UPSTREAMS_OPEN, 1);
    transport_close(&upstream->transport, reset);
    buffer_clear(&upstream->input);
    free(upstream->host);
    free(upstream);
}

/*
 * The analyser does not follow TAILQ_REMOVE's pointer to a pointer, and takes what
 * left the list for still in it: hence the NOLINTs below.
 */
static void pool_remove(struct upstream_pool *pool, struct upstream *upstream)
{
    TAILQ_REMOVE(&pool->idle, upstream, link);
    deadline_end(pool->deadlines, &upstream->deadline);
    pool->count--;
}

static void pool_drop(struct upstream_pool *pool, struct upstream *upstream)
{
    pool_remove(pool, upstream);
    upstream_free(upstream, false);
}

static void on_too_old(struct deadline *deadline, enum deadline_kind kind)
{
    struct upstream *upstream =
        (struct upstream *)(void *)((char *)deadline - offsetof(struct upstream, deadline));
    (void)kind;
    pool_drop(upstream->pool, upstream);
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
    struct upstream *oldest = TAILQ_FIRST(&pool->idle);
    if (oldest == NULL)
        return false;
    pool_drop(pool, oldest); /* NOLINT: see above */
    return true;
}

/*
 * An idle origin has nothing to say: a byte or an end makes the connection
 * useless (RFC 9112, section 9.5). A mere "writable" is the edge that was due
 * since the last request went out.
 */
static void on_idle_event(void *context)
{
    struct upstream *upstream = context;
    if (upstream->transport.readable || upstream->transport.peer_closed)
        pool_drop(upstream->pool, upstream);
}

static struct upstream *find_idle(struct upstream_pool *pool, const struct tenant *tenant,
                                  const struct host *host, uint16_t port)
{
    struct upstream *upstream;
    TAILQ_FOREACH_REVERSE(upstream, &pool->idle, upstream_list, link)
    {
        if (upstream->tenant == tenant && upstream->port == port && /* NOLINT: see above */
            span_equal(span_of(upstream->host), host_span(host)))
            return upstream;
    }
    return NULL;
}

struct upstream *upstream_pool_take(struct upstream_pool *pool, const struct tenant *tenant,
                                    const struct host *host, uint16_t port, upstream_callback *wake,
                                    void *context)
{
    struct upstream *upstream = find_idle(pool, tenant, host, port);
    while (upstream != NULL && !transport_is_quiet(&upstream->transport)) {
        pool_drop(pool, upstream);
        upstream = find_idle(pool, tenant, host, port);
    }
    if (upstream == NULL)
        return NULL;
    pool_remove(pool, upstream);
    free(upstream->host);
    upstream->host = NULL;
    upstream->kept = true;
    upstream->wake = wake;
    upstream->context = context;
    metrics_add(upstream->metrics, METRIC_UPSTREAMS_REUSED, 1);
    return upstream;
}

void upstream_pool_give(struct upstream_pool *pool, struct upstream *upstream,
                        const struct tenant *tenant, const struct host *host)
{
    upstream->host = span_duplicate(host_span(host));
    if (upstream->host == NULL) {
        upstream_free(upstream, false);
        return;
    }
    if (pool->count == UPSTREAM_POOL_MAXIMUM)
        upstream_pool_shrink(pool);
    upstream->tenant = tenant;
    upstream->pool = pool;
    upstream->wake = on_idle_event;
    upstream->context = upstream;
    TAILQ_INSERT_TAIL(&pool->idle, upstream, link);
    pool->count++;
    deadline_start(pool->deadlines, &upstream->deadline, DEADLINE_KEPT_UPSTREAM);
}
