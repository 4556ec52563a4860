/*
 * Promises of policy/manifest about mistakes: those in what decides egress are
 * errors with their place, those elsewhere are lint's alone.
 */
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

#define BACKEND "permissions: {external: {fetch: {backend: " /* 42 columns */

struct refused_row {
    const char *yaml;
    const char *findings;
    const char *words;
};

static const struct refused_row refused_rows[] = {
    {"[a]", "error 1:1 wrong-type\n", "the manifest is a list"},
    {"", "error 1:1 wrong-type\n", "the manifest is nothing"},
    {"permissions: x", "error 1:14 wrong-type\n", "permissions is a string; it must be a mapping"},
    {"permissions: {external: [x]}", "error 1:25 wrong-type\n", "permissions.external is a list"},
    {"permissions: {external: {fetch: 1}}", "error 1:33 wrong-type\n", "fetch is a number"},
    {BACKEND "a.example.com}}}", "error 1:43 wrong-type\n",
     "permissions.external.fetch.backend is a string; it must be a list"},
    {BACKEND "{address: a.example.com}}}}", "error 1:43 wrong-type\n", "is a mapping"},
    {BACKEND "[12]}}}", "error 1:44 entry\n", "a number in fetch.backend"},
    {BACKEND "[~]}}}", "error 1:44 entry\n", "nothing in fetch.backend"},
    {BACKEND "[true]}}}", "error 1:44 entry\n", "a boolean in fetch.backend"},
    {BACKEND "[[a.example.com]]}}}", "error 1:44 entry\n", "a list in fetch.backend"},
    {BACKEND "[{}]}}}", "error 1:44 entry\n", "without an address"},
    {BACKEND "[{category: analytics}]}}}", "error 1:44 entry\n", "without an address"},
    {BACKEND "[{address: 12}]}}}", "error 1:54 wrong-type\n", "an address is a number"},
    {BACKEND "[{address: a.b, adress: c.d}]}}}", "error 1:59 unknown-key\n",
     "did you mean \"address\"?"},
    {BACKEND "[{address: a.b, remote: c}]}}}",
     "error 1:45 unknown-key\nerror 1:67 unknown-remote\n",
     "\"address\" is not a key of an entry that names a remote"},
    {BACKEND "[{address: a.b, category: Analytics}]}}}", "error 1:69 category\n",
     "\"Analytics\" is unknown"},
    {BACKEND "[{address: a.b, inScopeEUD: yes}]}}}", "error 1:71 wrong-type\n", "true or false"},
    {BACKEND "[localhost]}}}", "error 1:44 address\n", "localhost"},
    {BACKEND "['a b.com']}}}", "error 1:44 address\n", "spaces"},
    {BACKEND "['slack:']}}}", "error 1:44 address\n", "colon"},
    {BACKEND "['javascript:x']}}}", "error 1:44 address\n", "javascript"},
    {BACKEND "[a.*.com]}}}", "error 1:44 address\n", "wildcard"},
    {BACKEND "['http://a.b']}}}", "error 1:44 plain-http\n", "write https://"},
    {BACKEND "['ws://a.b']}}}", "error 1:44 plain-http\n", "write wss://"},
    {BACKEND "[{remote: x}]}}}", "error 1:53 unknown-remote\n", "no remote has the key \"x\""},
    {BACKEND "[{remote: 1}]}}}", "error 1:53 wrong-type\n", "remote is a number"},
    {BACKEND "['${A}']}}}", "error 1:44 variable\n", "\"A\" is not declared"},
    {BACKEND "['${A-B}']}}}", "error 1:44 variable\n", "one is written ${NAME}"},
    {BACKEND "['${A']}}}", "error 1:44 variable\n", "one is written ${NAME}"},
    {BACKEND "['${']}}}", "error 1:44 variable\n", "one is written ${NAME}"},
    {"environment: {variables: [A]}\n" BACKEND "['${A}']}}}", "error 2:44 variable\n",
     "\"A\" is not set and has no default"},
    {"environment: {variables: [A, {key: A, default: x}]}", "error 1:36 variable\n",
     "declared twice, first on line 1"},
    {"environment: {variables: [A-B]}", "error 1:27 variable\n", "not a variable's name"},
    {"environment: {variables: [1]}", "error 1:27 variable\n", "without a name"},
    {"environment: {variables: [{default: x}]}", "error 1:27 variable\n", "without a name"},
    {"environment: {variables: [{key: A, defualt: x}]}", "error 1:36 unknown-key\n",
     "did you mean \"default\"?"},
    {"environment: {variables: [{key: A, default: [x]}]}", "error 1:45 wrong-type\n", "text"},
    {"environment: {variables: {A: x}}", "error 1:26 wrong-type\n", "it must be a list"},
    {"environment: []", "error 1:14 wrong-type\n", "it must be a mapping"},
    {"remotes: {a: b}", "error 1:10 wrong-type\n", "remotes is a mapping; it must be a list"},
    {"remotes: [x]", "error 1:11 wrong-type\n", "a remote is a string"},
    {"remotes: [{baseUrl: 'https://a.b'}]", "error 1:11 remote\n", "without a key"},
    {"remotes: [{key: a b, baseUrl: 'https://a.b'}]", "error 1:17 remote\n", "\"a b\" is not"},
    {"remotes: [{key: a23456789012345678901234, baseUrl: 'https://a.b'}]", "error 1:17 remote\n",
     "at most 23"},
    {"remotes: [{key: a}]", "error 1:11 base-url\n", "without a baseUrl"},
    {"remotes: [{key: a, baseUrl: {}}]", "error 1:29 base-url\n", "without a baseUrl"},
    {"remotes: [{key: a, baseUrl: [x]}]", "error 1:29 wrong-type\n", "baseUrl is a list"},
    {"remotes: [{key: a, baseUrl: 'https://*.a.b'}]", "error 1:29 base-url\n", "not one host"},
    {"remotes: [{key: a, baseUrl: '*'}]", "error 1:29 base-url\n", "not one host"},
    {"remotes: [{key: a, baseUrl: 'http://a.b'}]", "error 1:29 plain-http\n", "not encrypted"},
    {"remotes: [{key: a, baseUrl: 'ftp://a.b'}]", "error 1:29 base-url\n", "ftp"},
    {"remotes: [{key: a, baseUrl: {XX: 'https://a.b'}}]", "error 1:30 region\n",
     "\"XX\" is not a region"},
    {"remotes: [{key: a, baseUrl: {EU: 1}}]", "error 1:34 wrong-type\n", "baseUrl is a number"},
    {"remotes: [{key: a, configurable: yes, baseUrl: a.b}]", "error 1:34 wrong-type\n",
     "configurable is a string"},
    {"remotes: [{key: a, baseUrl: a.b}, {key: b, baseUrl: a.b}, {key: a, baseUrl: c.d}]",
     "error 1:65 remote\n", "\"a\" is declared twice"},
    {"permissions: {external: {configurable: {enabled: 1}}}", "error 1:50 wrong-type\n",
     "true or false"},
};

