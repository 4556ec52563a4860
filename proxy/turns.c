/*
 * Time is what is dealt out, not bytes or requests: it is what a worker has, and a
 * flood of denials uses it as a fat stream does. Two looks at the clock a run are
 * what that costs.
 */
#include "proxy/turns.h"

#include "proxy/clock.h"
#include "proxy/session.h"

#define MICROSECOND  INT64_C(1000)
#define CREDIT       (200 * MICROSECOND)   /* a share's in one round: a whole CONNECT's, and more */
#define MOST_DEBT    (10000 * MICROSECOND) /* a worker that did not run is no one app's doing */
#define LEAST_PRICE  MICROSECOND           /* of one run: so that every credit ends */
#define TURN         (500 * MICROSECOND)   /* of one app alone, before events are looked for */
#define SHARED_TURN  (20 * MICROSECOND)    /* the same, while others have work, too */
#define SHARED_FOR   (50000 * MICROSECOND)
#define SHARED_BYTES ((size_t)16 * 1024) /* of one stream, while others have work, too */
#define LEAST_BYTES  1024U               /* of one stream of an app with a rate */
#define RATE_PARTS   64U                 /* of its bytes a second that a stream has in one run */
#define SMOOTH       8                   /* the last turns that a share's wait is told from */
#define SLOWED_RUNS  32                  /* of one app, before the others are looked at */

/* ---- running a session ------------------------------------------------------ */

struct share *turns_share(struct session *session)
{
    return session->tenant == NULL ? session->listener->share : session->tenant->share;
}

static uint32_t rate_of(const struct share *share)
{
    return share->account == NULL ? 0 : share->account->limits.bytes_per_second;
}

static bool is_shared(const struct turns *turns, uint64_t now)
{
    return now < turns->shared_until;
}

/* How much a stream of SHARE may move in one run. */
static size_t run_bytes(const struct turns *turns, const struct share *share, uint64_t now)
{
    const size_t most = is_shared(turns, now) ? SHARED_BYTES : RELAY_TURN_BYTES;
    const uint32_t rate = rate_of(share);
    if (rate == 0 || rate / RATE_PARTS > most)
        return most;
    return rate / RATE_PARTS < LEAST_BYTES ? LEAST_BYTES : rate / RATE_PARTS;
}

static void charge(struct share *share, uint64_t nanoseconds)
{
    const int64_t used = nanoseconds < MOST_DEBT ? (int64_t)nanoseconds : MOST_DEBT;
    share->credit -= used < LEAST_PRICE ? LEAST_PRICE : used;
    if (share->credit < -MOST_DEBT)
        share->credit = -MOST_DEBT;
}

static void begin_run(struct turns *turns, struct share *share, uint64_t now)
{
    if (share != turns->last && turns->last != NULL)
        turns->shared_until = now + (uint64_t)SHARED_FOR;
    turns->last = turns->current = share;
}

