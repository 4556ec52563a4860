/* Promises of policy/installations: what the file means, what it refuses, and its one form. */
#include <check.h>
#include <stdlib.h>

#include "policy/installations.h"
#include "test/suite.h"

static struct arena *arena;
static struct yaml_document *document;
static struct findings findings;
static struct installations *installations;
static char lines[8192];

static void setup(void)
{
    arena = arena_new((size_t)256 * 1024 * 1024);
    document = NULL;
}

static void teardown(void)
{
    yaml_document_free(document);
    arena_free(arena);
}

static void read_yaml(const char *yaml)
{
    struct error error;
    yaml_document_free(document);
    document = yaml_document_parse_within(span_of(yaml), "installations.yml", &installations_limits,
                                          &error);
    ck_assert_msg(document != NULL, "%s", error.message);
    findings_init(&findings, arena, "installations.yml");
    installations = installations_read(document, arena, &findings);
    ck_assert_ptr_nonnull(installations);
}

static void read_sound(const char *yaml)
{
    struct error error = {.message = ""};
    read_yaml(yaml);
    ck_assert_msg(!findings_error(&findings, &error), "%u:%u %s", error.at.line, error.at.column,
                  error.message);
}

static const char *written(void)
{
    struct text text;
    text_init_fixed(&text, lines, sizeof(lines) - 1);
    installations_write(installations, &text);
    ck_assert(!text.overflow);
    lines[text.length] = '\0';
    return lines;
}

/* "LINE:COLUMN RULE" a finding. */
static const char *found(void)
{
    struct text text;
    text_init_fixed(&text, lines, sizeof(lines) - 1);
    for (const struct finding *one = findings.first; one != NULL; one = one->next)
        text_add_format(&text, "%u:%u %s\n", one->at.line, one->at.column, one->rule);
    ck_assert(!text.overflow);
    lines[text.length] = '\0';
    return lines;
}

static const char everything[] = "installations:\n"
                                 "  - {id: plain, approved: 1}\n"
                                 "  - {id: \"123\", approved: 2, region: EU, analytics: off, "
                                 "suspended: true, log_access: true}\n"
                                 "  - id: site-b\n"
                                 "    approved: 3\n"
                                 "    egress:\n"
                                 "      - key: erp\n"
                                 "        description: \"our \\\"ERP\\\"\\u2028\"\n"
                                 "        configured:\n"
                                 "          - {domain: \"*.erp.example\", type: "
                                 "[FETCH_BACKEND_SIDE, IMAGES]}\n"
                                 "    remotes:\n"
                                 "      - {key: orders, configured: {endpoint: "
                                 "\"https://orders.eu.example.com\"}}\n";

START_TEST(what_an_admin_says_is_read)
{
    read_sound(everything);
    ck_assert_uint_eq(installations->count, 3);
    const struct installation *second = installations_find(installations, SPAN("123"));
    ck_assert_uint_eq(second->approved, 2);
    ck_assert(span_equal(second->region, SPAN("EU")));
    ck_assert(second->analytics_off && second->suspended && second->log_access);
    const struct installation *third = installations_find(installations, SPAN("site-b"));
    ck_assert(!third->analytics_off && !third->suspended && !third->log_access);
    ck_assert_uint_eq(third->at.line, 4);
    ck_assert_uint_eq(third->at.column, 9);
    ck_assert_uint_eq(third->groups[0].domains[0].lists,
                      1U << LIST_FETCH_BACKEND | 1U << LIST_IMAGES);
    ck_assert(third->groups[0].domains[0].address.wildcard);
    ck_assert_str_eq(third->remotes[0].address.host.text, "orders.eu.example.com");
}
END_TEST

START_TEST(who_is_not_listed_is_not_found)
{
    read_sound(everything);
    ck_assert_ptr_null(installations_find(installations, SPAN("site")));
}
END_TEST

START_TEST(the_canonical_text_is_read_and_written_as_it_is)
{
    read_sound(everything);
    ck_assert_str_eq(written(), everything);
}
END_TEST

START_TEST(other_spellings_become_the_canonical_text)
{
    read_sound("{\"installations\": [{\"approved\": 1, \"analytics\": \"on\", \"id\": \"a\", "
               "\"region\": \"default\", \"suspended\": false, \"egress\": []}]}");
    ck_assert_str_eq(written(), "installations:\n  - {id: a, approved: 1}\n");
}
END_TEST

START_TEST(nobody_is_written_as_an_empty_list)
{
    read_sound("installations: []");
    ck_assert_str_eq(written(), "installations: []\n");
}
END_TEST

