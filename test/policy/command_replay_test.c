/* Promises of sallyport replay and sallyport learn as they are typed. */
#include <string.h>

#include "test/policy/running.h"
#include "test/suite.h"

#define DATA     "test/policy/data/logs/"
#define MANIFEST "-m " DATA "manifest.yml "

static struct running done;

static void replay(const char *line)
{
    running_run(&done, &command_replay_description, line);
}

static void learn(const char *line)
{
    running_run(&done, &command_learn_description, line);
}

START_TEST(replay_prints_a_line_a_change_and_the_sums)
{
    replay(MANIFEST DATA "decisions.log");
    ck_assert_str_eq(done.output,
                     "would now be denied:\n"
                     "  demo/production  https://gone.example.com:443  2 requests  "
                     "2026-01-02T03:04:02.678901Z to 2026-01-02T03:04:09.678901Z  "
                     "declared -> undeclared\n"
                     "would now be allowed:\n"
                     "  demo/production  https://a.example.org:443  1 request  "
                     "2026-01-02T03:04:03.678901Z  undeclared -> declared  " DATA
                     "manifest.yml:7:20  (*.example.org)\n"
                     "8 decisions: 2 would now be denied, 1 would now be allowed, 5 stay as they "
                     "are; 1 more were no policy's to decide\n");
    ck_assert_str_eq(done.complaints, "");
    ck_assert_int_eq(done.status, 1);
}
END_TEST

START_TEST(replay_reads_a_rotated_log_and_prints_json)
{
    replay(MANIFEST "--format json -a demo " DATA "decisions.log.1.gz");
    ck_assert_str_eq(
        done.output,
        "{\"change\":\"would_be_denied\",\"app\":\"demo\",\"environment\":\"production\",\"installation\":null,"
        "\"scheme\":\"https\",\"host\":\"gone.example.com\",\"port\":443,\"count\":2,"
        "\"first\":\"2026-01-02T03:04:02.678901Z\",\"last\":\"2026-01-02T03:04:09.678901Z\","
        "\"was\":\"declared\",\"reason\":\"undeclared\"}\n"
        "{\"change\":\"would_be_allowed\",\"app\":\"demo\",\"environment\":\"production\",\"installation\":null,"
        "\"scheme\":\"https\",\"host\":\"a.example.org\",\"port\":443,\"count\":1,"
        "\"first\":\"2026-01-02T03:04:03.678901Z\",\"last\":\"2026-01-02T03:04:03.678901Z\","
        "\"was\":\"undeclared\",\"reason\":\"declared\",\"rule\":{\"address\":\"*.example.org\","
        "\"list\":\"fetch.backend\",\"file\":\"" DATA "manifest.yml\",\"line\":7,\"column\":20}}\n"
        "{\"summary\":{\"would_be_denied\":2,\"would_be_allowed\":1,\"unchanged\":4,"
        "\"not_the_policys\":1,\"ungrouped\":0}}\n");
    ck_assert_int_eq(done.status, 1);
}
END_TEST

START_TEST(replay_of_records_that_stay_ends_with_0)
{
    replay(MANIFEST "-a other " DATA "decisions.log");
    ck_assert_str_eq(done.output, "1 decision: 0 would now be denied, 0 would now be allowed, 1 "
                                  "stay as they are\n");
    ck_assert_int_eq(done.status, 0);
}
END_TEST

/* No sums of nothing, and no word that nothing was denied: they would be believed. */
START_TEST(a_log_that_cannot_be_read_is_all_that_is_told)
{
    static const char *const lines[] = {MANIFEST "/nowhere/at/all.log", MANIFEST
                                        "-a nobody /nowhere/at/all.log " DATA "decisions.log"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        replay(lines[i]);
        ck_assert_str_eq(done.output, "");
        ck_assert_str_eq(done.complaints, "sallyport: /nowhere/at/all.log: cannot be opened: No "
                                          "such file or directory\n");
        ck_assert_int_eq(done.status, 2);
        learn(lines[i]);
        ck_assert_str_eq(done.output, "");
        ck_assert_ptr_nonnull(strstr(done.complaints, "/nowhere/at/all.log: cannot be opened"));
        ck_assert_int_eq(done.status, 2);
    }
    replay(MANIFEST "--format json " DATA "manifest.yml");
    ck_assert_str_eq(done.output, "");
    ck_assert_int_eq(done.status, 2);
}
END_TEST

START_TEST(replay_of_what_cannot_be_read_ends_with_2)
{
    replay(MANIFEST DATA "decisions.log /nowhere/at/all.log");
    ck_assert_ptr_nonnull(strstr(done.complaints, "/nowhere/at/all.log: cannot be opened"));
    ck_assert_ptr_nonnull(strstr(done.output, "gone.example.com"));
    ck_assert_int_eq(done.status, 2);
    replay(MANIFEST DATA "manifest.yml");
    ck_assert_ptr_nonnull(strstr(done.complaints, "manifest.yml: not one line is a record"));
    ck_assert_int_eq(done.status, 2);
    replay("-m /nowhere.yml " DATA "decisions.log");
    ck_assert_int_eq(done.status, 2);
}
END_TEST

