/*
 * Promises of policy/learn, the algebra among them: what learn proposes for a
 * random log leaves a replay of it no denial. SALLYPORT_SEED chooses the run.
 */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "policy/learn.h"
#include "policy/lint.h"
#include "test/policy/declared.h"
#include "test/suite.h"

#define APP   "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
#define RUNS  60
#define ASKED 60

static struct snapshot *snapshot;
static struct learn learn;
static struct text fragment, cautions;
static const struct subject nobody = {{"", 0}, {"", 0}, {"", 0}};

static void begin(const char *const *addresses)
{
    struct declared declared;
    declared_init(&declared, addresses);
    struct app_policy *policy = app_policy_new(SPAN(""), SPAN(""), &declared.grant);
    ck_assert_ptr_nonnull(policy);
    snapshot = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    ck_assert_ptr_nonnull(snapshot);
    ck_assert(learn_init(&learn, snapshot, &nobody));
    text_init(&fragment, LEARN_FRAGMENT_MAXIMUM);
    text_init(&cautions, LEARN_FRAGMENT_MAXIMUM);
}

static void start(void)
{
    begin((const char *const[]){"api.example.com", NULL});
}

static void end(void)
{
    learn_clear(&learn);
    snapshot_unref(snapshot);
    text_clear(&fragment);
    text_clear(&cautions);
}

static void deny(struct target target, enum reason reason)
{
    const struct log_record record = {.time = SPAN("")};
    const struct log_decision decision = {target, VERDICT_DENY, reason};
    learn_visit(&learn, &record, &decision);
}

static void deny_tunnels(const char *const *authorities)
{
    for (; *authorities != NULL; authorities++)
        deny(tunnel_to(*authorities), REASON_UNDECLARED);
}

#define DENY(...) deny_tunnels((const char *const[]){__VA_ARGS__, NULL})

static void write_fragment(size_t wildcards, bool plain_http)
{
    const struct learn_options options = {wildcards, plain_http};
    text_reset(&fragment);
    text_reset(&cautions);
    ck_assert(learn_write(&learn, &options, &fragment, &cautions));
    text_add_char(&fragment, '\0');
    text_add_char(&cautions, '\0');
    fragment.length--;
}

/* What is proposed: "ADDRESS ADDRESS …". */
static const char *proposed(size_t wildcards, bool plain_http)
{
    static char addresses[8192];
    static const char mark[] = "- address: \"";
    size_t length = 0;
    write_fragment(wildcards, plain_http);
    for (const char *at = fragment.data; (at = strstr(at, mark)) != NULL;) {
        at += sizeof(mark) - 1;
        size_t count = strcspn(at, "\"");
        ck_assert_uint_lt(length + count + 2, sizeof(addresses));
        memcpy(addresses + length, at, count);
        length += count;
        addresses[length++] = ' ';
    }
    addresses[length == 0 ? 0 : length - 1] = '\0';
    return addresses;
}

START_TEST(proposes_each_denied_host_and_port_once)
{
    DENY("b.example.net:443", "a.example.net:443", "a.example.net:8443", "b.example.net:443");
    ck_assert_str_eq(proposed(0, false), "a.example.net a.example.net:8443 b.example.net");
}
END_TEST

START_TEST(says_how_often_each_was_asked)
{
    DENY("b.example.net:443", "b.example.net:443");
    write_fragment(0, false);
    ck_assert_ptr_nonnull(strstr(fragment.data, "\"b.example.net\" # 2 requests\n"));
}
END_TEST

START_TEST(listens_only_to_denials_for_want_of_a_declaration)
{
    for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
        char authority[64];
        snprintf(authority, sizeof(authority), "r%d.example.net:443", reason);
        if (reason != REASON_DECLARED && reason != REASON_EVERYTHING_DECLARED)
            deny(tunnel_to(authority), reason);
    }
    char expected[256];
    snprintf(expected, sizeof(expected),
             "r%d.example.net r%d.example.net r%d.example.net r%d.example.net", REASON_UNDECLARED,
             REASON_SCHEME_NOT_DECLARED, REASON_PORT_NOT_DECLARED, REASON_UNKNOWN_APP);
    ck_assert_str_eq(proposed(0, false), expected);
}
END_TEST

START_TEST(proposes_nothing_that_is_declared_by_now)
{
    DENY("api.example.com:443");
    ck_assert_str_eq(proposed(0, false), "");
}
END_TEST

START_TEST(needs_no_address_for_a_tunnel_that_another_opens)
{
    DENY("a.example.net:443");
    deny(target_of("wss://a.example.net"), REASON_UNDECLARED);
    ck_assert_str_eq(proposed(0, false), "wss://a.example.net");
}
END_TEST

