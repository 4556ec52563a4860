/*
 * Why: what /metrics shows, in Prometheus' text format 0.0.4, is the sum over
 * the workers. It is made while they count, on the admin listener's thread.
 * Rests on: sorting all series by their labels, so that equal ones of several
 * workers stand side by side, and the page's order is always the same.
 */
#include "proxy/metrics_state.h"

#include <stdlib.h>

static const struct metric_words {
    const char *name;
    const char *type;
    const char *help;
} metric_words[METRIC_COUNT] = {
    [METRIC_CONNECTIONS_ACCEPTED] = {"connections_accepted_total", "counter",
                                     "Client connections accepted."},
    [METRIC_CONNECTIONS_OPEN] = {"connections_open", "gauge", "Client connections open now."},
    [METRIC_UPSTREAMS_OPEN] = {"upstreams_open", "gauge",
                               "Upstream connections open now, and HTTP/2 streams of them."},
    [METRIC_UPSTREAMS_DIALLED] = {"upstreams_dialled_total", "counter",
                                  "Upstream connections made."},
    [METRIC_UPSTREAMS_REUSED] = {"upstreams_reused_total", "counter",
                                 "Requests sent on a kept upstream connection."},
    [METRIC_DIAL_FAILURES] = {"dial_failures_total", "counter",
                              "Upstream connections that could not be made."},
    [METRIC_STREAMS_OPEN] = {"streams_open", "gauge", "HTTP/2 streams open now."},
    [METRIC_TUNNELS_OPEN] = {"tunnels_open", "gauge", "Tunnels open now."},
    [METRIC_BYTES_UP] = {"up_bytes_total", "counter", "Payload from clients to upstreams."},
    [METRIC_BYTES_DOWN] = {"down_bytes_total", "counter", "Payload from upstreams to clients."},
    [METRIC_REQUESTS_MALFORMED] = {"requests_malformed_total", "counter",
                                   "Requests refused as malformed."},
    [METRIC_ACCEPT_PAUSES] = {"accept_pauses_total", "counter",
                              "Times accepting paused because descriptors ran out."},
    [METRIC_RESOLVER_QUERIES] = {"resolver_queries_total", "counter",
                                 "Names asked of the network."},
    [METRIC_RESOLVER_CACHE_HITS] = {"resolver_cache_hits_total", "counter",
                                    "Names answered from the cache."},
    [METRIC_RESOLVER_FAILURES] = {"resolver_failures_total", "counter",
                                  "Names that could not be resolved: timed out or failed."},
    [METRIC_RESOLVER_STALE] = {"resolver_stale_answers_total", "counter",
                               "Names answered past their time, because the resolvers fail."},
};

static const struct metric_words histogram_words[HISTOGRAM_COUNT] = {
    [HISTOGRAM_DECISION_SECONDS] = {"decision_seconds", "histogram",
                                    "From the target's name to the verdict."},
    [HISTOGRAM_DIAL_SECONDS] = {"dial_seconds", "histogram",
                                "From the first lookup to the connection."},
    [HISTOGRAM_EXCHANGE_SECONDS] = {"exchange_seconds", "histogram",
                                    "From the request's head to the end of the exchange."},
};

static void write_head(struct text *out, const char *name, const char *type, const char *help)
{
    text_add_format(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", name, help, name,
                    type);
}

static void write_values(struct metrics *const *workers, size_t count, struct text *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_words *words = &metric_words[i];
        write_head(out, words->name, words->type, words->help);
        text_add_format(out, "sallyport_%s %llu\n", words->name,
                        (unsigned long long)metrics_sum(workers, count, (enum metric)i));
    }
}

/* Seconds, exact, without zeros at the end. */
static void add_seconds(struct text *out, uint64_t nanoseconds)
{
    char fraction[10];
    size_t length = 9;
    text_add_decimal(out, nanoseconds / 1000000000U);
    snprintf(fraction, sizeof(fraction), "%09u", (unsigned)(nanoseconds % 1000000000U));
    while (length > 0 && fraction[length - 1] == '0')
        length--;
    if (length == 0)
        return;
    text_add_char(out, '.');
    text_add(out, (struct span){fraction, length});
}

static uint64_t sum_bucket(struct metrics *const *workers, size_t count, size_t histogram,
                           size_t bucket)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += metrics_read(&workers[i]->histograms[histogram].buckets[bucket]);
    return sum;
}

/* The count is the buckets' own sum, so that a page agrees with itself. */
static void write_histogram(struct metrics *const *workers, size_t count, size_t histogram,
                            struct text *out)
{
    const struct metric_words *words = &histogram_words[histogram];
    size_t bound_count;
    const uint64_t *bounds =
        metrics_histogram_bounds((enum metric_histogram)histogram, &bound_count);
    uint64_t cumulative = 0, nanoseconds = 0;

