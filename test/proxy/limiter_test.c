/* Promises of proxy/limiter: exact over all threads, apart from app to app, back with the next
 * minute. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "proxy/limiter.h"
#include "test/suite.h"

#define THREADS 4
#define TRIES   5000

static struct app_limits own[] = {
    {"orders", "production", {.requests_per_minute = 7, .tunnels = 2}},
};
static struct configuration configuration;
static struct limiter *limiter;

static void begin(void)
{
    configuration = (struct configuration){.limits = {.requests_per_minute = 1000, .tunnels = 100},
                                           .app_limits = own,
                                           .app_limit_count = 1};
    limiter = limiter_new(&configuration);
    ck_assert_ptr_nonnull(limiter);
}

static void end(void)
{
    limiter_free(limiter);
}

static struct limit_account *account_of(const char *app, const char *environment)
{
    const struct subject subject = {span_of(app), span_of(environment), SPAN("")};
    struct limit_account *account = limiter_account(limiter, &subject);
    ck_assert_ptr_nonnull(account);
    return account;
}

START_TEST(one_app_and_environment_is_one_account)
{
    ck_assert_ptr_eq(account_of("demo", "staging"), account_of("demo", "staging"));
    ck_assert_ptr_ne(account_of("demo", "staging"), account_of("demo", "production"));
    ck_assert_ptr_ne(account_of("de", "mo-staging"), account_of("de-mo", "staging"));
}
END_TEST

START_TEST(an_app_may_have_limits_of_its_own)
{
    ck_assert_uint_eq(account_of("orders", "production")->limits.requests_per_minute, 7);
    ck_assert_uint_eq(account_of("orders", "staging")->limits.requests_per_minute, 1000);
}
END_TEST

START_TEST(gives_what_there_is_and_says_when_there_is_more)
{
    struct limit_account *account = account_of("orders", "production");
    for (int i = 0; i < 7; i++)
        ck_assert_uint_eq(limit_take_request(account, 120000), 0);
    ck_assert_uint_eq(limit_take_request(account, 120000), 60);
    ck_assert_uint_eq(limit_take_request(account, 179500), 1);
    ck_assert_uint_eq(limit_take_request(account, 180000), 0);
}
END_TEST

START_TEST(nought_is_no_limit)
{
    struct limit_account *account = account_of("demo", "staging");
    account->limits = (struct limits){0, 0};
    for (int i = 0; i < 100000; i++)
        ck_assert_msg(limit_take_request(account, 1) == 0, "request %d", i);
    ck_assert(limit_take_tunnel(account));
}
END_TEST

START_TEST(a_tunnel_given_back_can_be_taken_again)
{
    struct limit_account *account = account_of("orders", "production");
    ck_assert(limit_take_tunnel(account));
    ck_assert(limit_take_tunnel(account));
    ck_assert(!limit_take_tunnel(account));
    limit_give_tunnel(account);
    ck_assert(limit_take_tunnel(account));
}
END_TEST

static void *take_many(void *context)
{
    size_t taken = 0;
    for (int i = 0; i < TRIES; i++)
        taken += limit_take_request(context, 60000) == 0;
    return (void *)(uintptr_t)taken;
}

START_TEST(is_exact_over_all_threads)
{
    struct limit_account *account = account_of("demo", "staging");
    pthread_t threads[THREADS];
    size_t taken = 0;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_many, account), 0);
    for (int i = 0; i < THREADS; i++) {
        void *count;
        pthread_join(threads[i], &count);
        taken += (size_t)(uintptr_t)count;
    }
    ck_assert_uint_eq(taken, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limiter");
    TCase *tests = tcase_create("limiter");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, one_app_and_environment_is_one_account);
    tcase_add_test(tests, an_app_may_have_limits_of_its_own);
    tcase_add_test(tests, gives_what_there_is_and_says_when_there_is_more);
    tcase_add_test(tests, nought_is_no_limit);
    tcase_add_test(tests, a_tunnel_given_back_can_be_taken_again);
    tcase_add_test(tests, is_exact_over_all_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
