#include "policy/trie.h"

#include <check.h>
#include <stdlib.h>

#include "policy/trie_suffix.h"
#include "test/policy/declared.h"
#include "test/suite.h"

static struct declared declared;
static struct trie *trie;

int __real_posix_memalign(void **block, size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);

/* No two tries are built on the same bytes. */
int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    static unsigned char before;
    int status = __real_posix_memalign(block, alignment, size);
    if (status == 0)
        memset(*block, ++before, size);
    return status;
}

static void forget(void)
{
    trie_unref(trie);
    trie = NULL;
}

static void compile(void)
{
    forget();
    trie = trie_build(&declared.grant);
    ck_assert_ptr_nonnull(trie);
}

#define GIVEN(...)                                                                                 \
    do {                                                                                           \
        DECLARE(&declared, __VA_ARGS__);                                                           \
        compile();                                                                                 \
    } while (0)

static struct trie_answer find(struct target target)
{
    struct trie_answer answer;
    trie_find(trie, &target, &answer);
    return answer;
}

/* WHEN TEXT is asked, THEN the answer is MATCH by the rule RULE (NULL: none). */
static void expect(struct target target, enum trie_match match, const char *rule)
{
    struct trie_answer answer = find(target);
    ck_assert_int_eq(answer.match, match);
    ck_assert_int_eq(answer.has_rule, rule != NULL);
    if (rule != NULL)
        ck_assert_msg(span_equal(answer.rule.text, span_of(rule)), "rule is %.*s, not %s",
                      SPAN_FORMAT(answer.rule.text), rule);
}

START_TEST(allows_a_declared_name)
{
    GIVEN("api.example.com");
    expect(target_of("api.example.com"), TRIE_MATCH, "api.example.com");
}
END_TEST

START_TEST(denies_a_host_that_only_shares_a_suffix)
{
    GIVEN("example.com");
    expect(target_of("badexample.com"), TRIE_NO_HOST, NULL);
    expect(target_of("com"), TRIE_NO_HOST, NULL);
}
END_TEST

START_TEST(names_the_ancestor_when_a_label_is_too_many)
{
    GIVEN("example.com");
    expect(target_of("sub.example.com"), TRIE_NO_HOST, "example.com");
    expect(target_of("a.b.c.example.com"), TRIE_NO_HOST, "example.com");
}
END_TEST

START_TEST(denies_the_name_a_wildcard_hangs_from_and_names_the_wildcard)
{
    GIVEN("*.example.com");
    expect(target_of("example.com"), TRIE_NO_HOST, "*.example.com");
}
END_TEST

START_TEST(does_not_call_a_top_level_wildcard_near)
{
    GIVEN("*.com");
    expect(target_of("com"), TRIE_NO_HOST, NULL);
}
END_TEST

START_TEST(allows_names_below_a_top_level_wildcard)
{
    GIVEN("*.com", "a.example.org");
    expect(target_of("example.com"), TRIE_MATCH, "*.com");
}
END_TEST

START_TEST(allows_any_depth_below_a_wildcard)
{
    GIVEN("*.example.com");
    expect(target_of("a.example.com"), TRIE_MATCH, "*.example.com");
    expect(target_of("a.b.c.d.e.example.com"), TRIE_MATCH, "*.example.com");
}
END_TEST

START_TEST(prefers_the_most_specific_rule)
{
    GIVEN("*", "*.example.com", "*.b.example.com", "a.b.example.com");
    expect(target_of("a.b.example.com"), TRIE_MATCH, "a.b.example.com");
    expect(target_of("x.b.example.com"), TRIE_MATCH, "*.b.example.com");
    expect(target_of("b.example.com"), TRIE_MATCH, "*.example.com");
    expect(target_of("other.org"), TRIE_MATCH, "*");
}
END_TEST

START_TEST(falls_back_to_a_wildcard_when_the_exact_rule_has_another_port)
{
    GIVEN("a.example.com:8443", "*.example.com");
    expect(target_of("a.example.com"), TRIE_MATCH, "*.example.com");
}
END_TEST

START_TEST(shows_a_missing_port_before_a_missing_scheme)
{
    GIVEN("wss://api.example.com", "*.example.com:8443");
    expect(target_of("https://api.example.com"), TRIE_NO_PORT, "*.example.com:8443");
}
END_TEST

