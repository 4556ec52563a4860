/*
 * A worker's loop and what wakes it besides sockets and turns: orders from the main
 * thread, and sessions that wait for the log.
 */
#include "proxy/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/sandbox.h"
#include "proxy/session.h"
#include "proxy/withdrawal.h"

#define LOG_RETRY_MICROSECONDS 20000 /* how often sessions that wait for the log look again */

/* ---- sessions that wait ---------------------------------------------------------- */

static void enqueue(struct session_list *list, struct session *session)
{
    if (session->queue != NULL)
        return;
    session->queue = list;
    TAILQ_INSERT_TAIL(list, session, queue_link);
}

/* Runs those that are in the list now; one that comes back waits for the next time. */
static void run_all(struct session_list *list)
{
    const struct session *last = TAILQ_LAST(list, session_list);
    struct session *session = NULL;
    while (last != NULL && session != last) {
        session = TAILQ_FIRST(list);
        bool is_last = session == last;
        TAILQ_REMOVE(list, session, queue_link);
        session->queue = NULL;
        session_run(session);
        if (is_last)
            return;
    }
}

bool worker_close_idle_upstream(struct worker *worker)
{
    return upstream_pool_shrink(&worker->upstreams) ||
           http2_upstreams_shrink(&worker->http2_upstreams);
}

static void arm_log_timer(struct worker *worker)
{
    const struct timeval interval = {.tv_usec = LOG_RETRY_MICROSECONDS};
    if (!event_pending(worker->log_timer, EV_TIMEOUT, NULL))
        event_add(worker->log_timer, &interval);
}

static void on_log_timer(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    (void)fd;
    (void)what;
    if (log_queue_has_room(worker->log))
        run_all(&worker->log_waiters);
    if (!TAILQ_EMPTY(&worker->log_waiters))
        arm_log_timer(worker);
}

void worker_wait_for_log(struct worker *worker, struct session *session)
{
    enqueue(&worker->log_waiters, session);
    arm_log_timer(worker);
}

/* ---- orders from the main thread ---------------------------------------------------- */

static void drain(struct worker *worker)
{
    struct session *session, *next;
    if (!worker->draining)
        listener_set_stop(&worker->listeners);
    worker->draining = true;
    for (session = TAILQ_FIRST(&worker->sessions); session != NULL; session = next) {
        next = TAILQ_NEXT(session, link);
        session_drain(session);
    }
    worker_note_session_end(worker);
}

/* Idle clients may stay: none of them is to meet a closed door that it could take for a failure. */
static void leave(struct worker *worker)
{
    if (worker->draining)
        return;
    listener_set_leave(&worker->listeners);
    worker->draining = true;
    worker_note_session_end(worker);
}

void worker_note_session_end(struct worker *worker)
{
    if (worker->draining && worker->session_count == 0)
        event_base_loopbreak(worker->base);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof(count)) < 0)
        return;
    struct snapshot *snapshot = atomic_exchange(&worker->next_snapshot, NULL);
    if (snapshot != NULL) {
        snapshot_unref(worker->snapshot);
        worker->snapshot = snapshot;
        revocation_apply(worker);
    }
    struct keyring *keyring = atomic_exchange(&worker->next_keyring, NULL);
    if (keyring != NULL) {
        mint_cache_free(worker->minted);
        worker->minted = NULL;
        keyring_unref(worker->keyring);
        worker->keyring = keyring;
    }
    if (listener_set_take_offers(&worker->listeners))
        withdrawal_apply(worker);
    switch (atomic_load(&worker->order)) {
    case WORKER_LEAVE:
        leave(worker);
        break;
    case WORKER_DRAIN:
        drain(worker);
        break;
    case WORKER_STOP:
        event_base_loopbreak(worker->base);
        break;
    default:
        break;
    }
}

/* An eventfd takes 2^64 - 1 wake-ups before it is full: the write cannot fail. */
static void wake(int fd)
{
    const uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written;
}

void worker_set_snapshot(struct worker *worker, struct snapshot *snapshot)
{
    struct snapshot *unseen = atomic_exchange(&worker->next_snapshot, snapshot_ref(snapshot));
    if (unseen != NULL)
        snapshot_unref(unseen);
    wake(worker->wake_fd);
}

void worker_set_keyring(struct worker *worker, struct keyring *keyring)
{
    keyring_unref(atomic_exchange(&worker->next_keyring, keyring_ref(keyring)));
    wake(worker->wake_fd);
}

void worker_wake(struct worker *worker)
{
    wake(worker->wake_fd);
}

