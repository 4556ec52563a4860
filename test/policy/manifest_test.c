/* Promises of policy/manifest about what a manifest grants. */
#include "test/policy/reading.h"
#include "test/suite.h"

static struct reading reading;

static void setup(void)
{
    reading_start(&reading);
}

static void teardown(void)
{
    reading_end(&reading);
}

#define BACKEND "permissions:\n  external:\n    fetch:\n      backend:\n" /* 4 lines */

static void assert_grants(const char *yaml, const char *rules)
{
    reading_read(&reading, yaml);
    ck_assert_str_eq(reading_findings(&reading), "");
    ck_assert_str_eq(reading_rules(&reading, ""), rules);
}

struct file_row {
    const char *name;
    const char *rules_of_yaml;
    const char *rules_of_json;
};

static const struct file_row file_rows[] = {
    {"Atlassian-Forge-Jira-Summariser", "api.replicate.com fetch.backend 16:11\n",
     "api.replicate.com fetch.backend 25:11\n"},
    {"flagsmith-jira-integration", "api.flagsmith.com fetch.backend 57:11\n",
     "api.flagsmith.com fetch.backend 85:11\n"},
    {"pit-crew-for-jira", "generativelanguage.googleapis.com fetch.backend 24:11\n",
     "generativelanguage.googleapis.com fetch.backend 37:11\n"},
    {"solace-confluence-forge-app",
     "https://api.solace.cloud fetch.backend 54:11\nhttps://solace.com fetch.backend 55:11\n"
     "*.localhost fetch.backend 56:11\n* fetch.backend 57:11\n",
     "https://api.solace.cloud fetch.backend 84:11\nhttps://solace.com fetch.backend 85:11\n"
     "*.localhost fetch.backend 86:11\n* fetch.backend 87:11\n"},
};

static void assert_file_grants(const struct file_row *row, const char *suffix, const char *rules)
{
    char path[128];
    snprintf(path, sizeof(path), "test/policy/data/manifests/%s.%s", row->name, suffix);
    reading_read_file(&reading, path);
    assert_grants(NULL, rules);
    ck_assert_str_eq(reading.grant.file, path);
}

START_TEST(reads_a_real_manifest)
{
    assert_file_grants(&file_rows[_i], "yml", file_rows[_i].rules_of_yaml);
}
END_TEST

START_TEST(reads_a_real_manifest_as_json)
{
    assert_file_grants(&file_rows[_i], "json", file_rows[_i].rules_of_json);
}
END_TEST

START_TEST(reads_every_part_of_a_real_manifest)
{
    reading_read_file(&reading, "test/policy/data/manifests/solace-confluence-forge-app.yml");
    reading_read(&reading, NULL);
    const struct manifest *manifest = reading.manifest;
    ck_assert(span_equal(manifest->app_id, SPAN("ari:cloud:ecosystem::app/"
                                                "c79b6e99-d250-4a54-9901-04a41b84a372")));
    ck_assert_uint_eq(manifest->app_id_at.line, 59);
    ck_assert_uint_eq(manifest->scope_count, 4);
    ck_assert(span_equal(manifest->scopes[3].name, SPAN("write:confluence-content")));
    ck_assert_uint_eq(manifest->scopes[3].at.line, 40);
    ck_assert(span_equal(manifest->content_styles[0], SPAN("unsafe-inline")));
    ck_assert(span_equal(manifest->content_scripts[0], SPAN("unsafe-eval")));
    ck_assert_uint_eq(manifest->lists[LIST_FETCH_CLIENT].count, 4);
    ck_assert_uint_eq(manifest->lists[LIST_IMAGES].count, 0);
}
END_TEST

START_TEST(an_entry_is_a_string_or_an_object)
{
    assert_grants(BACKEND "        - a.example.com\n"
                          "        - {address: '*.b.example.com', inScopeEUD: false}\n"
                          "        - address: wss://c.example.com:8443\n"
                          "          category: analytics\n",
                  "a.example.com fetch.backend 5:11\n"
                  "*.b.example.com fetch.backend 6:21\n"
                  "wss://c.example.com:8443 fetch.backend 7:20 analytics\n");
    const struct manifest_entry *items = reading.manifest->lists[LIST_FETCH_BACKEND].items;
    ck_assert(items[0].in_scope_eud && !items[1].in_scope_eud && items[2].in_scope_eud);
    ck_assert_int_eq(items[0].form, ENTRY_STRING);
    ck_assert_int_eq(items[1].form, ENTRY_OBJECT);
    ck_assert_uint_eq(reading.grant.rules[2].address.port, 8443);
    ck_assert_int_eq(reading.grant.rules[2].address.scheme, SCHEME_WSS);
    ck_assert(reading.grant.rules[1].address.wildcard);
}
END_TEST

