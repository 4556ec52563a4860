/*
 * How many there were in one minute, as one atomic: the minute in the high half, the
 * count in the low. A new minute begins with the first that is taken in it.
 */
#ifndef SALLYPORT_PROXY_MINUTE_COUNTER_H
#define SALLYPORT_PROXY_MINUTE_COUNTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One of the LIMIT of MINUTE. False: all are taken. */
static inline bool minute_counter_take(atomic_uint_least64_t *counter, uint32_t limit,
                                       uint64_t minute)
{
    uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed), next;
    do {
        uint64_t taken = seen >> 32 == (uint32_t)minute ? (uint32_t)seen : 0;
        if (taken >= limit)
            return false;
        next = (uint64_t)(uint32_t)minute << 32 | (taken + 1);
    } while (!atomic_compare_exchange_weak_explicit(counter, &seen, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* One that was taken in MINUTE was not needed; too late when that is over. */
static inline void minute_counter_give(atomic_uint_least64_t *counter, uint64_t minute)
{
    uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed);
    do {
        if (seen >> 32 != (uint32_t)minute || (uint32_t)seen == 0)
            return;
    } while (!atomic_compare_exchange_weak_explicit(counter, &seen, seen - 1, memory_order_relaxed,
                                                    memory_order_relaxed));
}

#endif
