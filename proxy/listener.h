/*
 * Listening sockets. The main thread binds them all before a worker runs, so
 * that "address in use" is said at once, or takes them over from the process
 * that is to make way; each worker then accepts on descriptors of its own
 * (SO_REUSEPORT: the kernel deals the connections out; a unix socket is one
 * socket with many descriptors).
 */
#ifndef SALLYPORT_PROXY_LISTENER_H
#define SALLYPORT_PROXY_LISTENER_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdio.h>

#include "certs/tls.h"
#include "conf/configuration.h"
#include "proxy/takeover.h"
#include "proxy/turns.h"

/* One configured listener, bound. Worker I accepts on descriptors I, I + workers, and so on. */
struct listener_socket {
    const struct listener_configuration *configuration;
    struct tls_context *tls; /* NULL: plain; the main thread's reference to the newest */
    uint16_t port;           /* the real one, where the configuration says 0 */
    int *fds;                /* at least one a worker; more were taken over from more workers */
    size_t fd_count;         /* how many of them are open */
    bool given;              /* to the process that follows */
    const char *unix_path;   /* bound there, to be removed at the end; NULL: not */
};

struct listener_sockets {
    struct listener_socket *items;
    size_t count;
    size_t workers;
    bool left; /* the workers have closed what is theirs */
};

/*
 * Binds all listeners of CONFIGURATION for WORKERS workers, but for what the process
 * that is taken over FROM has. False: ERROR has the place in the file.
 */
bool listener_sockets_open(struct listener_sockets *sockets,
                           const struct configuration *configuration, size_t workers,
                           const struct takeover *from, struct error *error);

/* The address of the first, by which others find this process (takeover_wire.h). */
void listener_sockets_address(const struct listener_sockets *sockets,
                              char address[TAKEOVER_ADDRESS_SIZE]);

/*
 * What listens at ADDRESS, as configured or as bound: *COUNT descriptors, for the
 * process that follows. NULL: nothing that has not been given already.
 */
const int *listener_sockets_give(struct listener_sockets *sockets, const char *address,
                                 size_t *count);

/* The process that was to follow does not. */
void listener_sockets_take_back(struct listener_sockets *sockets);

/* The workers are told to leave (listener_set_leave): what was given is no longer ours. */
void listener_sockets_leave(struct listener_sockets *sockets);

/* A line each, with the port that was got. */
void listener_sockets_announce(const struct listener_sockets *sockets, FILE *stream);

/* What LISTENER shows and asks of its clients, read from its files. NULL: ERROR says which and why.
 */
struct tls_context *listener_tls_new(const struct listener_configuration *listener,
                                     struct error *error);

/* Closes them, and removes unix sockets' files. */
void listener_sockets_close(struct listener_sockets *sockets);

/* --- a worker's side ------------------------------------------------------ */

struct worker;

struct listener {
    struct worker *worker;
    const struct listener_socket *socket;
    int fd;
    struct tls_context *tls;                /* what new connections get; NULL: plain */
    _Atomic(struct tls_context *) next_tls; /* a reference, taken over with the next connection */
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
    struct event *resume_timer;
};

/* Accepts on the worker's own sockets from now on. False: memory is out. */
bool listener_set_start(struct listener_set *set, struct worker *worker,
                        const struct listener_sockets *sockets);

/* Accepts one connection. False: nothing (more) to accept now. */
bool listener_accept(struct listener *listener);

/* From the main thread: connections to SOCKET that come from now on get TLS as CONTEXT says (a
 * reference is taken). */
void listener_set_offer_tls(struct listener_set *set, const struct listener_socket *socket,
                            struct tls_context *context);

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