START_TEST(proposes_plain_http_only_where_it_may_be_declared_and_with_a_caution)
{
    deny(target_of("http://a.example.net"), REASON_UNDECLARED);
    ck_assert_str_eq(proposed(0, false), "");
    ck_assert_ptr_nonnull(strstr(fragment.data, "# left out: http://a.example.net"));
    ck_assert_str_eq(proposed(0, true), "http://a.example.net");
    ck_assert_ptr_nonnull(strstr(cautions.data, "http://a.example.net: not encrypted"));
}
END_TEST

START_TEST(warns_of_ip_addresses)
{
    DENY("192.0.2.1:443", "[2001:db8::1]:8443");
    ck_assert_str_eq(proposed(0, false), "192.0.2.1 https://[2001:db8::1]:8443");
    ck_assert_ptr_nonnull(strstr(cautions.data, "192.0.2.1: an IP address"));
    ck_assert_ptr_nonnull(strstr(fragment.data, "# caution: an IP address"));
}
END_TEST

START_TEST(leaves_out_what_no_manifest_can_declare)
{
    DENY("localhost:443");
    ck_assert_str_eq(proposed(0, false), "");
    ck_assert_ptr_nonnull(strstr(fragment.data, "# left out: localhost, "));
}
END_TEST

/* ---- Wildcards ----------------------------------------------------------- */

START_TEST(proposes_a_wildcard_only_when_asked_and_with_siblings_enough)
{
    DENY("a.example.net:443", "b.example.net:443", "c.example.net:443");
    ck_assert_str_eq(proposed(0, false), "a.example.net b.example.net c.example.net");
    ck_assert_str_eq(proposed(4, false), "a.example.net b.example.net c.example.net");
    ck_assert_str_eq(proposed(3, false), "*.example.net");
    ck_assert_ptr_nonnull(strstr(cautions.data, "*.example.net: opens every name below"));
}
END_TEST

START_TEST(counts_siblings_of_one_scheme_and_port_only)
{
    DENY("a.example.net:443", "b.example.net:8443");
    deny(target_of("wss://c.example.net"), REASON_UNDECLARED);
    ck_assert_str_eq(proposed(2, false), "a.example.net b.example.net:8443 wss://c.example.net");
}
END_TEST

START_TEST(keeps_the_name_that_its_own_wildcard_does_not_cover)
{
    DENY("example.net:443", "a.example.net:443", "b.example.net:443");
    ck_assert_str_eq(proposed(2, false), "example.net *.example.net");
}
END_TEST

START_TEST(puts_deeper_names_under_the_widest_wildcard)
{
    DENY("a.example.net:443", "b.example.net:443", "x.c.example.net:443", "y.c.example.net:443");
    ck_assert_str_eq(proposed(2, false), "*.example.net");
    ck_assert_ptr_nonnull(strstr(fragment.data, "# 4 requests to 4 names\n"));
}
END_TEST

START_TEST(never_proposes_a_wildcard_over_a_public_suffix_or_a_shared_host)
{
    DENY("a.co.uk:443", "b.co.uk:443");
    DENY("a.github.io:443", "b.github.io:443");
    DENY("a.com:443", "b.com:443");
    DENY("a.s3.amazonaws.com:443", "b.s3.amazonaws.com:443");
    DENY("a.zendesk.com:443", "b.zendesk.com:443");
    DENY("a.internal:443", "b.internal:443");
    proposed(2, false);
    ck_assert_ptr_null(strchr(fragment.data, '*'));
    ck_assert_ptr_nonnull(strstr(cautions.data, "no wildcard may cover github.io"));
    ck_assert_ptr_nonnull(strstr(cautions.data, "no wildcard may cover co.uk"));
}
END_TEST

START_TEST(never_proposes_a_wildcard_over_ip_addresses)
{
    DENY("192.0.2.1:443", "193.0.2.1:443");
    ck_assert_str_eq(proposed(2, false), "192.0.2.1 193.0.2.1");
}
END_TEST

/* ---- The algebra --------------------------------------------------------- */

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DU >> 32) * limit >> 32);
}

static struct target random_target(void)
{
    static const char *const schemes[] = {"https", "wss", "http", "ws", "https", "https"};
    static const char *const hosts[] = {"a", "b", "c", "a.b", "b.b", "x.a.b"};
    static const char *const parents[] = {"example.com", "example.net", "co.uk", "b.github.io"};
    static const char *const ports[] = {"", "", ":443", ":8443", ":80"};
    char url[128];
    if (below(20) == 0)
        snprintf(url, sizeof(url), "https://192.0.2.%u", below(3));
    else if (below(30) == 0)
        snprintf(url, sizeof(url), "https://[2001:db8::%x]:8443", below(3));
    else
        snprintf(url, sizeof(url), "%s://%s.%s%s", schemes[below(6)], hosts[below(6)],
                 parents[below(4)], ports[below(5)]);
    struct target target = target_of(url);
    if (target.scheme == SCHEME_HTTPS && below(4) > 0)
        target.scheme = SCHEME_TUNNEL;
    return target;
}

