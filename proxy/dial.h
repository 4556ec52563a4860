/*
 * From a target to a connected upstream: resolve, guard each address, connect.
 * Happy Eyeballs (RFC 8305, section 5): the next address is tried as soon as one
 * has failed, or has not answered for a moment; the first that is connected wins
 * and the others are closed. The address that was guarded is the one that is
 * dialled; nothing is looked up twice.
 */
#ifndef SALLYPORT_PROXY_DIAL_H
#define SALLYPORT_PROXY_DIAL_H

#include "policy/target.h"
#include "proxy/resolver.h"
#include "proxy/upstream.h"

#define DIAL_ATTEMPTS_MAXIMUM 4 /* at a time; further addresses wait until one has failed */

struct worker;
struct dial;

enum dial_status {
    DIAL_RUNNING,
    DIAL_CONNECTED,
    DIAL_NAME_NOT_FOUND,
    DIAL_NAME_TIMEOUT,
    DIAL_NAME_FAILED,
    DIAL_PROHIBITED, /* every address is one that is never dialled */
    DIAL_REFUSED,
    DIAL_TIMEOUT,
    DIAL_UNREACHABLE,
    DIAL_OUT_OF_DESCRIPTORS,
};

typedef void dial_callback(void *context);

/* One address that is being connected to. */
struct dial_attempt {
    struct dial *dial;
    struct upstream *upstream; /* NULL: none */
    struct deadline deadline;  /* DEADLINE_DIAL */
};

struct dial {
    struct worker *worker;
    dial_callback *wake;
    void *context;
    enum dial_status status;
    uint16_t port;
    struct resolver_query *query;
    struct resolver_answer answer;
    size_t next;              /* index of the address to try next */
    enum dial_status failure; /* the last there was; what is said when no address is left */
    struct dial_attempt attempts[DIAL_ATTEMPTS_MAXIMUM];
    struct deadline delay;     /* DEADLINE_NEXT_ATTEMPT: until the next address gets its turn */
    struct upstream *upstream; /* DIAL_CONNECTED: the winner, until it is taken */
    uint64_t started;
    const char *prohibited; /* what the refused address is, in words; NULL: none was refused */
    struct ip prohibited_ip;
};

/*
 * Begins. When `status` is still DIAL_RUNNING on return, WAKE is called from the
 * loop once it is not.
 */
void dial_start(struct dial *dial, struct worker *worker, const struct tenant *tenant,
                const struct target *target, dial_callback *wake, void *context);

/* DIAL_CONNECTED: the connection, now the caller's, woken by WAKE from now on. */
struct upstream *dial_take(struct dial *dial, transport_wake *wake, void *owner);

/* The callbacks of every DEADLINE_DIAL and DEADLINE_NEXT_ATTEMPT. */
void dial_attempt_timed_out(struct deadline *deadline, enum deadline_kind kind);
void dial_next_attempt_due(struct deadline *deadline, enum deadline_kind kind);

/* Ends whatever still runs; harmless after the end, and on a zeroed one. */
void dial_cancel(struct dial *dial);

#endif
