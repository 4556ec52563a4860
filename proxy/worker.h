/*
 * A worker: one thread with its own event base, listeners, resolver, pools and
 * sessions. Nothing on the request path takes a lock; what the main thread has
 * to say (a new policy, drain, stop) is left in atomics and told by an eventfd.
 */
#ifndef SALLYPORT_PROXY_WORKER_H
#define SALLYPORT_PROXY_WORKER_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "conf/configuration.h"
#include "policy/snapshot.h"
#include "proxy/address_guard.h"
#include "proxy/deadline.h"
#include "proxy/decision_log.h"
#include "proxy/http2_upstream.h"
#include "proxy/http_head.h"
#include "proxy/keyring.h"
#include "proxy/lifetime.h"
#include "proxy/listener.h"
#include "proxy/metrics.h"
#include "proxy/overload.h"
#include "proxy/poller.h"
#include "proxy/relay.h"
#include "proxy/resolver.h"
#include "proxy/spare.h"
#include "proxy/tenant.h"
#include "proxy/turns.h"
#include "proxy/upstream.h"

/* What all workers share; immutable while they run. */
struct worker_shared {
    const struct configuration *configuration;
    const struct address_guard *guard;
    struct keyring *keyring; /* each worker takes a reference */
    struct limiter *limiter;
    struct overload *overload; /* NULL: nothing is watched */
    int done_fd;               /* an eventfd: each worker adds one when its thread ends */
};

struct worker {
    size_t index;
    const struct configuration *configuration;
    const struct address_guard *guard;
    struct event_base *base;
    struct poller *poller; /* of all connections' transports */
    struct deadlines *deadlines;
    struct resolver *resolver;
    struct metrics *metrics;
    struct log_queue *log;
    struct relay_lender *lender;
    struct http_request request;   /* where heads are parsed; a whole one moves to its exchange */
    struct http_response response; /* the same for an upstream's; used up at once */
    struct snapshot *snapshot;     /* the worker's own reference */
    struct keyring *keyring;       /* the same */
    struct mint_cache *minted;     /* by the keyring's authorities; NULL: not before the first */
    struct tenants tenants;
    struct upstream_pool upstreams; /* idle, of HTTP/1 */
    struct http2_upstreams http2_upstreams;
    struct listener_set listeners;
    struct session_list sessions;
    size_t session_count;
    struct spare exchanges;
    bool draining; /* no new connections; exchanges end with Connection: close */

    struct turns turns;
    struct overload *overload;       /* shared; NULL: nothing is watched */
    struct session_list log_waiters; /* wait for room in the log's queue */
    struct event *log_timer;
    struct lifetime lifetime;

    pthread_t thread;
    int done_fd; /* not owned */
    int wake_fd;
    struct event *wake_event;
    _Atomic(struct snapshot *) next_snapshot; /* a reference, taken over by the worker */
    _Atomic(struct keyring *) next_keyring;   /* the same */
    atomic_int order;                         /* enum worker_order */
};

enum worker_order { WORKER_RUN, WORKER_LEAVE, WORKER_DRAIN, WORKER_STOP };

/*
 * Makes a worker on SNAPSHOT (takes a reference), with its own copies of the
 * listening sockets in SOCKETS. METRICS and LOG outlive it. NULL: ERROR says why.
 */
struct worker *worker_new(size_t index, const struct worker_shared *shared,
                          const struct listener_sockets *sockets, struct snapshot *snapshot,
                          struct metrics *metrics, struct log_queue *log, struct error *error);

/* Starts its thread. */
bool worker_start(struct worker *worker, struct error *error);

/* From the main thread: decide by SNAPSHOT (a reference is taken) from the next event on. */
void worker_set_snapshot(struct worker *worker, struct snapshot *snapshot);

/* The same for connections to origins that are made from then on. */
void worker_set_keyring(struct worker *worker, struct keyring *keyring);

/* From the main thread: its listeners have been offered something (listener_set_offer). */
void worker_wake(struct worker *worker);

/*
 * From the main thread. WORKER_LEAVE: another process accepts now; ends when the last
 * session has. WORKER_DRAIN: nobody does; the same, and clients that ask for nothing are
 * let go. WORKER_STOP: at once.
 */
void worker_give_order(struct worker *worker, enum worker_order order);

/* Waits for the thread's end. */
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* --- for sessions, on the worker's thread -------------------------------- */

/* Closes an idle connection to an origin, to free its descriptor. False: there is none. */
bool worker_close_idle_upstream(struct worker *worker);

/* A session has ended: the last one ends a draining worker. */
void worker_note_session_end(struct worker *worker);

/* Run SESSION again when the log has room. */
void worker_wait_for_log(struct worker *worker, struct session *session);

#endif
