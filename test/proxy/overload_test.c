/* Promises of proxy/overload: who gives way, in which order, and when it is over. */
#include <check.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "proxy/overload.h"
#include "test/suite.h"

#define DESCRIPTORS 1000 /* of which 24 are not for clients */
#define WORKERS     2

static struct configuration configuration;
static struct limiter *limiter;
static struct metrics *metrics[WORKERS];
static struct overload *overload;
static struct limit_account *greedy, *small;
static const char *why;

static struct limit_account *account_of(const char *app)
{
    const struct subject subject = {span_of(app), SPAN("development"), SPAN("")};
    struct limit_account *account = limiter_account(limiter, &subject);
    ck_assert_ptr_nonnull(account);
    return account;
}

static void begin(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = DESCRIPTORS; /* the hard limit stays: valgrind lets nobody change it */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    configuration = (struct configuration){.overload_anonymous = 50,
                                           .overload_greediest = 70,
                                           .overload_everyone = 90,
                                           .overload_wait = 1000,
                                           .overload_memory = 1U << 20};
    limiter = limiter_new(&configuration);
    for (size_t i = 0; i < WORKERS; i++)
        metrics[i] = metrics_new();
    overload = overload_new(&configuration, limiter, metrics, WORKERS);
    ck_assert(limiter != NULL && metrics[0] != NULL && metrics[1] != NULL && overload != NULL);
    greedy = account_of("greedy");
    small = account_of("small");
    for (int i = 0; i < 100; i++)
        limit_count_session(greedy, 1);
    limit_count_session(small, 1);
}

static void end(void)
{
    overload_free(overload);
    for (size_t i = 0; i < WORKERS; i++)
        metrics_free(metrics[i]);
    limiter_free(limiter);
}

/* Clients and upstreams of both workers together. */
static void hold(uint64_t descriptors)
{
    metrics_add(metrics[0], METRIC_CONNECTIONS_OPEN, descriptors / 4);
    metrics_add(metrics[1], METRIC_CONNECTIONS_OPEN, descriptors / 4);
    metrics_add(metrics[1], METRIC_UPSTREAMS_OPEN, descriptors / 2);
}

static enum overload_level level(void)
{
    enum overload_resource resource;
    return overload_level(overload, &resource);
}

START_TEST(nobody_gives_way_while_there_is_enough)
{
    hold(400);
    ck_assert_int_eq(level(), OVERLOAD_NONE);
    ck_assert(!overload_gives_way(overload, NULL, &why));
    ck_assert(!overload_gives_way(overload, greedy, &why));
    ck_assert(!overload_stranger_gives_way(overload, &why));
}
END_TEST

START_TEST(first_whoever_is_nobodys)
{
    hold(600);
    ck_assert_int_eq(level(), OVERLOAD_ANONYMOUS);
    ck_assert(overload_gives_way(overload, NULL, &why));
    ck_assert_ptr_nonnull(strstr(why, "descriptors"));
    ck_assert(!overload_gives_way(overload, greedy, &why));
    ck_assert(!overload_gives_way(overload, small, &why));
}
END_TEST

START_TEST(a_few_strangers_may_still_show_their_credentials)
{
    hold(600);
    overload_count_stranger(overload, 3);
    ck_assert(!overload_stranger_gives_way(overload, &why));
    overload_count_stranger(overload, 97);
    ck_assert(overload_stranger_gives_way(overload, &why));
    overload_count_stranger(overload, -97);
    ck_assert(!overload_stranger_gives_way(overload, &why));
    hold(350);
    ck_assert(overload_stranger_gives_way(overload, &why));
}
END_TEST

START_TEST(then_the_greediest_app_alone)
{
    hold(720);
    ck_assert_int_eq(level(), OVERLOAD_GREEDIEST);
    ck_assert(overload_gives_way(overload, NULL, &why));
    ck_assert(!overload_gives_way(overload, small, &why));
    ck_assert(overload_gives_way(overload, greedy, &why));
    ck_assert_ptr_nonnull(strstr(why, "holds the most"));
}
END_TEST

