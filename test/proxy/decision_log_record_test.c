/* Promises of proxy/decision_log: what a line looks like, whatever a stranger put into it. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/decision_log.h"
#include "proxy/decision_log_time.h"
#include "test/suite.h"

static char path[] = "/tmp/decision_log_record_test.XXXXXX";
static struct decision_log *decisions;
static struct log_queue *queue;
static char content[65536];

static void set_up(void)
{
    struct error error;
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    decisions = decision_log_open(path, 1, &error);
    ck_assert_ptr_nonnull(decisions);
    queue = decision_log_queue(decisions, 0);
}

static void tear_down(void)
{
    unlink(path);
}

/* What the log holds behind the time of its only line, once closed. */
static const char *line_behind_time(void)
{
    ck_assert_uint_eq(decision_log_close(decisions, 5000), 0);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    content[length] = '\0';
    ck_assert_uint_gt(length, 40);
    ck_assert_ptr_eq(strchr(content, '\n'), content + length - 1);
    ck_assert_int_eq(strncmp(content, "{\"time\":\"20", 11), 0);
    ck_assert_int_eq(strncmp(content + 36, "\",", 2), 0);
    return content + 38;
}

static struct span subject_of(const char *app, const char *environment, const char *installation)
{
    static char storage[LOG_SUBJECT_MAXIMUM];
    const struct subject subject = {span_of(app), span_of(environment), span_of(installation)};
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    log_add_subject(&text, &subject);
    ck_assert(!text.overflow);
    return text_span(&text);
}

static struct decision_record full_record(const struct decision_rule *rule)
{
    return (struct decision_record){
        .id = "0123456789abcdefghijklmn",
        .subject = subject_of("demo", "production", "inst-1"),
        .client = SPAN("127.0.0.1:40000"),
        .method = SPAN("CONNECT"),
        .scheme = "https",
        .host = SPAN("api.example.com"),
        .port = 443,
        .verdict = VERDICT_ALLOW,
        .reason = REASON_DECLARED,
        .rule = rule,
        .mode = MODE_ENFORCE,
        .policy = "00112233aabbccdd",
    };
}

START_TEST(writes_a_decision_as_the_contract_says)
{
    const struct decision_rule rule = {.address = SPAN("*.example.com"),
                                       .list = "fetch.backend",
                                       .file = "policy/demo/production/manifest.yml",
                                       .at = {12, 11}};
    const struct decision_record record = full_record(&rule);
    log_queue_decision(queue, &record);
    ck_assert_str_eq(line_behind_time(),
                     "\"event\":\"decision\",\"id\":\"0123456789abcdefghijklmn\",\"app\":\"demo\","
                     "\"environment\":\"production\",\"installation\":\"inst-1\","
                     "\"client\":\"127.0.0.1:40000\",\"method\":\"CONNECT\",\"scheme\":\"https\","
                     "\"host\":\"api.example.com\",\"port\":443,\"verdict\":\"allow\","
                     "\"reason\":\"declared\",\"rule\":{\"address\":\"*.example.com\","
                     "\"file\":\"policy/demo/production/manifest.yml\",\"line\":12},"
                     "\"mode\":\"enforce\",\"policy\":\"00112233aabbccdd\"}\n");
}
END_TEST

START_TEST(writes_null_for_what_is_not_known)
{
    const struct decision_record record = {.id = "i",
                                           .client = SPAN("unix"),
                                           .verdict = VERDICT_INVALID,
                                           .reason = REASON_INVALID_TARGET,
                                           .detail = "no host",
                                           .mode = MODE_REPORT};
    log_queue_decision(queue, &record);
    ck_assert_str_eq(line_behind_time(),
                     "\"event\":\"decision\",\"id\":\"i\",\"app\":null,\"environment\":null,"
                     "\"installation\":null,\"client\":\"unix\",\"method\":null,\"scheme\":null,"
                     "\"host\":null,\"port\":null,\"verdict\":\"deny\","
                     "\"reason\":\"invalid_target\",\"rule\":null,\"mode\":\"report\","
                     "\"policy\":null,\"detail\":\"no host\"}\n");
}
END_TEST

