/*
 * Whoever is woken may close any transport, also one that stands further on in
 * the same batch: poller_forget strikes it out there, so that nobody is woken
 * after it is gone, nor a new one at the same address in its place.
 */
#include "proxy/poller.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proxy/transport.h"

#define BATCH_MAXIMUM 64

struct poller {
    int epoll_fd;
    struct event *event;
    int count; /* of the batch under way; 0: none */
    int next;
    struct epoll_event batch[BATCH_MAXIMUM];
};

/* What does not fit one batch leaves the instance readable: the loop comes again. */
static void on_ready(evutil_socket_t fd, short what, void *context)
{
    struct poller *poller = context;
    (void)what;
    poller->count = epoll_wait(fd, poller->batch, BATCH_MAXIMUM, 0);
    for (poller->next = 0; poller->next < poller->count;) {
        const struct epoll_event *event = &poller->batch[poller->next++];
        struct transport *transport = event->data.ptr;
        if (transport == NULL)
            continue;
        transport_note(transport, event->events);
        transport->wake(transport->owner);
    }
    poller->count = 0;
}

struct poller *poller_new(struct event_base *base)
{
    struct poller *poller = calloc(1, sizeof(*poller));
    if (poller == NULL)
        return NULL;
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll_fd >= 0)
        poller->event = event_new(base, poller->epoll_fd, EV_READ | EV_PERSIST, on_ready, poller);
    if (poller->event != NULL && event_add(poller->event, NULL) == 0)
        return poller;
    poller_free(poller);
    return NULL;
}

void poller_free(struct poller *poller)
{
    if (poller == NULL)
        return;
    if (poller->event != NULL)
        event_free(poller->event);
    if (poller->epoll_fd >= 0)
        close(poller->epoll_fd);
    free(poller);
}

bool poller_add(struct poller *poller, struct transport *transport)
{
    struct epoll_event edges = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                                .data.ptr = transport};
    return epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, transport->fd, &edges) == 0;
}

void poller_forget(struct poller *poller, const struct transport *transport)
{
    for (int i = poller->next; i < poller->count; i++) {
        if (poller->batch[i].data.ptr == transport)
            poller->batch[i].data.ptr = NULL;
    }
}
