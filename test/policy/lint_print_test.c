/* Promises of policy/lint_print: what each format looks like. */
#include <stdio.h>

#include "policy/lint_print.h"
#include "test/policy/reading.h"
#include "test/suite.h"

static struct reading reading;
static struct lint_output output;
static char *printed;
static size_t printed_size;

static void setup(void)
{
    reading_start(&reading);
    output = (struct lint_output){.stream = open_memstream(&printed, &printed_size)};
    ck_assert_ptr_nonnull(output.stream);
}

static void teardown(void)
{
    reading_end(&reading);
    fclose(output.stream);
    free(printed);
}

/* The frame of PRINTER's format around one file. */
static const char *print(const struct lint_printer *printer, const char *yaml)
{
    reading_parse(&reading, yaml);
    ck_assert(lint_document(reading.document, &reading.options, reading.arena, &reading.findings));
    struct lint_report report = {.file = "dir/a b.yml",
                                 .source = yaml_document_source(reading.document),
                                 .findings = &reading.findings};
    output.files = 1;
    output.errors = reading.findings.errors;
    output.warnings = reading.findings.warnings;
    output.notes = reading.findings.notes;
    printer->begin(&output);
    printer->report(&output, &report);
    printer->end(&output);
    fflush(output.stream);
    return printed;
}

#define APP "app: {id: 'ari:cloud:ecosystem::app/1'}\n"

START_TEST(text_shows_the_line_and_a_caret_under_the_place)
{
    ck_assert_str_eq(print(&lint_print_text, APP "permissions:\n"
                                                 "  external:\n"
                                                 "    fetch:\n"
                                                 "      backend:\n"
                                                 "        - address: http://é.example.com # x\n"),
                     "dir/a b.yml:6:20: error: \"http://é.example.com\" is not encrypted; write "
                     "https://, or allow plain http in the configuration [plain-http]\n"
                     "        - address: http://é.example.com # x\n"
                     "                   ^~~~~~~~~~~~~~~~~~~~\n"
                     "1 manifest: 1 error, 0 warnings, 0 notes\n");
}
END_TEST

START_TEST(text_keeps_tabs_so_that_the_caret_stands_right)
{
    ck_assert_ptr_nonnull(strstr(print(&lint_print_text, "{\n\t\"app\":\t1}\n"), "\t\"app\":\t1}\n"
                                                                                 "\t      \t^\n"));
}
END_TEST

START_TEST(text_shows_a_window_of_a_long_line)
{
    struct text text;
    text_init(&text, 65536);
    text_add_string(&text, APP "permissions: {external: {images: [");
    for (int i = 0; i < 500; i++)
        text_add_string(&text, "{address: a.example.com}, ");
    text_add_string(&text, "1, {address: b.example.com}]}}");
    text_add_char(&text, '\0');
    const char *shown = strchr(print(&lint_print_text, text.data), '\n');
    text_clear(&text);
    ck_assert_ptr_nonnull(shown);
    ck_assert_uint_le(strcspn(shown + 1, "\n"), 100);
    ck_assert_ptr_nonnull(strstr(shown, "1, {address: b.example.com}]}}"));
}
END_TEST

START_TEST(text_without_findings_is_the_count_alone)
{
    ck_assert_str_eq(print(&lint_print_text, APP), "1 manifest: 0 errors, 0 warnings, 0 notes\n");
}
END_TEST

START_TEST(text_is_coloured_only_where_it_is_asked_for)
{
    output.colour = true;
    ck_assert_ptr_nonnull(strstr(print(&lint_print_text, "a: b\n"), "\033[1;31merror:\033[0m"));
}
END_TEST

