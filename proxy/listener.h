/*
 * Listening sockets. The main thread binds them all before a worker runs, so
 * that "address in use" is said at once; each worker then accepts on sockets of
 * its own (SO_REUSEPORT: the kernel deals the connections out), or on the one
 * unix socket that all share.
 */
#ifndef SALLYPORT_PROXY_LISTENER_H
#define SALLYPORT_PROXY_LISTENER_H

#include <event2/event.h>
#include <stdio.h>

#include "certs/tls.h"
#include "conf/configuration.h"

/* One configured listener, bound: a socket a worker. */
struct listener_socket {
    const struct listener_configuration *configuration;
    struct tls_context *tls; /* NULL: plain; owned */
    uint16_t port;           /* the real one, where the configuration says 0 */
    int *fds;                /* one a worker; a unix listener's are the same socket */
    size_t own_fds;          /* how many of them are open, each a socket of its own */
    const char *unix_path;   /* bound there, to be removed at the end; NULL: not */
};

struct listener_sockets {
    struct listener_socket *items;
    size_t count;
    size_t workers;
};

/* Binds all listeners of CONFIGURATION for WORKERS workers. False: ERROR has the place in the file.
 */
bool listener_sockets_open(struct listener_sockets *sockets,
                           const struct configuration *configuration, size_t workers,
                           struct error *error);

/* A line each, with the port that was got. */
void listener_sockets_announce(const struct listener_sockets *sockets, FILE *stream);

/* Closes them, and removes unix sockets' files. */
void listener_sockets_close(struct listener_sockets *sockets);

/* --- a worker's side ------------------------------------------------------ */

struct worker;

struct listener {
    struct worker *worker;
    const struct listener_socket *socket;
    int fd;
    struct event *accept_event;
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

/* Takes what is already in the backlog, then listens no more: whoever comes now is refused at once.
 */
void listener_set_stop(struct listener_set *set);
void listener_set_clear(struct listener_set *set);

#endif