static const struct refused_row {
    const char *yaml;
    const char *found;
} refused[] = {
    {"", "1:1 wrong-type\n"},
    {"{}", "1:1 missing-key\n"},
    {"installations: {}", "1:16 wrong-type\n"},
    {"installations: []\nmore: 1", "2:1 unknown-key\n"},
    {"installations: [a]", "1:17 wrong-type\n"},
    {"installations: [{approved: 1}]", "1:17 missing-key\n"},
    {"installations: [{id: a}]", "1:17 missing-key\n"},
    {"installations: [{id: 12, approved: 1}]", "1:22 wrong-type\n"},
    {"installations: [{id: A, approved: 1}]", "1:22 id\n"},
    {"installations: [{id: a, approved: 0}]", "1:35 approved\n"},
    {"installations: [{id: a, approved: 01}]", "1:35 approved\n"},
    {"installations: [{id: a, approved: \"1\"}]", "1:35 approved\n"},
    {"installations: [{id: a, approved: 1.1}]", "1:35 approved\n"},
    {"installations: [{id: a, approved: 1000001}]", "1:35 approved\n"},
    {"installations: [{id: a, approved: 1, Region: EU}]", "1:38 unknown-key\n"},
    {"installations: [{id: a, approved: 1, region: XX}]", "1:46 region\n"},
    {"installations: [{id: a, approved: 1, analytics: false}]", "1:49 analytics\n"},
    {"installations: [{id: a, approved: 1, suspended: yes}]", "1:49 wrong-type\n"},
    {"installations: [{id: a, approved: 1}, {id: a, approved: 2}]", "1:44 duplicate\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x y}]}]", "1:53 key\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x}, {key: x}]}]", "1:63 duplicate\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, description: 1}]}]",
     "1:69 wrong-type\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, description: \"\\n\"}]}]",
     "1:69 description\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, configured: [{domain: a.b}]}]}]",
     "1:69 type\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, configured: [{domain: a.b, type: "
     "[BACKEND]}]}]}]",
     "1:90 type\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, configured: [{domain: a.b, type: "
     "[FONTS, FONTS]}]}]}]",
     "1:97 type\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, configured: [{domain: \"*\", type: "
     "[FETCH_BACKEND_SIDE]}]}]}]",
     "1:78 domain\n"},
    {"installations: [{id: a, approved: 1, egress: [{key: x, configured: [{domain: bare, type: "
     "[FETCH_BACKEND_SIDE]}]}]}]",
     "1:78 domain\n"},
    {"installations: [{id: a, approved: 1, remotes: [{key: x}]}]", "1:48 missing-key\n"},
    {"installations: [{id: a, approved: 1, remotes: [{key: x, configured: {endpoint: "
     "\"*.a.b\"}}]}]",
     "1:80 endpoint\n"},
    {"installations: [{id: a, approved: 1, remotes: [{key: x, configured: {endpoint: a.b}}, {key: "
     "x, configured: {endpoint: a.b}}]}]",
     "1:93 duplicate\n"},
};

START_TEST(what_could_be_meant_otherwise_is_refused_at_its_place)
{
    read_yaml(refused[_i].yaml);
    ck_assert_str_eq(found(), refused[_i].found);
}
END_TEST

START_TEST(a_hundred_thousand_installations_are_one_file)
{
    struct text yaml;
    text_init(&yaml, installations_limits.bytes);
    text_add_string(&yaml, "installations:\n");
    for (int i = 0; i < 100000; i++)
        text_add_format(&yaml, "  - {id: site-%06d, approved: 1, region: EU, analytics: off}\n", i);
    text_add_char(&yaml, '\0');
    ck_assert(!yaml.overflow);
    read_sound(yaml.data);
    ck_assert_uint_eq(installations->count, 100000);
    text_clear(&yaml);
}
END_TEST

/* ---- against the approved manifest --------------------------------------------------- */

#define NOTHING_CONFIGURABLE "permissions: {external: {fetch: {backend: []}}}\n"
#define GROUPS_CONFIGURABLE  "permissions: {external: {configurable: {enabled: true}}}\n"
#define REMOTE                                                                                     \
    "remotes:\n"                                                                                   \
    "  - {key: fixed, baseUrl: \"https://a.example\"}\n"                                           \
    "  - {key: orders, configurable: {supportedPatterns: [\"*.example.com\"]}}\n"
#define SITE "installations: [{id: a, approved: 1, "