struct usage_row {
    const char *line;
    const char *complaint;
};

static const struct usage_row usage_rows[] = {
    {"", "no policy is given"},
    {MANIFEST, "no log is given"},
    {MANIFEST "--format xml x", "text or json, not xml"},
    {MANIFEST "--nonsense x", "--nonsense"},
    {"--policy p x", "needs --app"},
    {MANIFEST "-a A x", "cannot be the name of an app"},
};

START_TEST(replay_says_what_is_wrong_with_its_arguments)
{
    replay(usage_rows[_i].line);
    ck_assert_ptr_nonnull(strstr(done.complaints, usage_rows[_i].complaint));
    ck_assert_str_eq(done.output, "");
    ck_assert_int_eq(done.status, 2);
}
END_TEST

/* Nothing that a terminal obeys, and no line that the log's words began. */
static void is_tame(const char *text)
{
    for (const char *byte = text; *byte != '\0'; byte++)
        ck_assert_msg((unsigned char)*byte >= 0x20 || *byte == '\n', "byte %d", *byte);
    ck_assert_ptr_null(strstr(text, "\xE2\x80\xAE"));
    ck_assert_ptr_null(strstr(text, "\n- address"));
}

START_TEST(nothing_of_a_hostile_log_reaches_a_terminal_or_the_yaml)
{
    replay(MANIFEST DATA "hostile.log");
    is_tame(done.output);
    is_tame(done.complaints);
    ck_assert_int_eq(done.status, 1);
    learn(MANIFEST DATA "hostile.log");
    is_tame(done.output);
    is_tame(done.complaints);
    ck_assert_str_eq(done.output, "permissions:\n"
                                  "  external:\n"
                                  "    fetch:\n"
                                  "      backend:\n"
                                  "        - address: \"ok.example.net\" # 1 request\n");
    ck_assert_ptr_nonnull(strstr(done.complaints, "hostile.log:2:1: \"host\" is"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "hostile.log:4:1: the app"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "hostile.log:6:101: the line ends too early"));
}
END_TEST

START_TEST(learn_prints_a_fragment_and_its_cautions)
{
    learn(MANIFEST "-a demo " DATA "decisions.log");
    ck_assert_str_eq(
        done.output,
        "permissions:\n"
        "  external:\n"
        "    fetch:\n"
        "      backend:\n"
        "        # caution: an IP address, which can change hands; declare a name\n"
        "        - address: \"192.0.2.1:8443\" # 1 request, 2026-01-02T03:04:05.678901Z\n"
        "        - address: \"new.example.net\" # 1 request, 2026-01-02T03:04:04.678901Z\n"
        "# left out: http://api.example.com, plain http may be declared only where "
        "policy.plain_http is true; ask again with --plain-http; 1 request, "
        "2026-01-02T03:04:06.678901Z\n");
    ck_assert_ptr_nonnull(strstr(done.complaints, "caution: 192.0.2.1:8443: an IP address"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "caution: http://api.example.com: left out"));
    ck_assert_int_eq(done.status, 0);
}
END_TEST

START_TEST(learn_has_nothing_to_say_where_nothing_was_denied)
{
    learn(MANIFEST "-a nobody " DATA "decisions.log");
    ck_assert_str_eq(done.output, "# nothing was denied that a declaration would allow\n");
    ck_assert_ptr_nonnull(strstr(done.complaints, "no decision of this app"));
    ck_assert_int_eq(done.status, 0);
}
END_TEST

START_TEST(learn_takes_two_siblings_at_least_for_a_wildcard)
{
    learn(MANIFEST "--wildcards 1 " DATA "decisions.log");
    ck_assert_ptr_nonnull(strstr(done.complaints, "2 or more, not 1"));
    ck_assert_int_eq(done.status, 2);
    learn(MANIFEST "--wildcards many " DATA "decisions.log");
    ck_assert_int_eq(done.status, 2);
    learn(MANIFEST "--wildcards 2 " DATA "decisions.log");
    ck_assert_ptr_nonnull(
        strstr(done.output, "- address: \"*.example.net\" # 2 requests to 2 names"));
    ck_assert_int_eq(done.status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command_replay");
    TCase *tests = tcase_create("commands");
    tcase_add_test(tests, replay_prints_a_line_a_change_and_the_sums);
    tcase_add_test(tests, replay_reads_a_rotated_log_and_prints_json);
    tcase_add_test(tests, replay_of_records_that_stay_ends_with_0);
    tcase_add_test(tests, a_log_that_cannot_be_read_is_all_that_is_told);
    tcase_add_test(tests, replay_of_what_cannot_be_read_ends_with_2);
    tcase_add_loop_test(tests, replay_says_what_is_wrong_with_its_arguments, 0,
                        sizeof(usage_rows) / sizeof(usage_rows[0]));
    tcase_add_test(tests, nothing_of_a_hostile_log_reaches_a_terminal_or_the_yaml);
    tcase_add_test(tests, learn_prints_a_fragment_and_its_cautions);
    tcase_add_test(tests, learn_has_nothing_to_say_where_nothing_was_denied);
    tcase_add_test(tests, learn_takes_two_siblings_at_least_for_a_wildcard);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
