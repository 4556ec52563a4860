/*
 * A queue a kind of wait, each in the order in which its waits began; the head's
 * due time is the timer's.
 */
#include "proxy/deadline.h"

#include <stdlib.h>

#include "proxy/clock.h"

#define LINGER_MILLISECONDS        2000
#define KEPT_UPSTREAM_MILLISECONDS 30000 /* origins commonly close after 60 s or more */

struct queue {
    struct deadlines *owner;
    struct event *timer;
    deadline_callback *callback;
    uint32_t milliseconds;
    struct deadline *first;
    struct deadline *last;
};

struct deadlines {
    struct queue queues[DEADLINE_COUNT];
};

static void arm(struct queue *queue, uint64_t now)
{
    uint64_t due = queue->first->since + queue->milliseconds;
    /* Behind the coarse clock's tick, so that one wake-up finds the head really due. */
    uint64_t wait = (due > now ? due - now : 0) + 5;
    const struct timeval interval = {.tv_sec = (time_t)(wait / 1000),
                                     .tv_usec = (suseconds_t)(wait % 1000 * 1000)};
    event_add(queue->timer, &interval);
}

static void unlink_deadline(struct queue *queue, struct deadline *deadline)
{
    *(deadline->previous == NULL ? &queue->first : &deadline->previous->next) = deadline->next;
    *(deadline->next == NULL ? &queue->last : &deadline->next->previous) = deadline->previous;
}

static void link_last(struct queue *queue, struct deadline *deadline)
{
    deadline->next = NULL;
    deadline->previous = queue->last;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = deadline;
    queue->last = deadline;
}

/* The timer is left alone when the head goes: it then wakes once for nothing, which is cheaper. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct queue *queue = context;
    uint64_t now = clock_milliseconds();
    (void)fd;
    (void)what;
    while (queue->first != NULL && queue->first->since + queue->milliseconds <= now) {
        struct deadline *due = queue->first;
        unlink_deadline(queue, due);
        due->running = false;
        queue->callback(due, due->kind);
    }
    if (queue->first != NULL)
        arm(queue, now);
}

struct deadlines *deadlines_new(struct event_base *base, const struct configuration *configuration)
{
    const uint32_t milliseconds[DEADLINE_COUNT] = {
        [DEADLINE_HEAD] = configuration->timeout_head,
        [DEADLINE_KEEP_ALIVE] = configuration->timeout_keep_alive,
        [DEADLINE_DIAL] = configuration->timeout_dial,
        [DEADLINE_ORIGIN_TLS] = configuration->timeout_dial,
        [DEADLINE_NEXT_ATTEMPT] = configuration->attempt_delay,
        [DEADLINE_HELLO] = configuration->timeout_hello,
        [DEADLINE_IDLE] = configuration->timeout_idle,
        [DEADLINE_REVOKED] = configuration->timeout_drain,
        [DEADLINE_LINGER] = LINGER_MILLISECONDS,
        [DEADLINE_KEPT_UPSTREAM] = KEPT_UPSTREAM_MILLISECONDS,
        [DEADLINE_HTTP2_GREETING] = configuration->timeout_dial,
        [DEADLINE_KEPT_HTTP2] = KEPT_UPSTREAM_MILLISECONDS,
    };
    struct deadlines *deadlines = calloc(1, sizeof(*deadlines));
    if (deadlines == NULL)
        return NULL;
    for (size_t i = 0; i < DEADLINE_COUNT; i++) {
        struct queue *queue = &deadlines->queues[i];
        queue->owner = deadlines;
        queue->milliseconds = milliseconds[i];
        queue->timer = evtimer_new(base, on_timer, queue);
        if (queue->timer == NULL) {
            deadlines_free(deadlines);
            return NULL;
        }
    }
    return deadlines;
}

void deadlines_free(struct deadlines *deadlines)
{
    if (deadlines == NULL)
        return;
    for (size_t i = 0; i < DEADLINE_COUNT; i++) {
        if (deadlines->queues[i].timer != NULL)
            event_free(deadlines->queues[i].timer);
    }
    free(deadlines);
}

void deadlines_set_callback(struct deadlines *deadlines, enum deadline_kind kind,
                            deadline_callback *callback)
{
    deadlines->queues[kind].callback = callback;
}

void deadline_start(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind)
{
    struct queue *queue = &deadlines->queues[kind];
    deadline_end(deadlines, deadline);
    deadline->kind = kind;
    deadline->running = true;
    deadline->since = clock_milliseconds();
    bool first = queue->first == NULL;
    link_last(queue, deadline);
    if (first && !event_pending(queue->timer, EV_TIMEOUT, NULL))
        arm(queue, deadline->since);
}

void deadline_touch(struct deadlines *deadlines, struct deadline *deadline)
{
    struct queue *queue = &deadlines->queues[deadline->kind];
    uint64_t now = clock_milliseconds();
    if (!deadline->running || now - deadline->since < queue->milliseconds / 16)
        return;
    unlink_deadline(queue, deadline);
    deadline->since = now;
    link_last(queue, deadline);
}

void deadline_end(struct deadlines *deadlines, struct deadline *deadline)
{
    if (!deadline->running)
        return;
    unlink_deadline(&deadlines->queues[deadline->kind], deadline);
    deadline->running = false;
}
