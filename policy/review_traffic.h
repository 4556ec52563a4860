/*
 * What a log saw while the old version was in force: a count for each target,
 * and when, in a few steps of time that all targets share. The steps double
 * as often as the log's times ask for it, so one pass and bounded memory do.
 */
#ifndef SALLYPORT_POLICY_REVIEW_TRAFFIC_H
#define SALLYPORT_POLICY_REVIEW_TRAFFIC_H

#include "policy/log_reader.h"
#include "policy/reach.h"
#include "policy/tally.h"

#define TRAFFIC_TARGETS_MAXIMUM 5000
#define TRAFFIC_STEPS           24

/* Requests of one target, or of several. */
struct traffic_count {
    uint64_t let_out;
    uint64_t refused;
    uint64_t steps_let_out[TRAFFIC_STEPS]; /* those whose records have a time */
    uint64_t steps_refused[TRAFFIC_STEPS];
};

struct review_traffic {
    struct tally *tally; /* `own` is a struct traffic_count */
    struct arena *arena;
    int64_t begin; /* of the first step, in seconds since 1970 */
    int64_t width; /* of a step, in seconds; 0: no time was seen */
    bool starved;  /* memory was out: the counts are not whole */
};

/* False: memory is out. Then, and always, review_traffic_clear. */
bool review_traffic_init(struct review_traffic *traffic);
void review_traffic_clear(struct review_traffic *traffic);

/* CONTEXT is a struct review_traffic: for log_walk's visitor. */
void review_traffic_visit(void *context, const struct log_record *record,
                          const struct log_decision *decision);

/* The most frequent first. NULL: no log was read. */
struct tally_entry **review_traffic_targets(const struct review_traffic *traffic, size_t *count);

uint64_t traffic_count_sum(const struct traffic_count *count);
void traffic_count_add(struct traffic_count *sum, const struct traffic_count *more);

/*
 * The situations (see reach.h) in which REACH lets ENTRY's target out; a tunnel, which
 * can carry any scheme, by any of them.
 */
uint32_t review_traffic_let_out(const struct reach *reach, const struct tally_entry *entry);

#endif
