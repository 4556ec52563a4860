/* Promises of proxy/buffer: bytes in a row, a hard maximum, nothing kept when empty. */
#include <check.h>

#include "proxy/buffer.h"
#include "test/suite.h"

static struct buffer buffer;

static void end(void)
{
    buffer_clear(&buffer);
    buffer_clear_spare();
}

static void put(const char *text)
{
    struct span bytes = span_of(text);
    size_t room;
    char *end_of_bytes = buffer_reserve(&buffer, BUFFER_PIECE, 65536, &room);
    ck_assert_ptr_nonnull(end_of_bytes);
    ck_assert_uint_ge(room, bytes.length);
    memcpy(end_of_bytes, bytes.data, bytes.length);
    buffer_commit(&buffer, bytes.length);
}

static void assert_holds(const char *expected)
{
    ck_assert(span_equal(buffer_span(&buffer), span_of(expected)));
}

START_TEST(holds_what_was_committed_in_order)
{
    put("one ");
    put("two");
    assert_holds("one two");
}
END_TEST

START_TEST(forgets_what_was_consumed)
{
    put("GET and the rest");
    buffer_consume(&buffer, 4);
    assert_holds("and the rest");
}
END_TEST

START_TEST(gives_its_memory_back_when_empty)
{
    put("all");
    buffer_consume(&buffer, 3);
    ck_assert_ptr_null(buffer.storage);
    assert_holds("");
}
END_TEST

START_TEST(never_holds_more_than_its_maximum)
{
    const size_t maximum = 10000;
    size_t room, held = 0;
    while (buffer_reserve(&buffer, BUFFER_PIECE, maximum, &room) != NULL) {
        held += room;
        ck_assert_uint_le(held, maximum);
        buffer_commit(&buffer, room);
    }
    ck_assert_uint_eq(held, maximum);
}
END_TEST

START_TEST(keeps_unused_bytes_when_it_grows_or_moves)
{
    size_t room, total = 0;
    put("keep me");
    buffer_consume(&buffer, 5);
    while (total < 20000) {
        char *end_of_bytes = buffer_reserve(&buffer, BUFFER_PIECE, 65536, &room);
        ck_assert_ptr_nonnull(end_of_bytes);
        memset(end_of_bytes, 'x', room);
        buffer_commit(&buffer, room);
        total += room;
    }
    ck_assert(span_starts_with(buffer_span(&buffer), SPAN("mexxx")));
    ck_assert_uint_eq(buffer_span(&buffer).length, total + 2);
}
END_TEST

/* The thread keeps such a buffer's memory for its next one, which may be another tenant's. */
START_TEST(hands_on_memory_without_what_was_in_it)
{
    size_t room;
    put("secret");
    const char *storage = buffer.storage;
    buffer_consume(&buffer, 6);
    const char *next = buffer_reserve(&buffer, BUFFER_PIECE, 65536, &room);
    ck_assert_ptr_eq(next, storage);
    ck_assert_mem_eq(next, "\0\0\0\0\0", 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tests = tcase_create("buffer");
    tcase_add_checked_fixture(tests, NULL, end);
    tcase_add_test(tests, holds_what_was_committed_in_order);
    tcase_add_test(tests, forgets_what_was_consumed);
    tcase_add_test(tests, gives_its_memory_back_when_empty);
    tcase_add_test(tests, never_holds_more_than_its_maximum);
    tcase_add_test(tests, keeps_unused_bytes_when_it_grows_or_moves);
    tcase_add_test(tests, hands_on_memory_without_what_was_in_it);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
