/* Promises of proxy/limiter: exact over all threads, apart from app to app, back with the next
 * minute. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "proxy/limiter.h"
#include "test/suite.h"

#define THREADS 4
#define TRIES   5000
#define SECOND  UINT64_C(1000000000)

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

static struct limit_account *account_of_site(const char *app, const char *environment,
                                             const char *installation)
{
    const struct subject subject = {span_of(app), span_of(environment), span_of(installation)};
    struct limit_account *account = limiter_account(limiter, &subject);
    ck_assert_ptr_nonnull(account);
    return account;
}

static struct limit_account *account_of(const char *app, const char *environment)
{
    return account_of_site(app, environment, "");
}

START_TEST(each_installation_has_an_account_of_its_own_under_its_apps_limits)
{
    struct limit_account *a = account_of_site("orders", "production", "site-a");
    ck_assert_ptr_ne(a, account_of_site("orders", "production", "site-b"));
    ck_assert_ptr_ne(a, account_of("orders", "production"));
    ck_assert_ptr_eq(a, account_of_site("orders", "production", "site-a"));
    ck_assert_uint_eq(a->limits.requests_per_minute, 7);
}
END_TEST

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
    account->limits = (struct limits){.tunnels = 0};
    for (int i = 0; i < 100000; i++)
        ck_assert_msg(limit_take_request(account, 1) == 0, "request %d", i);
    ck_assert(limit_take_tunnel(account));
    ck_assert_uint_eq(limit_take_name(account, SPAN("a.example.com"), 1), 0);
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

START_TEST(a_name_is_counted_once_a_minute)
{
    struct limit_account *account = account_of("demo", "staging");
    account->limits.names_per_minute = 2;
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(limit_take_name(account, SPAN("a.example.com"), 60000), 0);
    ck_assert_uint_eq(limit_take_name(account, SPAN("b.example.com"), 61000), 0);
    ck_assert_uint_eq(limit_take_name(account, SPAN("c.example.com"), 90000), 30);
    ck_assert_uint_eq(limit_take_name(account, SPAN("c.example.com"), 90000), 30);
    ck_assert_uint_eq(limit_take_name(account, SPAN("a.example.com"), 90000), 0);
    ck_assert_uint_eq(limit_take_name(account, SPAN("c.example.com"), 120000), 0);
    ck_assert_uint_eq(limit_take_name(account, SPAN("a.example.com"), 120000), 0);
    ck_assert_uint_eq(limit_take_name(account, SPAN("b.example.com"), 120000), 60);
}
END_TEST

START_TEST(names_are_each_apps_own)
{
    struct limit_account *first = account_of("demo", "staging");
    struct limit_account *second = account_of("orders", "production");
    first->limits.names_per_minute = second->limits.names_per_minute = 1;
    ck_assert_uint_eq(limit_take_name(first, SPAN("a.example.com"), 1), 0);
    ck_assert_uint_eq(limit_take_name(second, SPAN("b.example.com"), 1), 0);
    ck_assert_uint_ne(limit_take_name(second, SPAN("a.example.com"), 1), 0);
}
END_TEST

START_TEST(bytes_that_were_too_many_are_waited_for)
{
    struct limit_account *account = account_of("demo", "staging");
    const uint64_t now = 100 * SECOND;
    account->limits.bytes_per_second = 1000;
    ck_assert_uint_eq(limit_bytes_wait(account, now), 0);
    limit_pay_bytes(account, 100, now); /* what was saved up in a tenth of a second */
    ck_assert_uint_eq(limit_bytes_wait(account, now), 0);
    limit_pay_bytes(account, 500, now);
    ck_assert_uint_eq(limit_bytes_wait(account, now), SECOND / 2);
    ck_assert_uint_eq(limit_bytes_wait(account, now + SECOND / 4), SECOND / 4);
    ck_assert_uint_eq(limit_bytes_wait(account, now + SECOND), 0);
}
END_TEST

