#include "test/policy/running.h"
#include "test/suite.h"

#define DATA "test/policy/data/diff/"

static struct running diff;

static void run(const char *line)
{
    running_run(&diff, &command_diff_description, line);
}

START_TEST(says_nothing_more_of_two_equal_manifests)
{
    run(DATA "old.yml " DATA "old.yml");
    ck_assert_str_eq(diff.output, "same: the same can leave; no new version is needed\n");
    ck_assert_str_eq(diff.complaints, "");
    ck_assert_int_eq(diff.status, 0);
}
END_TEST

START_TEST(reads_like_a_review_comment)
{
    run(DATA "old.yml " DATA "narrower.yml");
    ck_assert_str_eq(diff.output,
                     "narrower: less can leave; a minor version\n"
                     "\n"
                     "no longer reachable:\n"
                     "  - fetch.backend: https://*.example.com (every name below example.com); "
                     "still reachable: https://api.example.com  " DATA "old.yml:9:20\n"
                     "  - fetch.backend: https://metrics.example.net, while analytics is on  " DATA
                     "old.yml:10:20\n"
                     "\n"
                     "why:\n"
                     "  MINOR egress-narrowed: fetch.backend has \"api.example.com\" in place of "
                     "\"*.example.com\", which covered it\n"
                     "        " DATA "old.yml:9:20 -> " DATA "narrower.yml:9:20\n"
                     "  MINOR egress-removed: fetch.backend loses \"metrics.example.net\"\n"
                     "        " DATA "old.yml:10:20 (taken out)\n");
    ck_assert_int_eq(diff.status, 0);
}
END_TEST

START_TEST(ends_with_3_where_approval_is_needed)
{
    run(DATA "old.yml " DATA "wider.yml");
    ck_assert_ptr_eq(strstr(diff.output, "wider: more can leave; a major version, which an admin "
                                         "approves first\n\nnow reachable:\n"),
                     diff.output);
    ck_assert_ptr_nonnull(strstr(diff.output, "+ fetch.backend: https://metrics.example.net, where "
                                              "analytics is switched off  "));
    ck_assert_ptr_nonnull(
        strstr(diff.output, "- fetch.backend: https://eu.orders.example.org, in region EU  "));
    ck_assert_ptr_nonnull(strstr(diff.output, "MAJOR scope-added: "));
    ck_assert_int_eq(diff.status, 3);
}
END_TEST

START_TEST(tells_machines_the_same_in_one_object)
{
    run("--format json " DATA "old.yml " DATA "narrower.yml");
    ck_assert_str_eq(
        diff.output,
        "{\"verdict\":\"narrower\",\"bump\":\"minor\",\"old\":\"" DATA "old.yml\",\"new\":\"" DATA
        "narrower.yml\",\"added\":[],\"removed\":["
        "{\"list\":\"fetch.backend\",\"address\":\"https://*.example.com\","
        "\"host\":\"example.com\",\"wildcard\":true,\"except\":[\"https://api.example.com\"],"
        "\"file\":\"" DATA "old.yml\",\"line\":9,\"column\":20},"
        "{\"list\":\"fetch.backend\",\"address\":\"https://metrics.example.net\","
        "\"host\":\"metrics.example.net\",\"wildcard\":false,\"analytics\":\"on\","
        "\"file\":\"" DATA "old.yml\",\"line\":10,\"column\":20}],\"changes\":["
        "{\"rule\":\"egress-narrowed\",\"bump\":\"minor\",\"message\":\"fetch.backend has "
        "\\\"api.example.com\\\" in place of \\\"*.example.com\\\", which covered it\","
        "\"old\":{\"file\":\"" DATA "old.yml\",\"line\":9,\"column\":20},"
        "\"new\":{\"file\":\"" DATA "narrower.yml\",\"line\":9,\"column\":20}},"
        "{\"rule\":\"egress-removed\",\"bump\":\"minor\",\"message\":\"fetch.backend loses "
        "\\\"metrics.example.net\\\"\",\"old\":{\"file\":\"" DATA
        "old.yml\",\"line\":10,\"column\":20},\"new\":null}]}\n");
    ck_assert_int_eq(diff.status, 0);
}
END_TEST

