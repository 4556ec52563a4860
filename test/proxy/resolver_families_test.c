/* Promises of proxy/resolver where A and AAAA do not come together (RFC 8305, sections 3 and 4). */
#include <check.h>

#include "proxy/clock.h"
#include "proxy/resolver_families.h"
#include "test/proxy/resolver_stage.h"
#include "test/suite.h"

#define OWNER SPAN("demo/production/")

static struct resolver_stage stage;

struct waiter {
    unsigned calls;
    struct resolver_answer answer;
    struct resolver_query *query; /* NULL: it has been told the end */
};

static void set_up(void)
{
    resolver_stage_open(&stage);
}

static void tear_down(void)
{
    resolver_stage_close(&stage);
}

static void start(uint32_t timeout)
{
    stage.configuration.timeout_resolve = timeout;
    resolver_stage_start(&stage);
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct waiter *waiter = context;
    waiter->calls++;
    waiter->answer = *answer;
    if (!answer->more)
        waiter->query = NULL;
}

static void look_up(struct waiter *waiter, const char *name)
{
    waiter->query =
        resolver_lookup(stage.resolver, OWNER, span_of(name), on_answer, waiter, &waiter->answer);
    ck_assert_uint_eq(waiter->calls, 0);
}

static void run_until_called(const struct waiter *waiter, unsigned calls)
{
    resolver_stage_wait(&stage, &waiter->calls, calls);
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(span_of(text), &ip));
    return ip;
}

static bool is(const struct resolver_answer *answer, const char *address)
{
    return answer->status == RESOLVER_OK && answer->count == 1 &&
           resolver_stage_has(answer, address);
}

/* --- who is told what, and when -------------------------------------------------------- */

static const struct {
    const char *name;
    const char *address;
} half[] = {{"later6.test", "192.0.2.1"}, {"later4.test", "2001:db8::1"}};

START_TEST(tells_of_one_family_while_the_other_is_waited_for)
{
    struct waiter waiter = {0};
    start(60000);
    look_up(&waiter, half[_i].name);
    run_until_called(&waiter, 1);
    ck_assert(waiter.answer.more && is(&waiter.answer, half[_i].address));
}
END_TEST

START_TEST(ends_with_what_there_is_when_the_other_does_not_come)
{
    struct waiter waiter = {0};
    start(400);
    look_up(&waiter, half[_i].name);
    run_until_called(&waiter, 2);
    ck_assert(!waiter.answer.more && is(&waiter.answer, half[_i].address));
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_FAILURES), 0);
}
END_TEST

START_TEST(remembers_what_there_was_when_the_other_did_not_come)
{
    struct waiter waiter = {0}, next = {0};
    start(400);
    look_up(&waiter, "later6.test");
    run_until_called(&waiter, 2);
    uint64_t give_up =
        clock_milliseconds() + 30000; /* the waiter's patience may end before c-ares' */
    while (!resolver_knows(stage.resolver, OWNER, SPAN("later6.test")) &&
           clock_milliseconds() < give_up)
        event_base_loop(stage.base, EVLOOP_ONCE);
    look_up(&next, "later6.test");
    ck_assert_ptr_null(next.query);
    ck_assert(is(&next.answer, "192.0.2.1"));
}
END_TEST

START_TEST(tells_whoever_joins_later_without_asking_again)
{
    struct waiter first = {0}, second = {0};
    start(60000);
    look_up(&first, "later6.test");
    run_until_called(&first, 1);
    const unsigned questions = stage.dns.questions;
    look_up(&second, "later6.test");
    run_until_called(&second, 1);
    ck_assert(second.answer.more && is(&second.answer, "192.0.2.1"));
    ck_assert_uint_eq(first.calls, 1);
    ck_assert_uint_eq(stage.dns.questions, questions);
}
END_TEST

START_TEST(tells_nobody_again_who_has_gone)
{
    struct waiter gone = {0}, patient = {0};
    start(400);
    look_up(&gone, "later6.test");
    look_up(&patient, "later6.test");
    run_until_called(&gone, 1);
    resolver_cancel(gone.query);
    run_until_called(&patient, 2);
    ck_assert_uint_eq(gone.calls, 1);
}
END_TEST

/* --- what the two come to ------------------------------------------------------------------ */

static struct resolver_family of(bool usable, size_t count, const char *const *addresses)
{
    struct resolver_family family = {
        .answered = true, .usable = usable, .status = RESOLVER_OK, .count = count};
    for (size_t i = 0; i < count; i++)
        family.addresses[i] = ip_of(addresses[i]);
    return family;
}

static const char *const six[] = {"2001:db8::1", "2001:db8::2"}, *const four[] = {"192.0.2.1"};

START_TEST(ipv6_goes_first_and_families_take_turns)
{
    const struct resolver_family families[] = {of(true, 2, six), of(true, 1, four)};
    struct resolver_answer answer;
    resolver_families_join(families, &answer);
    ck_assert_uint_eq(answer.count, 3);
    ck_assert_uint_eq(answer.addresses[0].family, 6);
    ck_assert_uint_eq(answer.addresses[1].family, 4);
    ck_assert_uint_eq(answer.addresses[2].family, 6);
}
END_TEST

START_TEST(ipv4_goes_first_where_there_is_no_way_to_ipv6)
{
    const struct resolver_family families[] = {of(false, 2, six), of(true, 1, four)};
    struct resolver_answer answer;
    resolver_families_join(families, &answer);
    ck_assert_uint_eq(answer.count, 3);
    ck_assert_uint_eq(answer.addresses[0].family, 4);
}
END_TEST

static const struct {
    bool answered[RESOLVER_FAMILIES];
    enum resolver_status said[RESOLVER_FAMILIES];
    enum resolver_status joined;
} endings[] = {
    {{true, true}, {RESOLVER_NOT_FOUND, RESOLVER_NOT_FOUND}, RESOLVER_NOT_FOUND},
    {{true, true}, {RESOLVER_FAILED, RESOLVER_NOT_FOUND}, RESOLVER_FAILED},
    {{true, true}, {RESOLVER_NOT_FOUND, RESOLVER_FAILED}, RESOLVER_FAILED},
    {{false, true}, {RESOLVER_OK, RESOLVER_NOT_FOUND}, RESOLVER_TIMEOUT},
};

START_TEST(a_name_is_not_found_only_if_both_say_so)
{
    struct resolver_family families[RESOLVER_FAMILIES] = {0};
    struct resolver_answer answer;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        families[i].answered = endings[_i].answered[i];
        families[i].status = endings[_i].said[i];
    }
    resolver_families_join(families, &answer);
    ck_assert_int_eq(answer.status, endings[_i].joined);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolver, families");
    TCase *tests = tcase_create("resolver");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, tells_of_one_family_while_the_other_is_waited_for, 0, 2);
    tcase_add_loop_test(tests, ends_with_what_there_is_when_the_other_does_not_come, 0, 2);
    tcase_add_test(tests, remembers_what_there_was_when_the_other_did_not_come);
    tcase_add_test(tests, tells_whoever_joins_later_without_asking_again);
    tcase_add_test(tests, tells_nobody_again_who_has_gone);
    tcase_add_test(tests, ipv6_goes_first_and_families_take_turns);
    tcase_add_test(tests, ipv4_goes_first_where_there_is_no_way_to_ipv6);
    tcase_add_loop_test(tests, a_name_is_not_found_only_if_both_say_so, 0,
                        sizeof(endings) / sizeof(endings[0]));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
