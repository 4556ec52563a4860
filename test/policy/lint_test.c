/* Promises of policy/lint: each rule with a manifest that shows it, and one that does not. */
#include "test/policy/reading.h"
#include "test/policy/slow.h"
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

#define APP     "app: {id: 'ari:cloud:ecosystem::app/1'}\n"
#define BACKEND APP "permissions: {external: {fetch: {backend: " /* on line 2, 42 columns */

static const char *lint(const char *yaml)
{
    if (yaml != NULL)
        reading_parse(&reading, yaml);
    ck_assert(lint_document(reading.document, &reading.options, reading.arena, &reading.findings));
    return reading_findings(&reading);
}

struct rule_row {
    const char *yaml;
    const char *findings;
    const char *words; /* of the first */
};

static const struct rule_row rule_rows[] = {
    {BACKEND "[a.example.com]}}}", "warning 2:44 string-form\n", "{address: \"a.example.com\"}"},
    {BACKEND "[{address: '*'}]}}}", "warning 2:54 everything\n", "\"*\" in fetch.backend"},
    {APP "permissions: {external: {images: [{address: '*'}]}}", "warning 2:45 everything\n",
     "\"*\" in images"},
    {BACKEND "[{address: a.example.com/v1}]}}}", "warning 2:54 path-ignored\n",
     "all of a.example.com is opened"},
    {APP "permissions: {external: {styles: [{address: a.example.com}]}}",
     "warning 2:45 external-styles\n", "\"a.example.com\""},
    {APP "permissions: {external: {fonts: [{address: a.example.com}]}}",
     "warning 2:44 external-fonts\n", "\"a.example.com\""},
    {BACKEND "[{address: 192.0.2.1}]}}}", "warning 2:54 ip-literal\n", "can change hands"},
    {BACKEND "[{address: 'https://[2001:db8::1]'}]}}}", "warning 2:54 ip-literal\n", "IP address"},
    {APP "remotes: [{key: a, baseUrl: 'https://192.0.2.1'}]", "warning 2:29 ip-literal\n", "IP"},
    {BACKEND "[{address: '*.bücher.example'}]}}}", "note 2:54 idn-u-form\n",
     "write *.xn--bcher-kva.example"},
    {BACKEND "[{address: '*.co.uk'}]}}}", "warning 2:54 wildcard-over-public-suffix\n",
     "the public suffix co.uk"},
    {BACKEND "[{address: '*.com'}]}}}", "warning 2:54 wildcard-over-public-suffix\n", "suffix com"},
    {BACKEND "[{address: '*.github.io'}]}}}", "warning 2:54 wildcard-over-public-suffix\n",
     "github.io"},
    {BACKEND "[{address: '*.zendesk.com'}]}}}", "warning 2:54 wildcard-over-shared-host\n",
     "anyone can name a help desk"},
    {BACKEND "[{address: '*.amazonaws.com'}]}}}", "warning 2:54 wildcard-over-shared-host\n",
     "amazonaws.com"},
    {BACKEND "[{address: a.b.c}, {address: 'https://A.b.c:443'}]}}}", "note 2:72 duplicate\n",
     "\"https://A.b.c:443\" on line 2 is declared on line 2"},
    {BACKEND "[{address: a.b.c},\n{address: '*.b.c'}]}}}", "note 2:54 already-covered\n",
     "\"a.b.c\" on line 2 is covered by \"*.b.c\" on line 3"},
    {BACKEND "[{address: '*.x.b.c'}, {address: '*.b.c'}]}}}", "note 2:54 already-covered\n",
     "covered by \"*.b.c\""},
    {BACKEND "[{address: a.b.c, category: analytics}, {address: a.b.c, category: analytics}]}}}",
     "note 2:93 duplicate\n", "take one of them out"},
    {APP
     "remotes: [{key: a, baseUrl: a.b}]\npermissions: {external: {fetch: {backend: [{remote: a}, "
     "{remote: a}]}}}",
     "note 3:66 duplicate\n", "the remote \"a\""},
    {APP "permission: {}\npermissions: {externl: {}}", "error 3:15 unknown-key\n",
     "did you mean \"external\"?"},
    {APP "permissions: {zzz: {}}", "error 2:15 unknown-key\n", "take it out"},
    {APP "providers: {auth: [{key: g, remotes: [x]}]}", "error 2:39 provider-remote\n",
     "names the remote \"x\", which is not there"},
    {APP "remotes: [{key: r, baseUrl: 'https://a.b'}]\n"
         "providers: {auth: [{key: g, remotes: [r], actions: {exchange: {remote: r}}}]}",
     "error 3:39 provider-permission\n", "add {remote: r} to it"},
    {APP "remotes: [{key: r, baseUrl: {EU: 'https://a.b', default: 'https://c.d'}}]\n"
         "providers: {auth: [{key: g, remotes: [r]}]}\n"
         "permissions: {external: {fetch: {backend: [{address: a.b}]}}}",
     "error 3:39 provider-permission\n", "fetch.backend does not permit"},
    {"permissions: {scopes: []}", "error 1:1 app-id\n", "app.id is missing"},
    {APP "# a\xE2\x80\xAE"
         "b\n",
     "warning 2:4 hidden-character\n", "U+202E"},
    {BACKEND "[{address: \"a.b.\xC2\xAD"
             "c\"}]}}}",
     "note 2:54 idn-u-form\nwarning 2:59 hidden-character\n", "A-form"},
};

