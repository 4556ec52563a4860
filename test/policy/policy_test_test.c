/* Promises of policy/policy_test and of sallyport test: what passes, what fails, what is refused.
 */
#include <string.h>

#include "policy/junit.h"
#include "test/policy/running.h"
#include "test/suite.h"

#define DATA "test/policy/data/tests/"

static struct running done;

static void run_tests(const char *line)
{
    running_run(&done, &command_test_description, line);
}

START_TEST(passes_what_the_policy_keeps)
{
    run_tests(DATA "good.yml");
    ck_assert_str_eq(done.output,
                     "ok    " DATA "good.yml:5:9  what the manifest is for: allow "
                     "https://api.example.com/v1\n"
                     "ok    " DATA "good.yml:6:18  what the manifest is for: allow a.example.org\n"
                     "ok    " DATA "good.yml:8:9  what the manifest is for: deny evil.com\n"
                     "ok    " DATA "good.yml:9:18  what the manifest is for: deny "
                     "api.example.com:8443\n"
                     "ok    " DATA "good.yml:10:18  what the manifest is for: deny "
                     "https://evil.com@api.example.com\n"
                     "ok    " DATA "good.yml:14:13  allow api.example.com\n"
                     "ok    " DATA "good.yml:18:21  deny api.example.com\n"
                     "7 passed, 0 failed\n");
    ck_assert_str_eq(done.complaints, "");
    ck_assert_int_eq(done.status, 0);
}
END_TEST

START_TEST(says_of_a_failure_what_was_expected_and_what_decided)
{
    run_tests(DATA "failing.yml");
    ck_assert_str_eq(
        done.output,
        "FAIL  " DATA "failing.yml:4:13  \"<b>&\\u001b[31m\": allow example.org\n"
        "      expected allow, got deny (undeclared; nearest *.example.org at " DATA
        "manifest.yml:7:20, which covers names below example.org but not itself)\n"
        "ok    " DATA "failing.yml:4:26  \"<b>&\\u001b[31m\": allow api.example.com\n"
        "FAIL  " DATA "failing.yml:6:9  \"<b>&\\u001b[31m\": deny a.example.org\n"
        "      expected deny, got allow (declared by *.example.org at " DATA "manifest.yml:7:20)\n"
        "FAIL  " DATA "failing.yml:7:18  \"<b>&\\u001b[31m\": deny evil.com\n"
        "      expected deny (scheme_not_declared), got deny (undeclared)\n"
        "FAIL  " DATA "failing.yml:8:9  \"<b>&\\u001b[31m\": deny "
        "https://evil.com@api.example.com\n"
        "      expected deny, got invalid (invalid_target: user names and passwords are not "
        "taken; write the host alone; say reason: invalid_target if that is meant)\n"
        "1 passed, 4 failed\n");
    ck_assert_int_eq(done.status, 1);
}
END_TEST

START_TEST(takes_values_for_variables_and_plain_http)
{
    run_tests(DATA "variables.yml");
    ck_assert_int_eq(done.status, 0);
}
END_TEST

/* ---- Bad input ------------------------------------------------------------ */

struct refusal {
    const char *yaml;
    const char *complaint; /* behind the file's name */
};

#define TEST "tests: [{manifest: m.yml, " /* 26 columns */

static const struct refusal refusals[] = {
    {"", ":1:1: no tests"},
    {"tests: []", ":1:8: no tests"},
    {"tests: {a: b}", ":1:8: no tests"},
    {"tests: [x]\ntext: y", ":2:1: unknown key \"text\"; did you mean \"tests\"?"},
    {"tests: [x]", ":1:9: a test is a string; it must be a mapping"},
    {TEST "alow: [x.com]}]", ":1:27: unknown key \"alow\"; did you mean \"allow\"?"},
    {TEST "allow: x.com}]", ":1:34: \"allow\" is a string; it must be a list"},
    {TEST "plain_http: 1, allow: [x.com]}]", ":1:39: \"plain_http\" is a number"},
    {TEST "set: [a], allow: [x.com]}]", ":1:32: \"set\" is a list; it must be a mapping"},
    {TEST "name: x}]", ":1:9: a test without \"allow\" or \"deny\""},
    {TEST "policy: p, allow: [x.com]}]", ":1:9: a test names its policy by one of"},
    {"tests: [{allow: [x.com]}]", ":1:9: a test names its policy by one of"},
    {"tests: [{policy: p, app: a, allow: [x.com]}]", ":1:9: \"policy\" needs"},
    {"tests: [{policy: p, app: A, environment: e, allow: [x.com]}]", ":1:26: \"A\" is no name"},
    {TEST "app: a, allow: [x.com]}]", ":1:9: \"app\", \"environment\" and"},
    {"tests: [{policy: p, app: a, environment: e, set: {A: b}, allow: [x.com]}]",
     ":1:9: \"set\" goes with \"manifest\""},
    {TEST "set: {1A: b}, allow: [x.com]}]", ":1:33: "},
    {TEST "set: {A: [b]}, allow: [x.com]}]", ":1:36: \"set\" takes NAME: value"},
    {TEST "deny: [{target: x.com, why: y}]}]", ":1:50: unknown key \"why\""},
    {TEST "deny: [{reason: undeclared}]}]", ":1:34: no target"},
    {TEST "deny: [[x.com]]}]", ":1:34: no target"},
    {TEST "deny: [{target: x.com, reason: undeclred}]}]",
     ":1:58: \"undeclred\" is no reason; did you mean \"undeclared\"?"},
    {TEST "deny: [{target: x.com, reason: []}]}]", ":1:58: a reason is a list"},
    {"tests: [{manifest: missing.yml, allow: [x.com]}]", "cannot be opened"},
};

