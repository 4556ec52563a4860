/* Looks are a quarter of a second apart at least: tunnels that end one after the other share one.
 */
#include "proxy/lifetime.h"

#include "proxy/clock.h"
#include "proxy/session.h"

#define SECOND      UINT64_C(1000000000)
#define MICROSECOND 1000U
#define LOOKS_APART (SECOND / 4)

/* Nanoseconds, monotonic; 0: it may last for ever. */
static uint64_t end_of(const struct session *session)
{
    const uint32_t seconds = session->tenant->account->limits.tunnel_seconds;
    return seconds == 0 ? 0 : session->record.started + seconds * SECOND;
}

static void set_timer(struct lifetime *lifetime, uint64_t due, uint64_t now)
{
    const uint64_t wait = due > now ? (due - now) / MICROSECOND : 0;
    const struct timeval interval = {.tv_sec = (time_t)(wait / 1000000),
                                     .tv_usec = (suseconds_t)(wait % 1000000)};
    lifetime->due = due;
    event_add(lifetime->timer, &interval);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    const uint64_t now = clock_nanoseconds();
    struct session *session, *next;
    uint64_t first = 0;
    (void)fd;
    (void)what;
    worker->lifetime.due = 0;
    for (session = TAILQ_FIRST(&worker->sessions); session != NULL; session = next) {
        next = TAILQ_NEXT(session, link);
        const uint64_t end = session->tunnel == NULL ? 0 : end_of(session);
        if (end == 0)
            continue;
        if (end <= now)
            session_abort(session, "limit_exceeded");
        else if (first == 0 || end < first)
            first = end;
    }
    if (first > 0)
        set_timer(&worker->lifetime, first > now + LOOKS_APART ? first : now + LOOKS_APART, now);
}

bool lifetime_init(struct lifetime *lifetime, struct worker *worker)
{
    lifetime->timer = evtimer_new(worker->base, on_timer, worker);
    return lifetime->timer != NULL;
}

void lifetime_clear(struct lifetime *lifetime)
{
    if (lifetime->timer != NULL)
        event_free(lifetime->timer);
}

void lifetime_watch(struct session *session)
{
    struct lifetime *lifetime = &session->worker->lifetime;
    const uint64_t end = end_of(session);
    if (end != 0 && (lifetime->due == 0 || end + LOOKS_APART < lifetime->due))
        set_timer(lifetime, end, clock_nanoseconds());
}
