/*
 * Why: an HTTP/2 section is a list of pairs in which any byte can be, and it becomes lines that
 * others read. So a field is judged before it is a line, by the tables that judge HTTP/1's lines.
 * Rests on: the head that is written goes to http_request_parse or http_response_parse all the
 * same. What is checked here is what they cannot see any more.
 */
#include "proxy/http2_fields.h"

#include <stdlib.h>

#include "proxy/http_fields.h"

#define FIELD_OVERHEAD 32 /* RFC 9113, section 6.5.2 */

static const struct {
    struct span name;
    enum http2_section section;
} pseudo_fields[] = {
    [HTTP2_METHOD] = {{":method", 7}, HTTP2_REQUEST},
    [HTTP2_SCHEME] = {{":scheme", 7}, HTTP2_REQUEST},
    [HTTP2_AUTHORITY] = {{":authority", 10}, HTTP2_REQUEST},
    [HTTP2_PATH] = {{":path", 5}, HTTP2_REQUEST},
    [HTTP2_STATUS] = {{":status", 7}, HTTP2_RESPONSE},
};

/* RFC 9113, section 8.2.2; TE is looked at by itself. */
static const struct span connection_specific[] = {
    {"connection", 10},        {"proxy-connection", 16}, {"keep-alive", 10},
    {"transfer-encoding", 17}, {"upgrade", 7},           {"http2-settings", 14},
};

static bool is_connection_specific(struct span name)
{
    for (size_t i = 0; i < sizeof(connection_specific) / sizeof(connection_specific[0]); i++) {
        if (span_equal_nocase(name, connection_specific[i]))
            return true;
    }
    return false;
}

/* ---- a section as it comes ------------------------------------------------------ */

void http2_head_init(struct http2_head *head, enum http2_section section)
{
    *head = (struct http2_head){.section = section};
    text_init(&head->values, HTTP2_SECTION_MAXIMUM);
    text_init(&head->lines, HTTP2_SECTION_MAXIMUM);
    text_init(&head->cookie, HTTP2_SECTION_MAXIMUM);
}

static void wipe(struct text *text)
{
    if (text->data != NULL)
        explicit_bzero(text->data, text->length);
    text_clear(text);
}

void http2_head_clear(struct http2_head *head)
{
    wipe(&head->values);
    wipe(&head->lines);
    wipe(&head->cookie);
}

struct span http2_head_pseudo(const struct http2_head *head, enum http2_pseudo which)
{
    if (head->length[which] == 0)
        return SPAN("");
    return span_slice(text_span(&head->values), head->begin[which], head->length[which]);
}

static bool has(const struct http2_head *head, enum http2_pseudo which)
{
    return (head->seen & 1U << which) != 0;
}

static bool refuse(struct http2_head *head, unsigned status, const char *problem)
{
    return http_refuse(&head->problem, status, problem);
}

static bool keep_value(struct http2_head *head, enum http2_pseudo which, struct span value)
{
    head->seen |= 1U << which;
    head->begin[which] = head->values.length;
    head->length[which] = value.length;
    text_add(&head->values, value);
    return true;
}

/* Section 8.3: known ones, of this kind of message, before all others, each once. */
static bool add_pseudo(struct http2_head *head, struct span name, struct span value)
{
    if (head->regular_begun)
        return refuse(head, 400, "a pseudo-field behind other fields");
    for (size_t i = 0; i < sizeof(pseudo_fields) / sizeof(pseudo_fields[0]); i++) {
        const enum http2_pseudo which = (enum http2_pseudo)i;
        if (!span_equal(name, pseudo_fields[i].name) || pseudo_fields[i].section != head->section)
            continue;
        if (has(head, which))
            return refuse(head, 400, "a pseudo-field is repeated");
        return keep_value(head, which, value);
    }
    return refuse(head, 400, "a pseudo-field that may not be here");
}

static bool add_host(struct http2_head *head, struct span value)
{
    if (has(head, HTTP2_HOST))
        return refuse(head, 400, "Host is repeated");
    return keep_value(head, HTTP2_HOST, value);
}

static bool add_content_length(struct http2_head *head, struct span value)
{
    if (head->has_content_length)
        return refuse(head, 400, "Content-Length is repeated");
    head->has_content_length = true;
    return span_parse_decimal(value, INT64_MAX, &head->content_length) ||
           refuse(head, 400, "Content-Length is not a number within bounds");
}

static bool add_crumb(struct http2_head *head, struct span value)
{
    if (head->cookie.length > 0)
        text_add(&head->cookie, SPAN("; "));
    text_add(&head->cookie, value);
    return true;
}

static void add_line(struct text *out, struct span name, struct span value)
{
    text_add(out, name);
    text_add(out, SPAN(": "));
    text_add(out, value);
    text_add(out, SPAN("\r\n"));
}