static const struct check_row {
    const char *manifest;
    const char *yaml;
    const char *found;
} checks[] = {
    {NOTHING_CONFIGURABLE, SITE "egress: [{key: erp}]}]", "1:53 not-configurable\n"},
    {GROUPS_CONFIGURABLE, SITE "egress: [{key: erp}]}]", ""},
    {GROUPS_CONFIGURABLE,
     SITE "egress: [{key: erp, configured: [{domain: \"http://a.b\", type: "
          "[FETCH_BACKEND_SIDE]}]}]}]",
     "1:80 plain-http\n"},
    {REMOTE, SITE "remotes: [{key: none, configured: {endpoint: a.example.com}}]}]",
     "1:54 unknown-remote\n"},
    {REMOTE, SITE "remotes: [{key: fixed, configured: {endpoint: a.example.com}}]}]",
     "1:54 not-configurable\n"},
    {REMOTE, SITE "remotes: [{key: orders, configured: {endpoint: a.example.com}}]}]", ""},
    {REMOTE, SITE "remotes: [{key: orders, configured: {endpoint: example.com}}]}]",
     "1:85 endpoint\n"},
    {REMOTE, SITE "remotes: [{key: orders, configured: {endpoint: \"ws://a.example.com\"}}]}]",
     "1:85 plain-http\n"},
};

START_TEST(an_admin_configures_what_the_approved_manifest_lets_be_configured)
{
    struct error error;
    struct findings ignored;
    const struct manifest_options options = {0};
    struct yaml_document *yaml =
        yaml_document_parse(span_of(checks[_i].manifest), "manifest.yml", &error);
    ck_assert_ptr_nonnull(yaml);
    findings_init(&ignored, arena, "manifest.yml");
    const struct manifest *manifest = manifest_read(yaml, &options, arena, &ignored);
    read_sound(checks[_i].yaml);
    installation_check(&installations->items[0], manifest, false, &findings);
    ck_assert_str_eq(found(), checks[_i].found);
    yaml_document_free(yaml);
}
END_TEST

static const struct pattern_row {
    const char *pattern;
    const char *endpoint;
    bool matches;
} patterns[] = {
    {"*.example.com", "https://orders.eu.example.com", true},
    {"*.example.com", "https://Orders.Example.COM/api", true},
    {"*.example.com", "https://example.com", false},
    {"*.example.com", "https://.example.com.evil.example", false},
    {"*.example.com", "https://evil.example/a.example.com", false},
    {"*.example.com", "https://evil.example/?.example.com", false},
    {"*.example.com", "https://evil.example#.example.com", false},
    {"*.example.com", "https://a.example.com:8443", false},
    {"*.example.com", "https://a.example.com:443", true},
    {"https://*.example.com", "wss://a.example.com", false},
    {"https://*.example.com", "a.example.com", true},
    {"https://orders.example.com", "https://orders.example.com", true},
    {"https://orders.example.com", "https://orders-example.com", false},
    {"https://orders-*.example.com/", "https://orders-1.example.com/x", true},
    {"https://orders.example.com/api/*", "https://orders.example.com/api/v1", true},
    {"https://orders.example.com/api/*", "https://orders.example.com/other", false},
    {"https://orders.example.com:*", "https://orders.example.com:8443", true},
    {"*", "https://any.example", true},
    {"**", "https://any.example", false},
    {"*.*.example", "https://a.b.example", false},
    {"", "https://any.example", false},
};

START_TEST(a_pattern_never_reaches_beyond_the_host_it_names)
{
    struct address address;
    struct error error;
    if (!address_parse(span_of(patterns[_i].endpoint), &address, &error)) {
        ck_assert(!patterns[_i].matches);
        return;
    }
    ck_assert_int_eq(installation_pattern_matches(span_of(patterns[_i].pattern),
                                                  span_of(patterns[_i].endpoint), &address),
                     patterns[_i].matches);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("installations");
    TCase *tests = tcase_create("installations");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_an_admin_says_is_read);
    tcase_add_test(tests, who_is_not_listed_is_not_found);
    tcase_add_test(tests, the_canonical_text_is_read_and_written_as_it_is);
    tcase_add_test(tests, other_spellings_become_the_canonical_text);
    tcase_add_test(tests, nobody_is_written_as_an_empty_list);
    tcase_add_loop_test(tests, what_could_be_meant_otherwise_is_refused_at_its_place, 0,
                        COUNT(refused));
    tcase_add_test(tests, a_hundred_thousand_installations_are_one_file);
    tcase_add_loop_test(tests, an_admin_configures_what_the_approved_manifest_lets_be_configured, 0,
                        COUNT(checks));
    tcase_add_loop_test(tests, a_pattern_never_reaches_beyond_the_host_it_names, 0,
                        COUNT(patterns));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
