/*
 * `sallyport deploy`: the platform's rules for versions, line by line, with the number that each
 * change gets, and what a deploy writes and refuses.
 */
#include <sys/stat.h>

#include "test/policy/running.h"
#include "test/suite.h"

#define HEAD "app: {id: 'ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001'}\n"

#define BACKEND(list)     "permissions: {external: {fetch: {backend: [" list "]}}}\n"
#define ONE(address)      "{address: '" address "'}"
#define REMOTE(members)   "remotes: [{key: r, " members "}]\n"
#define PROVIDER(members) "providers: {auth: [{key: g, name: G, type: oauth2, " members "}]}\n"
#define NAMED             BACKEND("{remote: r}")
#define URL               "baseUrl: 'https://a.example'"
#define CHOSEN            "configurable: {name: R, description: d, supportedPatterns: ['*.a.example']}"
#define CONFIGURABLE      "permissions: {external: {configurable: {enabled: true}}}\n"

static const struct row {
    const char *line; /* of section 5 */
    const char *old;
    const char *new;
    const char *number;
    const char *rule; /* the reason that is printed */
} rows[] = {
    {"adding a scope", "permissions: {scopes: ['read:a']}\n",
     "permissions: {scopes: ['read:a', 'read:b']}\n", "2.1", "scope-added"},
    {"removing a scope", "permissions: {scopes: ['read:a', 'read:b']}\n",
     "permissions: {scopes: ['read:a']}\n", "2.1", "scope-removed"},
    {"adding an egress URL", BACKEND(ONE("a.example")),
     BACKEND(ONE("a.example") ", " ONE("b.example")), "2.1", "egress-added"},
    {"adding a CSP option", "permissions: {content: {scripts: [unsafe-eval]}}\n",
     "permissions: {content: {scripts: [unsafe-eval, unsafe-inline]}}\n", "2.1",
     "csp-option-added"},
    {"swapping an egress URL for another", BACKEND(ONE("a.example")), BACKEND(ONE("b.example")),
     "2.1", "egress-swapped"},
    {"swapping a CSP option for another", "permissions: {content: {scripts: [unsafe-eval]}}\n",
     "permissions: {content: {scripts: [unsafe-inline]}}\n", "2.1", "csp-option-swapped"},
    {"adding an entry's category", BACKEND(ONE("a.example")),
     BACKEND("{address: a.example, category: analytics}"), "2.1", "category-added"},
    {"changing an entry's category", BACKEND("{address: a.example, category: analytics}"),
     BACKEND(ONE("a.example")), "2.1", "category-changed"},
    {"inScopeEUD false to true, no other entry", BACKEND("{address: a.example, inScopeEUD: false}"),
     BACKEND("{address: a.example, inScopeEUD: true}"), "2.1", "in-scope-eud-added"},
    {"adding a provider", REMOTE(URL) NAMED, REMOTE(URL) NAMED PROVIDER("clientId: i"), "2.1",
     "provider-added"},
    {"removing a provider", REMOTE(URL) NAMED PROVIDER("clientId: i"), REMOTE(URL) NAMED, "2.1",
     "provider-removed"},
    {"changing a provider's clientId", PROVIDER("clientId: i"), PROVIDER("clientId: k"), "2.1",
     "provider-client-id-changed"},
    {"adding a remote", "", REMOTE(URL) NAMED, "2.1", "remote-added"},
    {"changing a baseUrl", REMOTE(URL) NAMED, REMOTE("baseUrl: 'https://b.example'") NAMED, "2.1",
     "base-url-changed"},
    {"adding a baseUrl", REMOTE(CHOSEN) NAMED, REMOTE(URL ", " CHOSEN) NAMED, "2.1",
     "base-url-added"},
    {"adding a region", REMOTE("baseUrl: {default: 'https://a.example'}") NAMED,
     REMOTE("baseUrl: {default: 'https://a.example', EU: 'https://eu.example'}") NAMED, "2.1",
     "region-added"},
    {"removing a region",
     REMOTE("baseUrl: {default: 'https://a.example', EU: 'https://eu.example'}") NAMED,
     REMOTE("baseUrl: {default: 'https://a.example'}") NAMED, "2.1", "region-removed"},
    {"a remote's storage.inScopeEUD false to true",
     REMOTE(URL ", operations: [storage], storage: {inScopeEUD: false}"),
     REMOTE(URL ", operations: [storage], storage: {inScopeEUD: true}"), "2.1",
     "remote-storage-eud-added"},
    {"adding configurable to a remote", REMOTE(URL) NAMED, REMOTE(URL ", " CHOSEN) NAMED, "2.1",
     "remote-configurable-added"},
    {"adding external.configurable.enabled", "", CONFIGURABLE, "2.1", "customer-egress-added"},

    {"removing an egress URL", BACKEND(ONE("a.example") ", " ONE("b.example")),
     BACKEND(ONE("a.example")), "1.2", "egress-removed"},
    {"removing a remote", REMOTE(URL) NAMED, "", "1.2", "remote-removed"},
    {"removing an operation", REMOTE(URL ", operations: [fetch, compute]"),
     REMOTE(URL ", operations: [fetch]"), "1.2", "remote-operation-removed"},
    {"inScopeEUD true to false", BACKEND(ONE("a.example")),
     BACKEND("{address: a.example, inScopeEUD: false}"), "1.2", "in-scope-eud-removed"},
    {"string to object baseUrl without new URLs", REMOTE(URL) NAMED,
     REMOTE("baseUrl: {default: 'https://a.example'}") NAMED, "1.2", "base-url-form-changed"},
    {"moving a URL from fetch.backend to remotes unchanged", BACKEND(ONE("https://a.example")),
     REMOTE(URL) NAMED, "1.2", "egress-moved-to-remotes"},
    {"removing a customer-managed remote's baseUrl", REMOTE(URL ", " CHOSEN) NAMED,
     REMOTE(CHOSEN) NAMED, "1.2", "customer-managed-base-url-removed"},
    {"adding a customer-managed remote without baseUrl", "", REMOTE(CHOSEN) NAMED, "1.2",
     "customer-managed-remote-added"},
    {"removing external.configurable.enabled outside production", CONFIGURABLE, "", "1.2",
     "customer-egress-removed"},
};

