/*
 * Promises of the commands that answer for a site: check, test, replay and learn take the
 * installation that they are given, or that a log names. In the data version 2 declares
 * new.example.com, which site-b has approved and site-a has not.
 */
#include <string.h>

#include "test/policy/running.h"
#include "test/suite.h"

#define DATA   "test/policy/data/installations/"
#define PLACE  DATA "policy/demo/production/"
#define SOURCE "--policy " DATA "policy -a demo -e production "

static struct running done;

START_TEST(check_answers_for_the_installation_that_it_is_given)
{
    running_run(&done, &command_check_description, SOURCE "new.example.com");
    ck_assert_str_eq(done.output, "ALLOW  new.example.com  declared  " PLACE "manifest.yml:8:20\n");
    ck_assert_int_eq(done.status, 0);
    running_run(&done, &command_check_description, SOURCE "-i site-a new.example.com");
    ck_assert_str_eq(done.output,
                     "DENY  new.example.com  pending_approval  " PLACE
                     "versions/2.1/manifest.yml:8:20  (new.example.com, declared by version 2, "
                     "which waits for approval)\n");
    ck_assert_int_eq(done.status, 1);
    running_run(&done, &command_check_description, SOURCE "-i site-b new.example.com");
    ck_assert_int_eq(done.status, 0);
    running_run(&done, &command_check_description, SOURCE "-i site-gone api.example.com");
    ck_assert_ptr_nonnull(strstr(done.output, "unknown_app"));
    ck_assert_int_eq(done.status, 1);
}
END_TEST

START_TEST(policy_tests_name_an_installation)
{
    running_run(&done, &command_test_description, DATA "tests.yml");
    ck_assert_ptr_nonnull(strstr(done.output, "version 1: deny new.example.com\n"));
    ck_assert_ptr_nonnull(strstr(done.output, "\n9 passed, 0 failed\n"));
    ck_assert_int_eq(done.status, 0);
}
END_TEST

#define APPROVED_BY_B                                                                              \
    "https://new.example.com:443  1 request  2026-01-02T03:04:02.000000Z  pending_approval -> "    \
    "declared  " PLACE "versions/2.1/manifest.yml:8:20  (new.example.com)\n"
#define OPENED_BY_B                                                                                \
    "https://erp.example.com:443  1 request  2026-01-02T03:04:07.000000Z  undeclared -> declared " \
    " " PLACE "installations.yml:3:9  (erp.example.com)\n"
#define PENDING_AT_A                                                                               \
    "  demo/production/site-a  https://new.example.com:443  1 request  "                           \
    "2026-01-02T03:04:01.000000Z  declared -> pending_approval  " PLACE                            \
    "versions/2.1/manifest.yml:8:20  (new.example.com, declared by version 2, which waits for "    \
    "approval)\n"

START_TEST(replay_decides_each_record_as_the_installation_that_it_names)
{
    running_run(&done, &command_replay_description, SOURCE DATA "decisions.log");
    ck_assert_str_eq(
        done.output,
        "would now be denied:\n" PENDING_AT_A
        "  demo/production/site-gone  https://api.example.com:443  1 request  "
        "2026-01-02T03:04:05.000000Z  declared -> unknown_app\n"
        "would now be allowed:\n"
        "  demo/production  https://new.example.com:443  1 request  2026-01-02T03:04:03.000000Z  "
        "undeclared -> declared  " PLACE "manifest.yml:8:20  (new.example.com)\n"
        "  demo/production/site-b  " OPENED_BY_B "  demo/production/site-b  " APPROVED_BY_B
        "8 decisions: 2 would now be denied, 3 would now be allowed, 3 stay as they are\n");
    ck_assert_int_eq(done.status, 1);
}
END_TEST

START_TEST(replay_takes_the_records_of_the_installation_that_it_is_given)
{
    running_run(&done, &command_replay_description, SOURCE "-i site-a " DATA "decisions.log");
    ck_assert_str_eq(done.output, "would now be denied:\n" PENDING_AT_A
                                  "4 decisions: 1 would now be denied, 0 would now be allowed, 3 "
                                  "stay as they are\n");
    running_run(&done, &command_replay_description,
                SOURCE "-i site-b --format json " DATA "decisions.log");
    ck_assert_ptr_nonnull(strstr(done.output, "\"environment\":\"production\",\"installation\":"
                                              "\"site-b\",\"scheme\":\"https\""));
    ck_assert_ptr_nonnull(strstr(done.output, "\"was\":\"pending_approval\",\"reason\":"
                                              "\"declared\""));
}
END_TEST

#define PROPOSAL(when)                                                                             \
    "permissions:\n"                                                                               \
    "  external:\n"                                                                                \
    "    fetch:\n"                                                                                 \
    "      backend:\n"                                                                             \
    "        - address: \"erp.example.com\" # 1 request, " when "\n"

START_TEST(learn_proposes_neither_what_waits_for_approval_nor_what_a_sites_admin_has_opened)
{
    running_run(&done, &command_learn_description, SOURCE DATA "decisions.log");
    ck_assert_str_eq(done.output, PROPOSAL("2026-01-02T03:04:08.000000Z"));
    running_run(&done, &command_learn_description, SOURCE "-i site-a " DATA "decisions.log");
    ck_assert_str_eq(done.output, PROPOSAL("2026-01-02T03:04:08.000000Z"));
    running_run(&done, &command_learn_description, SOURCE "-i site-b " DATA "decisions.log");
    ck_assert_str_eq(done.output, "# nothing was denied that a declaration would allow\n");
    ck_assert_int_eq(done.status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command_site");
    TCase *tests = tcase_create("commands");
    tcase_add_test(tests, check_answers_for_the_installation_that_it_is_given);
    tcase_add_test(tests, policy_tests_name_an_installation);
    tcase_add_test(tests, replay_decides_each_record_as_the_installation_that_it_names);
    tcase_add_test(tests, replay_takes_the_records_of_the_installation_that_it_is_given);
    tcase_add_test(
        tests, learn_proposes_neither_what_waits_for_approval_nor_what_a_sites_admin_has_opened);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
