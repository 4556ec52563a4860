#include "test/proxy/http2_plain.h"

bool http2_plain_take_head(struct http2_stream *stream, struct http2_head *head, bool is_end)
{
    if (!http2_head_write_request(head, SPAN("https"), is_end, &stream->inbound.out.text))
        return false;
    http2_stream_begin_inbound(stream, head->body, head->content_length);
    return true;
}

enum http_parse http2_plain_send_head(struct http2_stream *stream, struct span bytes)
{
    struct http_response response;
    struct http2_fields fields;
    const nghttp2_data_provider body = http2_stream_body(stream);
    const enum http_parse parse = http_response_parse(bytes, SPAN("GET"), &response);
    if (parse != HTTP_DONE)
        return parse;
    http2_fields_of_response(&response, &fields);
    if (response.status < 200) {
        nghttp2_submit_headers(http2_session(stream->http2), 0, stream->id, NULL, fields.items,
                               fields.count, NULL);
    } else {
        http2_stream_begin_outbound(stream, response.body, response.content_length);
        nghttp2_submit_response(http2_session(stream->http2), stream->id, fields.items,
                                fields.count, &body);
    }
    http2_outbound_take_head(&stream->outbound, response.length);
    return HTTP_DONE;
}
