/*
 * c-ares on a libevent loop: its sockets become events, its timeouts one timer.
 * Only the network is asked here; files are not c-ares' business.
 */
#ifndef SALLYPORT_PROXY_RESOLVER_CHANNEL_H
#define SALLYPORT_PROXY_RESOLVER_CHANNEL_H

#include <ares.h>

#include "proxy/resolver.h"

struct resolver_channel;

/* The configuration's resolvers, or the system's where it names none. NULL: ERROR says why. */
struct resolver_channel *resolver_channel_new(struct event_base *base,
                                              const struct configuration *configuration,
                                              struct error *error);

/* Every query still under way is told ARES_EDESTRUCTION from within. */
void resolver_channel_free(struct resolver_channel *channel);

/* Asks for A (AF_INET) or AAAA (AF_INET6). CALLBACK is called once, perhaps from within. */
void resolver_channel_ask(struct resolver_channel *channel, const char *name, int family,
                          ares_addrinfo_callback callback, void *context);

#endif
