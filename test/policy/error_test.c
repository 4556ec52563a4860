/* Promises of policy/error: "FILE:LINE:COLUMN: message", as far as it is known. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/error.h"
#include "test/suite.h"

static const struct position place = {12, 7};
static struct error error;

static const char *formatted(void)
{
    static char buffer[2048];
    error_format(&error, buffer, sizeof(buffer));
    return buffer;
}

START_TEST(prints_the_message_alone_where_no_file_is_to_blame)
{
    error_set(&error, "port %d is taken", 3128);
    ck_assert_str_eq(formatted(), "port 3128 is taken");
}
END_TEST

START_TEST(prints_file_line_and_column)
{
    error_set_at(&error, "manifest.yml", place, "no %s", "host");
    ck_assert_str_eq(formatted(), "manifest.yml:12:7: no host");
}
END_TEST

START_TEST(leaves_the_place_out_where_the_whole_file_is_to_blame)
{
    error_set_at(&error, "manifest.yml", (struct position){0, 0}, "cannot be read");
    ck_assert_str_eq(formatted(), "manifest.yml: cannot be read");
}
END_TEST

START_TEST(locates_an_error_that_has_no_file_yet)
{
    error_set(&error, "no host");
    error_locate(&error, "manifest.yml", place);
    ck_assert_str_eq(formatted(), "manifest.yml:12:7: no host");
}
END_TEST

START_TEST(keeps_the_place_that_an_error_already_has)
{
    error_set_at(&error, "a.yml", place, "no host");
    error_locate(&error, "b.yml", (struct position){1, 1});
    ck_assert_str_eq(formatted(), "a.yml:12:7: no host");
}
END_TEST

START_TEST(forgets_an_earlier_error_whole)
{
    error_set_at(&error, "a.yml", place, "first");
    error_set(&error, "second");
    ck_assert_str_eq(formatted(), "second");
}
END_TEST

START_TEST(cuts_what_is_too_long_and_stays_terminated)
{
    char small[8];
    char *long_text = malloc(5000);
    memset(long_text, 'x', 4999);
    long_text[4999] = '\0';
    error_set_at(&error, long_text, place, "%s", long_text);
    ck_assert_uint_eq(strlen(error.file), sizeof(error.file) - 1);
    ck_assert_uint_eq(strlen(error.message), sizeof(error.message) - 1);
    error_format(&error, small, sizeof(small));
    ck_assert_str_eq(small, "xxxxxxx");
    free(long_text);
}
END_TEST

START_TEST(prints_one_line_behind_the_program_name)
{
    char *printed = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&printed, &length);
    error_set_at(&error, "a.yml", place, "no host");
    error_print(&error, stream);
    fclose(stream);
    ck_assert_str_eq(printed, "sallyport: a.yml:12:7: no host\n");
    free(printed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/error");
    TCase *tests = tcase_create("error");
    tcase_add_test(tests, prints_the_message_alone_where_no_file_is_to_blame);
    tcase_add_test(tests, prints_file_line_and_column);
    tcase_add_test(tests, leaves_the_place_out_where_the_whole_file_is_to_blame);
    tcase_add_test(tests, locates_an_error_that_has_no_file_yet);
    tcase_add_test(tests, keeps_the_place_that_an_error_already_has);
    tcase_add_test(tests, forgets_an_earlier_error_whole);
    tcase_add_test(tests, cuts_what_is_too_long_and_stays_terminated);
    tcase_add_test(tests, prints_one_line_behind_the_program_name);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
