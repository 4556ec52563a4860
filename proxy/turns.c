/*
 * Time is what is dealt out, not bytes or requests: it is what a worker has, and a
 * flood of denials uses it as a fat stream does. Two looks at the clock a run are
 * what that costs.
 */
#include "proxy/turns.h"

#include "proxy/clock.h"
#include "proxy/session.h"

#define MICROSECOND  INT64_C(1000)
#define CREDIT       (250 * MICROSECOND) /* a share's in one turn */
#define LEAST_PRICE  MICROSECOND         /* of one run: so that every credit ends */
#define TURN         (500 * MICROSECOND) /* of those that wait, before events are looked for again */
#define SHARED_FOR   (50000 * MICROSECOND)
#define SHARED_BYTES ((size_t)128 * 1024) /* of one stream, while others have work, too */
#define LEAST_BYTES  1024U                /* of one stream of an app with a rate */
#define RATE_PARTS   64U                  /* of its bytes a second that a stream has in one run */
#define SMOOTH       8                    /* the last turns that a share's wait is told from */
#define SLOWED_RUNS  32                   /* of one app, before the others are looked at */

/* ---- running a session ------------------------------------------------------ */

struct share *turns_share(struct session *session)
{
    return session->tenant == NULL ? &session->worker->turns.strangers : session->tenant->share;
}

static uint32_t rate_of(const struct share *share)
{
    return share->account == NULL ? 0 : share->account->limits.bytes_per_second;
}

/* How much a stream of SHARE may move in one run. */
static size_t run_bytes(const struct turns *turns, const struct share *share, uint64_t now)
{
    const size_t most = now < turns->shared_until ? SHARED_BYTES : RELAY_TURN_BYTES;
    const uint32_t rate = rate_of(share);
    if (rate == 0 || rate / RATE_PARTS > most)
        return most;
    return rate / RATE_PARTS < LEAST_BYTES ? LEAST_BYTES : rate / RATE_PARTS;
}

static void run(struct turns *turns, struct share *share, struct session *session)
{
    struct relay_lender *lender = session->worker->lender;
    const uint64_t began = clock_nanoseconds();
    if (share != turns->last && turns->last != NULL)
        turns->shared_until = began + (uint64_t)SHARED_FOR;
    turns->last = turns->current = share;
    lender->turn_bytes = run_bytes(turns, share, began);
    session_run(session);
    const int64_t used = (int64_t)(clock_nanoseconds() - began);
    turns->current->credit -= used < LEAST_PRICE ? LEAST_PRICE : used;
}

void turns_identify(struct session *session)
{
    session->worker->turns.current = turns_share(session);
}

static void dequeue(struct session *session)
{
    TAILQ_REMOVE(session->queue, session, queue_link);
    session->queue = NULL;
}

static void enqueue(struct session_list *list, struct session *session)
{
    session->queue = list;
    TAILQ_INSERT_TAIL(list, session, queue_link);
}

/* ---- turns ------------------------------------------------------------------ */

static void arm(struct event *timer, uint64_t nanoseconds)
{
    const uint64_t microseconds = nanoseconds / (uint64_t)MICROSECOND;
    const struct timeval interval = {.tv_sec = (time_t)(microseconds / 1000000),
                                     .tv_usec = (suseconds_t)(microseconds % 1000000)};
    event_add(timer, &interval);
}

void turns_resume(struct session *session)
{
    struct turns *turns = &session->worker->turns;
    struct share *share = turns_share(session);
    if (session->queue != NULL)
        return;
    enqueue(&share->ready, session);
    if (share->is_waiting)
        return;
    share->is_waiting = true;
    share->since = clock_nanoseconds();
    TAILQ_INSERT_TAIL(&turns->waiting, share, waiting_link);
    if (!event_pending(turns->timer, EV_TIMEOUT, NULL))
        arm(turns->timer, 0);
}

static void add_credit(struct share *share)
{
    share->credit = share->credit < 0 ? share->credit + CREDIT : CREDIT;
}

