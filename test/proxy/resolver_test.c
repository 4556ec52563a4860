/* Promises of proxy/resolver: what is asked, what is remembered and for whom, and what ends when.
 */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "test/proxy/resolver_stage.h"
#include "test/suite.h"

static const struct span tenant = {"demo/production/", 16};

static struct resolver_stage stage;
static char hosts_path[] = "/tmp/resolver_test.XXXXXX";

struct waiter {
    unsigned calls;
    struct resolver_answer answer;
    struct resolver_query *query;
    struct resolver_query *victim; /* cancelled when this one is told */
    const char *then;              /* looked up when this one is told */
    struct waiter *follower;
};

static void set_up(void)
{
    int file = mkstemp(hosts_path);
    ck_assert_int_ge(file, 0);
    close(file);
    resolver_stage_open(&stage);
    stage.configuration.hosts_file = hosts_path;
    stage.configuration.dns_cache_entries = 3;
}

static void tear_down(void)
{
    resolver_stage_close(&stage);
    unlink(hosts_path);
}

static void look_up(struct waiter *waiter, struct span owner, const char *name);

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct waiter *waiter = context;
    if (answer->more)
        return;
    waiter->calls++;
    waiter->answer = *answer;
    waiter->query = NULL;
    if (waiter->victim != NULL)
        resolver_cancel(waiter->victim);
    if (waiter->then != NULL)
        look_up(waiter->follower, tenant, waiter->then);
}

/* Counts a remembered answer as no call. */
static void look_up(struct waiter *waiter, struct span owner, const char *name)
{
    unsigned calls = waiter->calls;
    waiter->query =
        resolver_lookup(stage.resolver, owner, span_of(name), on_answer, waiter, &waiter->answer);
    ck_assert_uint_eq(waiter->calls, calls);
}

static void run_until_called(const struct waiter *waiter)
{
    resolver_stage_wait(&stage, &waiter->calls, 1);
}

/* Asks and waits, whether the answer is remembered or has to come. */
static struct resolver_answer resolve_for(struct span owner, const char *name)
{
    struct waiter waiter = {0};
    look_up(&waiter, owner, name);
    if (waiter.query != NULL)
        run_until_called(&waiter);
    return waiter.answer;
}

static struct resolver_answer resolve(const char *name)
{
    return resolve_for(tenant, name);
}

/* --- what comes back ----------------------------------------------------------------- */

START_TEST(gives_both_families)
{
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("plain.test");
    ck_assert_int_eq(answer.status, RESOLVER_OK);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(resolver_stage_has(&answer, "192.0.2.1") &&
              resolver_stage_has(&answer, "2001:db8::1"));
    ck_assert_str_eq(stage.dns.last_name, "plain.test");
}
END_TEST

START_TEST(interleaves_families)
{
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("mixed.test");
    ck_assert_uint_eq(answer.count, 6);
    for (size_t i = 1; i < answer.count; i++)
        ck_assert_int_ne(answer.addresses[i].family, answer.addresses[i - 1].family);
}
END_TEST

START_TEST(gives_sixteen_addresses_of_twenty)
{
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("many.test");
    ck_assert_int_eq(answer.status, RESOLVER_OK);
    ck_assert_uint_eq(answer.count, RESOLVER_ADDRESSES_MAXIMUM);
}
END_TEST

START_TEST(asks_again_over_tcp_where_udp_is_truncated)
{
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("big.test");
    ck_assert_int_eq(answer.status, RESOLVER_OK);
    ck_assert_uint_eq(answer.count, RESOLVER_ADDRESSES_MAXIMUM);
    ck_assert_uint_gt(stage.dns.over_tcp, 0);
}
END_TEST

START_TEST(follows_an_alias)
{
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("alias.test");
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(resolver_stage_has(&answer, "192.0.2.9"));
}
END_TEST

static const struct {
    const char *name;
    enum resolver_status status;
    unsigned failures;
} failing[] = {
    {"nx.test", RESOLVER_NOT_FOUND, 0},    {"empty.test", RESOLVER_NOT_FOUND, 0},
    {"fail.test", RESOLVER_FAILED, 1},     {"silent.test", RESOLVER_TIMEOUT, 1},
    {"wrongid.test", RESOLVER_TIMEOUT, 1},
};

