/*
 * Promises of proxy/resolver while the resolvers fail (RFC 8767): an app's own old
 * answer stands in where the configuration says so, and is never taken for a new one.
 */
#include <check.h>

#include "test/proxy/resolver_stage.h"
#include "test/suite.h"

#define OWNER SPAN("demo/production/")

static struct resolver_stage stage;
static struct resolver_answer last;
static unsigned answered;

/* Answers are past their time as soon as they are given. */
static void set_up(void)
{
    resolver_stage_open(&stage);
    stage.dns.ttl = 0;
    stage.configuration.dns_ttl_minimum = stage.configuration.dns_ttl_negative = 0;
}

static void tear_down(void)
{
    resolver_stage_close(&stage);
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    (void)context;
    last = *answer;
    answered += !answer->more;
}

static struct resolver_answer resolve_for(struct span owner)
{
    answered =
        resolver_lookup(stage.resolver, owner, SPAN("four.test"), on_answer, NULL, &last) == NULL;
    resolver_stage_wait(&stage, &answered, 1);
    return last;
}

static void know_an_old_answer(uint32_t stale_seconds)
{
    stage.configuration.dns_stale = stale_seconds;
    resolver_stage_start(&stage);
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_OK);
    ck_assert(!last.stale);
}

START_TEST(uses_an_old_answer_while_the_resolvers_fail_and_says_so)
{
    know_an_old_answer(3600);
    stage.dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_OK);
    ck_assert(last.stale);
    ck_assert_uint_eq(last.count, 1);
    ck_assert(resolver_stage_has(&last, "192.0.2.1"));
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_STALE), 1);
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_FAILURES), 1);
}
END_TEST

START_TEST(does_not_wait_again_for_resolvers_that_failed_a_moment_ago)
{
    know_an_old_answer(3600);
    stage.dns.failing = true;
    resolve_for(OWNER);
    unsigned before = stage.dns.questions;
    ck_assert(resolve_for(OWNER).stale);
    ck_assert_uint_eq(stage.dns.questions, before);
    ck_assert_uint_eq(resolver_stage_counted(&stage, METRIC_RESOLVER_STALE), 2);
}
END_TEST

START_TEST(asks_for_an_old_answer_anew_while_the_resolvers_answer)
{
    know_an_old_answer(3600);
    ck_assert(!resolve_for(OWNER).stale);
    ck_assert_uint_eq(stage.dns.questions, 2);
}
END_TEST

START_TEST(uses_no_old_answer_unless_it_is_configured)
{
    know_an_old_answer(0);
    stage.dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_answer_that_is_older_than_configured)
{
    know_an_old_answer(1);
    resolver_stage_run(&stage, 1100);
    stage.dns.failing = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_old_answer_of_another_tenant)
{
    know_an_old_answer(3600);
    stage.dns.failing = true;
    ck_assert_int_eq(resolve_for(SPAN("other/production/")).status, RESOLVER_FAILED);
}
END_TEST

START_TEST(uses_no_old_answer_of_a_name_that_is_gone_since)
{
    know_an_old_answer(3600);
    stage.dns.empty = true;
    ck_assert_int_eq(resolve_for(OWNER).status, RESOLVER_NOT_FOUND);
    stage.dns.failing = true;
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
