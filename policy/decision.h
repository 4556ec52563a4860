/*
 * The decision: a pure function of (snapshot, app, environment, installation,
 * target). It allocates nothing and keeps nothing.
 */
#ifndef SALLYPORT_POLICY_DECISION_H
#define SALLYPORT_POLICY_DECISION_H

#include "policy/snapshot.h"
#include "policy/target.h"
#include "policy/text.h"

enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_INVALID };

/* The words of interface.md section 4; log, header, body and command line share them. */
enum reason {
    REASON_DECLARED,
    REASON_EVERYTHING_DECLARED,
    REASON_UNDECLARED,
    REASON_SCHEME_NOT_DECLARED,
    REASON_PORT_NOT_DECLARED,
    REASON_UNKNOWN_APP,
    REASON_UNAUTHENTICATED,
    REASON_INVALID_TARGET,
    REASON_ADDRESS_PROHIBITED,
    REASON_ANALYTICS_DISABLED,
    REASON_PENDING_APPROVAL,
    REASON_SNI_MISMATCH,
    REASON_SNI_MISSING,
    REASON_NOT_TLS,
    REASON_ECH,
    REASON_LIMIT_EXCEEDED,
    REASON_METHOD_NOT_DECLARED,
    REASON_PATH_NOT_DECLARED,
    REASON_COUNT,
};

const char *verdict_name(enum verdict verdict);
const char *reason_name(enum reason reason);

/* Who asks. Spans are valid as long as their owner says. */
struct subject {
    struct span app;
    struct span environment;
    struct span installation; /* "" where there is none */
};

/* A rule as people see it; points into the snapshot. */
struct decision_rule {
    struct span address; /* as declared */
    const char *list;
    const char *file;
    struct position at;
};

struct decision {
    enum verdict verdict;
    enum reason reason;
    bool has_rule;             /* a rule decided, or is the nearest to what was asked */
    struct decision_rule rule;
    bool plain;                /* allowed tunnel: declared http or ws too, may carry anything */
};

/* DECISION is valid as long as SNAPSHOT. */
void decide(const struct snapshot *snapshot, const struct subject *subject,
            const struct target *target, struct decision *decision);

/*
 * One sentence a developer can act on: what was asked, what is declared, what
 * to add to the manifest. Written to TEXT.
 */
void decision_explain(const struct decision *decision, const struct subject *subject,
                      const struct target *target, struct text *text);

#endif