START_TEST(says_how_a_name_could_not_be_resolved)
{
    stage.configuration.timeout_resolve = 400;
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve(failing[_i].name);
    ck_assert_int_eq(answer.status, failing[_i].status);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_FAILURES),
                      failing[_i].failures);
}
END_TEST

START_TEST(takes_no_address_of_another_name)
{
    stage.configuration.timeout_resolve = 400;
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("lie.test");
    ck_assert_int_ne(answer.status, RESOLVER_OK);
    ck_assert_uint_eq(answer.count, 0);
}
END_TEST

START_TEST(ends_a_query_at_its_deadline_and_counts_it_once)
{
    stage.configuration.timeout_resolve = 300;
    resolver_stage_start(&stage);
    uint64_t began = clock_milliseconds();
    ck_assert_int_eq(resolve("silent.test").status, RESOLVER_TIMEOUT);
    ck_assert_uint_lt(clock_milliseconds() - began, 3000);
    resolver_stage_run(&stage, 800); /* c-ares gives up as well */
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_FAILURES), 1);
}
END_TEST

/* --- what is remembered --------------------------------------------------------------- */

START_TEST(remembers_an_answer_for_its_time)
{
    resolver_stage_start(&stage);
    resolve("four.test");
    struct resolver_answer answer = resolve("four.test");
    ck_assert(resolver_stage_has(&answer, "192.0.2.1"));
    ck_assert_uint_eq(stage.dns.questions, 1);
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_CACHE_HITS), 1);
}
END_TEST

START_TEST(keeps_a_short_lived_answer_for_the_least_time)
{
    stage.dns.ttl = 0;
    resolver_stage_start(&stage);
    resolve("four.test");
    resolve("four.test");
    ck_assert_uint_eq(stage.dns.questions, 1);
}
END_TEST

START_TEST(keeps_no_answer_longer_than_the_configuration_says)
{
    stage.dns.ttl = 86400;
    stage.configuration.dns_ttl_minimum = 0;
    stage.configuration.dns_ttl_maximum = 1;
    resolver_stage_start(&stage);
    resolve("four.test");
    resolver_stage_run(&stage, 1100);
    resolve("four.test");
    ck_assert_uint_eq(stage.dns.questions, 2);
}
END_TEST

START_TEST(an_alias_lives_as_long_as_its_shortest_lived_record)
{
    stage.dns.ttl = 0; /* of the CNAME; its target's A has 1000 */
    stage.configuration.dns_ttl_minimum = 0;
    resolver_stage_start(&stage);
    resolve("alias.test");
    resolve("alias.test");
    ck_assert_uint_eq(stage.dns.questions, 2);
}
END_TEST

START_TEST(remembers_that_a_name_does_not_exist_but_no_failure)
{
    resolver_stage_start(&stage);
    resolve("nx.test");
    resolve("nx.test");
    ck_assert_uint_eq(stage.dns.questions, 1);
    resolve("fail.test");
    unsigned before = stage.dns.questions;
    resolve("fail.test");
    ck_assert_uint_gt(stage.dns.questions, before);
}
END_TEST

START_TEST(remembers_for_one_tenant_what_it_hides_from_another)
{
    resolver_stage_start(&stage);
    resolve_for(SPAN("a/production/"), "four.test");
    resolve_for(SPAN("b/production/"), "four.test");
    ck_assert_uint_eq(stage.dns.questions, 2);
    resolve_for(SPAN("a/production/"), "four.test");
    ck_assert_uint_eq(stage.dns.questions, 2);
}
END_TEST

START_TEST(forgets_the_longest_unused_where_there_is_no_room)
{
    resolver_stage_start(&stage);
    resolve("four.a");
    resolve("four.b");
    resolve("four.c");
    resolve("four.a"); /* used again: four.b is the longest unused */
    resolve("four.d");
    ck_assert_uint_eq(stage.dns.questions, 4);
    resolve("four.a");
    ck_assert_uint_eq(stage.dns.questions, 4);
    resolve("four.b");
    ck_assert_uint_eq(stage.dns.questions, 5);
}
END_TEST

/* --- who waits -------------------------------------------------------------------------- */

