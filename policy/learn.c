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

void learn_visit(void *context, const struct log_record *record,
                 const struct log_decision *decision)
{
    struct learn *learn = context;
    const struct tally_key key = {0, {"", 0}, {"", 0}, &decision->target};
    struct decision now;
    if (decision->verdict != VERDICT_DENY || !replay_is_policys(decision) ||
        !is_for_want(decision->reason))
        return;
    decide(learn->snapshot, &learn->subject, &decision->target, &now);
    /* One more declaration does not help where narrow.yml shuts what is declared already. */
    if (now.verdict != VERDICT_ALLOW && now.reason != REASON_PATH_NOT_DECLARED)
        tally_add(learn->denied, &key, record->time);
}