START_TEST(shows_a_missing_scheme_before_an_ancestor)
{
    GIVEN("b.example.com", "wss://*.example.com");
    expect(target_of("https://a.b.example.com"), TRIE_NO_SCHEME, "wss://*.example.com");
}
END_TEST

START_TEST(opens_a_tunnel_by_any_scheme_but_not_by_another_port)
{
    GIVEN("wss://api.example.com");
    expect(tunnel_to("api.example.com:443"), TRIE_MATCH, "wss://api.example.com");
    expect(tunnel_to("api.example.com:444"), TRIE_NO_PORT, "wss://api.example.com");
}
END_TEST

START_TEST(calls_a_tunnel_plain_when_any_covering_rule_is)
{
    GIVEN("api.example.com:8080", "http://*.example.com:8080", "ws://other.example.com");
    ck_assert(find(tunnel_to("api.example.com:8080")).plain);
    expect(tunnel_to("api.example.com:8080"), TRIE_MATCH, "api.example.com:8080");
    expect(tunnel_to("example.com:8080"), TRIE_NO_HOST, "http://*.example.com:8080");
}
END_TEST

START_TEST(calls_nothing_plain_that_is_declared_for_tls_only)
{
    GIVEN("api.example.com", "http://api.example.com", "http://other.example.com", "*");
    ck_assert(!find(tunnel_to("api.example.com:443")).plain);
    ck_assert(!find(tunnel_to("else.example.com:80")).plain);
    ck_assert(!find(target_of("http://api.example.com")).plain);
}
END_TEST

START_TEST(takes_the_first_of_equal_declarations)
{
    GIVEN("https://api.example.com:443", "api.example.com", "API.example.com");
    struct trie_answer answer = find(target_of("api.example.com"));
    ck_assert_uint_eq(answer.rule.at.line, 1);
    ck_assert_uint_eq(trie_rule_count(trie), 3);
}
END_TEST

/* As long as addresses can be, and 30 of them in one bucket. */
START_TEST(finds_each_of_many_declarations_of_one_host)
{
    enum { DECLARATIONS = 30, PORT = 8000, HOST_LENGTH = 253, LENGTH = ADDRESS_LENGTH_MAXIMUM };
    static char addresses[DECLARATIONS][LENGTH + 1];
    char label[64] = "";
    memset(label, 'A', 61);
    DECLARE(&declared, "other.example");
    for (int i = 0; i < DECLARATIONS; i++) {
        int length = snprintf(addresses[i], LENGTH, "%s.%s.%s.%s.Aa.aa:%d/", label, label, label,
                              label, PORT + i);
        memset(addresses[i] + length, 'p', (size_t)(LENGTH - length));
        declared_add(&declared, addresses[i]);
    }
    compile();
    struct target target = target_of(addresses[0]);
    ck_assert_uint_eq(target.host.length, HOST_LENGTH);
    for (int i = 0; i < DECLARATIONS; i++) {
        target.port = (uint16_t)(PORT + i);
        expect(target, TRIE_MATCH, addresses[i]);
        ck_assert_uint_eq(find(target).rule.at.line, 2 + (unsigned)i);
    }
    target.port = PORT - 1;
    expect(target, TRIE_NO_PORT, addresses[0]);
}
END_TEST

START_TEST(finds_a_host_that_was_declared_in_another_form)
{
    GIVEN("Example.COM.", "https://b\u00fccher.example/path");
    expect(target_of("example.com"), TRIE_MATCH, "Example.COM.");
    expect(target_of("xn--bcher-kva.example"), TRIE_MATCH, "https://b\u00fccher.example/path");
}
END_TEST

START_TEST(treats_an_ip_literal_as_one_label)
{
    GIVEN("192.0.2.1", "*.2.example");
    expect(target_of("192.0.2.1"), TRIE_MATCH, "192.0.2.1");
    expect(target_of("192.0.2.2"), TRIE_NO_HOST, NULL);
    expect(target_of("[2001:db8::1]"), TRIE_NO_HOST, NULL);
}
END_TEST

START_TEST(covers_ip_literals_by_everything_alone)
{
    GIVEN("*");
    expect(target_of("192.0.2.2"), TRIE_MATCH, "*");
    expect(target_of("http://[2001:db8::1]:81"), TRIE_MATCH, "*");
}
END_TEST