START_TEST(asks_once_for_all_who_wait)
{
    struct waiter waiters[3] = {0};
    resolver_stage_start(&stage);
    for (size_t i = 0; i < 3; i++)
        look_up(&waiters[i], tenant, "four.test");
    run_until_called(&waiters[2]);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(waiters[i].calls, 1);
        ck_assert(resolver_stage_has(&waiters[i].answer, "192.0.2.1"));
    }
    ck_assert_uint_eq(stage.dns.questions, 1);
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_QUERIES), 1);
}
END_TEST

START_TEST(calls_no_one_who_has_cancelled_but_remembers_the_answer)
{
    struct waiter waiter = {0};
    resolver_stage_start(&stage);
    look_up(&waiter, tenant, "four.test");
    ck_assert_ptr_nonnull(waiter.query);
    resolver_cancel(waiter.query);
    resolver_stage_run(&stage, 200);
    ck_assert_uint_eq(waiter.calls, 0);
    look_up(&waiter, tenant, "four.test");
    ck_assert_ptr_null(waiter.query);
    ck_assert(resolver_stage_has(&waiter.answer, "192.0.2.1"));
}
END_TEST

START_TEST(a_waiter_may_cancel_the_next_one)
{
    struct waiter first = {0}, second = {0}, third = {0};
    resolver_stage_start(&stage);
    look_up(&first, tenant, "four.test");
    look_up(&second, tenant, "four.test");
    look_up(&third, tenant, "four.test");
    first.victim = second.query;
    run_until_called(&third);
    ck_assert_uint_eq(first.calls, 1);
    ck_assert_uint_eq(second.calls, 0);
}
END_TEST

START_TEST(a_waiter_may_ask_for_another_name_or_the_same_again)
{
    struct waiter other = {0}, again = {0}, same = {0};
    struct waiter first = {.then = "plain.test", .follower = &other};
    struct waiter second = {.then = "fail.test", .follower = &again};
    resolver_stage_start(&stage);
    look_up(&first, tenant, "four.test");
    look_up(&second, tenant, "fail.test");
    run_until_called(&other);
    run_until_called(&again);
    ck_assert_uint_eq(other.answer.count, 2);
    ck_assert_int_eq(again.answer.status, RESOLVER_FAILED);
    first = (struct waiter){.then = "mixed.test", .follower = &same};
    look_up(&first, tenant, "mixed.test");
    run_until_called(&first);
    ck_assert_ptr_null(same.query);
    ck_assert_uint_eq(same.answer.count, 6);
}
END_TEST

START_TEST(answers_late_from_the_loop_what_c_ares_refuses_at_once)
{
    struct waiter waiter = {0};
    char name[300];
    memset(name, 'a', 70); /* no label is that long */
    memcpy(name + 70, ".test", 6);
    resolver_stage_start(&stage);
    look_up(&waiter, tenant, name);
    run_until_called(&waiter);
    ck_assert_int_ne(waiter.answer.status, RESOLVER_OK);
    ck_assert_uint_eq(stage.dns.questions, 0);
}
END_TEST

START_TEST(ends_with_queries_under_way_and_calls_nobody)
{
    struct waiter waiters[2] = {0};
    stage.configuration.timeout_resolve = 200;
    resolver_stage_start(&stage);
    look_up(&waiters[0], tenant, "silent.test");
    run_until_called(&waiters[0]); /* told, while c-ares still waits */
    look_up(&waiters[1], tenant, "plain.test");
    resolver_free(stage.resolver);
    stage.resolver = NULL;
    resolver_stage_run(&stage, 50);
    ck_assert_uint_eq(waiters[0].calls, 1);
    ck_assert_uint_eq(waiters[1].calls, 0);
}
END_TEST

/* --- the hosts file ----------------------------------------------------------------------- */

