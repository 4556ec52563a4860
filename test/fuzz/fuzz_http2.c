/*
 * Whatever a client sends as HTTP/2: what comes out of each stream's pair is the beginning of one
 * HTTP/1 request, clean line by line, that its parsers take, with a body as it says, and nothing
 * behind it; and whatever whoever serves it answers or cuts short, the connection goes on or ends.
 * The first byte chooses how it is answered and in which pieces bytes come; the client's preface is
 * sent ahead of the rest.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/fuzz/line_invariants.h"
#include "test/proxy/http2_plain.h"

#define ENDS    16
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct far_end {
    int fd; /* -1: closed */
    struct buffer came;
    bool has_head;
    bool is_whole;
    enum http_body body;
    uint64_t left;
    struct http_chunked decoder;
};

static struct far_end ends[ENDS];
static size_t end_count;
static const char *answer;

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- the role ---------------------------------------------------------------------- */

static bool begin_stream(struct http2_stream *stream, int fd)
{
    if (end_count == ENDS) {
        close(fd);
        return false;
    }
    ends[end_count] = (struct far_end){.fd = fd};
    http_chunked_init(&ends[end_count].decoder);
    stream->owner = &ends[end_count++];
    return true;
}

static void closed(struct http2_stream *stream)
{
    stream->owner = NULL;
}

static const struct http2_role role = {.is_server = true,
                                       .streams = ENDS,
                                       .window = 65535,
                                       .begin = begin_stream,
                                       .take_head = http2_plain_take_head,
                                       .send_head = http2_plain_send_head,
                                       .closed = closed};

static void wake(void *owner)
{
    (void)owner;
}

/* ---- far ends ------------------------------------------------------------------------ */

static void check_head(struct far_end *end)
{
    static struct http_request request;
    struct span head = buffer_span(&end->came);
    const enum http_parse parse = http_request_parse(head, &request);
    if (parse == HTTP_MORE)
        return;
    end->has_head = true;
    (void)take_whole_line(&head);
    (void)require_fields(head, true);
    end->is_whole = parse == HTTP_BAD; /* too many fields, say: nothing of it is used */
    if (parse == HTTP_BAD)
        return;
    require(!span_equal(request.method, SPAN("CONNECT")) && request.has_host &&
            !request.keep_alive);
    end->body = request.body;
    end->left = request.content_length;
    buffer_consume(&end->came, request.length);
}

static void check_chunks(struct far_end *end)
{
    struct span data, trailers;
    size_t consumed = 1;
    enum http_parse parse = HTTP_MORE;
    while (parse == HTTP_MORE && consumed > 0 && end->came.length > 0) {
        parse =
            http_chunked_read(&end->decoder, buffer_span(&end->came), &consumed, &data, &trailers);
        buffer_consume(&end->came, consumed);
    }
    end->is_whole = parse != HTTP_MORE; /* HTTP_BAD: trailers that may be none */
    require(parse != HTTP_DONE || end->came.length == 0);
}

static void check_body(struct far_end *end)
{
    const size_t here = end->came.length;
    if (end->body == HTTP_BODY_CHUNKED) {
        check_chunks(end);
        return;
    }
    require(here <= end->left);
    end->left -= here;
    buffer_clear(&end->came);
    end->is_whole = end->left == 0;
}

static void read_end(struct far_end *end)
{
    size_t room;
    char *place = buffer_reserve(&end->came, 4096, 1 << 20, &room);
    const ssize_t got = place == NULL ? 0 : recv(end->fd, place, room, MSG_DONTWAIT);
    if (got > 0)
        buffer_commit(&end->came, (size_t)got);
    if (!end->has_head)
        check_head(end);
    if (end->has_head && !end->is_whole)
        check_body(end);
    else if (end->is_whole)
        buffer_clear(&end->came);
}

static void serve_end(struct far_end *end)
{
    if (end->fd < 0)
        return;
    read_end(end);
    if (!end->has_head || answer == NULL)
        return;
    (void)send(end->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(end->fd);
    end->fd = -1;
}

/* ---- the connection ---------------------------------------------------------------------- */

static void read_past(int fd)
{
    static char bytes[1 << 16];
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
}

/* False: it is over. */
static bool turn(struct event_base *base, struct http2 *http2, int client)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
    const enum http2_progress progress = http2_pump(http2);
    for (size_t i = 0; i < end_count; i++)
        serve_end(&ends[i]);
    read_past(client);
    return progress != HTTP2_OVER && progress != HTTP2_BROKEN;
}

static void talk(struct event_base *base, struct http2 *http2, int client, struct span rest,
                 size_t piece)
{
    bool goes_on = send(client, PREFACE, sizeof(PREFACE) - 1, MSG_NOSIGNAL) > 0;
    while (goes_on && rest.length > 0) {
        const size_t count = rest.length < piece ? rest.length : piece;
        (void)send(client, rest.data, count, MSG_NOSIGNAL);
        rest = span_after(rest, count);
        goes_on = turn(base, http2, client);
    }
    for (int i = 0; goes_on && i < 4; i++)
        goes_on = turn(base, http2, client);
}

static void choose(uint8_t byte)
{
    static const char *const answers[] = {
        NULL,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 204 \r\n\r\n",
        "nonsense",
        "",
    };
    answer = answers[byte % (sizeof(answers) / sizeof(answers[0]))];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct event_base *base;
    static struct relay_lender *lender;
    struct transport transport;
    int fds[2];
    if (size == 0)
        return 0;
    if (base == NULL) {
        base = event_base_new();
        lender = calloc(1, sizeof(*lender));
    }
    struct poller *poller = poller_new(base);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    require(transport_open(&transport, poller, fds[0], wake, NULL));
    const struct http2_place place = {
        .transport = &transport, .poller = poller, .lender = lender, .wake = wake};
    struct http2 *http2 = http2_new(&role, &place);
    require(http2 != NULL);
    choose(bytes[0]);
    talk(base, http2, fds[1], (struct span){(const char *)bytes + 1, size - 1},
         bytes[0] & 0x80 ? 7 : 1 << 16);
    http2_free(http2);
    transport_close(&transport, false);
    close(fds[1]);
    for (size_t i = 0; i < end_count; i++) {
        if (ends[i].fd >= 0)
            close(ends[i].fd);
        buffer_clear(&ends[i].came);
    }
    end_count = 0;
    poller_free(poller);
    return 0;
}
