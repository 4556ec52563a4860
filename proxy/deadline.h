/*
 * Timeouts as queues. All that wait for the same reason wait equally long, so who
 * began first is due first: a list in order, one libevent timer for its head, and
 * starting, touching or ending a wait moves two pointers. Nothing ticks while
 * nothing waits.
 */
#ifndef SALLYPORT_PROXY_DEADLINE_H
#define SALLYPORT_PROXY_DEADLINE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/configuration.h"

enum deadline_kind {
    DEADLINE_HEAD,
    DEADLINE_KEEP_ALIVE,
    DEADLINE_DIAL,
    DEADLINE_NEXT_ATTEMPT, /* of a dial: until the next address is tried beside the last */
    DEADLINE_ORIGIN_TLS,   /* the handshake with an origin */
    DEADLINE_HELLO,
    DEADLINE_IDLE,
    DEADLINE_LINGER,         /* after an error answer: until the client has read it */
    DEADLINE_REVOKED,        /* a tunnel that is no longer declared, with policy.revoke: drain */
    DEADLINE_KEPT_UPSTREAM,  /* an idle upstream connection in the pool */
    DEADLINE_HTTP2_GREETING, /* until an origin that chose HTTP/2 begins to speak it */
    DEADLINE_KEPT_HTTP2,     /* an HTTP/2 connection to an origin, without streams */
    DEADLINE_COUNT,
};

struct deadline {
    struct deadline *next;
    struct deadline *previous;
    uint64_t since; /* milliseconds, monotonic */
    enum deadline_kind kind;
    bool running;
};

struct deadlines;

/* EXPIRED is called from the loop; the deadline has ended already and may be started anew or freed.
 */
typedef void deadline_callback(struct deadline *deadline, enum deadline_kind kind);

/* NULL: memory is out. */
struct deadlines *deadlines_new(struct event_base *base, const struct configuration *configuration);
void deadlines_free(struct deadlines *deadlines);

/* Who is told when a deadline of KIND passes. */
void deadlines_set_callback(struct deadlines *deadlines, enum deadline_kind kind,
                            deadline_callback *callback);

/* Starts to wait, from now; ends whatever this deadline waited for before. Zero-initialised is "not
 * waiting". */
void deadline_start(struct deadlines *deadlines, struct deadline *deadline,
                    enum deadline_kind kind);

/* Something happened: waits from now again. Cheap to call often; precise to a sixteenth of the
 * wait. */
void deadline_touch(struct deadlines *deadlines, struct deadline *deadline);

void deadline_end(struct deadlines *deadlines, struct deadline *deadline);

#endif
