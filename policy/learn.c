/* Which denials learn listens to; see the header. */
#include "policy/learn.h"

#include "policy/replay.h"

bool learn_init(struct learn *learn, const struct snapshot *snapshot, const struct subject *subject)
{
    *learn = (struct learn){
        .snapshot = snapshot,
        .subject = *subject,
        .denied = tally_new(LEARN_TARGETS_MAXIMUM),
    };
    return learn->denied != NULL;
}

void learn_clear(struct learn *learn)
{
    tally_free(learn->denied);
    learn->denied = NULL;
}

/* For want of a declaration: one more would have helped. */
static bool is_for_want(enum reason reason)
{
    return reason == REASON_UNDECLARED || reason == REASON_SCHEME_NOT_DECLARED ||
           reason == REASON_PORT_NOT_DECLARED || reason == REASON_UNKNOWN_APP;
}

/*
 * One more declaration does not help where the manifest has it already: narrow.yml shuts it,
 * the site's admin has yet to approve it, or has switched it off.
 */
static bool is_in_want(const struct learn *learn, const struct subject *subject,
                       const struct target *target)
{
    struct decision now;
    decide(learn->snapshot, subject, target, &now);
    return now.verdict == VERDICT_DENY && is_for_want(now.reason);
}

void learn_visit(void *context, const struct log_record *record,
                 const struct log_decision *decision)
{
    struct learn *learn = context;
    const struct tally_key key = {.target = &decision->target};
    if (decision->verdict != VERDICT_DENY || !replay_is_policys(decision) ||
        !is_for_want(decision->reason))
        return;
    const struct subject one = replay_subject(&learn->subject, record->installation);
    struct subject deployed = learn->subject;
    deployed.installation = SPAN("");
    if (is_in_want(learn, &deployed, &decision->target) &&
        is_in_want(learn, &one, &decision->target))
        tally_add(learn->denied, &key, record->time);
}
