/*
 * What one app and environment may use, over all workers: requests a minute and
 * tunnels at a time. An account is two atomics that every worker's tenants share;
 * taking from it is a compare-and-swap, so the limit is exact and nobody waits.
 */
#ifndef SALLYPORT_PROXY_LIMITER_H
#define SALLYPORT_PROXY_LIMITER_H

#include <stdatomic.h>

#include "conf/configuration.h"
#include "policy/decision.h"

struct limit_account {
    struct limits limits;
    atomic_uint_least64_t requests; /* the minute they were taken in (high half), and how many */
    atomic_uint tunnels;
    struct limit_account *next;
    char key[]; /* "app/environment" */
};

struct limiter;

/* NULL: memory is out. */
struct limiter *limiter_new(const struct configuration *configuration);
void limiter_free(struct limiter *limiter);

/*
 * The account of SUBJECT's app and environment, made when first asked for; lives as
 * long as the limiter. Takes a lock: once a tenant and worker, never on the request
 * path. NULL: memory is out.
 */
struct limit_account *limiter_account(struct limiter *limiter, const struct subject *subject);

/* One request at NOW (milliseconds, monotonic). 0: taken; else the seconds until there are more. */
unsigned limit_take_request(struct limit_account *account, uint64_t now);

/* False: as many as may be are open. */
bool limit_take_tunnel(struct limit_account *account);
void limit_give_tunnel(struct limit_account *account);

#endif
