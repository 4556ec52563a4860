/* Promises of the reader of SPIFFE names. */
#include "certs/spiffe.h"

#include "test/suite.h"

#define DOMAIN "spiffe://example.org"
#define NAME63 "a23456789012345678901234567890123456789012345678901234567890123"

static const char *problem;
static struct spiffe_name name;

static void assert_part(struct span part, const char *text)
{
    ck_assert_msg(span_equal(part, span_of(text)), "%.*s is not %s", SPAN_FORMAT(part), text);
}

START_TEST(reads_an_app_and_its_environment)
{
    ck_assert(spiffe_parse(SPAN(DOMAIN "/app/orders/environment/production"), &name, &problem));
    assert_part(name.trust_domain, "example.org");
    assert_part(name.app, "orders");
    assert_part(name.environment, "production");
    ck_assert_uint_eq(name.installation.length, 0);
}
END_TEST

START_TEST(reads_an_installation)
{
    ck_assert(
        spiffe_parse(SPAN(DOMAIN "/app/a/environment/b/installation/site-1"), &name, &problem));
    assert_part(name.app, "a");
    assert_part(name.environment, "b");
    assert_part(name.installation, "site-1");
}
END_TEST

START_TEST(reads_the_longest_names)
{
    ck_assert(
        spiffe_parse(SPAN(DOMAIN "/app/" NAME63 "/environment/" NAME63 "/installation/" NAME63),
                     &name, &problem));
    ck_assert_uint_eq(name.installation.length, 63);
}
END_TEST

static const char *const refused[] = {
    "",
    "spiffe://",
    "spiffe:///app/a/environment/b",
    DOMAIN,
    DOMAIN "/",
    DOMAIN "/app/a",
    DOMAIN "/app/a/",
    DOMAIN "/app/a/environment",
    DOMAIN "/app/a/environment/",
    DOMAIN "/app//environment/b",
    DOMAIN "/app/a/environment/b/",
    DOMAIN "/app/a/environment/b/installation",
    DOMAIN "/app/a/environment/b/installation/",
    DOMAIN "/app/a/environment/b/installation/c/",
    DOMAIN "/app/a/environment/b/installation/c/d",
    DOMAIN "/app/a/environment/b/other/c",
    DOMAIN "//app/a/environment/b",
    DOMAIN "/environment/b/app/a",
    DOMAIN "/app/a/environment/b?x",
    DOMAIN "/app/a/environment/b#x",
    DOMAIN "/app/a/environment/%62",
    DOMAIN "/app/../environment/b",
    DOMAIN "/app/A/environment/b",
    DOMAIN "/app/-a/environment/b",
    DOMAIN "/app/a/environment/b ",
    " " DOMAIN "/app/a/environment/b",
    DOMAIN ":443/app/a/environment/b",
    "spiffe://user@example.org/app/a/environment/b",
    "spiffe://Example.org/app/a/environment/b",
    "SPIFFE://example.org/app/a/environment/b",
    "https://example.org/app/a/environment/b",
    DOMAIN "/app/" NAME63 "4/environment/b",
};

START_TEST(refuses_every_other_spelling_and_says_why)
{
    problem = NULL;
    ck_assert_msg(!spiffe_parse(span_of(refused[_i]), &name, &problem), "%s", refused[_i]);
    ck_assert_ptr_nonnull(problem);
}
END_TEST

START_TEST(never_reads_beyond_the_bytes_it_was_given)
{
    static const char text[] = DOMAIN "/app/a/environment/b/installation/c";
    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        char *exact = malloc(length == 0 ? 1 : length);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, text, length);
        bool whole = length == sizeof(DOMAIN "/app/a/environment/b") - 1;
        ck_assert_int_eq(spiffe_parse((struct span){exact, length}, &name, &problem), whole);
        free(exact);
    }
}
END_TEST

START_TEST(knows_what_a_trust_domain_may_be)
{
    char longest[SPIFFE_DOMAIN_MAXIMUM + 1];
    memset(longest, 'a', sizeof(longest));
    ck_assert(spiffe_domain_valid(SPAN("a-b_c.9")));
    ck_assert(spiffe_domain_valid((struct span){longest, SPIFFE_DOMAIN_MAXIMUM}));
    ck_assert(!spiffe_domain_valid((struct span){longest, SPIFFE_DOMAIN_MAXIMUM + 1}));
    ck_assert(!spiffe_domain_valid(SPAN("")));
    ck_assert(!spiffe_domain_valid(SPAN("a:1")));
    ck_assert(!spiffe_domain_valid(SPAN("a%")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certs/spiffe");
    TCase *names = tcase_create("names");
    suite_add_tcase(suite, names);
    tcase_add_test(names, reads_an_app_and_its_environment);
    tcase_add_test(names, reads_an_installation);
    tcase_add_test(names, reads_the_longest_names);
    tcase_add_loop_test(names, refuses_every_other_spelling_and_says_why, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(names, never_reads_beyond_the_bytes_it_was_given);
    tcase_add_test(names, knows_what_a_trust_domain_may_be);
    return suite_run(suite);
}
