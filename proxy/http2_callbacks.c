/*
 * What nghttp2 tells of, and what it is told to do about it. It knows frames, windows and HPACK;
 * what makes a message HTTP is looked at by http2_fields and http2_inbound instead of its own
 * checks, which would leave out a wrong field where this house refuses the message (and says why).
 */
#include "proxy/http2_private.h"

/* That may come for each byte of payload: DATA frames may be small. */
#define BYTES_FOR_PAYLOAD 16

static struct http2_stream *stream_of(struct http2 *http2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(http2->session, id);
}

/* ---- heads ---------------------------------------------------------------------------- */

/* What comes of a stream that is forgotten already is taken for trailers, which nobody waits for.
 */
static enum http2_section section_of(const nghttp2_frame *frame, const struct http2_stream *stream)
{
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return HTTP2_REQUEST;
    return stream == NULL || stream->head_received ? HTTP2_TRAILERS : HTTP2_RESPONSE;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    (void)session;
    http2_head_clear(&http2->head);
    http2_head_init(&http2->head, section_of(frame, stream_of(http2, frame->hd.stream_id)));
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *context)
{
    struct http2 *http2 = context;
    (void)session;
    (void)frame;
    (void)flags;
    http2_head_add(&http2->head, (struct span){(const char *)name, name_length},
                   (struct span){(const char *)value, value_length});
    return 0;
}

static void refuse_stream(struct http2 *http2, int32_t id)
{
    nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

/*
 * NULL: it was refused. GOAWAY may wait behind what the peer does not read: what it asks for
 * meanwhile is too late.
 */
static struct http2_stream *begin_stream(struct http2 *http2, int32_t id)
{
    int fd;
    struct http2_stream *stream = http2->is_ending ? NULL : http2_stream_new(http2, id, &fd);
    if (stream == NULL) {
        refuse_stream(http2, id);
        return NULL;
    }
    if (http2->role->begin(stream, fd)) {
        nghttp2_session_set_stream_user_data(http2->session, id, stream);
        return stream;
    }
    stream->owner = NULL;
    http2_stream_free(stream);
    refuse_stream(http2, id);
    return NULL;
}

static void refuse_message(struct http2_stream *stream, const char *problem)
{
    stream->problem = problem;
    http2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR);
}

static void end_inbound(struct http2_stream *stream, struct span trailers)
{
    stream->peer_ended = true;
    if (stream->is_deaf)
        return;
    if (http2_inbound_end(&stream->inbound, trailers))
        http2_stream_mark_ready(stream);
    else
        refuse_message(stream, "the body is shorter than Content-Length says");
}

/* Trailers without END_STREAM are malformed (RFC 9113, section 8.1). */
static void take_trailers(struct http2_stream *stream, const struct http2_head *head, bool ends)
{
    if (!ends)
        refuse_message(stream, "a second head, or trailers that are not the end");
    else if (head->problem.text != NULL)
        refuse_message(stream, head->problem.text);
    else
        end_inbound(stream, text_span(&head->lines));
}

static void take_head(struct http2_stream *stream, struct http2_head *head, bool ends)
{
    if (!stream->http2->role->take_head(stream, head, ends)) {
        http2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    http2_stream_mark_ready(stream);
    if (ends)
        end_inbound(stream, SPAN(""));
}

static void take_section(struct http2 *http2, const nghttp2_frame *frame)
{
    struct http2_head *head = &http2->head;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct http2_stream *stream = stream_of(http2, frame->hd.stream_id);
    if (head->section == HTTP2_REQUEST)
        stream = begin_stream(http2, frame->hd.stream_id);
    if (stream != NULL && !stream->is_deaf) {
        http2_allow(http2, HTTP2_SECTION_MAXIMUM);
        if (head->section == HTTP2_TRAILERS)
            take_trailers(stream, head, ends);
        else
            take_head(stream, head, ends);
    }
    http2_head_clear(head);
}

/* ---- data ------------------------------------------------------------------------------ */

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t length, void *context)
{
    struct http2 *http2 = context;
    struct http2_stream *stream = stream_of(http2, id);
    (void)flags;
    nghttp2_session_consume_connection(session, length);
    http2_allow(http2, BYTES_FOR_PAYLOAD * length);
    if (stream == NULL || stream->is_deaf || !stream->head_received) {
        nghttp2_session_consume_stream(session, id, length);
        if (stream != NULL && !stream->is_deaf)
            refuse_message(stream, "data before the head");
        return 0;
    }
    if (http2_inbound_add(&stream->inbound, (struct span){(const char *)bytes, length}))
        http2_stream_mark_ready(stream);
    else
        refuse_message(stream, "a body where none may be, or a longer one than announced");
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    (void)session;
    http2->is_greeted = true; /* nghttp2 takes nothing else for the first */
    if (frame->hd.type == NGHTTP2_HEADERS) {
        take_section(http2, frame);
        return 0;
    }
    struct http2_stream *stream = stream_of(http2, frame->hd.stream_id);
    if (stream != NULL && frame->hd.type == NGHTTP2_DATA &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        end_inbound(stream, SPAN(""));
    return 0;
}

/* ---- ends ------------------------------------------------------------------------------ */

/* RFC 9113, section 7. Other resets are for reasons of whoever serves the stream. */
static bool is_clients_doing(uint32_t code)
{
    return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
           code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_FRAME_SIZE_ERROR;
}

/* The whole response is out, and what the client still sends nobody reads (RFC 9113, section 8.1).
 */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *http2 = context;
    if (frame->hd.type == NGHTTP2_RST_STREAM && http2->role->is_server &&
        is_clients_doing(frame->rst_stream.error_code) && !http2_pay_for_reset(http2))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
        http2->problem == NULL)
        http2->problem = nghttp2_http2_strerror(frame->goaway.error_code);
    struct http2_stream *stream = stream_of(http2, frame->hd.stream_id);
    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS && stream != NULL)
        stream->was_sent = true;
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || stream == NULL)
        return 0;
    if (http2->role->is_server && !stream->peer_ended)
        http2_stream_reset(stream, NGHTTP2_NO_ERROR);
    return 0;
}

/* The origin breaks the rules: what is under way may end well, but nothing more is begun. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *context)
{
    struct http2 *http2 = context;
    (void)session;
    (void)frame;
    if (!http2->role->is_server && http2->problem == NULL)
        http2->problem = nghttp2_strerror(code);
    return 0;
}

/* A request that could not be sent any more has no stream that nghttp2 would know it by. */
static struct http2_stream *find(const struct http2 *http2, int32_t id)
{
    struct http2_stream *stream;
    TAILQ_FOREACH(stream, &http2->streams, link)
    {
        if (stream->id == id)
            break;
    }
    return stream;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    struct http2_stream *stream = find(context, id);
    (void)session;
    if (stream != NULL)
        http2_stream_close(stream, code);
    return 0;
}

nghttp2_session_callbacks *http2_callbacks_new(void)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}
