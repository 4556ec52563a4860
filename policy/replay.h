/*
 * Replay: logged requests decided again under another policy. What counts is
 * a request that a policy let out or kept in and that this policy would not;
 * what stopped a request for another cause stops it still.
 */
#ifndef SALLYPORT_POLICY_REPLAY_H
#define SALLYPORT_POLICY_REPLAY_H

#include "policy/log_reader.h"
#include "policy/tally.h"

#define REPLAY_GROUPS_MAXIMUM 100000

enum replay_change { REPLAY_NOW_DENIED, REPLAY_NOW_ALLOWED, REPLAY_SAME, REPLAY_NOT_POLICY };

struct replay {
    const struct snapshot *snapshot;
    struct subject subject; /* who asks; a record's own installation, see replay_subject */
    struct tally *changes;  /* kind: an enum replay_change; reason: of the record that came first */
    uint64_t counts[REPLAY_NOT_POLICY + 1];
};

/* False: memory is out. Neither SNAPSHOT nor SUBJECT's names are copied. Then replay_clear. */
bool replay_init(struct replay *replay, const struct snapshot *snapshot,
                 const struct subject *subject);
void replay_clear(struct replay *replay);

/*
 * Who asks, of an environment where each record's installation counts: SUBJECT as
 * INSTALLATION, unless SUBJECT names one itself, or no app: then none matters.
 */
struct subject replay_subject(const struct subject *subject, struct span installation);

/* CONTEXT is a struct replay: for log_walk's visitor. */
void replay_visit(void *context, const struct log_record *record,
                  const struct log_decision *decision);

/* What would become of one logged decision, NOW being what the new policy says. */
enum replay_change replay_compare(const struct log_decision *logged, const struct decision *now);

/* A request whose fate a policy decides: what was denied for another cause is none. */
bool replay_is_policys(const struct log_decision *logged);

/*
 * Puts the groups in the order in which they are printed: denied before allowed,
 * by app, environment and installation, the most frequent first.
 */
struct tally_entry **replay_groups(struct replay *replay, size_t *count);

/* All groups and the sums to STREAM. Text: a line a group; JSON: an object a line. */
void replay_print_text(struct replay *replay, FILE *stream);
void replay_print_json(struct replay *replay, FILE *stream);

#endif
