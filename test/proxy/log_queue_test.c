/* Promises of proxy/log_queue: lines come out as they went in, through no more memory than they
 * need. */
#include <check.h>
#include <stdio.h>

#include "proxy/log_queue.h"
#include "test/suite.h"

#define LINE_LENGTH 1000

static struct log_waker waker = {.descriptor = -1};
static struct log_queue queue;
static unsigned put, taken;

static void set_up(void)
{
    ck_assert(log_queue_init(&queue, &waker));
    put = taken = 0;
}

static void tear_down(void)
{
    log_queue_clear(&queue);
}

static struct span line_of(unsigned number, char line[LINE_LENGTH + 1])
{
    snprintf(line, LINE_LENGTH + 1, "%0*u\n", LINE_LENGTH - 1, number);
    return (struct span){line, LINE_LENGTH};
}

static void append(unsigned count)
{
    char line[LINE_LENGTH + 1];
    while (count-- > 0)
        log_queue_append(&queue, line_of(put++, line));
}

/* All that is there, each line as it was put. */
static void take_all(void)
{
    char line[LINE_LENGTH + 1];
    struct span bytes = log_queue_peek(&queue);
    while (bytes.length > 0) {
        ck_assert(span_starts_with(bytes, line_of(taken++, line)));
        log_queue_consume(&queue, LINE_LENGTH);
        bytes = log_queue_peek(&queue);
    }
}

START_TEST(gives_every_line_in_order_however_many_wait)
{
    append(1000);
    take_all();
    append(1);
    take_all();
    ck_assert_uint_eq(taken, 1001);
    ck_assert_uint_eq(atomic_load(&queue.written), 1001);
}
END_TEST

START_TEST(fills_again_what_was_written)
{
    const unsigned lines = LOG_CHUNK_SIZE / LINE_LENGTH;
    const struct log_chunk *first = queue.tail;
    append(lines + 1);
    const struct log_chunk *second = queue.tail;
    ck_assert_ptr_ne(second, first);
    for (int turn = 0; turn < 10; turn++) {
        take_all();
        append(lines);
        ck_assert_ptr_eq(queue.tail, turn % 2 == 0 ? first : second);
    }
    take_all();
    ck_assert_uint_eq(taken, put);
}
END_TEST

START_TEST(keeps_one_chunk_of_a_backlog)
{
    append(1000);
    take_all();
    ck_assert_ptr_eq(queue.head, queue.tail);
    const struct log_chunk *spare = atomic_load(&queue.spare);
    ck_assert_ptr_nonnull(spare);
    ck_assert_ptr_ne(spare, queue.tail);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_queue");
    TCase *tests = tcase_create("log_queue");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, gives_every_line_in_order_however_many_wait);
    tcase_add_test(tests, fills_again_what_was_written);
    tcase_add_test(tests, keeps_one_chunk_of_a_backlog);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
