/* Promises of policy/yaml_node about files that mean harm, or are no YAML. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/text.h"
#include "policy/yaml_node.h"
#include "test/policy/slow.h"
#include "test/suite.h"

static struct error error;

static void assert_refused(struct span bytes, const char *place, const char *words)
{
    char said[1400];
    struct yaml_document *document = yaml_document_parse(bytes, "a.yml", &error);
    yaml_document_free(document);
    ck_assert_msg(document == NULL, "accepted, but should say: %s", words);
    error_format(&error, said, sizeof(said));
    ck_assert_msg(strncmp(said, place, strlen(place)) == 0, "%s instead of %s", said, place);
    ck_assert_msg(strstr(said, words) != NULL, "%s instead of … %s", said, words);
    ck_assert_msg(strchr(said, ';') != NULL, "%s does not say what would be right", said);
}

struct refused_row {
    struct span bytes;
    const char *place;
    const char *words;
};

#define ROW(literal, place, words)                                                                 \
    {                                                                                              \
        {literal, sizeof(literal) - 1}, place, words                                               \
    }

static const struct refused_row refused_rows[] = {
    ROW("a: 1\nb: 2\na: 3\n", "a.yml:3:1: ", "\"a\" stands twice, first on line 1, column 1"),
    ROW("{a: 1, \"a\": 2}", "a.yml:1:8: ", "stands twice"),
    ROW("{b: 1, a: 1, c: 0, b: 2, a: 2}", "a.yml:1:20: ", "\"b\" stands twice"),
    ROW("x: {<<: {a: 1}, <<: {b: 2}}", "a.yml:1:17: ", "stands twice"),
    ROW("x: {<<: y}", "a.yml:1:9: ", "a mapping or a list of mappings"),
    ROW("x: {<<: [{a: 1}, y]}", "a.yml:1:9: ", "a mapping or a list of mappings"),
    ROW("a: *b\n", "a.yml:1:4: ", "anchor that is not there"),
    ROW("&a [*a]", "a.yml:1:5: ", "never end"),
    ROW("a: &x {b: [*x]}", "a.yml:1:12: ", "never end"),
    ROW("a: 1\n---\nb: 2\n", "a.yml:2:1: ", "second document"),
    ROW("a: !!binary aGk=\n", "a.yml:1:4: ", "tag"),
    ROW("a: !own {b: c}\n", "a.yml:1:4: ", "tag"),
    ROW("a: !!set {b}\n", "a.yml:1:4: ", "tag"),
    ROW("a:\n\t- b\n", "a.yml:2:1: ", "indent with spaces, not tabs"),
    ROW("a: [b\n", "a.yml:2:1: ", "close the list"),
    ROW("a: b: c\n", "a.yml:1:5: ", "in quotes"),
    ROW("a: \"b\n", "a.yml:2:1: ", "close the quote"),
    ROW("{\"a\": \"\\ud83d\\ude00\"}", "a.yml:1:10: ", "the character itself"),
    ROW("a: b\0c\n", "a.yml:1:5: ", "NUL"),
    ROW("a: \x1b[31m\n", "a.yml:1:4: ", "control character U+001B"),
    ROW("a: \xC2\x9B\n", "a.yml:1:4: ", "control character U+009B"),
    ROW("a: \x7f\n", "a.yml:1:4: ", "control character U+007F"),
    ROW("a: \xff\n", "a.yml:1:4: ", "not UTF-8"),
    ROW("a: \xC0\xAF\n", "a.yml:1:4: ", "not UTF-8"),
    ROW("a: \xED\xA0\x80\n", "a.yml:1:4: ", "not UTF-8"),
    ROW("a: \xF4\x90\x80\x80\n", "a.yml:1:4: ", "not UTF-8"),
    ROW("a: \xE2\x82", "a.yml:1:4: ", "not UTF-8"),
    ROW("a: 1\n# \xE2\x80\xA8- b\n", "a.yml:2:3: ", "U+2028"),
    ROW("# \xC2\x85- b\n", "a.yml:1:3: ", "U+0085"),
    ROW("a: b\n\xEF\xBB\xBF", "a.yml:2:1: ", "U+FEFF"),
    ROW("\xFF\xFE"
        "a\0",
        "a.yml:1:1: ", "UTF-16"),
    ROW("\xFE\xFF\0a", "a.yml:1:1: ", "UTF-16"),
    ROW("a\0:\0 \0b\0", "a.yml:1:2: ", "NUL"),
    ROW("\x7f"
        "ELF\x02\x01",
        "a.yml:1:1: ", "control character"),
};

START_TEST(refuses_what_two_readers_could_read_differently)
{
    const struct refused_row *row = &refused_rows[_i];
    assert_refused(row->bytes, row->place, row->words);
}
END_TEST

/* PREFIX, then UNIT again and again up to SIZE bytes. */
static struct text repeat(const char *prefix, const char *unit, size_t size)
{
    struct text text;
    text_init(&text, YAML_SIZE_MAXIMUM * (size_t)4);
    text_add_string(&text, prefix);
    while (text.length + strlen(unit) <= size)
        text_add_string(&text, unit);
    ck_assert(!text.overflow);
    return text;
}

