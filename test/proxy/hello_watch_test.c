/*
 * Promises of proxy/hello_watch: whatever a server passes over, another ClientHello is found behind
 * it, and what is no hello is not held up.
 */
#include <check.h>

#include "proxy/hello_watch.h"
#include "test/suite.h"

#define CHANGE "\x14\x03\x03\0\x01\x01"
#define WARN   "\x15\x03\x03\0\x02\x01\x5a"
#define DATA                                                                                       \
    "\x17\x03\x03\0\x03"                                                                           \
    "abc"
#define HELLO "\x16\x03\x03\0\x04\x01\0\0\0"
#define KEYS  "\x16\x03\x03\0\x04\x10\0\0\0"

struct found {
    enum hello_watch_result result;
    size_t passed;
};

/* BYTES come in pieces of PIECE bytes; what may not pass yet is offered again with the next. */
static struct found take(struct span bytes, bool early_data, size_t piece)
{
    struct hello_watch watch;
    struct found found = {HELLO_WATCH_MORE, 0};
    hello_watch_begin(&watch, early_data);
    for (size_t here = 0; here < bytes.length && found.result == HELLO_WATCH_MORE;) {
        size_t count;
        here = here + piece < bytes.length ? here + piece : bytes.length;
        found.result =
            hello_watch_take(&watch, span_slice(bytes, found.passed, here - found.passed), &count);
        found.passed += count;
    }
    return found;
}

/* However the bytes are cut: RESULT, and PASSED bytes before it. */
static void check(struct span bytes, bool early_data, enum hello_watch_result result, size_t passed)
{
    for (size_t piece = 1; piece <= bytes.length; piece++) {
        struct found found = take(bytes, early_data, piece);
        ck_assert_int_eq(found.result, result);
        ck_assert_uint_eq(found.passed, passed);
    }
}

START_TEST(finds_a_hello_at_once)
{
    check(SPAN(HELLO), false, HELLO_WATCH_HELLO, 0);
}
END_TEST

START_TEST(finds_a_hello_behind_what_a_server_passes_over)
{
    check(SPAN(CHANGE HELLO), false, HELLO_WATCH_HELLO, 6);
    check(SPAN(WARN CHANGE WARN HELLO), false, HELLO_WATCH_HELLO, 20);
    check(SPAN(DATA DATA HELLO), true, HELLO_WATCH_HELLO, 16);
}
END_TEST

START_TEST(takes_an_empty_handshake_record_for_a_hello_that_is_to_be_read)
{
    check(SPAN("\x16\x03\x03\0\0" HELLO), false, HELLO_WATCH_HELLO, 0);
}
END_TEST

START_TEST(is_over_when_the_handshake_has_gone_on)
{
    check(SPAN(KEYS HELLO), false, HELLO_WATCH_OVER, 0);
    check(SPAN(CHANGE DATA HELLO), false, HELLO_WATCH_OVER, 6);
}
END_TEST

START_TEST(holds_nothing_up_that_is_not_tls)
{
    check(SPAN("p"), false, HELLO_WATCH_OVER, 0);
    check(SPAN("\x17"), false, HELLO_WATCH_OVER, 0);
}
END_TEST

START_TEST(is_over_after_so_many_bytes)
{
    struct hello_watch watch;
    size_t count, passed = 0;
    enum hello_watch_result result = HELLO_WATCH_MORE;
    hello_watch_begin(&watch, true);
    while (result == HELLO_WATCH_MORE) {
        result = hello_watch_take(&watch, SPAN(DATA DATA), &count);
        passed += count;
    }
    ck_assert_int_eq(result, HELLO_WATCH_OVER);
    ck_assert_uint_ge(passed, HELLO_WATCH_BYTES);
    ck_assert_uint_lt(passed, HELLO_WATCH_BYTES + sizeof(DATA DATA));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hello_watch");
    TCase *tests = tcase_create("hello_watch");
    tcase_add_test(tests, finds_a_hello_at_once);
    tcase_add_test(tests, finds_a_hello_behind_what_a_server_passes_over);
    tcase_add_test(tests, takes_an_empty_handshake_record_for_a_hello_that_is_to_be_read);
    tcase_add_test(tests, is_over_when_the_handshake_has_gone_on);
    tcase_add_test(tests, holds_nothing_up_that_is_not_tls);
    tcase_add_test(tests, is_over_after_so_many_bytes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
