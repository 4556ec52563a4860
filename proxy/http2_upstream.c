/*
 * A connection is in one of two lists, busy or idle, by whether it has streams; that is looked at
 * behind each of its turns. Turns are never taken from within a session: whoever opens a stream or
 * writes to one only makes the turn due.
 */
#include "proxy/http2_upstream.h"

#include <stddef.h>
#include <stdlib.h>

#include "policy/trie_hash.h"
#include "proxy/clock.h"
#include "proxy/http2_client.h"
#include "proxy/worker.h"

struct http2_upstream {
    TAILQ_ENTRY(http2_upstream) link;        /* busy, or idle */
    TAILQ_ENTRY(http2_upstream) bucket_link; /* in its bucket */
    struct http2_upstream_list *bucket;
    struct http2_upstreams *home;
    struct upstream *connection; /* owned */
    struct http2 *http2;         /* owned; goes over it */
    struct event *turn;          /* its next turn is due */
    const struct tenant *tenant;
    uint64_t since;           /* milliseconds, monotonic: when it was made */
    uint64_t heard;           /* … and when it last had something to be read, or to wait for */
    bool is_idle;             /* in that list */
    struct deadline greeting; /* DEADLINE_HTTP2_GREETING */
    struct deadline deadline; /* DEADLINE_KEPT_HTTP2, while idle */
    size_t host_length;
    char host[];
};

/* ---- connections ------------------------------------------------------------------- */

static void leave_list(struct http2_upstream *upstream)
{
    struct http2_upstreams *home = upstream->home;
    if (!upstream->is_idle) {
        TAILQ_REMOVE(&home->busy, upstream, link);
        return;
    }
    TAILQ_REMOVE(&home->idle, upstream, link);
    home->idle_count--;
    deadline_end(home->worker->deadlines, &upstream->deadline);
}

static void close_connection(struct http2_upstream *upstream)
{
    leave_list(upstream);
    TAILQ_REMOVE(upstream->bucket, upstream, bucket_link);
    deadline_end(upstream->home->worker->deadlines, &upstream->greeting);
    http2_free(upstream->http2);
    upstream_free(upstream->connection, false);
    event_free(upstream->turn);
    free(upstream);
}

static void become_busy(struct http2_upstream *upstream)
{
    if (!upstream->is_idle)
        return;
    leave_list(upstream);
    upstream->is_idle = false;
    upstream->heard = clock_milliseconds();
    TAILQ_INSERT_TAIL(&upstream->home->busy, upstream, link);
}

static void become_idle(struct http2_upstream *upstream)
{
    struct http2_upstreams *home = upstream->home;
    if (home->idle_count == HTTP2_UPSTREAM_IDLE_MAXIMUM)
        http2_upstreams_shrink(home);
    leave_list(upstream);
    upstream->is_idle = true;
    TAILQ_INSERT_TAIL(&home->idle, upstream, link);
    home->idle_count++;
    deadline_start(home->worker->deadlines, &upstream->deadline, DEADLINE_KEPT_HTTP2);
}

/*
 * How many streams an origin takes is known with its SETTINGS: what it refuses can be sent again
 * only where nothing of a body is gone. A connection that has said nothing while it was asked may
 * be dead without anybody's word.
 */
static bool has_room(const struct http2_upstream *upstream)
{
    const size_t streams = http2_stream_count(upstream->http2);
    const uint64_t now = clock_milliseconds();
    if (!http2_has_room(upstream->http2) || now - upstream->since >= HTTP2_UPSTREAM_AGE)
        return false;
    return streams == 0 || (streams < HTTP2_UPSTREAM_STREAMS && http2_is_greeted(upstream->http2) &&
                            now - upstream->heard < HTTP2_UPSTREAM_SILENCE);
}

/* Its last words are GOAWAY, where they go out at once. */
static void say_goodbye(struct http2_upstream *upstream)
{
    http2_end(upstream->http2);
    (void)http2_pump(upstream->http2);
    close_connection(upstream);
}

static void make_turn_due(void *owner)
{
    static const struct timeval at_once = {0, 0};
    const struct http2_upstream *upstream = owner;
    event_add(upstream->turn, &at_once);
}

static void take_turn(struct http2_upstream *upstream)
{
    switch (http2_pump(upstream->http2)) {
    case HTTP2_OVER:
    case HTTP2_BROKEN:
        close_connection(upstream);
        return;
    case HTTP2_YIELD:
        make_turn_due(upstream);
        break;
    case HTTP2_WAIT:
        break;
    }
    if (http2_stream_count(upstream->http2) > 0 || upstream->is_idle)
        return;
    if (has_room(upstream))
        become_idle(upstream);
    else
        say_goodbye(upstream);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    take_turn(context);
}

