/*
 * Why: counting must cost the request path next to nothing, so a worker counts
 * in memory of its own and whoever asks adds the workers up (metrics_text.c).
 * Rests on: one writer; a series' key is published once, with release, and
 * stays for good.
 */
#include "proxy/metrics_state.h"

#include <stdlib.h>

#define MICROSECONDS(n) ((n)*UINT64_C(1000))
#define MILLISECONDS(n) ((n)*UINT64_C(1000000))
#define SECONDS(n)      ((n)*UINT64_C(1000000000))

static const uint64_t decision_bounds[] = {
    100,
    250,
    500,
    MICROSECONDS(1),
    MICROSECONDS(2) + 500,
    MICROSECONDS(5),
    MICROSECONDS(10),
    MICROSECONDS(25),
    MICROSECONDS(50),
    MICROSECONDS(100),
    MICROSECONDS(500),
    MILLISECONDS(1),
    MILLISECONDS(10),
};

static const uint64_t exchange_bounds[] = {
    MICROSECONDS(100), MICROSECONDS(500), MILLISECONDS(1),  MILLISECONDS(5),
    MILLISECONDS(10),  MILLISECONDS(25),  MILLISECONDS(50), MILLISECONDS(100),
    MILLISECONDS(250), MILLISECONDS(500), SECONDS(1),       SECONDS(2) + MILLISECONDS(500),
    SECONDS(5),        SECONDS(10),       SECONDS(30),      SECONDS(60),
    SECONDS(180),      SECONDS(600),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const uint64_t *metrics_histogram_bounds(enum metric_histogram histogram, size_t *count)
{
    if (histogram == HISTOGRAM_DECISION_SECONDS) {
        *count = COUNT(decision_bounds);
        return decision_bounds;
    }
    *count = COUNT(exchange_bounds);
    return exchange_bounds;
}

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics != NULL)
        metrics->hash_key = trie_hash_key();
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < SERIES_SLOTS; i++) {
        const struct series_key *key = atomic_load(&metrics->series[i].key);
        free((void *)(uintptr_t)key);
    }
    free(metrics);
}

void metrics_add(struct metrics *metrics, enum metric metric, uint64_t amount)
{
    metrics_bump(&metrics->values[metric], amount);
}

void metrics_subtract(struct metrics *metrics, enum metric metric, uint64_t amount)
{
    metrics_bump(&metrics->values[metric], -amount);
}

void metrics_observe(struct metrics *metrics, enum metric_histogram histogram, uint64_t nanoseconds)
{
    size_t count, at = 0;
    const uint64_t *bounds = metrics_histogram_bounds(histogram, &count);
    while (at < count && nanoseconds > bounds[at])
        at++;
    metrics_bump(&metrics->histograms[histogram].buckets[at], 1);
    metrics_bump(&metrics->histograms[histogram].nanoseconds, nanoseconds);
}

static bool key_is(const struct series_key *key, struct span app, struct span environment,
                   enum verdict verdict, enum reason reason)
{
    return key->verdict == verdict && key->reason == reason &&
           span_equal((struct span){key->names, key->app_length}, app) &&
           span_equal((struct span){key->names + key->app_length, key->environment_length},
                      environment);
}

static struct series_key *key_new(struct span app, struct span environment, enum verdict verdict,
                                  enum reason reason)
{
    struct series_key *key = malloc(sizeof(*key) + app.length + environment.length);
    if (key == NULL)
        return NULL;
    key->verdict = verdict;
    key->reason = reason;
    key->app_length = app.length;
    key->environment_length = environment.length;
    if (app.length > 0)
        memcpy(key->names, app.data, app.length);
    if (environment.length > 0)
        memcpy(key->names + app.length, environment.data, environment.length);
    return key;
}

static size_t home_slot(const struct metrics *metrics, struct span app, struct span environment,
                        enum verdict verdict, enum reason reason)
{
    uint64_t state = metrics->hash_key.start ^ ((uint64_t)verdict << 8 | (uint64_t)reason);
    if (app.length > 0)
        state = trie_hash_label(&metrics->hash_key, state, app);
    if (environment.length > 0)
        state = trie_hash_label(&metrics->hash_key, state, environment);
    return (size_t)(state % SERIES_SLOTS);
}

/* The series, made where there is none yet; NULL: the table is full or memory is out. */
static struct series *find_series(struct metrics *metrics, struct span app, struct span environment,
                                  enum verdict verdict, enum reason reason)
{
    size_t at = home_slot(metrics, app, environment, verdict, reason);
    const struct series_key *key;
    while ((key = atomic_load_explicit(&metrics->series[at].key, memory_order_relaxed)) != NULL) {
        if (key_is(key, app, environment, verdict, reason))
            return &metrics->series[at];
        at = (at + 1) % SERIES_SLOTS;
    }
    if (metrics->series_used == SERIES_MAXIMUM)
        return NULL;
    key = key_new(app, environment, verdict, reason);
    if (key == NULL)
        return NULL;
    atomic_store_explicit(&metrics->series[at].key, key, memory_order_release);
    metrics->series_used++;
    return &metrics->series[at];
}

void metrics_count_decision(struct metrics *metrics, struct span app, struct span environment,
                            enum verdict verdict, enum reason reason)
{
    struct series *series = find_series(metrics, app, environment, verdict, reason);
    metrics_bump(series == NULL ? &metrics->other[verdict][reason] : &series->count, 1);
}

uint64_t metrics_sum(struct metrics *const *workers, size_t count, enum metric metric)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += metrics_read(&workers[i]->values[metric]);
    return sum;
}
