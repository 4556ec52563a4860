/*
 * The ledger as a proxy sees it: looked at whenever the policy is loaded, and its
 * head written into the log, so that log and ledger vouch for each other. Looked
 * at whole at the start, and then only what was added and what has changed.
 */
#ifndef SALLYPORT_PROXY_POLICY_LEDGER_H
#define SALLYPORT_PROXY_POLICY_LEDGER_H

#include "conf/configuration.h"
#include "policy/ledger_audit.h"
#include "proxy/decision_log.h"

/* All zero: nothing was looked at. */
struct policy_ledger {
    struct ledger_audit audit;
    bool begun;
    bool there;  /* a ledger was read, audit.head is its head */
    bool broken; /* `trouble` is the first thing that is amiss */
    struct error trouble;
};

/*
 * Keeps this program's commands from writing to DIRECTORY, for a second at most: what is loaded
 * meanwhile is what the ledger tells of. A descriptor to close, or -1: nobody is kept from it.
 */
int policy_ledger_hold(const char *directory, enum ledger_mode mode);

/*
 * Looks at the ledger of DIRECTORY, which has to live as long, and at the files that CHANGE (NULL:
 * not known) is about: at all of them, unless the last look found nothing amiss. False: by MODE the
 * policy must not be taken, ERROR says why.
 */
bool policy_ledger_check(struct policy_ledger *ledger, const char *directory, enum ledger_mode mode,
                         const struct policy_change *change, struct error *error);

/* Its head, or what is amiss, into the log, with the revision of the policy in force. */
void policy_ledger_tell(const struct policy_ledger *ledger, struct log_queue *log,
                        const char *revision);

void policy_ledger_clear(struct policy_ledger *ledger);

#endif
