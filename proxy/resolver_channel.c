/* The channel's sockets are few: a list, and one event each that follows what c-ares wants of it.
 */
#include "proxy/resolver_channel.h"

#include <stdlib.h>

#define TRIES 2

struct socket_event {
    struct resolver_channel *channel;
    ares_socket_t fd;
    struct event *event;
    struct socket_event *next;
};

struct resolver_channel {
    ares_channel ares;
    struct event_base *base;
    struct event *timer;
    struct socket_event *sockets;
};

static void arm_timer(struct resolver_channel *channel)
{
    struct timeval interval;
    if (ares_timeout(channel->ares, NULL, &interval) == NULL)
        event_del(channel->timer);
    else
        event_add(channel->timer, &interval);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct resolver_channel *channel = context;
    (void)fd;
    (void)what;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer(channel);
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct resolver_channel *channel = context;
    ares_process_fd(channel->ares, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
    arm_timer(channel);
}

static struct socket_event **find_socket(struct resolver_channel *channel, ares_socket_t fd)
{
    struct socket_event **place = &channel->sockets;
    while (*place != NULL && (*place)->fd != fd)
        place = &(*place)->next;
    return place;
}

static void forget_socket(struct socket_event **place)
{
    struct socket_event *socket = *place;
    *place = socket->next;
    if (socket->event != NULL)
        event_free(socket->event);
    free(socket);
}

static void watch_socket(struct resolver_channel *channel, ares_socket_t fd, short what)
{
    struct socket_event *socket = calloc(1, sizeof(*socket));
    if (socket == NULL)
        return; /* the query then ends by its timeout */
    socket->channel = channel;
    socket->fd = fd;
    socket->next = channel->sockets;
    channel->sockets = socket;
    socket->event = event_new(channel->base, fd, what, on_socket, channel);
    if (socket->event != NULL)
        event_add(socket->event, NULL);
}

/* c-ares says what it waits for; neither: it is about to close the socket. */
static void on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
    struct resolver_channel *channel = context;
    struct socket_event **place = find_socket(channel, fd);
    if (*place != NULL)
        forget_socket(place);
    if (readable || writable)
        watch_socket(channel, fd,
                     (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)));
}

static int set_servers(struct resolver_channel *channel, const struct configuration *configuration)
{
    struct ares_addr_port_node nodes[64];
    size_t count = configuration->resolver_count;
    if (count > sizeof(nodes) / sizeof(nodes[0]))
        count = sizeof(nodes) / sizeof(nodes[0]);
    for (size_t i = 0; i < count; i++) {
        const struct resolver_address *resolver = &configuration->resolvers[i];
        nodes[i] = (struct ares_addr_port_node){.next = i + 1 < count ? &nodes[i + 1] : NULL,
                                                .udp_port = resolver->port,
                                                .tcp_port = resolver->port};
        nodes[i].family = resolver->ip.family == 4 ? AF_INET : AF_INET6;
        memcpy(&nodes[i].addr, resolver->ip.bytes, resolver->ip.family == 4 ? 4 : 16);
    }
    return count == 0 ? ARES_SUCCESS : ares_set_servers_ports(channel->ares, nodes);
}

/* No search list, no aliases, no files: the name that was decided is the name that is asked. */
static int start(struct resolver_channel *channel, const struct configuration *configuration)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = (int)(configuration->timeout_resolve / (TRIES * 2)),
        .tries = TRIES,
        .lookups = (char[]){"b"},
        .ndomains = 0,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = channel,
    };
    int code = ares_init_options(&channel->ares, &options,
                                 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                     ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);
    return code == ARES_SUCCESS ? set_servers(channel, configuration) : code;
}

struct resolver_channel *resolver_channel_new(struct event_base *base,
                                              const struct configuration *configuration,
                                              struct error *error)
{
    struct resolver_channel *channel = calloc(1, sizeof(*channel));
    int code = ARES_ENOMEM;
    if (channel != NULL) {
        channel->base = base;
        channel->timer = evtimer_new(base, on_timer, channel);
    }
    if (channel != NULL && channel->timer != NULL)
        code = start(channel, configuration);
    if (code == ARES_SUCCESS)
        return channel;
    error_set(error, "cannot start the resolver: %s", ares_strerror(code));
    resolver_channel_free(channel);
    return NULL;
}

void resolver_channel_free(struct resolver_channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->ares != NULL)
        ares_destroy(channel->ares);
    while (channel->sockets != NULL)
        forget_socket(&channel->sockets);
    if (channel->timer != NULL)
        event_free(channel->timer);
    free(channel);
}

void resolver_channel_ask(struct resolver_channel *channel, const char *name, int family,
                          ares_addrinfo_callback callback, void *context)
{
    const struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(channel->ares, name, NULL, &hints, callback, context);
    arm_timer(channel);
}
