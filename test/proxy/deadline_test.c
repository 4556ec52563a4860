/* Promises of proxy/deadline: who waits longest is told first, who is touched waits again. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/deadline.h"
#include "test/suite.h"

static struct event_base *base;
static struct deadlines *deadlines;
static struct deadline first, second;
static struct deadline *told[8];
static enum deadline_kind told_kind[8];
static size_t told_count;

static void on_expired(struct deadline *deadline, enum deadline_kind kind)
{
    told[told_count] = deadline;
    told_kind[told_count++] = kind;
}

static void begin(void)
{
    const struct configuration configuration = {.timeout_head = 160,
                                                .timeout_keep_alive = 20,
                                                .timeout_dial = 20,
                                                .timeout_hello = 20,
                                                .timeout_idle = 100000};
    base = event_base_new();
    deadlines = deadlines_new(base, &configuration);
    for (int kind = 0; kind < DEADLINE_COUNT; kind++)
        deadlines_set_callback(deadlines, (enum deadline_kind)kind, on_expired);
    first = second = (struct deadline){.running = false};
    told_count = 0;
}

static void end(void)
{
    deadlines_free(deadlines);
    event_base_free(base);
}

/* Runs the loop until COUNT deadlines have been told of. */
static void wait_for(size_t count)
{
    while (told_count < count)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

START_TEST(tells_when_the_wait_is_over)
{
    deadline_start(deadlines, &first, DEADLINE_DIAL);
    wait_for(1);
    ck_assert_ptr_eq(told[0], &first);
    ck_assert_int_eq(told_kind[0], DEADLINE_DIAL);
    ck_assert(!first.running);
}
END_TEST

START_TEST(tells_in_the_order_of_waiting)
{
    deadline_start(deadlines, &first, DEADLINE_HELLO);
    deadline_start(deadlines, &second, DEADLINE_HELLO);
    wait_for(2);
    ck_assert_ptr_eq(told[0], &first);
    ck_assert_ptr_eq(told[1], &second);
}
END_TEST

START_TEST(does_not_tell_of_what_has_ended)
{
    deadline_start(deadlines, &first, DEADLINE_DIAL);
    deadline_start(deadlines, &second, DEADLINE_DIAL);
    deadline_end(deadlines, &first);
    wait_for(1);
    ck_assert_ptr_eq(told[0], &second);
}
END_TEST

START_TEST(a_touch_puts_it_behind_those_that_began_later)
{
    deadline_start(deadlines, &first, DEADLINE_HEAD);
    deadline_start(deadlines, &second, DEADLINE_HEAD);
    usleep(40000); /* more than a sixteenth of the wait */
    deadline_touch(deadlines, &first);
    wait_for(2);
    ck_assert_ptr_eq(told[0], &second);
    ck_assert_ptr_eq(told[1], &first);
}
END_TEST

START_TEST(one_waits_for_one_thing_at_a_time)
{
    deadline_start(deadlines, &first, DEADLINE_IDLE);
    deadline_start(deadlines, &first, DEADLINE_DIAL);
    wait_for(1);
    ck_assert_int_eq(told_kind[0], DEADLINE_DIAL);
}
END_TEST

START_TEST(nothing_ticks_while_nothing_waits)
{
    deadline_start(deadlines, &first, DEADLINE_DIAL);
    wait_for(1);
    ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 1); /* no events left */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadline");
    TCase *tests = tcase_create("deadline");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, tells_when_the_wait_is_over);
    tcase_add_test(tests, tells_in_the_order_of_waiting);
    tcase_add_test(tests, does_not_tell_of_what_has_ended);
    tcase_add_test(tests, a_touch_puts_it_behind_those_that_began_later);
    tcase_add_test(tests, one_waits_for_one_thing_at_a_time);
    tcase_add_test(tests, nothing_ticks_while_nothing_waits);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
