#include "policy/decision.h"

#include <check.h>
#include <stdlib.h>

#include "test/policy/declared.h"
#include "test/suite.h"

static struct declared declared;
static struct snapshot *snapshot;
static const struct subject demo = {{"demo", 4}, {"development", 11}, {"", 0}};
static char said[2048];

static void forget(void)
{
    snapshot_unref(snapshot);
    snapshot = NULL;
}

static void compile(void)
{
    struct app_policy *policy = app_policy_new(demo.app, demo.environment, &declared.grant);
    ck_assert_ptr_nonnull(policy);
    snapshot = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    ck_assert_ptr_nonnull(snapshot);
}

/* The app demo declares these in development, in manifest.yml, on lines 1, 2, …. */
#define GIVEN(...)                                                                                 \
    do {                                                                                           \
        DECLARE(&declared, __VA_ARGS__);                                                           \
        compile();                                                                                 \
    } while (0)

static struct decision decide_on(struct target target)
{
    struct decision decision;
    decide(snapshot, &demo, &target, &decision);
    return decision;
}

static const char *explain_to(const struct subject *subject, struct target target)
{
    struct text text;
    struct decision decision;
    text_init_fixed(&text, said, sizeof(said) - 1);
    decide(snapshot, subject, &target, &decision);
    decision_explain(&decision, subject, &target, &text);
    ck_assert(!text.overflow);
    ck_assert_uint_eq(span_find(text_span(&text), '\n'), text.length);
    said[text.length] = '\0';
    return said;
}

static const char *explain(struct target target)
{
    return explain_to(&demo, target);
}

START_TEST(allows_with_the_rule_that_decided)
{
    GIVEN("other.example.com", "api.example.com");
    struct decision decision = decide_on(target_of("https://api.example.com/v1"));
    ck_assert_int_eq(decision.verdict, VERDICT_ALLOW);
    ck_assert_int_eq(decision.reason, REASON_DECLARED);
    ck_assert(decision.has_rule);
    ck_assert(span_equal(decision.rule.address, SPAN("api.example.com")));
    ck_assert_str_eq(decision.rule.list, "fetch.backend");
    ck_assert_str_eq(decision.rule.file, "manifest.yml");
    ck_assert_uint_eq(decision.rule.at.line, 2);
    ck_assert_uint_eq(decision.rule.at.column, 11);
}
END_TEST

START_TEST(says_when_everything_is_declared)
{
    GIVEN("*");
    struct decision decision = decide_on(target_of("http://anything.example:81"));
    ck_assert_int_eq(decision.verdict, VERDICT_ALLOW);
    ck_assert_int_eq(decision.reason, REASON_EVERYTHING_DECLARED);
}
END_TEST

START_TEST(tells_a_missing_host_scheme_and_port_apart)
{
    GIVEN("api.example.com");
    ck_assert_int_eq(decide_on(target_of("other.com")).reason, REASON_UNDECLARED);
    ck_assert_int_eq(decide_on(target_of("wss://api.example.com")).reason,
                     REASON_SCHEME_NOT_DECLARED);
    ck_assert_int_eq(decide_on(target_of("api.example.com:8443")).reason, REASON_PORT_NOT_DECLARED);
    ck_assert_int_eq(decide_on(target_of("api.example.com:8443")).verdict, VERDICT_DENY);
}
END_TEST

START_TEST(denies_whoever_is_not_known)
{
    GIVEN("*");
    const struct subject strangers[] = {{SPAN("other"), SPAN("development"), SPAN("")},
                                        {SPAN("demo"), SPAN("production"), SPAN("")}};
    for (size_t i = 0; i < 2; i++) {
        struct target target = target_of("api.example.com");
        struct decision decision;
        decide(snapshot, &strangers[i], &target, &decision);
        ck_assert_int_eq(decision.verdict, VERDICT_DENY);
        ck_assert_int_eq(decision.reason, REASON_UNKNOWN_APP);
        ck_assert(!decision.has_rule);
    }
}
END_TEST

START_TEST(marks_a_tunnel_that_may_carry_anything)
{
    GIVEN("api.example.com", "http://plain.example.com:8080");
    ck_assert(decide_on(tunnel_to("plain.example.com:8080")).plain);
    ck_assert(!decide_on(tunnel_to("api.example.com:443")).plain);
}
END_TEST

START_TEST(explains_an_undeclared_host_by_the_line_that_would_allow_it)
{
    GIVEN("api.example.com");
    ck_assert_str_eq(explain(target_of("api.other.com")),
                     "api.other.com:443 (https) is not declared by app demo in development; to "
                     "allow it add to permissions.external.fetch.backend in manifest.yml: - "
                     "address: api.other.com");
}
END_TEST

START_TEST(names_the_wildcard_that_does_not_cover_its_own_name)
{
    GIVEN("*.other.com");
    ck_assert_ptr_nonnull(strstr(explain(target_of("other.com")),
                                 "(nearest: *.other.com at manifest.yml:1:11, which covers names "
                                 "below other.com but not itself)"));
}
END_TEST

