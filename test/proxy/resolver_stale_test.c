/*
 * Promises of proxy/resolver while the resolvers fail (RFC 8767): an app's own old
 * answer stands in where the configuration says so, and is never taken for a new one.
 */
#include <check.h>

#include "fake_dns.h"
#include "proxy/clock.h"
#include "proxy/resolver.h"
#include "test/suite.h"

#define OWNER SPAN("demo/production/")

static struct event_base *base;
static struct fake_dns dns;
static struct configuration configuration;
static struct metrics *metrics;
static struct resolver *resolver;
static struct resolver_answer last;
static bool answered;

/* Answers are past their time as soon as they are given. */
static void set_up(void)
{
    base = event_base_new();
    metrics = metrics_new();
    fake_dns_start(&dns, base);
    dns.ttl = 0;
    configuration = (struct configuration){.resolvers = &dns.address,
                                           .resolver_count = 1,
                                           .hosts_file = "",
                                           .dns_ttl_maximum = 300,
                                           .dns_cache_entries = 8,
                                           .timeout_resolve = 4000};
    resolver = NULL;
}

static void tear_down(void)
{
    resolver_free(resolver);
    fake_dns_stop(&dns);
    metrics_free(metrics);
    event_base_free(base);
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    (void)context;
    last = *answer;
    answered = !answer->more;
}

static struct resolver_answer resolve_for(struct span owner)
{
    uint64_t give_up = clock_milliseconds() + 10000;
    answered = resolver_lookup(resolver, owner, SPAN("four.test"), on_answer, NULL, &last) == NULL;
    while (!answered && clock_milliseconds() < give_up)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert(answered);
    return last;
}

static void know_an_old_answer(uint32_t stale_seconds)
{
    struct error error;
    configuration.dns_stale = stale_seconds;
    resolver = resolver_new(base, &configuration, metrics, &error);
    ck_assert(resolver != NULL);
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_OK);
    ck_assert(!last.stale);
}

static uint64_t counted(enum metric metric)
{
    return metrics_sum(&metrics, 1, metric);
}

START_TEST(uses_an_old_answer_while_the_resolvers_fail_and_says_so)
{
    struct ip expected;
    ck_assert(ip_parse(SPAN("192.0.2.1"), &expected));
    know_an_old_answer(3600);
    dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_OK);
    ck_assert(last.stale);
    ck_assert_uint_eq(last.count, 1);
    ck_assert(ip_equal(&last.addresses[0], &expected));
    ck_assert_uint_eq(counted(METRIC_RESOLVER_STALE), 1);
    ck_assert_uint_eq(counted(METRIC_RESOLVER_FAILURES), 1);
}
END_TEST

START_TEST(does_not_wait_again_for_resolvers_that_failed_a_moment_ago)
{
    know_an_old_answer(3600);
    dns.failing = true;
    resolve_for(OWNER);
    unsigned before = dns.questions;
    ck_assert(resolve_for(OWNER).stale);
    ck_assert_uint_eq(dns.questions, before);
    ck_assert_uint_eq(counted(METRIC_RESOLVER_STALE), 2);
}
END_TEST

START_TEST(asks_for_an_old_answer_anew_while_the_resolvers_answer)
{
    know_an_old_answer(3600);
    ck_assert(!resolve_for(OWNER).stale);
    ck_assert_uint_eq(dns.questions, 2);
}
END_TEST

START_TEST(uses_no_old_answer_unless_it_is_configured)
{
    know_an_old_answer(0);
    dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_answer_that_is_older_than_configured)
{
    const struct timeval wait = {1, 100000};
    know_an_old_answer(1);
    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
    dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_old_answer_of_another_tenant)
{
    know_an_old_answer(3600);
    dns.failing = true;
    ck_assert_int_eq(resolve_for(SPAN("other/production/")).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_old_answer_of_a_name_that_is_gone_since)
{
    know_an_old_answer(3600);
    dns.empty = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_NOT_FOUND);
    dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolver, stale");
    TCase *tests = tcase_create("stale");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, uses_an_old_answer_while_the_resolvers_fail_and_says_so);
    tcase_add_test(tests, does_not_wait_again_for_resolvers_that_failed_a_moment_ago);
    tcase_add_test(tests, asks_for_an_old_answer_anew_while_the_resolvers_answer);
    tcase_add_test(tests, uses_no_old_answer_unless_it_is_configured);
    tcase_add_test(tests, uses_no_answer_that_is_older_than_configured);
    tcase_add_test(tests, uses_no_old_answer_of_another_tenant);
    tcase_add_test(tests, uses_no_old_answer_of_a_name_that_is_gone_since);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
