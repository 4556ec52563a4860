/*
 * The decision log of the session fuzzer, kept as it is written: every line whole,
 * every decision closed once, no close without a decision.
 */
#ifndef SALLYPORT_TEST_FUZZ_SESSION_LEDGER_H
#define SALLYPORT_TEST_FUZZ_SESSION_LEDGER_H

#include "proxy/log_queue.h"
#include "test/fuzz/session_policy.h"

void ledger_begin(void);

/* Takes all lines that QUEUE holds. */
void ledger_take(struct log_queue *queue);

/* A CONNECT to PLACE was allowed since ledger_begin. */
bool ledger_allowed_tunnel(const struct world_place *place);

/* A request to PLACE that is no CONNECT was. */
bool ledger_allowed_request(const struct world_place *place);

/* Any exchange with PLACE was allowed since ledger_begin. */
bool ledger_allowed(const struct world_place *place);

/* No decision waits for its close. */
bool ledger_is_closed(void);

#endif
