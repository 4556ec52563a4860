/*
 * A tenant is one (app, environment, installation) as a worker knows it: what
 * connections, cached names and counters are kept apart by. Tenants are made
 * once and live as long as their worker; how many there can be is bounded by
 * the configuration and the credentials, never by what a client sends.
 */
#ifndef SALLYPORT_PROXY_TENANT_H
#define SALLYPORT_PROXY_TENANT_H

#include "policy/decision.h"
#include "proxy/limiter.h"
#include "proxy/turns.h"

struct tenant {
    struct subject subject;
    struct span key;               /* "app/environment/installation" */
    struct span log_subject;       /* its log records' members that say who it is */
    struct limit_account *account; /* shared with the other workers; NULL as `limiter` is */
    struct share *share;     /* of the worker's time: its app and environment's, all the same */
    struct share *own_share; /* owned; NULL: the share is another tenant's */
    struct tenant *next;
};

struct tenants {
    struct limiter *limiter; /* NULL: who finds tenants here asks for no limits (tests) */
    struct tenant *buckets[1024];
};

/* NULL: memory is out. */
struct tenant *tenants_find(struct tenants *tenants, const struct subject *subject);
void tenants_clear(struct tenants *tenants);

#endif
