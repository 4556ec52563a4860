/*
 * Payload is handed on from where it lies in the input; `payload` and `behind` say how much of it
 * is there, so that a decoder which goes on in whole pieces feeds a reader who takes any.
 */
#include "proxy/http2_outbound.h"

#define INPUT_FIRST ((size_t)32 * 1024)
#define HEAD_FIRST  ((size_t)4096)

enum found {
    FOUND_PAYLOAD,
    FOUND_NOTHING, /* but there will be */
    FOUND_END,
    FOUND_BROKEN,
};

void http2_outbound_init(struct http2_outbound *outbound)
{
    *outbound = (struct http2_outbound){.body = HTTP_BODY_NONE};
    http_chunked_init(&outbound->decoder);
    text_init(&outbound->trailers, HTTP_TRAILERS_MAXIMUM);
}

void http2_outbound_clear(struct http2_outbound *outbound)
{
    buffer_clear(&outbound->input);
    text_clear(&outbound->trailers);
}

static enum transport_result read_more(struct http2_outbound *outbound, struct transport *transport,
                                       size_t first)
{
    return transport_fill(transport, &outbound->input, first, HTTP_HEAD_MAXIMUM + 1);
}

/* ---- heads ---------------------------------------------------------------------- */

enum transport_result http2_outbound_read_head(struct http2_outbound *outbound,
                                               struct transport *transport, struct span *bytes)
{
    enum transport_result result = TRANSPORT_OK;
    do {
        *bytes = buffer_span(&outbound->input);
        if (bytes->length > outbound->searched &&
            http_head_find_end(*bytes, outbound->searched) > 0)
            return TRANSPORT_OK;
        outbound->searched = bytes->length;
        result = read_more(outbound, transport, HEAD_FIRST);
    } while (result == TRANSPORT_OK);
    return result;
}

void http2_outbound_take_head(struct http2_outbound *outbound, size_t length)
{
    buffer_consume(&outbound->input, length);
    outbound->searched = 0;
}

void http2_outbound_begin(struct http2_outbound *outbound, enum http_body body, uint64_t length)
{
    outbound->body = body;
    outbound->left = length;
}

/* ---- a body --------------------------------------------------------------------- */

static enum found end(struct http2_outbound *outbound)
{
    outbound->body = HTTP_BODY_NONE;
    return FOUND_END;
}

static enum found find_sized(struct http2_outbound *outbound)
{
    const size_t here = outbound->input.length;
    if (outbound->left == 0)
        return end(outbound);
    outbound->payload = here < outbound->left ? here : (size_t)outbound->left;
    outbound->left -= outbound->payload;
    outbound->behind = 0;
    return outbound->payload > 0 ? FOUND_PAYLOAD : FOUND_NOTHING;
}

/* One step of the decoder; *consumed 0: it needs more. */
static enum found decode(struct http2_outbound *outbound, size_t *consumed)
{
    const struct span bytes = buffer_span(&outbound->input);
    struct span data, trailers;
    const enum http_parse parse =
        http_chunked_read(&outbound->decoder, bytes, consumed, &data, &trailers);
    if (parse == HTTP_BAD)
        return FOUND_BROKEN;
    if (parse == HTTP_DONE) {
        text_add(&outbound->trailers, trailers);
        buffer_consume(&outbound->input, *consumed);
        return end(outbound);
    }
    if (data.length == 0) {
        buffer_consume(&outbound->input, *consumed);
        return FOUND_NOTHING;
    }
    const size_t before = (size_t)(data.data - bytes.data);
    outbound->payload = data.length;
    outbound->behind = *consumed - before - data.length;
    buffer_consume(&outbound->input, before);
    return FOUND_PAYLOAD;
}

static enum found find_chunked(struct http2_outbound *outbound)
{
    enum found found = FOUND_NOTHING;
    size_t consumed = 1;
    while (found == FOUND_NOTHING && consumed > 0 && outbound->input.length > 0)
        found = decode(outbound, &consumed);
    return found;
}

/* What the input begins with; nothing is read for it. */
static enum found find(struct http2_outbound *outbound)
{
    if (outbound->payload > 0)
        return FOUND_PAYLOAD;
    switch (outbound->body) {
    case HTTP_BODY_NONE:
        return FOUND_END;
    case HTTP_BODY_SIZED:
        return find_sized(outbound);
    case HTTP_BODY_CHUNKED:
        return find_chunked(outbound);
    case HTTP_BODY_UNTIL_CLOSE:
        break;
    }
    return FOUND_BROKEN;
}

static size_t take(struct http2_outbound *outbound, char *bytes, size_t size)
{
    const size_t count = size < outbound->payload ? size : outbound->payload;
    memcpy(bytes, buffer_span(&outbound->input).data, count);
    outbound->payload -= count;
    buffer_consume(&outbound->input, outbound->payload == 0 ? count + outbound->behind : count);
    return count;
}

enum http2_outbound_result http2_outbound_read(struct http2_outbound *outbound,
                                               struct transport *transport, void *bytes,
                                               size_t size, size_t *count)
{
    enum transport_result result = TRANSPORT_OK;
    enum found found;
    *count = 0;
    while ((found = find(outbound)) != FOUND_END && found != FOUND_BROKEN && *count < size) {
        if (found == FOUND_PAYLOAD)
            *count += take(outbound, (char *)bytes + *count, size - *count);
        else
            result = read_more(outbound, transport, INPUT_FIRST);
        if (result != TRANSPORT_OK)
            break;
    }
    if (found == FOUND_END)
        return HTTP2_OUTBOUND_END;
    if (*count > 0)
        return HTTP2_OUTBOUND_MORE;
    return found != FOUND_BROKEN && result == TRANSPORT_AGAIN ? HTTP2_OUTBOUND_WAIT
                                                              : HTTP2_OUTBOUND_BROKEN;
}