/* The loop reads its clock once a turn: that reading is the turn's number. */
static uint64_t number_of_turn(const struct worker *worker)
{
    struct timeval now;
    event_base_gettimeofday_cached(worker->base, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_usec;
}

void turns_wake(struct session *session)
{
    struct turns *turns = &session->worker->turns;
    struct share *share = turns_share(session);
    const uint64_t turn = number_of_turn(session->worker);
    if (session->queue == &share->slowed)
        return;
    if (share->turn != turn) {
        share->turn = turn;
        add_credit(share);
    }
    if (share->credit > 0 && !share->is_waiting)
        run(turns, share, session);
    else
        turns_resume(session);
}

/* One share's turn; it stays in the circle while it has more to do. */
static void serve(struct turns *turns, struct share *share)
{
    struct session *session;
    turns->wait += (clock_nanoseconds() - share->since) / SMOOTH - turns->wait / SMOOTH;
    add_credit(share);
    while (share->credit > 0 && (session = TAILQ_FIRST(&share->ready)) != NULL) {
        dequeue(session);
        run(turns, share, session);
    }
    TAILQ_REMOVE(&turns->waiting, share, waiting_link);
    share->is_waiting = !TAILQ_EMPTY(&share->ready);
    if (!share->is_waiting)
        return;
    share->since = clock_nanoseconds();
    TAILQ_INSERT_TAIL(&turns->waiting, share, waiting_link);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    struct turns *turns = context;
    const uint64_t end = clock_nanoseconds() + (uint64_t)TURN;
    struct share *share;
    (void)fd;
    (void)what;
    do {
        share = TAILQ_FIRST(&turns->waiting);
        if (share != NULL)
            serve(turns, share);
    } while (share != NULL && clock_nanoseconds() < end);
    if (TAILQ_EMPTY(&turns->waiting))
        turns->wait = 0;
    else
        arm(turns->timer, 0);
}

/* ---- bytes a second --------------------------------------------------------- */

bool turns_holds_back(const struct session *session)
{
    return session->tenant != NULL && session->queue == &session->tenant->share->slowed;
}

bool turns_hold_back(struct session *session)
{
    struct turns *turns = &session->worker->turns;
    struct share *share = turns_share(session);
    struct timeval due;
    if (rate_of(share) == 0)
        return false;
    const uint64_t wait = limit_bytes_wait(share->account, clock_nanoseconds());
    if (wait == 0)
        return false;
    if (session->queue == NULL)
        enqueue(&share->slowed, session);
    if (share->is_slowed)
        return true;
    share->is_slowed = true;
    TAILQ_INSERT_TAIL(&turns->slowed, share, slowed_link);
    if (!event_pending(turns->slow_timer, EV_TIMEOUT, &due))
        arm(turns->slow_timer, wait);
    return true;
}

void turns_pay(struct session *session, uint64_t count)
{
    const struct share *share = turns_share(session);
    if (count > 0 && rate_of(share) != 0)
        limit_pay_bytes(share->account, count, clock_nanoseconds());
}

/* Runs SHARE's sessions while it may; nanoseconds until it may again. */
static uint64_t serve_slowed(struct turns *turns, struct share *share)
{
    uint64_t wait = 0;
    for (int i = 0; i < SLOWED_RUNS && !TAILQ_EMPTY(&share->slowed); i++) {
        struct session *session = TAILQ_FIRST(&share->slowed);
        wait = limit_bytes_wait(share->account, clock_nanoseconds());
        if (wait > 0)
            break;
        dequeue(session);
        run(turns, share, session);
    }
    return wait;
}

static void on_slowed(evutil_socket_t fd, short what, void *context)
{
    struct turns *turns = context;
    struct share *share, *next;
    uint64_t first = UINT64_MAX;
    (void)fd;
    (void)what;
    for (share = TAILQ_FIRST(&turns->slowed); share != NULL; share = next) {
        const uint64_t wait = serve_slowed(turns, share);
        next = TAILQ_NEXT(share, slowed_link);
        if (TAILQ_EMPTY(&share->slowed)) {
            TAILQ_REMOVE(&turns->slowed, share, slowed_link);
            share->is_slowed = false;
        } else if (wait < first) {
            first = wait;
        }
    }
    if (first != UINT64_MAX)
        arm(turns->slow_timer, first);
}

/* ---- life ------------------------------------------------------------------- */

void share_init(struct share *share, struct limit_account *account)
{
    *share = (struct share){.account = account};
    TAILQ_INIT(&share->ready);
    TAILQ_INIT(&share->slowed);
}

bool turns_init(struct turns *turns, struct worker *worker)
{
    TAILQ_INIT(&turns->waiting);
    TAILQ_INIT(&turns->slowed);
    share_init(&turns->strangers, NULL);
    turns->timer = evtimer_new(worker->base, on_turn, turns);
    turns->slow_timer = evtimer_new(worker->base, on_slowed, turns);
    return turns->timer != NULL && turns->slow_timer != NULL;
}

void turns_clear(struct turns *turns)
{
    if (turns->timer != NULL)
        event_free(turns->timer);
    if (turns->slow_timer != NULL)
        event_free(turns->slow_timer);
}