START_TEST(a_mistake_in_what_decides_egress_is_an_error_with_its_place)
{
    const struct refused_row *row = &refused_rows[_i];
    struct error error;
    reading_read(&reading, row->yaml);
    ck_assert_str_eq(reading_findings(&reading), row->findings);
    ck_assert(findings_error(&reading.findings, &error));
    ck_assert_str_eq(error.file, "manifest.yml");
    ck_assert_uint_eq(error.at.line, reading.findings.first->at.line);
    ck_assert_msg(strstr(error.message, row->words) != NULL, "%s", error.message);
}
END_TEST

START_TEST(what_could_not_be_read_grants_nothing)
{
    reading_read(&reading, BACKEND "[a.b, 'http://c.d', localhost, {remote: x}, e.f]}}}");
    ck_assert_str_eq(reading_rules(&reading, ""),
                     "a.b fetch.backend 1:44\ne.f fetch.backend 1:87\n");
}
END_TEST

/* Mistakes that decide no egress of the app's server side. */
static const char *const aside_rows[][2] = {
    {"permissions: {scopes: x}", "wrong-type"},
    {"permissions: {scopes: [1]}", "wrong-type"},
    {"permissions: {scopes: {a: 1}}", "wrong-type"},
    {"permissions: {scops: []}", "unknown-key"},
    {"permissions: {external: {fetc: {}}}", "unknown-key"},
    {"permissions: {external: {fetch: {backends: []}}}", "unknown-key"},
    {"permissions: {content: {style: []}}", "unknown-key"},
    {"permissions: {content: {styles: x}}", "wrong-type"},
    {"permissions: {enforcement: mine}", "enforcement"},
    {"permissions: {external: {images: x}}", "wrong-type"},
    {"permissions: {external: {images: [1]}}", "entry"},
    {"permissions: {external: {images: [{remote: x}]}}", "entry"},
    {"permissions: {external: {images: ['${A}']}}", "variable"},
    {"permissions: {external: {images: ['javascript:x']}}", "address"},
    {"permissions: {external: {images: ['JavaScript://x']}}", "address"},
    {"permissions: {external: {images: ['slack: x']}}", "address"},
    {"permissions: {external: {images: ['http://a.b']}}", "plain-http"},
    {"permissions: {external: {fetch: {client: [{remote: x}]}}}", "unknown-remote"},
    {"remotes: [{key: a, baseUrl: a.b, operations: [fetsh]}]", "operation"},
    {"remotes: [{key: a, baseUrl: a.b, auth: x}]", "wrong-type"},
    {"remotes: [{key: a, baseUrl: a.b, storage: {inScopeEUD: 1}}]", "wrong-type"},
    {"providers: []", "wrong-type"},
    {"providers: {auth: [x]}", "wrong-type"},
    {"providers: {auth: [{name: x}]}", "provider"},
    {"app: {id: x}", "app-id"},
    {"app: {id: 'ari:cloud:ecosystem::app/'}", "app-id"},
    {"app: {id: 'ari:cloud:ecosystem::app/a b'}", "app-id"},
    {"app: []", "wrong-type"},
    {"modules: {}", "app-id"},
};

