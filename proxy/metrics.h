/*
 * Counters, gauges and histograms. Each worker owns one `struct metrics` and is
 * the only one that writes it (relaxed atomics, no lock); the admin listener
 * adds them all up when it is asked.
 */
#ifndef SALLYPORT_PROXY_METRICS_H
#define SALLYPORT_PROXY_METRICS_H

#include "policy/decision.h"
#include "policy/text.h"

enum metric {
    METRIC_CONNECTIONS_ACCEPTED, /* counter */
    METRIC_CONNECTIONS_OPEN,     /* gauge: client connections */
    METRIC_UPSTREAMS_OPEN,       /* gauge: upstream connections */
    METRIC_UPSTREAMS_DIALLED,    /* counter */
    METRIC_UPSTREAMS_REUSED,     /* counter */
    METRIC_DIAL_FAILURES,        /* counter */
    METRIC_STREAMS_OPEN,         /* gauge: HTTP/2 streams; each has one more descriptor */
    METRIC_TUNNELS_OPEN,         /* gauge */
    METRIC_BYTES_UP,             /* counter: client to upstream, payload */
    METRIC_BYTES_DOWN,           /* counter */
    METRIC_REQUESTS_MALFORMED,   /* counter: answered 400 and the like */
    METRIC_ACCEPT_PAUSES,        /* counter: descriptors ran out */
    METRIC_RESOLVER_QUERIES,     /* counter: sent to the network */
    METRIC_RESOLVER_CACHE_HITS,  /* counter */
    METRIC_RESOLVER_FAILURES,    /* counter */
    METRIC_RESOLVER_STALE,       /* counter: answered past its time, because the resolvers fail */
    METRIC_COUNT,
};

enum metric_histogram {
    HISTOGRAM_DECISION_SECONDS, /* target named → verdict */
    HISTOGRAM_DIAL_SECONDS,     /* first lookup → connected */
    HISTOGRAM_EXCHANGE_SECONDS, /* head read → exchange ended (tunnels too) */
    HISTOGRAM_COUNT,
};

struct metrics;

/* NULL: memory is out. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

void metrics_add(struct metrics *metrics, enum metric metric, uint64_t amount);
void metrics_subtract(struct metrics *metrics, enum metric metric, uint64_t amount); /* gauges */
void metrics_observe(struct metrics *metrics, enum metric_histogram histogram,
                     uint64_t nanoseconds);

/*
 * Counts a decision by (app, environment, verdict, reason). Bounded: when the
 * worker's 4,096 series are in use, further ones count under app="_other".
 * Names from strangers don't belong here: give "" for who is not known.
 */
void metrics_count_decision(struct metrics *metrics, struct span app, struct span environment,
                            enum verdict verdict, enum reason reason);

/*
 * The sum of COUNT workers as Prometheus text (format 0.0.4), names sallyport_….
 * Safe while they count. OUT's overflow is set where memory is out.
 */
void metrics_write(struct metrics *const *workers, size_t count, struct text *out);

/* A label's value in its quotes: backslash, quote and line feed escaped. */
void metrics_add_label_value(struct text *out, struct span value);

/* The sum over workers of one metric. */
uint64_t metrics_sum(struct metrics *const *workers, size_t count, enum metric metric);

#endif
