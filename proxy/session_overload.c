/*
 * Where a session meets overload.h: when its connection comes, and when it has a
 * request. Which app a connection counts for is known from the listener, or from the
 * first request with credentials on; before that it is a stranger's.
 */
#include "proxy/session.h"

#define RETRY_SECONDS 5

static void publish(struct worker *worker)
{
    overload_note(worker->overload, worker->index, 2 * worker->lender->pipes.open,
                  worker->turns.wait);
}

/* What idles goes before anybody is refused for it. */
static void give_back_idle(struct worker *worker)
{
    enum overload_resource resource;
    if (overload_level(worker->overload, &resource) == OVERLOAD_NONE ||
        resource != OVERLOAD_DESCRIPTORS)
        return;
    pipe_pool_clear(&worker->lender->pipes);
    publish(worker);
    while (overload_level(worker->overload, &resource) != OVERLOAD_NONE &&
           worker_close_idle_upstream(worker))
        continue;
}

static enum progress refuse(struct session *session, const char *why)
{
    session->exchange->keep_alive = false;
    return answer_limit(session, 503, RETRY_SECONDS, why);
}

/*
 * A connection that is turned away is not kept until its client has read that (for seconds,
 * where it does not care to): it would be held by those whom nobody wants. What came before
 * the answer is read, so that closing is no reset.
 */
static void read_past(struct session *session)
{
    size_t count;
    (void)transport_read(&session->client, session->worker->lender->scratch, RELAY_SCRATCH_SIZE,
                         &count);
}

enum progress session_greet(struct session *session)
{
    struct worker *worker = session->worker;
    const char *why;
    session->stage = session_read_head;
    if (worker->overload == NULL)
        return PROGRESS_ON;
    publish(worker);
    give_back_idle(worker);
    bool gives_way = session->tenant == NULL
                         ? overload_stranger_gives_way(worker->overload, &why)
                         : overload_gives_way(worker->overload, session->tenant->account, &why);
    if (!gives_way)
        return PROGRESS_ON;
    session->stage = session_greet;
    if (!session_log_has_room(session))
        return PROGRESS_WAIT;
    session->is_turned_away = true;
    read_past(session);
    return session_begin_exchange(session) ? refuse(session, why) : PROGRESS_END;
}

bool session_gives_way(struct session *session, enum progress *progress)
{
    struct worker *worker = session->worker;
    const struct limit_account *account = session->tenant == NULL ? NULL : session->tenant->account;
    const char *why;
    if (worker->overload == NULL)
        return false;
    publish(worker);
    if (!overload_gives_way(worker->overload, account, &why))
        return false;
    *progress = refuse(session, why);
    return true;
}

void session_count_for_tenant(struct session *session)
{
    struct overload *overload = session->worker->overload;
    struct limit_account *account = session->tenant == NULL ? NULL : session->tenant->account;
    if (overload == NULL || (session->is_counted && account == session->counted_for))
        return;
    session_uncount(session);
    session->counted_for = account;
    session->is_counted = true;
    if (account == NULL)
        overload_count_stranger(overload, 1);
    else
        limit_count_session(account, 1);
}

void session_uncount(struct session *session)
{
    if (!session->is_counted)
        return;
    if (session->counted_for == NULL)
        overload_count_stranger(session->worker->overload, -1);
    else
        limit_count_session(session->counted_for, -1);
    session->is_counted = false;
    session->counted_for = NULL;
}