/* The time when it has run. */
static uint64_t run(struct turns *turns, struct share *share, struct session *session, uint64_t now)
{
    struct relay_lender *lender = session->worker->lender;
    begin_run(turns, share, now);
    lender->turn_bytes = run_bytes(turns, share, now);
    session_run(session);
    const uint64_t end = clock_nanoseconds();
    charge(turns->current, end - now);
    return end;
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

/* ---- who has work ------------------------------------------------------------- */

static void arm(struct event *timer, uint64_t nanoseconds)
{
    const uint64_t microseconds = nanoseconds / (uint64_t)MICROSECOND;
    const struct timeval interval = {.tv_sec = (time_t)(microseconds / 1000000),
                                     .tv_usec = (suseconds_t)(microseconds % 1000000)};
    event_add(timer, &interval);
}

/* A credit for each round that has begun since the last; nothing is saved up. */
static void add_credit(const struct turns *turns, struct share *share)
{
    const uint64_t rounds = turns->round - share->round;
    share->round = turns->round;
    for (uint64_t i = 0; i < rounds && share->credit < CREDIT; i++)
        share->credit += CREDIT;
    if (share->credit > CREDIT)
        share->credit = CREDIT;
}

static void move(struct share *share, struct share_list *list, uint64_t now)
{
    if (share->list != NULL)
        TAILQ_REMOVE(share->list, share, link);
    share->list = list;
    if (list != NULL)
        TAILQ_INSERT_TAIL(list, share, link);
    share->since = now;
}

/* What comes with this look at the events is all noted before any of it is served. */
static void note_work(struct turns *turns, struct share *share)
{
    if (share->list != NULL)
        return;
    add_credit(turns, share);
    move(share, share->credit > 0 ? &turns->fresh : &turns->waiting, clock_nanoseconds());
    if (!turns->is_serving && !event_pending(turns->timer, EV_TIMEOUT, NULL))
        event_active(turns->timer, EV_TIMEOUT, 0);
}

void turns_resume(struct session *session)
{
    struct share *share = turns_share(session);
    if (session->queue != NULL)
        return;
    enqueue(&share->ready, session);
    note_work(&session->worker->turns, share);
}

void turns_accept(struct listener *listener)
{
    if (listener->is_acceptable)
        return;
    listener->is_acceptable = true;
    TAILQ_INSERT_TAIL(&listener->share->acceptable, listener, accept_link);
    note_work(&listener->worker->turns, listener->share);
}

void turns_accept_no_more(struct listener *listener)
{
    if (!listener->is_acceptable)
        return;
    listener->is_acceptable = false;
    TAILQ_REMOVE(&listener->share->acceptable, listener, accept_link);
}

/* ---- turns ------------------------------------------------------------------ */

static void note_wait(struct turns *turns, struct share *share, uint64_t now)
{
    if (share->list != &turns->waiting || share->since == 0)
        return;
    turns->wait += (now - share->since) / SMOOTH - turns->wait / SMOOTH;
    share->since = 0;
}

/* When the first of the circle has been given credit already, all have: a round begins. */
static struct share *next_of_circle(struct turns *turns, uint64_t now)
{
    struct share *share;
    while ((share = TAILQ_FIRST(&turns->waiting)) != NULL) {
        if (share->credit > 0)
            return share;
        if (share->round == turns->round)
            turns->round++;
        add_credit(turns, share);
        if (share->credit > 0)
            return share;
        move(share, &turns->waiting, now);
    }
    return NULL;
}

/* NULL: nobody has work. */
static struct share *next_share(struct turns *turns, uint64_t now)
{
    struct share *share;
    while ((share = TAILQ_FIRST(&turns->fresh)) != NULL) {
        if (share->credit > 0)
            return share;
        move(share, &turns->waiting, now);
    }
    return next_of_circle(turns, now);
}

static uint64_t accept_next(struct turns *turns, struct share *share, uint64_t now)
{
    struct listener *listener = TAILQ_FIRST(&share->acceptable);
    begin_run(turns, share, now);
    turns_accept_no_more(listener);
    if (listener_accept(listener))
        turns_accept(listener);
    const uint64_t end = clock_nanoseconds();
    charge(turns->current, end - now);
    return end;
}

/* New connections and those that there are take turns: neither keeps the other waiting. */
static uint64_t serve_one(struct turns *turns, struct share *share, uint64_t now)
{
    struct session *session = TAILQ_FIRST(&share->ready);
    share->accepts = session == NULL || (!share->accepts && !TAILQ_EMPTY(&share->acceptable));
    if (share->accepts)
        return TAILQ_EMPTY(&share->acceptable) ? now : accept_next(turns, share, now);
    dequeue(session);
    return run(turns, share, session, now);
}

/* One piece of SHARE's work. The time when it is done. */
static uint64_t serve(struct turns *turns, struct share *share, uint64_t now)
{
    note_wait(turns, share, now);
    const uint64_t end = serve_one(turns, share, now);
    if (TAILQ_EMPTY(&share->ready) && TAILQ_EMPTY(&share->acceptable))
        move(share, NULL, end);
    else if (share->list == &turns->fresh)
        move(share, &turns->fresh, end);
    else if (share->credit <= 0)
        move(share, &turns->waiting, end);
    return end;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    struct turns *turns = context;
    const uint64_t began = clock_nanoseconds();
    uint64_t now = began;
    struct share *share;
    (void)fd;
    (void)what;
    turns->is_serving = true;
    do {
        share = next_share(turns, now);
        if (share != NULL)
            now = serve(turns, share, now);
    } while (share != NULL && now - began < (uint64_t)(is_shared(turns, now) ? SHARED_TURN : TURN));
    turns->is_serving = false;
    if (TAILQ_EMPTY(&turns->fresh) && TAILQ_EMPTY(&turns->waiting))
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
        run(turns, share, session, clock_nanoseconds());
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
    TAILQ_INIT(&share->acceptable);
    TAILQ_INIT(&share->slowed);
}

bool turns_init(struct turns *turns, struct worker *worker)
{
    TAILQ_INIT(&turns->fresh);
    TAILQ_INIT(&turns->waiting);
    TAILQ_INIT(&turns->slowed);
    turns->round = 1;
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
