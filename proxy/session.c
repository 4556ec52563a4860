/*
 * A session's life: made when a connection is accepted, run through its stages by
 * every event, ended by its last stage, a deadline or the worker's end.
 */
#include "proxy/session.h"

#include <stddef.h>
#include <stdlib.h>

#include "proxy/clock.h"

/* ---- life ---------------------------------------------------------------- */

static void free_inside(struct inside *inside)
{
    http2_server_free(inside->http2, "client_reset");
    if (inside->is_stream)
        http2_server_forget(&inside->child);
    free(inside);
}

static void session_free(struct session *session)
{
    struct worker *worker = session->worker;
    session_free_exchange(session, false);
    session_free_tunnel(session, false);
    session_give_tunnel(session);
    session_uncount(session);
    if (session->queue != NULL)
        TAILQ_REMOVE(session->queue, session, queue_link);
    TAILQ_REMOVE(&worker->sessions, session, link);
    worker->session_count--;
    worker_note_session_end(worker);
    deadline_end(worker->deadlines, &session->deadline);
    buffer_clear(&session->input);
    free(session->front_name);
    if (session->inside != NULL)
        free_inside(session->inside);
    transport_close(&session->client, false);
    metrics_subtract(worker->metrics, METRIC_CONNECTIONS_OPEN, 1);
    free(session);
}

void session_run(struct session *session)
{
    enum progress progress;
    session->requests_this_turn = 0;
    do {
        progress = session->stage(session);
    } while (progress == PROGRESS_ON);
    if (progress == PROGRESS_END) {
        session_log_unfinished(session);
        session_log_close(session, "error"); /* out of memory: all else has been logged */
        session_free(session);
    }
}

void session_wake(void *context)
{
    turns_resume(context);
}

void session_abort(struct session *session, const char *outcome)
{
    if (session_http2(session) != NULL) {
        http2_server_free(session->inside->http2, outcome);
        session->inside->http2 = NULL;
    }
    (void)session_cut_off(session, outcome);
    session_free(session);
}

static enum progress stage_cancelled(struct session *session)
{
    session_log_unfinished(session);
    session_log_close(session, session->record.outcome);
    session_free_exchange(session, true);
    return PROGRESS_END;
}

void session_cancel(struct session *session, const char *outcome)
{
    session->record.outcome = outcome;
    session->stage = stage_cancelled;
    turns_resume(session);
}

void session_drain(struct session *session)
{
    if (session_http2(session) != NULL) {
        http2_server_drain(session_http2(session));
        return;
    }
    if (session->stage == session_read_head && session->input.length == 0 &&
        !transport_has_bytes(&session->client))
        session_free(session);
}

/* At once, not with the first event: a burst of connections is to be counted one by one. */
static void greet(struct session *session)
{
    session->client.writable = true; /* so is every new connection */
    session_identify(session);
    enum progress progress = session_greet(session);
    if (progress == PROGRESS_END)
        session_free(session);
    else if (progress == PROGRESS_ON && session->stage != session_read_head)
        session_run(session);
}

/* Takes FD over. NULL: memory or descriptors are out. */
static struct session *session_new(struct worker *worker, const struct listener *listener, int fd)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        evutil_closesocket(fd);
        return NULL;
    }
    session->worker = worker;
    session->listener = listener;
    if (!transport_open(&session->client, worker->poller, fd, session_wake, session)) {
        free(session);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&worker->sessions, session, link);
    worker->session_count++;
    metrics_add(worker->metrics, METRIC_CONNECTIONS_OPEN, 1);
    deadline_start(worker->deadlines, &session->deadline, DEADLINE_HEAD);
    return session;
}

struct session *session_start_inside(const struct session *parent, int fd)
{
    struct session *session = session_new(parent->worker, parent->listener, fd);
    struct inside *inside = session == NULL ? NULL : calloc(1, sizeof(*inside));
    if (inside == NULL) {
        if (session != NULL)
            session_free(session);
        return NULL;
    }
    inside->host = parent->inside->host;
    inside->port = parent->inside->port;
    inside->is_stream = true;
    session->inside = inside;
    session->client.writable = true; /* so is every new pair */
    session->client_ip = parent->client_ip;
    session->client_port = parent->client_port;
    session->identity = parent->identity;
    session->tenant = parent->tenant;
    session->stage = session_read_head;
    session_count_for_tenant(session);
    return session;
}