static void on_edge(void *owner)
{
    struct http2_upstream *upstream = owner;
    if (upstream->connection->transport.readable)
        upstream->heard = clock_milliseconds();
    take_turn(upstream);
}

static void on_no_greeting(struct deadline *deadline, enum deadline_kind kind)
{
    struct http2_upstream *upstream =
        (struct http2_upstream *)(void *)((char *)deadline -
                                          offsetof(struct http2_upstream, greeting));
    (void)kind;
    if (!http2_is_greeted(upstream->http2))
        close_connection(upstream);
}

static void on_too_old(struct deadline *deadline, enum deadline_kind kind)
{
    (void)kind;
    say_goodbye((struct http2_upstream *)(void *)((char *)deadline -
                                                  offsetof(struct http2_upstream, deadline)));
}

/* ---- the pool ---------------------------------------------------------------------- */

void http2_upstreams_init(struct http2_upstreams *upstreams, struct worker *worker)
{
    *upstreams = (struct http2_upstreams){.worker = worker};
    for (size_t i = 0; i < HTTP2_UPSTREAM_BUCKETS; i++)
        TAILQ_INIT(&upstreams->buckets[i]);
    TAILQ_INIT(&upstreams->busy);
    TAILQ_INIT(&upstreams->idle);
    deadlines_set_callback(worker->deadlines, DEADLINE_HTTP2_GREETING, on_no_greeting);
    deadlines_set_callback(worker->deadlines, DEADLINE_KEPT_HTTP2, on_too_old);
}

static void clear_list(struct http2_upstream_list *list)
{
    struct http2_upstream *upstream, *next;
    for (upstream = TAILQ_FIRST(list); upstream != NULL; upstream = next) {
        next = TAILQ_NEXT(upstream, link);
        close_connection(upstream);
    }
}

void http2_upstreams_clear(struct http2_upstreams *upstreams)
{
    clear_list(&upstreams->busy);
    clear_list(&upstreams->idle);
}

bool http2_upstreams_shrink(struct http2_upstreams *upstreams)
{
    struct http2_upstream *oldest = TAILQ_FIRST(&upstreams->idle);
    if (oldest == NULL)
        return false;
    say_goodbye(oldest);
    return true;
}

static void sift(struct http2_upstream_list *list, upstream_is_wanted *is_wanted,
                 const void *context)
{
    struct http2_upstream *upstream, *next;
    for (upstream = TAILQ_FIRST(list); upstream != NULL; upstream = next) {
        next = TAILQ_NEXT(upstream, link);
        if (is_wanted(upstream->tenant, (struct span){upstream->host, upstream->host_length},
                      upstream->connection->port, upstream->connection->transport.tls != NULL,
                      context))
            continue;
        http2_end(upstream->http2);
        if (upstream->is_idle)
            say_goodbye(upstream);
        else
            make_turn_due(upstream);
    }
}

void http2_upstreams_sift(struct http2_upstreams *upstreams, upstream_is_wanted *is_wanted,
                          const void *context)
{
    sift(&upstreams->busy, is_wanted, context);
    sift(&upstreams->idle, is_wanted, context);
}

static bool is_of(const struct http2_upstream *upstream, const struct upstream_key *key)
{
    const struct upstream *connection = upstream->connection;
    return upstream->tenant == key->tenant && connection->port == key->port &&
           span_equal((struct span){upstream->host, upstream->host_length}, host_span(key->host)) &&
           upstream_is_made_with(connection, key->tls);
}

static struct http2_upstream_list *bucket_of(struct http2_upstreams *upstreams,
                                             const struct upstream_key *key)
{
    const struct trie_hash_key hash_key = trie_hash_key();
    const uint64_t start = hash_key.start ^ (uintptr_t)key->tenant ^ key->port;
    const uint64_t hash = trie_hash_label(&hash_key, start, host_span(key->host));
    return &upstreams->buckets[hash >> 32 & (HTTP2_UPSTREAM_BUCKETS - 1)];
}

/* One of KEY with room, IS_IDLE or not. The analyser does not follow TAILQ_REMOVE's pointer to a
 * pointer, and takes what left the list for still in it: hence the NOLINT. */
