/*
 * A stream's life between its two ends: one is nghttp2's, which asks for data and is told of
 * them, the other a socket, whose edges say when to look. A look tries both directions as far as
 * they go; what stopped it comes back as an edge or as a callback.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/http2_private.h"

/* ---- life ------------------------------------------------------------------------ */

void http2_stream_mark_ready(struct http2_stream *stream)
{
    if (!stream->is_ready)
        TAILQ_INSERT_TAIL(&stream->http2->ready, stream, ready_link);
    stream->is_ready = true;
}

static void wake(void *owner)
{
    struct http2_stream *stream = owner;
    const struct http2_place *place = &stream->http2->place;
    http2_stream_mark_ready(stream);
    place->wake(place->owner);
}

static bool open_pair(struct http2_stream *stream, int *far)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    if (!transport_open(&stream->inner, stream->http2->place.poller, ends[0], wake, stream)) {
        close(ends[1]);
        return false;
    }
    stream->inner.writable = true; /* so is every new pair */
    *far = ends[1];
    return true;
}

struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id, int *fd)
{
    struct http2_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->http2 = http2;
    stream->id = id;
    if (!open_pair(stream, fd)) {
        free(stream);
        return NULL;
    }
    http2_inbound_init(&stream->inbound, http2->role->window);
    http2_outbound_init(&stream->outbound);
    TAILQ_INSERT_TAIL(&http2->streams, stream, link);
    http2->count++;
    if (http2->place.metrics != NULL)
        metrics_add(http2->place.metrics, METRIC_STREAMS_OPEN, 1);
    return stream;
}

/* A response that came whole just before its connection broke: the pair mostly has room for it. */
static void deliver_last(struct http2_stream *stream)
{
    size_t count = 0;
    if (!stream->http2->role->is_server && stream->inbound.ended && !stream->is_deaf)
        (void)http2_inbound_flush(&stream->inbound, &stream->inner, &count);
}

void http2_stream_free(struct http2_stream *stream)
{
    struct http2 *http2 = stream->http2;
    deliver_last(stream);
    if (stream->owner != NULL)
        http2->role->closed(stream);
    if (stream->id > 0)
        nghttp2_session_set_stream_user_data(http2->session, stream->id, NULL);
    if (stream->is_ready)
        TAILQ_REMOVE(&http2->ready, stream, ready_link);
    TAILQ_REMOVE(&http2->streams, stream, link);
    http2->count--;
    if (http2->place.metrics != NULL)
        metrics_subtract(http2->place.metrics, METRIC_STREAMS_OPEN, 1);
    transport_close(&stream->inner, false);
    http2_inbound_clear(&stream->inbound);
    http2_outbound_clear(&stream->outbound);
    free(stream);
}

/* A server's response is out, or there will be none: nobody asks for what is left of the request. A
 * client's response that came whole still has to be delivered. */
void http2_stream_close(struct http2_stream *stream, uint32_t code)
{
    stream->is_closed = true;
    stream->code = code;
    if (!stream->http2->role->is_server && code == NGHTTP2_NO_ERROR && stream->inbound.ended &&
        !http2_inbound_is_done(&stream->inbound))
        return;
    http2_stream_free(stream);
}

void http2_stream_reset(struct http2_stream *stream, uint32_t code)
{
    stream->is_deaf = stream->is_reset = true;
    http2_allow(stream->http2, 2 * (size_t)stream->http2->role->window); /* may be on its way */
    if (stream->id > 0)
        nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, code);
}

/* ---- into the pair ----------------------------------------------------------------- */

/* Nobody takes any more of it: it is read past, so that the connection's other streams go on. */
static void stop_listening(struct http2_stream *stream, size_t *consumed)
{
    struct http2_inbound *inbound = &stream->inbound;
    stream->is_deaf = true;
    *consumed += inbound->payload_out + inbound->held.length;
    inbound->payload_out = 0;
    outbox_clear(&inbound->out);
    buffer_clear(&inbound->held);
}

static void flush_inbound(struct http2_stream *stream)
{
    size_t consumed = 0;
    if (stream->is_deaf)
        return;
    switch (http2_inbound_flush(&stream->inbound, &stream->inner, &consumed)) {
    case TRANSPORT_OK:
    case TRANSPORT_AGAIN:
        break;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        stop_listening(stream, &consumed);
        break;
    }
    if (consumed > 0 && !stream->is_closed)
        nghttp2_session_consume_stream(stream->http2->session, stream->id, consumed);
    stream->http2->moved += consumed;
}

/* ---- out of the pair --------------------------------------------------------------- */

static void send_heads(struct http2_stream *stream)
{
    struct span bytes;
    while (!stream->head_sent && !stream->is_reset) {
        switch (http2_outbound_read_head(&stream->outbound, &stream->inner, &bytes)) {
        case TRANSPORT_OK:
            break;
        case TRANSPORT_AGAIN:
            return;
        case TRANSPORT_END:
        case TRANSPORT_FAILED:
            http2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
            return;
        }
        if (stream->http2->role->send_head(stream, bytes) != HTTP_DONE)
            http2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
}

/* The last of the body goes with END_STREAM, or trailers do behind it. */
static void end_body(struct http2_stream *stream, uint32_t *flags)
{
    const struct span trailers = text_span(&stream->outbound.trailers);
    struct http2_fields fields;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->is_whole = true;
    http2_fields_of_trailers(trailers, &fields);
    if (fields.count == 0)
        return;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(stream->http2->session, stream->id, fields.items, fields.count) != 0)
        http2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct http2_stream *stream = source->ptr;
    size_t count;
    (void)session;
    (void)id;
    (void)context;
    switch (http2_outbound_read(&stream->outbound, &stream->inner, bytes, size, &count)) {
    case HTTP2_OUTBOUND_MORE:
        http2_allow(stream->http2, count);
        stream->has_moved = true;
        return (ssize_t)count;
    case HTTP2_OUTBOUND_END:
        end_body(stream, flags);
        return (ssize_t)count;
    case HTTP2_OUTBOUND_WAIT:
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    case HTTP2_OUTBOUND_BROKEN:
        break;
    }
    stream->is_deaf = stream->is_reset = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM */
}

nghttp2_data_provider http2_stream_body(struct http2_stream *stream)
{
    return (nghttp2_data_provider){.source = {.ptr = stream}, .read_callback = read_body};
}

static void send_outbound(struct http2_stream *stream)
{
    send_heads(stream);
    if (stream->is_deferred && !stream->is_reset && stream->inner.readable) {
        stream->is_deferred = false;
        nghttp2_session_resume_data(stream->http2->session, stream->id);
    }
}

/* ---- a look ---------------------------------------------------------------------------- */

/* Who asked for it has closed the far end. */
static bool is_abandoned(const struct http2_stream *stream)
{
    return !stream->http2->role->is_server && stream->inner.peer_closed;
}

void http2_stream_turn(struct http2_stream *stream)
{
    flush_inbound(stream);
    if (stream->is_closed) {
        if (stream->is_deaf || http2_inbound_is_done(&stream->inbound))
            http2_stream_free(stream);
        return;
    }
    if (is_abandoned(stream) && !stream->is_reset)
        http2_stream_reset(stream, NGHTTP2_CANCEL);
    send_outbound(stream);
    if (stream->is_reset && stream->id == 0) /* nghttp2 has never heard of it */
        http2_stream_free(stream);
}
