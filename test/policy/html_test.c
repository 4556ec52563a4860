/* Promises about the one way of strangers' bytes into a page. */
#include "policy/html.h"
#include "test/suite.h"

static char written[4096];

static const char *escaped(struct span bytes)
{
    struct text text;
    text_init_fixed(&text, written, sizeof(written) - 1);
    html_add(&text, bytes);
    ck_assert(!text.overflow);
    written[text.length] = '\0';
    return written;
}

START_TEST(takes_no_value_for_markup)
{
    ck_assert_str_eq(escaped(SPAN("</style><script>alert(1)</script>")),
                     "&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    ck_assert_str_eq(escaped(SPAN("<!--")), "&lt;!--");
    ck_assert_str_eq(escaped(SPAN("&lt;")), "&amp;lt;");
}
END_TEST

START_TEST(lets_no_value_end_an_attribute)
{
    ck_assert_str_eq(escaped(SPAN("\" onload=\"x' onload='x")),
                     "&quot; onload=&quot;x&#39; onload=&#39;x");
}
END_TEST

START_TEST(shows_what_turns_the_reading_direction)
{
    ck_assert_str_eq(escaped(SPAN("moc.\xE2\x80\xAElive")), "moc.\\u{202e}live");
    ck_assert_str_eq(escaped(SPAN("a\xE2\x81\xA6"
                                  "b\xE2\x81\xA9")),
                     "a\\u{2066}b\\u{2069}");
    ck_assert_str_eq(escaped(SPAN("zero\xE2\x80\x8Bwidth\xEF\xBB\xBF")),
                     "zero\\u{200b}width\\u{feff}");
}
END_TEST

START_TEST(shows_control_characters_and_what_is_no_utf_8)
{
    ck_assert_str_eq(escaped(SPAN("a\0b")), "a\\u0000b");
    ck_assert_str_eq(escaped(SPAN("\x1b[31m\x7f\r\n\t")), "\\u001b[31m\\u007f\\u000d\\n\\t");
    ck_assert_str_eq(escaped(SPAN("\xC2\x85")), "\\u{85}");
    ck_assert_str_eq(escaped(SPAN("\xFF\xC0\xAF\xED\xA0\x80")), "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
    ck_assert_str_eq(escaped(SPAN("cut \xE2\x80")), "cut \\xe2\\x80");
}
END_TEST

START_TEST(leaves_the_rest_as_it_is)
{
    ck_assert_str_eq(escaped(SPAN("b\xC3\xBC"
                                  "cher \\ / %3C `$(x)`")),
                     "b\xC3\xBC"
                     "cher \\ / %3C `$(x)`");
    ck_assert_str_eq(escaped(SPAN("")), "");
}
END_TEST

START_TEST(groups_the_digits_of_a_number)
{
    static const struct {
        uint64_t number;
        const char *written;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {1002003, "1,002,003"},
                 {100000, "100,000"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text text;
        text_init_fixed(&text, written, sizeof(written) - 1);
        html_add_number(&text, cases[i].number);
        written[text.length] = '\0';
        ck_assert_str_eq(written, cases[i].written);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("html");
    TCase *promises = tcase_create("html");
    tcase_add_test(promises, takes_no_value_for_markup);
    tcase_add_test(promises, lets_no_value_end_an_attribute);
    tcase_add_test(promises, shows_what_turns_the_reading_direction);
    tcase_add_test(promises, shows_control_characters_and_what_is_no_utf_8);
    tcase_add_test(promises, leaves_the_rest_as_it_is);
    tcase_add_test(promises, groups_the_digits_of_a_number);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
