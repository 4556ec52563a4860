/* Promises of policy/text: bounded writing, whole JSON, messages that are safe on a terminal. */
#include <check.h>
#include <string.h>

#include "policy/text.h"
#include "test/suite.h"

static void expect(const struct text *text, const char *wanted)
{
    ck_assert_msg(span_equal(text_span(text), span_of(wanted)), "wrote %.*s, wanted %s",
                  SPAN_FORMAT(text_span(text)), wanted);
}

START_TEST(writes_to_fixed_storage_up_to_its_last_byte)
{
    char storage[6];
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    text_add_string(&text, "abc");
    text_add_char(&text, 'd');
    text_add_decimal(&text, 42);
    ck_assert(!text.overflow);
    expect(&text, "abcd42");
}
END_TEST

START_TEST(keeps_what_was_whole_when_fixed_storage_is_full)
{
    char storage[8];
    struct text text;
    text_init_fixed(&text, storage, 6);
    storage[6] = '!';
    text_add_string(&text, "abcd");
    text_add_string(&text, "efg");
    text_add_string(&text, "h");
    ck_assert(text.overflow);
    ck_assert_int_eq(storage[6], '!');
    expect(&text, "abcd");
}
END_TEST

START_TEST(grows_up_to_its_maximum_and_no_further)
{
    struct text text;
    text_init(&text, 1000);
    for (size_t i = 0; i < 100; i++)
        text_add_string(&text, "0123456789");
    ck_assert(!text.overflow);
    ck_assert_uint_eq(text.length, 1000);
    text_add_char(&text, 'x');
    ck_assert(text.overflow);
    ck_assert_uint_eq(text.length, 1000);
    ck_assert_uint_le(text.capacity, 1000);
    text_clear(&text);
}
END_TEST

START_TEST(is_empty_and_usable_after_a_reset_and_after_a_clear)
{
    struct text text;
    text_init(&text, 4);
    text_add_string(&text, "too long");
    text_reset(&text);
    text_add_string(&text, "ab");
    expect(&text, "ab");
    text_clear(&text);
    ck_assert_uint_eq(text.length, 0);
    text_add_string(&text, "cd");
    ck_assert(!text.overflow);
    expect(&text, "cd");
    text_clear(&text);
}
END_TEST

START_TEST(writes_decimals_of_any_size)
{
    struct text text;
    text_init(&text, 100);
    text_add_decimal(&text, 0);
    text_add_char(&text, ' ');
    text_add_decimal(&text, UINT64_MAX);
    expect(&text, "0 18446744073709551615");
    text_clear(&text);
}
END_TEST

START_TEST(writes_decimals_around_each_power_of_ten)
{
    char printed[32];
    struct text text;
    text_init(&text, 100);
    for (uint64_t power = 1;; power *= 10) {
        for (uint64_t value = power - 1; value <= power + 1; value++) {
            snprintf(printed, sizeof(printed), "%llu", (unsigned long long)value);
            text_reset(&text);
            text_add_decimal(&text, value);
            expect(&text, printed);
        }
        if (power > UINT64_MAX / 10)
            break;
    }
    text_clear(&text);
}
END_TEST

START_TEST(formats_lines_of_any_length)
{
    char letters[3001];
    struct text text;
    memset(letters, 'y', 3000);
    letters[3000] = '\0';
    text_init(&text, 5000);
    text_add_format(&text, "%d:", 7);
    text_add_format(&text, "%s!", letters);
    ck_assert(!text.overflow);
    ck_assert_uint_eq(text.length, 3003);
    ck_assert_int_eq(text.data[3002], '!');
    text_clear(&text);
}
END_TEST

START_TEST(writes_no_part_of_a_format_that_does_not_fit)
{
    char letters[3001];
    struct text text;
    memset(letters, 'y', 3000);
    letters[3000] = '\0';
    text_init(&text, 2000);
    text_add_string(&text, "a");
    text_add_format(&text, "%s", letters);
    ck_assert(text.overflow);
    expect(&text, "a");
    text_clear(&text);
}
END_TEST

struct json_row {
    struct span bytes;
    const char *wanted;
};