void worker_give_order(struct worker *worker, enum worker_order order)
{
    atomic_store(&worker->order, (int)order);
    wake(worker->wake_fd);
}

/* ---- life ------------------------------------------------------------------------------ */

/* No locks: only the worker's own thread touches its base. */
static struct event_base *new_base(void)
{
    struct event_config *options = event_config_new();
    if (options == NULL)
        return NULL;
    event_config_set_flag(options, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(options);
    event_config_free(options);
    return base;
}

static bool make_events(struct worker *worker)
{
    worker->log_timer = evtimer_new(worker->base, on_log_timer, worker);
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->log_timer == NULL || worker->wake_fd < 0 || !turns_init(&worker->turns, worker) ||
        !lifetime_init(&worker->lifetime, worker))
        return false;
    worker->wake_event =
        event_new(worker->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
    return worker->wake_event != NULL && event_add(worker->wake_event, NULL) == 0;
}

static bool make_parts(struct worker *worker, const struct listener_sockets *sockets,
                       struct error *error)
{
    error_set(error, "out of memory");
    worker->base = new_base();
    if (worker->base == NULL || !make_events(worker))
        return false;
    worker->poller = poller_new(worker->base);
    worker->lender = calloc(1, sizeof(*worker->lender));
    worker->deadlines = deadlines_new(worker->base, worker->configuration);
    if (worker->poller == NULL || worker->lender == NULL || worker->deadlines == NULL)
        return false;
    session_set_deadline_callbacks(worker);
    upstream_pool_init(&worker->upstreams, worker->deadlines);
    http2_upstreams_init(&worker->http2_upstreams, worker);
    worker->resolver = resolver_new(worker->base, worker->configuration, worker->metrics, error);
    return worker->resolver != NULL && listener_set_start(&worker->listeners, worker, sockets);
}

struct worker *worker_new(size_t index, const struct worker_shared *shared,
                          const struct listener_sockets *sockets, struct snapshot *snapshot,
                          struct metrics *metrics, struct log_queue *log, struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    worker->index = index;
    worker->exchanges.size = sizeof(struct exchange);
    worker->configuration = shared->configuration;
    worker->guard = shared->guard;
    worker->done_fd = shared->done_fd;
    worker->tenants.limiter = shared->limiter;
    worker->overload = shared->overload;
    worker->metrics = metrics;
    worker->log = log;
    worker->snapshot = snapshot_ref(snapshot);
    worker->keyring = keyring_ref(shared->keyring);
    worker->wake_fd = -1;
    TAILQ_INIT(&worker->sessions);
    TAILQ_INIT(&worker->log_waiters);
    TAILQ_INIT(&worker->upstreams.idle);
    if (make_parts(worker, sockets, error))
        return worker;
    worker_free(worker);
    return NULL;
}

static void *run(void *context)
{
    struct worker *worker = context;
    sandbox_confine_thread(SANDBOX_WORKER);
    event_base_dispatch(worker->base);
    while (!TAILQ_EMPTY(&worker->sessions))
        session_abort(TAILQ_FIRST(&worker->sessions), "shutdown");
    buffer_clear_spare();
    wake(worker->done_fd);
    return NULL;
}

bool worker_start(struct worker *worker, struct error *error)
{
    int code = pthread_create(&worker->thread, NULL, run, worker);
    if (code != 0)
        error_set(error, "cannot start a worker: %s", strerror(code));
    return code == 0;
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    listener_set_clear(&worker->listeners);
    if (worker->deadlines != NULL)
        upstream_pool_clear(&worker->upstreams);
    http2_upstreams_clear(&worker->http2_upstreams);
    resolver_free(worker->resolver);
    deadlines_free(worker->deadlines);
    tenants_clear(&worker->tenants);
    if (worker->lender != NULL)
        pipe_pool_clear(&worker->lender->pipes);
    free(worker->lender);
    spare_clear(&worker->exchanges);
    free_event(worker->wake_event);
    free_event(worker->log_timer);
    turns_clear(&worker->turns);
    lifetime_clear(&worker->lifetime);
    poller_free(worker->poller);
    if (worker->base != NULL)
        event_base_free(worker->base);
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
    struct snapshot *unseen = atomic_exchange(&worker->next_snapshot, NULL);
    if (unseen != NULL)
        snapshot_unref(unseen);
    snapshot_unref(worker->snapshot);
    keyring_unref(atomic_exchange(&worker->next_keyring, NULL));
    mint_cache_free(worker->minted);
    keyring_unref(worker->keyring);
    free(worker);
}
