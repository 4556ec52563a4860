/*
 * A tunnel outlives the decision that opened it, but not the rule: when a new
 * policy comes into force, each open tunnel is decided again, and one that is no
 * longer declared ends as `policy.revoke` says (outcome "revoked").
 * A request under way ends with its rule, too (403 if it can be said still), or its body would be a
 * tunnel of its own;
 * but one that has been sent may have its answer within timeouts.drain_seconds. Connections that
 * are kept for requests to come go with the rule that let them be made.
 */
#ifndef SALLYPORT_PROXY_REVOCATION_H
#define SALLYPORT_PROXY_REVOCATION_H

#include <stdbool.h>

#include "policy/target.h"

struct session;
struct worker;

/* What a tunnel keeps of its target, to be decided again: its text, and nothing larger. */
struct tunnel_target {
    enum scheme scheme;
    uint16_t port;
    char *host; /* canonical, as in a URL; owned */
};

/* False: memory is out. */
bool tunnel_target_set(struct tunnel_target *kept, const struct target *target);
void tunnel_target_clear(struct tunnel_target *kept);

/* The worker has a new snapshot. Costs a decision a tunnel and a request under way; on the worker's
 * thread. */
void revocation_apply(struct worker *worker);

/*
 * SESSION's request, or its tunnel's first byte, is about to go to the upstream, or the upstream's
 * connection into a pool; there may be another policy by now than the one that let it begin.
 * False: it is no longer declared and has to end.
 */
bool revocation_lets_begin(struct session *session);

#endif
