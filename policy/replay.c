/*
 * Compares what was with what would be. The heart is the table of reasons:
 * which of them a policy answers for.
 */
#include "policy/replay.h"

#include <stdlib.h>

enum bearing {
    BY_POLICY, /* the policy's own word: asked again, it may be another */
    BY_GUARD,  /* the policy had allowed it, a guard of the bytes in the tunnel stopped it */
    BY_OTHERS, /* nothing in a policy changes it, or the log does not tell enough */
};

static const enum bearing bearings[REASON_COUNT] = {
    [REASON_DECLARED] = BY_POLICY,
    [REASON_EVERYTHING_DECLARED] = BY_POLICY,
    [REASON_UNDECLARED] = BY_POLICY,
    [REASON_SCHEME_NOT_DECLARED] = BY_POLICY,
    [REASON_PORT_NOT_DECLARED] = BY_POLICY,
    /* No policy then; the one that is replayed is one now. */
    [REASON_UNKNOWN_APP] = BY_POLICY,
    /* What an installation's admin has switched off or not yet approved is part of its policy. */
    [REASON_ANALYTICS_DISABLED] = BY_POLICY,
    [REASON_PENDING_APPROVAL] = BY_POLICY,
    /*
     * A tunnel to a target that is declared http or ws too may carry anything, so a policy
     * that declares it so lifts these four; any other leaves them.
     */
    [REASON_SNI_MISMATCH] = BY_GUARD,
    [REASON_SNI_MISSING] = BY_GUARD,
    [REASON_NOT_TLS] = BY_GUARD,
    [REASON_ECH] = BY_GUARD,
    /* Nobody asked, or nothing that could be understood. */
    [REASON_UNAUTHENTICATED] = BY_OTHERS,
    [REASON_INVALID_TARGET] = BY_OTHERS,
    /* Where the name led to, and how often: found out after the policy had said yes. */
    [REASON_ADDRESS_PROHIBITED] = BY_OTHERS,
    [REASON_LIMIT_EXCEEDED] = BY_OTHERS,
    /* Only ever takes away from what is declared, by methods and paths; the log has no paths. */
    [REASON_METHOD_NOT_DECLARED] = BY_OTHERS,
    [REASON_PATH_NOT_DECLARED] = BY_OTHERS,
};

/* A word that we do not know was not a policy's, as far as we can tell, unless it let out. */
static enum bearing bearing_of(const struct log_decision *logged)
{
    if (logged->target.port == 0)
        return BY_OTHERS;
    /* A tunnel has no path to be judged by: it may go there or not, whatever is in it. */
    if (logged->target.scheme == SCHEME_TUNNEL && logged->reason == REASON_PATH_NOT_DECLARED)
        return BY_POLICY;
    if (logged->verdict == VERDICT_ALLOW)
        return BY_POLICY;
    return logged->reason == REASON_COUNT ? BY_OTHERS : bearings[logged->reason];
}

bool replay_is_policys(const struct log_decision *logged)
{
    return bearing_of(logged) == BY_POLICY;
}

enum replay_change replay_compare(const struct log_decision *logged, const struct decision *now)
{
    enum bearing bearing = bearing_of(logged);
    bool allowed = now->verdict == VERDICT_ALLOW && (bearing == BY_POLICY || now->plain);
    if (bearing == BY_OTHERS)
        return REPLAY_NOT_POLICY;
    if (allowed == (logged->verdict == VERDICT_ALLOW))
        return bearing == BY_POLICY ? REPLAY_SAME : REPLAY_NOT_POLICY;
    return allowed ? REPLAY_NOW_ALLOWED : REPLAY_NOW_DENIED;
}

bool replay_init(struct replay *replay, const struct snapshot *snapshot,
                 const struct subject *subject)
{
    *replay = (struct replay){
        .snapshot = snapshot,
        .subject = *subject,
        .changes = tally_new(REPLAY_GROUPS_MAXIMUM),
    };
    return replay->changes != NULL;
}

void replay_clear(struct replay *replay)
{
    tally_free(replay->changes);
    replay->changes = NULL;
}

struct subject replay_subject(const struct subject *subject, struct span installation)
{
    struct subject asks = *subject;
    if (asks.app.length > 0 && asks.installation.length == 0)
        asks.installation = installation;
    return asks;
}

void replay_visit(void *context, const struct log_record *record,
                  const struct log_decision *decision)
{
    struct replay *replay = context;
    const struct subject subject = replay_subject(&replay->subject, record->installation);
    struct decision now = {.verdict = VERDICT_DENY};
    if (bearing_of(decision) != BY_OTHERS)
        decide(replay->snapshot, &subject, &decision->target, &now);
    enum replay_change change = replay_compare(decision, &now);
    replay->counts[change]++;
    if (change != REPLAY_NOW_DENIED && change != REPLAY_NOW_ALLOWED)
        return;
    const struct tally_key changed = {change, record->app, record->environment,
                                      subject.installation, &decision->target};
    struct tally_entry *entry = tally_add(replay->changes, &changed, record->time);
    if (entry != NULL && entry->count == 1)
        entry->reason = decision->reason;
}

static int compare_spans(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_entries(const void *left, const void *right)
{
    const struct tally_entry *a = *(struct tally_entry *const *)left;
    const struct tally_entry *b = *(struct tally_entry *const *)right;
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    if (order == 0)
        order = compare_spans(a->app, b->app);
    if (order == 0)
        order = compare_spans(a->environment, b->environment);
    if (order == 0)
        order = compare_spans(a->installation, b->installation);
    if (order == 0)
        order = (a->count < b->count) - (a->count > b->count);
    if (order == 0)
        order = compare_spans(a->host, b->host);
    if (order == 0)
        order = (a->port > b->port) - (a->port < b->port);
    return order != 0 ? order : (a->scheme > b->scheme) - (a->scheme < b->scheme);
}

struct tally_entry **replay_groups(struct replay *replay, size_t *count)
{
    struct tally_entry **groups = tally_entries(replay->changes, count);
    qsort(groups, *count, sizeof(struct tally_entry *), compare_entries);
    return groups;
}