START_TEST(a_mistake_elsewhere_is_lints_alone)
{
    reading_read(&reading, aside_rows[_i][0]);
    ck_assert_str_eq(reading_findings(&reading), "");

    findings_init(&reading.findings, reading.arena, "manifest.yml");
    reading.options.thorough = true;
    reading_read(&reading, NULL);
    ck_assert_uint_ge(reading.findings.errors, 1);
    ck_assert_ptr_nonnull(strstr(reading_findings(&reading), aside_rows[_i][1]));
}
END_TEST

START_TEST(custom_schemes_are_fine_in_the_browsers_lists)
{
    static const char *const addresses[] = {"'slack:'", "'slack://open'", "'x-my.app+1:'"};
    char yaml[160];
    snprintf(yaml, sizeof(yaml),
             "app: {id: 'ari:cloud:ecosystem::app/1'}\n"
             "permissions: {external: {navigation: [%s]}}",
             addresses[_i]);
    reading.options.thorough = true;
    reading_read(&reading, yaml);
    ck_assert_str_eq(reading_findings(&reading), "");
    ck_assert(!reading.manifest->lists[LIST_NAVIGATION].items[0].valid);
}
END_TEST

START_TEST(what_is_not_ours_is_read_past)
{
    reading.options.thorough = true;
    reading_read(&reading, "app: {id: 'ari:cloud:ecosystem::app/1', runtime: {name: nodejs22.x}}\n"
                           "modules: {macro: [1, ~, {x: '${UNDECLARED}'}]}\n"
                           "resources: nothing like it should be\n");
    ck_assert_str_eq(reading_findings(&reading), "");
}
END_TEST

START_TEST(a_message_shows_no_control_characters)
{
    reading_read(&reading, BACKEND "[\"a.b\\e[31m\\u202e\"]}}}");
    ck_assert_uint_eq(reading.findings.errors, 1);
    for (const char *byte = reading.findings.first->message; *byte != '\0'; byte++)
        ck_assert_msg((unsigned char)*byte >= 0x20, "%s", reading.findings.first->message);
}
END_TEST

START_TEST(a_replaced_text_is_bounded)
{
    struct text text;
    text_init(&text, 65536);
    text_add_string(&text, BACKEND "['");
    for (int i = 0; i < 500; i++)
        text_add_string(&text, "${A}");
    text_add_string(&text, "']}}}\nenvironment: {variables: [{key: A, default: 0123456789}]}\n");
    text_add_char(&text, '\0');
    reading_read(&reading, text.data);
    text_clear(&text);
    ck_assert_str_eq(reading_findings(&reading), "error 1:44 too-long\n");
}
END_TEST

START_TEST(the_first_error_is_kept_however_many_there_are)
{
    struct text text;
    struct error error;
    text_init(&text, 1048576);
    text_add_string(&text, BACKEND "[");
    for (int i = 0; i < 20000; i++)
        text_add_string(&text, "x,");
    text_add_string(&text, "]}}}");
    text_add_char(&text, '\0');
    reading_read(&reading, text.data);
    text_clear(&text);
    ck_assert_uint_eq(reading.findings.errors, 20000);
    ck_assert(findings_error(&reading.findings, &error));
    ck_assert_uint_eq(error.at.column, 44);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("manifest_refusal");
    TCase *tests = tcase_create("manifest_refusal");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_mistake_in_what_decides_egress_is_an_error_with_its_place, 0,
                        COUNT(refused_rows));
    tcase_add_test(tests, what_could_not_be_read_grants_nothing);
    tcase_add_loop_test(tests, a_mistake_elsewhere_is_lints_alone, 0, COUNT(aside_rows));
    tcase_add_loop_test(tests, custom_schemes_are_fine_in_the_browsers_lists, 0, 3);
    tcase_add_test(tests, what_is_not_ours_is_read_past);
    tcase_add_test(tests, a_message_shows_no_control_characters);
    tcase_add_test(tests, a_replaced_text_is_bounded);
    tcase_add_test(tests, the_first_error_is_kept_however_many_there_are);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