static const struct json_row json_rows[] = {
    {{"", 0}, "\"\""},
    {{NULL, 0}, "\"\""},
    {{"plain", 5}, "\"plain\""},
    {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
    {{"\n\t\r\0\x1F\x7F", 6}, "\"\\n\\t\\u000d\\u0000\\u001f\\u007f\""},
    {{"b\xC3\xBC"
      "cher",
      7},
     "\"b\xC3\xBC"
     "cher\""},
    {{"\xF0\x9F\x92\xA9", 4}, "\"\xF0\x9F\x92\xA9\""},
    {{"\xFF", 1}, "\"\xEF\xBF\xBD\""},
    {{"\xC3", 1}, "\"\xEF\xBF\xBD\""},
    {{"\xC0\x80", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {{"\xED\xA0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {{"\xE0\x9F\xBF", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {{"\xF4\x90\x80\x80", 4}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {{"\xE2\x82x", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBDx\""},
};

/* Bytes are looked at eight at a time: each of them is, wherever it stands, and whatever is beside
 * it. */
START_TEST(writes_each_byte_as_json_wherever_it_stands)
{
    const unsigned char byte = (unsigned char)_i;
    static const char neighbours[] = {' ', '~', '!', '#', '[', ']', 'a'};
    for (size_t at = 0; at < 24 * sizeof(neighbours); at++) {
        char bytes[24], wanted[40];
        memset(bytes, neighbours[at / 24], sizeof(bytes));
        bytes[at % 24] = (char)byte;
        struct text text, alone;
        text_init(&text, 200);
        text_init(&alone, 20);
        text_add_json(&text, (struct span){bytes, sizeof(bytes)});
        text_add_json(&alone, (struct span){(const char *)&byte, 1});
        int length = snprintf(wanted, sizeof(wanted), "\"%.*s%.*s%.*s\"", (int)(at % 24), bytes,
                              (int)alone.length - 2, alone.data + 1, (int)(23 - at % 24),
                              bytes + at % 24 + 1);
        ck_assert_uint_eq(text.length, (size_t)length);
        ck_assert_mem_eq(text.data, wanted, text.length);
        text_clear(&text);
        text_clear(&alone);
    }
}
END_TEST

START_TEST(writes_any_bytes_as_a_json_string)
{
    struct text text;
    text_init(&text, 200);
    text_add_json(&text, json_rows[_i].bytes);
    ck_assert(!text.overflow);
    expect(&text, json_rows[_i].wanted);
    text_clear(&text);
}
END_TEST

static const struct json_row quote_rows[] = {
    {{"api.example.com", 15}, "\"api.example.com\""},
    {{"", 0}, "\"\""},
    {{"a\"b\\", 4}, "\"a\\\"b\\\\\""},
    {{"\x1B[31m", 5}, "\"\\u001b[31m\""},
    {{"a\0b", 3}, "\"a\\u0000b\""},
    {{"\xC2\x9B", 2}, "\"\\u{9b}\""},
    {{"\xE2\x80\xAE", 3}, "\"\\u{202e}\""},
    {{"\xEF\xBB\xBF", 3}, "\"\\u{feff}\""},
    {{"\xF3\xA0\x80\x81", 4}, "\"\\u{e0001}\""},
    {{"\xFF", 1}, "\"\\xff\""},
    {{"\xC3\xBC", 2}, "\"\xC3\xBC\""},
};

START_TEST(quotes_strangers_bytes_so_that_a_terminal_only_shows_them)
{
    char quoted[TEXT_QUOTE_SIZE];
    ck_assert_str_eq(text_quote(quote_rows[_i].bytes, quoted), quote_rows[_i].wanted);
}
END_TEST

START_TEST(cuts_a_long_quote_and_says_so)
{
    char bytes[1000], quoted[TEXT_QUOTE_SIZE];
    memset(bytes, 'a', sizeof(bytes));
    text_quote((struct span){bytes, sizeof(bytes)}, quoted);
    ck_assert_uint_eq(strlen(quoted), 80 + strlen("\"…\""));
    ck_assert(span_ends_with(span_of(quoted), SPAN("aaa…\"")));
}
END_TEST

START_TEST(has_room_for_the_worst_quote)
{
    char storage[84], quoted[TEXT_QUOTE_SIZE];
    struct text bytes;
    text_init_fixed(&bytes, storage, sizeof(storage));
    for (int i = 0; i < 79; i++)
        text_add_char(&bytes, '\x01');
    text_add(&bytes, SPAN("\xF3\xA0\x80\x81\x01"));
    ck_assert(!bytes.overflow);
    text_quote(text_span(&bytes), quoted);
    ck_assert(span_ends_with(span_of(quoted), SPAN("\\u0001\\u{e0001}…\"")));
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("policy/text");
    TCase *tests = tcase_create("text");
    tcase_add_test(tests, writes_to_fixed_storage_up_to_its_last_byte);
    tcase_add_test(tests, keeps_what_was_whole_when_fixed_storage_is_full);
    tcase_add_test(tests, grows_up_to_its_maximum_and_no_further);
    tcase_add_test(tests, is_empty_and_usable_after_a_reset_and_after_a_clear);
    tcase_add_test(tests, writes_decimals_of_any_size);
    tcase_add_test(tests, writes_decimals_around_each_power_of_ten);
    tcase_add_test(tests, formats_lines_of_any_length);
    tcase_add_test(tests, writes_no_part_of_a_format_that_does_not_fit);
    tcase_add_loop_test(tests, writes_any_bytes_as_a_json_string, 0, COUNT(json_rows));
    tcase_add_loop_test(tests, writes_each_byte_as_json_wherever_it_stands, 0, 256);
    tcase_add_loop_test(tests, quotes_strangers_bytes_so_that_a_terminal_only_shows_them, 0,
                        COUNT(quote_rows));
    tcase_add_test(tests, cuts_a_long_quote_and_says_so);
    tcase_add_test(tests, has_room_for_the_worst_quote);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
