/*
 * Promises of proxy/relay: every byte in order and none more, a slow reader slows
 * the sender, nothing is held while nothing is in flight.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/relay.h"
#include "test/proxy/wire.h"
#include "test/suite.h"

#define BULK_SIZE ((size_t)8 * 1024 * 1024)

static struct event_base *base;
static struct wire sender, receiver;
static struct relay_lender *lender;
static struct relay relay;
static uint64_t moved;

static void begin(void)
{
    base = event_base_new();
    lender = calloc(1, sizeof(*lender));
    wire_open(&sender, base);
    wire_open(&receiver, base);
    moved = 0;
}

static void end(void)
{
    relay_clear(&relay, lender);
    pipe_pool_clear(&lender->pipes);
    wire_close(&sender);
    wire_close(&receiver);
    free(lender);
    event_base_free(base);
}

static enum relay_result turn(void)
{
    wire_settle(base);
    return relay_turn(&relay, &sender.near, &receiver.near, lender, &moved);
}

/* What the receiver's peer has got, as a span over static storage. */
static struct span received(void)
{
    static char bytes[4096];
    bool ended;
    usleep(1000);
    return (struct span){bytes, wire_receive(&receiver, bytes, sizeof(bytes), &ended)};
}

static void assert_received(const char *expected)
{
    struct span got = received();
    ck_assert_msg(span_equal(got, span_of(expected)), "got '%.*s'", SPAN_FORMAT(got));
}

/* The stream's bytes from INDEX on: no two neighbouring blocks are alike. */
static void fill_pattern(char *block, size_t size, uint64_t index)
{
    for (size_t i = 0; i < size; i++)
        block[i] = (char)((index + i) * 2654435761U >> 13);
}

