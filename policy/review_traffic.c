/* Counting a log's requests for the page; see the header. */
#include "policy/review_traffic.h"

#include <stdlib.h>
#include <time.h>

#define FIRST_WIDTH 60 /* seconds */

bool review_traffic_init(struct review_traffic *traffic)
{
    *traffic = (struct review_traffic){
        .tally = tally_new(TRAFFIC_TARGETS_MAXIMUM),
        .arena = arena_new((TRAFFIC_TARGETS_MAXIMUM + 1) * sizeof(struct traffic_count)),
    };
    return traffic->tally != NULL && traffic->arena != NULL;
}

void review_traffic_clear(struct review_traffic *traffic)
{
    tally_free(traffic->tally);
    arena_free(traffic->arena);
    *traffic = (struct review_traffic){.tally = NULL};
}

/* TIME is as log_time_valid has it. */
static int64_t seconds_of(struct span time)
{
    struct tm parts = {0};
    char text[sizeof("2026-01-02T03:04:05")];
    memcpy(text, time.data, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    return (int64_t)timegm(&parts);
}

/* Makes one step of two: into the first half, or the second where EARLIER ones are wanted. */
static void halve(uint64_t steps[TRAFFIC_STEPS], bool earlier)
{
    uint64_t halved[TRAFFIC_STEPS] = {0};
    size_t to = earlier ? TRAFFIC_STEPS / 2 : 0;
    for (size_t i = 0; i < TRAFFIC_STEPS; i += 2)
        halved[to++] = steps[i] + steps[i + 1];
    memcpy(steps, halved, sizeof(halved));
}

static void widen(struct review_traffic *traffic, bool earlier)
{
    size_t count;
    struct tally_entry **entries = tally_entries(traffic->tally, &count);
    for (size_t i = 0; i < count; i++) {
        struct traffic_count *own = entries[i]->own;
        if (own == NULL)
            continue;
        halve(own->steps_let_out, earlier);
        halve(own->steps_refused, earlier);
    }
    if (earlier)
        traffic->begin -= TRAFFIC_STEPS * traffic->width;
    traffic->width *= 2;
}

/* The step of TIME, for which room is made. */
static size_t step_of(struct review_traffic *traffic, int64_t time)
{
    if (traffic->width == 0) {
        traffic->width = FIRST_WIDTH;
        traffic->begin = time - time % FIRST_WIDTH;
    }
    while (time < traffic->begin)
        widen(traffic, true);
    while ((time - traffic->begin) / traffic->width >= TRAFFIC_STEPS)
        widen(traffic, false);
    return (size_t)((time - traffic->begin) / traffic->width);
}

static void count(struct review_traffic *traffic, struct traffic_count *own, struct span time,
                  enum verdict verdict)
{
    bool let_out = verdict == VERDICT_ALLOW;
    *(let_out ? &own->let_out : &own->refused) += 1;
    if (time.length == 0)
        return;
    size_t step = step_of(traffic, seconds_of(time));
    (let_out ? own->steps_let_out : own->steps_refused)[step]++;
}

void review_traffic_visit(void *context, const struct log_record *record,
                          const struct log_decision *decision)
{
    struct review_traffic *traffic = context;
    const struct tally_key key = {.target = &decision->target};
    if (decision->target.port == 0)
        return;
    struct tally_entry *entry = tally_add(traffic->tally, &key, record->time);
    if (entry == NULL)
        return;
    if (entry->own == NULL)
        entry->own = arena_allocate(traffic->arena, sizeof(struct traffic_count));
    if (entry->own == NULL) {
        traffic->starved = true;
        return;
    }
    count(traffic, entry->own, record->time, decision->verdict);
}

static int compare_entries(const void *left, const void *right)
{
    const struct tally_entry *a = *(struct tally_entry *const *)left;
    const struct tally_entry *b = *(struct tally_entry *const *)right;
    int order = (a->count < b->count) - (a->count > b->count);
    if (order == 0)
        order = strcmp(a->host.data, b->host.data);
    if (order == 0)
        order = (a->port > b->port) - (a->port < b->port);
    return order != 0 ? order : (a->scheme > b->scheme) - (a->scheme < b->scheme);
}

struct tally_entry **review_traffic_targets(const struct review_traffic *traffic, size_t *count)
{
    *count = 0;
    if (traffic == NULL)
        return NULL;
    struct tally_entry **entries = tally_entries(traffic->tally, count);
    qsort(entries, *count, sizeof(struct tally_entry *), compare_entries);
    return entries;
}

uint64_t traffic_count_sum(const struct traffic_count *count)
{
    return count->let_out + count->refused;
}

void traffic_count_add(struct traffic_count *sum, const struct traffic_count *more)
{
    sum->let_out += more->let_out;
    sum->refused += more->refused;
    for (size_t i = 0; i < TRAFFIC_STEPS; i++) {
        sum->steps_let_out[i] += more->steps_let_out[i];
        sum->steps_refused[i] += more->steps_refused[i];
    }
}

uint32_t review_traffic_let_out(const struct reach *reach, const struct tally_entry *entry)
{
    struct target target;
    uint32_t situations = 0;
    tally_entry_target(entry, &target);
    for (enum scheme scheme = SCHEME_HTTPS; scheme <= SCHEME_WS; scheme++) {
        if (target.scheme != SCHEME_TUNNEL && target.scheme != scheme)
            continue;
        const struct address address = {.scheme = scheme, .host = target.host, .port = target.port};
        const struct reach_item item = {
            .address = &address, .path = SPAN(""), .text = SPAN(""), .situations = REACH_ALWAYS};
        situations |= REACH_ALWAYS & ~reach_missing(reach, &item, NULL);
    }
    return situations;
}
