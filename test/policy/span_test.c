/* Promises of policy/span: views that never look past their end. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/span.h"
#include "test/suite.h"

static const struct span nothing = {NULL, 0};

START_TEST(compares_bytes_and_never_past_the_end)
{
    const char bytes[] = {'a', '\0', 'b'};
    struct span whole = {bytes, sizeof(bytes)};
    ck_assert(span_equal(whole, whole));
    ck_assert(!span_equal(whole, span_slice(whole, 0, 2)));
    ck_assert(!span_equal(whole, ((struct span){"a\0c", 3})));
    ck_assert(span_equal(nothing, SPAN("")));
}
END_TEST

START_TEST(compares_without_case_in_ascii_only)
{
    ck_assert(span_equal_nocase(SPAN("Proxy-AUTH"), SPAN("proxy-auth")));
    ck_assert(!span_equal_nocase(SPAN("a"), SPAN("ab")));
    ck_assert(!span_equal_nocase(SPAN("@"), SPAN("`")));
    ck_assert(!span_equal_nocase(SPAN("["), SPAN("{")));
    ck_assert(!span_equal_nocase(SPAN("\xC4"), SPAN("\xE4")));
}
END_TEST

START_TEST(finds_prefixes_and_suffixes)
{
    ck_assert(span_starts_with(SPAN("https://a"), SPAN("https://")));
    ck_assert(!span_starts_with(SPAN("http"), SPAN("https")));
    ck_assert(!span_starts_with(SPAN("HTTPS"), SPAN("https")));
    ck_assert(span_starts_with_nocase(SPAN("HTTPS://a"), SPAN("https://")));
    ck_assert(!span_starts_with_nocase(SPAN("HTT"), SPAN("https")));
    ck_assert(span_ends_with(SPAN("a.example.com"), SPAN(".example.com")));
    ck_assert(!span_ends_with(SPAN("com"), SPAN("a.com")));
    ck_assert(span_starts_with(nothing, nothing));
    ck_assert(span_ends_with(nothing, nothing));
}
END_TEST

START_TEST(finds_a_byte_or_says_the_length)
{
    ck_assert_uint_eq(span_find(SPAN("a:b:c"), ':'), 1);
    ck_assert_uint_eq(span_find(SPAN("abc"), ':'), 3);
    ck_assert_uint_eq(span_find(span_slice(SPAN("ab:"), 0, 2), ':'), 2);
    ck_assert_uint_eq(span_find(nothing, ':'), 0);
}
END_TEST

START_TEST(trims_blanks_and_nothing_else)
{
    ck_assert(span_equal(span_trim(SPAN(" \t a b\t ")), SPAN("a b")));
    ck_assert(span_equal(span_trim(SPAN("\ra\n")), SPAN("\ra\n")));
    ck_assert_uint_eq(span_trim(SPAN(" \t ")).length, 0);
    ck_assert_uint_eq(span_trim(nothing).length, 0);
}
END_TEST

START_TEST(reads_decimals_up_to_the_maximum)
{
    uint64_t value = 0;
    ck_assert(span_parse_decimal(SPAN("0"), 10, &value) && value == 0);
    ck_assert(span_parse_decimal(SPAN("65535"), 65535, &value) && value == 65535);
    ck_assert(span_parse_decimal(SPAN("18446744073709551615"), UINT64_MAX, &value));
    ck_assert(value == UINT64_MAX);
    ck_assert(span_parse_decimal(SPAN("007"), 7, &value) && value == 7);
}
END_TEST

START_TEST(refuses_what_is_no_decimal_and_leaves_the_value)
{
    static const char *const wrong[] = {"",    "-1",  "+1",    " 1", "1 ",
                                        "1.0", "0x1", "65536", "a",  "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint64_t value = 42;
        ck_assert_msg(!span_parse_decimal(span_of(wrong[i]), 65535, &value), "%s", wrong[i]);
        ck_assert_uint_eq(value, 42);
    }
    uint64_t value = 42;
    ck_assert(!span_parse_decimal(SPAN("18446744073709551616"), UINT64_MAX, &value));
    ck_assert(!span_parse_decimal(SPAN("9"), 3, &value));
    ck_assert_uint_eq(value, 42);
}
END_TEST

START_TEST(knows_hexadecimal_digits_of_both_cases)
{
    static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF";
    for (int i = 0; i < 16; i++) {
        ck_assert_int_eq(span_hex_digit(digits[i]), i);
        ck_assert_int_eq(span_hex_digit(capitals[i]), i);
    }
    for (const char *other = "/:@G`g \xff"; *other != '\0'; other++)
        ck_assert_int_eq(span_hex_digit(*other), -1);
    ck_assert_int_eq(span_hex_digit('\0'), -1);
}
END_TEST

START_TEST(orders_hosts_from_their_ends)
{
    ck_assert_int_lt(span_compare_from_end(SPAN("b.a.example"), SPAN("a.b.example")), 0);
    ck_assert_int_lt(span_compare_from_end(SPAN("a.example"), SPAN("a.a.example")), 0);
    ck_assert_int_gt(span_compare_from_end(SPAN("\xff"), SPAN("a")), 0);
    ck_assert_int_eq(span_compare_from_end(SPAN("a.example"), SPAN("a.example")), 0);
    ck_assert_int_gt(span_compare_from_end(SPAN("a"), SPAN("")), 0);
}
END_TEST

START_TEST(duplicates_with_a_nul_behind)
{
    char *copy = span_duplicate(span_slice(SPAN("abcdef"), 1, 3));
    ck_assert_str_eq(copy, "bcd");
    free(copy);
    char *empty = span_duplicate(nothing);
    ck_assert_str_eq(empty, "");
    free(empty);
}
END_TEST

static int first_of(int precision, const char *data)
{
    (void)data;
    return precision;
}

START_TEST(gives_printf_a_precision_that_is_never_negative)
{
    struct span huge = {"", (size_t)INT_MAX + 1};
    ck_assert_int_eq(first_of(SPAN_FORMAT(huge)), INT_MAX);
    ck_assert_int_eq(first_of(SPAN_FORMAT(SPAN("abc"))), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/span");
    TCase *tests = tcase_create("span");
    tcase_add_test(tests, compares_bytes_and_never_past_the_end);
    tcase_add_test(tests, compares_without_case_in_ascii_only);
    tcase_add_test(tests, finds_prefixes_and_suffixes);
    tcase_add_test(tests, finds_a_byte_or_says_the_length);
    tcase_add_test(tests, trims_blanks_and_nothing_else);
    tcase_add_test(tests, reads_decimals_up_to_the_maximum);
    tcase_add_test(tests, refuses_what_is_no_decimal_and_leaves_the_value);
    tcase_add_test(tests, knows_hexadecimal_digits_of_both_cases);
    tcase_add_test(tests, orders_hosts_from_their_ends);
    tcase_add_test(tests, duplicates_with_a_nul_behind);
    tcase_add_test(tests, gives_printf_a_precision_that_is_never_negative);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
