/*
 * Absolute-form requests: the request goes to the upstream and the response to
 * the client, both streaming, both at once (a response may come before the
 * request's body has ended). Heads are written anew; bodies go through
 * body_relay.
 *
 * Both directions are advanced on every event until neither can move; each says
 * what stopped it, and only forward_turn decides what that means.
 */
#include "proxy/session.h"

#define INTERIM_MAXIMUM 16 /* 1xx responses to one request */

static session_stage stage_forward;

/* What one direction came to. */
enum step {
    STEP_WAIT,
    STEP_YIELD,
    STEP_DONE,
    STEP_CLIENT_FAILED,     /* the client's connection broke, or its body did not come whole */
    STEP_REQUEST_MALFORMED, /* the client's chunks are broken */
    STEP_UPSTREAM_FAILED, /* the upstream's connection broke, or its response did not come whole */
    STEP_RESPONSE_MALFORMED,
    STEP_UPGRADED, /* 101 is on its way: what follows is not HTTP */
};

/* ---- the request ------------------------------------------------------------- */

enum progress forward_begin(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct http_request *request = &exchange->request;
    if (outbox_is_empty(&exchange->to_upstream)) {
        http_request_write(request, exchange->path_and_query, &exchange->target.host,
                           exchange->target.port, scheme_default_port(exchange->target.scheme),
                           &exchange->to_upstream.text);
        session_consume_head(session);
        if (exchange->to_upstream.text.overflow)
            return answer_failure(session, 503, "proxy_internal_error",
                                  "the proxy is out of memory; try again soon");
        body_relay_init(&exchange->up, request->body, request->content_length, true,
                        &session->input, &exchange->to_upstream, &session->record.bytes_up);
    }
    session->stage = stage_forward;
    return PROGRESS_ON;
}

/*
 * The upstream takes no more: that alone is no failure, for it may have answered
 * already (413, say) and closed. Its response, or the lack of one, decides.
 */
static enum step stop_sending(struct exchange *exchange)
{
    exchange->request_aborted = true;
    return STEP_DONE;
}

static enum step send_request(struct session *session)
{
    struct exchange *exchange = session->exchange;
    if (exchange->request_sent || exchange->request_aborted)
        return STEP_DONE;
    enum body_result result = body_relay_turn(&exchange->up, &session->client, &session->input,
                                              &exchange->upstream->transport,
                                              session->worker->lender, &session->record.bytes_up);
    switch (result) {
    case BODY_WAIT:
        return STEP_WAIT;
    case BODY_YIELD:
        return STEP_YIELD;
    case BODY_DONE:
        exchange->request_sent = true;
        return STEP_DONE;
    case BODY_MALFORMED:
        return STEP_REQUEST_MALFORMED;
    case BODY_FROM_ENDED:
    case BODY_FROM_FAILED:
        return STEP_CLIENT_FAILED;
    case BODY_TO_FAILED:
        return stop_sending(exchange);
    }
    return STEP_CLIENT_FAILED;
}

/* ---- the response ------------------------------------------------------------- */

/* STEP_DONE: bytes came. */
static enum step read_upstream(struct exchange *exchange)
{
    enum transport_result result =
        transport_fill(&exchange->upstream->transport, &exchange->from_upstream, BUFFER_PIECE,
                       HTTP_HEAD_MAXIMUM + 1);
    if (result == TRANSPORT_OK)
        return STEP_DONE;
    return result == TRANSPORT_AGAIN ? STEP_WAIT : STEP_UPSTREAM_FAILED;
}

/* An HTTP/1.0 client knows no 1xx; any other gets each, within a bound. */
static enum step pass_interim(struct session *session, const struct http_response *response)
{
    struct exchange *exchange = session->exchange;
    if (++exchange->interim_count > INTERIM_MAXIMUM) {
        exchange->problem = "too many interim (1xx) responses";
        return STEP_RESPONSE_MALFORMED;
    }
    if (exchange->request.minor >= 1)
        http_response_write(response, exchange->request.minor, HTTP_BODY_NONE, true,
                            &exchange->to_client.text);
    buffer_consume(&exchange->from_upstream, response->length);
    return STEP_DONE;
}

static enum step pass_upgrade(struct session *session, const struct http_response *response)
{
    struct exchange *exchange = session->exchange;
    if (!exchange->request.upgrade_websocket || !exchange->request_sent) {
        exchange->problem = "the upstream switched protocols unasked";
        return STEP_RESPONSE_MALFORMED;
    }
    exchange->response_begun = true;
    session->record.status = response->status;
    http_response_write(response, exchange->request.minor, HTTP_BODY_NONE, true,
                        &exchange->to_client.text);
    buffer_consume(&exchange->from_upstream, response->length);
    return STEP_UPGRADED;
}

