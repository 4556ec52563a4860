/*
 * Promises of proxy/http_head for requests: what is refused and with which
 * status, what is understood, and that it does not matter how the bytes come.
 */
#include <check.h>
#include <stdlib.h>

#include "proxy/http_head.h"
#include "test/suite.h"

struct refusal_case {
    unsigned status;
    struct span bytes;
};

#define REFUSED(status, literal)                                                                   \
    {                                                                                              \
        status,                                                                                    \
        {                                                                                          \
            literal, sizeof(literal) - 1                                                           \
        }                                                                                          \
    }
#define L    "GET / HTTP/1.1\r\nHost: a\r\n" /* a good beginning */
#define P    "POST / HTTP/1.1\r\nHost: a\r\n"
#define END  "\r\n"
#define TWO  "\r\n\r\n"
#define TEN  "0123456789"
#define MANY TEN TEN TEN TEN

static const struct refusal_case refused[] = {
    /* lines */
    REFUSED(400, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    REFUSED(400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    REFUSED(400, L "\n"),
    REFUSED(400, L "A: b\n\n"),
    REFUSED(400, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    REFUSED(400, L "A: b\rC: d" TWO),
    REFUSED(400, L "A: b\r\r\n\r\n"),
    REFUSED(400, L "\rA: b" TWO),
    REFUSED(400, "\nGET / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "\r\rGET / HTTP/1.1\r\nHost: a" TWO),
    /* request line */
    REFUSED(400, " GET / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET  / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /  HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET\t/ HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /\tHTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/1.1 \r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/1.1\t\r\nHost: a" TWO),
    REFUSED(400, "GET /\r\nHost: a" TWO),
    REFUSED(400, "GET\r\nHost: a" TWO),
    REFUSED(400, "GET / \r\nHost: a" TWO),
    REFUSED(400, "/ HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET / / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/1.1 HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "G(T / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "G\x80T / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET: / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "\"GET\" / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, MANY " / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, MANY),
    REFUSED(400, "GET\0 / HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /\0 HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /a\x01 HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /a\x7f HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /a#b HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /a\\b HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET http://a\\@b/ HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /<a> HTTP/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET /\"a\" HTTP/1.1\r\nHost: a" TWO),
    /* version */
    REFUSED(505, "GET / HTTP/1.2\r\nHost: a" TWO),
    REFUSED(505, "GET / HTTP/1.9\r\nHost: a" TWO),
    REFUSED(505, "GET / HTTP/2.0\r\nHost: a" TWO),
    REFUSED(505, "GET / HTTP/0.9\r\nHost: a" TWO),
    REFUSED(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    REFUSED(400, "GET / HTTP/1.10\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/01.1\r\nHost: a" TWO),
    REFUSED(400, "GET / http/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/1,1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTP/+.1\r\nHost: a" TWO),
    REFUSED(400, "GET / HTTPS/1.1\r\nHost: a" TWO),
    REFUSED(400, "GET / ICY/1.1\r\nHost: a" TWO),
    /* field lines */
    REFUSED(400, "GET / HTTP/1.1\r\n Host: a" TWO),
    REFUSED(400, "GET / HTTP/1.1\r\n\tHost: a" TWO),
    REFUSED(400, "GET / HTTP/1.1\r\nHost : a" TWO),
    REFUSED(400, "GET / HTTP/1.1\r\nHost\t: a" TWO),
    REFUSED(400, "GET / HTTP/1.1\r\nHost a" TWO),
    REFUSED(400, L ": b" TWO),
    REFUSED(400, L "A B: c" TWO),
    REFUSED(400, L "A\0: c" TWO),
    REFUSED(400, L "A(: c" TWO),
    REFUSED(400, L "\xc3\xa9: c" TWO),
    REFUSED(400, L "A: b\r\n c" TWO),
    REFUSED(400, L "A: b\r\n\tc" TWO),
    REFUSED(400, L "A: b\r\n \r\n\r\n"),
    REFUSED(400, L "A: b\0c" TWO),
    REFUSED(400, L "A: \x0b" TWO),
    REFUSED(400, L "A: \x1b[0m" TWO),
    REFUSED(400, L "A: \x7f" TWO),
    REFUSED(400, L "GET / HTTP/1.1" TWO),
    /* Host */
    REFUSED(400, "GET / HTTP/1.1\r\n\r\n"),
    REFUSED(400, "GET / HTTP/1.1\r\nHost:" TWO),
    REFUSED(400, "GET / HTTP/1.1\r\nHost: \t " TWO),
    REFUSED(400, L "Host: a" TWO),
    REFUSED(400, L "hOST: b" TWO),
    REFUSED(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b" TWO),
    /* Content-Length */
    REFUSED(400, P "Content-Length:" TWO),
    REFUSED(400, P "Content-Length: -1" TWO),
    REFUSED(400, P "Content-Length: +1" TWO),
    REFUSED(400, P "Content-Length: 0x1" TWO),
    REFUSED(400, P "Content-Length: 1 1" TWO),
    REFUSED(400, P "Content-Length: 1, 1" TWO),
    REFUSED(400, P "Content-Length: 1,1" TWO),
    REFUSED(400, P "Content-Length: 1," TWO),
    REFUSED(400, P "Content-Length: 1.0" TWO),
    REFUSED(400, P "Content-Length: \"1\"" TWO),
    REFUSED(400, P "Content-Length: one" TWO),
    REFUSED(400, P "Content-Length: 1\r\nContent-Length: 1" TWO),
    REFUSED(400, P "Content-Length: 1\r\ncontent-length: 2" TWO),
    REFUSED(413, P "Content-Length: 9223372036854775808" TWO),
    REFUSED(413, P "Content-Length: 18446744073709551617" TWO),
    REFUSED(400, P "Content_Length: 5" TWO),
    REFUSED(400, P "content_length: 5" TWO),
    /* Transfer-Encoding */
    REFUSED(400, P "Content-Length: 5\r\nTransfer-Encoding: chunked" TWO),
    REFUSED(400, P "Transfer-Encoding: chunked\r\nContent-Length: 0" TWO),
    REFUSED(400, P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" TWO),
    REFUSED(400, P "Transfer-Encoding: chunked\r\nTransfer-encoding: identity" TWO),
    REFUSED(501, P "Transfer-Encoding:" TWO),
    REFUSED(501, P "Transfer-Encoding: identity" TWO),
    REFUSED(501, P "Transfer-Encoding: gzip, chunked" TWO),
    REFUSED(501, P "Transfer-Encoding: chunked, chunked" TWO),
    REFUSED(501, P "Transfer-Encoding: chunked, identity" TWO),
    REFUSED(501, P "Transfer-Encoding: xchunked" TWO),
    REFUSED(501, P "Transfer-Encoding: chunked;q=1" TWO),
    REFUSED(501, P "Transfer-Encoding: \"chunked\"" TWO),
    REFUSED(501, P "Transfer-Encoding: ,chunked" TWO),
    REFUSED(400, P "Transfer-Encoding: \x0b"
                   "chunked" TWO),
    REFUSED(400, P "Transfer-Encoding : chunked" TWO),
    REFUSED(400, P "Transfer-Encoding\n: chunked" TWO),
    REFUSED(400, P "X: y\nTransfer-Encoding: chunked" TWO),
    REFUSED(400, P "Transfer_Encoding: chunked" TWO),
    REFUSED(400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked" TWO),
    /* bodies where none may be */
    REFUSED(400, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 1" TWO),
    REFUSED(400, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: chunked" TWO),
    REFUSED(400, "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1" TWO),
    REFUSED(400, "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked" TWO),
    /* Connection, Upgrade, Expect, credentials */
    REFUSED(400, L "Connection: Host" TWO),
    REFUSED(400, L "Connection: close, content-length" TWO),
    REFUSED(400, L "Connection: close\r\nConnection: Transfer-Encoding" TWO),
    REFUSED(400, L "Connection: a b" TWO),
    REFUSED(400, L "Connection: \"close\"" TWO),
    REFUSED(400,
            L "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" TWO),
    REFUSED(400, L "Connection: upgrade\r\nUpgrade: h2c" TWO),
    REFUSED(400, L "Upgrade: websocket, H2C" TWO),
    REFUSED(400, L "HTTP2-Settings: AAMAAABk" TWO),
    REFUSED(417, P "Expect: 200-ok" TWO),
    REFUSED(417, P "Expect: 100-continue, x" TWO),
    REFUSED(400, P "Expect: 100-continue\r\nExpect: 100-continue" TWO),
    REFUSED(400, L "Proxy-Authorization: Basic YQ==\r\nProxy-Authorization: Basic Yg==" TWO),
    /* other protocols, refused before any line ends */
    REFUSED(400, "\x16\x03\x01\x02"),
    REFUSED(400, "\x05\x01"),
    REFUSED(400, "{\"json\": 1}"),
    REFUSED(400, "GET / SSH-2.0-OpenSSH_9.2"),
};

static struct http_request parsed;
static struct text built;

/* Parsed out of memory of its own size, so that a sanitizer sees any look beyond. */
static enum http_parse parse_exactly(struct span bytes, struct http_request *request)
{
    char *copy = span_duplicate(bytes);
    ck_assert_ptr_nonnull(copy);
    char *exact = realloc(copy, bytes.length > 0 ? bytes.length : 1);
    ck_assert_ptr_nonnull(exact);
    enum http_parse result = http_request_parse((struct span){exact, bytes.length}, request);
    free(exact);
    return result;
}

START_TEST(refuses_what_two_parsers_could_read_differently)
{
    const struct refusal_case *refusal = &refused[_i];
    static struct http_request request;
    ck_assert_int_eq(parse_exactly(refusal->bytes, &request), HTTP_BAD);
    ck_assert_uint_eq(request.status, refusal->status);
    ck_assert_ptr_nonnull(request.problem);
}
END_TEST

static const struct span good[] = {
    {"GET / HTTP/1.1\r\nHost: a" TWO, sizeof("GET / HTTP/1.1\r\nHost: a" TWO) - 1},
#define GOOD(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
    GOOD("\r\n\r\n" L END),
    GOOD(
        "GET http://a.example:8080/b?c=d HTTP/1.1\r\nHost: a.example:8080\r\nA:\r\nB: \x80\xff \r\n"
        "C:\td\te\t\r\n" END),
    GOOD("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\nProxy-Authorization: "
         "Basic YQ==" TWO),
    GOOD("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\nExpect: "
         "100-Continue" TWO),
    GOOD(
        "POST /{|}^`~!$&'()*+,;=:@%zz[] HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tCHUNKED \r\n" END),
    GOOD("GET / HTTP/1.0" TWO),
    GOOD("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: ,close , x-a,,keep-alive\r\nX-A: b" TWO),
    GOOD("M!#$%&'*+-.^_`|~9 / HTTP/1.1\r\n!#$%&'*+-.^_`|~9: b\r\nhost: [::1]:80" TWO),
    GOOD(
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13" TWO),
};

START_TEST(understands_a_good_head_only_when_it_is_whole)
{
    static struct http_request request;
    for (size_t length = 0; length < good[_i].length; length++) {
        ck_assert_msg(parse_exactly(span_slice(good[_i], 0, length), &request) == HTTP_MORE,
                      "after %zu bytes: %s", length, request.problem);
    }
    ck_assert_int_eq(parse_exactly(good[_i], &request), HTTP_DONE);
    ck_assert_uint_eq(request.length, good[_i].length);
}
END_TEST

START_TEST(leaves_what_follows_the_head_alone)
{
    text_add(&built, good[_i]);
    text_add(&built, SPAN("\0\n rest"));
    ck_assert_int_eq(http_request_parse(text_span(&built), &parsed), HTTP_DONE);
    ck_assert_uint_eq(parsed.length, good[_i].length);
}
END_TEST

START_TEST(finds_the_end_of_a_head_that_comes_byte_by_byte)
{
    size_t searched = 0, end = 0;
    while (end == 0 && searched < good[_i].length) {
        struct span bytes = span_slice(good[_i], 0, searched + 1);
        end = http_head_find_end(bytes, searched);
        searched = bytes.length;
    }
    ck_assert_uint_eq(end, good[_i].length);
}
END_TEST

START_TEST(finds_the_end_of_a_head_at_once)
{
    ck_assert_uint_eq(http_head_find_end(good[_i], 0), good[_i].length);
}
END_TEST

/* Lines are looked at in words of eight bytes: no byte may pass by its place in one. */
START_TEST(judges_each_byte_of_a_value_wherever_it_stands)
{
    const unsigned char byte = (unsigned char)_i;
    const bool is_text = byte == '\t' || (byte >= ' ' && byte != 0x7F);
    for (size_t before = 0; before < 20; before++) {
        text_reset(&built);
        text_add(&built, SPAN(L "A: "));
        text_add(&built, SPAN("xxxxxxxxxxxxxxxxxxxx" TWO));
        built.data[built.length - sizeof(TWO) + 1 - 20 + before] = (char)byte;
        ck_assert_int_eq(http_request_parse(text_span(&built), &parsed),
                         is_text ? HTTP_DONE : HTTP_BAD);
        ck_assert_uint_eq(http_head_find_end(text_span(&built), 0), built.length);
    }
}
END_TEST

/* What http_head_find_end wakes the caller for is never "need more". */
START_TEST(decides_whenever_it_says_that_there_is_something_to_decide)
{
    struct span bytes = refused[_i].bytes;
    static struct http_request request;
    for (size_t length = 0; length <= bytes.length; length++) {
        struct span part = span_slice(bytes, 0, length);
        if (http_head_find_end(part, 0) == 0)
            continue;
        ck_assert_int_eq(http_request_parse(part, &request), HTTP_BAD);
        return;
    }
    ck_assert_uint_eq(http_head_find_end(bytes, bytes.length), 0);
}
END_TEST

/* --- what is understood --------------------------------------------------- */

static const struct http_request *parse(const char *text)
{
    ck_assert_int_eq(http_request_parse(span_of(text), &parsed), HTTP_DONE);
    return &parsed;
}

static void assert_text(struct span actual, const char *expected)
{
    ck_assert_msg(span_equal(actual, span_of(expected)), "\"%.*s\" is not \"%s\"",
                  SPAN_FORMAT(actual), expected);
}

START_TEST(takes_the_request_line_apart)
{
    const struct http_request *request = parse("PoST http://a/b?c HTTP/1.0" TWO);
    assert_text(request->method, "PoST");
    assert_text(request->target, "http://a/b?c");
    ck_assert_uint_eq(request->minor, 0);
}
END_TEST

START_TEST(trims_a_value_and_keeps_its_inside)
{
    const struct http_request *request = parse(L "A: \t b \t c\t " TWO);
    assert_text(request->fields.items[1].name, "A");
    assert_text(request->fields.items[1].value, "b \t c");
}
END_TEST

START_TEST(reads_the_framing)
{
    ck_assert_int_eq(parse(L END)->body, HTTP_BODY_NONE);
    ck_assert_int_eq(parse(P "Content-Length: 0" TWO)->body, HTTP_BODY_SIZED);
    ck_assert_uint_eq(parse(P "Content-Length: 00042" TWO)->content_length, 42);
    ck_assert_int_eq(parse(P "Transfer-Encoding: Chunked" TWO)->body, HTTP_BODY_CHUNKED);
    ck_assert_int_eq(parse("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0" TWO)->body,
                     HTTP_BODY_NONE);
}
END_TEST

START_TEST(knows_who_would_keep_the_connection)
{
    ck_assert(parse(L END)->keep_alive);
    ck_assert(!parse(L "Connection: x, Close" TWO)->keep_alive);
    ck_assert(!parse(L "Connection: keep-alive\r\nConnection: close" TWO)->keep_alive);
    ck_assert(!parse("GET / HTTP/1.0" TWO)->keep_alive);
    ck_assert(!parse("GET / HTTP/1.0\r\nProxy-Connection: keep-alive" TWO)->keep_alive);
    ck_assert(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive" TWO)->keep_alive);
}
END_TEST

START_TEST(counts_100_continue_only_from_http_1_1_with_a_body)
{
    ck_assert(parse(P "Content-Length: 1\r\nExpect: 100-continue" TWO)->expect_continue);
    ck_assert(!parse(P "Expect: 100-continue" TWO)->expect_continue);
    ck_assert(!parse("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue" TWO)
                   ->expect_continue);
}
END_TEST

#define WEBSOCKET "Connection: Upgrade\r\nUpgrade: WebSocket" TWO

START_TEST(upgrades_to_websocket_only_what_may_upgrade)
{
    ck_assert(parse(L WEBSOCKET)->upgrade_websocket);
    ck_assert(!parse(L "Upgrade: websocket" TWO)->upgrade_websocket);
    ck_assert(!parse(L "Connection: upgrade\r\nUpgrade: TLS/1.0" TWO)->upgrade_websocket);
    ck_assert(!parse(P WEBSOCKET)->upgrade_websocket);
    ck_assert(!parse("GET / HTTP/1.0\r\nHost: a\r\n" WEBSOCKET)->upgrade_websocket);
    ck_assert(!parse(L "Content-Length: 1\r\n" WEBSOCKET)->upgrade_websocket);
}
END_TEST

START_TEST(hands_over_host_and_credentials)
{
    const struct http_request *request = parse(L "proxy-authorization: Basic YQ==" TWO);
    ck_assert(request->has_host && request->has_proxy_authorization);
    assert_text(request->host, "a");
    assert_text(request->proxy_authorization, "Basic YQ==");
    ck_assert(!parse("GET / HTTP/1.0" TWO)->has_host);
    ck_assert(!parse(L END)->has_proxy_authorization);
}
END_TEST

START_TEST(marks_what_stops_here)
{
    const struct http_request *request = parse(
        L "Connection: X-Mine\r\nx-mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nAccept: b" TWO);
    const bool expected[] = {false, true, true, true, true, false};
    ck_assert_uint_eq(request->fields.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < request->fields.count; i++)
        ck_assert_int_eq(request->fields.items[i].hop_by_hop, expected[i]);
}
END_TEST

/* --- limits ---------------------------------------------------------------- */

static void build_fields(size_t count)
{
    text_reset(&built);
    text_add_string(&built, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (size_t i = 1; i < count; i++)
        text_add_string(&built, "a:\r\n");
    text_add_string(&built, END);
}

START_TEST(takes_as_many_fields_as_it_says)
{
    build_fields(HTTP_FIELDS_MAXIMUM);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_DONE);
    ck_assert_uint_eq(parsed.fields.count, HTTP_FIELDS_MAXIMUM);
    build_fields(HTTP_FIELDS_MAXIMUM + 1);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_BAD);
    ck_assert_uint_eq(parsed.status, 431);
}
END_TEST

static void build_head(size_t target, size_t whole)
{
    text_reset(&built);
    text_add_string(&built, "GET /");
    for (size_t i = 1; i < target; i++)
        text_add_char(&built, 'x');
    text_add_string(&built, " HTTP/1.1\r\nHost: a\r\nA: ");
    while (built.length + 4 < whole)
        text_add_char(&built, 'y');
    text_add_string(&built, TWO);
}

START_TEST(takes_a_target_as_long_as_it_says)
{
    build_head(HTTP_TARGET_MAXIMUM, 0);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_DONE);
    build_head(HTTP_TARGET_MAXIMUM + 1, 0);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_BAD);
    ck_assert_uint_eq(parsed.status, 414);
    struct span begun = span_slice(text_span(&built), 0, 4 + HTTP_TARGET_MAXIMUM + 1);
    ck_assert_int_eq(parse_exactly(begun, &parsed), HTTP_BAD);
}
END_TEST

START_TEST(takes_a_head_as_long_as_it_says)
{
    build_head(1, HTTP_HEAD_MAXIMUM);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_DONE);
    ck_assert_uint_eq(http_head_find_end(text_span(&built), 0), HTTP_HEAD_MAXIMUM);
    build_head(1, HTTP_HEAD_MAXIMUM + 1);
    ck_assert_int_eq(parse_exactly(text_span(&built), &parsed), HTTP_BAD);
    ck_assert_uint_eq(parsed.status, 431);
}
END_TEST

START_TEST(refuses_an_endless_head_at_the_limit_and_not_before)
{
    build_head(1, HTTP_HEAD_MAXIMUM + 100);
    struct span begun = span_slice(text_span(&built), 0, HTTP_HEAD_MAXIMUM - 1);
    ck_assert_int_eq(parse_exactly(begun, &parsed), HTTP_MORE);
    ck_assert_uint_eq(http_head_find_end(begun, 0), 0);
    begun.length++;
    ck_assert_int_eq(parse_exactly(begun, &parsed), HTTP_BAD);
    ck_assert_uint_ne(http_head_find_end(begun, 0), 0);
}
END_TEST

static void build_begin(void)
{
    text_init(&built, 1 << 20);
}

static void build_end(void)
{
    text_clear(&built);
}

int main(void)
{
    const int refusals = sizeof(refused) / sizeof(refused[0]), goods = sizeof(good) / sizeof(*good);
    Suite *suite = suite_create("http_request");
    TCase *tests = tcase_create("http_request");
    tcase_add_checked_fixture(tests, build_begin, build_end);
    tcase_add_loop_test(tests, refuses_what_two_parsers_could_read_differently, 0, refusals);
    tcase_add_loop_test(tests, judges_each_byte_of_a_value_wherever_it_stands, 0, 256);
    tcase_add_loop_test(tests, decides_whenever_it_says_that_there_is_something_to_decide, 0,
                        refusals);
    tcase_add_loop_test(tests, understands_a_good_head_only_when_it_is_whole, 0, goods);
    tcase_add_loop_test(tests, leaves_what_follows_the_head_alone, 0, goods);
    tcase_add_loop_test(tests, finds_the_end_of_a_head_that_comes_byte_by_byte, 0, goods);
    tcase_add_loop_test(tests, finds_the_end_of_a_head_at_once, 0, goods);
    tcase_add_test(tests, takes_the_request_line_apart);
    tcase_add_test(tests, trims_a_value_and_keeps_its_inside);
    tcase_add_test(tests, reads_the_framing);
    tcase_add_test(tests, knows_who_would_keep_the_connection);
    tcase_add_test(tests, counts_100_continue_only_from_http_1_1_with_a_body);
    tcase_add_test(tests, upgrades_to_websocket_only_what_may_upgrade);
    tcase_add_test(tests, hands_over_host_and_credentials);
    tcase_add_test(tests, marks_what_stops_here);
    tcase_add_test(tests, takes_as_many_fields_as_it_says);
    tcase_add_test(tests, takes_a_target_as_long_as_it_says);
    tcase_add_test(tests, takes_a_head_as_long_as_it_says);
    tcase_add_test(tests, refuses_an_endless_head_at_the_limit_and_not_before);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
