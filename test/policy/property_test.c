/*
 * Random policies and targets, decided twice: by the trie and by the plain
 * matcher. Names are made of few labels, so that they collide in their suffixes
 * on purpose. SALLYPORT_SEED chooses the run (it is printed), SALLYPORT_PAIRS
 * its length.
 */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "policy/decision.h"
#include "test/policy/declared.h"
#include "test/policy/plain_matcher.h"
#include "test/suite.h"

#define PAIRS              200000
#define TARGETS_PER_POLICY 40
#define RULES_MAXIMUM      10
#define TEXT_SIZE          128

static uint64_t seed;
static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DU >> 32) * limit >> 32);
}

static bool one_in(uint32_t number)
{
    return below(number) == 0;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

static void start(void)
{
    seed = from_environment("SALLYPORT_SEED", (unsigned long)time(NULL));
    random_state = seed * 2 + 1;
    printf("SALLYPORT_SEED=%llu\n", (unsigned long long)seed);
}

/* ---- Random policies and targets ------------------------------------------ */

struct policy {
    char rules[RULES_MAXIMUM][TEXT_SIZE];
    const char *list[RULES_MAXIMUM];
    size_t count;
};

static void add_name(struct text *text)
{
    static const char *const labels[] = {"a", "b", "ab", "ba", "api", "a-b", "x_1", "longer-label"};
    static const char *const ends[] = {"a.b", "b.a", "ab.b", "example.com", "com.example", "b.com"};
    for (uint32_t i = below(4); i > 0; i--) {
        text_add_string(text, PICK(labels));
        text_add_string(text, ".");
    }
    text_add_string(text, PICK(ends));
}

static void add_port(struct text *text)
{
    static const char *const ports[] = {":443", ":80", ":8443", ":444"};
    text_add_string(text, PICK(ports));
}

static void make_rule(struct text *text)
{
    static const char *const schemes[] = {"https://", "wss://", "http://", "ws://", "HTTPS://"};
    if (one_in(40)) {
        text_add_string(text, "*");
        return;
    }
    if (one_in(3))
        text_add_string(text, PICK(schemes));
    if (one_in(20)) {
        text_add_string(text, "192.0.2.1");
        return;
    }
    if (one_in(3))
        text_add_string(text, "*.");
    add_name(text);
    if (one_in(10))
        text_add_string(text, ".");
    if (one_in(4))
        add_port(text);
    if (one_in(10))
        text_add_string(text, "/path");
}

static void make_policy(struct policy *policy)
{
    *policy = (struct policy){.count = below(RULES_MAXIMUM) + 1};
    for (size_t i = 0; i < policy->count; i++) {
        struct text text;
        text_init_fixed(&text, policy->rules[i], TEXT_SIZE - 1);
        make_rule(&text);
        policy->rules[i][text.length] = '\0';
        policy->list[i] = policy->rules[i];
    }
}

/* The name that a rule of POLICY is about, changed a little or not at all. */
static void add_near_name(const struct policy *policy, struct text *text)
{
    const char *rule = policy->rules[below((uint32_t)policy->count)];
    const char *mark = strstr(rule, "://");
    const char *name = mark == NULL ? rule : mark + 3;
    name += strspn(name, "*.");
    if (one_in(4) && strchr(name, '.') != NULL)
        name = strchr(name, '.') + 1;
    if (one_in(3))
        text_add_string(text, one_in(2) ? "b." : "a.b.");
    if (one_in(12))
        text_add_string(text, "x");
    text_add(text, (struct span){name, strcspn(name, "/:")});
}

static void raise_letters(struct text *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] >= 'a' && text->data[i] <= 'z' && one_in(3))
            text->data[i] = (char)(text->data[i] - 'a' + 'A');
    }
}

static void add_target(const struct policy *policy, struct text *text, bool tunnel)
{
    static const char *const schemes[] = {"https://", "wss://", "http://", "ws://"};
    if (!tunnel && one_in(3))
        text_add_string(text, PICK(schemes));
    if (one_in(6))
        add_name(text);
    else
        add_near_name(policy, text);
    if (one_in(8))
        raise_letters(text);
    if (tunnel || one_in(5))
        add_port(text);
    if (!tunnel && one_in(6))
        text_add_string(text, "/path?a=b");
}

/* One target in thirty has what no target may have, somewhere in it. */
static void make_target(const struct policy *policy, char target[2 * TEXT_SIZE], bool tunnel)
{
    static const char *const bad[] = {"@", "\\", "..", " ", ":0", ":65536", ":x", "\t"};
    char storage[TEXT_SIZE];
    struct text text, spoiled;
    text_init_fixed(&text, storage, sizeof(storage));
    add_target(policy, &text, tunnel);
    size_t at = one_in(30) ? below((uint32_t)text.length + 1) : text.length + 1;
    text_init_fixed(&spoiled, target, 2 * TEXT_SIZE - 1);
    text_add(&spoiled, span_slice(text_span(&text), 0, at < text.length ? at : text.length));
    if (at <= text.length) {
        text_add_string(&spoiled, PICK(bad));
        text_add(&spoiled, span_after(text_span(&text), at));
    }
    target[spoiled.length] = '\0';
}

/* ---- Deciding twice -------------------------------------------------------- */