/* ---- The stage ---------------------------------------------------------------------------- */

static char base[64], line[512];
static struct running done;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert(fprintf(file, HEAD "%s", text) > 0);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *read_back(const char *name)
{
    static char text[4096];
    FILE *file = fopen(path_of(name), "r");
    text[0] = '\0';
    if (file != NULL)
        running_read_back(file, text, sizeof(text));
    return text;
}

/* WHEN the manifest NAME is deployed to ENVIRONMENT with OPTIONS. */
static void deploy(const char *environment, const char *name, const char *options)
{
    snprintf(line, sizeof(line), "--policy %s/policy -a demo -e %s %s/%s %s", base, environment,
             base, name, options);
    running_run(&done, &command_deploy_description, line);
}

static void given(const char *environment, const char *text)
{
    put("old.yml", text);
    deploy(environment, "old.yml", "");
    ck_assert_str_eq(done.complaints, "");
    ck_assert_int_eq(strncmp(done.output, "1.1\nthe first version of ", 25), 0);
}

static void setup(void)
{
    snprintf(base, sizeof(base), "%s/sallyport-deploy-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(base));
    ck_assert_int_eq(mkdir(path_of("policy"), 0755), 0);
}

static void teardown(void)
{
    snprintf(line, sizeof(line), "rm -rf %s", base);
    ck_assert_int_eq(system(line), 0); /* NOLINT(cert-env33-c): a test's own words */
}

/* THEN the number stands first, and the reason with the rule that gave it. */
static void expect_number(const char *number, const char *rule)
{
    char first[16];
    snprintf(first, sizeof(first), "%s\n", number);
    ck_assert_str_eq(done.complaints, "");
    ck_assert_int_eq(done.status, 0);
    ck_assert_msg(strncmp(done.output, first, strlen(first)) == 0, "%s", done.output);
    ck_assert_msg(strstr(done.output, rule) != NULL, "%s", done.output);
}

START_TEST(numbers_each_line_of_the_rules)
{
    const struct row *row = &rows[_i];
    char rule[80];
    snprintf(rule, sizeof(rule), " %s: ", row->rule);
    given("staging", row->old);
    put("new.yml", row->new);
    deploy("staging", "new.yml", "");
    expect_number(row->number, rule);
    snprintf(rule, sizeof(rule), "policy/demo/staging/versions/%s/manifest.yml", row->number);
    ck_assert_str_eq(read_back(rule) + strlen(HEAD), row->new);
    ck_assert_str_eq(read_back("policy/demo/staging/manifest.yml") + strlen(HEAD), row->new);
}
END_TEST

START_TEST(writes_nothing_in_a_dry_run)
{
    given("staging", BACKEND(ONE("a.example")));
    put("new.yml", BACKEND(ONE("b.example")));
    deploy("staging", "new.yml", "--dry-run");
    expect_number("2.1", "nothing was written (--dry-run)\n");
    ck_assert_str_eq(read_back("policy/demo/staging/versions/2.1/manifest.yml"), "");
    ck_assert_ptr_null(strstr(read_back("policy/ledger.jsonl"), "\"n\":2"));
}
END_TEST

START_TEST(makes_no_version_of_the_same_bytes_and_a_minor_one_of_other_words)
{
    given("staging", BACKEND(ONE("a.example")));
    deploy("staging", "old.yml", "");
    expect_number("1.1", "unchanged: ");
    put("new.yml", BACKEND(ONE("a.example")) "# a comment\n");
    deploy("staging", "new.yml", "");
    expect_number("1.2", "same: ");
}
END_TEST

START_TEST(fixes_an_old_major_and_leaves_the_deployed_one)
{
    given("staging", BACKEND(ONE("a.example") ", " ONE("b.example")));
    put("new.yml", BACKEND(ONE("c.example")));
    deploy("staging", "new.yml", "");
    expect_number("2.1", "egress-swapped");
    put("fix.yml", BACKEND(ONE("a.example")));
    deploy("staging", "fix.yml", "--major-version 1");
    expect_number("1.2", "egress-removed");
    ck_assert_ptr_nonnull(strstr(read_back("policy/demo/staging/manifest.yml"), "c.example"));
    deploy("staging", "new.yml", "--major-version 1");
    ck_assert_int_eq(done.status, 2);
    ck_assert_ptr_nonnull(strstr(done.complaints, "no fix of major 1"));
    deploy("staging", "fix.yml", "--major-version 3");
    ck_assert_int_eq(done.status, 2);
    ck_assert_ptr_nonnull(strstr(done.complaints, "no version of major 3"));
}
END_TEST

START_TEST(keeps_customer_managed_egress_in_production)
{
    given("production", CONFIGURABLE);
    put("new.yml", "");
    deploy("production", "new.yml", "");
    ck_assert_int_eq(done.status, 2);
    ck_assert_str_eq(done.output, "");
    ck_assert_ptr_nonnull(strstr(done.complaints, "versions/1.1/manifest.yml:2:"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "cannot be removed in production"));
}
END_TEST

START_TEST(takes_what_another_environment_has_tested)
{
    given("development", BACKEND(ONE("a.example")));
    snprintf(line, sizeof(line),
             "--policy %s/policy -a demo -e production --from development --by Ann --why tested",
             base);
    running_run(&done, &command_deploy_description, line);
    expect_number("1.1", "the first version of demo/production");
    ck_assert_ptr_nonnull(strstr(read_back("policy/demo/production/manifest.yml"), "a.example"));
    ck_assert_ptr_nonnull(
        strstr(read_back("policy/ledger.jsonl"), "\"by\":\"Ann\",\"why\":\"tested\""));
}
END_TEST

/* WHEN the admin of the site a does VERB, with OPTIONS. */
static void administer(const char *verb, const char *options)
{
    snprintf(line, sizeof(line), "%s --policy %s/policy -a demo -e staging --id a %s", verb, base,
             options);
    running_run(&done, &command_installation_description, line);
    ck_assert_msg(done.status == 0, "%s", done.complaints);
}

/* GIVEN a site that has set a remote's endpoint, WHEN a minor version drops that remote. */
START_TEST(refuses_what_the_proxy_would_not_load_with_the_place)
{
    given("staging", REMOTE(CHOSEN) NAMED);
    administer("add", "");
    administer("remote r", "--endpoint https://x.a.example");
    put("new.yml", "");
    deploy("staging", "new.yml", "");
    ck_assert_int_eq(done.status, 2);
    ck_assert_msg(strstr(done.complaints, "staging/installations.yml:5:") != NULL, "%s",
                  done.complaints);
    ck_assert_ptr_null(strstr(read_back("policy/ledger.jsonl"), "\"1.2\""));
}
END_TEST

START_TEST(refuses_what_lint_calls_an_error_with_each_place)
{
    put("new.yml", BACKEND(ONE("http://a.example") ", {remote: nowhere}"));
    deploy("staging", "new.yml", "");
    ck_assert_int_eq(done.status, 2);
    ck_assert_str_eq(done.output, "");
    ck_assert_ptr_nonnull(strstr(done.complaints, "new.yml:2:"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "not encrypted"));
    ck_assert_ptr_nonnull(strstr(done.complaints, "nowhere"));
    ck_assert_str_eq(read_back("policy/ledger.jsonl"), "");
}
END_TEST

static const char *const bad_lines[] = {
    "",
    "--policy p -a demo manifest.yml",
    "--policy p -a demo -e staging",
    "--policy p -a demo -e staging a.yml b.yml",
    "--policy p -a demo -e staging --from development a.yml",
    "--policy p -a demo -e staging --major-version 0 a.yml",
    "--policy p -a demo -e staging --major-version x a.yml",
    "--policy p -a demo -e staging a.yml --by",
};

START_TEST(refuses_bad_usage)
{
    running_run(&done, &command_deploy_description, bad_lines[_i]);
    ck_assert_int_eq(done.status, 2);
    ck_assert_str_eq(done.output, "");
    ck_assert_ptr_nonnull(strstr(done.complaints, "see 'sallyport help deploy'"));
}
END_TEST

START_TEST(refuses_names_that_no_app_can_have)
{
    put("new.yml", BACKEND(ONE("a.example")));
    snprintf(line, sizeof(line), "--policy %s/policy -a ../up -e staging %s/new.yml", base, base);
    running_run(&done, &command_deploy_description, line);
    ck_assert_int_eq(done.status, 2);
    ck_assert_ptr_nonnull(strstr(done.complaints, "cannot be the name of an app"));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("deploy");
    TCase *group = tcase_create("deploy");
    tcase_add_checked_fixture(group, setup, teardown);
    tcase_add_loop_test(group, numbers_each_line_of_the_rules, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(group, writes_nothing_in_a_dry_run);
    tcase_add_test(group, makes_no_version_of_the_same_bytes_and_a_minor_one_of_other_words);
    tcase_add_test(group, fixes_an_old_major_and_leaves_the_deployed_one);
    tcase_add_test(group, keeps_customer_managed_egress_in_production);
    tcase_add_test(group, takes_what_another_environment_has_tested);
    tcase_add_test(group, refuses_what_the_proxy_would_not_load_with_the_place);
    tcase_add_test(group, refuses_what_lint_calls_an_error_with_each_place);
    tcase_add_loop_test(group, refuses_bad_usage, 0,
                        (int)(sizeof(bad_lines) / sizeof(bad_lines[0])));
    tcase_add_test(group, refuses_names_that_no_app_can_have);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
