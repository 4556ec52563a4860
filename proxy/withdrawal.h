/*
 * A connection outlives the handshake that let it in, but not what its client is known by: when a
 * listener's authorities, its list of what is revoked or its file of common names is read again,
 * each certificate that was shown, and each common name that a front told, is looked at again.
 * Whoever would not be let in any more, or would be somebody else, is let go of as `policy.revoke`
 * says (outcome "revoked").
 */
#ifndef SALLYPORT_PROXY_WITHDRAWAL_H
#define SALLYPORT_PROXY_WITHDRAWAL_H

#include <stdbool.h>

struct session;
struct worker;

/* WORKER's listeners have been given other files' contents. On the worker's thread. */
void withdrawal_apply(struct worker *worker);

/*
 * SESSION's handshake is over; what its listener goes by may be new since it began. False: it is
 * not to be let in by that.
 */
bool withdrawal_lets_in(const struct session *session);

#endif
