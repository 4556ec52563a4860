/*
 * From a connection that has been greeted, or from the end of the last exchange,
 * to a whole request head.
 */
#include <stddef.h>

#include "proxy/clock.h"
#include "proxy/session.h"

#define REQUESTS_A_TURN 16 /* of one client, before the others get theirs */

enum progress session_next_request(struct session *session)
{
    struct worker *worker = session->worker;
    session_free_exchange(session, false);
    session_give_tunnel(session);
    session->record = (struct session_record){.id = ""};
    session->head_searched = 0;
    if (session->inside == NULL)
        session->tenant = session->identity.tenant;
    if (worker->draining || session->is_withdrawn)
        return session_linger(session);
    deadline_start(worker->deadlines, &session->deadline,
                   session->input.length == 0 ? DEADLINE_KEEP_ALIVE : DEADLINE_HEAD);
    session->stage = session_read_head;
    if (++session->requests_this_turn < REQUESTS_A_TURN)
        return PROGRESS_ON;
    turns_resume(session);
    return PROGRESS_WAIT;
}

enum transport_result session_read_input(struct session *session, size_t maximum)
{
    return transport_fill(&session->client, &session->input, BUFFER_PIECE, maximum);
}

bool session_begin_exchange(struct session *session)
{
    struct exchange *exchange = spare_take(&session->worker->exchanges);
    if (exchange == NULL)
        return false;
    memset(exchange, 0, offsetof(struct exchange, request.fields.items));
    outbox_init(&exchange->to_client);
    outbox_init(&exchange->to_upstream);
    relay_init(&exchange->up.raw, 0); /* bodies that never begin are cleared too: no pipe is -1 */
    relay_init(&exchange->down.raw, 0);
    exchange->mode = session->worker->configuration->mode;
    session->exchange = exchange;
    session->record.started = clock_nanoseconds();
    return true;
}

void session_consume_head(struct session *session)
{
    struct http_request *request = &session->exchange->request;
    if (request->length > 0)
        buffer_consume(&session->input, request->length);
    request->length = 0;
}

static enum progress take_head(struct session *session, const struct http_request *request)
{
    if (!session_begin_exchange(session))
        return PROGRESS_END;
    struct exchange *exchange = session->exchange;
    http_request_copy(&exchange->request, request);
    memcpy(exchange->method, request->method.data, request->method.length);
    exchange->is_connect = span_equal(request->method, SPAN("CONNECT"));
    exchange->keep_alive = request->keep_alive;
    session->stage = session_admit;
    return PROGRESS_ON;
}

/* The end came before the head was whole: nobody is there to be answered, but it is logged. */
static enum progress head_cut_short(struct session *session)
{
    if (session->input.length > 0) {
        if (!session_log_has_room(session))
            return PROGRESS_WAIT;
        session_log_decision(session, VERDICT_DENY, REASON_INVALID_TARGET,
                             "the connection ended within a request head");
        session_log_close(session, "client_reset");
    }
    return PROGRESS_END;
}

/* Some of a head is here: the rest has its time from now on, once. */
static enum progress wait_in_head(struct session *session)
{
    if (session->input.length > 0 && session->deadline.kind != DEADLINE_HEAD)
        deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_HEAD);
    return PROGRESS_WAIT;
}

/*
 * The first bytes that come are parsed at once (mostly they are a whole head, and
 * what is no HTTP is refused at once); after that the parser is asked again only
 * when the head's end is there, so that a byte at a time costs no more than its look.
 */
enum progress session_read_head(struct session *session)
{
    struct http_request *request = &session->worker->request;
    for (;;) {
        struct span bytes = buffer_span(&session->input);
        bool first_look = session->head_searched == 0;
        if (bytes.length > session->head_searched &&
            (first_look || http_head_find_end(bytes, session->head_searched) > 0)) {
            enum http_parse parse = http_request_parse(bytes, request);
            if (parse == HTTP_DONE)
                return take_head(session, request);
            if (parse == HTTP_BAD && !session_log_has_room(session))
                return wait_in_head(session);
            if (parse == HTTP_BAD)
                return answer_malformed(session, request->status, request->problem);
        }
        session->head_searched = bytes.length;
        enum transport_result result = session_read_input(session, HTTP_HEAD_MAXIMUM + 1);
        if (result == TRANSPORT_AGAIN)
            return wait_in_head(session);
        if (result != TRANSPORT_OK)
            return head_cut_short(session);
    }
}
