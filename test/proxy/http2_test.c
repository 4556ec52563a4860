/*
 * Promises of proxy/http2 as a server: what a client of nghttp2 asks comes out of pairs of sockets
 * as HTTP/1, and what is written there comes back to it, whole or not at all.
 */
#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/proxy/http2_plain.h"
#include "test/proxy/wire.h"
#include "test/suite.h"

#define ENDS   8
#define WINDOW 65535U
#define LARGE  ((size_t)1 << 20)

/* What the client has seen of a stream. */
struct seen {
    int status;
    size_t interim;
    size_t length; /* of the body */
    char body[64]; /* its beginning */
    char trailer[32];
    bool closed;
    uint32_t code;
};

static struct event_base *base;
static struct wire wire;
static struct relay_lender *lender;
static struct http2 *http2;
static nghttp2_session *client;
static enum http2_progress progress;
static struct seen seen[2 * ENDS + 1]; /* by stream number */
static size_t upload_left;             /* bytes that the client's bodies still have */
static const char *upload_trailer;     /* sent behind them */
static int ends[ENDS];                 /* far ends, in the order of their streams */
static size_t end_count, closed_count;
static struct http2_stream *latest;
static bool refuses;

/* ---- the role ------------------------------------------------------------------------ */

static bool begin_stream(struct http2_stream *stream, int fd)
{
    if (refuses || end_count == ENDS) {
        close(fd);
        return false;
    }
    ends[end_count++] = fd;
    stream->owner = ends;
    latest = stream;
    return true;
}

static void closed(struct http2_stream *stream)
{
    stream->owner = NULL;
    closed_count++;
}

static const struct http2_role role = {.is_server = true,
                                       .streams = ENDS,
                                       .window = WINDOW,
                                       .begin = begin_stream,
                                       .take_head = http2_plain_take_head,
                                       .send_head = http2_plain_send_head,
                                       .closed = closed};

static void wake(void *owner)
{
    (void)owner;
}