static bool add_regular(struct http2_head *head, struct span name, struct span value)
{
    const bool is_request = head->section == HTTP2_REQUEST;
    head->regular_begun = true;
    if (is_connection_specific(name))
        return refuse(head, 400, "a field of the connection, which HTTP/2 does not have");
    if (span_equal(name, SPAN("te")))
        return (is_request && span_equal_nocase(value, SPAN("trailers"))) ||
               refuse(head, 400, "TE, where it may not be or with more than trailers");
    if (is_request && span_equal(name, SPAN("host")))
        return add_host(head, value);
    if (is_request && span_equal(name, SPAN("cookie")))
        return add_crumb(head, value);
    if (head->section != HTTP2_TRAILERS && span_equal(name, SPAN("content-length")))
        return add_content_length(head, value);
    add_line(&head->lines, name, value);
    return true;
}

static bool has_upper_case(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] >= 'A' && name.data[i] <= 'Z')
            return true;
    }
    return false;
}

/* Section 8.2.1. */
static bool check_value(struct http2_head *head, struct span value)
{
    if (http_count_text(value) < value.length)
        return refuse(head, 400, "a control character in a field's value");
    return span_trim(value).length == value.length ||
           refuse(head, 400, "white space around a field's value");
}

static bool add(struct http2_head *head, struct span name, struct span value)
{
    head->size += name.length + value.length + FIELD_OVERHEAD;
    if (head->size > HTTP2_SECTION_MAXIMUM)
        return refuse(head, 431, "the fields are too large");
    if (!check_value(head, value))
        return false;
    if (span_starts_with(name, SPAN(":")))
        return add_pseudo(head, name, value);
    if (!http_is_token(name))
        return refuse(head, 400, "a field name is not a token");
    if (has_upper_case(name))
        return refuse(head, 400, "a field name is not in lower case");
    return add_regular(head, name, value);
}

void http2_head_add(struct http2_head *head, struct span name, struct span value)
{
    if (head->problem.text != NULL || !add(head, name, value))
        return;
    if (head->values.overflow || head->lines.overflow || head->cookie.overflow)
        refuse(head, 431, "the fields are too large");
}

/* ---- as a head of HTTP/1 ---------------------------------------------------------- */

/* What is behind the first line: RFC 9112, section 6 has the framing by `body`. */
static bool write_rest(const struct http2_head *head, struct text *out)
{
    text_add(out, text_span(&head->lines));
    if (head->cookie.length > 0)
        add_line(out, SPAN("Cookie"), text_span(&head->cookie));
    if (head->has_content_length)
        text_add_format(out, "Content-Length: %llu\r\n", (unsigned long long)head->content_length);
    if (head->body == HTTP_BODY_CHUNKED)
        text_add(out, SPAN("Transfer-Encoding: chunked\r\n"));
    text_add(out, SPAN("Connection: close\r\n\r\n"));
    return !out->overflow;
}

/* Section 8.1.1: what was announced has to come. */
static bool choose_body(struct http2_head *head, bool ends)
{
    if (ends && head->content_length > 0)
        return refuse(head, 400, "Content-Length announces a body that does not come");
    head->body = HTTP_BODY_NONE;
    if (!ends)
        head->body = head->has_content_length ? HTTP_BODY_SIZED : HTTP_BODY_CHUNKED;
    return true;
}

/* Section 8.3.1: an authority said twice is said the same. */
static bool choose_authority(struct http2_head *head, struct span *authority)
{
    const struct span host = http2_head_pseudo(head, HTTP2_HOST);
    *authority = http2_head_pseudo(head, HTTP2_AUTHORITY);
    if (has(head, HTTP2_AUTHORITY) && has(head, HTTP2_HOST) && !span_equal_nocase(*authority, host))
        return refuse(head, 400, "Host names another authority than :authority");
    if (!has(head, HTTP2_AUTHORITY))
        *authority = host;
    return authority->length > 0 || refuse(head, 400, "neither :authority nor Host says where to");
}

static bool check_request(struct http2_head *head, struct span scheme)
{
    const struct span method = http2_head_pseudo(head, HTTP2_METHOD);
    const struct span path = http2_head_pseudo(head, HTTP2_PATH);
    if (head->problem.text != NULL)
        return false;
    if (!http_is_token(method))
        return refuse(head, 400, "the method is missing, or not a token");
    if (span_equal(method, SPAN("CONNECT")))
        return refuse(head, 400, "CONNECT inside of a tunnel");
    if (!span_equal_nocase(http2_head_pseudo(head, HTTP2_SCHEME), scheme))
        return refuse(head, 400, "the scheme is missing, or not the connection's");
    if (path.length == 0 || http_count_bytes_of(path, HTTP_BYTE_TARGET) < path.length)
        return refuse(head, 400, "the path is missing, or has a character that none may have");
    return true;
}

