/*
 * Promises of http2_fields: a section becomes the one head that it can mean, and whatever could
 * become a second one, or mean two things, is refused.
 */
#include <check.h>

#include "proxy/http2_fields.h"
#include "test/suite.h"

static struct text out;
static struct http2_head head;

static void begin(void)
{
    text_init(&out, 1 << 20);
    http2_head_init(&head, HTTP2_REQUEST);
}

static void end(void)
{
    text_clear(&out);
    http2_head_clear(&head);
}

static void anew(enum http2_section section)
{
    http2_head_clear(&head);
    http2_head_init(&head, section);
    text_reset(&out);
}

static void add(const char *name, const char *value)
{
    http2_head_add(&head, span_of(name), span_of(value));
}

static void add_request(const char *method, const char *path)
{
    anew(HTTP2_REQUEST);
    add(":method", method);
    add(":scheme", "https");
    add(":authority", "a.example");
    add(":path", path);
}

static bool write_request(bool ends)
{
    return http2_head_write_request(&head, SPAN("https"), ends, &out);
}

static void assert_written(const char *expected)
{
    ck_assert_msg(span_equal(text_span(&out), span_of(expected)), "wrote:\n%.*s\nnot:\n%s",
                  SPAN_FORMAT(text_span(&out)), expected);
}

static void assert_refused(const char *part)
{
    ck_assert(!write_request(true));
    ck_assert_ptr_nonnull(head.problem.text);
    ck_assert_msg(strstr(head.problem.text, part) != NULL, "refused for: %s", head.problem.text);
}

/* ---- requests ------------------------------------------------------------------------ */

START_TEST(writes_a_request_without_a_body)
{
    add_request("GET", "/a?b");
    add("accept", "text/html, */*");
    add("te", "trailers");
    ck_assert(write_request(true));
    assert_written("GET /a?b HTTP/1.1\r\nHost: a.example\r\naccept: text/html, */*\r\n"
                   "Connection: close\r\n\r\n");
    ck_assert_int_eq(head.body, HTTP_BODY_NONE);
}
END_TEST

START_TEST(frames_a_body_by_its_length_or_in_chunks)
{
    add_request("POST", "/");
    ck_assert(write_request(false));
    assert_written("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
                   "Connection: close\r\n\r\n");
    ck_assert_int_eq(head.body, HTTP_BODY_CHUNKED);

    add_request("POST", "/");
    add("content-length", "12");
    ck_assert(write_request(false));
    assert_written("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 12\r\n"
                   "Connection: close\r\n\r\n");
    ck_assert_int_eq(head.body, HTTP_BODY_SIZED);
    ck_assert_uint_eq(head.content_length, 12);
}
END_TEST

START_TEST(says_that_a_post_has_no_content)
{
    add_request("POST", "/");
    ck_assert(write_request(true));
    assert_written("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n"
                   "Connection: close\r\n\r\n");
}
END_TEST

START_TEST(joins_the_crumbs_of_a_cookie)
{
    add_request("GET", "/");
    add("cookie", "a=1");
    add("accept", "x");
    add("cookie", "b=2");
    ck_assert(write_request(true));
    assert_written("GET / HTTP/1.1\r\nHost: a.example\r\naccept: x\r\nCookie: a=1; b=2\r\n"
                   "Connection: close\r\n\r\n");
}
END_TEST

START_TEST(takes_host_for_authority_and_both_if_they_agree)
{
    anew(HTTP2_REQUEST);
    add(":method", "OPTIONS");
    add(":scheme", "https");
    add(":path", "*");
    add("host", "b.example:444");
    ck_assert(write_request(true));
    assert_written("OPTIONS * HTTP/1.1\r\nHost: b.example:444\r\nConnection: close\r\n\r\n");

    add_request("GET", "/");
    add("host", "A.example");
    ck_assert(write_request(true));
    assert_written("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");

    add_request("GET", "/");
    add("host", "other.example");
    assert_refused("another authority");
}
END_TEST

