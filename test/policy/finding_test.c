/* Promises of policy/finding. */
#include <check.h>
#include <stdlib.h>

#include "policy/finding.h"
#include "test/suite.h"

static struct arena *arena;
static struct findings findings;
static struct error error;

static void setup(void)
{
    arena = arena_new((size_t)16 * 1024 * 1024);
    findings_init(&findings, arena, "manifest.yml");
}

static void teardown(void)
{
    arena_free(arena);
}

static void add(enum finding_level level, uint32_t line, const char *message)
{
    finding_add(&findings, level, "rule", (struct position){line, 1}, (struct position){line, 2},
                "%s", message);
}

START_TEST(the_error_is_the_first_finding_of_that_level)
{
    add(FINDING_NOTE, 1, "a note");
    add(FINDING_WARNING, 2, "a warning");
    ck_assert(!findings_error(&findings, &error));
    add(FINDING_ERROR, 3, "an error");
    add(FINDING_ERROR, 4, "another");
    ck_assert(findings_error(&findings, &error));
    ck_assert_str_eq(error.file, "manifest.yml");
    ck_assert_uint_eq(error.at.line, 3);
    ck_assert_str_eq(error.message, "an error");
}
END_TEST

START_TEST(each_level_is_counted_apart)
{
    add(FINDING_ERROR, 1, "x");
    add(FINDING_NOTE, 2, "x");
    add(FINDING_NOTE, 3, "x");
    ck_assert_uint_eq(findings.errors, 1);
    ck_assert_uint_eq(findings.warnings, 0);
    ck_assert_uint_eq(findings.notes, 2);
}
END_TEST

START_TEST(a_flood_of_warnings_is_counted_and_leaves_room_for_the_error)
{
    for (uint32_t i = 1; i <= 20000; i++)
        add(FINDING_WARNING, i, "x");
    ck_assert(!findings_error(&findings, &error));
    add(FINDING_ERROR, 20001, "the error");
    ck_assert_uint_eq(findings.warnings, 20000);
    ck_assert(findings_error(&findings, &error));
    ck_assert_str_eq(error.message, "the error");
}
END_TEST

START_TEST(a_lost_finding_is_an_error)
{
    struct arena *tiny = arena_new(16);
    findings_init(&findings, tiny, "manifest.yml");
    add(FINDING_WARNING, 1, "does not fit");
    ck_assert(findings.lost);
    ck_assert(findings_error(&findings, &error));
    ck_assert_uint_eq(error.at.line, 0);
    arena_free(tiny);
}
END_TEST

START_TEST(a_long_message_is_cut)
{
    char message[4000];
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    add(FINDING_ERROR, 1, message);
    ck_assert_uint_lt(strlen(findings.first->message), 1024);
}
END_TEST

START_TEST(levels_have_names)
{
    ck_assert_str_eq(finding_level_name(FINDING_ERROR), "error");
    ck_assert_str_eq(finding_level_name(FINDING_WARNING), "warning");
    ck_assert_str_eq(finding_level_name(FINDING_NOTE), "note");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finding");
    TCase *tests = tcase_create("finding");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_error_is_the_first_finding_of_that_level);
    tcase_add_test(tests, each_level_is_counted_apart);
    tcase_add_test(tests, a_flood_of_warnings_is_counted_and_leaves_room_for_the_error);
    tcase_add_test(tests, a_lost_finding_is_an_error);
    tcase_add_test(tests, a_long_message_is_cut);
    tcase_add_test(tests, levels_have_names);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