START_TEST(answers_from_an_empty_grant)
{
    declared.grant = (struct grant){.file = "manifest.yml"};
    compile();
    expect(target_of("example.com"), TRIE_NO_HOST, NULL);
    expect(target_of("192.0.2.2"), TRIE_NO_HOST, NULL);
    ck_assert_uint_eq(trie_rule_count(trie), 0);
}
END_TEST

/* Wherever the directory ends in its cache line. */
START_TEST(answers_from_grants_of_any_size)
{
    static char names[DECLARED_MAXIMUM][32];
    declared.grant = (struct grant){.file = "manifest.yml", .rules = declared.rules};
    for (int count = 0; count < DECLARED_MAXIMUM; count++) {
        snprintf(names[count], sizeof(names[count]), "h%d.example", count);
        declared_add(&declared, names[count]);
        compile();
        for (int i = 0; i <= count; i++)
            expect(target_of(names[i]), TRIE_MATCH, names[i]);
        expect(target_of("h.example"), TRIE_NO_HOST, NULL);
    }
}
END_TEST

START_TEST(keeps_all_that_a_rule_says)
{
    DECLARE(&declared, "http://*.example.com:8080");
    declared.rules[0].analytics = true;
    declared.rules[0].list = GRANT_REMOTE;
    declared.rules[0].at = (struct position){1048577, 1048576};
    compile();
    struct trie_rule rule = find(target_of("http://a.example.com:8080")).rule;
    ck_assert_int_eq(rule.scheme, SCHEME_HTTP);
    ck_assert_uint_eq(rule.port, 8080);
    ck_assert(rule.wildcard);
    ck_assert(rule.analytics);
    ck_assert_int_eq(rule.list, GRANT_REMOTE);
    ck_assert_uint_eq(rule.at.line, 1048577);
    ck_assert_uint_eq(rule.at.column, 1048576);
}
END_TEST

START_TEST(saturates_places_instead_of_wrapping)
{
    DECLARE(&declared, "example.com");
    declared.rules[0].at = (struct position){UINT32_MAX, 1U << 21};
    compile();
    struct trie_rule rule = find(target_of("example.com")).rule;
    ck_assert_uint_eq(rule.at.line, (1U << 21) - 1);
    ck_assert_uint_eq(rule.at.column, (1U << 21) - 1);
}
END_TEST

START_TEST(looks_up_names_of_127_labels)
{
    char name[254];
    for (size_t i = 0; i < 253; i++)
        name[i] = i % 2 == 0 ? 'a' : '.';
    name[253] = '\0';
    GIVEN("*.a.a", name);
    expect(target_of(name), TRIE_MATCH, name);
    expect(target_of(name + 2), TRIE_MATCH, "*.a.a");
    GIVEN("*.a.a");
    expect(target_of(name), TRIE_MATCH, "*.a.a");
}
END_TEST

/* Whatever their memory held before. */
START_TEST(tells_equal_tries_from_others)
{
    GIVEN("a.example.com", "bb.example.com"); /* they do not fill their last cache line */
    struct trie *same = trie_build(&declared.grant);
    declared.rules[1].at.line++;
    struct trie *other = trie_build(&declared.grant);
    DECLARE(&declared, "a.example.com", "bb.example.com", "c.example.com");
    struct trie *longer = trie_build(&declared.grant);
    ck_assert(trie_equal(trie, same));
    ck_assert(!trie_equal(trie, other));
    ck_assert(!trie_equal(trie, longer));
    trie_unref(same);
    trie_unref(other);
    trie_unref(longer);
}
END_TEST

/* Numbered names in their thousands: every second one is declared. */
#define MANY 200000

static const char *number_name(char name[32], size_t number)
{
    snprintf(name, 32, "h%zu.z%zu.example", number, number % 977);
    return name;
}

static struct trie *build_many(void)
{
    struct grant grant = {.file = "manifest.yml", .count = MANY};
    char(*names)[32] = calloc(MANY, sizeof(*names));
    grant.rules = calloc(MANY, sizeof(*grant.rules));
    ck_assert(names != NULL && grant.rules != NULL);
    for (size_t i = 0; i < MANY; i++) {
        struct grant_rule *rule = &grant.rules[i];
        struct error error;
        rule->text = span_of(number_name(names[i], 2 * i));
        rule->at = (struct position){(uint32_t)i + 1, 1};
        ck_assert(address_parse(rule->text, &rule->address, &error));
    }
    struct trie *many = trie_build(&grant);
    free(grant.rules);
    free(names);
    ck_assert_ptr_nonnull(many);
    return many;
}

