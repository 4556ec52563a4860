/*
 * A port is bound once a worker, with SO_REUSEPORT; what a process that makes way
 * has bound is taken as it is, and only what is missing is bound anew.
 */
#include "proxy/listener_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/unix_socket.h"

/* ---- opening them --------------------------------------------------------------- */

const char *listener_advice(int reason)
{
    switch (reason) {
    case EADDRINUSE:
        return "; end what listens there, or choose another address";
    case EADDRNOTAVAIL:
        return "; choose an address that this machine has";
    case EACCES:
        return "; choose an address that this user may take (ports from 1024, as a rule)";
    case EEXIST:
        return "; choose another path, for what is there is no socket";
    case ENOENT:
        return "; make its directory before";
    default:
        return "";
    }
}

static bool fail(const struct listener_configuration *listener, const char *file,
                 struct error *error)
{
    const int reason = errno;
    error_set_at(error, file, listener->at, "cannot listen on %s: %s%s", listener->text,
                 strerror(reason), listener_advice(reason));
    return false;
}

/* TCP_NODELAY and keepalive are inherited by what is accepted. */
static int open_ip_socket(const struct listener_configuration *listener, uint16_t port)
{
    const int on = 1;
    struct sockaddr_storage address;
    socklen_t length = ip_to_sockaddr(&listener->ip, port, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (listener->ip.family == 6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, length) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    struct ip ip;
    uint16_t port = 0;
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        ip_from_sockaddr((const struct sockaddr *)&address, &ip, &port);
    return port;
}

/*
 * SO_REUSEPORT would let a second proxy share the port in silence. So the port is
 * asked for once without it: if that fails, somebody is there.
 */
static bool port_is_free(const struct listener_configuration *listener)
{
    const int on = 1;
    struct sockaddr_storage address;
    socklen_t length = ip_to_sockaddr(&listener->ip, listener->port, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (listener->ip.family == 6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    bool is_free = bind(fd, (const struct sockaddr *)&address, length) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return is_free;
}

/* Room for a descriptor a worker, beside those that there are. */
static bool make_room(struct listener_socket *socket, size_t workers)
{
    size_t room = socket->fd_count > workers ? socket->fd_count : workers;
    int *fds = reallocarray(socket->fds, room, sizeof(*fds));
    if (fds != NULL)
        socket->fds = fds;
    return fds != NULL;
}

static bool open_ip_listener(struct listener_socket *socket, size_t workers)
{
    const struct listener_configuration *listener = socket->configuration;
    socket->port = socket->fd_count == 0 ? listener->port : port_of(socket->fds[0]);
    if (socket->port != 0 && socket->fd_count == 0 && !port_is_free(listener))
        return false;
    while (socket->fd_count < workers) {
        int fd = open_ip_socket(listener, socket->port);
        if (fd < 0)
            return false;
        socket->fds[socket->fd_count++] = fd;
        if (listen(fd, LISTENER_BACKLOG) != 0)
            return false;
        socket->port = port_of(fd);
    }
    return true;
}

/*
 * Whoever is named by uid or gid has to get through to be asked; who is not named is refused then.
 * Where whoever can connect is somebody (static), the file's mode says who can, and umask that.
 */
static bool let_peers_connect(const struct listener_configuration *listener)
{
    if (!(listener->identity & IDENTITY_PEER) || listener->identity & IDENTITY_STATIC)
        return true;
    return chmod(listener->unix_path, 0666) == 0;
}

static bool bind_unix_socket(struct listener_socket *socket_)
{
    struct sockaddr_un address;
    if (!unix_socket_address(socket_->configuration->unix_path, &address) ||
        !unix_socket_remove_stale(&address))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    socket_->fds[socket_->fd_count++] = fd;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return false;
    socket_->unix_path = socket_->configuration->unix_path;
    return let_peers_connect(socket_->configuration) && listen(fd, LISTENER_BACKLOG) == 0;
}

/* Without another way to be known a certificate is a must. */
static enum tls_clients clients_of(const struct listener_configuration *listener)
{
    if (listener->client_ca == NULL)
        return TLS_CLIENTS_UNASKED;
    if (listener->identity & IDENTITY_MTLS && listener->identity != IDENTITY_MTLS)
        return TLS_CLIENTS_OPTIONAL;
    return TLS_CLIENTS_REQUIRED;
}

struct tls_context *listener_tls_new(const struct listener_configuration *listener,
                                     struct error *error)
{
    const struct tls_server_files files = {.certificate = listener->certificate,
                                           .key = listener->key,
                                           .client_ca = listener->client_ca,
                                           .crl = listener->crl};
    return tls_context_new_server(&files, clients_of(listener), error);
}

static bool open_unix_listener(struct listener_socket *socket, size_t workers)
{
    if (socket->fd_count > 0)
        socket->unix_path = socket->configuration->unix_path;
    else if (!bind_unix_socket(socket))
        return false;
    while (socket->fd_count < workers) {
        int fd = fcntl(socket->fds[0], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return false;
        socket->fds[socket->fd_count++] = fd;
    }
    return true;
}

static bool take_over(struct listener_socket *socket, const struct takeover *from,
                      struct error *error)
{
    const struct listener_configuration *listener = socket->configuration;
    char address[TAKEOVER_ADDRESS_SIZE];
    takeover_address(listener->unix_path, &listener->ip, listener->port, address);
    return takeover_ask(from, address, &socket->fds, &socket->fd_count, error);
}

static bool open_listener(struct listener_socket *socket,
                          const struct listener_configuration *listener, size_t workers,
                          const char *file, struct error *error)
{
    if (!make_room(socket, workers)) {
        errno = ENOMEM;
        return fail(listener, file, error);
    }
    if (listener->certificate != NULL) {
        socket->tls = listener_tls_new(listener, error);
        if (socket->tls == NULL)
            return false;
    }
    bool opened = listener->unix_path != NULL ? open_unix_listener(socket, workers)
                                              : open_ip_listener(socket, workers);
    return opened || fail(listener, file, error);
}

bool listener_sockets_open(struct listener_sockets *sockets,
                           const struct configuration *configuration, size_t workers,
                           const struct takeover *from, struct error *error)
{
    *sockets = (struct listener_sockets){.workers = workers};
    sockets->items = calloc(configuration->listener_count, sizeof(*sockets->items));
    if (sockets->items == NULL) {
        error_set(error, "out of memory");
        return false;
    }
    for (size_t i = 0; i < configuration->listener_count; i++) {
        struct listener_socket *socket = &sockets->items[sockets->count++];
        socket->configuration = &configuration->listeners[i];
        socket->roster = roster_ref(socket->configuration->roster);
        if (!take_over(socket, from, error) ||
            !open_listener(socket, socket->configuration, workers, configuration->file, error)) {
            listener_sockets_close(sockets);
            return false;
        }
    }
    return true;
}

/* ---- giving them away ------------------------------------------------------------ */

void listener_sockets_address(const struct listener_sockets *sockets,
                              char address[TAKEOVER_ADDRESS_SIZE])
{
    const struct listener_socket *first = &sockets->items[0];
    takeover_address(first->configuration->unix_path, &first->configuration->ip, first->port,
                     address);
}

static bool is_at(const struct listener_socket *socket, const char *address)
{
    const struct listener_configuration *listener = socket->configuration;
    char configured[TAKEOVER_ADDRESS_SIZE], bound[TAKEOVER_ADDRESS_SIZE];
    takeover_address(listener->unix_path, &listener->ip, listener->port, configured);
    takeover_address(listener->unix_path, &listener->ip, socket->port, bound);
    return strcmp(address, configured) == 0 || strcmp(address, bound) == 0;
}

const int *listener_sockets_give(struct listener_sockets *sockets, const char *address,
                                 size_t *count)
{
    for (size_t i = 0; i < sockets->count; i++) {
        struct listener_socket *socket = &sockets->items[i];
        if (socket->given || !is_at(socket, address))
            continue;
        socket->given = true;
        *count = socket->fd_count;
        return socket->fds;
    }
    return NULL;
}

void listener_sockets_take_back(struct listener_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        sockets->items[i].given = false;
}

void listener_sockets_leave(struct listener_sockets *sockets)
{
    sockets->left = true;
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i].given)
            sockets->items[i].unix_path = NULL;
    }
}

void listener_sockets_announce(const struct listener_sockets *sockets, FILE *stream)
{
    char address[IP_TEXT_SIZE];
    for (size_t i = 0; i < sockets->count; i++) {
        const struct listener_socket *socket = &sockets->items[i];
        const struct listener_configuration *listener = socket->configuration;
        ip_format_with_port(&listener->ip, socket->port, address);
        fprintf(stream, "sallyport: listening on %s\n",
                listener->unix_path != NULL ? listener->text : address);
    }
}

static void close_listener(struct listener_socket *socket, bool left)
{
    for (size_t i = 0; i < socket->fd_count && !left; i++)
        close(socket->fds[i]);
    if (socket->unix_path != NULL)
        unlink(socket->unix_path);
    free(socket->fds);
    tls_context_unref(socket->tls);
    roster_unref(socket->roster);
}

void listener_sockets_close(struct listener_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        close_listener(&sockets->items[i], sockets->left);
    free(sockets->items);
    *sockets = (struct listener_sockets){.items = NULL};
}
