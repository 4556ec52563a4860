/* A worker's side of the listening sockets: who is accepted, for whom, and until when. */
#include "proxy/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/session.h"
#include "proxy/worker.h"

#define PAUSE_MICROSECONDS 100000 /* without descriptors: until accepting is tried again */

/* ---- accepting ------------------------------------------------------------------ */

static void enable(struct listener_set *set, bool on)
{
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->items[i];
        if (on) {
            event_add(listener->accept_event, NULL);
            continue;
        }
        event_del(listener->accept_event);
        turns_accept_no_more(listener);
    }
}

/* A backlog that is not accepted makes no noise: better than a loop that spins on EMFILE. */
static void pause_accepting(struct worker *worker)
{
    const struct timeval pause = {.tv_usec = PAUSE_MICROSECONDS};
    metrics_add(worker->metrics, METRIC_ACCEPT_PAUSES, 1);
    worker_close_idle_upstream(worker);
    enable(&worker->listeners, false);
    event_add(worker->listeners.resume_timer, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    (void)fd;
    (void)what;
    if (!worker->draining)
        enable(&worker->listeners, true);
}

/* The roster last: whoever sees it finds the other, too. */
void listener_set_offer(struct listener_set *set, const struct listener_socket *socket)
{
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->items[i];
        if (listener->socket != socket)
            continue;
        if (socket->tls != NULL)
            tls_context_unref(atomic_exchange(&listener->next_tls, tls_context_ref(socket->tls)));
        roster_unref(atomic_exchange(&listener->next_roster, roster_ref(socket->roster)));
    }
}

static void take_offers(struct listener *listener)
{
    if (atomic_load_explicit(&listener->next_roster, memory_order_relaxed) == NULL)
        return;
    struct roster *roster = atomic_exchange(&listener->next_roster, NULL);
    struct tls_context *tls = atomic_exchange(&listener->next_tls, NULL);
    roster_unref(listener->roster);
    listener->roster = roster;
    listener->worker->listeners.changed = true;
    if (tls == NULL)
        return;
    tls_context_unref(listener->tls);
    listener->tls = tls;
}

bool listener_set_take_offers(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        take_offers(&set->items[i]);
    const bool changed = set->changed;
    set->changed = false;
    return changed;
}

bool listener_accept(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    memset(&peer, 0, sizeof(peer));
    if (listener->worker->overload != NULL && overload_is_full(listener->worker->overload)) {
        pause_accepting(listener->worker);
        return false;
    }
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        take_offers(listener);
        session_start(listener->worker, listener, fd, (const struct sockaddr *)&peer);
        return true;
    }
    if (errno == EINTR || errno == ECONNABORTED)
        return true;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(listener->worker);
    return false;
}

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    turns_accept(context);
}

/* Who is accepted on LISTENER is this app, whatever else it shows; NULL: that is not said. */
static const struct tenant *tenant_of(const struct listener *listener)
{
    const struct listener_configuration *configuration = listener->socket->configuration;
    const struct ip unknown = {.family = 0};
    struct identity identity = {.tenant = NULL};
    if (configuration->identity == IDENTITY_STATIC)
        identity_of_place(&identity, &listener->worker->tenants, configuration, &unknown);
    return identity.tenant;
}

static void set_share(struct listener *listener)
{
    const struct tenant *tenant = tenant_of(listener);
    share_init(&listener->strangers, NULL);
    listener->share = tenant == NULL ? &listener->strangers : tenant->share;
}

static bool start_listener(struct listener *listener, struct worker *worker,
                           const struct listener_socket *socket, int fd)
{
    listener->worker = worker;
    listener->socket = socket;
    listener->fd = fd;
    set_share(listener);
    listener->tls = socket->tls == NULL ? NULL : tls_context_ref(socket->tls);
    listener->roster = roster_ref(socket->roster);
    listener->accept_event =
        event_new(worker->base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
    return listener->accept_event != NULL && event_add(listener->accept_event, NULL) == 0;
}

static bool start_listeners(struct listener_set *set, struct worker *worker,
                            const struct listener_socket *socket, size_t workers)
{
    for (size_t i = worker->index; i < socket->fd_count; i += workers) {
        if (!start_listener(&set->items[set->count++], worker, socket, socket->fds[i]))
            return false;
    }
    return true;
}

bool listener_set_start(struct listener_set *set, struct worker *worker,
                        const struct listener_sockets *sockets)
{
    size_t room = 1;
    for (size_t i = 0; i < sockets->count; i++)
        room += sockets->items[i].fd_count / sockets->workers + 1;
    set->items = calloc(room, sizeof(*set->items));
    set->resume_timer = evtimer_new(worker->base, on_resume, worker);
    if (set->items == NULL || set->resume_timer == NULL)
        return false;
    for (size_t i = 0; i < sockets->count; i++) {
        if (!start_listeners(set, worker, &sockets->items[i], sockets->workers))
            return false;
    }
    return true;
}

static void take_backlog(struct listener *listener)
{
    for (int accepted = 0; accepted < LISTENER_BACKLOG && listener_accept(listener); accepted++)
        continue;
}

void listener_set_stop(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        take_backlog(&set->items[i]);
        shutdown(set->items[i].fd, SHUT_RDWR);
    }
    enable(set, false);
    event_del(set->resume_timer);
}

void listener_set_leave(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        take_backlog(&set->items[i]);
    enable(set, false);
    event_del(set->resume_timer);
    for (size_t i = 0; i < set->count; i++)
        close(set->items[i].fd);
}

void listener_set_clear(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].accept_event != NULL)
            event_free(set->items[i].accept_event);
        tls_context_unref(set->items[i].tls);
        tls_context_unref(atomic_exchange(&set->items[i].next_tls, NULL));
        roster_unref(set->items[i].roster);
        roster_unref(atomic_exchange(&set->items[i].next_roster, NULL));
    }
    if (set->resume_timer != NULL)
        event_free(set->resume_timer);
    free(set->items);
    *set = (struct listener_set){.items = NULL};
}
