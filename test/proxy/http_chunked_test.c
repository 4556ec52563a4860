/*
 * Promises of proxy/http_chunked: a body is what its chunks say, whatever way
 * it comes; what could be read in two ways is refused.
 */
#include <check.h>
#include <stdlib.h>

#include "proxy/http_chunked.h"
#include "test/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct text body, trailer_lines;
static struct http_chunked decoder;

static void begin(void)
{
    text_init(&body, 1 << 20);
    text_init(&trailer_lines, 1 << 20);
}

static void end(void)
{
    text_clear(&body);
    text_clear(&trailer_lines);
}

/*
 * Feeds BYTES, STEP more at a time; what was not consumed stays, as in a
 * connection's buffer. *consumed is how many were, in all. Each call sees memory of its own size.
 */
static enum http_parse decode(struct span bytes, size_t step, size_t *consumed)
{
    enum http_parse result = HTTP_MORE;
    size_t arrived = 0;
    http_chunked_init(&decoder);
    text_reset(&body);
    text_reset(&trailer_lines);
    *consumed = 0;
    while (result == HTTP_MORE && arrived < bytes.length) {
        size_t took = 1;
        arrived = arrived + step < bytes.length ? arrived + step : bytes.length;
        while (result == HTTP_MORE && took > 0) {
            struct span data, trailers, here = span_slice(bytes, *consumed, arrived - *consumed);
            char *exact = malloc(here.length > 0 ? here.length : 1);
            ck_assert_ptr_nonnull(exact);
            memcpy(exact, here.data, here.length);
            here.data = exact;
            result = http_chunked_read(&decoder, here, &took, &data, &trailers);
            ck_assert_uint_le(took, here.length);
            text_add(&body, data);
            text_add(&trailer_lines, trailers);
            *consumed += took;
            free(exact);
        }
    }
    return result;
}

struct good_case {
    struct span bytes;
    const char *body;
    const char *trailers;
};

#define GOOD(literal, payload, trailers)                                                           \
    {                                                                                              \
        {literal, sizeof(literal) - 1}, payload, trailers                                          \
    }

