/* Promises of policy/yaml_node about what is read and where it stands. */
#include <check.h>
#include <stdlib.h>

#include "policy/yaml_node.h"
#include "test/suite.h"

static struct yaml_document *document;
static struct error error;

static const struct yaml_node *parse(const char *yaml)
{
    yaml_document_free(document);
    document = yaml_document_parse(span_of(yaml), "a.yml", &error);
    ck_assert_msg(document != NULL, "%s", error.message);
    return yaml_document_root(document);
}

static void forget(void)
{
    yaml_document_free(document);
    document = NULL;
}

static void assert_place(const struct yaml_node *node, uint32_t line, uint32_t column, uint32_t end)
{
    ck_assert_ptr_nonnull(node);
    ck_assert_uint_eq(node->at.line, line);
    ck_assert_uint_eq(node->at.column, column);
    ck_assert_uint_eq(node->end.column, end);
}

START_TEST(every_value_knows_its_line_and_column)
{
    const struct yaml_node *root = parse("a:\n  - x\n  - 'yz'\nb: {c: d}\n");
    assert_place(root, 1, 1, 10);
    assert_place(yaml_get(root, "a")->items[0], 2, 5, 6);
    assert_place(yaml_get(root, "a")->items[1], 3, 5, 9);
    assert_place(yaml_get(yaml_get(root, "b"), "c"), 4, 8, 9);
}
END_TEST

START_TEST(columns_count_characters_not_bytes)
{
    assert_place(yaml_get(parse("{bücher: x, é: y}"), "é"), 1, 16, 17);
}
END_TEST

START_TEST(crlf_and_lone_cr_end_lines_as_lf_does)
{
    assert_place(yaml_get(parse("a: 1\r\nb: 2\rc: 3\n"), "c"), 3, 4, 5);
}
END_TEST

START_TEST(a_byte_order_mark_is_no_column)
{
    assert_place(yaml_get(parse("\xEF\xBB\xBF"
                                "a: x\n"),
                          "a"),
                 1, 4, 5);
}
END_TEST

START_TEST(an_anchored_value_stands_where_it_is_written)
{
    const struct yaml_node *root = parse("a: &host  api.example.com\nb: *host\n");
    assert_place(yaml_get(root, "b"), 1, 11, 26);
}
END_TEST

START_TEST(an_alias_shares_the_node_it_names)
{
    const struct yaml_node *root = parse("a: &x [1, 2]\nb: *x\n");
    ck_assert_ptr_eq(yaml_get(root, "a"), yaml_get(root, "b"));
}
END_TEST

START_TEST(an_anchor_set_again_names_the_latest)
{
    const struct yaml_node *root = parse("[&x a, *x, &x b, *x]");
    ck_assert_str_eq(root->items[1]->text.data, "a");
    ck_assert_str_eq(root->items[3]->text.data, "b");
}
END_TEST

START_TEST(own_keys_win_over_merged_ones)
{
    const struct yaml_node *b = yaml_get(parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: own}\n"), "b");
    ck_assert_uint_eq(b->count, 2);
    ck_assert_str_eq(yaml_get(b, "x")->text.data, "1");
    ck_assert_str_eq(yaml_get(b, "y")->text.data, "own");
}
END_TEST

START_TEST(of_several_merged_mappings_the_first_wins)
{
    const struct yaml_node *b =
        yaml_get(parse("a: [&a {x: 1}, &c {x: 2, z: 3}]\nb: {<<: [*a, *c]}\n"), "b");
    ck_assert_str_eq(yaml_get(b, "x")->text.data, "1");
    ck_assert_str_eq(yaml_get(b, "z")->text.data, "3");
    ck_assert_uint_eq(b->count, 2);
}
END_TEST

START_TEST(a_quoted_merge_key_is_a_key_like_others)
{
    const struct yaml_node *root = parse("{\"<<\": x}");
    ck_assert_str_eq(yaml_get(root, "<<")->text.data, "x");
}
END_TEST

START_TEST(keys_that_are_no_scalars_are_read_and_never_found)
{
    const struct yaml_node *root = parse("? [a]\n: 1\n? {b: c}\n: 2\nd: 3\n");
    ck_assert_uint_eq(root->count, 3);
    ck_assert_ptr_null(yaml_get(root, "a"));
    ck_assert_str_eq(yaml_get(root, "d")->text.data, "3");
}
END_TEST