START_TEST(says_what_a_careful_reader_would)
{
    const struct rule_row *row = &rule_rows[_i];
    ck_assert_str_eq(lint(row->yaml), row->findings);
    const char *message = reading.findings.first->message;
    ck_assert_msg(strstr(message, row->words) != NULL, "%s", message);
}
END_TEST

static const char *const silent[] = {
    BACKEND "[{address: a.example.com}]}}}",
    BACKEND "[{address: 'https://a.example.com/'}]}}}",
    BACKEND "[{address: a.b.c}, {address: 'wss://a.b.c'}, {address: 'a.b.c:8443'}]}}}",
    BACKEND "[{address: b.c}, {address: '*.b.c'}]}}}",
    BACKEND "[{address: '*.b.c', category: analytics}, {address: a.b.c}]}}}",
    BACKEND "[{address: a.b.c, category: analytics}, {address: a.b.c}]}}}",
    BACKEND "[{address: '*.example.co.uk'}]}}}",
    BACKEND "[{address: '*.localhost'}]}}}",
    BACKEND "[{address: '*.me.zendesk.com'}, {address: 'xn--bcher-kva.example'}]}}}",
    APP "remotes: [{key: r, baseUrl: 'https://a.b/path'}]\n"
        "permissions: {external: {fetch: {backend: [{remote: r}], client: [{remote: r}]}}}\n"
        "providers: {auth: [{key: g, remotes: [r]}]}",
    APP "remotes: [{key: r, baseUrl: 'https://x.a.b'}]\n"
        "permissions: {external: {fetch: {backend: [{address: '*.a.b'}]}}}\n"
        "providers: {auth: [{key: g, remotes: [r]}]}",
};

START_TEST(is_silent_about_what_is_fine)
{
    ck_assert_str_eq(lint(silent[_i]), "");
}
END_TEST

START_TEST(an_aliased_list_is_spoken_of_once)
{
    ck_assert_str_eq(
        lint(APP "permissions: {external: {fetch: {backend: &l [a.b, '*'], client: *l}}}"),
        "warning 2:47 string-form\nnote 2:47 already-covered\n"
        "warning 2:52 string-form\nwarning 2:52 everything\n"
        "warning 2:52 everything\n");
    ck_assert_uint_eq(reading.findings.warnings, 4);
    ck_assert_uint_eq(reading.findings.notes, 1);
}
END_TEST

START_TEST(findings_come_in_the_order_of_the_file)
{
    ck_assert_str_eq(lint("permissions:\n  external:\n    fetch: {backend: [x, a.b]}\n"
                          "    images: [1]\n  scops: []\nremotes: [{key: a}]\napp: {id: x}\n"),
                     "error 3:23 address\nwarning 3:23 string-form\nwarning 3:26 string-form\n"
                     "error 4:14 entry\nerror 5:3 unknown-key\nerror 6:11 base-url\n"
                     "error 7:11 app-id\n");
}
END_TEST

struct file_row {
    const char *path;
    const char *findings;
};

#define DATA "test/policy/data/manifests/"