START_TEST(writes_a_close_with_its_subject_and_sums)
{
    const struct close_record record = {.id = "i",
                                        .subject = subject_of("demo", "staging", ""),
                                        .upstream = SPAN("[2001:db8::1]:443"),
                                        .status = 200,
                                        .bytes_up = 1,
                                        .bytes_down = UINT64_C(12345678901),
                                        .duration_ns = 1234567,
                                        .outcome = "client_reset"};
    log_queue_close(queue, &record);
    ck_assert_str_eq(line_behind_time(),
                     "\"event\":\"close\",\"id\":\"i\",\"app\":\"demo\","
                     "\"environment\":\"staging\",\"installation\":null,"
                     "\"upstream\":\"[2001:db8::1]:443\",\"status\":200,\"bytes_up\":1,"
                     "\"bytes_down\":12345678901,\"duration_ms\":1.234,"
                     "\"outcome\":\"client_reset\"}\n");
}
END_TEST

START_TEST(writes_an_event_about_the_proxy)
{
    log_queue_event(queue, "reload_failed", SPAN("manifest.yml:3:1: no \"map\""), "abc");
    ck_assert_str_eq(line_behind_time(),
                     "\"event\":\"reload_failed\","
                     "\"detail\":\"manifest.yml:3:1: no \\\"map\\\"\",\"policy\":\"abc\"}\n");
}
END_TEST

START_TEST(escapes_hostile_bytes_so_that_one_record_is_one_line)
{
    struct decision_record record = full_record(NULL);
    record.host = SPAN("a\"}\n{\"event\":\"decision\"\x00\xff\x1b[2J");
    record.method = SPAN("GET\r\nX: y");
    log_queue_decision(queue, &record);
    const char *line = line_behind_time();
    ck_assert_ptr_nonnull(strstr(line, "\"host\":\"a\\\"}\\n{\\\"event\\\":\\\"decision\\\"\\u0000"
                                       "\xEF\xBF\xBD\\u001b[2J\""));
    ck_assert_ptr_nonnull(strstr(line, "\"method\":\"GET\\u000d\\nX: y\""));
}
END_TEST

START_TEST(the_longest_record_is_still_a_whole_line)
{
    static char noise[9000];
    memset(noise, 1, sizeof(noise) - 1);
    const struct span all = {noise, sizeof(noise) - 1};
    const struct decision_rule rule = {.address = all, .file = noise, .at = {UINT32_MAX, 1}};
    const struct decision_record record = {.id = noise,
                                           .subject = subject_of(noise, noise, noise),
                                           .client = all,
                                           .method = all,
                                           .scheme = "https",
                                           .host = all,
                                           .port = 65535,
                                           .verdict = VERDICT_DENY,
                                           .reason = REASON_EVERYTHING_DECLARED,
                                           .rule = &rule,
                                           .detail = noise,
                                           .policy = noise};
    log_queue_decision(queue, &record);
    const char *line = line_behind_time();
    ck_assert_uint_lt(strlen(line), 32768);
    ck_assert_str_eq(line + strlen(line) - 9, "\\u0001\"}\n");
}
END_TEST

START_TEST(formats_time_in_utc_to_the_microsecond)
{
    struct log_clock clock = {0};
    const struct timespec moments[] = {{1767323045, 678901234}, {1767323045, 9}, {951827696, 0}};
    ck_assert_str_eq(log_clock_format(&clock, &moments[0]), "2026-01-02T03:04:05.678901Z");
    ck_assert_str_eq(log_clock_format(&clock, &moments[1]), "2026-01-02T03:04:05.000000Z");
    ck_assert_str_eq(log_clock_format(&clock, &moments[2]), "2000-02-29T12:34:56.000000Z");
    decision_log_close(decisions, 1000);
}
END_TEST

START_TEST(makes_ids_that_are_unique_and_sort_by_time)
{
    char before[DECISION_ID_SIZE], after[DECISION_ID_SIZE];
    log_queue_make_id(queue, before);
    ck_assert_uint_eq(strspn(before, "0123456789abcdefghijklmnopqrstuv"), 24);
    for (int i = 0; i < 1000; i++) {
        log_queue_make_id(queue, after);
        ck_assert_int_lt(strcmp(before, after), 0);
        memcpy(before, after, sizeof(before));
    }
    decision_log_close(decisions, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decision_log_record");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, writes_a_decision_as_the_contract_says);
    tcase_add_test(tests, writes_null_for_what_is_not_known);
    tcase_add_test(tests, writes_a_close_with_its_subject_and_sums);
    tcase_add_test(tests, writes_an_event_about_the_proxy);
    tcase_add_test(tests, escapes_hostile_bytes_so_that_one_record_is_one_line);
    tcase_add_test(tests, the_longest_record_is_still_a_whole_line);
    tcase_add_test(tests, formats_time_in_utc_to_the_microsecond);
    tcase_add_test(tests, makes_ids_that_are_unique_and_sort_by_time);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