START_TEST(bytes_without_a_limit_cost_nothing)
{
    struct limit_account *account = account_of("demo", "staging");
    limit_pay_bytes(account, UINT64_MAX, 1);
    ck_assert_uint_eq(limit_bytes_wait(account, 1), 0);
}
END_TEST

/* A worker of a simulated clock: 64 KiB whenever it may, and a look every five milliseconds. */
START_TEST(bytes_keep_to_their_rate_whatever_the_turns)
{
    struct limit_account *account = account_of("demo", "staging");
    const uint64_t began = 100 * SECOND, seconds = 20;
    uint64_t moved = 0;
    account->limits.bytes_per_second = 3000000;
    for (uint64_t now = began; now < began + seconds * SECOND; now += SECOND / 200) {
        for (int worker = 0; worker < 4; worker++) {
            if (limit_bytes_wait(account, now) > 0)
                continue;
            limit_pay_bytes(account, 65536, now);
            moved += 65536;
        }
    }
    ck_assert_uint_ge(moved, seconds * 3000000 * 98 / 100);
    ck_assert_uint_le(moved, seconds * 3000000 * 102 / 100);
}
END_TEST

struct byte_payer {
    struct limit_account *account;
    uint64_t moved;
};

/* Four threads pay at the same standing clock: together no more than was saved up and one turn
 * each. */
static void *pay_many(void *context)
{
    struct byte_payer *payer = context;
    while (limit_bytes_wait(payer->account, SECOND) == 0) {
        limit_pay_bytes(payer->account, 10, SECOND);
        payer->moved += 10;
    }
    return NULL;
}

START_TEST(bytes_are_exact_over_all_threads)
{
    struct byte_payer payers[THREADS];
    pthread_t threads[THREADS];
    uint64_t moved = 0;
    struct limit_account *account = account_of("demo", "staging");
    account->limits.bytes_per_second = 1000000;
    for (int i = 0; i < THREADS; i++) {
        payers[i] = (struct byte_payer){.account = account};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pay_many, &payers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        moved += payers[i].moved;
    }
    ck_assert_uint_ge(moved, 100000);
    ck_assert_uint_le(moved, 100000 + (uint64_t)THREADS * 10);
}
END_TEST

static void *take_names(void *context)
{
    size_t taken = 0;
    for (int i = 0; i < TRIES; i++) {
        char name[32];
        int length = snprintf(name, sizeof(name), "n%d.example.com", i);
        taken += limit_take_name(context, (struct span){name, (size_t)length}, 60000) == 0;
    }
    return (void *)(uintptr_t)taken;
}

/* All threads ask for the same names: each may have the same thousand. */
START_TEST(the_same_names_from_all_threads_count_once)
{
    struct limit_account *account = account_of("demo", "staging");
    pthread_t threads[THREADS];
    account->limits.names_per_minute = 1000;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_names, account), 0);
    for (int i = 0; i < THREADS; i++) {
        void *count;
        pthread_join(threads[i], &count);
        ck_assert_uint_ge((uintptr_t)count, 1000 - THREADS);
        ck_assert_uint_le((uintptr_t)count, 1000);
    }
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
    tcase_add_test(tests, each_installation_has_an_account_of_its_own_under_its_apps_limits);
    tcase_add_test(tests, an_app_may_have_limits_of_its_own);
    tcase_add_test(tests, gives_what_there_is_and_says_when_there_is_more);
    tcase_add_test(tests, nought_is_no_limit);
    tcase_add_test(tests, a_tunnel_given_back_can_be_taken_again);
    tcase_add_test(tests, is_exact_over_all_threads);
    tcase_add_test(tests, a_name_is_counted_once_a_minute);
    tcase_add_test(tests, names_are_each_apps_own);
    tcase_add_test(tests, the_same_names_from_all_threads_count_once);
    tcase_add_test(tests, bytes_that_were_too_many_are_waited_for);
    tcase_add_test(tests, bytes_without_a_limit_cost_nothing);
    tcase_add_test(tests, bytes_keep_to_their_rate_whatever_the_turns);
    tcase_add_test(tests, bytes_are_exact_over_all_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