static const struct good_case good[] = {
    GOOD("0\r\n\r\n", "", ""),
    GOOD("0000000000000000\r\n\r\n", "", ""),
    GOOD("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
    GOOD("5\r\nhello\r\n007\r\n, world\r\n0\r\n\r\n", "hello, world", ""),
    GOOD("0A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""),
    GOOD("9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n\r\n", ""),
    GOOD("1;a=b;c=\"d;e\" ; f\r\nx\r\n0;last\r\n\r\n", "x", ""),
    GOOD("1 \t;a\r\nx\r\n0\r\n\r\n", "x", ""),
    GOOD("1\r\nx\r\n0\r\nServer-Timing: a\r\nx-checksum:b \r\n\r\n", "x",
         "Server-Timing: a\r\nx-checksum:b \r\n"),
};

START_TEST(decodes_a_body_however_it_comes)
{
    const struct good_case *given = &good[_i];
    for (size_t step = 1; step <= given->bytes.length; step++) {
        size_t consumed;
        ck_assert_int_eq(decode(given->bytes, step, &consumed), HTTP_DONE);
        ck_assert_uint_eq(consumed, given->bytes.length);
        ck_assert(span_equal(text_span(&body), span_of(given->body)));
        ck_assert(span_equal(text_span(&trailer_lines), span_of(given->trailers)));
    }
}
END_TEST

START_TEST(is_never_done_before_the_end)
{
    struct span bytes = good[_i].bytes;
    for (size_t length = 0; length < bytes.length; length++) {
        size_t consumed;
        ck_assert_int_eq(decode(span_slice(bytes, 0, length), 1, &consumed), HTTP_MORE);
    }
}
END_TEST

START_TEST(hands_payload_on_before_the_chunk_is_whole)
{
    size_t consumed;
    ck_assert_int_eq(decode(SPAN("7fffffffffffffff\r\nhel"), 1000, &consumed), HTTP_MORE);
    ck_assert_uint_eq(consumed, 21);
    ck_assert(span_equal(text_span(&body), SPAN("hel")));
}
END_TEST

START_TEST(leaves_what_follows_the_body_alone)
{
    size_t consumed;
    struct span data, trailers;
    struct span rest = SPAN("GET / HTTP/1.1\r\n");
    ck_assert_int_eq(decode(SPAN("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), 1000, &consumed),
                     HTTP_DONE);
    ck_assert_uint_eq(consumed, 11);
    ck_assert_int_eq(http_chunked_read(&decoder, rest, &consumed, &data, &trailers), HTTP_DONE);
    ck_assert_uint_eq(consumed, 0);
}
END_TEST

#define BAD(literal)                                                                               \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define X "1\r\nx\r\n"

static const struct span bad[] = {
    BAD("\r\n"),
    BAD("\n"),
    BAD("5\nhello"),
    BAD("5\rhello"),
    BAD("5\r\nhello\n0"),
    BAD("5\r\nhello0\r\n"),
    BAD("5\r\nhelloworld\r\n"),
    BAD("5\r\nhello\rX"),
    BAD(X "\r\n0\r\n\r\n"),
    BAD("g\r\n"),
    BAD("0x5\r\n"),
    BAD("-5\r\n"),
    BAD("+5\r\n"),
    BAD(" 5\r\n"),
    BAD("5 \r\n"),
    BAD("5\t\r\n"),
    BAD("5 5\r\n"),
    BAD("5,5\r\n"),
    BAD("5h\r\n"),
    BAD("5.0\r\n"),
    BAD(";a\r\n"),
    BAD("8000000000000000\r\n"),
    BAD("ffffffffffffffff\r\n"),
    BAD("00000000000000005\r\n"),
    BAD("10000000000000000\r\n"),
    BAD("5;a\nb\r\n"),
    BAD("5;a\rb\r\n"),
    BAD("5;a\0\r\n"),
    BAD("5\0\r\n"),
    BAD("0\n\n"),
    BAD("0\r\n\n"),
    BAD("0\r\n\rX"),
    BAD(X "0\r\nA: b\n\r\n"),
    BAD(X "0\r\n A: b\r\n\r\n"),
    BAD(X "0\r\nA : b\r\n\r\n"),
    BAD(X "0\r\nA\r\n\r\n"),
    BAD(X "0\r\n: b\r\n\r\n"),
    BAD(X "0\r\nA: b\r\n c\r\n\r\n"),
    BAD(X "0\r\nA: \x01\r\n\r\n"),
    BAD(X "0\r\nGET / HTTP/1.1\r\n\r\n"),
};

START_TEST(refuses_what_two_parsers_could_read_differently)
{
    size_t consumed;
    ck_assert_int_eq(decode(bad[_i], 1000, &consumed), HTTP_BAD);
    ck_assert_ptr_nonnull(decoder.problem);
    ck_assert_int_eq(decode(bad[_i], 1, &consumed), HTTP_BAD);
}
END_TEST

START_TEST(stays_bad)
{
    size_t consumed;
    struct span data, trailers;
    ck_assert_int_eq(decode(SPAN("g\r\n"), 1000, &consumed), HTTP_BAD);
    ck_assert_int_eq(http_chunked_read(&decoder, SPAN("0\r\n\r\n"), &consumed, &data, &trailers),
                     HTTP_BAD);
    ck_assert_uint_eq(consumed, 0);
}
END_TEST

static const char *const no_trailers[] = {
    "Content-Length: 1",
    "content-length: 1",
    "Transfer-Encoding: chunked",
    "Content_Length: 1",
    "Host: a",
    "Connection: close",
    "Trailer: a",
    "Upgrade: websocket",
    "Authorization: a",
    "Cookie: a",
    "Set-Cookie: a",
    "Content-Type: a",
    "Content-Encoding: a",
    "Proxy-Authorization: a",
    "proxy-anything: a",
    "If-Match: a",
    "Cache-Control: a",
    "forge-proxy-error: a",
};

START_TEST(refuses_a_trailer_that_may_only_be_a_header)
{
    size_t consumed;
    text_add_format(&trailer_lines, "0\r\nA: b\r\n%s\r\n\r\n", no_trailers[_i]);
    char *bytes = span_duplicate(text_span(&trailer_lines));
    ck_assert_int_eq(decode(span_of(bytes), 1000, &consumed), HTTP_BAD);
    free(bytes);
}
END_TEST

/* BEGINNING, then filler so that the line is as long as LENGTH, CRLF included, then END. */
static void build_line(struct text *text, const char *beginning, size_t length, const char *ending)
{
    text_add_string(text, beginning);
    for (size_t i = strlen(beginning) + 2; i < length; i++)
        text_add_char(text, 'e');
    text_add_string(text, "\r\n");
    text_add_string(text, ending);
}

START_TEST(bounds_the_size_line)
{
    struct text text;
    size_t consumed;
    text_init(&text, 1 << 16);
    build_line(&text, "0;", HTTP_CHUNK_LINE_MAXIMUM, "\r\n");
    ck_assert_int_eq(decode(text_span(&text), 1, &consumed), HTTP_DONE);
    text_reset(&text);
    build_line(&text, "0;", HTTP_CHUNK_LINE_MAXIMUM + 1, "\r\n");
    ck_assert_int_eq(decode(text_span(&text), 1, &consumed), HTTP_BAD);
    ck_assert_int_eq(decode(span_slice(text_span(&text), 0, 256), 1000, &consumed), HTTP_BAD);
    text_clear(&text);
}
END_TEST

START_TEST(bounds_the_trailers)
{
    struct text text;
    size_t consumed;
    text_init(&text, 1 << 16);
    text_add_string(&text, "0\r\n");
    build_line(&text, "a:", HTTP_TRAILERS_MAXIMUM - 2, "\r\n");
    ck_assert_int_eq(decode(text_span(&text), 100, &consumed), HTTP_DONE);
    text_reset(&text);
    text_add_string(&text, "0\r\n");
    build_line(&text, "a:", HTTP_TRAILERS_MAXIMUM - 1, "\r\n");
    ck_assert_int_eq(decode(text_span(&text), 100, &consumed), HTTP_BAD);
    text_clear(&text);
}
END_TEST

START_TEST(reads_what_it_writes)
{
    struct text text;
    size_t consumed;
    text_init(&text, 1 << 16);
    http_chunk_write(SPAN("hello, "), &text);
    http_chunk_write(SPAN("wonderful world\r\n"), &text);
    http_last_chunk_write(SPAN("A:b\r\nC: \td \r\n"), &text);
    ck_assert(span_equal(text_span(&text), SPAN("7\r\nhello, \r\n11\r\nwonderful world\r\n\r\n"
                                                "0\r\nA: b\r\nC: d\r\n\r\n")));
    ck_assert_int_eq(decode(text_span(&text), 1, &consumed), HTTP_DONE);
    ck_assert(span_equal(text_span(&body), SPAN("hello, wonderful world\r\n")));
    text_clear(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_chunked");
    TCase *tests = tcase_create("http_chunked");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, decodes_a_body_however_it_comes, 0, COUNT(good));
    tcase_add_loop_test(tests, is_never_done_before_the_end, 0, COUNT(good));
    tcase_add_test(tests, hands_payload_on_before_the_chunk_is_whole);
    tcase_add_test(tests, leaves_what_follows_the_body_alone);
    tcase_add_loop_test(tests, refuses_what_two_parsers_could_read_differently, 0, COUNT(bad));
    tcase_add_test(tests, stays_bad);
    tcase_add_loop_test(tests, refuses_a_trailer_that_may_only_be_a_header, 0, COUNT(no_trailers));
    tcase_add_test(tests, bounds_the_size_line);
    tcase_add_test(tests, bounds_the_trailers);
    tcase_add_test(tests, reads_what_it_writes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
