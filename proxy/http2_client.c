/*
 * A request goes as forward.c wrote it for HTTP/1, read once more; a response comes as
 * HTTP/1 would have brought it. Why a stream ended is kept for the session, in words.
 */
#include "proxy/http2_client.h"

#include "proxy/upstream.h"

#define WINDOW (128 * 1024) /* bytes of a response that may come ahead of its session */

/* The request as forward.c wrote it. */
static enum http_parse send_request(struct http2_stream *stream, struct span bytes)
{
    struct http_request request;
    struct http2_fields fields;
    if (http_request_parse(bytes, &request) != HTTP_DONE)
        return HTTP_BAD;
    const bool has_body = !http_request_is_bodiless(&request);
    const nghttp2_data_provider body = http2_stream_body(stream);
    http2_fields_of_request(&request, SPAN("https"), &fields);
    const int32_t id = nghttp2_submit_request(http2_session(stream->http2), NULL, fields.items,
                                              fields.count, has_body ? &body : NULL, stream);
    if (id < 0)
        return HTTP_BAD;
    stream->id = id;
    stream->head_sent = true;
    stream->is_whole = !has_body;
    memcpy(stream->method, request.method.data, request.method.length);
    stream->method[request.method.length] = '\0';
    http2_outbound_take_head(&stream->outbound, request.length);
    http2_outbound_begin(&stream->outbound, has_body ? request.body : HTTP_BODY_NONE,
                         request.content_length);
    return HTTP_DONE;
}

/* An interim one, or the final one. */
static bool take_response(struct http2_stream *stream, struct http2_head *head, bool ends)
{
    struct text *out = &stream->inbound.out.text;
    if (!http2_head_write_response(head, span_of(stream->method), ends, out)) {
        stream->problem = head->problem.text;
        return false;
    }
    if (http2_head_status(head) < 200)
        return true;
    stream->head_received = true;
    http2_inbound_begin(&stream->inbound, head->body, head->content_length);
    return true;
}

/* By the codes of RFC 9113, section 7. */
static const char *words_for(uint32_t code)
{
    static const char *const words[] = {
        [NGHTTP2_NO_ERROR] = "the HTTP/2 stream ended before its response was whole",
        [NGHTTP2_PROTOCOL_ERROR] = "the HTTP/2 stream was reset: PROTOCOL_ERROR",
        [NGHTTP2_INTERNAL_ERROR] = "the HTTP/2 stream was reset: INTERNAL_ERROR",
        [NGHTTP2_FLOW_CONTROL_ERROR] = "the HTTP/2 stream was reset: FLOW_CONTROL_ERROR",
        [NGHTTP2_SETTINGS_TIMEOUT] = "the HTTP/2 stream was reset: SETTINGS_TIMEOUT",
        [NGHTTP2_STREAM_CLOSED] = "the HTTP/2 stream was reset: STREAM_CLOSED",
        [NGHTTP2_FRAME_SIZE_ERROR] = "the HTTP/2 stream was reset: FRAME_SIZE_ERROR",
        [NGHTTP2_REFUSED_STREAM] = "the host refused the HTTP/2 stream",
        [NGHTTP2_CANCEL] = "the HTTP/2 stream was reset: CANCEL",
        [NGHTTP2_COMPRESSION_ERROR] = "the HTTP/2 stream was reset: COMPRESSION_ERROR",
        [NGHTTP2_CONNECT_ERROR] = "the HTTP/2 stream was reset: CONNECT_ERROR",
        [NGHTTP2_ENHANCE_YOUR_CALM] = "the HTTP/2 stream was reset: ENHANCE_YOUR_CALM",
        [NGHTTP2_INADEQUATE_SECURITY] = "the HTTP/2 stream was reset: INADEQUATE_SECURITY",
        [NGHTTP2_HTTP_1_1_REQUIRED] = "the host wants HTTP/1.1 for this request",
    };
    return code < sizeof(words) / sizeof(words[0]) ? words[code] : "the HTTP/2 stream was reset";
}

static const char *reason_of(const struct http2_stream *stream)
{
    const char *broken = http2_problem(stream->http2);
    if (stream->problem != NULL)
        return stream->problem;
    if (broken != NULL)
        return broken;
    if (!http2_is_greeted(stream->http2))
        return "the host agreed on HTTP/2 and does not speak it";
    return stream->is_closed ? words_for(stream->code)
                             : "the HTTP/2 connection ended before the response was whole";
}

/* Whether the response was whole is for HTTP/1 to say; if not, this tells why. */
static void stream_over(struct http2_stream *stream)
{
    struct upstream *end = stream->owner;
    const bool wants_http1 = stream->is_closed && stream->code == NGHTTP2_HTTP_1_1_REQUIRED;
    end->stream = NULL;
    end->stream_end = (struct upstream_stream_end){
        .reason = reason_of(stream),
        .is_malformed = stream->problem != NULL,
        .is_unprocessed = !stream->was_sent || wants_http1 ||
                          (stream->is_closed && stream->code == NGHTTP2_REFUSED_STREAM),
        .wants_http1 = wants_http1};
}

const struct http2_role http2_client_role = {
    .window = WINDOW, .take_head = take_response, .send_head = send_request, .closed = stream_over};
