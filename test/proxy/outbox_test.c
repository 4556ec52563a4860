/* What was written and not yet offered can be taken back, and nothing else. */
#include <check.h>

#include "proxy/outbox.h"
#include "test/suite.h"

static struct outbox outbox;

static void begin(void)
{
    outbox_init(&outbox);
    text_add_string(&outbox.text, "first");
}

/* As if a transport had been offered all, and had taken COUNT bytes of it. */
static void offer(size_t count)
{
    outbox.offered = outbox_mark(&outbox);
    outbox.sent += count;
    outbox.taken += count;
}

static void end(void)
{
    outbox_clear(&outbox);
}

START_TEST(takes_back_what_was_written_since_the_mark)
{
    uint64_t mark = outbox_mark(&outbox);
    text_add_string(&outbox.text, "second");
    ck_assert(outbox_take_back(&outbox, mark));
    ck_assert(span_equal(text_span(&outbox.text), SPAN("first")));
}
END_TEST

START_TEST(keeps_what_stands_before_the_mark_though_some_of_it_is_sent)
{
    offer(2);
    uint64_t mark = outbox_mark(&outbox);
    text_add_string(&outbox.text, "second");
    ck_assert(outbox_take_back(&outbox, mark));
    ck_assert_uint_eq(outbox.text.length - outbox.sent, 3);
}
END_TEST

START_TEST(does_not_take_back_what_is_sent)
{
    uint64_t mark = outbox_mark(&outbox);
    text_add_string(&outbox.text, "second");
    offer(6);
    ck_assert(!outbox_take_back(&outbox, mark));
    ck_assert_uint_eq(outbox.text.length, 11);
}
END_TEST

START_TEST(does_not_take_back_what_a_transport_was_offered_and_may_hold)
{
    uint64_t mark = outbox_mark(&outbox);
    text_add_string(&outbox.text, "second");
    offer(0);
    ck_assert(!outbox_take_back(&outbox, mark));
}
END_TEST

START_TEST(remembers_what_is_sent_when_it_is_cleared)
{
    uint64_t mark = outbox_mark(&outbox);
    text_add_string(&outbox.text, "second");
    offer(11);
    outbox_clear(&outbox);
    text_add_string(&outbox.text, "third");
    ck_assert(!outbox_take_back(&outbox, mark));
    ck_assert_uint_eq(outbox_mark(&outbox), 16);
}
END_TEST

START_TEST(does_not_take_back_what_did_not_fit)
{
    uint64_t mark = outbox_mark(&outbox);
    outbox.text.overflow = true;
    ck_assert(!outbox_take_back(&outbox, mark));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tests = tcase_create("outbox");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, takes_back_what_was_written_since_the_mark);
    tcase_add_test(tests, keeps_what_stands_before_the_mark_though_some_of_it_is_sent);
    tcase_add_test(tests, does_not_take_back_what_is_sent);
    tcase_add_test(tests, does_not_take_back_what_a_transport_was_offered_and_may_hold);
    tcase_add_test(tests, remembers_what_is_sent_when_it_is_cleared);
    tcase_add_test(tests, does_not_take_back_what_did_not_fit);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