START_TEST(a_remote_grants_its_base_url_where_that_is_written)
{
    assert_grants("remotes:\n"
                  "  - key: orders\n"
                  "    baseUrl: https://orders.example.com/api\n" BACKEND
                  "        - remote: orders\n",
                  "https://orders.example.com/api remotes 3:14\n");
    const struct manifest_entry *entry = &reading.manifest->lists[LIST_FETCH_BACKEND].items[0];
    ck_assert_int_eq(entry->form, ENTRY_REMOTE);
    ck_assert_uint_eq(entry->at.line, 8);
}
END_TEST

START_TEST(a_remote_that_is_not_named_grants_nothing)
{
    assert_grants("remotes: [{key: orders, baseUrl: 'https://orders.example.com'}]\n", "");
}
END_TEST

#define REGIONS                                                                                    \
    "remotes:\n"                                                                                   \
    "  - key: orders\n"                                                                            \
    "    baseUrl:\n"                                                                               \
    "      EU: https://eu.example.com\n"                                                           \
    "      default: https://example.com\n"                                                         \
    "  - key: europe\n"                                                                            \
    "    baseUrl: {EU: 'https://europe.example.com'}\n" BACKEND "        - remote: orders\n"       \
    "        - remote: europe\n"

START_TEST(a_region_picks_its_base_url_else_the_default)
{
    assert_grants(REGIONS, "https://example.com remotes 5:16\n");
    ck_assert_str_eq(reading_rules(&reading, "default"), "https://example.com remotes 5:16\n");
    ck_assert_str_eq(reading_rules(&reading, "US"), "https://example.com remotes 5:16\n");
    ck_assert_str_eq(reading_rules(&reading, "EU"), "https://eu.example.com remotes 4:11\n"
                                                    "https://europe.example.com remotes 7:19\n");
}
END_TEST

START_TEST(a_configurable_remote_needs_no_base_url_and_grants_nothing_by_itself)
{
    assert_grants("remotes:\n"
                  "  - key: site\n"
                  "    configurable: {name: Site, supportedPatterns: ['*.example.com']}\n" BACKEND
                  "        - remote: site\n",
                  "");
    const struct manifest_remote *remote = manifest_find_remote(reading.manifest, SPAN("site"));
    ck_assert(remote->configurable);
    ck_assert_uint_eq(remote->supported_pattern_count, 1);
    ck_assert(span_equal(remote->supported_patterns[0], SPAN("*.example.com")));
}
END_TEST

START_TEST(reads_the_rest_of_a_remote)
{
    reading_read(&reading, "remotes:\n"
                           "  - key: orders\n"
                           "    baseUrl: https://orders.example.com\n"
                           "    operations: [storage, fetch]\n"
                           "    auth: {appSystemToken: {enabled: true}}\n"
                           "    storage: {inScopeEUD: true}\n");
    const struct manifest_remote *remote = &reading.manifest->remotes[0];
    ck_assert_uint_eq(remote->operation_count, 2);
    ck_assert(remote->app_system_token && !remote->app_user_token && remote->storage_in_scope_eud);
    ck_assert(!remote->by_region);
    ck_assert_uint_eq(remote->at.column, 10);
}
END_TEST

START_TEST(reads_providers_with_the_remotes_of_their_actions)
{
    reading_read(&reading, "providers:\n"
                           "  auth:\n"
                           "    - key: google\n"
                           "      clientId: abc\n"
                           "      remotes: [one]\n"
                           "      actions:\n"
                           "        authorization: {remote: two, path: /auth}\n"
                           "        exchange: {path: /token}\n"
                           "        revokeToken: {remote: three}\n");
    const struct manifest_provider *provider = &reading.manifest->providers[0];
    ck_assert(span_equal(provider->client_id, SPAN("abc")));
    ck_assert_uint_eq(provider->remote_count, 3);
    ck_assert(span_equal(provider->remotes[2], SPAN("three")));
    ck_assert_uint_eq(provider->remotes_at[2].line, 9);
}
END_TEST

START_TEST(scopes_may_be_a_map)
{
    reading_read(&reading, "permissions:\n  enforcement: app-managed\n  scopes:\n"
                           "    read:jira-work: {allowImpersonation: true}\n    write:jira-work:\n"
                           "  external: {configurable: {enabled: true}}\n");
    ck_assert_uint_eq(reading.manifest->scope_count, 2);
    ck_assert(reading.manifest->scopes[0].allow_impersonation);
    ck_assert(!reading.manifest->scopes[1].allow_impersonation);
    ck_assert(reading.manifest->app_managed && reading.manifest->configurable);
}
END_TEST