/* The fragment in a manifest: lint finds no error in it, and it grants what was asked. */
static struct snapshot *compile(const char *manifest, struct arena *arena)
{
    struct error error;
    struct findings findings;
    struct grant grant;
    const struct manifest_options options = {.plain_http = true};
    struct yaml_document *document = yaml_document_parse(span_of(manifest), "manifest.yml", &error);
    ck_assert_msg(document != NULL, "%s\n%s", error.message, manifest);
    findings_init(&findings, arena, "manifest.yml");
    ck_assert(lint_document(document, &options, arena, &findings));
    ck_assert_msg(findings.errors == 0, "%s", manifest);
    findings_init(&findings, arena, "manifest.yml");
    struct manifest *read = manifest_read(document, &options, arena, &findings);
    ck_assert(read != NULL && manifest_grant(read, SPAN(""), arena, &grant));
    struct app_policy *policy = app_policy_new(SPAN(""), SPAN(""), &grant);
    struct snapshot *compiled = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    yaml_document_free(document);
    ck_assert_ptr_nonnull(compiled);
    return compiled;
}

static struct snapshot *compile_fragment(void)
{
    struct text manifest;
    struct arena *arena = arena_new((size_t)64 << 20);
    text_init(&manifest, LEARN_FRAGMENT_MAXIMUM);
    text_add_string(&manifest, APP);
    text_add(&manifest, text_span(&fragment));
    text_add_char(&manifest, '\0');
    ck_assert(!manifest.overflow && arena != NULL);
    struct snapshot *compiled = compile(manifest.data, arena);
    text_clear(&manifest);
    arena_free(arena);
    return compiled;
}

static void learn_a_random_log(void)
{
    struct target asked[ASKED];
    begin((const char *const[]){"unasked.example.org", NULL});
    for (size_t i = 0; i < ASKED; i++) {
        asked[i] = random_target();
        deny(asked[i], REASON_UNDECLARED);
    }
    write_fragment(below(2) == 0 ? 0 : 2 + below(4), true);
    struct snapshot *learned = compile_fragment();
    for (size_t i = 0; i < ASKED; i++) {
        struct decision decision;
        decide(learned, &nobody, &asked[i], &decision);
        ck_assert_msg(decision.verdict == VERDICT_ALLOW, "%s://%s:%u\n%s",
                      scheme_name(asked[i].scheme), asked[i].host.text, asked[i].port,
                      fragment.data);
    }
    snapshot_unref(learned);
    end();
}

START_TEST(what_is_learned_leaves_no_denial_of_a_random_log)
{
    const char *given = getenv("SALLYPORT_SEED");
    uint64_t seed = given == NULL ? (uint64_t)time(NULL) : strtoull(given, NULL, 10);
    printf("SALLYPORT_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed * 2 + 1;
    for (int i = 0; i < RUNS; i++)
        learn_a_random_log();
}
END_TEST

START_TEST(opens_no_port_that_was_not_asked_for)
{
    DENY("a.example.net:443", "b.example.net:443", "a.example.net:8443");
    write_fragment(0, false);
    struct snapshot *learned = compile_fragment();
    struct decision decision;
    const struct target other = tunnel_to("b.example.net:8443");
    decide(learned, &nobody, &other, &decision);
    ck_assert_int_eq(decision.verdict, VERDICT_DENY);
    snapshot_unref(learned);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("learn");
    TCase *tests = tcase_create("learn"), *algebra = tcase_create("algebra");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, proposes_each_denied_host_and_port_once);
    tcase_add_test(tests, says_how_often_each_was_asked);
    tcase_add_test(tests, listens_only_to_denials_for_want_of_a_declaration);
    tcase_add_test(tests, proposes_nothing_that_is_declared_by_now);
    tcase_add_test(tests, needs_no_address_for_a_tunnel_that_another_opens);
    tcase_add_test(tests, proposes_plain_http_only_where_it_may_be_declared_and_with_a_caution);
    tcase_add_test(tests, warns_of_ip_addresses);
    tcase_add_test(tests, leaves_out_what_no_manifest_can_declare);
    tcase_add_test(tests, proposes_a_wildcard_only_when_asked_and_with_siblings_enough);
    tcase_add_test(tests, counts_siblings_of_one_scheme_and_port_only);
    tcase_add_test(tests, keeps_the_name_that_its_own_wildcard_does_not_cover);
    tcase_add_test(tests, puts_deeper_names_under_the_widest_wildcard);
    tcase_add_test(tests, never_proposes_a_wildcard_over_a_public_suffix_or_a_shared_host);
    tcase_add_test(tests, never_proposes_a_wildcard_over_ip_addresses);
    tcase_add_test(tests, opens_no_port_that_was_not_asked_for);
    tcase_add_test(algebra, what_is_learned_leaves_no_denial_of_a_random_log);
    tcase_set_timeout(algebra, 60);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, algebra);
    return suite_run(suite);
}