static const struct file_row file_rows[] = {
    {DATA "Atlassian-Forge-Jira-Summariser.yml", "warning 16:11 string-form\n"},
    {DATA "flagsmith-jira-integration.yml", "warning 57:11 string-form\n"},
    {DATA "pit-crew-for-jira.yml", "warning 24:11 string-form\n"},
    {DATA "solace-confluence-forge-app.yml",
     "warning 49:11 string-form\nnote 49:11 already-covered\n"
     "warning 50:11 string-form\nnote 50:11 already-covered\n"
     "warning 51:11 string-form\nnote 51:11 already-covered\n"
     "warning 52:11 string-form\nwarning 52:11 everything\n"
     "warning 54:11 string-form\nnote 54:11 already-covered\n"
     "warning 55:11 string-form\nnote 55:11 already-covered\n"
     "warning 56:11 string-form\nnote 56:11 already-covered\n"
     "warning 57:11 string-form\nwarning 57:11 everything\n"},
    {DATA "pit-crew-for-jira.json", "warning 37:11 string-form\n"},
};

START_TEST(finds_in_real_manifests_what_is_there)
{
    reading_read_file(&reading, file_rows[_i].path);
    ck_assert_str_eq(lint(NULL), file_rows[_i].findings);
}
END_TEST

START_TEST(every_rule_that_is_said_is_in_the_catalogue)
{
    for (size_t i = 0; i < sizeof(rule_rows) / sizeof(rule_rows[0]); i++) {
        struct reading each;
        reading_start(&each);
        reading_parse(&each, rule_rows[i].yaml);
        ck_assert(lint_document(each.document, &each.options, each.arena, &each.findings));
        ck_assert_uint_lt(lint_rule_find(each.findings.first->rule), lint_rule_count());
        reading_end(&each);
    }
    ck_assert_uint_eq(lint_rule_find("no-such-rule"), lint_rule_count());
}
END_TEST

START_TEST(the_catalogue_is_in_order_and_has_no_rule_twice)
{
    for (size_t i = 1; i < lint_rule_count(); i++)
        ck_assert_str_lt(lint_rule_at(i - 1)->name, lint_rule_at(i)->name);
}
END_TEST

/* What one mebibyte of entries could make slow. */
static const char *const slow_units[] = {
    "x,", "a%d.b.c,", "{address: '*.%d.b.c'},", "'*',", "{remote: r%d},", "*a,", "'${V}',",
};

START_TEST(a_mebibyte_of_entries_ends_soon)
{
    struct text text;
    text_init(&text, YAML_SIZE_MAXIMUM + 1);
    text_add_string(&text, "x: &a \"");
    for (int i = 0; i < 2000; i++)
        text_add_char(&text, '$');
    text_add_string(&text, "\"\nenvironment: {variables: [{key: V, default: '");
    for (int i = 0; i < 200; i++)
        text_add_char(&text, 'v');
    text_add_string(&text, "'}]}\npermissions: {external: {fetch: {backend: [");
    for (int i = 0; text.length < YAML_SIZE_MAXIMUM - 100 && i < 190000; i++) {
        char unit[64];
        snprintf(unit, sizeof(unit), slow_units[_i], i);
        text_add_string(&text, unit);
    }
    text_add_string(&text, "]}}}\n");
    text_add_char(&text, '\0');
    clock_t start = clock();
    reading_parse(&reading, text.data);
    ck_assert(lint_document(reading.document, &reading.options, reading.arena, &reading.findings));
    double seconds = seconds_since(start);
    ck_assert_msg(seconds < 2.0, "%s took %.2f s", slow_units[_i], seconds);
    text_clear(&text);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("lint");
    TCase *tests = tcase_create("lint");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, says_what_a_careful_reader_would, 0, COUNT(rule_rows));
    tcase_add_loop_test(tests, is_silent_about_what_is_fine, 0, COUNT(silent));
    tcase_add_test(tests, an_aliased_list_is_spoken_of_once);
    tcase_add_test(tests, findings_come_in_the_order_of_the_file);
    tcase_add_loop_test(tests, finds_in_real_manifests_what_is_there, 0, COUNT(file_rows));
    tcase_add_test(tests, every_rule_that_is_said_is_in_the_catalogue);
    tcase_add_test(tests, the_catalogue_is_in_order_and_has_no_rule_twice);
    tcase_add_loop_test(tests, a_mebibyte_of_entries_ends_soon, 0, COUNT(slow_units));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