/* Sends as much of the pattern as the socket takes now; *sent counts on. */
static void send_pattern(uint64_t *sent, uint64_t total)
{
    char block[16384];
    while (*sent < total) {
        size_t size = total - *sent < sizeof(block) ? (size_t)(total - *sent) : sizeof(block);
        fill_pattern(block, size, *sent);
        ssize_t put = send(sender.far, block, size, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        *sent += (uint64_t)put;
    }
}

/* Reads and checks what has come of the pattern, at most a block; *got counts on. */
static void check_pattern(uint64_t *got)
{
    char block[16384], expected[sizeof(block)];
    bool ended;
    size_t count = wire_receive(&receiver, block, sizeof(block), &ended);
    fill_pattern(expected, count, *got);
    ck_assert_mem_eq(block, expected, count);
    *got += count;
}

static bool holds_nothing(void)
{
    return relay.held == NULL && relay.pipe.read_fd < 0;
}

START_TEST(moves_a_few_bytes_and_then_holds_nothing)
{
    relay_init(&relay, RELAY_NO_LIMIT);
    wire_send(&sender, SPAN("hello"));
    ck_assert_int_eq(turn(), RELAY_WAIT);
    assert_received("hello");
    ck_assert_uint_eq(moved, 5);
    ck_assert(holds_nothing());
}
END_TEST

START_TEST(is_done_when_the_sender_ends)
{
    relay_init(&relay, RELAY_NO_LIMIT);
    wire_send(&sender, SPAN("last words"));
    shutdown(sender.far, SHUT_WR);
    ck_assert_int_eq(turn(), RELAY_DONE);
    assert_received("last words");
}
END_TEST

START_TEST(sees_an_end_that_came_with_the_bytes_before_it)
{
    relay_init(&relay, RELAY_NO_LIMIT);
    ck_assert_int_eq(send(sender.far, "x", 1, MSG_NOSIGNAL), 1);
    shutdown(sender.far, SHUT_WR);
    usleep(2000);
    ck_assert_int_eq(turn(), RELAY_DONE);
}
END_TEST

START_TEST(takes_no_byte_more_than_its_limit)
{
    relay_init(&relay, 5);
    wire_send(&sender, SPAN("12345next"));
    ck_assert_int_eq(turn(), RELAY_DONE);
    assert_received("12345");
    char next[8];
    ck_assert_int_eq(recv(sender.near.fd, next, sizeof(next), MSG_DONTWAIT), 4);
}
END_TEST

START_TEST(tells_a_sender_that_ended_too_early_from_one_that_is_done)
{
    relay_init(&relay, 10);
    wire_send(&sender, SPAN("short"));
    shutdown(sender.far, SHUT_WR);
    ck_assert_int_eq(turn(), RELAY_FROM_ENDED);
}
END_TEST

START_TEST(sends_what_came_before_it_first)
{
    relay_init(&relay, RELAY_NO_LIMIT);
    ck_assert(relay_preload(&relay, SPAN("first ")));
    wire_send(&sender, SPAN("second"));
    ck_assert_int_eq(turn(), RELAY_WAIT);
    assert_received("first second");
}
END_TEST

START_TEST(counts_preloaded_bytes_against_the_limit)
{
    relay_init(&relay, 6);
    ck_assert(relay_preload(&relay, SPAN("abcdef")));
    wire_send(&sender, SPAN("next"));
    ck_assert_int_eq(turn(), RELAY_DONE);
    assert_received("abcdef");
}
END_TEST

START_TEST(keeps_every_byte_of_a_stream_in_order)
{
    uint64_t sent = 0, got = 0;
    relay_init(&relay, RELAY_NO_LIMIT);
    while (got < BULK_SIZE) {
        send_pattern(&sent, BULK_SIZE);
        turn();
        check_pattern(&got);
    }
    ck_assert_uint_eq(moved, BULK_SIZE);
    turn();
    ck_assert(holds_nothing());
}
END_TEST

START_TEST(reads_no_more_while_the_receiver_takes_nothing)
{
    uint64_t sent = 0, before;
    relay_init(&relay, RELAY_NO_LIMIT);
    do {
        before = sent;
        send_pattern(&sent, UINT64_MAX);
        turn();
        usleep(1000);
    } while (sent != before);
    ck_assert_uint_lt(moved, sent);
    ck_assert_int_eq(turn(), RELAY_WAIT);
    ck_assert_uint_le(relay.held_length - relay.held_sent + relay.in_pipe, RELAY_SCRATCH_SIZE);
}
END_TEST

/* Bytes that the lender's idle pipes hold; each was lent, and another relay gets it next. */
static int left_in_idle_pipes(void)
{
    int left = 0;
    for (size_t i = 0; i < lender->pipes.count; i++) {
        int bytes = 0;
        ck_assert_int_eq(ioctl(lender->pipes.idle[i].read_fd, FIONREAD, &bytes), 0);
        left += bytes;
    }
    return left;
}

START_TEST(gives_back_a_pipe_that_is_empty)
{
    uint64_t sent = 0, got = 0;
    relay_init(&relay, RELAY_NO_LIMIT);
    while (got < BULK_SIZE) {
        send_pattern(&sent, BULK_SIZE);
        turn();
        check_pattern(&got);
    }
    turn();
    ck_assert_uint_gt(lender->pipes.count, 0);
    ck_assert_uint_eq(lender->pipes.open, lender->pipes.count);
    ck_assert_int_eq(left_in_idle_pipes(), 0);
}
END_TEST

/* Streams until the receiver takes no more and bytes rest in the pipe. */
static bool stalls_with_bytes_in_its_pipe(void)
{
    uint64_t sent = 0, before;
    relay_init(&relay, RELAY_NO_LIMIT);
    do {
        before = sent;
        send_pattern(&sent, UINT64_MAX);
        turn();
        usleep(1000);
    } while (sent != before);
    return relay.in_pipe > 0;
}

START_TEST(closes_a_pipe_that_still_holds_bytes)
{
    ck_assert(stalls_with_bytes_in_its_pipe());
    ck_assert_uint_eq(lender->pipes.open, 1);
    relay_clear(&relay, lender);
    ck_assert_uint_eq(lender->pipes.open, 0);
    ck_assert_uint_eq(lender->pipes.count, 0);
}
END_TEST

START_TEST(says_whose_connection_broke)
{
    const struct linger at_once = {.l_onoff = 1};
    relay_init(&relay, RELAY_NO_LIMIT);
    setsockopt(sender.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(sender.far);
    sender.far = -1;
    usleep(2000);
    ck_assert_int_eq(turn(), RELAY_FROM_FAILED);
}
END_TEST

START_TEST(says_when_the_receiver_is_gone)
{
    const struct linger at_once = {.l_onoff = 1};
    relay_init(&relay, RELAY_NO_LIMIT);
    setsockopt(receiver.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(receiver.far);
    receiver.far = -1;
    usleep(2000);
    wire_send(&sender, SPAN("to nobody"));
    ck_assert_int_eq(turn(), RELAY_TO_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("relay");
    TCase *tests = tcase_create("relay");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, moves_a_few_bytes_and_then_holds_nothing);
    tcase_add_test(tests, is_done_when_the_sender_ends);
    tcase_add_test(tests, sees_an_end_that_came_with_the_bytes_before_it);
    tcase_add_test(tests, takes_no_byte_more_than_its_limit);
    tcase_add_test(tests, tells_a_sender_that_ended_too_early_from_one_that_is_done);
    tcase_add_test(tests, sends_what_came_before_it_first);
    tcase_add_test(tests, counts_preloaded_bytes_against_the_limit);
    tcase_add_test(tests, keeps_every_byte_of_a_stream_in_order);
    tcase_add_test(tests, reads_no_more_while_the_receiver_takes_nothing);
    tcase_add_test(tests, gives_back_a_pipe_that_is_empty);
    tcase_add_test(tests, closes_a_pipe_that_still_holds_bytes);
    tcase_add_test(tests, says_whose_connection_broke);
    tcase_add_test(tests, says_when_the_receiver_is_gone);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
