/*
 * Promises of proxy/http_head for responses: what is not passed on, how long a
 * body is, and that it does not matter how the bytes come.
 */
#include <check.h>
#include <stdlib.h>

#include "proxy/http_head.h"
#include "test/suite.h"

#define OK  "HTTP/1.1 200 OK\r\n"
#define TWO "\r\n\r\n"

struct refusal_case {
    const char *method;
    struct span bytes;
};

#define REFUSED(method, literal)                                                                   \
    {                                                                                              \
        method,                                                                                    \
        {                                                                                          \
            literal, sizeof(literal) - 1                                                           \
        }                                                                                          \
    }

static const struct refusal_case refused[] = {
    /* status line */
    REFUSED("GET", "HTTP/1.1 200 OK\n\n"),
    REFUSED("GET", "HTTP/1.1 200 OK\nA: b\r\n\r\n"),
    REFUSED("GET", "HTTP/1.1 200 OK\rA: b\r\n\r\n"),
    REFUSED("GET", "\r\nHTTP/1.1 200 OK\r\n\r\n"),
    REFUSED("GET", " HTTP/1.1 200 OK" TWO),
    REFUSED("GET", "HTTP/1.1  200 OK" TWO),
    REFUSED("GET", "HTTP/1.1\t200 OK" TWO),
    REFUSED("GET", "HTTP/1.1 200OK" TWO),
    REFUSED("GET", "HTTP/1.1 200\tOK" TWO),
    REFUSED("GET", "HTTP/1.1 2000 OK" TWO),
    REFUSED("GET", "HTTP/1.1 20 OK" TWO),
    REFUSED("GET", "HTTP/1.1 +20 OK" TWO),
    REFUSED("GET", "HTTP/1.1 20x OK" TWO),
    REFUSED("GET", "HTTP/1.1 099 OK" TWO),
    REFUSED("GET", "HTTP/1.1 000 OK" TWO),
    REFUSED("GET", "HTTP/1.1 600 OK" TWO),
    REFUSED("GET", "HTTP/1.1 OK" TWO),
    REFUSED("GET", "HTTP/1.1" TWO),
    REFUSED("GET", "HTTP/1.2 200 OK" TWO),
    REFUSED("GET", "HTTP/2.0 200 OK" TWO),
    REFUSED("GET", "HTTP/2 200 OK" TWO),
    REFUSED("GET", "http/1.1 200 OK" TWO),
    REFUSED("GET", "ICY 200 OK" TWO),
    REFUSED("GET", "HTTP/1.1 200 O\0K" TWO),
    REFUSED("GET", "HTTP/1.1 200 \x1b[2J" TWO),
    REFUSED("GET", "<html>"),
    REFUSED("GET", "\x15\x03\x01"),
    REFUSED("GET", "220 ready"),
    /* field lines */
    REFUSED("GET", OK " A: b" TWO),
    REFUSED("GET", OK "A: b\r\n c" TWO),
    REFUSED("GET", OK "A : b" TWO),
    REFUSED("GET", OK "A" TWO),
    REFUSED("GET", OK ": b" TWO),
    REFUSED("GET", OK "A: b\nC: d" TWO),
    REFUSED("GET", OK "A: b\0" TWO),
    REFUSED("GET", OK "Connection: Content-Length" TWO),
    REFUSED("GET", OK "Connection: close;" TWO),
    /* framing */
    REFUSED("GET", OK "Content-Length: 1\r\nTransfer-Encoding: chunked" TWO),
    REFUSED("HEAD", OK "Content-Length: 1\r\nTransfer-Encoding: chunked" TWO),
    REFUSED("GET", OK "Content-Length: 1\r\nContent-Length: 1" TWO),
    REFUSED("GET", OK "Content-Length: 1, 1" TWO),
    REFUSED("GET", OK "Content-Length: -1" TWO),
    REFUSED("GET", OK "Content-Length: 0x10" TWO),
    REFUSED("GET", OK "Content-Length:" TWO),
    REFUSED("GET", OK "Content-Length: 9223372036854775808" TWO),
    REFUSED("GET", OK "Content_Length: 1" TWO),
    REFUSED("GET", OK "Transfer-Encoding: gzip" TWO),
    REFUSED("GET", OK "Transfer-Encoding: gzip, chunked" TWO),
    REFUSED("GET", OK "Transfer-Encoding: chunked, gzip" TWO),
    REFUSED("GET", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" TWO),
    REFUSED("GET", OK "Transfer-Encoding:" TWO),
    REFUSED("GET", OK "Transfer_Encoding: chunked" TWO),
    REFUSED("GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" TWO),
    /* bodies where none may be */
    REFUSED("GET", "HTTP/1.1 204 No\r\nContent-Length: 1" TWO),
    REFUSED("GET", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked" TWO),
    REFUSED("GET", "HTTP/1.1 100 Go\r\nContent-Length: 1" TWO),
    REFUSED("GET", "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked" TWO),
    REFUSED("GET", "HTTP/1.1 205 Reset\r\nContent-Length: 1" TWO),
    REFUSED("CONNECT", OK "Content-Length: 1" TWO),
    REFUSED("CONNECT", OK "Transfer-Encoding: chunked" TWO),
    /* 101 */
    REFUSED("GET", "HTTP/1.1 101 Go" TWO),
    REFUSED("GET", "HTTP/1.1 101 Go\r\nUpgrade: websocket" TWO),
    REFUSED("GET", "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: h2c" TWO),
    REFUSED("GET", "HTTP/1.0 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket" TWO),
};

static struct http_response parsed;

/* Parsed out of memory of its own size, so that a sanitizer sees any look beyond. */
static enum http_parse parse_exactly(struct span bytes, const char *method)
{
    char *copy = span_duplicate(bytes);
    ck_assert_ptr_nonnull(copy);
    char *exact = realloc(copy, bytes.length > 0 ? bytes.length : 1);
    ck_assert_ptr_nonnull(exact);
    struct span whole = {exact, bytes.length};
    enum http_parse result = http_response_parse(whole, span_of(method), &parsed);
    free(exact);
    return result;
}

START_TEST(refuses_what_two_parsers_could_read_differently)
{
    ck_assert_int_eq(parse_exactly(refused[_i].bytes, refused[_i].method), HTTP_BAD);
    ck_assert_ptr_nonnull(parsed.problem);
}
END_TEST

struct body_case {
    const char *method;
    const char *bytes;
    enum http_body body;
    uint64_t length;
    bool keep_alive;
};

static const struct body_case bodies[] = {
    {"GET", OK "Content-Length: 5" TWO, HTTP_BODY_SIZED, 5, true},
    {"GET", OK "Content-Length: 0" TWO, HTTP_BODY_SIZED, 0, true},
    {"GET", OK "Content-Length: 5\r\nConnection: close" TWO, HTTP_BODY_SIZED, 5, false},
    {"GET", OK "Transfer-Encoding: chunked" TWO, HTTP_BODY_CHUNKED, 0, true},
    {"GET", OK "\r\n", HTTP_BODY_UNTIL_CLOSE, 0, false},
    {"GET", OK "Connection: keep-alive" TWO, HTTP_BODY_UNTIL_CLOSE, 0, false},
    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5" TWO, HTTP_BODY_SIZED, 5, false},
    {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5" TWO, HTTP_BODY_SIZED,
     5, true},
    {"HEAD", OK "Content-Length: 5" TWO, HTTP_BODY_NONE, 5, true},
    {"HEAD", OK "Transfer-Encoding: chunked" TWO, HTTP_BODY_NONE, 0, true},
    {"HEAD", OK "\r\n", HTTP_BODY_NONE, 0, true},
    {"head", OK "\r\n", HTTP_BODY_UNTIL_CLOSE, 0, false},
    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5" TWO, HTTP_BODY_NONE, 5, true},
    {"GET", "HTTP/1.1 204 No Content" TWO, HTTP_BODY_NONE, 0, true},
    {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0" TWO, HTTP_BODY_NONE, 0, true},
    {"GET", "HTTP/1.1 205 Reset\r\nContent-Length: 0" TWO, HTTP_BODY_SIZED, 0, true},
    {"GET", "HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked" TWO, HTTP_BODY_CHUNKED, 0, true},
    {"POST", "HTTP/1.1 100 Continue" TWO, HTTP_BODY_NONE, 0, true},
    {"GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>" TWO, HTTP_BODY_NONE, 0, true},
    {"GET", "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: WebSocket" TWO, HTTP_BODY_NONE, 0,
     false},
    {"CONNECT", OK "\r\n", HTTP_BODY_NONE, 0, true},
    {"CONNECT", "HTTP/1.1 403 No\r\nContent-Length: 5" TWO, HTTP_BODY_SIZED, 5, true},
    {"GET", "HTTP/1.1 599 \r\nContent-Length: 7" TWO, HTTP_BODY_SIZED, 7, true},
    {"GET", "HTTP/1.1 200\r\nContent-Length: 7" TWO, HTTP_BODY_SIZED, 7, true},
};

START_TEST(knows_how_long_the_body_is_and_whether_the_connection_stays)
{
    const struct body_case *body = &bodies[_i];
    ck_assert_int_eq(parse_exactly(span_of(body->bytes), body->method), HTTP_DONE);
    ck_assert_int_eq(parsed.body, body->body);
    ck_assert_uint_eq(parsed.content_length, body->length);
    ck_assert_int_eq(parsed.keep_alive, body->keep_alive);
}
END_TEST

START_TEST(understands_a_good_head_only_when_it_is_whole)
{
    struct span bytes = span_of(bodies[_i].bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        struct span part = span_slice(bytes, 0, length);
        ck_assert_int_eq(parse_exactly(part, bodies[_i].method), HTTP_MORE);
        ck_assert_uint_eq(http_head_find_end(part, length > 0 ? length - 1 : 0), 0);
    }
    ck_assert_int_eq(parse_exactly(bytes, bodies[_i].method), HTTP_DONE);
    ck_assert_uint_eq(parsed.length, bytes.length);
    ck_assert_uint_eq(http_head_find_end(bytes, bytes.length - 1), bytes.length);
}
END_TEST

START_TEST(tells_a_length_without_a_body_only_for_head_and_304)
{
    static const char *const with_length[] = {"Content-Length: 0" TWO, "\r\n"};
    for (int i = 0; i < 2; i++) {
        char bytes[128];
        snprintf(bytes, sizeof(bytes), "HTTP/1.1 204 No\r\n%s", with_length[i]);
        ck_assert_int_eq(parse_exactly(span_of(bytes), "GET"), HTTP_DONE);
        ck_assert(!parsed.has_content_length);
        snprintf(bytes, sizeof(bytes), "HTTP/1.1 304 Same\r\n%s", with_length[i]);
        ck_assert_int_eq(parse_exactly(span_of(bytes), "GET"), HTTP_DONE);
        ck_assert_int_eq(parsed.has_content_length, i == 0);
    }
}
END_TEST

START_TEST(takes_the_status_line_apart)
{
    struct span bytes = SPAN("HTTP/1.0 404 Not \xe9 Found\r\nContent-Length: 0" TWO "rest");
    ck_assert_int_eq(http_response_parse(bytes, SPAN("GET"), &parsed), HTTP_DONE);
    ck_assert_uint_eq(parsed.status, 404);
    ck_assert_uint_eq(parsed.minor, 0);
    ck_assert(span_equal(parsed.reason, SPAN("Not \xe9 Found")));
    ck_assert_uint_eq(parsed.length, bytes.length - 4);
}
END_TEST

START_TEST(marks_what_stops_here_and_what_only_the_proxy_may_say)
{
    struct span bytes =
        SPAN(OK "Content-Length: 0\r\nForge-Proxy-Error: BLOCKED_EGRESS\r\n"
                "proxy-status: sallyport; error=http_request_denied\r\n"
                "Proxy-Authenticate: Basic realm=\"sallyport\"\r\nConnection: x-a\r\n"
                "X-A: b\r\nSet-Cookie: c" TWO);
    const bool expected[] = {false, true, true, true, true, true, false};
    ck_assert_int_eq(http_response_parse(bytes, SPAN("GET"), &parsed), HTTP_DONE);
    ck_assert_uint_eq(parsed.fields.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < parsed.fields.count; i++)
        ck_assert_int_eq(parsed.fields.items[i].hop_by_hop, expected[i]);
}
END_TEST

START_TEST(refuses_a_head_bomb)
{
    struct text head;
    text_init(&head, HTTP_HEAD_MAXIMUM);
    text_add_string(&head, OK "A: ");
    while (head.length < HTTP_HEAD_MAXIMUM)
        text_add_char(&head, 'b');
    struct span bytes = text_span(&head);
    ck_assert_int_eq(parse_exactly(span_slice(bytes, 0, bytes.length - 1), "GET"), HTTP_MORE);
    ck_assert_int_eq(parse_exactly(bytes, "GET"), HTTP_BAD);
    text_clear(&head);
}
END_TEST

int main(void)
{
    const int refusals = sizeof(refused) / sizeof(*refused),
              goods = sizeof(bodies) / sizeof(*bodies);
    Suite *suite = suite_create("http_response");
    TCase *tests = tcase_create("http_response");
    tcase_add_loop_test(tests, refuses_what_two_parsers_could_read_differently, 0, refusals);
    tcase_add_loop_test(tests, knows_how_long_the_body_is_and_whether_the_connection_stays, 0,
                        goods);
    tcase_add_loop_test(tests, understands_a_good_head_only_when_it_is_whole, 0, goods);
    tcase_add_test(tests, tells_a_length_without_a_body_only_for_head_and_304);
    tcase_add_test(tests, takes_the_status_line_apart);
    tcase_add_test(tests, marks_what_stops_here_and_what_only_the_proxy_may_say);
    tcase_add_test(tests, refuses_a_head_bomb);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