/* The final response's head: from here on the client hears the upstream, not us. */
static enum step begin_response(struct session *session, const struct http_response *response)
{
    struct exchange *exchange = session->exchange;
    enum http_body framing = response->body;
    if (framing == HTTP_BODY_CHUNKED && exchange->request.minor == 0)
        framing = HTTP_BODY_UNTIL_CLOSE;
    if (framing == HTTP_BODY_UNTIL_CLOSE && session->inside != NULL && session->inside->is_stream)
        framing = HTTP_BODY_CHUNKED; /* a pair's close tells no end from a cut */
    exchange->upstream_keep_alive = response->keep_alive;
    exchange->keep_alive = exchange->keep_alive && framing != HTTP_BODY_UNTIL_CLOSE &&
                           exchange->request_sent && !session->worker->draining;
    exchange->response_begun = true;
    exchange->response_mark = outbox_mark(&exchange->to_client);
    session->record.status = response->status;
    http_response_write(response, exchange->request.minor, framing, exchange->keep_alive,
                        &exchange->to_client.text);
    enum http_body from = response->body;
    uint64_t length = response->content_length;
    buffer_consume(&exchange->from_upstream, response->length);
    body_relay_init(&exchange->down, from, length, framing == HTTP_BODY_CHUNKED,
                    &exchange->from_upstream, &exchange->to_client, &session->record.bytes_down);
    return STEP_DONE;
}

static enum step take_response_head(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct http_response *response = &session->worker->response;
    struct span bytes = buffer_span(&exchange->from_upstream);
    enum http_parse parse = HTTP_MORE;
    if (exchange->response_searched == 0 ||
        http_head_find_end(bytes, exchange->response_searched) > 0)
        parse = http_response_parse(bytes, span_of(exchange->method), response);
    if (parse == HTTP_MORE) {
        exchange->response_searched = bytes.length;
        return read_upstream(exchange);
    }
    exchange->response_searched = 0;
    if (parse == HTTP_BAD) {
        exchange->problem = response->problem;
        return STEP_RESPONSE_MALFORMED;
    }
    if (response->status == 101)
        return pass_upgrade(session, response);
    if (response->status < 200)
        return pass_interim(session, response);
    return begin_response(session, response);
}

static enum step read_response_head(struct session *session)
{
    struct exchange *exchange = session->exchange;
    enum step step = STEP_DONE;
    while (step == STEP_DONE && !exchange->response_begun)
        step = exchange->from_upstream.length == 0 ? read_upstream(exchange)
                                                   : take_response_head(session);
    return step;
}

static enum step send_response_body(struct session *session)
{
    struct exchange *exchange = session->exchange;
    enum body_result result =
        body_relay_turn(&exchange->down, &exchange->upstream->transport, &exchange->from_upstream,
                        &session->client, session->worker->lender, &session->record.bytes_down);
    switch (result) {
    case BODY_WAIT:
        return STEP_WAIT;
    case BODY_YIELD:
        return STEP_YIELD;
    case BODY_DONE:
        return STEP_DONE;
    case BODY_MALFORMED:
        exchange->problem = exchange->down.decoder.problem;
        return STEP_RESPONSE_MALFORMED;
    case BODY_FROM_ENDED:
    case BODY_FROM_FAILED:
        return STEP_UPSTREAM_FAILED;
    case BODY_TO_FAILED:
        return STEP_CLIENT_FAILED;
    }
    return STEP_UPSTREAM_FAILED;
}

/* Interim responses go out while the final one is waited for; its head goes with its body. */
static enum step pass_response(struct session *session)
{
    struct exchange *exchange = session->exchange;
    if (exchange->response_begun)
        return send_response_body(session);
    enum step step = read_response_head(session);
    if (step == STEP_DONE)
        return send_response_body(session);
    if (step == STEP_UPGRADED)
        return step;
    enum transport_result flushed = outbox_flush(&exchange->to_client, &session->client);
    if (flushed == TRANSPORT_FAILED || flushed == TRANSPORT_END)
        return STEP_CLIENT_FAILED;
    return step;
}

/* ---- what the two came to --------------------------------------------------------- */

/*
 * A kept connection may have been closed by the origin as we wrote: such a request
 * is sent once more where sending it twice does no harm (RFC 9110, section 9.2.2)
 * and none of its body is gone. One that was not processed does no harm in any case.
 */