static char directory[64];

static void write_file(const char *name, const char *content)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void start(void)
{
    strcpy(directory, "/tmp/sallyport-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    write_file("m.yml", "app: {id: 'ari:cloud:ecosystem::app/x'}\n");
}

static void end(void)
{
    static const char *const names[] = {"m.yml", "t.yml", "report.xml"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

START_TEST(refuses_a_test_that_is_not_well_written)
{
    char line[128];
    write_file("t.yml", refusals[_i].yaml);
    snprintf(line, sizeof(line), "%s/t.yml", directory);
    run_tests(line);
    ck_assert_msg(strstr(done.complaints, refusals[_i].complaint) != NULL, "%s\n%s",
                  refusals[_i].yaml, done.complaints);
    ck_assert_int_eq(done.status, 2);
}
END_TEST

START_TEST(runs_the_other_tests_beside_one_that_cannot_be_read)
{
    char line[128];
    write_file("t.yml", "tests:\n- {manifest: missing.yml, deny: [x.com]}\n"
                        "- {manifest: m.yml, deny: [{target: x.com, reason: bad}, x.com]}\n");
    snprintf(line, sizeof(line), "%s/t.yml", directory);
    run_tests(line);
    ck_assert_ptr_nonnull(strstr(done.output, "1 passed, 0 failed, 2 could not be run\n"));
    ck_assert_int_eq(done.status, 2);
}
END_TEST

START_TEST(says_what_is_wrong_with_its_arguments)
{
    run_tests("");
    ck_assert_ptr_nonnull(strstr(done.complaints, "no test file is given"));
    ck_assert_int_eq(done.status, 2);
    run_tests("--junit");
    ck_assert_ptr_nonnull(strstr(done.complaints, "--junit needs a value"));
    run_tests("--xml x " DATA "good.yml");
    ck_assert_ptr_nonnull(strstr(done.complaints, "unknown option --xml"));
    run_tests(DATA "good.yml --junit /nowhere/at/all.xml");
    ck_assert_ptr_nonnull(strstr(done.complaints, "/nowhere/at/all.xml: cannot be written"));
    ck_assert_int_eq(done.status, 2);
}
END_TEST

/* ---- JUnit ---------------------------------------------------------------- */

START_TEST(writes_its_results_as_junit)
{
    char line[256];
    snprintf(line, sizeof(line), "%s --junit %s/report.xml", DATA "failing.yml", directory);
    run_tests(line);
    snprintf(line, sizeof(line), "%s/report.xml", directory);
    FILE *file = fopen(line, "r");
    ck_assert_ptr_nonnull(file);
    running_read_back(file, done.output, sizeof(done.output));
    ck_assert_ptr_nonnull(strstr(done.output, "<testsuite name=\"" DATA "failing.yml\" tests=\"5\" "
                                              "failures=\"4\" errors=\"0\" skipped=\"0\">\n"));
    ck_assert_ptr_nonnull(strstr(done.output,
                                 "name=\"&#34;&#60;b&#62;&#38;\\u001b[31m&#34;: allow "
                                 "api.example.com\" file=\"" DATA "failing.yml\" line=\"4\"/>\n"));
    ck_assert_ptr_nonnull(strstr(done.output, "><failure message=\"expected allow, got deny "));
}
END_TEST

static const char *escaped(const char *bytes)
{
    static char report[4096];
    struct junit junit;
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    junit_init(&junit);
    junit_begin_suite(&junit, "s");
    junit_add_case(&junit, span_of(bytes), 1, JUNIT_PASSED, SPAN(""));
    junit_end_suite(&junit);
    ck_assert(junit_write(&junit, file));
    junit_clear(&junit);
    running_read_back(file, report, sizeof(report));
    char *begin = strstr(report, "classname=\"s\" name=\"");
    ck_assert_ptr_nonnull(begin);
    begin += strlen("classname=\"s\" name=\"");
    begin[strcspn(begin, "\"")] = '\0';
    return begin;
}

START_TEST(escapes_whatever_xml_would_read_otherwise)
{
    ck_assert_str_eq(escaped("a<b>&\"'c"), "a&#60;b&#62;&#38;&#34;&#39;c");
    ck_assert_str_eq(escaped("]]>\t\r\n"), "]]&#62;&#9;&#13;&#10;");
    ck_assert_str_eq(escaped("\x01\x1B[2J"), "\xEF\xBF\xBD\xEF\xBF\xBD[2J");
    ck_assert_str_eq(escaped("\xFF\xC3\xA9\xED\xA0\x80"), "\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD"
                                                          "\xEF\xBF\xBD\xEF\xBF\xBD");
    ck_assert_str_eq(escaped("\xEF\xBF\xBF"), "\xEF\xBF\xBD");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy_test");
    TCase *tests = tcase_create("tests"), *files = tcase_create("files");
    tcase_add_test(tests, passes_what_the_policy_keeps);
    tcase_add_test(tests, says_of_a_failure_what_was_expected_and_what_decided);
    tcase_add_test(tests, takes_values_for_variables_and_plain_http);
    tcase_add_test(tests, says_what_is_wrong_with_its_arguments);
    tcase_add_test(tests, escapes_whatever_xml_would_read_otherwise);
    tcase_add_checked_fixture(files, start, end);
    tcase_add_loop_test(files, refuses_a_test_that_is_not_well_written, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(files, runs_the_other_tests_beside_one_that_cannot_be_read);
    tcase_add_test(files, writes_its_results_as_junit);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, files);
    return suite_run(suite);
}