START_TEST(json_with_tabs_and_without_spaces_is_read)
{
    const struct yaml_node *root = parse("{\n\t\"a\":1,\n\t\"b\":{\n\t\t\"c\":[\"x\\/y\"]}}\n");
    const struct yaml_node *c = yaml_get(yaml_get(root, "b"), "c");
    ck_assert_str_eq(c->items[0]->text.data, "x/y");
    assert_place(c->items[0], 4, 8, 14);
}
END_TEST

START_TEST(an_empty_file_is_null)
{
    static const char *const empty[] = {"", "\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"};
    ck_assert(yaml_is_null(parse(empty[_i])));
}
END_TEST

struct kind_row {
    const char *yaml;
    const char *kind;
};

static const struct kind_row kind_rows[] = {
    {"api.example.com", "a string"},
    {"10.0.0.1", "a string"},
    {"'12'", "a string"},
    {"\"true\"", "a string"},
    {"!!str 12", "a string"},
    {"yes", "a string"},
    {"1.2.3", "a string"},
    {"1e", "a string"},
    {"0xG", "a string"},
    {"12", "a number"},
    {"-1.5e+3", "a number"},
    {".5", "a number"},
    {"0x1F", "a number"},
    {"0o17", "a number"},
    {".inf", "a number"},
    {"-.INF", "a number"},
    {".NaN", "a number"},
    {"true", "a boolean"},
    {"False", "a boolean"},
    {"~", "nothing"},
    {"null", "nothing"},
    {"[]", "a list"},
    {"{}", "a mapping"},
};

START_TEST(a_plain_scalar_is_what_yaml_1_2_says)
{
    const struct yaml_node *root = parse(kind_rows[_i].yaml);
    ck_assert_str_eq(yaml_describe(root), kind_rows[_i].kind);
    ck_assert_int_eq(yaml_is_string(root), strcmp(kind_rows[_i].kind, "a string") == 0);
}
END_TEST

START_TEST(a_boolean_has_its_value)
{
    bool value = false;
    ck_assert(yaml_boolean(parse("True"), &value) && value);
    ck_assert(yaml_boolean(parse("FALSE"), &value) && !value);
    ck_assert(!yaml_boolean(parse("on"), &value));
}
END_TEST

START_TEST(getting_from_what_is_no_mapping_finds_nothing)
{
    ck_assert_ptr_null(yaml_get(NULL, "a"));
    ck_assert_ptr_null(yaml_get(parse("[a]"), "a"));
}
END_TEST

START_TEST(the_source_is_kept_without_its_mark)
{
    parse("\xEF\xBB\xBF"
          "a: b");
    ck_assert(span_equal(yaml_document_source(document), SPAN("a: b")));
    ck_assert_str_eq(yaml_document_file(document), "a.yml");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("yaml_node");
    TCase *tests = tcase_create("yaml_node");
    tcase_add_checked_fixture(tests, NULL, forget);
    tcase_add_test(tests, every_value_knows_its_line_and_column);
    tcase_add_test(tests, columns_count_characters_not_bytes);
    tcase_add_test(tests, crlf_and_lone_cr_end_lines_as_lf_does);
    tcase_add_test(tests, a_byte_order_mark_is_no_column);
    tcase_add_test(tests, an_anchored_value_stands_where_it_is_written);
    tcase_add_test(tests, an_alias_shares_the_node_it_names);
    tcase_add_test(tests, an_anchor_set_again_names_the_latest);
    tcase_add_test(tests, own_keys_win_over_merged_ones);
    tcase_add_test(tests, of_several_merged_mappings_the_first_wins);
    tcase_add_test(tests, a_quoted_merge_key_is_a_key_like_others);
    tcase_add_test(tests, keys_that_are_no_scalars_are_read_and_never_found);
    tcase_add_test(tests, json_with_tabs_and_without_spaces_is_read);
    tcase_add_loop_test(tests, an_empty_file_is_null, 0, 5);
    tcase_add_loop_test(tests, a_plain_scalar_is_what_yaml_1_2_says, 0,
                        (int)(sizeof(kind_rows) / sizeof(kind_rows[0])));
    tcase_add_test(tests, a_boolean_has_its_value);
    tcase_add_test(tests, getting_from_what_is_no_mapping_finds_nothing);
    tcase_add_test(tests, the_source_is_kept_without_its_mark);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
