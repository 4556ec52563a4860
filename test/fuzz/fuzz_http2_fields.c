/*
 * Whatever fields come: what is written of them is one message, clean line by line, read by
 * HTTP/1's own parsers as what the section said, for whom it said, and ending where it ends. The
 * first byte chooses the section; then come names and values, each behind a byte that is its
 * length. And whatever HTTP/1 reads: what is sent of it by HTTP/2 are fields of HTTP/2.
 */
#include <stdlib.h>

#include "proxy/http2_fields.h"
#include "proxy/http_chunked.h"
#include "test/fuzz/line_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct span take(struct span *rest)
{
    size_t length = (unsigned char)rest->data[0];
    *rest = span_after(*rest, 1);
    if (length > rest->length)
        length = rest->length;
    const struct span taken = span_slice(*rest, 0, length);
    *rest = span_after(*rest, length);
    return taken;
}

static void read_section(struct http2_head *head, struct span rest)
{
    while (rest.length > 1) {
        const struct span name = take(&rest);
        const struct span value = rest.length == 0 ? SPAN("") : take(&rest);
        http2_head_add(head, name, value);
    }
}

/* By which of the two it was said. */
static struct span authority_of(const struct http2_head *head)
{
    const struct span authority = http2_head_pseudo(head, HTTP2_AUTHORITY);
    return authority.length > 0 ? authority : http2_head_pseudo(head, HTTP2_HOST);
}

static void check_request(struct http2_head *head, bool ends, struct text *out)
{
    static struct http_request request;
    if (!http2_head_write_request(head, SPAN("https"), ends, out)) {
        require(head->problem.text != NULL && head->problem.status >= 400);
        return;
    }
    require_head_alone(text_span(out));
    const enum http_parse parse = http_request_parse(text_span(out), &request);
    require(parse != HTTP_MORE);
    if (parse == HTTP_BAD)
        return;
    require(request.length == out->length && !request.keep_alive);
    require(request.body == head->body ||
            (request.body == HTTP_BODY_SIZED && request.content_length == 0));
    require(request.body != HTTP_BODY_SIZED || request.content_length == head->content_length);
    require(span_equal(request.method, http2_head_pseudo(head, HTTP2_METHOD)));
    require(span_equal(request.target, http2_head_pseudo(head, HTTP2_PATH)));
    require(!request.upgrade_websocket && !span_equal(request.method, SPAN("CONNECT")));
    require(request.has_host && span_equal(request.host, authority_of(head)));
}

static void check_response(struct http2_head *head, bool ends, struct text *out)
{
    static struct http_response response;
    if (!http2_head_write_response(head, SPAN("GET"), ends, out)) {
        require(head->problem.text != NULL);
        return;
    }
    require_head_alone(text_span(out));
    const enum http_parse parse = http_response_parse(text_span(out), SPAN("GET"), &response);
    require(parse != HTTP_MORE);
    if (parse == HTTP_BAD)
        return;
    require(response.length == out->length && response.status == http2_head_status(head));
    require(response.body != HTTP_BODY_UNTIL_CLOSE);
    require(response.body == head->body ||
            (response.body == HTTP_BODY_SIZED && response.content_length == 0));
}

static void check_trailers(const struct http2_head *head, struct text *out)
{
    struct http_chunked decoder;
    struct span data, trailers;
    size_t consumed;
    if (head->problem.text != NULL || head->lines.length > HTTP_TRAILERS_MAXIMUM / 2)
        return;
    (void)require_fields(text_span(&head->lines), false);
    http_last_chunk_write(text_span(&head->lines), out);
    http_chunked_init(&decoder);
    const enum http_parse parse =
        http_chunked_read(&decoder, text_span(out), &consumed, &data, &trailers);
    require(parse != HTTP_MORE);
    require(parse == HTTP_BAD || consumed == out->length);
}

/* ---- what is sent ---------------------------------------------------------------- */

static void check_field(const nghttp2_nv *field)
{
    static const char *const forbidden[] = {"connection",    "proxy-connection",  "keep-alive",
                                            "host",          "transfer-encoding", "upgrade",
                                            "http2-settings"};
    const struct span name = {(const char *)field->name, field->namelen};
    const struct span value = {(const char *)field->value, field->valuelen};
    require(http_is_token(name));
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        require(!span_equal_nocase(name, span_of(forbidden[i])));
    require(!span_equal_nocase(name, SPAN("te")) || span_equal(value, SPAN("trailers")));
    for (size_t i = 0; i < value.length; i++)
        require(value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != '\0');
}

static void check_sent(const struct http2_fields *fields, size_t pseudo_count)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (i < pseudo_count)
            require(fields->items[i].name[0] == ':');
        else
            check_field(&fields->items[i]);
    }
}

static void check_message(struct span text)
{
    static struct http_request request;
    static struct http_response response;
    static struct http2_fields fields;
    if (http_request_parse(text, &request) == HTTP_DONE) {
        http2_fields_of_request(&request, SPAN("https"), &fields);
        check_sent(&fields, 4);
    }
    if (http_response_parse(text, SPAN("GET"), &response) == HTTP_DONE) {
        http2_fields_of_response(&response, &fields);
        check_sent(&fields, 1);
    }
}

static void check_trailers_sent(struct span text)
{
    static struct http2_fields fields;
    struct http_chunked decoder;
    struct span data, trailers;
    size_t consumed = 1;
    enum http_parse parse = HTTP_MORE;
    http_chunked_init(&decoder);
    while (parse == HTTP_MORE && consumed > 0 && text.length > 0) {
        parse = http_chunked_read(&decoder, text, &consumed, &data, &trailers);
        text = span_after(text, consumed);
    }
    if (parse != HTTP_DONE)
        return;
    http2_fields_of_trailers(trailers, &fields);
    check_sent(&fields, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct http2_head head;
    struct text out;
    if (size == 0)
        return 0;
    if ((bytes[0] & 0x40) != 0) {
        check_message((struct span){(const char *)bytes + 1, size - 1});
        check_trailers_sent((struct span){(const char *)bytes + 1, size - 1});
        return 0;
    }
    const enum http2_section section = (enum http2_section)(bytes[0] % 3);
    const bool ends = (bytes[0] & 0x80) != 0;
    http2_head_init(&head, section);
    text_init(&out, 1 << 20);
    read_section(&head, (struct span){(const char *)bytes + 1, size - 1});
    if (section == HTTP2_REQUEST)
        check_request(&head, ends, &out);
    if (section == HTTP2_RESPONSE)
        check_response(&head, ends, &out);
    if (section == HTTP2_TRAILERS)
        check_trailers(&head, &out);
    text_clear(&out);
    http2_head_clear(&head);
    return 0;
}
