/*
 * Whatever a client sends: a head that is understood is written, read again and
 * understood as the same; what is written has one Host, at most one framing
 * field and nothing that stops here.
 */
#include <stdlib.h>

#include "proxy/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static size_t count_fields(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->fields.count; i++)
        count += span_equal_nocase(request->fields.items[i].name, span_of(name)) ? 1 : 0;
    return count;
}

static bool is_written_by_us(struct span name)
{
    return span_equal_nocase(name, SPAN("Host")) || span_equal_nocase(name, SPAN("Expect")) ||
           span_equal_nocase(name, SPAN("Content-Length"));
}

/* The next field that is passed on as it came. */
static const struct http_field *next_field(const struct http_request *request, size_t *at)
{
    while (*at < request->fields.count) {
        const struct http_field *field = &request->fields.items[(*at)++];
        bool is_trailer = span_equal_nocase(field->name, SPAN("Trailer"));
        if (!field->hop_by_hop && !is_written_by_us(field->name) &&
            (!is_trailer || request->body == HTTP_BODY_CHUNKED))
            return field;
    }
    return NULL;
}

static void check_same_fields(const struct http_request *first, const struct http_request *second)
{
    size_t at_first = 0, at_second = 0;
    const struct http_field *a;
    do {
        a = next_field(first, &at_first);
        const struct http_field *b = next_field(second, &at_second);
        require((a == NULL) == (b == NULL));
        require(a == NULL || (span_equal(a->name, b->name) && span_equal(a->value, b->value)));
    } while (a != NULL);
}

static void check_written(const struct http_request *first, struct span written)
{
    static struct http_request second;
    require(http_request_parse(written, &second) == HTTP_DONE);
    require(second.length == written.length);
    require(span_equal(first->method, second.method));
    require(span_equal(second.target, SPAN("/p?q")) && second.minor == 1);
    require(span_equal(second.host, SPAN("a.example:81")));
    require(first->body == second.body && first->content_length == second.content_length);
    require(first->expect_continue == second.expect_continue);
    require(first->upgrade_websocket == second.upgrade_websocket);
    require(second.keep_alive && !second.has_proxy_authorization);
    require(count_fields(&second, "Host") == 1 && count_fields(&second, "Connection") == 1);
    require(count_fields(&second, "Content-Length") + count_fields(&second, "Transfer-Encoding") ==
            (second.body == HTTP_BODY_NONE ? 0 : 1));
    require(count_fields(&second, "Upgrade") == (second.upgrade_websocket ? 1 : 0));
    require(count_fields(&second, "Proxy-Connection") + count_fields(&second, "Keep-Alive") == 0);
    check_same_fields(first, &second);
}

/* Host and Connection may make one of the largest heads larger than any that we take. */
static bool can_be_read_again(const struct http_request *request, struct span written)
{
    return request->fields.count + 3 <= HTTP_FIELDS_MAXIMUM && written.length <= HTTP_HEAD_MAXIMUM;
}

/* However the bytes come, the searching caller sees what the one who parses at once sees. */
static void check_search(struct span bytes, enum http_parse result, size_t length)
{
    size_t searched = bytes.length / 2;
    size_t end = http_head_find_end(span_slice(bytes, 0, searched), 0);
    if (end == 0)
        end = http_head_find_end(bytes, searched);
    require(end == http_head_find_end(bytes, 0) || (end != 0 && end <= searched));
    require(end == 0 || result != HTTP_MORE);
    require(result != HTTP_DONE || end == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct http_request request, shorter;
    struct span given = {(const char *)bytes, size};
    struct host host;
    struct error error;
    struct text text;
    enum http_parse result = http_request_parse(given, &request);
    require((result == HTTP_BAD) == (request.problem != NULL));
    check_search(given, result, request.length);
    if (result == HTTP_DONE) {
        require(request.length <= size && request.length > 0);
        struct span prefix = span_slice(given, 0, request.length - 1);
        require(http_request_parse(prefix, &shorter) == HTTP_MORE);
        text_init(&text, 1 << 20);
        require(host_parse(SPAN("a.example"), &host, &error));
        http_request_write(&request, SPAN("/p?q"), &host, 81, 80, &text);
        require(!text.overflow);
        if (can_be_read_again(&request, text_span(&text)))
            check_written(&request, text_span(&text));
        text_clear(&text);
    }
    return 0;
}
