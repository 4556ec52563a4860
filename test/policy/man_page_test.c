/* Promises of the man page: what a help text becomes in roff. */
#include "policy/man_page.h"

#include "test/suite.h"

static char page[8192];

/* GIVEN a command with HELP, WHEN the page is written, THEN it is in `page`. */
static void write_page(const char *help)
{
    const struct command command = {
        .name = "example", .synopsis = "FILE… [--all]", .summary = "an example", .help = help};
    const struct command *const commands[] = {&command, NULL};
    struct text text;
    text_init_fixed(&text, page, sizeof(page) - 1);
    man_page_write(commands, &text);
    ck_assert(!text.overflow);
    page[text.length] = '\0';
}

static void expect(const char *roff)
{
    ck_assert_msg(strstr(page, roff) != NULL, "%s\nis not in\n%s", roff, page);
}

START_TEST(names_the_command_and_how_it_is_used)
{
    write_page("Does it.\n");
    expect("\n.SS example\n.B sallyport example\nFILE\\[u2026] [\\-\\-all]\n.PP\nDoes it.\n");
}
END_TEST

START_TEST(fills_paragraphs)
{
    write_page("One line\nand another.\n\nThe next.\n");
    expect("\n.PP\nOne line\nand another.\n.PP\nThe next.\n");
}
END_TEST

START_TEST(tags_options_with_all_that_is_said_of_them)
{
    write_page("Options:\n  -a, --all   takes all\n              of them\n  --none\nDone.\n");
    expect("\n.PP\nOptions:\n.TP\n.B \\-a, \\-\\-all\ntakes all\nof them\n"
           ".TP\n.B \\-\\-none\n.PP\nDone.\n");
}
END_TEST

START_TEST(leaves_examples_as_they_are)
{
    write_page("Like this:\n  a:\n    - b\n\nEnd.\n");
    expect("\n.PP\nLike this:\n.EX\n  a:\n    \\- b\n.EE\n.PP\nEnd.\n");
    write_page("  a:\n  -b\n");
    expect("\n.PP\n.EX\n  a:\n.EE\n.TP\n.B \\-b\n");
}
END_TEST

START_TEST(lets_no_text_become_a_request)
{
    write_page(".SH \\fB'x' `y` \"z\" ^~\n'br\n");
    expect("\n\\&.SH \\efB\\(aqx\\(aq \\(gay\\(ga \\(dqz\\(dq \\(ha\\(ti\n\\(aqbr\n");
}
END_TEST

START_TEST(names_characters_beyond_ascii)
{
    write_page("\xC3\xA9\xE2\x80\xA6\xF0\x9F\x98\x80\n");
    expect("\n\\[u00E9]\\[u2026]\\[u1F600]\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("man_page");
    TCase *tests = tcase_create("man_page");
    tcase_add_test(tests, names_the_command_and_how_it_is_used);
    tcase_add_test(tests, fills_paragraphs);
    tcase_add_test(tests, tags_options_with_all_that_is_said_of_them);
    tcase_add_test(tests, leaves_examples_as_they_are);
    tcase_add_test(tests, lets_no_text_become_a_request);
    tcase_add_test(tests, names_characters_beyond_ascii);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