START_TEST(text_of_several_findings_walks_the_source_once)
{
    ck_assert_str_eq(
        print(&lint_print_text, "app: {id: x}\r\nremotes: [1,\r\n  2]\r\n"),
        "dir/a b.yml:1:11: error: \"x\" is not an app's id; it is "
        "ari:cloud:ecosystem::app/UUID [app-id]\n"
        "app: {id: x}\n"
        "          ^\n"
        "dir/a b.yml:2:11: error: a remote is a number; it must be a mapping with key and "
        "baseUrl [wrong-type]\n"
        "remotes: [1,\n"
        "          ^\n"
        "dir/a b.yml:3:3: error: a remote is a number; it must be a mapping with key and "
        "baseUrl [wrong-type]\n"
        "  2]\n"
        "  ^\n"
        "1 manifest: 3 errors, 0 warnings, 0 notes\n");
}
END_TEST

START_TEST(json_is_one_object_a_line)
{
    ck_assert_str_eq(print(&lint_print_json, "app: {id: 'x\"y'}\npermissions: {scops: []}\n"),
                     "{\"file\":\"dir/a b.yml\",\"line\":1,\"column\":11,\"level\":\"error\","
                     "\"rule\":\"app-id\",\"message\":\"\\\"x\\\\\\\"y\\\" is not an app's id; it "
                     "is ari:cloud:ecosystem::app/UUID\"}\n"
                     "{\"file\":\"dir/a b.yml\",\"line\":2,\"column\":15,\"level\":\"error\","
                     "\"rule\":\"unknown-key\",\"message\":\"\\\"scops\\\" is not a key of "
                     "permissions; did you mean \\\"scopes\\\"?\"}\n");
}
END_TEST

START_TEST(sarif_names_the_place_the_rule_and_the_level)
{
    const char *sarif = print(&lint_print_sarif, "app: {id: xyz}\n");
    char wanted[400];
    snprintf(wanted, sizeof(wanted),
             "{\"ruleId\":\"app-id\",\"ruleIndex\":%zu,\"level\":\"error\",\"message\":{\"text\":"
             "\"\\\"xyz\\\" is not an app's id; it is ari:cloud:ecosystem::app/UUID\"},"
             "\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":"
             "\"dir/a%%20b.yml\"},\"region\":{\"startLine\":1,\"startColumn\":11,\"endLine\":1,"
             "\"endColumn\":14}}}]}",
             lint_rule_find("app-id"));
    ck_assert_msg(strstr(sarif, wanted) != NULL, "%s", sarif);
    ck_assert_ptr_nonnull(strstr(sarif, "\"version\":\"2.1.0\""));
    ck_assert_ptr_nonnull(strstr(sarif, "\"executionSuccessful\":true"));
}
END_TEST

static const struct lint_printer *const for_programs[] = {&lint_print_json, &lint_print_sarif};

START_TEST(a_file_that_cannot_be_read_is_a_finding_for_programs)
{
    struct error error;
    struct lint_report report = {.file = "a.yml", .unreadable = &error};
    error_set(&error, "cannot be opened");
    for_programs[_i]->report(&output, &report);
    fflush(output.stream);
    ck_assert_ptr_nonnull(strstr(printed, "\"unreadable\""));
    ck_assert_ptr_nonnull(strstr(printed, "cannot be opened"));
    ck_assert_ptr_null(strstr(printed, "startLine"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lint_print");
    TCase *tests = tcase_create("lint_print");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, text_shows_the_line_and_a_caret_under_the_place);
    tcase_add_test(tests, text_keeps_tabs_so_that_the_caret_stands_right);
    tcase_add_test(tests, text_shows_a_window_of_a_long_line);
    tcase_add_test(tests, text_without_findings_is_the_count_alone);
    tcase_add_test(tests, text_is_coloured_only_where_it_is_asked_for);
    tcase_add_test(tests, text_of_several_findings_walks_the_source_once);
    tcase_add_test(tests, json_is_one_object_a_line);
    tcase_add_test(tests, sarif_names_the_place_the_rule_and_the_level);
    tcase_add_loop_test(tests, a_file_that_cannot_be_read_is_a_finding_for_programs, 0, 2);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