static void write_hosts(const char *text)
{
    FILE *file = fopen(hosts_path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(prefers_the_hosts_file_and_asks_nobody)
{
    write_hosts("# a comment\n\n192.0.2.77\tOne.Test two.test # more\r\nnonsense three.test\n"
                "2001:db8::77 one.test.\n192.0.2.78 one.test");
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("one.test");
    ck_assert_uint_eq(answer.count, 3);
    ck_assert(resolver_stage_has(&answer, "192.0.2.77") &&
              resolver_stage_has(&answer, "2001:db8::77") &&
              resolver_stage_has(&answer, "192.0.2.78"));
    ck_assert_uint_eq(resolve("two.test").count, 1);
    ck_assert_uint_eq(stage.dns.questions, 0);
}
END_TEST

START_TEST(reads_the_hosts_file_anew_when_it_has_changed)
{
    write_hosts("192.0.2.77 four.test\n");
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("four.test");
    ck_assert(resolver_stage_has(&answer, "192.0.2.77"));
    write_hosts("192.0.2.100 four.test\n");
    resolver_stage_run(&stage, 1200);
    answer = resolve("four.test");
    ck_assert(resolver_stage_has(&answer, "192.0.2.100"));
    ck_assert_int_eq(unlink(hosts_path), 0);
    resolver_stage_run(&stage, 1200);
    answer = resolve("four.test");
    ck_assert(resolver_stage_has(&answer, "192.0.2.1"));
    ck_assert_uint_eq(stage.dns.questions, 1);
}
END_TEST

START_TEST(never_asks_a_resolver_for_localhost)
{
    stage.configuration.hosts_file = "";
    resolver_stage_start(&stage);
    struct resolver_answer answer = resolve("localhost");
    ck_assert(resolver_stage_has(&answer, "127.0.0.1") && resolver_stage_has(&answer, "::1"));
    answer = resolve("plain.localhost");
    ck_assert(resolver_stage_has(&answer, "127.0.0.1") && resolver_stage_has(&answer, "::1"));
    ck_assert_uint_eq(stage.dns.questions, 0);
    ck_assert_int_eq(resolve("four.notlocalhost").status, RESOLVER_OK);
    ck_assert_uint_eq(stage.dns.questions, 1);
}
END_TEST

static void add_answer_tests(TCase *tests)
{
    tcase_add_test(tests, gives_both_families);
    tcase_add_test(tests, interleaves_families);
    tcase_add_test(tests, gives_sixteen_addresses_of_twenty);
    tcase_add_test(tests, asks_again_over_tcp_where_udp_is_truncated);
    tcase_add_test(tests, follows_an_alias);
    tcase_add_loop_test(tests, says_how_a_name_could_not_be_resolved, 0,
                        (int)(sizeof(failing) / sizeof(failing[0])));
    tcase_add_test(tests, takes_no_address_of_another_name);
    tcase_add_test(tests, ends_a_query_at_its_deadline_and_counts_it_once);
}

static void add_memory_tests(TCase *tests)
{
    tcase_add_test(tests, remembers_an_answer_for_its_time);
    tcase_add_test(tests, keeps_a_short_lived_answer_for_the_least_time);
    tcase_add_test(tests, keeps_no_answer_longer_than_the_configuration_says);
    tcase_add_test(tests, an_alias_lives_as_long_as_its_shortest_lived_record);
    tcase_add_test(tests, remembers_that_a_name_does_not_exist_but_no_failure);
    tcase_add_test(tests, remembers_for_one_tenant_what_it_hides_from_another);
    tcase_add_test(tests, forgets_the_longest_unused_where_there_is_no_room);
    tcase_add_test(tests, prefers_the_hosts_file_and_asks_nobody);
    tcase_add_test(tests, reads_the_hosts_file_anew_when_it_has_changed);
    tcase_add_test(tests, never_asks_a_resolver_for_localhost);
}

static void add_waiting_tests(TCase *tests)
{
    tcase_add_test(tests, asks_once_for_all_who_wait);
    tcase_add_test(tests, calls_no_one_who_has_cancelled_but_remembers_the_answer);
    tcase_add_test(tests, a_waiter_may_cancel_the_next_one);
    tcase_add_test(tests, a_waiter_may_ask_for_another_name_or_the_same_again);
    tcase_add_test(tests, answers_late_from_the_loop_what_c_ares_refuses_at_once);
    tcase_add_test(tests, ends_with_queries_under_way_and_calls_nobody);
}

int main(void)
{
    Suite *suite = suite_create("resolver");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    add_answer_tests(tests);
    add_memory_tests(tests);
    add_waiting_tests(tests);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
