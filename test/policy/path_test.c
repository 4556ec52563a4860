#include "policy/path.h"

#include <check.h>
#include <stdio.h>

#include "test/suite.h"

static struct path path;
static char said[PATH_LENGTH_MAXIMUM + 1];

static const char *shown(struct span text)
{
    snprintf(said, sizeof(said), "%.*s", SPAN_FORMAT(text));
    return said;
}

/* Spellings of one path, each pair as it came and as it is sent. */
static const char *const sent[][2] = {
    {"", "/"},
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/b.c~d_e-f", "/a/b.c~d_e-f"},
    {"/.", "/"},
    {"/./", "/"},
    {"/a/.", "/a/"},
    {"/a/..", "/"},
    {"/a/b/..", "/a/"},
    {"/a/./b", "/a/b"},
    {"/a/../b", "/b"},
    {"/a/b/../../c", "/c"},
    {"/%61", "/a"},
    {"/%41%7e", "/A~"},
    {"/%2e", "/"},
    {"/a/%2E%2e/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a/%2e./b", "/b"},
    {"//", "/"},
    {"//a", "/a"},
    {"/a//b///c", "/a/b/c"},
    {"/a//../b", "/b"},
    {"/a/.//b", "/a/b"},
    {"/...a", "/...a"},
    {"/a..", "/a.."},
    {"/..a", "/..a"},
    {"/a%2bb%2C", "/a%2Bb%2C"},
    {"/a+b,c", "/a+b,c"},
    {"/a%20b", "/a%20b"},
    {"/a%25", "/a%25"},
    {"/a%25zz", "/a%25zz"},
    {"/a%254", "/a%254"},
    {"/a%3fb%23c", "/a%3Fb%23c"},
    {"/a|b^c`d", "/a%7Cb%5Ec%60d"},
    {"/{a}\"<b>[c]", "/%7Ba%7D%22%3Cb%3E%5Bc%5D"},
    {"/\xC3\xA9", "/%C3%A9"},
    {"/%c3%a9", "/%C3%A9"},
    {"/a;b", "/a;b"},
    {"/a%3Bb", "/a%3Bb"},
    {"/:@!$&'()*+,=", "/:@!$&'()*+,="},
};

START_TEST(writes_every_spelling_in_one_form)
{
    ck_assert_msg(path_normalise(span_of(sent[_i][0]), &path), "%s: %s", sent[_i][0], path.problem);
    ck_assert_str_eq(shown(path.wire), sent[_i][1]);
}
END_TEST

/* What some server reads as another path, or as none. */
static const struct span refused[] = {
    SPAN("a"),
    SPAN("*"),
    SPAN("/.."),
    SPAN("/../a"),
    SPAN("/a/../.."),
    SPAN("/%2e%2e"),
    SPAN("/a/..//.."),
    SPAN("/a%2fb"),
    SPAN("/a%2Fb"),
    SPAN("/..%2fa"),
    SPAN("/a\\b"),
    SPAN("/a%5cb"),
    SPAN("/..%5Ca"),
    SPAN("/a/..;/b"),
    SPAN("/a/..;x=1/b"),
    SPAN("/a/.;/b"),
    SPAN("/a/;/b"),
    SPAN("/a/;x/../b"),
    SPAN("/a/..%3b/b"),
    SPAN("/a/%2e%2e;/b"),
    SPAN("/..."),
    SPAN("/a/... /b"),
    SPAN("/a/..%20/b"),
    SPAN("/a/%20/b"),
    SPAN("/a%"),
    SPAN("/a%4"),
    SPAN("/a%4g"),
    SPAN("/a%u002e"),
    SPAN("/%%32%65"),
    SPAN("/%00"),
    SPAN("/a\0b"),
    SPAN("/a%0d%0ab"),
    SPAN("/a%09"),
    SPAN("/a\tb"),
    SPAN("/a%7f"),
    SPAN("/a b"),
    SPAN("/a#b"),
    SPAN("/a?b"),
    SPAN("/%252e%252e/b"),
    SPAN("/a%252fb"),
    SPAN("/a%255cb"),
    SPAN("/a%25%32%66b"),
    SPAN("/a%25252fb"),
    SPAN("/a%2500"),
    SPAN("/a%2541"),
    SPAN("/a/..%253b/b"),
    SPAN("/%c0%ae%c0%ae/b"),
    SPAN("/%c0%af"),
    SPAN("/%e0%80%af"),
    SPAN("/%f0%80%80%af"),
    SPAN("/%ff"),
    SPAN("/%ed%a0%80"),
    SPAN("/\xE9"),
    SPAN("/%c3"),
};

START_TEST(refuses_what_could_be_read_in_two_ways)
{
    bool normalised = path_normalise(refused[_i], &path);
    ck_assert_msg(!normalised, "%s became %s", refused[_i].data, shown(path.wire));
    ck_assert_ptr_nonnull(path.problem);
}
END_TEST

START_TEST(is_the_same_when_normalised_again)
{
    static struct path again;
    ck_assert(path_normalise(span_of(sent[_i][0]), &path));
    ck_assert(path_normalise(path.wire, &again));
    ck_assert(span_equal(path.wire, again.wire));
    ck_assert(span_equal(path.text, again.text));
    ck_assert(span_equal(path.plain, again.plain));
}
END_TEST

START_TEST(decodes_once_for_those_who_compare)
{
    ck_assert(path_normalise(SPAN("/a%20b/%254/%c3%a9"), &path));
    ck_assert_str_eq(shown(path.text), "/a b/%4/\xC3\xA9");
}
END_TEST

START_TEST(leaves_parameters_out_of_the_other_reading)
{
    ck_assert(path_normalise(SPAN("/a;x=1/b%3by/c;/d;"), &path));
    ck_assert_str_eq(shown(path.text), "/a;x=1/b;y/c;/d;");
    ck_assert_str_eq(shown(path.plain), "/a/b/c/d");
}
END_TEST

START_TEST(holds_to_its_length)
{
    static char long_path[PATH_LENGTH_MAXIMUM + 1];
    memset(long_path, 'a', sizeof(long_path));
    long_path[0] = '/';
    ck_assert(path_normalise((struct span){long_path, PATH_LENGTH_MAXIMUM}, &path));
    ck_assert_uint_eq(path.wire.length, PATH_LENGTH_MAXIMUM);
    ck_assert(!path_normalise((struct span){long_path, PATH_LENGTH_MAXIMUM + 1}, &path));
    memset(long_path + 1, '|', sizeof(long_path) - 1);
    ck_assert(!path_normalise((struct span){long_path, PATH_LENGTH_MAXIMUM}, &path));
}
END_TEST

START_TEST(ends_before_the_query)
{
    ck_assert_str_eq(shown(path_without_query(SPAN("/a?b?c"))), "/a");
    ck_assert_str_eq(shown(path_without_query(SPAN("?b"))), "");
    ck_assert_str_eq(shown(path_without_query(SPAN("/a"))), "/a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/path");
    TCase *tests = tcase_create("path");
    tcase_add_loop_test(tests, writes_every_spelling_in_one_form, 0,
                        sizeof(sent) / sizeof(sent[0]));
    tcase_add_loop_test(tests, is_the_same_when_normalised_again, 0,
                        sizeof(sent) / sizeof(sent[0]));
    tcase_add_loop_test(tests, refuses_what_could_be_read_in_two_ways, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tests, decodes_once_for_those_who_compare);
    tcase_add_test(tests, leaves_parameters_out_of_the_other_reading);
    tcase_add_test(tests, holds_to_its_length);
    tcase_add_test(tests, ends_before_the_query);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
