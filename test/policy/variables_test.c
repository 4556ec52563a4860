/* Promises of policy/variables. */
#include <check.h>
#include <stdlib.h>

#include "policy/variables.h"
#include "test/suite.h"

static struct arena *arena;
static struct variables variables;
static struct error error;

static void setup(void)
{
    arena = arena_new((size_t)4 * 1024 * 1024);
    variables = (struct variables){NULL};
}

static void teardown(void)
{
    arena_free(arena);
}

static bool read_yaml(const char *yaml)
{
    struct yaml_document *document = yaml_document_parse(span_of(yaml), "variables.yml", &error);
    ck_assert_msg(document != NULL, "%s", error.message);
    bool done = variables_read(&variables, arena, document, &error);
    yaml_document_free(document);
    return done;
}

static void assert_value(const char *name, const char *wanted)
{
    struct span value;
    ck_assert_msg(variables_find(&variables, span_of(name), &value), "%s is not set", name);
    ck_assert_msg(span_equal(value, span_of(wanted)), "%.*s", SPAN_FORMAT(value));
}

START_TEST(a_pair_is_split_at_its_first_equals_sign)
{
    ck_assert(variables_set_pair(&variables, arena, SPAN("A=b=c"), &error));
    assert_value("A", "b=c");
}
END_TEST

START_TEST(a_value_may_be_empty)
{
    ck_assert(variables_set_pair(&variables, arena, SPAN("A="), &error));
    assert_value("A", "");
}
END_TEST

START_TEST(setting_again_replaces)
{
    ck_assert(variables_set(&variables, arena, SPAN("A"), SPAN("old"), &error));
    ck_assert(variables_set(&variables, arena, SPAN("A"), SPAN("new"), &error));
    assert_value("A", "new");
}
END_TEST

START_TEST(names_compare_with_case)
{
    struct span value;
    ck_assert(variables_set(&variables, arena, SPAN("Host"), SPAN("x"), &error));
    ck_assert(!variables_find(&variables, SPAN("HOST"), &value));
}
END_TEST

static const char *const bad_pairs[] = {"A", "=x", "1A=x", "A-B=x", "A B=x", "\xC3\xA4=x", ""};

START_TEST(refuses_what_is_no_name_and_value)
{
    ck_assert(!variables_set_pair(&variables, arena, span_of(bad_pairs[_i]), &error));
    ck_assert_msg(strchr(error.message, ';') != NULL, "%s", error.message);
    ck_assert_ptr_null(variables.first);
}
END_TEST

START_TEST(a_file_sets_scalars_as_they_are_written)
{
    ck_assert(read_yaml("HOST: api.example.com\nPORT: 0x1F\nNAME: ''\nFLAG: true\n"));
    assert_value("HOST", "api.example.com");
    assert_value("PORT", "0x1F");
    assert_value("NAME", "");
    assert_value("FLAG", "true");
}
END_TEST

START_TEST(an_empty_file_sets_nothing)
{
    ck_assert(read_yaml("# nothing yet\n"));
    ck_assert_ptr_null(variables.first);
}
END_TEST

struct refused_row {
    const char *yaml;
    uint32_t line;
    uint32_t column;
};

static const struct refused_row refused_files[] = {
    {"- A\n", 1, 1},    {"A: [x]\n", 1, 4},     {"A: x\nB:\n", 2, 3},
    {"A-B: x\n", 1, 1}, {"? [A]\n: x\n", 1, 3},
};

START_TEST(a_file_of_another_shape_is_refused_with_its_place)
{
    const struct refused_row *row = &refused_files[_i];
    ck_assert(!read_yaml(row->yaml));
    ck_assert_str_eq(error.file, "variables.yml");
    ck_assert_uint_eq(error.at.line, row->line);
    ck_assert_uint_eq(error.at.column, row->column);
}
END_TEST

START_TEST(the_number_of_variables_is_bounded)
{
    char pair[32];
    for (int i = 0; i < VARIABLES_MAXIMUM; i++) {
        snprintf(pair, sizeof(pair), "V%d=x", i);
        ck_assert(variables_set_pair(&variables, arena, span_of(pair), &error));
    }
    ck_assert(!variables_set_pair(&variables, arena, SPAN("MORE=x"), &error));
    ck_assert(variables_set_pair(&variables, arena, SPAN("V7=again"), &error));
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("variables");
    TCase *tests = tcase_create("variables");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_pair_is_split_at_its_first_equals_sign);
    tcase_add_test(tests, a_value_may_be_empty);
    tcase_add_test(tests, setting_again_replaces);
    tcase_add_test(tests, names_compare_with_case);
    tcase_add_loop_test(tests, refuses_what_is_no_name_and_value, 0, COUNT(bad_pairs));
    tcase_add_test(tests, a_file_sets_scalars_as_they_are_written);
    tcase_add_test(tests, an_empty_file_sets_nothing);
    tcase_add_loop_test(tests, a_file_of_another_shape_is_refused_with_its_place, 0,
                        COUNT(refused_files));
    tcase_add_test(tests, the_number_of_variables_is_bounded);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