static const struct {
    const char *name, *value, *problem;
} wrong_fields[] = {
    {"x", "a\r\nTransfer-Encoding: chunked", "control character"},
    {"x", "a\nb", "control character"},
    {"x", "a\rb", "control character"},
    {"x", "\x7f", "control character"},
    {"x", " a", "white space"},
    {"x", "a\t", "white space"},
    {"X-Y", "a", "lower case"},
    {"x y", "a", "token"},
    {"x:", "a", "token"},
    {"x\r\ny", "a", "token"},
    {"", "a", "token"},
    {"connection", "x-a", "of the connection"},
    {"proxy-connection", "keep-alive", "of the connection"},
    {"keep-alive", "5", "of the connection"},
    {"transfer-encoding", "chunked", "of the connection"},
    {"transfer-encoding", "identity", "of the connection"},
    {"upgrade", "h2c", "of the connection"},
    {"http2-settings", "AAMAAABkAAQAAP__", "of the connection"},
    {"te", "gzip", "TE"},
    {"te", "trailers, gzip", "TE"},
    {"content-length", "-1", "Content-Length is not a number"},
    {"content-length", "+1", "Content-Length is not a number"},
    {"content-length", "1, 1", "Content-Length is not a number"},
    {"content-length", "", "Content-Length is not a number"},
    {"content-length", "0x1", "Content-Length is not a number"},
    {"content-length", "9223372036854775808", "Content-Length is not a number"},
    {"content-length", "5", "does not come"},
    {":path", "/b", "repeated"},
    {":authority", "b.example", "repeated"},
    {":method", "PUT", "repeated"},
    {":scheme", "https", "repeated"},
    {":status", "200", "may not be here"},
    {":protocol", "websocket", "may not be here"},
    {":x", "y", "may not be here"},
    {":", "y", "may not be here"},
    {":PATH", "/b", "may not be here"},
};

START_TEST(refuses_a_wrong_field)
{
    add_request("GET", "/");
    add(wrong_fields[_i].name, wrong_fields[_i].value);
    assert_refused(wrong_fields[_i].problem);
    ck_assert_uint_eq(out.length, 0);
}
END_TEST

START_TEST(refuses_a_null_byte)
{
    add_request("GET", "/");
    http2_head_add(&head, SPAN("x"), SPAN("a\0b"));
    assert_refused("control character");
    add_request("GET", "/");
    http2_head_add(&head, SPAN("x\0y"), SPAN("a"));
    assert_refused("token");
}
END_TEST

START_TEST(refuses_what_is_said_twice)
{
    add_request("GET", "/");
    add("content-length", "0");
    add("content-length", "0");
    assert_refused("Content-Length is repeated");
    add_request("GET", "/");
    add("host", "a.example");
    add("host", "a.example");
    assert_refused("Host is repeated");
}
END_TEST

START_TEST(refuses_a_pseudo_field_behind_others)
{
    anew(HTTP2_REQUEST);
    add(":method", "GET");
    add(":scheme", "https");
    add("x", "y");
    add(":path", "/");
    assert_refused("behind other fields");
}
END_TEST

static const struct {
    const char *method, *scheme, *authority, *path, *problem;
} wrong_requests[] = {
    {NULL, "https", "a.example", "/", "method"},
    {"", "https", "a.example", "/", "method"},
    {"GET /x", "https", "a.example", "/", "method"},
    {"GET", NULL, "a.example", "/", "scheme"},
    {"GET", "http", "a.example", "/", "scheme"},
    {"GET", "https", NULL, "/", "neither"},
    {"GET", "https", "", "/", "neither"},
    {"GET", "https", "a.example", NULL, "path"},
    {"GET", "https", "a.example", "", "path"},
    {"GET", "https", "a.example", "/ HTTP/1.1", "path"},
    {"GET", "https", "a.example", "/#f", "path"},
    {"GET", "https", "a.example", "/\\", "path"},
    {"CONNECT", NULL, "a.example:443", NULL, "CONNECT"},
    {"CONNECT", "https", "a.example", "/", "CONNECT"},
};

