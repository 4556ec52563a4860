/*
 * What one tenant (app, environment, installation) may use, over all workers: requests
 * and new names a minute, bytes a second, tunnels at a time. An account is a few atomics that every
 * worker's tenants share; taking from it is a compare-and-swap, so the limit is exact
 * and nobody waits.
 */
#ifndef SALLYPORT_PROXY_LIMITER_H
#define SALLYPORT_PROXY_LIMITER_H

#include <stdatomic.h>

#include "conf/configuration.h"
#include "policy/decision.h"

struct name_set;

struct limit_account {
    struct limits limits;
    atomic_uint_least64_t requests;   /* the minute they were taken in (high half), and how many */
    _Atomic(struct name_set *) names; /* of this minute; NULL: there was none yet */
    atomic_uint tunnels;
    atomic_uint sessions;             /* client connections */
    atomic_uint_least64_t paid_until; /* nanoseconds, monotonic: when the bytes so far were due */
    struct limit_account *next;
    char key[]; /* "app/environment/installation" */
};

struct limiter;

/* NULL: memory is out. */
struct limiter *limiter_new(const struct configuration *configuration);
void limiter_free(struct limiter *limiter);

/*
 * The account of SUBJECT, made when first asked for; lives as
 * long as the limiter. Takes a lock: once a tenant and worker, never on the request
 * path. NULL: memory is out.
 */
struct limit_account *limiter_account(struct limiter *limiter, const struct subject *subject);

/* One request at NOW (milliseconds, monotonic). 0: taken; else the seconds until there are more. */
unsigned limit_take_request(struct limit_account *account, uint64_t now);

/*
 * NAME is to be resolved at NOW (milliseconds, monotonic). 0: it may, and asking for it again in
 * this minute takes nothing; else the seconds until there are more. Without memory: a second.
 */
unsigned limit_take_name(struct limit_account *account, struct span name, uint64_t now);

/* False: as many as may be are open. */
bool limit_take_tunnel(struct limit_account *account);
void limit_give_tunnel(struct limit_account *account);

/* CHANGE (1 or -1) connections of the app's. */
void limit_count_session(struct limit_account *account, int change);

/* Who holds the most connections and tunnels; NULL: nobody holds any. Any thread. */
const struct limit_account *limiter_greediest(struct limiter *limiter);

/*
 * COUNT bytes went at NOW (nanoseconds, monotonic). They are paid for afterwards: what was
 * too much is made up for by the wait until the next.
 */
void limit_pay_bytes(struct limit_account *account, uint64_t count, uint64_t now);

/* Nanoseconds from NOW until more may go; 0: now. */
uint64_t limit_bytes_wait(const struct limit_account *account, uint64_t now);

#endif
