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

static void set_rule(struct decision *decision, const struct trie_rule *rule, const char *file)
{
    decision->has_rule = true;
    decision->rule = (struct decision_rule){
        .address = rule->text,
        .list = grant_list_name(rule->list),
        .file = file,
        .at = rule->at,
    };
    decision->rule_scheme = rule->scheme;
    decision->rule_port = rule->port;
    decision->rule_wildcard = rule->wildcard;
}

static void take_answer(struct decision *decision, const struct trie_answer *answer,
                        const char *file)
{
    decision->verdict = answer->match == TRIE_MATCH ? VERDICT_ALLOW : VERDICT_DENY;
    decision->reason = reason_of(answer);
    decision->plain = answer->plain;
    if (answer->has_rule)
        set_rule(decision, &answer->rule, file);
}

/* ---- an installation ------------------------------------------------------------------ */

/* A rule of the site's own stands in its entry of installations.yml. */
static void take_own_answer(struct decision *decision, struct trie_answer *answer,
                            const struct installed_grant *site)
{
    answer->rule.at = site->at;
    take_answer(decision, answer, site->own_file);
}

/* What is in force: the approved version's manifest and, beside it, what the admin configured. */
static void decide_by_grant(const struct installed_grant *site, const struct target *target,
                            struct decision *decision)
{
    struct trie_answer approved, own;
    trie_find(site->approved, target, &approved);
    take_answer(decision, &approved, site->approved_file);
    if (site->own == NULL)
        return;
    trie_find(site->own, target, &own);
    if (approved.match != TRIE_MATCH && (own.match == TRIE_MATCH || !approved.has_rule))
        take_own_answer(decision, &own, site);
    decision->plain = approved.plain || own.plain;
}

/* What TRIE would have allowed names the rule, and REASON why it does not count. */
static bool deny_for(const struct trie *trie, const struct target *target, enum reason reason,
                     const char *file, struct decision *decision)
{
    struct trie_answer answer;
    if (trie == NULL)
        return false;
    trie_find(trie, target, &answer);
    if (answer.match != TRIE_MATCH)
        return false;
    decision->reason = reason;
    decision->plain = false;
    set_rule(decision, &answer.rule, file);
    return true;
}

/*
 * With `enforcement: app-managed` the newest version's code runs here already;
 * what it may reach stays what was approved, so its denials are these as well.
 */
static void decide_for_site(const struct installed_grant *site, const struct target *target,
                            struct decision *decision)
{
    decision->site = SITE_INSTALLED;
    decision->approved_major = site->approved_major;
    decision->newest_major = site->newest_major;
    decision->app_managed = site->app_managed;
    decide_by_grant(site, target, decision);
    if (decision->verdict == VERDICT_ALLOW)
        return;
    if (!deny_for(site->analytics, target, REASON_ANALYTICS_DISABLED, site->approved_file,
                  decision))
        (void)deny_for(site->newest, target, REASON_PENDING_APPROVAL, site->newest_file, decision);
}

/* DECISION is a denial for an unknown app. */
static void decide_installed(const struct app_policy *policy, const struct subject *subject,
                             const struct target *target, struct decision *decision)
{
    const struct grant_table *table = app_policy_installations(policy);
    struct installed_grant site;
    decision->site = SITE_UNKNOWN;
    if (table == NULL || !grant_table_find(table, subject->installation, &site))
        return;
    decision->site_file = site.own_file;
    decision->site_at = site.at;
    decision->site = SITE_SUSPENDED;
    if (!site.suspended)
        decide_for_site(&site, target, decision);
}

/* ---- narrow.yml ----------------------------------------------------------------------- */

static void take_away(const struct narrow *narrow, const struct narrow_answer *answer,
                      struct decision *decision)
{
    decision->verdict = VERDICT_DENY;
    decision->reason =
        answer->verdict == NARROW_METHOD ? REASON_METHOD_NOT_DECLARED : REASON_PATH_NOT_DECLARED;
    decision->plain = false;
    decision->path_problem = answer->problem;
    decision->opaque = answer->opaque;
    decision->rule = (struct decision_rule){
        .address = answer->address,
        .list = "narrow",
        .file = narrow_name(narrow),
        .at = answer->at,
    };
}

/* DECISION allows what it is about, as far as the grant goes. */
static void narrow_decision(const struct narrow *narrow, const struct target *target,
                            const struct request_line *request, struct decision *decision)
{
    struct narrow_answer answer;
    narrow_judge(narrow, target, request, &answer);
    if (!answer.has_entry)
        return;
    decision->narrow_file = narrow_name(narrow);
    decision->narrow_at = answer.at;
    decision->path_judged = answer.path_judged;
    if (answer.verdict != NARROW_ALLOW)
        take_away(narrow, &answer, decision);
}

/* ---- the whole ------------------------------------------------------------------------ */

static void decide_deployed(const struct app_policy *policy, const struct target *target,
                            struct decision *decision)
{
    struct trie_answer answer;
    trie_find(app_policy_trie(policy), target, &answer);
    take_answer(decision, &answer, decision->file);
}

void decide_request(const struct snapshot *snapshot, const struct subject *subject,
                    const struct target *target, const struct request_line *request,
                    struct decision *decision)
{
    const struct app_policy *policy = snapshot_find(snapshot, subject->app, subject->environment);
    *decision = (struct decision){.verdict = VERDICT_DENY, .reason = REASON_UNKNOWN_APP};
    if (policy == NULL) {
        decision->app_known = snapshot_knows_app(snapshot, subject->app);
        return;
    }
    decision->app_known = true;
    decision->file = app_policy_file(policy);
    if (subject->installation.length > 0)
        decide_installed(policy, subject, target, decision);
    else
        decide_deployed(policy, target, decision);
    const struct narrow *narrow = app_policy_narrow(policy);
    if (narrow != NULL && decision->verdict == VERDICT_ALLOW)
        narrow_decision(narrow, target, request, decision);
}

void decide(const struct snapshot *snapshot, const struct subject *subject,
            const struct target *target, struct decision *decision)
{
    decide_request(snapshot, subject, target, NULL, decision);
}

bool decide_given(const struct snapshot *snapshot, const struct subject *subject, struct span given,
                  struct span method, struct target *target, struct decision *decision,
                  struct error *error)
{
    struct path path;
    struct span path_and_query;
    struct request_line request = {.method = method, .normal = &path};
    if (!target_parse_url(given, target, &path_and_query, &request.has_path, error))
        return false;
    request.path = path_without_query(path_and_query);
    request.opaque = !request.has_path && method.length == 0;
    decide_request(snapshot, subject, target, &request, decision);
    return true;
}
