#include "proxy/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

static void close_pipe(struct pipe_pool *pool, const struct pipe *pipe)
{
    pool->open--;
    close(pipe->read_fd);
    close(pipe->write_fd);
}

bool pipe_pool_take(struct pipe_pool *pool, struct pipe *pipe)
{
    int ends[2];
    if (pool->count > 0) {
        *pipe = pool->idle[--pool->count];
        return true;
    }
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return false;
    pool->open++;
    *pipe = (struct pipe){.read_fd = ends[0], .write_fd = ends[1]};
    return true;
}

void pipe_pool_give(struct pipe_pool *pool, struct pipe *pipe, bool empty)
{
    if (empty && pool->count < PIPE_POOL_MAXIMUM)
        pool->idle[pool->count++] = *pipe;
    else
        close_pipe(pool, pipe);
    *pipe = (struct pipe){-1, -1};
}

void pipe_pool_clear(struct pipe_pool *pool)
{
    while (pool->count > 0)
        close_pipe(pool, &pool->idle[--pool->count]);
}
