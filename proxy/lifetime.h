/*
 * Tunnels that may last so long and no longer (limits.tunnel_seconds, each app's own).
 * A deadline's queue needs equal waits and room in every session; this needs neither:
 * one timer a worker, set for the tunnel that is due first, and a look at all of them
 * when it comes. Where nothing is limited, nothing is spent.
 */
#ifndef SALLYPORT_PROXY_LIFETIME_H
#define SALLYPORT_PROXY_LIFETIME_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;
struct session;

struct lifetime {
    struct event *timer;
    uint64_t due; /* nanoseconds, monotonic: when the timer is set for; 0: it is not */
};

/* False: memory is out. */
bool lifetime_init(struct lifetime *lifetime, struct worker *worker);
void lifetime_clear(struct lifetime *lifetime);

/* SESSION has become a tunnel: it ends with the outcome limit_exceeded when its time is over, to a
 * quarter of a second. */
void lifetime_watch(struct session *session);

#endif
