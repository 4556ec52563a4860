/*
 * Why: the other side must read exactly what was understood and decided here, so
 * every head is written anew from that understanding, framing first of all.
 * Rests on: names and values that hold no control character (http_syntax), so
 * that none of them can begin a line of its own.
 */
#include "proxy/http_fields.h"

static void write_field(struct span name, struct span value, struct text *out)
{
    text_add(out, name);
    text_add(out, SPAN(": "));
    text_add(out, value);
    text_add(out, SPAN("\r\n"));
}

static void write_length(uint64_t length, struct text *out)
{
    text_add(out, SPAN("Content-Length: "));
    text_add_decimal(out, length);
    text_add(out, SPAN("\r\n"));
}

/* The end-to-end fields; HAS_TRAILERS: a chunked body follows, which Trailer may speak of. */
static void write_fields(const struct http_fields *fields, bool has_trailers, struct text *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->hop_by_hop || span_equal_nocase(field->name, SPAN("Host")) ||
            span_equal_nocase(field->name, SPAN("Content-Length")) ||
            span_equal_nocase(field->name, SPAN("Expect")))
            continue;
        if (!has_trailers && span_equal_nocase(field->name, SPAN("Trailer")))
            continue;
        write_field(field->name, field->value, out);
    }
}

static void write_target(const struct http_request *request, struct span path_and_query,
                         struct text *out)
{
    bool has_path = path_and_query.length > 0;
    if (!has_path && span_equal(request->method, SPAN("OPTIONS"))) {
        text_add_char(out, '*');
        return;
    }
    if (!has_path || path_and_query.data[0] == '?')
        text_add_char(out, '/');
    text_add(out, path_and_query);
}

static void write_host(const struct host *host, uint16_t port, uint16_t default_port,
                       struct text *out)
{
    text_add(out, SPAN("Host: "));
    host_add_to_text(host, out);
    if (port != default_port) {
        text_add_char(out, ':');
        text_add_decimal(out, port);
    }
    text_add(out, SPAN("\r\n"));
}

void http_request_write(const struct http_request *request, struct span path_and_query,
                        const struct host *host, uint16_t port, uint16_t default_port,
                        struct text *out)
{
    text_add(out, request->method);
    text_add_char(out, ' ');
    write_target(request, path_and_query, out);
    text_add(out, SPAN(" HTTP/1.1\r\n"));
    write_host(host, port, default_port, out);
    write_fields(&request->fields, request->body == HTTP_BODY_CHUNKED, out);
    if (request->expect_continue)
        text_add(out, SPAN("Expect: 100-continue\r\n"));
    if (request->body == HTTP_BODY_SIZED)
        write_length(request->content_length, out);
    if (request->body == HTTP_BODY_CHUNKED)
        text_add(out, SPAN("Transfer-Encoding: chunked\r\n"));
    text_add(out, request->upgrade_websocket ? SPAN("Connection: upgrade\r\nUpgrade: websocket\r\n")
                                             : SPAN("Connection: keep-alive\r\n"));
    text_add(out, SPAN("\r\n"));
}

/* Always our own version (RFC 9110, section 2.5: a proxy sends its own). */
static void write_status_line(const struct http_response *response, struct text *out)
{
    text_add(out, SPAN("HTTP/1.1 "));
    text_add_decimal(out, response->status);
    text_add_char(out, ' ');
    text_add(out, response->reason);
    text_add(out, SPAN("\r\n"));
}

/* With no body, a length tells of the one that a GET would have had (HEAD, 304). */
static void write_response_framing(const struct http_response *response, enum http_body body,
                                   struct text *out)
{
    bool tells_length = body == HTTP_BODY_NONE && response->has_content_length;
    if (body == HTTP_BODY_SIZED || tells_length)
        write_length(response->content_length, out);
    if (body == HTTP_BODY_CHUNKED)
        text_add(out, SPAN("Transfer-Encoding: chunked\r\n"));
}

static void write_connection(const struct http_response *response, unsigned minor, bool keep_alive,
                             struct text *out)
{
    if (response->status == 101)
        text_add(out, SPAN("Connection: upgrade\r\nUpgrade: websocket\r\n"));
    if (response->status < 200)
        return;
    if (!keep_alive)
        text_add(out, SPAN("Connection: close\r\n"));
    if (keep_alive && minor == 0)
        text_add(out, SPAN("Connection: keep-alive\r\n"));
}

void http_response_write(const struct http_response *response, unsigned minor, enum http_body body,
                         bool keep_alive, struct text *out)
{
    if (body == HTTP_BODY_CHUNKED && minor == 0)
        body = HTTP_BODY_UNTIL_CLOSE;
    bool has_trailers = body == HTTP_BODY_CHUNKED && response->body == HTTP_BODY_CHUNKED;
    write_status_line(response, out);
    write_fields(&response->fields, has_trailers, out);
    write_response_framing(response, body, out);
    write_connection(response, minor, keep_alive && body != HTTP_BODY_UNTIL_CLOSE, out);
    text_add(out, SPAN("\r\n"));
}
