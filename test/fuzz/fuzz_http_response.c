/*
 * Whatever an origin answers: a head that is understood is written, read again
 * and understood as the same, with at most one framing field and none of the
 * fields by which an origin could pass for the proxy. The first byte chooses the request's method.
 */
#include <stdlib.h>

#include "proxy/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static size_t count_fields(const struct http_response *response, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < response->fields.count; i++)
        count += span_equal_nocase(response->fields.items[i].name, span_of(name)) ? 1 : 0;
    return count;
}

static void check_written(const struct http_response *first, struct span written,
                          struct span method)
{
    static struct http_response second;
    require(http_response_parse(written, method, &second) == HTTP_DONE);
    require(second.length == written.length);
    require(first->status == second.status && second.minor == 1);
    require(span_equal(first->reason, second.reason));
    require(first->body == second.body && first->content_length == second.content_length);
    require(first->has_content_length == second.has_content_length);
    size_t lengths = count_fields(&second, "Content-Length");
    require(lengths == (second.has_content_length ? 1 : 0));
    require(count_fields(&second, "Transfer-Encoding") ==
            (second.body == HTTP_BODY_CHUNKED ? 1 : 0));
    require(count_fields(&second, "forge-proxy-error") + count_fields(&second, "Proxy-Status") +
                count_fields(&second, "Proxy-Authenticate") ==
            0);
    require(second.status < 200 || second.keep_alive == first->keep_alive);
}

/* The fields that we add may make one of the largest heads larger than any that we take. */
static bool can_be_read_again(const struct http_response *response, struct span written)
{
    return response->fields.count + 3 <= HTTP_FIELDS_MAXIMUM && written.length <= HTTP_HEAD_MAXIMUM;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "CONNECT", "POST"};
    static struct http_response response, shorter;
    struct text text;
    if (size == 0)
        return 0;
    struct span given = {(const char *)bytes + 1, size - 1};
    struct span method = span_of(methods[bytes[0] % 4]);
    enum http_parse result = http_response_parse(given, method, &response);
    require((result == HTTP_BAD) == (response.problem != NULL));
    require(http_head_find_end(given, 0) == 0 || result != HTTP_MORE);
    if (result != HTTP_DONE)
        return 0;
    require(response.length == http_head_find_end(given, 0));
    struct span prefix = span_slice(given, 0, response.length - 1);
    require(http_response_parse(prefix, method, &shorter) == HTTP_MORE);
    text_init(&text, 1 << 20);
    http_response_write(&response, 1, response.body, response.keep_alive, &text);
    require(!text.overflow);
    if (can_be_read_again(&response, text_span(&text)))
        check_written(&response, text_span(&text), method);
    text_reset(&text);
    http_response_write(&response, 0, response.body, true, &text);
    require(span_starts_with(text_span(&text), SPAN("HTTP/1.1 ")));
    text_clear(&text);
    return 0;
}