/* 200,000 hosts in 32 bits of hash: under each of these seeds some share one (checked below). */
START_TEST(finds_each_of_many_under_any_seed)
{
    trie_hash_set_seed((uint64_t)_i);
    trie = build_many();
    for (size_t i = 0; i < MANY; i++) {
        char name[32];
        struct trie_answer answer = find(target_of(number_name(name, 2 * i)));
        ck_assert_int_eq(answer.match, TRIE_MATCH);
        ck_assert_uint_eq(answer.rule.at.line, i + 1);
        ck_assert_int_eq(find(target_of(number_name(name, 2 * i + 1))).match, TRIE_NO_HOST);
    }
}
END_TEST

static int compare_hashes(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static uint32_t hash_of(const struct trie_hash_key *key, size_t number)
{
    char name[32];
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM];
    const struct target target = target_of(number_name(name, number));
    size_t count = trie_list_suffixes(key, &target.host, TRIE_LABELS_MAXIMUM, suffixes);
    return suffixes[count - 1].hash;
}

/* About 4.7 pairs are expected in a good hash; none, or hundreds, would say it is not one. */
START_TEST(hashes_names_as_evenly_as_chance)
{
    trie_hash_set_seed((uint64_t)_i);
    const struct trie_hash_key key = trie_hash_key();
    uint32_t *hashes = calloc(MANY, sizeof(*hashes));
    size_t pairs = 0;
    ck_assert_ptr_nonnull(hashes);
    for (size_t i = 0; i < MANY; i++)
        hashes[i] = hash_of(&key, 2 * i);
    qsort(hashes, MANY, sizeof(*hashes), compare_hashes);
    for (size_t i = 1; i < MANY; i++)
        pairs += hashes[i] == hashes[i - 1];
    free(hashes);
    ck_assert_uint_ge(pairs, 1);
    ck_assert_uint_le(pairs, 20);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("trie");
    TCase *tests = tcase_create("trie");
    tcase_add_checked_fixture(tests, NULL, forget);
    tcase_add_test(tests, allows_a_declared_name);
    tcase_add_test(tests, denies_a_host_that_only_shares_a_suffix);
    tcase_add_test(tests, names_the_ancestor_when_a_label_is_too_many);
    tcase_add_test(tests, denies_the_name_a_wildcard_hangs_from_and_names_the_wildcard);
    tcase_add_test(tests, does_not_call_a_top_level_wildcard_near);
    tcase_add_test(tests, allows_names_below_a_top_level_wildcard);
    tcase_add_test(tests, allows_any_depth_below_a_wildcard);
    tcase_add_test(tests, prefers_the_most_specific_rule);
    tcase_add_test(tests, falls_back_to_a_wildcard_when_the_exact_rule_has_another_port);
    tcase_add_test(tests, shows_a_missing_port_before_a_missing_scheme);
    tcase_add_test(tests, shows_a_missing_scheme_before_an_ancestor);
    tcase_add_test(tests, opens_a_tunnel_by_any_scheme_but_not_by_another_port);
    tcase_add_test(tests, calls_a_tunnel_plain_when_any_covering_rule_is);
    tcase_add_test(tests, calls_nothing_plain_that_is_declared_for_tls_only);
    tcase_add_test(tests, takes_the_first_of_equal_declarations);
    tcase_add_test(tests, finds_each_of_many_declarations_of_one_host);
    tcase_add_test(tests, finds_a_host_that_was_declared_in_another_form);
    tcase_add_test(tests, treats_an_ip_literal_as_one_label);
    tcase_add_test(tests, covers_ip_literals_by_everything_alone);
    tcase_add_test(tests, answers_from_an_empty_grant);
    tcase_add_test(tests, answers_from_grants_of_any_size);
    tcase_add_test(tests, keeps_all_that_a_rule_says);
    tcase_add_test(tests, saturates_places_instead_of_wrapping);
    tcase_add_test(tests, looks_up_names_of_127_labels);
    tcase_add_test(tests, tells_equal_tries_from_others);
    TCase *many = tcase_create("many");
    tcase_add_checked_fixture(many, NULL, forget);
    tcase_set_timeout(many, 60);
    tcase_add_loop_test(many, finds_each_of_many_under_any_seed, 1, 3);
    tcase_add_loop_test(many, hashes_names_as_evenly_as_chance, 1, 3);
    suite_add_tcase(made, tests);
    suite_add_tcase(made, many);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
