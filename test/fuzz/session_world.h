/*
 * The world of the session fuzzer: a worker whose clock, timers, sockets to
 * origins and resolver are in the test's hand, in one thread and without a
 * network. The linker puts the fakes in the place of the real calls (--wrap), so
 * the proxy's own code is what ships. Every fake checks what it is asked.
 */
#ifndef SALLYPORT_TEST_FUZZ_SESSION_WORLD_H
#define SALLYPORT_TEST_FUZZ_SESSION_WORLD_H

#include "proxy/log_queue.h"
#include "proxy/worker.h"
#include "test/fuzz/session_policy.h"

/*
 * Each another tenant: three by their listener, one by credentials, one behind a front (PROXY
 * protocol), one inside of a tunnel.
 */
#define WORLD_LISTENERS      6
#define WORLD_INNER_LISTENER 5
#define WORLD_UPSTREAMS      64

/* The test's end of a connection that the proxy made. */
struct world_upstream {
    int fd; /* -1: closed */
    const struct world_place *place;
};

enum world_lookup {
    LOOKUP_AT_ONCE,
    LOOKUP_LATER,
    LOOKUP_NOT_FOUND,
    LOOKUP_FAILED,
    LOOKUP_TIMEOUT,
    LOOKUP_PROHIBITED,       /* addresses that are never dialled */
    LOOKUP_PROHIBITED_FIRST, /* and then a good one */
    LOOKUP_TWICE,            /* the good one two times: a second try */
    LOOKUP_COUNT,
};

enum world_connect {
    CONNECT_AT_ONCE,
    CONNECT_IN_PROGRESS,
    CONNECT_REFUSED,
    CONNECT_REFUSED_LATER,
    CONNECT_COUNT,
};

struct world {
    struct worker *worker;
    struct log_queue log;
    struct metrics *metrics;
    struct world_upstream upstreams[WORLD_UPSTREAMS];
    size_t upstream_count;
    enum world_lookup lookup;
    enum world_connect connect;
    bool narrowed;    /* the narrowed policy is in force */
    bool in_progress; /* an input is being run */
};

extern struct world world;

/* Once in a process's life. */
void world_make(void);

/* Forgets the origins of the last input; the whole policy is in force. */
void world_begin(void);
void world_end(void);

/* A client's connection at listener INDEX; the test's end of it, non-blocking. */
int world_open_client(size_t index);

/* Which app a client of listener INDEX can be. */
enum world_app world_app_of(size_t index);

/* How many tunnels the apps are held to have open. */
unsigned world_counted_tunnels(void);

/* One round of the worker's loop, without waiting. True: more is due at once. */
bool world_turn(void);

/* Time passes: every timer that is due by then fires. */
void world_pass(uint64_t milliseconds);

/* Queries that wait are answered. */
void world_answer_queries(void);

void world_set_policy(bool narrowed);

#endif
