/*
 * Pipes for splice(2), lent to a relay only while bytes are in flight. A pipe is
 * given back empty, so no tenant's bytes can meet another's; one that still
 * holds bytes is closed instead.
 */
#ifndef SALLYPORT_PROXY_PIPE_POOL_H
#define SALLYPORT_PROXY_PIPE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define PIPE_POOL_MAXIMUM 64 /* idle pipes a worker keeps */

struct pipe {
    int read_fd; /* -1: no pipe */
    int write_fd;
};

struct pipe_pool {
    struct pipe idle[PIPE_POOL_MAXIMUM];
    size_t count;
    size_t open; /* pipes there are, lent ones included */
};

/* False: no descriptors are left. */
bool pipe_pool_take(struct pipe_pool *pool, struct pipe *pipe);

/* EMPTY: all that went in has come out. */
void pipe_pool_give(struct pipe_pool *pool, struct pipe *pipe, bool empty);

void pipe_pool_clear(struct pipe_pool *pool);

#endif
