/*
 * Keeps the policy in force: loads it, loads it again when told, and swaps it
 * whole into the workers. A policy that does not load changes nothing but what
 * is said about it (in the log, on /readyz, in a metric).
 */
#ifndef SALLYPORT_PROXY_POLICY_KEEPER_H
#define SALLYPORT_PROXY_POLICY_KEEPER_H

#include <time.h>

#include "conf/configuration.h"
#include "policy/snapshot.h"
#include "policy/text.h"
#include "proxy/decision_log.h"
#include "proxy/policy_ledger.h"
#include "proxy/worker.h"

struct policy_keeper {
    const struct configuration *configuration;
    struct log_queue *log; /* the main thread's */
    struct worker *const *workers;
    size_t worker_count;
    struct snapshot *snapshot; /* the one in force */
    struct policy_ledger ledger;
    time_t loaded_at;
    uint64_t reloads;
    uint64_t failed_reloads;
    bool stale;          /* the files on disk do not load: `error` says why */
    bool looked_in_part; /* since the last look at all files */
    struct error error;
};

/* The first load. False: ERROR says which file and why. */
bool policy_keeper_load(struct policy_keeper *keeper, struct error *error);

/*
 * Loads again; hands a new snapshot to the workers, or keeps the old one and says why. Looks only
 * at what CHANGE (NULL: not known) is about, where the last look found nothing wrong.
 */
void policy_keeper_reload(struct policy_keeper *keeper, const struct policy_change *change);

/*
 * A look at all files, where the latest were at some of them only: what no change was told of is
 * found all the same. Says something only where it is another policy than the one in force.
 */
void policy_keeper_look_again(struct policy_keeper *keeper);

/* The ledger's head into the log, which is open by now. */
void policy_keeper_tell_ledger(const struct policy_keeper *keeper);

/* For /readyz: a line where the files do not load. */
void policy_keeper_write_trouble(const struct policy_keeper *keeper, struct text *out);

/* For /metrics. */
void policy_keeper_write_metrics(const struct policy_keeper *keeper, struct text *out);

/* Lets go of what it holds. */
void policy_keeper_clear(struct policy_keeper *keeper);

#endif
