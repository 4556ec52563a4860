/*
 * Promises of http_request_write and http_response_write: what the other side
 * reads is what was understood here, with one framing and nothing that stops here.
 */
#include <check.h>
#include <stdio.h>

#include "proxy/http_head.h"
#include "test/suite.h"

#define TWO "\r\n\r\n"

static struct text out;

static void out_begin(void)
{
    text_init(&out, 1 << 20);
}

static void out_end(void)
{
    text_clear(&out);
}

static void assert_written(const char *expected)
{
    ck_assert(!out.overflow);
    ck_assert_msg(span_equal(text_span(&out), span_of(expected)), "wrote:\n%.*s\nnot:\n%s",
                  SPAN_FORMAT(text_span(&out)), expected);
}

static void write_request(const char *head, const char *path, const char *host, uint16_t port)
{
    static struct http_request request;
    struct host parsed_host;
    struct error error;
    text_reset(&out);
    ck_assert_int_eq(http_request_parse(span_of(head), &request), HTTP_DONE);
    ck_assert(host_parse(span_of(host), &parsed_host, &error));
    http_request_write(&request, span_of(path), &parsed_host, port, 80, &out);
}

START_TEST(writes_a_request_anew_from_what_was_understood)
{
    write_request("\r\nGET http://A.example/b?c HTTP/1.0\r\nHost: evil\r\nX-One:1\r\n"
                  "Connection: x-two, close\r\nX-Two: 2\r\nProxy-Connection: keep-alive\r\n"
                  "Proxy-Authorization: Basic YQ==\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                  "Upgrade: tls\r\nX-Three: \t3 \t3\t" TWO,
                  "/b?c", "A.example", 80);
    assert_written("GET /b?c HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\nX-Three: 3 \t3\r\n"
                   "Connection: keep-alive" TWO);
}
END_TEST

START_TEST(writes_the_host_with_its_port_where_it_is_not_the_default)
{
    write_request("GET / HTTP/1.1\r\nHost: x" TWO, "/", "[2001:DB8::1]", 8080);
    assert_written("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nConnection: keep-alive" TWO);
}
END_TEST

START_TEST(writes_a_target_where_the_url_had_no_path)
{
    write_request("GET http://x HTTP/1.1\r\nHost: x" TWO, "", "x", 80);
    ck_assert(span_starts_with(text_span(&out), SPAN("GET / HTTP/1.1\r\n")));
    write_request("GET http://x?q HTTP/1.1\r\nHost: x" TWO, "?q", "x", 80);
    ck_assert(span_starts_with(text_span(&out), SPAN("GET /?q HTTP/1.1\r\n")));
    write_request("OPTIONS http://x HTTP/1.1\r\nHost: x" TWO, "", "x", 80);
    ck_assert(span_starts_with(text_span(&out), SPAN("OPTIONS * HTTP/1.1\r\n")));
    write_request("OPTIONS http://x?q HTTP/1.1\r\nHost: x" TWO, "?q", "x", 80);
    ck_assert(span_starts_with(text_span(&out), SPAN("OPTIONS /?q HTTP/1.1\r\n")));
}
END_TEST

START_TEST(writes_one_framing_for_a_request)
{
    write_request("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 007\r\nTrailer: a" TWO, "/", "x",
                  80);
    assert_written("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nConnection: keep-alive" TWO);
    write_request("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\nTrailer: a" TWO, "/",
                  "x", 80);
    assert_written("PUT / HTTP/1.1\r\nHost: x\r\nTrailer: a\r\nTransfer-Encoding: chunked\r\n"
                   "Connection: keep-alive" TWO);
    write_request("CONNECT x:1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0" TWO, "/", "x", 80);
    assert_written("CONNECT / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive" TWO);
}
END_TEST

START_TEST(passes_expect_on_only_where_it_counts)
{
    write_request("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1" TWO, "/",
                  "x", 80);
    assert_written("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
                   "Connection: keep-alive" TWO);
    write_request("PUT / HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1" TWO, "/",
                  "x", 80);
    assert_written("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: keep-alive" TWO);
}
END_TEST

START_TEST(writes_the_websocket_upgrade_and_no_other)
{
    write_request("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
                  "Upgrade: foo, websocket\r\nSec-WebSocket-Version: 13" TWO,
                  "/", "x", 80);
    assert_written("GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Version: 13\r\n"
                   "Connection: upgrade\r\nUpgrade: websocket" TWO);
}
END_TEST

struct response_case {
    const char *method;
    const char *head;
    unsigned minor;
    enum http_body body;
    bool keep_alive;
    const char *written;
};

#define OK     "HTTP/1.1 200 OK\r\n"
#define SIZED  "Content-Length: 5\r\n"
#define CHUNKS "Transfer-Encoding: chunked\r\n"
#define CLOSE  "Connection: close\r\n"