static bool may_retry(const struct exchange *exchange)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    const struct upstream *upstream = exchange->upstream;
    if (exchange->retried || exchange->interim_count > 0 ||
        !http_request_is_bodiless(&exchange->request) || exchange->from_upstream.length > 0)
        return false;
    if (upstream->stream_end.is_unprocessed)
        return true;
    if (!upstream->kept || upstream->stream_end.is_malformed)
        return false;
    for (size_t i = 0; i < sizeof(idempotent) / sizeof(idempotent[0]); i++) {
        if (strcmp(exchange->method, idempotent[i]) == 0)
            return true;
    }
    return false;
}

static enum progress retry(struct session *session)
{
    struct exchange *exchange = session->exchange;
    exchange->http1_only |= exchange->upstream->stream_end.wants_http1;
    upstream_free(exchange->upstream, false);
    exchange->upstream = NULL;
    exchange->retried = true;
    exchange->request_sent = exchange->request_aborted = false;
    outbox_rewind(&exchange->to_upstream);
    session->stage = session_reach;
    return PROGRESS_ON;
}

/* The response has begun, and the client has some of it: it cannot be told otherwise any more. */
static bool is_heard(struct exchange *exchange)
{
    return exchange->response_begun &&
           !outbox_take_back(&exchange->to_client, exchange->response_mark);
}

static enum progress upstream_failed(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct upstream_stream_end *end = &exchange->upstream->stream_end;
    if (is_heard(exchange))
        return session_cut_off(session,
                               end->is_malformed ? "http_protocol_error" : "upstream_reset");
    if (!exchange->response_begun && may_retry(exchange))
        return retry(session);
    if (end->reason == NULL)
        return answer_failure(session, 502, "http_response_incomplete",
                              "the host closed the connection before its response was whole");
    return answer_failure(session, 502,
                          end->is_malformed ? "http_protocol_error" : "http_response_incomplete",
                          end->reason);
}

static enum progress response_malformed(struct session *session)
{
    if (is_heard(session->exchange))
        return session_cut_off(session, "http_protocol_error");
    return answer_failure(session, 502, "http_protocol_error", session->exchange->problem);
}

static enum progress request_malformed(struct session *session)
{
    if (session->exchange->response_begun)
        return session_cut_off(session, "malformed");
    session->exchange->keep_alive = false;
    return answer_failure(session, 400, "http_request_error",
                          session->exchange->up.decoder.problem);
}

/* The upstream may serve again if both messages are whole, it has said nothing more, and it is
 * still declared. */
static void release_upstream(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct upstream *upstream = exchange->upstream;
    exchange->upstream = NULL;
    if (exchange->upstream_keep_alive && exchange->request_sent &&
        exchange->from_upstream.length == 0 && transport_seems_quiet(&upstream->transport) &&
        !session->worker->draining && revocation_lets_begin(session))
        upstream_pool_give(&session->worker->upstreams, upstream, session->tenant,
                           &exchange->target.host);
    else
        upstream_free(upstream, false);
}

static enum progress response_passed(struct session *session)
{
    release_upstream(session);
    session_log_close(session, "ok");
    if (session->exchange->keep_alive && session->exchange->request_sent)
        return session_next_request(session);
    return session_linger(session);
}

static enum progress settle(struct session *session, enum step step)
{
    switch (step) {
    case STEP_WAIT:
        return PROGRESS_WAIT;
    case STEP_YIELD:
        turns_resume(session);
        return PROGRESS_WAIT;
    case STEP_DONE:
        return response_passed(session);
    case STEP_CLIENT_FAILED:
        return session_cut_off(session, "client_reset");
    case STEP_REQUEST_MALFORMED:
        return request_malformed(session);
    case STEP_UPSTREAM_FAILED:
        return upstream_failed(session);
    case STEP_RESPONSE_MALFORMED:
        return response_malformed(session);
    case STEP_UPGRADED:
        session->stage = tunnel_begin_upgraded;
        return PROGRESS_ON;
    }
    return PROGRESS_END;
}

static enum progress stage_forward(struct session *session)
{
    const uint64_t moved = session->record.bytes_up + session->record.bytes_down;
    if (turns_hold_back(session))
        return PROGRESS_WAIT;
    enum step request = send_request(session);
    if (request == STEP_CLIENT_FAILED || request == STEP_REQUEST_MALFORMED)
        return settle(session, request);
    enum step response = pass_response(session);
    turns_pay(session, session->record.bytes_up + session->record.bytes_down - moved);
    if (response == STEP_WAIT && request == STEP_YIELD)
        response = STEP_YIELD;
    if (response == STEP_WAIT && session->exchange->request_sent &&
        transport_is_broken(&session->client))
        return session_cut_off(session, "client_reset");
    if (moved != session->record.bytes_up + session->record.bytes_down &&
        session->deadline.kind == DEADLINE_IDLE)
        deadline_touch(session->worker->deadlines, &session->deadline);
    return settle(session, response);
}