/* RFC 9110, section 8.6: where content has a meaning, that there is none is said. */
static void say_no_content(struct http2_head *head, struct span method)
{
    if (head->body == HTTP_BODY_NONE &&
        (span_equal(method, SPAN("POST")) || span_equal(method, SPAN("PUT")) ||
         span_equal(method, SPAN("PATCH"))))
        head->has_content_length = true;
}

bool http2_head_write_request(struct http2_head *head, struct span scheme, bool ends,
                              struct text *out)
{
    struct span authority;
    if (!check_request(head, scheme) || !choose_authority(head, &authority) ||
        !choose_body(head, ends))
        return false;
    const struct span method = http2_head_pseudo(head, HTTP2_METHOD);
    say_no_content(head, method);
    text_add(out, method);
    text_add_char(out, ' ');
    text_add(out, http2_head_pseudo(head, HTTP2_PATH));
    text_add(out, SPAN(" HTTP/1.1\r\n"));
    add_line(out, SPAN("Host"), authority);
    return write_rest(head, out) || refuse(head, 503, "out of memory");
}

unsigned http2_head_status(const struct http2_head *head)
{
    uint64_t status = 0;
    span_parse_decimal(http2_head_pseudo(head, HTTP2_STATUS), 599, &status);
    return (unsigned)status;
}

static bool has_no_content(unsigned status, struct span method)
{
    return status < 200 || status == 204 || status == 304 || span_equal(method, SPAN("HEAD"));
}

bool http2_head_write_response(struct http2_head *head, struct span method, bool ends,
                               struct text *out)
{
    const unsigned status = http2_head_status(head);
    if (head->problem.text != NULL)
        return false;
    if (status < 100 || status == 101 || http2_head_pseudo(head, HTTP2_STATUS).length != 3)
        return refuse(head, 502, "the status is not one that HTTP/2 has");
    if (status < 200 && ends)
        return refuse(head, 502, "an interim response is the last");
    head->body = HTTP_BODY_NONE;
    if (!has_no_content(status, method)) {
        if (!choose_body(head, ends))
            return false;
        head->has_content_length |= ends;
    }
    text_add_format(out, "HTTP/1.1 %u \r\n", status);
    return write_rest(head, out) || refuse(head, 503, "out of memory");
}

/* ---- to be sent --------------------------------------------------------------------- */

static void put(struct http2_fields *fields, struct span name, struct span value)
{
    fields->items[fields->count++] = (nghttp2_nv){.name = (uint8_t *)name.data,
                                                  .value = (uint8_t *)value.data,
                                                  .namelen = name.length,
                                                  .valuelen = value.length};
}

static void put_all(struct http2_fields *fields, const struct http_fields *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct http_field *field = &from->items[i];
        if (!is_connection_specific(field->name) && !span_equal_nocase(field->name, SPAN("TE")) &&
            !span_equal_nocase(field->name, SPAN("Host")))
            put(fields, field->name, field->value);
    }
}

void http2_fields_of_response(const struct http_response *response, struct http2_fields *fields)
{
    fields->count = 0;
    for (size_t i = 0, divisor = 100; i < 3; i++, divisor /= 10)
        fields->status[i] = (char)('0' + response->status / divisor % 10);
    put(fields, pseudo_fields[HTTP2_STATUS].name, (struct span){fields->status, 3});
    put_all(fields, &response->fields);
}

/* Trailers are passed on, so TE may say so (RFC 9110, section 10.1.4). */
void http2_fields_of_request(const struct http_request *request, struct span scheme,
                             struct http2_fields *fields)
{
    fields->count = 0;
    put(fields, pseudo_fields[HTTP2_METHOD].name, request->method);
    put(fields, pseudo_fields[HTTP2_SCHEME].name, scheme);
    put(fields, pseudo_fields[HTTP2_AUTHORITY].name, request->host);
    put(fields, pseudo_fields[HTTP2_PATH].name, request->target);
    put_all(fields, &request->fields);
    put(fields, SPAN("te"), SPAN("trailers"));
}

void http2_fields_of_trailers(struct span lines, struct http2_fields *fields)
{
    struct http_problem problem;
    struct http_field field;
    struct span line;
    fields->count = 0;
    while (fields->count < HTTP_FIELDS_MAXIMUM && http_take_line(&lines, &line) == HTTP_DONE &&
           line.length > 0 && http_field_parse(line, &field, &problem)) {
        if (!is_connection_specific(field.name))
            put(fields, field.name, field.value);
    }
}
