/*
 * Promises of the grant in force: what an installation may reach follows from
 * the version its admin approved, its region, its switches and what the admin
 * configured; and what that costs.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/decision.h"
#include "policy/policy_directory.h"
#include "test/policy/tree.h"
#include "test/suite.h"

#define ENVIRONMENT "demo/production/"

static char root[TREE_ROOT_SIZE], said[4096];
static struct error error;
static struct policy_options options;
static struct snapshot *snapshot;

static void start(void)
{
    tree_begin(root);
    options = (struct policy_options){0};
    error = (struct error){0};
    snapshot = NULL;
}

static void end(void)
{
    snapshot_unref(snapshot);
    tree_end(root);
}

static void write_file(const char *name, const char *content)
{
    tree_write(root, name, content);
}

#define MANIFEST(entries) "permissions: {external: {fetch: {backend: [" entries "]}}}\n"
#define ONE               MANIFEST("{address: a.example.com}")
#define TWO               MANIFEST("{address: a.example.com}, {address: b.example.com}")

static void load(void)
{
    snapshot_unref(snapshot);
    snapshot = policy_directory_load(root, &options, NULL, &error);
}

static void load_sound(void)
{
    load();
    ck_assert_msg(snapshot != NULL, "%s: %s", error.file, error.message);
}

/* 1.1 allows a, 2.1 also b; SITES are the lines of installations.yml. */
static void given_two_versions(const char *sites)
{
    char content[2048];
    write_file(ENVIRONMENT "versions/1.1/manifest.yml", ONE);
    write_file(ENVIRONMENT "versions/2.1/manifest.yml", TWO);
    write_file(ENVIRONMENT "manifest.yml", TWO);
    snprintf(content, sizeof(content), "installations:\n%s", sites);
    write_file(ENVIRONMENT "installations.yml", content);
    load_sound();
}

static struct decision ask(const char *site, const char *text)
{
    struct decision decision;
    struct target target;
    struct error ignored;
    struct text sentence;
    const struct subject subject = {SPAN("demo"), SPAN("production"), span_of(site)};
    ck_assert(target_parse(span_of(text), &target, &ignored));
    decide(snapshot, &subject, &target, &decision);
    text_init_fixed(&sentence, said, sizeof(said) - 1);
    decision_explain(&decision, &subject, &target, &sentence);
    ck_assert(!sentence.overflow);
    said[sentence.length] = '\0';
    return decision;
}

static void expect(const char *site, const char *target, const char *reason)
{
    ck_assert_str_eq(reason_name(ask(site, target).reason), reason);
}

static void expect_said(const char *words)
{
    ck_assert_msg(strstr(said, words) != NULL, "%s", said);
}

START_TEST(a_new_version_reaches_no_host_more_before_it_is_approved)
{
    given_two_versions("  - {id: old, approved: 1}\n  - {id: new, approved: 2}\n");
    expect("old", "a.example.com", "declared");
    expect("old", "b.example.com", "pending_approval");
    expect("new", "b.example.com", "declared");
    expect("old", "c.example.com", "undeclared");
}
END_TEST

START_TEST(a_denial_says_which_version_waits_and_how_to_approve_it)
{
    char command[256];
    given_two_versions("  - {id: old, approved: 1}\n");
    struct decision decision = ask("old", "b.example.com");
    snprintf(command, sizeof(command),
             "sallyport installation approve --policy %s --app demo --environment production --id "
             "old --version 2 --by WHO --why TEXT",
             root);
    ck_assert_int_eq(decision.verdict, VERDICT_DENY);
    ck_assert_uint_eq(decision.approved_major, 1);
    ck_assert_uint_eq(decision.newest_major, 2);
    ck_assert_ptr_nonnull(strstr(decision.rule.file, "versions/2.1/manifest.yml"));
    expect_said("declared by version 2, which waits for approval");
    expect_said(command);
}
END_TEST

