/*
 * The way of a log line from a worker to the writer: a chain of chunks, filled
 * by one thread and emptied by another, without a lock. Whole lines only are
 * published, and a line never spans two chunks. For the decision log's own
 * files; others see decision_log.h.
 */
#ifndef SALLYPORT_PROXY_LOG_QUEUE_H
#define SALLYPORT_PROXY_LOG_QUEUE_H

#include <stdatomic.h>

#include "policy/text.h"
#include "proxy/decision_log.h"
#include "proxy/decision_log_time.h"

#define LOG_CHUNK_SIZE       65536U
#define LOG_RECORD_BEGINNING "{\"time\":\""             /* of every line */
#define LOG_RECORD_MAXIMUM   32768U                     /* no line is longer */
#define LOG_QUEUE_HIGH_WATER (UINT64_C(4) << 20)        /* bytes unwritten: no new requests then */
#define LOG_QUEUE_LOW_WATER  (LOG_QUEUE_HIGH_WATER / 2) /* fewer: nobody waits */
#define LOG_SHARE_MAXIMUM    (LOG_QUEUE_HIGH_WATER / 4) /* bytes of one app from there on */

struct log_chunk {
    struct log_chunk *_Atomic next;
    _Atomic size_t length; /* published bytes */
    char bytes[LOG_CHUNK_SIZE];
};

/* Tells a sleeping writer that there is something to write. */
struct log_waker {
    atomic_bool sleeping;
    int descriptor; /* an eventfd */
};

struct log_queue {
    _Atomic(struct log_chunk *) spare; /* emptied, for the worker to fill again; NULL: none */
    /* the worker's side */
    struct log_chunk *tail;
    struct log_waker *waker;
    struct log_clock clock;
    uint64_t appended; /* bytes */
    uint64_t id_counter;
    char id_random[8];             /* this queue's part of every id */
    _Atomic uint64_t made;         /* records */
    char line[LOG_RECORD_MAXIMUM]; /* being made; keeps the two sides on cache lines of their own */
    /* the writer's side */
    struct log_chunk *head;
    size_t offset;             /* of the head's first unwritten byte */
    _Atomic uint64_t consumed; /* bytes */
    _Atomic uint64_t written;  /* records */
};

/* False: memory or the kernel's random numbers are out. */
bool log_queue_init(struct log_queue *queue, struct log_waker *waker);
void log_queue_clear(struct log_queue *queue);

/* Takes LINE (whole, with its line feed, at most LOG_RECORD_MAXIMUM). Waits for memory rather than
 * lose it. */
void log_queue_append(struct log_queue *queue, struct span line);

/* Wakes the writer if it sleeps. */
void log_waker_wake(struct log_waker *waker);
/* Wakes it in any case. */
void log_waker_ring(struct log_waker *waker);

/* --- the writer's side --- */

/* The next unwritten bytes that lie together; whole lines but for a first one begun before. */
struct span log_queue_peek(struct log_queue *queue);

/* The first COUNT of the peeked bytes are written. */
void log_queue_consume(struct log_queue *queue, size_t count);

#endif
