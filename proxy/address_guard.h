/*
 * Addresses that are never dialled (SECURITY.md), judged on the very
 * address about to be dialled, whatever name led to it.
 */
#ifndef SALLYPORT_PROXY_ADDRESS_GUARD_H
#define SALLYPORT_PROXY_ADDRESS_GUARD_H

#include "conf/ip.h"

struct address_guard;

/*
 * Ranges are copied. A range exempts the addresses it holds; a v4 range those
 * mapped into ::ffff:0:0/96 too, but none that are embedded in another way.
 * NULL: memory is out. Immutable once the listeners are added; shared by all
 * workers.
 */
struct address_guard *address_guard_new(const struct ip_range *allowed, size_t count);
void address_guard_free(struct address_guard *guard);

/*
 * One of our own listeners, with the port it really has: never dialled,
 * whatever allow_ranges says. An unspecified address (0.0.0.0, ::) stands for
 * every address that this machine has when it is asked. False: memory is out.
 */
bool address_guard_add_listener(struct address_guard *guard, const struct ip *ip, uint16_t port);

/*
 * NULL: may be dialled. Otherwise what it is, in words ("loopback", "link-local
 * (cloud metadata)", "the proxy's own listener", …), a static string.
 */
const char *address_guard_refuses(const struct address_guard *guard, const struct ip *ip,
                                  uint16_t port);

#endif