static struct snapshot *compile(const struct policy *policy)
{
    static struct declared declared;
    declared.grant = (struct grant){.file = "manifest.yml", .rules = declared.rules};
    for (size_t i = 0; i < policy->count; i++)
        declared_add(&declared, policy->list[i]);
    struct app_policy *made = app_policy_new(SPAN("demo"), SPAN("development"), &declared.grant);
    ck_assert_ptr_nonnull(made);
    struct snapshot *snapshot = snapshot_new(&made, 1);
    app_policy_unref(made);
    ck_assert_ptr_nonnull(snapshot);
    return snapshot;
}

static struct plain_answer ask(const struct snapshot *snapshot, const char *text, bool tunnel)
{
    const struct subject subject = {SPAN("demo"), SPAN("development"), SPAN("")};
    struct plain_answer answer = {.reason = reason_name(REASON_INVALID_TARGET), .rule = -1};
    struct target target;
    struct decision decision;
    struct error error;
    bool valid = tunnel ? target_parse_connect(span_of(text), &target, &error)
                        : target_parse(span_of(text), &target, &error);
    if (!valid)
        return answer;
    decide(snapshot, &subject, &target, &decision);
    answer.reason = reason_name(decision.reason);
    answer.plain = decision.plain;
    if (decision.has_rule)
        answer.rule = (int)decision.rule.at.line - 1;
    return answer;
}

static bool same(struct plain_answer a, struct plain_answer b)
{
    return strcmp(a.reason, b.reason) == 0 && a.rule == b.rule && a.plain == b.plain;
}

static bool differs(const struct policy *policy, const char *text, bool tunnel)
{
    struct snapshot *snapshot = compile(policy);
    struct plain_answer ours = ask(snapshot, text, tunnel);
    snapshot_unref(snapshot);
    return !same(ours, plain_matcher_decide(policy->list, policy->count, text, tunnel));
}

/* Leaves out declarations for as long as the two still differ. */
static void shrink(struct policy *policy, const char *text, bool tunnel)
{
    for (size_t i = 0; i < policy->count && policy->count > 1;) {
        struct policy fewer = *policy;
        fewer.count--;
        for (size_t j = i; j < fewer.count; j++)
            fewer.list[j] = policy->list[j + 1];
        if (!differs(&fewer, text, tunnel)) {
            i++;
            continue;
        }
        memcpy(policy->list, fewer.list, sizeof(policy->list));
        policy->count--;
    }
}

static _Noreturn void tell(struct policy *policy, const char *text, bool tunnel)
{
    shrink(policy, text, tunnel);
    struct snapshot *snapshot = compile(policy);
    struct plain_answer ours = ask(snapshot, text, tunnel);
    struct plain_answer plain = plain_matcher_decide(policy->list, policy->count, text, tunnel);
    for (size_t i = 0; i < policy->count; i++)
        printf("  declared %zu: %s\n", i, policy->list[i]);
    printf("  %s: %s\n  ours: %s, rule %d, plain %d\n  plain matcher: %s, rule %d, plain %d\n",
           tunnel ? "tunnel" : "target", text, ours.reason, ours.rule, ours.plain, plain.reason,
           plain.rule, plain.plain);
    fflush(stdout);
    ck_abort_msg("the trie and the plain matcher differ under SALLYPORT_SEED=%llu",
                 (unsigned long long)seed);
}

START_TEST(decides_every_pair_as_the_plain_matcher_does)
{
    unsigned long pairs = from_environment("SALLYPORT_PAIRS", PAIRS), allowed = 0, invalid = 0;
    start();
    for (unsigned long pair = 0; pair < pairs;) {
        struct policy policy;
        make_policy(&policy);
        struct snapshot *snapshot = compile(&policy);
        for (size_t i = 0; i < TARGETS_PER_POLICY; i++, pair++) {
            char text[2 * TEXT_SIZE];
            bool tunnel = one_in(3);
            make_target(&policy, text, tunnel);
            struct plain_answer ours = ask(snapshot, text, tunnel);
            if (!same(ours, plain_matcher_decide(policy.list, policy.count, text, tunnel)))
                tell(&policy, text, tunnel);
            allowed += strcmp(ours.reason, "declared") == 0;
            invalid += strcmp(ours.reason, "invalid_target") == 0;
        }
        snapshot_unref(snapshot);
    }
    /* Pairs that all end one way would prove little. */
    ck_assert_uint_gt(allowed, pairs / 10);
    ck_assert_uint_lt(allowed, pairs / 2);
    ck_assert_uint_gt(invalid, pairs / 200);
}
END_TEST

static bool allows(struct plain_answer answer)
{
    return strcmp(answer.reason, reason_name(REASON_DECLARED)) == 0 ||
           strcmp(answer.reason, reason_name(REASON_EVERYTHING_DECLARED)) == 0;
}

START_TEST(never_takes_an_allowance_away_by_one_more_entry)
{
    start();
    for (int round = 0; round < 2000; round++) {
        struct policy policy;
        make_policy(&policy);
        struct snapshot *more = compile(&policy);
        policy.count--;
        struct snapshot *fewer = compile(&policy);
        policy.count++;
        for (size_t i = 0; i < TARGETS_PER_POLICY; i++) {
            char text[2 * TEXT_SIZE];
            bool tunnel = one_in(3);
            make_target(&policy, text, tunnel);
            if (allows(ask(fewer, text, tunnel)))
                ck_assert_msg(allows(ask(more, text, tunnel)), "%s is no longer allowed", text);
        }
        snapshot_unref(more);
        snapshot_unref(fewer);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("property");
    TCase *tests = tcase_create("property");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, decides_every_pair_as_the_plain_matcher_does);
    tcase_add_test(tests, never_takes_an_allowance_away_by_one_more_entry);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