START_TEST(a_billion_laughs_end_at_the_bound_on_nodes)
{
    assert_refused(SPAN("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                        "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                        "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                        "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
                   "a.yml:6:8: ", "aliases expanded");
}
END_TEST

START_TEST(a_billion_laughs_by_merge_keys_end_too)
{
    struct text text;
    text_init(&text, 65536);
    text_add_string(&text, "m0: &m0 {a: 1, b: 2, c: 3, d: 4}\n");
    for (int i = 1; i < 30; i++)
        text_add_format(&text, "m%d: &m%d {<<: [*m%d, *m%d, *m%d], k%d: x}\n", i, i, i - 1, i - 1,
                        i - 1, i);
    assert_refused(text_span(&text), "a.yml:", "aliases expanded");
    text_clear(&text);
}
END_TEST

START_TEST(depth_is_bounded)
{
    static const char *const units[] = {"[", "{a: ", "- ", "? "};
    struct text text = repeat("", units[_i], 1000);
    assert_refused(text_span(&text), "a.yml:1:", "deeper than 64");
    text_clear(&text);
}
END_TEST

START_TEST(aliases_do_not_get_around_the_bound_on_depth)
{
    struct text text;
    text_init(&text, 65536);
    text_add_string(&text, "- &a0 [x]\n");
    for (int i = 1; i < 80; i++)
        text_add_format(&text, "- &a%d [*a%d]\n", i, i - 1);
    assert_refused(text_span(&text), "a.yml:64:", "deeper than 64");
    text_clear(&text);
}
END_TEST

START_TEST(two_mebibytes_are_too_many)
{
    struct text text = repeat("a: b\n", "# comment\n", (size_t)2 * YAML_SIZE_MAXIMUM);
    assert_refused(text_span(&text), "a.yml: ", "larger than 1 MiB");
    text_clear(&text);
}
END_TEST

START_TEST(a_key_of_more_than_a_kibibyte_is_refused)
{
    struct text text = repeat("? ", "k", 1100);
    assert_refused(text_span(&text), "a.yml:1:3: ", "more than 1024 bytes");
    text_clear(&text);
}
END_TEST

START_TEST(many_directives_are_refused)
{
    struct text text = repeat("", "%TAG !a! b\n", 1000);
    assert_refused(text_span(&text), "a.yml:17:1: ", "directives");
    text_clear(&text);
}
END_TEST

/* What libyaml or we could be slow at, a mebibyte of each. */
static const char *const slow_rows[][2] = {
    {"", "["},
    {"", "{"},
    {"", "- "},
    {"", "? "},
    {"a: b\n", "#c\n"},
    {"a: ", "x"},
    {"a: ", "x\n  "},
    {"a: ", " "},
    {"a: ", "\n"},
    {"[", "a,"},
    {"[", "a: b,"},
    {"\"", "\\n"},
    {"\"", "\n"},
    {"[", "[],"},
    {"[", "&a x,"},
    {"[&a x,", "*a,"},
    {"[", "!!str x,"},
    {"[", "? ,"},
    {"{a", ","},
    {"", "a: x\n"},
    {"", "- x\n"},
    {"a: |\n", "  x\n"},
    {"a: >\n", "  x\n\n"},
    {"", "-\n"},
    {"", "--- \n"},
    {"", "%TAG !a! b\n"},
    {"", "&a "},
    {"", "*a "},
    {"", "\xF0\x9F\x98\x80"},
    {"- &k x\n- {", "? *k\n,"},
    {"", "? - "},
    {"a: '", "''"},
};

START_TEST(a_mebibyte_of_anything_ends_soon)
{
    struct text text = repeat(slow_rows[_i][0], slow_rows[_i][1], YAML_SIZE_MAXIMUM);
    clock_t start = clock();
    yaml_document_free(yaml_document_parse(text_span(&text), "a.yml", &error));
    double seconds = seconds_since(start);
    ck_assert_msg(seconds < 2.0, "%s took %.2f s", slow_rows[_i][1], seconds);
    text_clear(&text);
}
END_TEST

START_TEST(distinct_keys_and_anchors_cost_no_square)
{
    struct text text;
    text_init(&text, YAML_SIZE_MAXIMUM);
    text_add_char(&text, '{');
    for (int i = 0; text.length < YAML_SIZE_MAXIMUM - 40; i++)
        text_add_format(&text, _i == 0 ? "k%x: 1," : "k%x: &a%x 1,", i, i);
    text_add_char(&text, '}');
    clock_t start = clock();
    yaml_document_free(yaml_document_parse(text_span(&text), "a.yml", &error));
    ck_assert(seconds_since(start) < 2.0);
    text_clear(&text);
}
END_TEST

static void assert_unreadable(const char *path, const char *words)
{
    ck_assert_ptr_null(yaml_document_read(path, &error));
    ck_assert_str_eq(error.file, path);
    ck_assert_msg(strstr(error.message, words) != NULL, "%s", error.message);
}

START_TEST(reads_regular_files_only)
{
    char directory[] = "/tmp/sallyport-yaml-XXXXXX";
    char pipe[64], missing[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(pipe, sizeof(pipe), "%s/pipe", directory);
    snprintf(missing, sizeof(missing), "%s/missing", directory);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    assert_unreadable(directory, "a directory");
    assert_unreadable(pipe, "a device, pipe or socket");
    assert_unreadable("/dev/zero", "a device, pipe or socket");
    assert_unreadable(missing, "No such file");
    unlink(pipe);
    rmdir(directory);
}
END_TEST

START_TEST(a_file_of_two_mebibytes_is_not_read)
{
    char path[] = "/tmp/sallyport-yaml-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, (off_t)2 * YAML_SIZE_MAXIMUM), 0);
    close(file);
    assert_unreadable(path, "larger than 1 MiB (2097152 bytes)");
    unlink(path);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

static Suite *suite(void)
{
    Suite *made = suite_create("yaml_hostile");
    TCase *tests = tcase_create("yaml_hostile");
    tcase_add_loop_test(tests, refuses_what_two_readers_could_read_differently, 0,
                        COUNT(refused_rows));
    tcase_add_test(tests, a_billion_laughs_end_at_the_bound_on_nodes);
    tcase_add_test(tests, a_billion_laughs_by_merge_keys_end_too);
    tcase_add_loop_test(tests, depth_is_bounded, 0, 4);
    tcase_add_test(tests, aliases_do_not_get_around_the_bound_on_depth);
    tcase_add_test(tests, two_mebibytes_are_too_many);
    tcase_add_test(tests, a_key_of_more_than_a_kibibyte_is_refused);
    tcase_add_test(tests, many_directives_are_refused);
    tcase_add_loop_test(tests, a_mebibyte_of_anything_ends_soon, 0, COUNT(slow_rows));
    tcase_add_loop_test(tests, distinct_keys_and_anchors_cost_no_square, 0, 2);
    tcase_add_test(tests, reads_regular_files_only);
    tcase_add_test(tests, a_file_of_two_mebibytes_is_not_read);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
