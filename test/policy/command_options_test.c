/* Promises of the reader of help texts, which completions and the man page rest on. */
#include "policy/command_options.h"

#include "test/suite.h"

static const struct command example = {
    .name = "example",
    .synopsis = "SOURCE [--format text|json] [--set NAME=VALUE]… MANIFEST… one|two",
    .summary = "an example",
    .help = "Does -- this and that.\n"
            "\n"
            "  --policy DIR -a, --app APP [-i, --installation ID]\n"
            "                       a directory, and who asks\n"
            "  -m, --manifest FILE [--set NAME=VALUE]...\n"
            "  --format text|json   text (the default), or JSON\n"
            "                       -- as it likes\n"
            "  --plain-http         read http:// too\n"
            "    - item: of a list\n"
            "  - a dash\n"
            "  -\n",
};

static struct command_option options[COMMAND_OPTIONS_MAXIMUM];
static size_t count;

static void setup(void)
{
    count = command_options_list(&example, options);
}

/* GIVEN the example's options, THEN the one that is called NAME is this one. */
static void expect(const char *name, const char *letter, const char *value, const char *summary)
{
    for (size_t i = 0; i < count; i++) {
        if (!span_equal(options[i].name, span_of(name)))
            continue;
        ck_assert(span_equal(options[i].letter, span_of(letter)));
        ck_assert(span_equal(options[i].value, span_of(value)));
        ck_assert(span_equal(options[i].summary, span_of(summary)));
        return;
    }
    ck_abort_msg("there is no %s", name);
}

START_TEST(reads_an_option_with_its_words_and_what_it_does)
{
    expect("--format", "", "text|json", "text (the default), or JSON");
    expect("--plain-http", "", "", "read http:// too");
}
END_TEST

START_TEST(reads_all_options_of_a_line)
{
    expect("--policy", "", "DIR", "");
    expect("--app", "-a", "APP", "");
    expect("--installation", "-i", "ID", "");
    expect("--manifest", "-m", "FILE", "");
    expect("--set", "", "NAME=VALUE", "");
}
END_TEST

START_TEST(knows_that_every_command_has_help)
{
    expect("--help", "", "", "this text");
}
END_TEST

START_TEST(takes_no_other_line_for_an_option)
{
    ck_assert_uint_eq(count, 8);
}
END_TEST

START_TEST(reads_the_arguments_outside_brackets)
{
    struct span arguments[COMMAND_ARGUMENTS_MAXIMUM];
    ck_assert_uint_eq(command_arguments_list(&example, arguments), 3);
    ck_assert(span_equal(arguments[0], SPAN("SOURCE")));
    ck_assert(span_equal(arguments[1], SPAN("MANIFEST")));
    ck_assert(span_equal(arguments[2], SPAN("one|two")));
}
END_TEST

START_TEST(tells_files_directories_and_words_apart)
{
    ck_assert_int_eq(command_value_kind(SPAN("")), COMMAND_VALUE_NONE);
    ck_assert_int_eq(command_value_kind(SPAN("text|json")), COMMAND_VALUE_WORDS);
    ck_assert_int_eq(command_value_kind(SPAN("MANIFEST")), COMMAND_VALUE_FILE);
    ck_assert_int_eq(command_value_kind(SPAN("DIR")), COMMAND_VALUE_DIRECTORY);
    ck_assert_int_eq(command_value_kind(SPAN("NAME=VALUE")), COMMAND_VALUE_OTHER);
}
END_TEST

/* GIVEN more options than there is room for, THEN those that fit are listed. */
START_TEST(lists_no_more_than_there_is_room_for)
{
    static char help[8192];
    size_t length = 0;
    for (int i = 0; i < 2 * COMMAND_OPTIONS_MAXIMUM; i++)
        length += (size_t)snprintf(help + length, sizeof(help) - length, "  --option-%d\n", i);
    const struct command many = {.name = "many", .synopsis = "", .help = help};
    ck_assert_uint_eq(command_options_list(&many, options), COMMAND_OPTIONS_MAXIMUM);
}
END_TEST

START_TEST(finds_room_for_every_option_of_the_program)
{
    for (const struct command *const *command = command_table; *command != NULL; command++)
        ck_assert_uint_lt(command_options_list(*command, options), COMMAND_OPTIONS_MAXIMUM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command_options");
    TCase *tests = tcase_create("command_options");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, reads_an_option_with_its_words_and_what_it_does);
    tcase_add_test(tests, reads_all_options_of_a_line);
    tcase_add_test(tests, knows_that_every_command_has_help);
    tcase_add_test(tests, takes_no_other_line_for_an_option);
    tcase_add_test(tests, reads_the_arguments_outside_brackets);
    tcase_add_test(tests, tells_files_directories_and_words_apart);
    tcase_add_test(tests, lists_no_more_than_there_is_room_for);
    tcase_add_test(tests, finds_room_for_every_option_of_the_program);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
