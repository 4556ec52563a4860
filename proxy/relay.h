/*
 * One direction of a connection: bytes moved as they are, from one transport to
 * another.
 *
 * Few bytes go through the worker's one scratch buffer (a read and a write, the
 * least there is); a stream that fills it goes on by splice(2) through a lent
 * pipe. What the other side would not take yet is held: at most one scratch
 * buffer or one pipe, and nothing more is read meanwhile, so a slow reader slows
 * the sender. An idle relay holds nothing.
 */
#ifndef SALLYPORT_PROXY_RELAY_H
#define SALLYPORT_PROXY_RELAY_H

#include <stdint.h>

#include "policy/span.h"
#include "proxy/pipe_pool.h"
#include "proxy/transport.h"

#define RELAY_SCRATCH_SIZE ((size_t)64 * 1024)
#define RELAY_TURN_BYTES   ((size_t)512 * 1024) /* one stream's turn, before others get theirs */
#define RELAY_NO_LIMIT     UINT64_MAX

/* What a worker lends to all its relays, and how long each may go on. */
struct relay_lender {
    struct pipe_pool pipes;
    size_t turn_bytes; /* one stream's turn now; 0: RELAY_TURN_BYTES */
    char scratch[RELAY_SCRATCH_SIZE];
};

static inline size_t relay_turn_bytes(const struct relay_lender *lender)
{
    return lender->turn_bytes == 0 ? RELAY_TURN_BYTES : lender->turn_bytes;
}

enum relay_result {
    RELAY_WAIT,        /* an event will tell when there is more to do */
    RELAY_YIELD,       /* its turn is over, more is ready: call again soon */
    RELAY_DONE,        /* all that was to come has been handed on */
    RELAY_FROM_ENDED,  /* the sender ended before `left` bytes had come */
    RELAY_FROM_FAILED, /* the sender's connection broke */
    RELAY_TO_FAILED,   /* the receiver's connection broke */
};

struct relay {
    uint64_t left; /* bytes still to be read; RELAY_NO_LIMIT: until the sender ends */
    char *held;    /* owned: bytes read and not written yet */
    uint32_t held_length;
    uint32_t held_sent;
    uint32_t in_pipe; /* bytes in the lent pipe */
    struct pipe pipe;
    bool bulk;  /* the stream fills buffers: splice */
    bool ended; /* the sender has ended, and was to */
};

/* LIMIT bytes are to be moved, or all until the sender ends. */
void relay_init(struct relay *relay, uint64_t limit);

/* Bytes that came already (they count against the limit): sent first. False: memory is out. */
bool relay_preload(struct relay *relay, struct span bytes);

/* *moved grows by the bytes handed on. */
enum relay_result relay_turn(struct relay *relay, struct transport *from, struct transport *to,
                             struct relay_lender *lender, uint64_t *moved);

/* Gives back or wipes what is held. */
void relay_clear(struct relay *relay, struct relay_lender *lender);

#endif
