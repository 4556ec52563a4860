/* The two clocks of the request path. */
#ifndef SALLYPORT_PROXY_CLOCK_H
#define SALLYPORT_PROXY_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds, monotonic: for durations. */
static inline uint64_t clock_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Milliseconds, monotonic, precise to a scheduler tick: for timeouts. */
static inline uint64_t clock_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

#endif
