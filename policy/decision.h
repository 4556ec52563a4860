/*
 * The decision: a pure function of (snapshot, app, environment, installation,
 * target). It allocates nothing and keeps nothing.
 */
#ifndef SALLYPORT_POLICY_DECISION_H
#define SALLYPORT_POLICY_DECISION_H

#include "policy/narrow.h"
#include "policy/snapshot.h"
#include "policy/target.h"
#include "policy/text.h"

enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_INVALID };

/* The words of README.md, where it speaks of a denial; log, header, body and command line share
 * them. */
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

/* "allow", "deny", "invalid". */
const char *verdict_name(enum verdict verdict);

const char *reason_name(enum reason reason);

/* Who asks. Spans are valid as long as their owner says. */
struct subject {
    struct span app; /* "" where a lone manifest is asked: then messages name its file instead */
    struct span environment;
    struct span installation; /* "" where there is none */
};

/* How an installation stood in the decision. */
enum decision_site {
    SITE_NONE,      /* none was named: the deployed manifest was asked */
    SITE_INSTALLED, /* its grant was asked */
    SITE_SUSPENDED,
    SITE_UNKNOWN, /* no installations.yml, or it is not listed there */
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
    bool has_rule;    /* a rule decided, or is the nearest to what was asked */
    bool app_managed; /* the newest version runs there already, under the approved permissions */
    struct decision_rule rule;
    enum scheme rule_scheme; /* what the rule declares, defaults filled in */
    uint16_t rule_port;
    bool rule_wildcard;
    bool plain;     /* allowed tunnel: declared http or ws too, may carry anything */
    bool app_known; /* the app has some environment, this one or another */
    enum decision_site site;
    const char *file; /* the deployed manifest; NULL: there is none (unknown app) */
    /* SITE_INSTALLED and SITE_SUSPENDED: the entry's place in installations.yml. */
    const char *site_file;
    struct position site_at;
    uint32_t approved_major; /* SITE_INSTALLED: the version its admin approved */
    uint32_t newest_major;
    /*
     * A narrow.yml speaks of the target. Where it took away what the manifest allows, `rule` is its
     * entry; else it is the manifest's, and this is what allowed the request there.
     */
    const char *narrow_file; /* NULL: none does */
    struct position narrow_at;
    const char *path_problem; /* REASON_PATH_NOT_DECLARED: why it is refused anyway; static */
    bool opaque;              /* … and: nobody looks into the tunnel */
    bool path_judged;         /* the request's `normal` was: its wire form is what may be sent */
};

/*
 * What the policy says to REQUEST (NULL: nothing of it is known) to TARGET: the one
 * place that tells what leaves, for every request that the proxy sees, in whatever
 * it came. DECISION is valid as long as SNAPSHOT.
 */
void decide_request(const struct snapshot *snapshot, const struct subject *subject,
                    const struct target *target, const struct request_line *request,
                    struct decision *decision);

/* The same where the target is all that is known; a tunnel is one that nobody looks into. */
void decide(const struct snapshot *snapshot, const struct subject *subject,
            const struct target *target, struct decision *decision);

/*
 * GIVEN, a command line's TARGET, decided as the proxy would decide a request with METHOD ("": any)
 * to it whose path it sees. A host alone is decided as a tunnel that nobody looks into, unless
 * METHOD is known. False: it is no target, ERROR says why.
 */
bool decide_given(const struct snapshot *snapshot, const struct subject *subject, struct span given,
                  struct span method, struct target *target, struct decision *decision,
                  struct error *error);

/*
 * One sentence a developer can act on: what was asked, what is declared, what
 * to add to the manifest. Written to TEXT, without a line end. For decisions
 * that decide() made; a reason that it does not give is told by its name.
 */
void decision_explain(const struct decision *decision, const struct subject *subject,
                      const struct target *target, struct text *text);

/*
 * What differs between the target and the nearest declaration of a denial, in a
 * few words: "declared on port 443 only". Nothing where there is no such declaration.
 */
void decision_explain_nearest(const struct decision *decision, const struct target *target,
                              struct text *text);

#endif