/* ---- the client ------------------------------------------------------------------------ */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *context)
{
    struct seen *one = &seen[frame->hd.stream_id];
    const struct span field = {(const char *)name, name_length};
    (void)session;
    (void)flags;
    (void)context;
    if (span_equal(field, SPAN(":status"))) {
        one->interim += one->status != 0;
        one->status = (int)strtol((const char *)value, NULL, 10);
    }
    if (span_equal(field, SPAN("x-sum")))
        snprintf(one->trailer, sizeof(one->trailer), "%.*s", (int)value_length,
                 (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t length, void *context)
{
    struct seen *one = &seen[id];
    (void)session;
    (void)flags;
    (void)context;
    for (size_t i = 0; i < length && one->length + i < sizeof(one->body) - 1; i++)
        one->body[one->length + i] = (char)bytes[i];
    one->length += length;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    (void)session;
    (void)context;
    seen[id].closed = true;
    seen[id].code = code;
    return 0;
}

static ssize_t read_upload(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t size,
                           uint32_t *flags, nghttp2_data_source *source, void *context)
{
    const size_t count = size < upload_left ? size : upload_left;
    const nghttp2_nv trailer = {(uint8_t *)"x-sum", (uint8_t *)upload_trailer, 5,
                                upload_trailer == NULL ? 0 : strlen(upload_trailer), 0};
    (void)source;
    (void)context;
    memset(bytes, 'u', count);
    upload_left -= count;
    if (upload_left > 0)
        return (ssize_t)count;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (upload_trailer != NULL) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, &trailer, 1);
    }
    return (ssize_t)count;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

/* The stream's number. CONTENT_LENGTH NULL: not said; a body of upload_left bytes follows. */
static int ask(const char *method, const char *content_length, bool has_body)
{
    const nghttp2_nv fields[] = {
        field(":method", method),
        field(":scheme", "https"),
        field(":authority", "a.example"),
        field(":path", "/x"),
        field("content-length", content_length == NULL ? "" : content_length),
    };
    const nghttp2_data_provider body = {.read_callback = read_upload};
    const int id = nghttp2_submit_request(client, NULL, fields, content_length == NULL ? 4 : 5,
                                          has_body ? &body : NULL, NULL);
    ck_assert_int_gt(id, 0);
    return id;
}

static void client_turn(void)
{
    static char bytes[1 << 16];
    const uint8_t *frames;
    ssize_t count;
    bool ended;
    while ((count = nghttp2_session_mem_send(client, &frames)) > 0)
        wire_send(&wire, (struct span){(const char *)frames, (size_t)count});
    const size_t got = wire_receive(&wire, bytes, sizeof(bytes), &ended);
    if (got > 0)
        ck_assert_int_ge(nghttp2_session_mem_recv(client, (const uint8_t *)bytes, got), 0);
}

/* Both sides, and the loop between them, until nothing moves any more. */
static void settle(void)
{
    for (int turn = 0; turn < 12; turn++) {
        client_turn();
        wire_settle(base);
        progress = http2_pump(http2);
    }
    client_turn();
}

static void open_client(void)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    ck_assert_int_eq(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    ck_assert_int_eq(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_http_messaging(option, 1);
    ck_assert_int_eq(nghttp2_session_client_new2(&client, callbacks, NULL, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(client, 0, NULL, 0);
}

static void set_up(void)
{
    const int on = 1;
    base = event_base_new();
    lender = calloc(1, sizeof(*lender));
    wire_open(&wire, base);
    setsockopt(wire.far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(wire.near.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const struct http2_place place = {
        .transport = &wire.near, .poller = wire.poller, .lender = lender, .wake = wake};
    http2 = http2_new(&role, &place);
    ck_assert_ptr_nonnull(http2);
    open_client();
    settle();
}

static void tear_down(void)
{
    http2_free(http2);
    nghttp2_session_del(client);
    for (size_t i = 0; i < end_count; i++)
        close(ends[i]);
    wire_close(&wire);
    free(lender);
    event_base_free(base);
}

/* ---- far ends ------------------------------------------------------------------------------ */

static void assert_came(size_t end, const char *expected)
{
    static char bytes[1 << 16];
    ck_assert_uint_lt(end, end_count);
    const ssize_t got = read(ends[end], bytes, sizeof(bytes));
    ck_assert_msg(got == (ssize_t)strlen(expected) && memcmp(bytes, expected, (size_t)got) == 0,
                  "came: %.*s", (int)(got > 0 ? got : 0), bytes);
}

static void answer(size_t end, const char *text)
{
    ck_assert_int_eq(write(ends[end], text, strlen(text)), (ssize_t)strlen(text));
    settle();
}

static size_t read_all(size_t end)
{
    static char bytes[1 << 16];
    size_t sum = 0;
    ssize_t got;
    while ((got = read(ends[end], bytes, sizeof(bytes))) > 0)
        sum += (size_t)got;
    return sum;
}

/* ---- promises -------------------------------------------------------------------------------- */

START_TEST(hands_a_request_on_and_its_response_back)
{
    const int id = ask("GET", NULL, false);
    settle();
    assert_came(0, "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    answer(0, "HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    ck_assert_int_eq(seen[id].status, 200);
    ck_assert_uint_eq(seen[id].interim, 1);
    ck_assert_str_eq(seen[id].body, "hello");
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_NO_ERROR);
    ck_assert_uint_eq(closed_count, 1);
    ck_assert_uint_eq(http2_stream_count(http2), 0);
}
END_TEST

START_TEST(takes_chunks_off_and_puts_them_on)
{
    upload_left = 3;
    const int id = ask("POST", NULL, true);
    settle();
    assert_came(0, "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
                   "Connection: close\r\n\r\n3\r\nuuu\r\n0\r\n\r\n");
    answer(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhel");
    answer(0, "lo\r\n6\r\n world\r\n0\r");
    ck_assert(!seen[id].closed);
    answer(0, "\n\r\n");
    ck_assert_str_eq(seen[id].body, "hello world");
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_NO_ERROR);
}
END_TEST

START_TEST(carries_trailers_both_ways)
{
    upload_left = 1;
    upload_trailer = "42";
    const int id = ask("POST", NULL, true);
    settle();
    assert_came(0, "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
                   "Connection: close\r\n\r\n1\r\nu\r\n0\r\nx-sum: 42\r\n\r\n");
    answer(0,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n");
    ck_assert_str_eq(seen[id].trailer, "7");
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_NO_ERROR);
}
END_TEST

START_TEST(carries_bodies_larger_than_all_windows)
{
    upload_left = LARGE;
    const int id = ask("POST", "1048576", true);
    size_t came = 0;
    for (int i = 0; i < 200 && came < LARGE; i++) {
        settle();
        came += end_count == 0 ? 0 : read_all(0);
    }
    ck_assert_uint_gt(came, LARGE); /* the head, too */
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
    static char piece[4096];
    for (size_t sent = 0; sent < LARGE;) {
        const ssize_t count = write(ends[0], piece, sizeof(piece));
        sent += count > 0 ? (size_t)count : 0;
        if (count < 0)
            settle();
    }
    for (int i = 0; i < 50 && !seen[id].closed; i++)
        settle();
    ck_assert_uint_eq(seen[id].length, LARGE);
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_NO_ERROR);
}
END_TEST

/* What the pair takes comes to some hundred KiB in the kernel; behind it the window stays shut. */
START_TEST(lets_a_stream_that_nobody_takes_wait_and_no_other)
{
    upload_left = LARGE;
    ask("POST", NULL, true);
    for (int i = 0; i < 20; i++)
        settle();
    const size_t left = upload_left;
    settle();
    ck_assert_uint_gt(left, 0);
    ck_assert_uint_eq(upload_left, left);
    const int other = ask("GET", NULL, false);
    settle();
    ck_assert_uint_eq(end_count, 2);
    answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert_str_eq(seen[other].body, "ok");
    for (int i = 0; i < 200 && upload_left > 0; i++) {
        read_all(0);
        settle();
    }
    ck_assert_uint_eq(upload_left, 0);
}
END_TEST

static const char *const cut_responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the close",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "nonsense\r\n\r\n",
    "",
};

START_TEST(never_ends_a_response_that_was_cut_short)
{
    const int id = ask("GET", NULL, false);
    settle();
    answer(0, cut_responses[_i]);
    shutdown(ends[0], SHUT_RDWR);
    settle();
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_INTERNAL_ERROR);
    ck_assert_uint_eq(http2_stream_count(http2), 0);
}
END_TEST

START_TEST(never_ends_a_request_that_was_cancelled)
{
    upload_left = LARGE;
    const int id = ask("POST", NULL, true);
    settle();
    nghttp2_submit_rst_stream(client, 0, id, NGHTTP2_CANCEL);
    settle();
    static char bytes[1 << 20];
    const ssize_t got = read(ends[0], bytes, sizeof(bytes));
    ck_assert_int_gt(got, 0);
    ck_assert(!span_ends_with((struct span){bytes, (size_t)got}, SPAN("0\r\n\r\n")));
    ck_assert_uint_eq(closed_count, 1);
}
END_TEST

START_TEST(resets_a_request_that_is_not_as_long_as_it_says)
{
    static const char *const lengths[] = {"2", "9"};
    upload_left = 5;
    const int id = ask("POST", lengths[_i], true);
    settle();
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_PROTOCOL_ERROR);
    ck_assert_uint_eq(closed_count, 1);
}
END_TEST

START_TEST(refuses_a_stream_that_its_role_does_not_take)
{
    refuses = true;
    const int id = ask("GET", NULL, false);
    settle();
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_REFUSED_STREAM);
    refuses = false;
    ask("GET", NULL, false);
    settle();
    ck_assert_uint_eq(end_count, 1);
}
END_TEST

START_TEST(ends_when_the_streams_there_are_have_ended)
{
    const int id = ask("GET", NULL, false);
    settle();
    http2_end(http2);
    settle();
    ck_assert_int_eq(progress, HTTP2_WAIT);
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert_int_eq(seen[id].status, 200);
    ck_assert_int_eq(progress, HTTP2_OVER);
    ck_assert_ptr_null(http2_problem(http2));
}
END_TEST

START_TEST(begins_no_stream_once_it_ends_though_the_client_has_not_heard)
{
    const int id = ask("GET", NULL, false);
    settle();
    http2_end(http2);
    const int late = ask("GET", NULL, false);
    settle(); /* which reads before it says GOAWAY */
    ck_assert_uint_eq(end_count, 1);
    ck_assert(seen[late].closed && seen[late].code == NGHTTP2_REFUSED_STREAM);
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert_int_eq(seen[id].status, 200);
    ck_assert_int_eq(progress, HTTP2_OVER);
}
END_TEST

START_TEST(says_what_is_no_http_2)
{
    wire_send(&wire, SPAN("\x00\x00\x01\x06\x00\x00\x00\x00\x00x")); /* PING of one byte */
    settle();
    ck_assert_int_eq(progress, HTTP2_OVER);
    ck_assert_ptr_nonnull(http2_problem(http2));
}
END_TEST

START_TEST(lets_go_of_a_stream_that_only_waits_for_its_reader)
{
    const int id = ask("GET", NULL, false);
    settle();
    const nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_submit_settings(client, 0, &none, 1);
    settle();
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert(http2_tick(http2)); /* its owner may still do something about it */
    settle();
    ck_assert(!seen[id].closed);
    latest->owner = NULL;
    ck_assert(http2_tick(http2));
    settle();
    ck_assert(seen[id].closed && seen[id].code == NGHTTP2_CANCEL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2");
    TCase *tests = tcase_create("http2");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, hands_a_request_on_and_its_response_back);
    tcase_add_test(tests, takes_chunks_off_and_puts_them_on);
    tcase_add_test(tests, carries_trailers_both_ways);
    tcase_add_test(tests, carries_bodies_larger_than_all_windows);
    tcase_add_test(tests, lets_a_stream_that_nobody_takes_wait_and_no_other);
    tcase_add_loop_test(tests, never_ends_a_response_that_was_cut_short, 0,
                        (int)(sizeof(cut_responses) / sizeof(cut_responses[0])));
    tcase_add_test(tests, never_ends_a_request_that_was_cancelled);
    tcase_add_loop_test(tests, resets_a_request_that_is_not_as_long_as_it_says, 0, 2);
    tcase_add_test(tests, refuses_a_stream_that_its_role_does_not_take);
    tcase_add_test(tests, ends_when_the_streams_there_are_have_ended);
    tcase_add_test(tests, begins_no_stream_once_it_ends_though_the_client_has_not_heard);
    tcase_add_test(tests, says_what_is_no_http_2);
    tcase_add_test(tests, lets_go_of_a_stream_that_only_waits_for_its_reader);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
