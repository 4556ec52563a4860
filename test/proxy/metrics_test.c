/* Promises of proxy/metrics: sums that add up, bounded series, a page that Prometheus reads. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "proxy/metrics.h"
#include "test/suite.h"

static struct metrics *workers[2];

static void set_up(void)
{
    for (size_t i = 0; i < 2; i++) {
        workers[i] = metrics_new();
        ck_assert_ptr_nonnull(workers[i]);
    }
}

static void tear_down(void)
{
    metrics_free(workers[0]);
    metrics_free(workers[1]);
}

/* The whole page, NUL-terminated; the caller frees. */
static char *page(void)
{
    struct text text;
    text_init(&text, 64U << 20);
    metrics_write(workers, 2, &text);
    ck_assert(!text.overflow);
    char *copy = span_duplicate(text_span(&text));
    text_clear(&text);
    ck_assert_ptr_nonnull(copy);
    return copy;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

static void page_has(const char *line)
{
    char *text = page();
    ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in:\n%s", line, text);
    free(text);
}

START_TEST(sums_counters_and_gauges_over_workers)
{
    metrics_add(workers[0], METRIC_CONNECTIONS_OPEN, 5);
    metrics_add(workers[1], METRIC_CONNECTIONS_OPEN, 3);
    metrics_subtract(workers[0], METRIC_CONNECTIONS_OPEN, 2);
    metrics_add(workers[1], METRIC_BYTES_UP, UINT64_C(5000000000));
    ck_assert_uint_eq(metrics_sum(workers, 2, METRIC_CONNECTIONS_OPEN), 6);
    page_has("\n# TYPE sallyport_connections_open gauge\nsallyport_connections_open 6\n");
    page_has("\n# TYPE sallyport_up_bytes_total counter\nsallyport_up_bytes_total 5000000000\n");
}
END_TEST

START_TEST(counts_decisions_by_app_environment_verdict_and_reason)
{
    for (size_t i = 0; i < 3; i++)
        metrics_count_decision(workers[i % 2], SPAN("demo"), SPAN("production"), VERDICT_DENY,
                               REASON_UNDECLARED);
    metrics_count_decision(workers[0], SPAN("demo"), SPAN("staging"), VERDICT_ALLOW,
                           REASON_DECLARED);
    metrics_count_decision(workers[0], SPAN(""), SPAN(""), VERDICT_DENY, REASON_UNAUTHENTICATED);
    page_has("sallyport_decisions_total{app=\"demo\",environment=\"production\",verdict=\"deny\","
             "reason=\"undeclared\"} 3\n");
    page_has("sallyport_decisions_total{app=\"demo\",environment=\"staging\",verdict=\"allow\","
             "reason=\"declared\"} 1\n");
    page_has("sallyport_decisions_total{app=\"\",environment=\"\",verdict=\"deny\","
             "reason=\"unauthenticated\"} 1\n");
}
END_TEST

START_TEST(takes_no_two_names_for_one)
{
    metrics_count_decision(workers[0], SPAN("ab"), SPAN("c"), VERDICT_ALLOW, REASON_DECLARED);
    metrics_count_decision(workers[1], SPAN("a"), SPAN("bc"), VERDICT_ALLOW, REASON_DECLARED);
    page_has("{app=\"ab\",environment=\"c\",verdict=\"allow\",reason=\"declared\"} 1\n");
    page_has("{app=\"a\",environment=\"bc\",verdict=\"allow\",reason=\"declared\"} 1\n");
}
END_TEST

START_TEST(escapes_label_values)
{
    metrics_count_decision(workers[0], SPAN("a\"b\\c\nd"), SPAN("e"), VERDICT_ALLOW,
                           REASON_DECLARED);
    page_has("{app=\"a\\\"b\\\\c\\nd\",environment=\"e\",");
}
END_TEST

START_TEST(bounds_the_series_and_counts_the_rest_as_other)
{
    char app[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(app, sizeof(app), "app-%d", i);
        metrics_count_decision(workers[0], span_of(app), SPAN("e"), VERDICT_ALLOW, REASON_DECLARED);
    }
    metrics_count_decision(workers[0], SPAN("app-7"), SPAN("e"), VERDICT_ALLOW, REASON_DECLARED);
    char *text = page();
    ck_assert_uint_eq(occurrences(text, "\nsallyport_decisions_total{app=\"app-"), 4096);
    ck_assert_uint_eq(occurrences(text, "{app=\"_other\",environment=\"_other\",verdict=\"allow\","
                                        "reason=\"declared\"} 904\n"),
                      1);
    ck_assert_uint_eq(occurrences(text, "{app=\"app-7\",environment=\"e\",verdict=\"allow\","
                                        "reason=\"declared\"} 2\n"),
                      1);
    free(text);
}
END_TEST

START_TEST(fills_histograms_up_to_and_with_each_bound)
{
    metrics_observe(workers[0], HISTOGRAM_DECISION_SECONDS, 100);
    metrics_observe(workers[1], HISTOGRAM_DECISION_SECONDS, 101);
    metrics_observe(workers[1], HISTOGRAM_DECISION_SECONDS, UINT64_C(20000000));
    page_has("\nsallyport_decision_seconds_bucket{le=\"0.0000001\"} 1\n");
    page_has("\nsallyport_decision_seconds_bucket{le=\"0.00000025\"} 2\n");
    page_has("\nsallyport_decision_seconds_bucket{le=\"0.01\"} 2\n");
    page_has("\nsallyport_decision_seconds_bucket{le=\"+Inf\"} 3\n");
    page_has("\nsallyport_decision_seconds_sum 0.020000201\n");
    page_has("\nsallyport_decision_seconds_count 3\n");
}
END_TEST

START_TEST(measures_tunnels_of_minutes)
{
    metrics_observe(workers[0], HISTOGRAM_EXCHANGE_SECONDS, UINT64_C(170000000000));
    page_has("\nsallyport_exchange_seconds_bucket{le=\"60\"} 0\n");
    page_has("\nsallyport_exchange_seconds_bucket{le=\"180\"} 1\n");
    page_has("\nsallyport_exchange_seconds_sum 170\n");
}
END_TEST

START_TEST(gives_every_metric_one_help_and_one_type)
{
    char *text = page();
    ck_assert_uint_eq(occurrences(text, "# HELP sallyport_"), METRIC_COUNT + HISTOGRAM_COUNT + 1);
    ck_assert_uint_eq(occurrences(text, "\n# TYPE sallyport_"), METRIC_COUNT + HISTOGRAM_COUNT + 1);
    ck_assert_ptr_null(strstr(text, "(null)"));
    free(text);
}
END_TEST

enum { ROUNDS = 20000 };

static void *count_for_a_while(void *argument)
{
    struct metrics *metrics = argument;
    char app[16];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(app, sizeof(app), "app-%d", i % 500);
        metrics_count_decision(metrics, span_of(app), SPAN("e"), VERDICT_ALLOW, REASON_DECLARED);
        metrics_add(metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
        metrics_observe(metrics, HISTOGRAM_DIAL_SECONDS, (uint64_t)i * 1000);
    }
    return NULL;
}

START_TEST(can_be_read_while_workers_count)
{
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_for_a_while, workers[i]), 0);
    for (int i = 0; i < 20; i++)
        free(page());
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    page_has("{app=\"app-499\",environment=\"e\",verdict=\"allow\",reason=\"declared\"} 80\n");
    page_has("\nsallyport_connections_accepted_total 40000\n");
    page_has("\nsallyport_dial_seconds_count 40000\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sums_counters_and_gauges_over_workers);
    tcase_add_test(tests, counts_decisions_by_app_environment_verdict_and_reason);
    tcase_add_test(tests, takes_no_two_names_for_one);
    tcase_add_test(tests, escapes_label_values);
    tcase_add_test(tests, bounds_the_series_and_counts_the_rest_as_other);
    tcase_add_test(tests, fills_histograms_up_to_and_with_each_bound);
    tcase_add_test(tests, measures_tunnels_of_minutes);
    tcase_add_test(tests, gives_every_metric_one_help_and_one_type);
    tcase_add_test(tests, can_be_read_while_workers_count);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