static const struct response_case responses[] = {
    {"GET", "HTTP/1.0 200\r\nA:b\r\n" SIZED "\r\n", 1, HTTP_BODY_SIZED, true,
     "HTTP/1.1 200 \r\nA: b\r\n" SIZED "\r\n"},
    {"GET", OK SIZED "\r\n", 1, HTTP_BODY_SIZED, false, OK SIZED CLOSE "\r\n"},
    {"GET", OK SIZED "\r\n", 0, HTTP_BODY_SIZED, true, OK SIZED "Connection: keep-alive" TWO},
    {"GET", OK CHUNKS "Trailer: a" TWO, 1, HTTP_BODY_CHUNKED, true,
     OK "Trailer: a\r\n" CHUNKS "\r\n"},
    {"GET", OK CHUNKS "Trailer: a" TWO, 0, HTTP_BODY_CHUNKED, true, OK CLOSE "\r\n"},
    {"GET", OK "Trailer: a" TWO, 1, HTTP_BODY_CHUNKED, true, OK CHUNKS "\r\n"},
    {"GET", OK "\r\n", 1, HTTP_BODY_UNTIL_CLOSE, true, OK CLOSE "\r\n"},
    {"HEAD", OK SIZED "\r\n", 1, HTTP_BODY_NONE, true, OK SIZED "\r\n"},
    {"HEAD", OK CHUNKS "\r\n", 1, HTTP_BODY_NONE, true, OK "\r\n"},
    {"GET", "HTTP/1.1 304 Same\r\n" SIZED "\r\n", 1, HTTP_BODY_NONE, true,
     "HTTP/1.1 304 Same\r\n" SIZED "\r\n"},
    {"GET", "HTTP/1.1 204 No\r\nContent-Length: 0" TWO, 1, HTTP_BODY_NONE, true,
     "HTTP/1.1 204 No" TWO},
    {"GET", "HTTP/1.1 100 Continue\r\nConnection: close" TWO, 1, HTTP_BODY_NONE, false,
     "HTTP/1.1 100 Continue" TWO},
    {"GET",
     "HTTP/1.1 101 Go\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a" TWO,
     1, HTTP_BODY_NONE, false,
     "HTTP/1.1 101 Go\r\nSec-WebSocket-Accept: a\r\nConnection: upgrade\r\nUpgrade: websocket" TWO},
    {"GET",
     OK SIZED
     "forge-proxy-error: BLOCKED_EGRESS\r\nProxy-Status: sallyport; error=x\r\n"
     "Proxy-Authenticate: Basic\r\nKeep-Alive: 5\r\nConnection: x-a\r\nX-A: b\r\nSet-Cookie: "
     "c\r\nSet-Cookie: d" TWO,
     1, HTTP_BODY_SIZED, true, OK "Set-Cookie: c\r\nSet-Cookie: d\r\n" SIZED "\r\n"},
};

START_TEST(writes_a_response_for_the_client_that_asked)
{
    const struct response_case *given = &responses[_i];
    static struct http_response response;
    ck_assert_int_eq(http_response_parse(span_of(given->head), span_of(given->method), &response),
                     HTTP_DONE);
    http_response_write(&response, given->minor, given->body, given->keep_alive, &out);
    assert_written(given->written);
}
END_TEST

START_TEST(reads_its_own_response_as_it_understood_the_first)
{
    const struct response_case *given = &responses[_i];
    static struct http_response first, second;
    ck_assert_int_eq(http_response_parse(span_of(given->head), span_of(given->method), &first),
                     HTTP_DONE);
    http_response_write(&first, 1, first.body, first.keep_alive, &out);
    ck_assert_int_eq(http_response_parse(text_span(&out), span_of(given->method), &second),
                     HTTP_DONE);
    ck_assert_uint_eq(second.status, first.status);
    ck_assert(span_equal(second.reason, first.reason));
    ck_assert_int_eq(second.body, first.body);
    ck_assert_uint_eq(second.content_length, first.content_length);
    ck_assert_int_eq(second.has_content_length, first.has_content_length);
}
END_TEST

START_TEST(reads_its_own_request_as_it_understood_the_first)
{
    static const char head[] =
        "PUT http://a.example:81/%2e?q HTTP/1.1\r\nHost: a.example:81\r\nExpect: 100-continue\r\n"
        "Transfer-Encoding: chunked\r\nAccept: a, b\r\nAccept: c\r\nCookie: d=\"e\"" TWO;
    static struct http_request second;
    write_request(head, "/%2e?q", "a.example", 81);
    ck_assert_int_eq(http_request_parse(text_span(&out), &second), HTTP_DONE);
    ck_assert_uint_eq(second.length, out.length);
    ck_assert(span_equal(second.method, SPAN("PUT")));
    ck_assert(span_equal(second.target, SPAN("/%2e?q")));
    ck_assert(span_equal(second.host, SPAN("a.example:81")));
    ck_assert_int_eq(second.body, HTTP_BODY_CHUNKED);
    ck_assert(second.expect_continue && second.keep_alive);
    ck_assert(span_equal(second.fields.items[1].value, SPAN("a, b")));
    ck_assert(span_equal(second.fields.items[2].value, SPAN("c")));
    ck_assert(span_equal(second.fields.items[3].value, SPAN("d=\"e\"")));
}
END_TEST

int main(void)
{
    const int count = sizeof(responses) / sizeof(responses[0]);
    Suite *suite = suite_create("http_write");
    TCase *tests = tcase_create("http_write");
    tcase_add_checked_fixture(tests, out_begin, out_end);
    tcase_add_test(tests, writes_a_request_anew_from_what_was_understood);
    tcase_add_test(tests, writes_the_host_with_its_port_where_it_is_not_the_default);
    tcase_add_test(tests, writes_a_target_where_the_url_had_no_path);
    tcase_add_test(tests, writes_one_framing_for_a_request);
    tcase_add_test(tests, passes_expect_on_only_where_it_counts);
    tcase_add_test(tests, writes_the_websocket_upgrade_and_no_other);
    tcase_add_loop_test(tests, writes_a_response_for_the_client_that_asked, 0, count);
    tcase_add_loop_test(tests, reads_its_own_response_as_it_understood_the_first, 0, count);
    tcase_add_test(tests, reads_its_own_request_as_it_understood_the_first);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
