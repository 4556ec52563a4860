#include "policy/narrow.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/narrow_regex.h"
#include "test/suite.h"

static struct arena *arena;
static struct yaml_document *document;
static struct narrow *narrow;
static struct narrow_answer answer;
static struct path path;

/* ---- machine code ------------------------------------------------------------------ */

#define REFUSED (-45) /* PCRE2_ERROR_JIT_BADOPTION */

int __real_pcre2_jit_compile_8(void *code, uint32_t options);
int __wrap_pcre2_jit_compile_8(void *code, uint32_t options);

/*
 * PCRE2's machine code reads whole vectors, beyond what has been written, and is right to: valgrind
 * cannot know. There expressions are interpreted, as they are where no code may be made.
 */
static bool by_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

int __wrap_pcre2_jit_compile_8(void *code, uint32_t options)
{
    return by_valgrind() ? REFUSED : __real_pcre2_jit_compile_8(code, options);
}

static void start(void)
{
    arena = arena_new((size_t)256 << 20);
    ck_assert_ptr_nonnull(arena);
}

static void end(void)
{
    narrow_free(narrow);
    yaml_document_free(document);
    arena_free(arena);
    narrow = NULL;
    document = NULL;
}

static bool compile(const char *yaml, struct error *error)
{
    struct findings findings;
    document = yaml_document_parse_within(span_of(yaml), "narrow.yml", &narrow_limits, error);
    ck_assert_ptr_nonnull(document);
    findings_init(&findings, arena, "narrow.yml");
    const struct narrow_file *file = narrow_file_read(document, arena, &findings);
    ck_assert_ptr_nonnull(file);
    if (findings_error(&findings, error))
        return false;
    narrow = narrow_new(file, &findings);
    ck_assert(narrow != NULL || findings_error(&findings, error));
    return narrow != NULL;
}

static void given(const char *yaml)
{
    struct error error;
    ck_assert_msg(compile(yaml, &error), "%s", error.message);
}

static struct target target_of(const char *text)
{
    struct target target;
    struct error error;
    if (target_parse_connect(span_of(text), &target, &error))
        return target;
    ck_assert(target_parse(span_of(text), &target, &error));
    return target;
}

/* Of a URL's path, a NULL method is one that is not known. */
static enum narrow_verdict ask(const char *host, const char *method, const char *asked)
{
    const struct target target = target_of(host);
    const struct request_line request = {.method = span_of(method == NULL ? "" : method),
                                         .has_path = asked != NULL,
                                         .path = span_of(asked == NULL ? "" : asked),
                                         .normal = &path};
    narrow_judge(narrow, &target, &request, &answer);
    return answer.verdict;
}

static enum narrow_verdict get(const char *asked)
{
    return ask("http://api.example.com", "GET", asked);
}

