/*
 * What one worker's metrics are made of; for metrics*.c alone. Only the worker
 * writes, so adding is a relaxed load and a relaxed store, no locked
 * instruction; readers may see a sum that is a moment old.
 */
#ifndef SALLYPORT_PROXY_METRICS_STATE_H
#define SALLYPORT_PROXY_METRICS_STATE_H

#include <stdatomic.h>

#include "policy/trie_hash.h"
#include "proxy/metrics.h"

#define HISTOGRAM_BOUNDS_MAXIMUM 20
#define SERIES_MAXIMUM           ((size_t)4096)
#define SERIES_SLOTS             (2 * SERIES_MAXIMUM) /* half empty, so that probes stay short */
#define VERDICT_COUNT            (VERDICT_INVALID + 1)

struct histogram {
    _Atomic uint64_t buckets[HISTOGRAM_BOUNDS_MAXIMUM + 1]; /* not cumulative; the last: beyond */
    _Atomic uint64_t nanoseconds;
};

/* Immutable once published. */
struct series_key {
    enum verdict verdict;
    enum reason reason;
    size_t app_length;
    size_t environment_length;
    char names[]; /* app, then environment */
};

struct series {
    const struct series_key *_Atomic key; /* NULL: a free slot; published with release */
    _Atomic uint64_t count;
};

struct metrics {
    _Atomic uint64_t values[METRIC_COUNT];
    struct histogram histograms[HISTOGRAM_COUNT];
    struct trie_hash_key hash_key;
    size_t series_used; /* the worker's own */
    struct series series[SERIES_SLOTS];
    _Atomic uint64_t other[VERDICT_COUNT][REASON_COUNT]; /* where the table is full */
};

/* Upper bounds in nanoseconds, rising; *count of them. */
const uint64_t *metrics_histogram_bounds(enum metric_histogram histogram, size_t *count);

static inline uint64_t metrics_read(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static inline void metrics_bump(_Atomic uint64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, metrics_read(value) + amount, memory_order_relaxed);
}

#endif