static struct http2_upstream *find(struct http2_upstreams *upstreams,
                                   const struct upstream_key *key, bool is_idle)
{
    const struct http2_upstream_list *bucket = bucket_of(upstreams, key);
    struct http2_upstream *upstream;
    TAILQ_FOREACH(upstream, bucket, bucket_link)
    {
        if (upstream->is_idle == is_idle && is_of(upstream, key) && /* NOLINT: see above */
            has_room(upstream))
            break;
    }
    return upstream;
}

/*
 * One that idles may have ended, and nobody has been told yet: that is asked here, at the last
 * moment, for what has been sent into a closed door cannot always be sent again.
 */
static struct http2_upstream *find_idle(struct http2_upstreams *upstreams,
                                        const struct upstream_key *key)
{
    struct http2_upstream *upstream = find(upstreams, key, true);
    if (upstream == NULL || transport_is_quiet(&upstream->connection->transport))
        return upstream;
    upstream->connection->transport.readable = true;
    take_turn(upstream);
    return find(upstreams, key, true);
}

/* The session's end of the pair is, for all that it may know, a connection to the origin. */
static struct upstream *open_stream(struct http2_upstream *upstream, transport_wake *wake,
                                    void *owner)
{
    const struct worker *worker = upstream->home->worker;
    const struct upstream *connection = upstream->connection;
    int fd;
    struct http2_stream *stream = http2_open(upstream->http2, NULL, &fd);
    if (stream == NULL)
        return NULL;
    become_busy(upstream);
    make_turn_due(upstream);
    struct upstream *end = upstream_new(worker->poller, fd, &connection->ip, connection->port,
                                        worker->metrics, wake, owner);
    if (end == NULL)
        return NULL;
    end->transport.writable = true; /* so is every new pair */
    end->is_stream = true;
    end->stream = stream;
    stream->owner = end;
    return end;
}

struct upstream *http2_upstreams_take(struct http2_upstreams *upstreams,
                                      const struct upstream_key *key, transport_wake *wake,
                                      void *owner)
{
    struct http2_upstream *upstream = find(upstreams, key, false);
    if (upstream == NULL)
        upstream = find_idle(upstreams, key);
    if (upstream == NULL)
        return NULL;
    struct upstream *end = open_stream(upstream, wake, owner);
    if (end == NULL)
        return NULL;
    end->kept = true;
    metrics_add(upstreams->worker->metrics, METRIC_UPSTREAMS_REUSED, 1);
    return end;
}

static struct http2_upstream *make(struct http2_upstreams *upstreams, struct upstream *connection,
                                   const struct upstream_key *key)
{
    struct worker *worker = upstreams->worker;
    struct http2_upstream *upstream = calloc(1, sizeof(*upstream) + key->host->length);
    if (upstream == NULL)
        return NULL;
    const struct http2_place place = {.transport = &connection->transport,
                                      .poller = worker->poller,
                                      .lender = worker->lender,
                                      .metrics = worker->metrics,
                                      .wake = make_turn_due,
                                      .owner = upstream};
    upstream->http2 = http2_new(&http2_client_role, &place);
    upstream->turn = evtimer_new(worker->base, on_turn, upstream);
    if (upstream->http2 != NULL && upstream->turn != NULL)
        return upstream;
    http2_free(upstream->http2);
    if (upstream->turn != NULL)
        event_free(upstream->turn);
    free(upstream);
    return NULL;
}

struct upstream *http2_upstreams_add(struct http2_upstreams *upstreams, struct upstream *connection,
                                     const struct upstream_key *key, transport_wake *wake,
                                     void *owner)
{
    struct http2_upstream *upstream = make(upstreams, connection, key);
    if (upstream == NULL) {
        upstream_free(connection, false);
        return NULL;
    }
    upstream->home = upstreams;
    upstream->connection = connection;
    upstream->tenant = key->tenant;
    upstream->since = upstream->heard = clock_milliseconds();
    upstream->host_length = key->host->length;
    memcpy(upstream->host, key->host->text, key->host->length);
    upstream->bucket = bucket_of(upstreams, key);
    TAILQ_INSERT_TAIL(upstream->bucket, upstream, bucket_link);
    connection->transport.wake = on_edge;
    connection->transport.owner = upstream;
    TAILQ_INSERT_TAIL(&upstreams->busy, upstream, link);
    deadline_start(upstreams->worker->deadlines, &upstream->greeting, DEADLINE_HTTP2_GREETING);
    struct upstream *end = open_stream(upstream, wake, owner);
    if (end == NULL)
        close_connection(upstream);
    return end;
}
