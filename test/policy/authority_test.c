/* Promises of policy/authority: one place where the host ends and the port begins. */
#include "policy/authority.h"

#include "test/suite.h"

static struct authority authority;
static struct error error;

/* WHEN TEXT is taken apart, THEN it is into HOST and PORT (NULL: it has none). */
static void expect(const char *text, const char *host, const char *port)
{
    ck_assert_msg(authority_split(span_of(text), &authority, &error), "%s: %s", text,
                  error.message);
    ck_assert(span_equal(authority.host, span_of(host)));
    ck_assert_int_eq(authority.has_port, port != NULL);
    ck_assert(span_equal(authority.port, span_of(port == NULL ? "" : port)));
}

START_TEST(ends_a_host_at_its_colon)
{
    expect("example.com", "example.com", NULL);
    expect("example.com:8443", "example.com", "8443");
    expect("example.com:", "example.com", "");
    expect(":80", "", "80");
}
END_TEST

START_TEST(ends_an_ipv6_literal_at_its_bracket)
{
    expect("[::1]", "[::1]", NULL);
    expect("[::1]:80", "[::1]", "80");
}
END_TEST

START_TEST(takes_a_bracket_inside_a_name_for_no_end)
{
    expect("a]b:80", "a]b", "80");
}
END_TEST

START_TEST(leaves_a_bracket_that_is_not_closed_to_the_host)
{
    expect("[", "[", NULL);
    expect("[1:80", "[1", "80");
}
END_TEST

START_TEST(reads_nothing_of_an_empty_text)
{
    ck_assert(authority_split((struct span){NULL, 0}, &authority, &error));
    ck_assert_uint_eq(authority.host.length, 0);
    ck_assert(!authority.has_port);
}
END_TEST

static const struct {
    const char *text;
    const char *hint;
} refused_rows[] = {
    {"user@example.com", "user names"},
    {"user:secret@example.com:80", "user names"},
    {"example.com:80:80", "more than one colon"},
    {"::1", "more than one colon"},
    {"[::1]80", "behind the bracket"},
    {"[::1]:80:80", "more than one colon"},
};

START_TEST(refuses_what_could_be_read_in_two_ways)
{
    ck_assert(!authority_split(span_of(refused_rows[_i].text), &authority, &error));
    ck_assert_msg(strstr(error.message, refused_rows[_i].hint) != NULL, "%s", error.message);
}
END_TEST

START_TEST(never_repeats_a_secret)
{
    ck_assert(!authority_split(SPAN("user:secret@example.com"), &authority, &error));
    ck_assert_ptr_null(strstr(error.message, "secret"));
}
END_TEST

START_TEST(tells_a_scheme_from_a_host_with_a_port)
{
    struct span scheme = SPAN(""), rest = SPAN("");
    ck_assert(authority_split_scheme(SPAN("https://a.b:1/c"), &scheme, &rest));
    ck_assert(span_equal(scheme, SPAN("https")) && span_equal(rest, SPAN("a.b:1/c")));
    ck_assert(!authority_split_scheme(SPAN("a.b:1/c://d"), &scheme, &rest));
    ck_assert(!authority_split_scheme(SPAN("a.b/://"), &scheme, &rest));
    ck_assert(!authority_split_scheme(SPAN("a.b"), &scheme, &rest));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/authority");
    TCase *tests = tcase_create("authority");
    tcase_add_test(tests, ends_a_host_at_its_colon);
    tcase_add_test(tests, ends_an_ipv6_literal_at_its_bracket);
    tcase_add_test(tests, takes_a_bracket_inside_a_name_for_no_end);
    tcase_add_test(tests, leaves_a_bracket_that_is_not_closed_to_the_host);
    tcase_add_test(tests, reads_nothing_of_an_empty_text);
    tcase_add_loop_test(tests, refuses_what_could_be_read_in_two_ways, 0,
                        (int)(sizeof(refused_rows) / sizeof(refused_rows[0])));
    tcase_add_test(tests, never_repeats_a_secret);
    tcase_add_test(tests, tells_a_scheme_from_a_host_with_a_port);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