START_TEST(aliases_merge_keys_and_quoted_keys_are_read_as_yaml_has_them)
{
    assert_grants("hosts: &hosts\n"
                  "  - a.example.com\n"
                  "base: &base {fetch: {backend: *hosts}}\n"
                  "permissions: {\"external\": {<<: *base}}\n",
                  "a.example.com fetch.backend 2:5\n");
}
END_TEST

START_TEST(a_manifest_without_egress_grants_nothing)
{
    static const char *const yaml[] = {"app: {id: x}\n", "permissions:\n",
                                       "permissions: {external: {fetch: {backend: []}}}\n",
                                       "permissions: {external: {fetch: {backend: }}}\n"};
    assert_grants(yaml[_i], "");
}
END_TEST

START_TEST(variables_are_replaced_before_an_address_is_judged)
{
    reading_set(&reading, "HOST=api.example.com");
    reading_set(&reading, "UNUSED=x");
    assert_grants("environment:\n"
                  "  variables: [HOST, {key: PORT, default: 8443}, {key: TLD, default: org}]\n"
                  "remotes: [{key: r, baseUrl: 'https://${HOST}'}]\n" BACKEND
                  "        - https://${HOST}:${PORT}\n"
                  "        - address: example.${TLD}\n"
                  "        - remote: r\n",
                  "https://api.example.com:8443 fetch.backend 8:11\n"
                  "example.org fetch.backend 9:20\n"
                  "https://api.example.com remotes 3:29\n");
}
END_TEST

START_TEST(a_value_from_outside_wins_over_the_default)
{
    reading_set(&reading, "HOST=set.example.com");
    assert_grants("environment: {variables: [{key: HOST, default: default.example.com}]}\n" BACKEND
                  "        - ${HOST}\n",
                  "set.example.com fetch.backend 6:11\n");
}
END_TEST

START_TEST(a_value_is_not_looked_at_for_further_variables)
{
    reading_set(&reading, "A=${B}");
    reading_set(&reading, "B=b.example.com");
    reading_read(&reading, "environment: {variables: [A, B]}\n" BACKEND "        - ${A}\n");
    ck_assert_str_eq(reading_findings(&reading), "error 6:11 address\n");
    ck_assert_uint_eq(reading.grant.count, 0);
}
END_TEST

START_TEST(plain_http_is_a_warning_where_it_is_allowed)
{
    reading.options.plain_http = true;
    reading_read(&reading,
                 BACKEND "        - http://a.example.com\n        - ws://b.example.com\n");
    ck_assert_str_eq(reading_findings(&reading),
                     "warning 5:11 plain-http\nwarning 6:11 plain-http\n");
    ck_assert_str_eq(reading_rules(&reading, ""), "http://a.example.com fetch.backend 5:11\n"
                                                  "ws://b.example.com fetch.backend 6:11\n");
    ck_assert_uint_eq(reading.grant.rules[0].address.port, 80);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manifest");
    TCase *tests = tcase_create("manifest");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, reads_a_real_manifest, 0, 4);
    tcase_add_loop_test(tests, reads_a_real_manifest_as_json, 0, 4);
    tcase_add_test(tests, reads_every_part_of_a_real_manifest);
    tcase_add_test(tests, an_entry_is_a_string_or_an_object);
    tcase_add_test(tests, a_remote_grants_its_base_url_where_that_is_written);
    tcase_add_test(tests, a_remote_that_is_not_named_grants_nothing);
    tcase_add_test(tests, a_region_picks_its_base_url_else_the_default);
    tcase_add_test(tests, a_configurable_remote_needs_no_base_url_and_grants_nothing_by_itself);
    tcase_add_test(tests, reads_the_rest_of_a_remote);
    tcase_add_test(tests, reads_providers_with_the_remotes_of_their_actions);
    tcase_add_test(tests, scopes_may_be_a_map);
    tcase_add_test(tests, aliases_merge_keys_and_quoted_keys_are_read_as_yaml_has_them);
    tcase_add_loop_test(tests, a_manifest_without_egress_grants_nothing, 0, 4);
    tcase_add_test(tests, variables_are_replaced_before_an_address_is_judged);
    tcase_add_test(tests, a_value_from_outside_wins_over_the_default);
    tcase_add_test(tests, a_value_is_not_looked_at_for_further_variables);
    tcase_add_test(tests, plain_http_is_a_warning_where_it_is_allowed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
