/*
 * What tells a worker's transports of their edges: one epoll instance for all of
 * them, itself one event of the worker's loop.
 *
 * Why not an event each: libevent's takes 168 bytes a descriptor, more than all
 * else that an idle tunnel keeps of one, and its "readable" does not tell an error
 * from bytes. Here a transport is its own registration.
 */
#ifndef SALLYPORT_PROXY_POLLER_H
#define SALLYPORT_PROXY_POLLER_H

#include <event2/event.h>
#include <stdbool.h>

struct poller;
struct transport;

/* On BASE, which outlives it. NULL: memory or descriptors are out. */
struct poller *poller_new(struct event_base *base);

/* No transport uses it any more. */
void poller_free(struct poller *poller);

/*
 * From now on each edge of TRANSPORT's descriptor is noted (transport_note) and told (`wake`), from
 * the loop, until the descriptor is closed. False: errno says why.
 */
bool poller_add(struct poller *poller, struct transport *transport);

/* TRANSPORT goes: what the kernel has already said of it is not told. Its descriptor is to be
 * closed, which is what ends the registration. */
void poller_forget(struct poller *poller, const struct transport *transport);

#endif