START_TEST(names_regions_to_machines)
{
    run("--format=json " DATA "old.yml " DATA "wider.yml");
    ck_assert_ptr_nonnull(strstr(diff.output, "\"regions\":[\"EU\"]"));
    ck_assert_ptr_nonnull(strstr(diff.output, "\"analytics\":\"off\""));
    ck_assert_int_eq(diff.status, 3);
}
END_TEST

START_TEST(takes_plain_http_and_variables)
{
    const char *line = DATA "variables.yml " DATA "variables.yml --plain-http --set HOST=a.com";
    run(line);
    ck_assert_str_eq(diff.complaints, "");
    ck_assert_int_eq(diff.status, 0);
    run(DATA "variables.yml " DATA "variables.yml --set HOST=a.com");
    ck_assert_ptr_nonnull(strstr(diff.complaints, "not encrypted"));
    ck_assert_int_eq(diff.status, 2);
}
END_TEST

START_TEST(refuses_a_manifest_that_cannot_be_judged)
{
    run(DATA "old.yml " DATA "unreadable.yml");
    ck_assert_str_eq(diff.output, "");
    ck_assert_ptr_nonnull(strstr(diff.complaints, "sallyport: " DATA "unreadable.yml:4:9: "));
    ck_assert_int_eq(diff.status, 2);
    run(DATA "nowhere.yml " DATA "old.yml");
    ck_assert_ptr_nonnull(strstr(diff.complaints, "nowhere.yml"));
    ck_assert_int_eq(diff.status, 2);
}
END_TEST

START_TEST(shows_a_terminal_no_turned_text)
{
    run(DATA "old.yml " DATA "bidi.yml");
    ck_assert_ptr_null(strstr(diff.output, "\xE2\x80\xAE"));
    ck_assert_ptr_nonnull(strstr(diff.output, "https://example.com\"/\\u{202e}moc\""));
    ck_assert_int_eq(diff.status, 3);
}
END_TEST

START_TEST(knows_what_production_refuses)
{
    run("-e production " DATA "configurable.yml " DATA "old.yml");
    ck_assert_ptr_nonnull(strstr(diff.output, "MAJOR customer-egress-removed-in-production: "));
    run("--environment staging " DATA "configurable.yml " DATA "old.yml");
    ck_assert_ptr_nonnull(strstr(diff.output, "MINOR customer-egress-removed: "));
}
END_TEST

static const char *const bad_lines[] = {
    "",
    DATA "old.yml",
    DATA "old.yml " DATA "old.yml " DATA "old.yml",
    "--format xml " DATA "old.yml " DATA "old.yml",
    "--wrong " DATA "old.yml " DATA "old.yml",
    "--set 1=2 " DATA "old.yml " DATA "old.yml",
    DATA "old.yml " DATA "old.yml --format",
};

START_TEST(refuses_bad_usage)
{
    run(bad_lines[_i]);
    ck_assert_int_eq(diff.status, 2);
    ck_assert_str_eq(diff.output, "");
    ck_assert_ptr_nonnull(strstr(diff.complaints, "see 'sallyport help diff'"));
}
END_TEST

START_TEST(shows_its_help)
{
    run("--help");
    ck_assert_int_eq(diff.status, 0);
    ck_assert_ptr_nonnull(strstr(diff.output, "usage: sallyport diff OLD NEW"));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("command_diff");
    TCase *group = tcase_create("command_diff");
    tcase_add_test(group, says_nothing_more_of_two_equal_manifests);
    tcase_add_test(group, reads_like_a_review_comment);
    tcase_add_test(group, ends_with_3_where_approval_is_needed);
    tcase_add_test(group, tells_machines_the_same_in_one_object);
    tcase_add_test(group, names_regions_to_machines);
    tcase_add_test(group, takes_plain_http_and_variables);
    tcase_add_test(group, refuses_a_manifest_that_cannot_be_judged);
    tcase_add_test(group, shows_a_terminal_no_turned_text);
    tcase_add_test(group, knows_what_production_refuses);
    tcase_add_loop_test(group, refuses_bad_usage, 0,
                        (int)(sizeof(bad_lines) / sizeof(bad_lines[0])));
    tcase_add_test(group, shows_its_help);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
