/* Small DATA frames are held until what went before is gone, and then make one chunk together. */
#include "proxy/http2_inbound.h"

#include "proxy/http_chunked.h"

#define HELD_FIRST  ((size_t)16 * 1024)
#define PIECE_BYTES ((size_t)64 * 1024) /* framed at a time */

void http2_inbound_init(struct http2_inbound *inbound, size_t maximum)
{
    *inbound = (struct http2_inbound){.maximum = maximum, .body = HTTP_BODY_NONE};
    outbox_init(&inbound->out);
    text_init(&inbound->trailers, HTTP_TRAILERS_MAXIMUM);
}

void http2_inbound_clear(struct http2_inbound *inbound)
{
    outbox_clear(&inbound->out);
    buffer_clear(&inbound->held);
    text_clear(&inbound->trailers);
}

void http2_inbound_begin(struct http2_inbound *inbound, enum http_body body, uint64_t length)
{
    inbound->body = body;
    inbound->left = body == HTTP_BODY_SIZED ? length : 0;
}

static bool hold(struct http2_inbound *inbound, struct span data)
{
    while (data.length > 0) {
        size_t room;
        char *end = buffer_reserve(&inbound->held, HELD_FIRST, inbound->maximum, &room);
        if (end == NULL)
            return false;
        const size_t count = data.length < room ? data.length : room;
        memcpy(end, data.data, count);
        buffer_commit(&inbound->held, count);
        data = span_after(data, count);
    }
    return true;
}

bool http2_inbound_add(struct http2_inbound *inbound, struct span data)
{
    if (data.length == 0)
        return true;
    if (inbound->body == HTTP_BODY_SIZED && data.length <= inbound->left) {
        inbound->left -= data.length;
        return hold(inbound, data);
    }
    return inbound->body == HTTP_BODY_CHUNKED && hold(inbound, data);
}

bool http2_inbound_end(struct http2_inbound *inbound, struct span lines)
{
    inbound->ended = true;
    if (inbound->body == HTTP_BODY_CHUNKED)
        text_add(&inbound->trailers, lines);
    return inbound->left == 0 && !inbound->trailers.overflow;
}

/* The next piece of what came, behind nothing. False: there is nothing. */
static bool frame_next(struct http2_inbound *inbound)
{
    struct text *out = &inbound->out.text;
    struct span piece = buffer_span(&inbound->held);
    outbox_clear(&inbound->out);
    if (piece.length > PIECE_BYTES)
        piece.length = PIECE_BYTES;
    if (piece.length > 0) {
        if (inbound->body == HTTP_BODY_CHUNKED)
            http_chunk_write(piece, out);
        else
            text_add(out, piece);
        inbound->payload_out = piece.length;
        buffer_consume(&inbound->held, piece.length);
        return true;
    }
    if (!inbound->ended || inbound->end_in_out)
        return false;
    inbound->end_in_out = true;
    if (inbound->body == HTTP_BODY_CHUNKED)
        http_last_chunk_write(text_span(&inbound->trailers), out);
    return true;
}

enum transport_result http2_inbound_flush(struct http2_inbound *inbound,
                                          struct transport *transport, size_t *consumed)
{
    do {
        const enum transport_result result = outbox_flush(&inbound->out, transport);
        if (result != TRANSPORT_OK)
            return result;
        *consumed += inbound->payload_out;
        inbound->payload_out = 0;
    } while (frame_next(inbound));
    return TRANSPORT_OK;
}

bool http2_inbound_is_done(const struct http2_inbound *inbound)
{
    return inbound->end_in_out && outbox_is_empty(&inbound->out);
}