void session_start(struct worker *worker, const struct listener *listener, int fd,
                   const struct sockaddr *peer)
{
    struct session *session = session_new(worker, listener, fd);
    if (session == NULL)
        return;
    ip_from_sockaddr(peer, &session->client_ip, &session->client_port);
    metrics_add(worker->metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
    session->stage = session_begin;
    if (listener->tls == NULL && listener->socket->configuration->front_count == 0)
        greet(session);
    else
        session_count_for_tenant(session);
}

void session_give_tunnel(struct session *session)
{
    if (session->holds_tunnel)
        limit_give_tunnel(session->tenant->account);
    session->holds_tunnel = false;
}

void session_free_exchange(struct session *session, bool reset)
{
    struct exchange *exchange = session->exchange;
    if (exchange == NULL)
        return;
    dial_cancel(&exchange->dial);
    upstream_free(exchange->upstream, reset);
    buffer_clear(&exchange->from_upstream);
    outbox_clear(&exchange->to_client);
    outbox_clear(&exchange->to_upstream);
    body_relay_clear(&exchange->up, session->worker->lender);
    body_relay_clear(&exchange->down, session->worker->lender);
    if (exchange->snapshot != NULL)
        snapshot_unref(exchange->snapshot);
    free(exchange->judged);
    spare_give(&session->worker->exchanges, exchange);
    session->exchange = NULL;
}

enum progress session_cut_off(struct session *session, const char *outcome)
{
    session_log_unfinished(session);
    session_log_close(session, outcome);
    session_free_exchange(session, true);
    session_free_tunnel(session, true);
    transport_close(&session->client, true);
    return PROGRESS_END;
}

/* ---- deadlines ------------------------------------------------------------ */

static struct session *session_of(struct deadline *deadline)
{
    return (struct session *)(void *)((char *)deadline - offsetof(struct session, deadline));
}

/* The peer has had its time: what it did is over, and a reset says so. */
static void on_too_late(struct deadline *deadline, enum deadline_kind kind)
{
    (void)kind;
    session_abort(session_of(deadline), "timeout");
}

/* Nothing is under way any more: a plain close, so that what was sent still arrives. */
static void on_at_rest(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    if (kind == DEADLINE_KEEP_ALIVE && session_http2(session) != NULL)
        session_drain(session);
    else
        session_free(session);
}

static void on_revoked(struct deadline *deadline, enum deadline_kind kind)
{
    (void)kind;
    session_abort(session_of(deadline), "revoked");
}

/* No response has begun and no 200 has been said: an answer of ours can be told from theirs. */
static bool can_be_answered(const struct session *session)
{
    const struct exchange *exchange = session->exchange;
    if (exchange == NULL || exchange->response_begun || exchange->answered)
        return false;
    return !exchange->is_connect || exchange->upstream == NULL;
}

static void end_with_answer(struct session *session, const char *outcome, unsigned status,
                            const char *error, const char *detail)
{
    session->exchange->keep_alive = false;
    answer_failure(session, status, error, detail);
    session->record.outcome = outcome;
    session_run(session);
}

/* An exchange that hangs is answered while it can be. */
static void on_idle(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    if (turns_holds_back(session)) { /* it is we who let it wait */
        deadline_start(session->worker->deadlines, deadline, kind);
        return;
    }
    if (session_http2(session) != NULL && http2_server_tick(session_http2(session))) {
        deadline_start(session->worker->deadlines, deadline, kind);
        return;
    }
    if (!can_be_answered(session))
        on_too_late(deadline, kind);
    else
        end_with_answer(session, "timeout", 504, "http_response_timeout",
                        "the host did not answer in time");
}

void session_revoke(struct session *session)
{
    if (!can_be_answered(session))
        session_abort(session, "revoked");
    else
        end_with_answer(session, "revoked", 403, "http_request_denied",
                        "what let this request out was taken back while it was under way");
}

static void on_origin_late(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    (void)kind;
    if (answer_failure(session, 504, "connection_timeout",
                       "the host did not finish the TLS handshake in time") == PROGRESS_ON)
        session_run(session);
}

/*
 * A client that has said nothing is let go in silence; one that stopped midway is
 * told, as soon as the log can take it.
 */
static void on_head_late(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    if (session->input.length == 0 || session->stage != session_read_head) {
        on_at_rest(deadline, kind);
        return;
    }
    if (!log_queue_has_room(session->worker->log)) {
        deadline_start(session->worker->deadlines, deadline, kind);
        return;
    }
    if (answer_malformed(session, 408, "the request head did not arrive in time") == PROGRESS_ON)
        session_run(session);
    else
        on_too_late(deadline, kind);
}

void session_set_deadline_callbacks(struct worker *worker)
{
    deadlines_set_callback(worker->deadlines, DEADLINE_HEAD, on_head_late);
    deadlines_set_callback(worker->deadlines, DEADLINE_KEEP_ALIVE, on_at_rest);
    deadlines_set_callback(worker->deadlines, DEADLINE_ORIGIN_TLS, on_origin_late);
    deadlines_set_callback(worker->deadlines, DEADLINE_HELLO, on_too_late);
    deadlines_set_callback(worker->deadlines, DEADLINE_IDLE, on_idle);
    deadlines_set_callback(worker->deadlines, DEADLINE_LINGER, on_at_rest);
    deadlines_set_callback(worker->deadlines, DEADLINE_REVOKED, on_revoked);
    deadlines_set_callback(worker->deadlines, DEADLINE_DIAL, dial_attempt_timed_out);
    deadlines_set_callback(worker->deadlines, DEADLINE_NEXT_ATTEMPT, dial_next_attempt_due);
}
