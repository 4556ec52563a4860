/*
 * Listening sockets, a worker's side: it accepts on its own descriptors of those that
 * the main thread has opened (listener_sockets.h).
 */
#ifndef SALLYPORT_PROXY_LISTENER_H
#define SALLYPORT_PROXY_LISTENER_H

#include <event2/event.h>
#include <stdatomic.h>

#include "proxy/listener_sockets.h"
#include "proxy/turns.h"

struct worker;

struct listener {
    struct worker *worker;
    const struct listener_socket *socket;
    int fd;
    struct tls_context *tls;                /* what new connections get; NULL: plain */
    struct roster *roster;                  /* who is who by its files; a reference, as `tls` */
    _Atomic(struct tls_context *) next_tls; /* a reference, taken over with the next connection */
    _Atomic(struct roster *) next_roster;   /* or when the worker is told to look */
    struct event *accept_event;
    struct share *share;    /* pays for new connections: the app's that the listener is for, or */
    struct share strangers; /* of which nobody knows yet whose they are */
    TAILQ_ENTRY(listener) accept_link;
    bool is_acceptable; /* in share->acceptable */
};

/* A worker's listeners, and its pause when descriptors run out. */
struct listener_set {
    struct listener *items;
    size_t count;
    bool changed; /* something was taken over, and who is connected not looked at since */
    struct event *resume_timer;
};

/* Accepts on the worker's own sockets from now on. False: memory is out. */
bool listener_set_start(struct listener_set *set, struct worker *worker,
                        const struct listener_sockets *sockets);

/* Accepts one connection. False: nothing (more) to accept now. */
bool listener_accept(struct listener *listener);

/* From the main thread: connections to SOCKET that come from now on get TLS, and are known, as it
 * says now. */
void listener_set_offer(struct listener_set *set, const struct listener_socket *socket);

/* Takes over what was offered. False: nothing was since the last call. */
bool listener_set_take_offers(struct listener_set *set);

/* Takes what is already in the backlog, then listens no more: whoever comes now is refused at once.
 */
void listener_set_stop(struct listener_set *set);

/*
 * Takes what is already in the backlog, then closes the worker's descriptors: the
 * process that has the sockets too accepts alone from now on.
 */
void listener_set_leave(struct listener_set *set);
void listener_set_clear(struct listener_set *set);

#endif