START_TEST(names_the_ancestor_that_covers_nothing_below_it)
{
    GIVEN("other.com");
    ck_assert_ptr_nonnull(strstr(explain(target_of("www.other.com")),
                                 "(nearest: other.com at manifest.yml:1:11, which covers that name "
                                 "alone and nothing below it)"));
}
END_TEST

START_TEST(says_on_which_port_and_for_which_scheme_it_is_declared)
{
    GIVEN("api.example.com");
    ck_assert_ptr_nonnull(strstr(explain(target_of("api.example.com:8443")),
                                 "at manifest.yml:1:11, declared on port 443 only)"));
    ck_assert_ptr_nonnull(strstr(explain(target_of("wss://api.example.com")),
                                 "at manifest.yml:1:11, declared for https only)"));
}
END_TEST

START_TEST(says_that_plain_http_needs_the_configuration_too)
{
    GIVEN("api.example.com");
    ck_assert_ptr_nonnull(strstr(explain(target_of("http://other.com:81")),
                                 ": - address: http://other.com:81 (plain http must be enabled "
                                 "too, by policy.plain_http)"));
}
END_TEST

START_TEST(does_not_propose_what_no_manifest_may_say)
{
    GIVEN("api.example.com");
    ck_assert_str_eq(explain(target_of("localhost")),
                     "localhost:443 (https) is not declared by app demo in development; no address "
                     "of a manifest can name this host, only \"*\" covers it");
}
END_TEST

/* What a denial proposes, declared, allows what was denied. */
START_TEST(proposes_an_address_that_allows_the_target)
{
    static const char *const asked[] = {
        "a.other.com", "https://a.other.com:444", "wss://a.other.com", "wss://a.other.com:444",
        "192.0.2.1",   "http://a.other.com:8080", "ws://a.other.com",  "https://[2001:db8::1]:444"};
    struct target target = target_of(asked[_i]);
    GIVEN("api.example.com");
    char *proposed = strstr(explain(target), "- address: ") + strlen("- address: ");
    proposed += *proposed == '"';
    proposed[strcspn(proposed, " \"")] = '\0';
    forget();
    GIVEN(proposed);
    ck_assert_int_eq(decide_on(target).verdict, VERDICT_ALLOW);
}
END_TEST

START_TEST(quotes_an_address_that_yaml_would_read_as_a_list)
{
    GIVEN("api.example.com");
    ck_assert_ptr_nonnull(
        strstr(explain(target_of("[2001:db8::1]")), "- address: \"[2001:db8::1]\""));
}
END_TEST

START_TEST(explains_an_allowance_by_its_rule)
{
    GIVEN("*.example.com");
    ck_assert_str_eq(explain(tunnel_to("a.example.com:443")),
                     "a.example.com:443 (tunnel) is declared by app demo in development: "
                     "*.example.com at manifest.yml:1:11");
}
END_TEST

START_TEST(says_whether_the_app_or_its_environment_is_unknown)
{
    const struct subject no_app = {SPAN("no\npe"), SPAN("production"), SPAN("")};
    const struct subject no_environment = {SPAN("demo"), SPAN("production"), SPAN("")};
    GIVEN("*");
    ck_assert_ptr_nonnull(strstr(explain_to(&no_app, target_of("a.com")),
                                 "app \"no\\npe\" is not known (asked for environment "
                                 "\"production\")"));
    ck_assert_ptr_nonnull(strstr(explain_to(&no_environment, target_of("a.com")),
                                 "app \"demo\" has no environment \"production\""));
}
END_TEST

START_TEST(gives_every_reason_the_word_of_the_contract)
{
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        const char *name = reason_name((enum reason)reason);
        ck_assert_ptr_nonnull(name);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
    ck_assert_str_eq(reason_name(REASON_PATH_NOT_DECLARED), "path_not_declared");
    ck_assert_str_eq(verdict_name(VERDICT_INVALID), "invalid");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("decision");
    TCase *tests = tcase_create("decision");
    tcase_add_checked_fixture(tests, NULL, forget);
    tcase_add_test(tests, allows_with_the_rule_that_decided);
    tcase_add_test(tests, says_when_everything_is_declared);
    tcase_add_test(tests, tells_a_missing_host_scheme_and_port_apart);
    tcase_add_test(tests, denies_whoever_is_not_known);
    tcase_add_test(tests, marks_a_tunnel_that_may_carry_anything);
    tcase_add_test(tests, explains_an_undeclared_host_by_the_line_that_would_allow_it);
    tcase_add_test(tests, names_the_wildcard_that_does_not_cover_its_own_name);
    tcase_add_test(tests, names_the_ancestor_that_covers_nothing_below_it);
    tcase_add_test(tests, says_on_which_port_and_for_which_scheme_it_is_declared);
    tcase_add_test(tests, says_that_plain_http_needs_the_configuration_too);
    tcase_add_test(tests, does_not_propose_what_no_manifest_may_say);
    tcase_add_loop_test(tests, proposes_an_address_that_allows_the_target, 0, 8);
    tcase_add_test(tests, quotes_an_address_that_yaml_would_read_as_a_list);
    tcase_add_test(tests, explains_an_allowance_by_its_rule);
    tcase_add_test(tests, says_whether_the_app_or_its_environment_is_unknown);
    tcase_add_test(tests, gives_every_reason_the_word_of_the_contract);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