START_TEST(refuses_a_request_that_lacks_something)
{
    anew(HTTP2_REQUEST);
    if (wrong_requests[_i].method != NULL)
        add(":method", wrong_requests[_i].method);
    if (wrong_requests[_i].scheme != NULL)
        add(":scheme", wrong_requests[_i].scheme);
    if (wrong_requests[_i].authority != NULL)
        add(":authority", wrong_requests[_i].authority);
    if (wrong_requests[_i].path != NULL)
        add(":path", wrong_requests[_i].path);
    assert_refused(wrong_requests[_i].problem);
}
END_TEST

START_TEST(keeps_to_the_first_problem)
{
    add_request("GET", "/");
    add("X", "y");
    add("transfer-encoding", "chunked");
    assert_refused("lower case");
}
END_TEST

START_TEST(bounds_a_section)
{
    static char value[HTTP2_SECTION_MAXIMUM / 4];
    memset(value, 'v', sizeof(value) - 1);
    add_request("GET", "/");
    for (int i = 0; i < 5; i++)
        add("x", value);
    assert_refused("too large");
    ck_assert_uint_eq(head.problem.status, 431);
}
END_TEST

/* Each field counts, however small: HPACK makes one byte of it. */
START_TEST(bounds_the_fields_of_a_section)
{
    add_request("GET", "/");
    for (size_t i = 0; i < HTTP2_SECTION_MAXIMUM / 32; i++)
        add("x", "");
    assert_refused("too large");
}
END_TEST

/* ---- what is written is what HTTP/1's own reader makes of it ------------------------------ */

START_TEST(is_read_as_one_request)
{
    static struct http_request request;
    add_request("PUT", "/x?y");
    add("content-length", "3");
    add("expect", "100-continue");
    ck_assert(write_request(false));
    ck_assert_int_eq(http_request_parse(text_span(&out), &request), HTTP_DONE);
    ck_assert_uint_eq(request.length, out.length);
    ck_assert(span_equal(request.target, SPAN("/x?y")));
    ck_assert(span_equal(request.host, SPAN("a.example")));
    ck_assert_int_eq(request.body, HTTP_BODY_SIZED);
    ck_assert(request.expect_continue);
    ck_assert(!request.keep_alive);
}
END_TEST

/* ---- responses --------------------------------------------------------------------------- */

static bool write_response(const char *status, const char *method, const char *length, bool ends)
{
    anew(HTTP2_RESPONSE);
    add(":status", status);
    if (length != NULL)
        add("content-length", length);
    return http2_head_write_response(&head, span_of(method), ends, &out);
}