    write_head(out, words->name, words->type, words->help);
    for (size_t i = 0; i < bound_count; i++) {
        cumulative += sum_bucket(workers, count, histogram, i);
        text_add_format(out, "sallyport_%s_bucket{le=\"", words->name);
        add_seconds(out, bounds[i]);
        text_add_format(out, "\"} %llu\n", (unsigned long long)cumulative);
    }
    cumulative += sum_bucket(workers, count, histogram, bound_count);
    for (size_t i = 0; i < count; i++)
        nanoseconds += metrics_read(&workers[i]->histograms[histogram].nanoseconds);
    text_add_format(out, "sallyport_%s_bucket{le=\"+Inf\"} %llu\nsallyport_%s_sum ", words->name,
                    (unsigned long long)cumulative, words->name);
    add_seconds(out, nanoseconds);
    text_add_format(out, "\nsallyport_%s_count %llu\n", words->name,
                    (unsigned long long)cumulative);
}

void metrics_add_label_value(struct text *out, struct span value)
{
    text_add_char(out, '"');
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '\n')
            text_add_string(out, "\\n");
        else if (value.data[i] == '\\' || value.data[i] == '"')
            text_add(out, (struct span){(char[]){'\\', value.data[i]}, 2});
        else
            text_add_char(out, value.data[i]);
    }
    text_add_char(out, '"');
}

static void write_decision(struct text *out, struct span app, struct span environment,
                           enum verdict verdict, enum reason reason, uint64_t count)
{
    text_add_string(out, "sallyport_decisions_total{app=");
    metrics_add_label_value(out, app);
    text_add_string(out, ",environment=");
    metrics_add_label_value(out, environment);
    text_add_format(out, ",verdict=\"%s\",reason=\"%s\"} %llu\n", verdict_name(verdict),
                    reason_name(reason), (unsigned long long)count);
}

struct sample {
    const struct series_key *key;
    uint64_t count;
};

static struct span app_of(const struct series_key *key)
{
    return (struct span){key->names, key->app_length};
}

static struct span environment_of(const struct series_key *key)
{
    return (struct span){key->names + key->app_length, key->environment_length};
}

static int compare_spans(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_samples(const void *left, const void *right)
{
    const struct series_key *a = ((const struct sample *)left)->key;
    const struct series_key *b = ((const struct sample *)right)->key;
    int order = compare_spans(app_of(a), app_of(b));
    if (order == 0)
        order = compare_spans(environment_of(a), environment_of(b));
    if (order == 0)
        order = (int)a->verdict - (int)b->verdict;
    return order != 0 ? order : (int)a->reason - (int)b->reason;
}

/* All workers' series into SAMPLES (room for SERIES_MAXIMUM a worker). Returns how many. */
static size_t collect_samples(struct metrics *const *workers, size_t count, struct sample *samples)
{
    size_t collected = 0;
    for (size_t i = 0; i < count; i++) {
        struct series *series = workers[i]->series;
        size_t room = collected + SERIES_MAXIMUM;
        for (size_t slot = 0; slot < SERIES_SLOTS && collected < room; slot++) {
            const struct series_key *key =
                atomic_load_explicit(&series[slot].key, memory_order_acquire);
            if (key != NULL)
                samples[collected++] = (struct sample){key, metrics_read(&series[slot].count)};
        }
    }
    return collected;
}

static void write_other(struct metrics *const *workers, size_t count, struct text *out)
{
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        for (size_t reason = 0; reason < REASON_COUNT; reason++) {
            uint64_t sum = 0;
            for (size_t i = 0; i < count; i++)
                sum += metrics_read(&workers[i]->other[verdict][reason]);
            if (sum > 0)
                write_decision(out, SPAN("_other"), SPAN("_other"), (enum verdict)verdict,
                               (enum reason)reason, sum);
        }
    }
}

static void write_decisions(struct metrics *const *workers, size_t count, struct text *out)
{
    struct sample *samples = calloc(count * SERIES_MAXIMUM + 1, sizeof(*samples));
    if (samples == NULL) {
        out->overflow = true;
        return;
    }
    size_t collected = collect_samples(workers, count, samples);
    qsort(samples, collected, sizeof(*samples), compare_samples);
    write_head(out, "decisions_total", "counter", "Decisions by app, verdict and reason.");
    for (size_t i = 0; i < collected;) {
        const struct series_key *key = samples[i].key;
        uint64_t sum = samples[i++].count;
        while (i < collected && compare_samples(&samples[i - 1], &samples[i]) == 0)
            sum += samples[i++].count;
        write_decision(out, app_of(key), environment_of(key), key->verdict, key->reason, sum);
    }
    write_other(workers, count, out);
    free(samples);
}

void metrics_write(struct metrics *const *workers, size_t count, struct text *out)
{
    write_decisions(workers, count, out);
    write_values(workers, count, out);
    for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
        write_histogram(workers, count, i, out);
}
