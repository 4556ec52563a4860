/*
 * From a trie's answer to a verdict with its reason. The sentences about it are
 * decision_explain.c's.
 */
#include "policy/decision.h"

static const char *const reason_names[REASON_COUNT] = {
    [REASON_DECLARED] = "declared",
    [REASON_EVERYTHING_DECLARED] = "everything_declared",
    [REASON_UNDECLARED] = "undeclared",
    [REASON_SCHEME_NOT_DECLARED] = "scheme_not_declared",
    [REASON_PORT_NOT_DECLARED] = "port_not_declared",
    [REASON_UNKNOWN_APP] = "unknown_app",
    [REASON_UNAUTHENTICATED] = "unauthenticated",
    [REASON_INVALID_TARGET] = "invalid_target",
    [REASON_ADDRESS_PROHIBITED] = "address_prohibited",
    [REASON_ANALYTICS_DISABLED] = "analytics_disabled",
    [REASON_PENDING_APPROVAL] = "pending_approval",
    [REASON_SNI_MISMATCH] = "sni_mismatch",
    [REASON_SNI_MISSING] = "sni_missing",
    [REASON_NOT_TLS] = "not_tls",
    [REASON_ECH] = "ech",
    [REASON_LIMIT_EXCEEDED] = "limit_exceeded",
    [REASON_METHOD_NOT_DECLARED] = "method_not_declared",
    [REASON_PATH_NOT_DECLARED] = "path_not_declared",
};

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"allow", "deny", "invalid"};
    return names[verdict];
}

const char *reason_name(enum reason reason)
{
    return reason_names[reason];
}

static enum reason reason_of(const struct trie_answer *answer)
{
    switch (answer->match) {
    case TRIE_MATCH:
        return answer->rule.scheme == SCHEME_ANY ? REASON_EVERYTHING_DECLARED : REASON_DECLARED;
    case TRIE_NO_PORT:
        return REASON_PORT_NOT_DECLARED;
    case TRIE_NO_SCHEME:
        return REASON_SCHEME_NOT_DECLARED;
    case TRIE_NO_HOST:
        return REASON_UNDECLARED;
    }
    return REASON_UNDECLARED;
}

static void set_rule(struct decision *decision, const struct trie_rule *rule)
{
    decision->has_rule = true;
    decision->rule = (struct decision_rule){
        .address = rule->text,
        .list = grant_list_name(rule->list),
        .file = decision->file,
        .at = rule->at,
    };
    decision->rule_scheme = rule->scheme;
    decision->rule_port = rule->port;
    decision->rule_wildcard = rule->wildcard;
}

void decide(const struct snapshot *snapshot, const struct subject *subject,
            const struct target *target, struct decision *decision)
{
    const struct app_policy *policy = snapshot_find(snapshot, subject->app, subject->environment);
    struct trie_answer answer;
    *decision = (struct decision){.verdict = VERDICT_DENY, .reason = REASON_UNKNOWN_APP};
    if (policy == NULL) {
        decision->app_known = snapshot_knows_app(snapshot, subject->app);
        return;
    }
    trie_find(app_policy_trie(policy), target, &answer);
    decision->app_known = true;
    decision->file = app_policy_file(policy);
    decision->verdict = answer.match == TRIE_MATCH ? VERDICT_ALLOW : VERDICT_DENY;
    decision->reason = reason_of(&answer);
    decision->plain = answer.plain;
    if (answer.has_rule)
        set_rule(decision, &answer.rule);
}