START_TEST(writes_a_response_with_its_framing)
{
    ck_assert(write_response("200", "GET", NULL, false));
    assert_written("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    ck_assert(write_response("200", "GET", "5", false));
    assert_written("HTTP/1.1 200 \r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
    ck_assert(write_response("404", "GET", NULL, true));
    assert_written("HTTP/1.1 404 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    ck_assert(write_response("200", "HEAD", "5", true));
    assert_written("HTTP/1.1 200 \r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
    ck_assert_int_eq(head.body, HTTP_BODY_NONE);
    ck_assert(write_response("204", "GET", NULL, true));
    assert_written("HTTP/1.1 204 \r\nConnection: close\r\n\r\n");
    ck_assert(write_response("103", "GET", NULL, false));
    assert_written("HTTP/1.1 103 \r\nConnection: close\r\n\r\n");
    ck_assert_uint_eq(http2_head_status(&head), 103);
}
END_TEST

START_TEST(refuses_a_response_that_is_none)
{
    ck_assert(!write_response("101", "GET", NULL, false));
    ck_assert(!write_response("99", "GET", NULL, true));
    ck_assert(!write_response("600", "GET", NULL, true));
    ck_assert(!write_response("0200", "GET", NULL, true));
    ck_assert(!write_response("abc", "GET", NULL, true));
    ck_assert(!write_response("", "GET", NULL, true));
    ck_assert(!write_response("100", "GET", NULL, true));
    ck_assert(!write_response("200", "GET", "5", true));
    anew(HTTP2_RESPONSE);
    add(":status", "200");
    add(":path", "/");
    ck_assert(!http2_head_write_response(&head, SPAN("GET"), true, &out));
}
END_TEST

/* ---- to be sent ------------------------------------------------------------------------- */

static void assert_field(const struct http2_fields *fields, size_t i, const char *name,
                         const char *value)
{
    const nghttp2_nv *item = &fields->items[i];
    ck_assert_uint_lt(i, fields->count);
    ck_assert(span_equal((struct span){(const char *)item->name, item->namelen}, span_of(name)));
    ck_assert(span_equal((struct span){(const char *)item->value, item->valuelen}, span_of(value)));
}

START_TEST(sends_a_response_without_what_is_of_its_connection)
{
    static struct http_response response;
    static struct http2_fields fields;
    ck_assert_int_eq(http_response_parse(SPAN("HTTP/1.1 403 No\r\nProxy-Status: sallyport\r\n"
                                              "Connection: close\r\nKeep-Alive: 5\r\n"
                                              "Content-Length: 2\r\n\r\n"),
                                         SPAN("GET"), &response),
                     HTTP_DONE);
    http2_fields_of_response(&response, &fields);
    ck_assert_uint_eq(fields.count, 3);
    assert_field(&fields, 0, ":status", "403");
    assert_field(&fields, 1, "Proxy-Status", "sallyport");
    assert_field(&fields, 2, "Content-Length", "2");
}
END_TEST

START_TEST(sends_a_request_by_its_pseudo_fields)
{
    static struct http_request request;
    static struct http2_fields fields;
    ck_assert_int_eq(http_request_parse(SPAN("POST /a HTTP/1.1\r\nHost: a.example\r\nX: y\r\n"
                                             "Transfer-Encoding: chunked\r\n"
                                             "Connection: keep-alive\r\n\r\n"),
                                        &request),
                     HTTP_DONE);
    http2_fields_of_request(&request, SPAN("https"), &fields);
    ck_assert_uint_eq(fields.count, 6);
    assert_field(&fields, 0, ":method", "POST");
    assert_field(&fields, 1, ":scheme", "https");
    assert_field(&fields, 2, ":authority", "a.example");
    assert_field(&fields, 3, ":path", "/a");
    assert_field(&fields, 4, "X", "y");
    assert_field(&fields, 5, "te", "trailers");
}
END_TEST

START_TEST(sends_trailers)
{
    static struct http2_fields fields;
    http2_fields_of_trailers(SPAN("grpc-status: 0\r\ngrpc-message:\r\n"), &fields);
    ck_assert_uint_eq(fields.count, 2);
    assert_field(&fields, 0, "grpc-status", "0");
    assert_field(&fields, 1, "grpc-message", "");
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("http2_fields");
    TCase *promises = tcase_create("http2_fields");
    tcase_add_checked_fixture(promises, begin, end);
    tcase_add_test(promises, writes_a_request_without_a_body);
    tcase_add_test(promises, frames_a_body_by_its_length_or_in_chunks);
    tcase_add_test(promises, says_that_a_post_has_no_content);
    tcase_add_test(promises, joins_the_crumbs_of_a_cookie);
    tcase_add_test(promises, takes_host_for_authority_and_both_if_they_agree);
    tcase_add_loop_test(promises, refuses_a_wrong_field, 0, COUNT(wrong_fields));
    tcase_add_test(promises, refuses_a_null_byte);
    tcase_add_test(promises, refuses_what_is_said_twice);
    tcase_add_test(promises, refuses_a_pseudo_field_behind_others);
    tcase_add_loop_test(promises, refuses_a_request_that_lacks_something, 0, COUNT(wrong_requests));
    tcase_add_test(promises, keeps_to_the_first_problem);
    tcase_add_test(promises, bounds_a_section);
    tcase_add_test(promises, bounds_the_fields_of_a_section);
    tcase_add_test(promises, is_read_as_one_request);
    tcase_add_test(promises, writes_a_response_with_its_framing);
    tcase_add_test(promises, refuses_a_response_that_is_none);
    tcase_add_test(promises, sends_a_response_without_what_is_of_its_connection);
    tcase_add_test(promises, sends_a_request_by_its_pseudo_fields);
    tcase_add_test(promises, sends_trailers);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
