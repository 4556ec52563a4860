/* Promises of `sallyport lint` as a command: its exit status, and where it says what. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/command.h"
#include "test/suite.h"

#define DATA "test/policy/data/manifests/"

static char bad_path[] = "/tmp/sallyport-lint-XXXXXX";
static char output_path[] = "/tmp/sallyport-lint-XXXXXX";
static char output[65536];

static void setup(void)
{
    static const char manifest[] = "app: {id: 'ari:cloud:ecosystem::app/1'}\n"
                                   "environment: {variables: [HOST]}\n"
                                   "permissions: {external: {fetch: {backend: "
                                   "[{address: 'http://${HOST}'}]}}}\n";
    int file = mkstemp(bad_path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, manifest, sizeof(manifest) - 1), sizeof(manifest) - 1);
    close(file);
    close(mkstemp(output_path));
}

static void teardown(void)
{
    unlink(bad_path);
    unlink(output_path);
}

/* Runs the command with ARGUMENTS (NULL ends them); its output is in `output`. */
static int lint(const char *const *arguments)
{
    char *argv[16] = {"lint"};
    int argc = 1;
    for (; *arguments != NULL; arguments++)
        argv[argc++] = (char *)*arguments;
    ck_assert_ptr_nonnull(freopen(output_path, "w+", stdout));
    int status = command_lint_description.run(argc, argv);
    fflush(stdout);
    rewind(stdout);
    output[fread(output, 1, sizeof(output) - 1, stdout)] = '\0';
    return status;
}

#define LINT(...) lint((const char *const[]){__VA_ARGS__, NULL})

START_TEST(warnings_alone_are_success)
{
    ck_assert_int_eq(LINT(DATA "pit-crew-for-jira.yml", DATA "pit-crew-for-jira.json"), 0);
    ck_assert_ptr_nonnull(strstr(output, "2 manifests: 0 errors, 2 warnings, 0 notes\n"));
}
END_TEST

START_TEST(an_error_is_one)
{
    ck_assert_int_eq(LINT(DATA "pit-crew-for-jira.yml", bad_path), 1);
    ck_assert_ptr_nonnull(strstr(output, "2 manifests: 1 error, 1 warning, 0 notes\n"));
}
END_TEST

START_TEST(what_cannot_be_read_is_two_and_the_others_are_linted_still)
{
    ck_assert_int_eq(LINT("/nonexistent", DATA "pit-crew-for-jira.yml"), 2);
    ck_assert_ptr_nonnull(strstr(output, "pit-crew-for-jira.yml:24:11: warning:"));
    ck_assert_ptr_nonnull(strstr(output, "2 manifests: 1 unreadable, 0 errors, 1 warning"));
}
END_TEST

START_TEST(json_says_so_of_a_file_that_cannot_be_read)
{
    ck_assert_int_eq(LINT("--format", "json", "/nonexistent"), 2);
    ck_assert_int_eq(strncmp(output, "{\"file\":\"/nonexistent\",\"line\":0,", 31), 0);
}
END_TEST

START_TEST(variables_and_plain_http_are_options)
{
    ck_assert_int_eq(LINT(bad_path, "--set", "HOST=a.example.com", "--format=json"), 1);
    ck_assert_ptr_nonnull(strstr(output, "\"rule\":\"plain-http\""));
    ck_assert_int_eq(LINT(bad_path, "--set=HOST=a.example.com", "--plain-http"), 0);
}
END_TEST

START_TEST(sarif_is_one_object)
{
    ck_assert_int_eq(LINT("--format=sarif", DATA "pit-crew-for-jira.yml"), 0);
    ck_assert_int_eq(output[0], '{');
    ck_assert_ptr_nonnull(strstr(output, "\"ruleId\":\"string-form\""));
}
END_TEST

START_TEST(output_to_a_file_has_no_colour)
{
    LINT(bad_path);
    ck_assert_ptr_null(strchr(output, '\033'));
}
END_TEST

START_TEST(help_is_success)
{
    ck_assert_int_eq(LINT("--help"), 0);
    ck_assert_int_eq(strncmp(output, "usage: sallyport lint MANIFEST", 30), 0);
}
END_TEST

static const char *const bad_usage[][3] = {
    {NULL},
    {"--format", "xml", "a"},
    {"--format"},
    {"--set", "A", "a"},
    {"--set", "1=x", "a"},
    {"--no-such-option", "a"},
};

START_TEST(bad_usage_is_two)
{
    char *argv[5] = {"lint"};
    int argc = 1;
    for (int i = 0; i < 3 && bad_usage[_i][i] != NULL; i++)
        argv[argc++] = (char *)bad_usage[_i][i];
    ck_assert_int_eq(command_lint_description.run(argc, argv), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command_lint");
    TCase *tests = tcase_create("command_lint");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, warnings_alone_are_success);
    tcase_add_test(tests, an_error_is_one);
    tcase_add_test(tests, what_cannot_be_read_is_two_and_the_others_are_linted_still);
    tcase_add_test(tests, json_says_so_of_a_file_that_cannot_be_read);
    tcase_add_test(tests, variables_and_plain_http_are_options);
    tcase_add_test(tests, sarif_is_one_object);
    tcase_add_test(tests, output_to_a_file_has_no_colour);
    tcase_add_test(tests, help_is_success);
    tcase_add_loop_test(tests, bad_usage_is_two, 0, 6);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
