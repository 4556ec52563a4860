#include "test/fuzz/session_ledger.h"

#include <stdio.h>
#include <string.h>

#define OPEN_MAXIMUM 64

struct entry {
    char id[DECISION_ID_SIZE];
};

static struct entry open_decisions[OPEN_MAXIMUM];
static size_t open_count;
static bool allowed[64], allowed_tunnels[64], allowed_requests[64];

void ledger_begin(void)
{
    memset(allowed, 0, sizeof(allowed));
    memset(allowed_tunnels, 0, sizeof(allowed_tunnels));
    memset(allowed_requests, 0, sizeof(allowed_requests));
}

bool ledger_is_closed(void)
{
    return open_count == 0;
}

bool ledger_allowed(const struct world_place *place)
{
    return allowed[place - world_places];
}

bool ledger_allowed_request(const struct world_place *place)
{
    return allowed_requests[place - world_places];
}

bool ledger_allowed_tunnel(const struct world_place *place)
{
    return allowed_tunnels[place - world_places];
}

/* The string behind "KEY":" in LINE; empty where there is none. Names need no escapes. */
static struct span member(struct span line, const char *key)
{
    char pattern[24];
    snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
    const char *at = memmem(line.data, line.length, pattern, strlen(pattern));
    if (at == NULL)
        return (struct span){"", 0};
    struct span rest = span_after(line, (size_t)(at - line.data) + strlen(pattern));
    return span_slice(rest, 0, span_find(rest, '"'));
}

static struct entry *find(struct span id)
{
    for (size_t i = 0; i < open_count; i++) {
        if (span_equal(span_of(open_decisions[i].id), id))
            return &open_decisions[i];
    }
    return NULL;
}

/* An id may be decided twice: a tunnel was allowed and what began in it was not. */
static void take_decision(struct span line, struct span id)
{
    if (find(id) == NULL) {
        require(open_count < OPEN_MAXIMUM);
        memcpy(open_decisions[open_count++].id, id.data, DECISION_ID_SIZE - 1);
    }
    if (!span_equal(member(line, "verdict"), SPAN("allow")))
        return;
    const struct world_place *place = world_find_name(member(line, "host"), false);
    require(place != NULL);
    bool is_tunnel = span_equal(member(line, "method"), SPAN("CONNECT"));
    for (size_t i = 0; i < world_place_count; i++) {
        if (!world_names(&world_places[i], member(line, "host")))
            continue;
        allowed[i] = true;
        allowed_tunnels[i] = allowed_tunnels[i] || is_tunnel;
        allowed_requests[i] = allowed_requests[i] || !is_tunnel;
    }
}

static void take_line(struct span line)
{
    struct span id = member(line, "id");
    struct span event = member(line, "event");
    require(span_starts_with(line, SPAN("{\"time\":\"")) && span_ends_with(line, SPAN("}")));
    require(id.length == DECISION_ID_SIZE - 1);
    if (span_equal(event, SPAN("decision"))) {
        take_decision(line, id);
        return;
    }
    struct entry *entry = find(id);
    require(span_equal(event, SPAN("close")) && entry != NULL);
    *entry = open_decisions[--open_count];
}

void ledger_take(struct log_queue *queue)
{
    for (;;) {
        struct span bytes = log_queue_peek(queue);
        if (bytes.length == 0)
            return;
        require(bytes.data[bytes.length - 1] == '\n');
        for (struct span rest = bytes; rest.length > 0;) {
            size_t end = span_find(rest, '\n');
            take_line(span_slice(rest, 0, end));
            rest = span_after(rest, end + 1);
        }
        log_queue_consume(queue, bytes.length);
    }
}
