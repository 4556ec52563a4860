#include "test/policy/running.h"
#include "test/suite.h"

#define DATA "test/policy/data/diff/"

static struct running csp;

static void run(const char *line)
{
    running_run(&csp, &command_csp_description, line);
}

START_TEST(prints_the_policy_alone)
{
    run(DATA "old.yml");
    ck_assert_str_eq(csp.output, "default-src 'self'; img-src 'self' https://img.example.com\n");
    ck_assert_str_eq(csp.complaints, "");
    ck_assert_int_eq(csp.status, 0);
}
END_TEST

START_TEST(says_on_standard_error_that_navigation_is_left_out)
{
    run(DATA "variables.yml --plain-http --set HOST=a.com");
    ck_assert_str_eq(csp.output, "default-src 'self'; connect-src 'self' https://a.com\n");
    ck_assert_ptr_nonnull(
        strstr(csp.complaints, "sallyport: " DATA "variables.yml:8:18: navigation is left out;"));
    ck_assert_int_eq(csp.status, 0);
}
END_TEST

START_TEST(prints_nothing_of_a_manifest_with_errors)
{
    run(DATA "unreadable.yml");
    ck_assert_str_eq(csp.output, "");
    ck_assert_ptr_nonnull(strstr(csp.complaints, "sallyport: " DATA "unreadable.yml:4:9: "));
    ck_assert_int_eq(csp.status, 2);
}
END_TEST

START_TEST(does_not_let_a_variable_break_out)
{
    run(DATA "variables.yml --plain-http --set HOST=a.com/;script-src");
    ck_assert_str_eq(csp.output, "");
    ck_assert_ptr_nonnull(strstr(csp.complaints, "variables.yml:7:16: "));
    ck_assert_int_eq(csp.status, 2);
}
END_TEST

static const char *const bad_lines[] = {"",
                                        DATA "old.yml " DATA "old.yml",
                                        "nowhere.yml",
                                        "--format=json " DATA "old.yml",
                                        "--set " DATA "old.yml",
                                        DATA "old.yml --set",
                                        DATA "old.yml --set 1=2"};

START_TEST(refuses_bad_usage)
{
    run(bad_lines[_i]);
    ck_assert_int_eq(csp.status, 2);
    ck_assert_str_eq(csp.output, "");
    ck_assert_ptr_nonnull(strstr(csp.complaints, "sallyport: "));
}
END_TEST

START_TEST(shows_its_help)
{
    run("--help");
    ck_assert_int_eq(csp.status, 0);
    ck_assert_ptr_nonnull(strstr(csp.output, "usage: sallyport csp MANIFEST"));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("command_csp");
    TCase *group = tcase_create("command_csp");
    tcase_add_test(group, prints_the_policy_alone);
    tcase_add_test(group, says_on_standard_error_that_navigation_is_left_out);
    tcase_add_test(group, prints_nothing_of_a_manifest_with_errors);
    tcase_add_test(group, does_not_let_a_variable_break_out);
    tcase_add_loop_test(group, refuses_bad_usage, 0,
                        (int)(sizeof(bad_lines) / sizeof(bad_lines[0])));
    tcase_add_test(group, shows_its_help);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
