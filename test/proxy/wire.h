/*
 * Two transports on one event loop, each with its peer in the test's hand: what
 * a relay sees of a client and an upstream, without a network.
 */
#ifndef SALLYPORT_TEST_PROXY_WIRE_H
#define SALLYPORT_TEST_PROXY_WIRE_H

#include "policy/span.h"
#include "proxy/transport.h"

struct wire {
    struct event_base *base;
    struct poller *poller;
    struct transport near; /* the proxy's end */
    int far;               /* the test's end, non-blocking; -1: closed */
};

/* A connected TCP pair over loopback. Edges only set the transport's readiness. */
void wire_open(struct wire *wire, struct event_base *base);
void wire_close(struct wire *wire);

/* Lets the loop see what has happened, without waiting. */
void wire_settle(struct event_base *base);

/* Writes all of BYTES at the far end. */
void wire_send(struct wire *wire, struct span bytes);

/* Reads what has come to the far end, at most SIZE bytes; 0: nothing yet, or the end. */
size_t wire_receive(struct wire *wire, char *bytes, size_t size, bool *ended);

#endif