START_TEST(leaves_alone_what_no_entry_speaks_of)
{
    given("- {address: api.example.com, methods: [GET]}");
    ck_assert_int_eq(ask("https://other.example.com", "POST", "/"), NARROW_ALLOW);
    ck_assert(!answer.has_entry);
    ck_assert_int_eq(ask("https://api.example.com:8443", "POST", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("https://api.example.com", "POST", "/"), NARROW_METHOD);
    ck_assert(answer.has_entry);
}
END_TEST

START_TEST(takes_methods_letter_by_letter)
{
    given("- {address: http://api.example.com, methods: [GET, PURGE]}");
    ck_assert_int_eq(ask("http://api.example.com", "GET", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://api.example.com", "PURGE", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://api.example.com", "get", "/"), NARROW_METHOD);
    ck_assert_int_eq(ask("http://api.example.com", "GETS", "/"), NARROW_METHOD);
    ck_assert_int_eq(ask("http://api.example.com", NULL, "/"), NARROW_ALLOW);
}
END_TEST

START_TEST(speaks_of_host_and_port_whatever_the_scheme)
{
    given("- {address: http://api.example.com, methods: [GET]}");
    ck_assert_int_eq(ask("ws://api.example.com", "POST", "/"), NARROW_METHOD);
    ck_assert_int_eq(ask("https://api.example.com", "POST", "/"), NARROW_ALLOW);
}
END_TEST

static const struct {
    const char *pattern;
    const char *path;
    bool matches;
} patterns[] = {
    {"/v2/users", "/v2/users", true},
    {"/v2/users", "/v2/users/", false},
    {"/v2/users", "/v2/users/1", false},
    {"/v2/users", "/v2/Users", false},
    {"/v2/users", "/v2//./us%65rs", true},
    {"/v2/users", "/v1/../v2/users", true},
    {"/v2/", "/v2/", true},
    {"/v2/", "/v2", false},
    {"/v2/*", "/v2/", true},
    {"/v2/*", "/v2/a", true},
    {"/v2/*", "/v2/a/b/", true},
    {"/v2/*", "/v2", false},
    {"/v2/*", "/v20/a", false},
    {"/v2/*", "/v2/../admin", false},
    {"/v2/*", "/v2/%2e%2e/admin", false},
    {"/v2/*", "/v2/..;/admin", false},
    {"/v2/*", "/v2/..%2fadmin", false},
    {"/v2/*", "/v2/a;x/b", true},
    {"/*", "/", true},
    {"/*", "/a/b", true},
    {"/*", "/a%00", false},
    {"/", "/", true},
    {"/", "/a", false},
    {"/", "", true},
    {"/a/*/c", "/a/b/c", true},
    {"/a/*/c", "/a/*/c", true},
    {"/a/*/c", "/a/c", false},
    {"/a/*/c", "/a//c", false},
    {"/a/*/c", "/a/b/b/c", false},
    {"/a/*/c/*", "/a/b/c/d/e", true},
    {"/*/*/c", "/a/b/c", true},
    {"/a/*/", "/a/b/", true},
    {"/a/*/", "/a/b", false},
    {"/a/%2A/c", "/a/*/c", true},
    {"/a/%2A/c", "/a/b/c", false},
    {"/a b", "/a%20b", false},
    {"/a%20b", "/a%20b", true},
    {"/a+b", "/a%2Bb", true},
    {"/caf\xC3\xA9", "/caf%c3%a9", true},
    {"/v2/public", "/v2/public;x=1", false},
    {"/v2/public;x=1", "/v2/public;x=1", false},
    {"/v1/../v2/*", "/v2/a", true},
};

START_TEST(compares_normalised_paths_with_patterns)
{
    char yaml[256];
    struct error error;
    snprintf(yaml, sizeof(yaml), "- {address: http://api.example.com, paths: ['%s']}",
             patterns[_i].pattern);
    bool compiled = compile(yaml, &error);
    ck_assert_int_eq(compiled && get(patterns[_i].path) == NARROW_ALLOW, patterns[_i].matches);
}
END_TEST

START_TEST(matches_an_expression_with_the_whole_decoded_path)
{
    given("- {address: http://api.example.com, paths: [{regex: '/r/[0-9]+\\.csv'}, "
          "{regex: '/a b|/c/d'}, {regex: '/k\\K/x'}, {regex: '/e(*ACCEPT)/f'}]}");
    ck_assert_int_eq(get("/r/17.csv"), NARROW_ALLOW);
    ck_assert_int_eq(get("/r/17.csv/x"), NARROW_PATH);
    ck_assert_int_eq(get("/x/r/17.csv"), NARROW_PATH);
    ck_assert_int_eq(get("/r/17xcsv"), NARROW_PATH);
    ck_assert_int_eq(get("/a%20b"), NARROW_ALLOW);
    ck_assert_int_eq(get("/c/d"), NARROW_ALLOW);
    ck_assert_int_eq(get("/k/x"), NARROW_PATH);
    ck_assert_int_eq(get("/e/g"), NARROW_PATH);
}
END_TEST

START_TEST(asks_both_readings_of_a_path_with_parameters)
{
    given("- {address: http://api.example.com, paths: [{regex: '/v2/(?!admin$)[^/]+'}]}");
    ck_assert_int_eq(get("/v2/users;x"), NARROW_ALLOW);
    ck_assert_int_eq(get("/v2/admin"), NARROW_PATH);
    ck_assert_int_eq(get("/v2/admin;x"), NARROW_PATH);
    ck_assert_int_eq(get("/v2/admin%3Bx"), NARROW_PATH);
}
END_TEST

START_TEST(joins_the_entries_of_one_address)
{
    given("- {address: http://api.example.com, methods: [GET, HEAD], paths: [/v2/*]}\n"
          "- {address: http://api.example.com, methods: [POST], paths: [/v2/orders]}\n");
    ck_assert_int_eq(ask("http://api.example.com", "POST", "/v2/orders"), NARROW_ALLOW);
    ck_assert_uint_eq(answer.at.line, 2);
    ck_assert_int_eq(ask("http://api.example.com", "GET", "/v2/orders"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://api.example.com", "POST", "/v2/users"), NARROW_METHOD);
    ck_assert_uint_eq(answer.at.line, 1);
    ck_assert_int_eq(ask("http://api.example.com", "POST", "/v3"), NARROW_PATH);
    ck_assert_int_eq(ask("http://api.example.com", "PUT", "/v2/orders"), NARROW_METHOD);
}
END_TEST

START_TEST(lets_the_most_specific_host_speak_alone)
{
    given("- {address: 'http://*.example.com', methods: [GET]}\n"
          "- {address: 'http://*.eu.example.com', methods: [HEAD]}\n"
          "- {address: 'http://api.eu.example.com', methods: [POST]}\n"
          "- {address: '*', methods: [PUT]}\n");
    ck_assert_int_eq(ask("http://api.eu.example.com", "POST", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://api.eu.example.com", "GET", "/"), NARROW_METHOD);
    ck_assert_int_eq(ask("http://web.eu.example.com", "HEAD", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://web.eu.example.com", "GET", "/"), NARROW_METHOD);
    ck_assert_int_eq(ask("http://www.example.com", "GET", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://elsewhere.org", "PUT", "/"), NARROW_ALLOW);
    ck_assert_int_eq(ask("http://elsewhere.org", "GET", "/"), NARROW_METHOD);
}
END_TEST

START_TEST(denies_a_tunnel_that_hides_what_it_does)
{
    given("- {address: api.example.com, methods: [GET]}\n"
          "- {address: open.example.com, paths: [/v2/*], opaque: allow}\n");
    struct target target = target_of("api.example.com:443");
    narrow_judge(narrow, &target, NULL, &answer);
    ck_assert_int_eq(answer.verdict, NARROW_PATH);
    ck_assert(answer.opaque);
    ck_assert_int_eq(ask("api.example.com:443", "CONNECT", NULL), NARROW_PATH);
    ck_assert_int_eq(ask("open.example.com:443", "CONNECT", NULL), NARROW_ALLOW);
    ck_assert_int_eq(ask("other.example.com:443", "CONNECT", NULL), NARROW_ALLOW);
    const struct request_line inspected = {.method = SPAN("CONNECT"), .inspected = true};
    narrow_judge(narrow, &target, &inspected, &answer);
    ck_assert_int_eq(answer.verdict, NARROW_ALLOW);
}
END_TEST

START_TEST(hands_over_the_path_that_was_judged)
{
    given("- {address: http://api.example.com, methods: [GET]}\n"
          "- {address: http://api.example.com, methods: [POST], paths: [/v2/*]}\n");
    ck_assert_int_eq(ask("http://api.example.com", "POST", "/x/..//v2/%7ea"), NARROW_ALLOW);
    ck_assert(answer.path_judged);
    ck_assert(span_equal(path.wire, SPAN("/v2/~a")));
    ck_assert_int_eq(get("/x/..//%00"), NARROW_ALLOW);
    ck_assert(!answer.path_judged);
}
END_TEST

START_TEST(cuts_an_expression_that_runs_away_and_denies)
{
    static char long_path[4000];
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[0] = '/';
    given("- {address: http://api.example.com, paths: [{regex: '/([a-z]*b)*c[^/]*([a-z]*b)*'}]}");
    for (size_t i = 5; i < sizeof(long_path) - 1; i += 3)
        long_path[i] = 'b';
    long_path[sizeof(long_path) - 3] = 'c';
    long_path[sizeof(long_path) - 2] = '/';
    ck_assert_int_eq(get(long_path), NARROW_PATH);
    ck_assert_ptr_nonnull(answer.problem);
    ck_assert_int_eq(get("/abc"), NARROW_ALLOW);
}
END_TEST

static const struct {
    const char *yaml;
    unsigned line;
    unsigned column;
    const char *why;
} mistakes[] = {
    {"", 1, 1, "the file is empty"},
    {"{address: a.example}", 1, 1, "a mapping instead of a list"},
    {"- a.example", 1, 3, "a mapping with an address"},
    {"- {methods: [GET]}", 1, 3, "no address"},
    {"- {address: a, methods: [GET]}", 1, 13, "with its domain"},
    {"- {address: a.example/v2, methods: [GET]}", 1, 13, "has no path"},
    {"- {address: a.example}", 1, 3, "takes nothing away"},
    {"- {address: a.example, opaque: allow}", 1, 3, "takes nothing away"},
    {"- {address: a.example, methods: []}", 1, 33, "allows nothing"},
    {"- {address: a.example, methods: GET}", 1, 33, "must be a list"},
    {"- {address: a.example, methods: [GET, 'G T']}", 1, 39, "not a method"},
    {"- {address: a.example, methods: [GET, GET]}", 1, 39, "stands twice"},
    {"- {address: a.example, methods: ['*']}", 1, 34, "no method"},
    {"- {address: a.example, methods: [CONNECT]}", 1, 34, "opens a tunnel"},
    {"- {address: a.example, paths: []}", 1, 31, "allows nothing"},
    {"- {address: a.example, paths: [v2]}", 1, 32, "begins with"},
    {"- {address: a.example, paths: ['/v2?a']}", 1, 32, "without a query"},
    {"- {address: a.example, paths: ['/v2/a*']}", 1, 32, "whole segment"},
    {"- {address: a.example, paths: ['/v2/**']}", 1, 32, "whole segment"},
    {"- {address: a.example, paths: ['/a%2fb']}", 1, 32, "encoded slash"},
    {"- {address: a.example, paths: [{regex: '/(a'}]}", 1, 40, "not valid"},
    {"- {address: a.example, paths: [{regex: '/a%20b'}]}", 1, 40, "decoded"},
    {"- {address: a.example, paths: [{regex: '/(a+)+'}]}", 1, 40, "runs away"},
    {"- {address: a.example, paths: [{regex: '/x/(\\w+\\s?)*'}]}", 1, 40, "runs away"},
    {"- {address: a.example, paths: [{regexp: '/a'}]}", 1, 33, "did you mean \"regex\""},
    {"- {address: a.example, paths: [/a], opaque: deny}", 1, 45, "opaque is allow"},
    {"- {address: a.example, paths: [/a], method: [GET]}", 1, 37, "did you mean \"methods\""},
};

START_TEST(refuses_a_mistake_where_it_stands)
{
    struct error error = {.message = ""};
    ck_assert(!compile(mistakes[_i].yaml, &error));
    ck_assert_msg(strstr(error.message, mistakes[_i].why) != NULL, "%s", error.message);
    ck_assert_uint_eq(error.at.line, mistakes[_i].line);
    ck_assert_uint_eq(error.at.column, mistakes[_i].column);
}
END_TEST

static const char *const prefixes[][2] = {
    {"/v2/users/[0-9]+", "/v2/users/"},
    {"^/v2/x", "/v2/"},
    {"/v2/a?/b", "/v2/"},
    {"/v2/?", "/"},
    {"/v2|/v3", "/"},
    {"/v2\\.1/x", "/v2.1/"},
    {"/v2/\\w/", "/v2/"},
    {"(?i)/v2/x", "/"},
    {"[/]v2/", "/"},
    {"/a/{2}b", "/"},
    {"v2/", "/"},
    {"/v2/(a)/b", "/v2/"},
};

START_TEST(knows_what_every_match_begins_with)
{
    char storage[NARROW_REGEX_MAXIMUM];
    struct span prefix = narrow_regex_prefix(span_of(prefixes[_i][0]), storage);
    ck_assert_msg(span_equal(prefix, span_of(prefixes[_i][1])), "%.*s", SPAN_FORMAT(prefix));
}
END_TEST

int main(void)
{
    if (by_valgrind())
        puts("note: under valgrind expressions are interpreted, never machine code");
    Suite *suite = suite_create("policy/narrow");
    TCase *tests = tcase_create("narrow");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, leaves_alone_what_no_entry_speaks_of);
    tcase_add_test(tests, takes_methods_letter_by_letter);
    tcase_add_test(tests, speaks_of_host_and_port_whatever_the_scheme);
    tcase_add_loop_test(tests, compares_normalised_paths_with_patterns, 0,
                        sizeof(patterns) / sizeof(patterns[0]));
    tcase_add_test(tests, matches_an_expression_with_the_whole_decoded_path);
    tcase_add_test(tests, asks_both_readings_of_a_path_with_parameters);
    tcase_add_test(tests, joins_the_entries_of_one_address);
    tcase_add_test(tests, lets_the_most_specific_host_speak_alone);
    tcase_add_test(tests, denies_a_tunnel_that_hides_what_it_does);
    tcase_add_test(tests, hands_over_the_path_that_was_judged);
    tcase_add_test(tests, cuts_an_expression_that_runs_away_and_denies);
    tcase_add_loop_test(tests, refuses_a_mistake_where_it_stands, 0,
                        sizeof(mistakes) / sizeof(mistakes[0]));
    tcase_add_loop_test(tests, knows_what_every_match_begins_with, 0,
                        sizeof(prefixes) / sizeof(prefixes[0]));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