START_TEST(an_app_managed_version_runs_under_the_approved_permissions)
{
    given_two_versions("  - {id: old, approved: 1}\n");
    write_file(ENVIRONMENT "versions/2.1/manifest.yml",
               "permissions: {enforcement: app-managed, external: {fetch: {backend: [{address: "
               "b.example.com}]}}}\n");
    load_sound();
    expect("old", "a.example.com", "declared");
    expect("old", "b.example.com", "pending_approval");
    expect_said("the code of version 2 runs already");
}
END_TEST

START_TEST(the_newest_minor_of_the_approved_major_is_in_force)
{
    given_two_versions("  - {id: old, approved: 1}\n");
    write_file(ENVIRONMENT "versions/1.9/manifest.yml", ONE);
    write_file(ENVIRONMENT "versions/1.10/manifest.yml", MANIFEST("{address: c.example.com}"));
    load_sound();
    expect("old", "c.example.com", "declared");
    expect("old", "a.example.com", "pending_approval");
}
END_TEST

START_TEST(a_deploy_that_has_not_finished_is_no_version)
{
    given_two_versions("  - {id: old, approved: 1}\n");
    write_file(ENVIRONMENT "versions/3.1/manifest.yml.aside", "");
    write_file(ENVIRONMENT "versions/.4.1/manifest.yml", "");
    load_sound();
    ck_assert_uint_eq(ask("old", "b.example.com").newest_major, 2);
}
END_TEST

START_TEST(without_versions_the_deployed_manifest_is_the_first)
{
    write_file(ENVIRONMENT "manifest.yml", ONE);
    write_file(ENVIRONMENT "installations.yml", "installations: [{id: a, approved: 1}]\n");
    load_sound();
    expect("a", "a.example.com", "declared");
}
END_TEST

START_TEST(without_an_installation_the_deployed_manifest_is_asked)
{
    given_two_versions("  - {id: old, approved: 1}\n");
    expect("", "b.example.com", "declared");
}
END_TEST

START_TEST(an_installation_that_nobody_listed_is_unknown)
{
    given_two_versions("  - {id: old, approved: 1}\n");
    ck_assert_int_eq(ask("new", "a.example.com").site, SITE_UNKNOWN);
    expect("new", "a.example.com", "unknown_app");
    expect_said("installation \"new\" of app demo in production is not known; ");
    expect_said("/demo/production/installations.yml would list it");
}
END_TEST

START_TEST(an_installation_is_unknown_where_there_is_no_list)
{
    write_file(ENVIRONMENT "manifest.yml", ONE);
    load_sound();
    expect("a", "a.example.com", "unknown_app");
}
END_TEST

START_TEST(nothing_is_allowed_while_an_installation_is_suspended)
{
    given_two_versions("  - {id: old, approved: 1, suspended: true}\n");
    expect("old", "a.example.com", "unknown_app");
    expect_said("is suspended, so nothing is allowed");
    expect_said("installations.yml:2:10");
}
END_TEST

START_TEST(analytics_that_are_off_are_named_as_the_reason)
{
    write_file(ENVIRONMENT "manifest.yml",
               MANIFEST("{address: a.example.com}, {address: stats.example.com, category: "
                        "analytics}, {address: both.example.com, category: analytics}, {address: "
                        "both.example.com}"));
    write_file(ENVIRONMENT "installations.yml",
               "installations: [{id: on, approved: 1}, {id: off, approved: 1, analytics: off}]\n");
    load_sound();
    expect("on", "stats.example.com", "declared");
    expect("off", "stats.example.com", "analytics_disabled");
    expect_said("is declared for analytics, which are off at installation \"off\"");
    expect("off", "both.example.com", "declared");
    expect("off", "other.example.com", "undeclared");
}
END_TEST