START_TEST(then_everyone)
{
    hold(900);
    ck_assert_int_eq(level(), OVERLOAD_EVERYONE);
    ck_assert(overload_gives_way(overload, small, &why));
    ck_assert(!overload_is_full(overload));
    hold(100);
    ck_assert(overload_is_full(overload));
}
END_TEST

START_TEST(it_is_over_when_descriptors_are_free_again)
{
    hold(900);
    metrics_subtract(metrics[1], METRIC_UPSTREAMS_OPEN, 450);
    ck_assert_int_eq(level(), OVERLOAD_NONE);
}
END_TEST

START_TEST(pipes_count_as_descriptors)
{
    hold(400);
    overload_note(overload, 1, 200, 0);
    ck_assert_int_eq(level(), OVERLOAD_ANONYMOUS);
}
END_TEST

START_TEST(a_long_wait_for_a_turn_is_a_shortage_of_time)
{
    enum overload_resource resource;
    overload_note(overload, 0, 0, UINT64_C(750000000));
    ck_assert_int_eq(overload_level(overload, &resource), OVERLOAD_GREEDIEST);
    ck_assert_int_eq(resource, OVERLOAD_TIME);
    overload_note(overload, 0, 0, 0);
    ck_assert_int_eq(level(), OVERLOAD_NONE);
}
END_TEST

START_TEST(memory_is_what_the_process_has_resident)
{
    enum overload_resource resource;
    overload_free(overload);
    configuration.overload_memory = 1;
    overload = overload_new(&configuration, limiter, metrics, WORKERS);
    ck_assert_int_eq(overload_level(overload, &resource), OVERLOAD_EVERYONE);
    ck_assert_int_eq(resource, OVERLOAD_MEMORY);
}
END_TEST

START_TEST(trouble_is_told_while_there_is_some)
{
    struct text text;
    text_init(&text, 4096);
    overload_write_trouble(overload, &text);
    ck_assert_uint_eq(text.length, 0);
    hold(900);
    overload_write_trouble(overload, &text);
    ck_assert(span_starts_with(text_span(&text), SPAN("overloaded: descriptors ")));
    ck_assert(span_ends_with(text_span(&text), SPAN("new work of everyone gives way\n")));
    text_clear(&text);
}
END_TEST

static bool contains(const struct text *text, const char *words)
{
    return memmem(text->data, text->length, words, strlen(words)) != NULL;
}

START_TEST(whom_it_met_and_for_want_of_what_is_counted)
{
    struct text text;
    text_init(&text, 4096);
    hold(720);
    for (int i = 0; i < 3; i++)
        (void)overload_gives_way(overload, NULL, &why);
    (void)overload_gives_way(overload, greedy, &why);
    overload_write_metrics(overload, &text);
    ck_assert(contains(&text, "gave_way_total{who=\"anonymous\",resource=\"descriptors\"} 3\n"));
    ck_assert(contains(&text, "gave_way_total{who=\"greediest\",resource=\"descriptors\"} 1\n"));
    ck_assert(contains(&text, "gave_way_total{who=\"everyone\",resource=\"memory\"} 0\n"));
    text_clear(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overload");
    TCase *tests = tcase_create("overload");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, nobody_gives_way_while_there_is_enough);
    tcase_add_test(tests, first_whoever_is_nobodys);
    tcase_add_test(tests, a_few_strangers_may_still_show_their_credentials);
    tcase_add_test(tests, then_the_greediest_app_alone);
    tcase_add_test(tests, then_everyone);
    tcase_add_test(tests, it_is_over_when_descriptors_are_free_again);
    tcase_add_test(tests, pipes_count_as_descriptors);
    tcase_add_test(tests, a_long_wait_for_a_turn_is_a_shortage_of_time);
    tcase_add_test(tests, memory_is_what_the_process_has_resident);
    tcase_add_test(tests, trouble_is_told_while_there_is_some);
    tcase_add_test(tests, whom_it_met_and_for_want_of_what_is_counted);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
