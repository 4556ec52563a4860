/*
 * Promises of proxy/body_relay: a body ends where its framing says, a chunked one
 * is written anew, and what follows it stays where it is.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/body_relay.h"
#include "test/proxy/wire.h"
#include "test/suite.h"

static struct event_base *base;
static struct wire sender, receiver;
static struct relay_lender *lender;
static struct body_relay body;
static struct buffer input;
static struct outbox out;
static uint64_t moved;

static void begin(void)
{
    base = event_base_new();
    lender = calloc(1, sizeof(*lender));
    wire_open(&sender, base);
    wire_open(&receiver, base);
    outbox_init(&out);
    moved = 0;
}

static void end(void)
{
    body_relay_clear(&body, lender);
    outbox_clear(&out);
    buffer_clear(&input);
    pipe_pool_clear(&lender->pipes);
    wire_close(&sender);
    wire_close(&receiver);
    free(lender);
    event_base_free(base);
}

static void given_input(const char *bytes)
{
    size_t room;
    char *storage = buffer_reserve(&input, 4096, 65536, &room);
    struct span given = span_of(bytes);
    memcpy(storage, given.data, given.length);
    buffer_commit(&input, given.length);
}

static enum body_result turn(void)
{
    wire_settle(base);
    return body_relay_turn(&body, &sender.near, &input, &receiver.near, lender, &moved);
}

static void assert_received(const char *expected)
{
    static char bytes[4096];
    bool ended;
    usleep(1000);
    struct span got = {bytes, wire_receive(&receiver, bytes, sizeof(bytes), &ended)};
    ck_assert_msg(span_equal(got, span_of(expected)), "got '%.*s'", SPAN_FORMAT(got));
}

START_TEST(a_request_without_a_body_is_done_at_once)
{
    given_input("GET http://next/ HTTP/1.1\r\n");
    body_relay_init(&body, HTTP_BODY_NONE, 0, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_DONE);
    ck_assert(span_starts_with(buffer_span(&input), SPAN("GET http://next/")));
}
END_TEST

START_TEST(a_sized_body_leaves_the_next_request_alone)
{
    given_input("bodyGET ");
    body_relay_init(&body, HTTP_BODY_SIZED, 4, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("body");
    ck_assert(span_equal(buffer_span(&input), SPAN("GET ")));
}
END_TEST

START_TEST(what_has_come_goes_out_with_the_head)
{
    given_input("body");
    text_add_string(&out.text, "HEAD ");
    body_relay_init(&body, HTTP_BODY_SIZED, 4, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("HEAD body");
    ck_assert_uint_eq(moved, 4);
}
END_TEST

START_TEST(a_sized_body_goes_on_from_the_connection)
{
    given_input("half ");
    body_relay_init(&body, HTTP_BODY_SIZED, 9, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_WAIT);
    wire_send(&sender, SPAN("more"));
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("half more");
}
END_TEST

START_TEST(a_body_cut_short_is_told)
{
    body_relay_init(&body, HTTP_BODY_SIZED, 100, true, &input, &out, &moved);
    wire_send(&sender, SPAN("some"));
    shutdown(sender.far, SHUT_WR);
    ck_assert_int_eq(turn(), BODY_FROM_ENDED);
}
END_TEST

START_TEST(chunks_are_written_anew_without_their_extensions)
{
    given_input("5;ext=1\r\nhello\r\n0\r\n\r\nNEXT");
    body_relay_init(&body, HTTP_BODY_CHUNKED, 0, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("5\r\nhello\r\n0\r\n\r\n");
    ck_assert(span_equal(buffer_span(&input), SPAN("NEXT")));
}
END_TEST

START_TEST(chunks_become_bare_payload_for_who_knows_no_chunks)
{
    given_input("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    body_relay_init(&body, HTTP_BODY_CHUNKED, 0, false, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("abcde");
}
END_TEST

START_TEST(a_chunk_split_anywhere_arrives_whole)
{
    const char wire_bytes[] = "4\r\nsplt\r\n0\r\n\r\n";
    body_relay_init(&body, HTTP_BODY_CHUNKED, 0, false, &input, &out, &moved);
    for (size_t i = 0; i < sizeof(wire_bytes) - 2; i++) {
        wire_send(&sender, (struct span){wire_bytes + i, 1});
        ck_assert_int_eq(turn(), BODY_WAIT);
    }
    wire_send(&sender, SPAN("\n"));
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("splt");
}
END_TEST

START_TEST(a_broken_chunk_is_malformed)
{
    given_input("5\nhello");
    body_relay_init(&body, HTTP_BODY_CHUNKED, 0, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_MALFORMED);
    ck_assert_ptr_nonnull(body.decoder.problem);
}
END_TEST

START_TEST(a_body_until_close_ends_with_the_connection)
{
    given_input("early ");
    body_relay_init(&body, HTTP_BODY_UNTIL_CLOSE, 0, false, &input, &out, &moved);
    wire_send(&sender, SPAN("late"));
    shutdown(sender.far, SHUT_WR);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("early late");
}
END_TEST

START_TEST(a_body_until_close_becomes_chunks_for_who_has_to_see_its_end)
{
    given_input("first ");
    text_add_string(&out.text, "HEAD ");
    body_relay_init(&body, HTTP_BODY_UNTIL_CLOSE, 0, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_WAIT);
    assert_received("HEAD 6\r\nfirst \r\n");
    wire_send(&sender, SPAN("then"));
    ck_assert_int_eq(turn(), BODY_WAIT);
    assert_received("4\r\nthen\r\n");
    shutdown(sender.far, SHUT_WR);
    ck_assert_int_eq(turn(), BODY_DONE);
    assert_received("0\r\n\r\n");
}
END_TEST

START_TEST(never_goes_without_the_head_that_could_not_be_written)
{
    out.text.overflow = true;
    given_input("3\r\nabc\r\n0\r\n\r\n");
    body_relay_init(&body, HTTP_BODY_CHUNKED, 0, true, &input, &out, &moved);
    ck_assert_int_eq(turn(), BODY_TO_FAILED);
    assert_received("");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_relay");
    TCase *tests = tcase_create("body_relay");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_request_without_a_body_is_done_at_once);
    tcase_add_test(tests, a_sized_body_leaves_the_next_request_alone);
    tcase_add_test(tests, what_has_come_goes_out_with_the_head);
    tcase_add_test(tests, a_sized_body_goes_on_from_the_connection);
    tcase_add_test(tests, a_body_cut_short_is_told);
    tcase_add_test(tests, chunks_are_written_anew_without_their_extensions);
    tcase_add_test(tests, chunks_become_bare_payload_for_who_knows_no_chunks);
    tcase_add_test(tests, a_chunk_split_anywhere_arrives_whole);
    tcase_add_test(tests, a_broken_chunk_is_malformed);
    tcase_add_test(tests, a_body_until_close_ends_with_the_connection);
    tcase_add_test(tests, a_body_until_close_becomes_chunks_for_who_has_to_see_its_end);
    tcase_add_test(tests, never_goes_without_the_head_that_could_not_be_written);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