START_TEST(a_region_chooses_the_base_url)
{
    write_file(ENVIRONMENT "manifest.yml",
               MANIFEST("{remote: orders}") "remotes: [{key: orders, baseUrl: {default: "
                                            "\"https://any.example.com\", EU: "
                                            "\"https://eu.example.com\"}}]\n");
    write_file(ENVIRONMENT "installations.yml",
               "installations: [{id: eu, approved: 1, region: EU}, {id: us, approved: 1, region: "
               "US}]\n");
    load_sound();
    expect("eu", "eu.example.com", "declared");
    expect("eu", "any.example.com", "undeclared");
    expect("us", "any.example.com", "declared");
    expect("us", "eu.example.com", "undeclared");
}
END_TEST

#define CONFIGURABLE                                                                               \
    "permissions: {external: {configurable: {enabled: true}, fetch: {backend: [{remote: "          \
    "orders}]}}}\n"                                                                                \
    "remotes:\n"                                                                                   \
    "  - {key: orders, baseUrl: \"https://orders.example.com\", configurable: "                    \
    "{supportedPatterns: [\"*.orders.example\"]}}\n"                                               \
    "  - {key: unused, configurable: {supportedPatterns: [\"*.unused.example\"]}}\n"

START_TEST(what_an_admin_configures_is_allowed_there_alone)
{
    write_file(ENVIRONMENT "manifest.yml", CONFIGURABLE);
    write_file(ENVIRONMENT "installations.yml",
               "installations:\n"
               "  - id: site\n"
               "    approved: 1\n"
               "    egress:\n"
               "      - {key: erp, configured: [{domain: \"*.erp.example\", type: "
               "[FETCH_BACKEND_SIDE]}, {domain: \"img.example.com\", type: [IMAGES]}]}\n"
               "    remotes:\n"
               "      - {key: orders, configured: {endpoint: \"https://eu.orders.example\"}}\n"
               "      - {key: unused, configured: {endpoint: \"https://a.unused.example\"}}\n"
               "  - {id: other, approved: 1}\n");
    load_sound();
    expect("site", "a.erp.example", "declared");
    struct decision decision = ask("site", "eu.orders.example");
    ck_assert_str_eq(decision.rule.list, "installation.remotes");
    ck_assert_uint_eq(decision.rule.at.line, 2);
    ck_assert_ptr_nonnull(strstr(decision.rule.file, "installations.yml"));
    expect("site", "orders.example.com", "undeclared");
    expect("site", "img.example.com", "undeclared");
    expect("site", "a.unused.example", "undeclared");
    expect("other", "a.erp.example", "undeclared");
    expect("other", "orders.example.com", "declared");
}
END_TEST

static const struct refused_row {
    const char *sites;
    const char *words;
    unsigned line;
} refused[] = {
    {"  - {id: a, approved: 3}\n", "there is no version 3 of the app; the newest is 2", 2},
    {"  - {id: a, approved: 1}\n  - {id: b, approved: 1, egress: [{key: e}]}\n",
     "version 1 of the app takes no egress from an admin", 3},
    {"  - {id: a, approved: 1, remotes: [{key: r, configured: {endpoint: a.b}}]}\n",
     "version 1 of the app has no remote \"r\"", 2},
    {"  - {id: a}\n", "without an approved version", 2},
};

START_TEST(a_list_that_no_manifest_bears_out_is_no_policy)
{
    char content[512];
    given_two_versions("  - {id: old, approved: 1}\n");
    snprintf(content, sizeof(content), "installations:\n%s", refused[_i].sites);
    write_file(ENVIRONMENT "installations.yml", content);
    load();
    ck_assert_ptr_null(snapshot);
    ck_assert_msg(strstr(error.message, refused[_i].words) != NULL, "%s", error.message);
    ck_assert_ptr_nonnull(strstr(error.file, "installations.yml"));
    ck_assert_uint_eq(error.at.line, refused[_i].line);
}
END_TEST

START_TEST(production_declares_everything_only_where_that_is_configured)
{
    write_file(ENVIRONMENT "manifest.yml", MANIFEST("{address: \"*\"}"));
    load();
    ck_assert_ptr_null(snapshot);
    ck_assert_msg(strstr(error.message, "refused in production") != NULL, "%s", error.message);
    options.production_everything = true;
    load_sound();
    options.production_everything = false;
    write_file("demo/staging/manifest.yml", MANIFEST("{address: \"*\"}"));
    write_file(ENVIRONMENT "manifest.yml", ONE);
    load_sound();
}
END_TEST

