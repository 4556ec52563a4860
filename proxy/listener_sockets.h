/*
 * Listening sockets, the main thread's side: it binds them all before a worker runs, so
 * that "address in use" is said at once, or takes them over from the process that is to
 * make way. Each worker has descriptors of its own (SO_REUSEPORT: the kernel deals the
 * connections out; a unix socket is one socket with many descriptors).
 */
#ifndef SALLYPORT_PROXY_LISTENER_SOCKETS_H
#define SALLYPORT_PROXY_LISTENER_SOCKETS_H

#include <stdio.h>

#include "certs/tls.h"
#include "conf/configuration.h"
#include "proxy/takeover.h"

#define LISTENER_BACKLOG 4096 /* connections that a socket keeps until they are accepted */

/* One configured listener, bound. Worker I accepts on descriptors I, I + workers, and so on. */
struct listener_socket {
    const struct listener_configuration *configuration;
    struct tls_context *tls; /* NULL: plain; the main thread's reference to the newest */
    struct roster *roster;   /* the same */
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

/* What can be done about REASON, an errno of a socket that is to listen: "; …", or "". Static. */
const char *listener_advice(int reason);

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

#endif
