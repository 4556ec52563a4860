/*
 * Whatever frames an origin sends on an HTTP/2 connection: what a request's session gets is one
 * response of HTTP/1.1 as the strict parser takes it, or a part of one, and nothing behind it. A
 * chunked one that has its end is one in which nothing was wrong. The first byte chooses the
 * request's method.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/http2_upstream.h"
#include "proxy/http_chunked.h"
#include "proxy/worker.h"
#include "test/fuzz/line_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct worker worker;
static struct tenant tenant;
static struct host host;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void ignore(void *owner)
{
    (void)owner;
}

static void make_world(void)
{
    static const struct configuration configuration = {.timeout_dial = 60000};
    struct error error;
    if (worker.base != NULL)
        return;
    worker = (struct worker){.configuration = &configuration,
                             .base = event_base_new(),
                             .metrics = metrics_new(),
                             .lender = calloc(1, sizeof(*worker.lender))};
    worker.poller = poller_new(worker.base);
    worker.deadlines = deadlines_new(worker.base, &configuration);
    require(host_parse(SPAN("a.example"), &host, &error));
    http2_upstreams_init(&worker.http2_upstreams, &worker);
}

static void turn_loop(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(worker.base, EVLOOP_NONBLOCK);
}

/* All that has come for the session so far, behind BYTES, of which there are *length. */
static void gather(struct upstream *end, char *bytes, size_t size, size_t *length)
{
    size_t count;
    while (*length < size &&
           transport_read(&end->transport, bytes + *length, size - *length, &count) == TRANSPORT_OK)
        *length += count;
}

static void check_chunked(const struct upstream *end, struct span rest)
{
    struct http_chunked decoder;
    enum http_parse parse = HTTP_MORE;
    size_t consumed = 1;
    http_chunked_init(&decoder);
    while (parse == HTTP_MORE && consumed > 0 && rest.length > 0) {
        struct span data, trailers;
        parse = http_chunked_read(&decoder, rest, &consumed, &data, &trailers);
        if (parse == HTTP_BAD) /* what HTTP/1 refuses of trailers is refused there */
            return;
        rest = span_after(rest, consumed);
    }
    if (parse != HTTP_DONE)
        return;
    require(rest.length == 0);
    require(!end->stream_end.is_malformed);
}

static void check(const struct upstream *end, struct span came, struct span method)
{
    static struct http_response response;
    struct span head = came;
    do {
        if (head.length > 0) {
            (void)take_whole_line(&head);
            head = require_fields(head, true);
        }
        if (http_response_parse(came, method, &response) != HTTP_DONE)
            return;
        require(response.minor == 1 && !response.keep_alive && response.status != 101);
        came = span_after(came, response.length);
        require(came.length == head.length);
    } while (response.status < 200);
    switch (response.body) {
    case HTTP_BODY_NONE:
        require(came.length == 0);
        break;
    case HTTP_BODY_SIZED:
        require(came.length <= response.content_length);
        break;
    case HTTP_BODY_CHUNKED:
        check_chunked(end, came);
        break;
    case HTTP_BODY_UNTIL_CLOSE:
        abort();
    }
}

static void ask(struct upstream *end, const char *method)
{
    char request[128];
    size_t count;
    const int length =
        snprintf(request, sizeof(request),
                 "%s / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc", method);
    require(transport_write(&end->transport, request, (size_t)length, &count) == TRANSPORT_OK);
    turn_loop();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";
    static char came[1 << 20];
    static const struct ip ip;
    size_t length = 0;
    int ends[2];
    if (size == 0)
        return 0;
    make_world();
    const char *method = methods[bytes[0] % 3];
    const struct upstream_key key = {.tenant = &tenant, .host = &host, .port = 443};
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    struct upstream *end = http2_upstreams_add(
        &worker.http2_upstreams,
        upstream_new(worker.poller, ends[0], &ip, 443, worker.metrics, ignore, NULL), &key, ignore,
        NULL);
    require(end != NULL);
    require(send(ends[1], settings, sizeof(settings) - 1, MSG_NOSIGNAL) > 0);
    ask(end, method);
    (void)send(ends[1], bytes + 1, size - 1, MSG_NOSIGNAL);
    turn_loop();
    gather(end, came, sizeof(came), &length);
    shutdown(ends[1], SHUT_WR);
    turn_loop();
    gather(end, came, sizeof(came), &length);
    check(end, (struct span){came, length}, span_of(method));
    upstream_free(end, false);
    http2_upstreams_clear(&worker.http2_upstreams);
    require(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN) == 0);
    close(ends[1]);
    return 0;
}