START_TEST(an_approval_is_another_revision)
{
    char before[32];
    given_two_versions("  - {id: old, approved: 1}\n");
    snprintf(before, sizeof(before), "%s", snapshot_revision(snapshot));
    load_sound();
    ck_assert_str_eq(snapshot_revision(snapshot), before);
    given_two_versions("  - {id: old, approved: 2}\n");
    ck_assert_str_ne(snapshot_revision(snapshot), before);
}
END_TEST

/* 100,000 sites that chose in 24 ways, under a manifest of 50 hosts. */
START_TEST(an_installation_costs_bytes_and_not_a_copy_of_the_manifest)
{
    static const char *const regions[] = {"EU", "US", "AU", "DE", "SG", "CA",
                                          "IN", "KR", "JP", "GB", "CH", "default"};
    const size_t count = 100000;
    struct text text;
    text_init(&text, (size_t)32 << 20);
    text_add_string(&text, "permissions: {external: {fetch: {backend: [a.example.com");
    for (int i = 0; i < 50; i++)
        text_add_format(&text, ", {address: host-%d.example.com, category: analytics}", i);
    text_add_string(&text, "]}}}\n");
    text_add_char(&text, '\0');
    write_file(ENVIRONMENT "manifest.yml", text.data);
    load_sound();
    size_t alone = snapshot_size(snapshot);
    text_reset(&text);
    text_add_string(&text, "installations:\n");
    for (size_t i = 0; i < count; i++)
        text_add_format(&text, "  - {id: site-%06zu, approved: 1, region: %s, analytics: %s}\n", i,
                        regions[i % 12], i % 24 < 12 ? "on" : "off");
    text_add_char(&text, '\0');
    ck_assert(!text.overflow);
    write_file(ENVIRONMENT "installations.yml", text.data);
    text_clear(&text);
    load_sound();
    ck_assert_uint_lt((snapshot_size(snapshot) - alone) / count, 200);
    expect("site-000003", "host-7.example.com", "declared");
    expect("site-099999", "host-7.example.com", "analytics_disabled");
    expect("site-100000", "host-7.example.com", "unknown_app");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grant_table");
    TCase *tests = tcase_create("grant_table");
    tcase_add_checked_fixture(tests, start, end);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_new_version_reaches_no_host_more_before_it_is_approved);
    tcase_add_test(tests, a_denial_says_which_version_waits_and_how_to_approve_it);
    tcase_add_test(tests, an_app_managed_version_runs_under_the_approved_permissions);
    tcase_add_test(tests, the_newest_minor_of_the_approved_major_is_in_force);
    tcase_add_test(tests, a_deploy_that_has_not_finished_is_no_version);
    tcase_add_test(tests, without_versions_the_deployed_manifest_is_the_first);
    tcase_add_test(tests, without_an_installation_the_deployed_manifest_is_asked);
    tcase_add_test(tests, an_installation_that_nobody_listed_is_unknown);
    tcase_add_test(tests, an_installation_is_unknown_where_there_is_no_list);
    tcase_add_test(tests, nothing_is_allowed_while_an_installation_is_suspended);
    tcase_add_test(tests, analytics_that_are_off_are_named_as_the_reason);
    tcase_add_test(tests, a_region_chooses_the_base_url);
    tcase_add_test(tests, what_an_admin_configures_is_allowed_there_alone);
    tcase_add_loop_test(tests, a_list_that_no_manifest_bears_out_is_no_policy, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(tests, production_declares_everything_only_where_that_is_configured);
    tcase_add_test(tests, an_approval_is_another_revision);
    tcase_add_test(tests, an_installation_costs_bytes_and_not_a_copy_of_the_manifest);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
