/*
 * The proxy's own answers (README.md, a denial): always a problem+json body
 * (RFC 9457) with a sentence a developer can act on, a Proxy-Status field
 * (RFC 9209), and the connection kept only where nothing of the request is left
 * unread.
 */
#include "proxy/session.h"

#define LINGER_BYTES ((size_t)256 * 1024) /* read past after an error answer, and no more */
#define BODY_MAXIMUM ((size_t)64 * 1024)

struct answer {
    unsigned status;
    const char *title;
    const char *error;  /* RFC 9209 error type */
    const char *reason; /* in header and body */
    struct span detail;
    const char *fields; /* further field lines, each with CRLF */
};

static session_stage stage_send;
static session_stage stage_end_our_side;
static session_stage stage_linger;

static const char *status_phrase(unsigned status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 403:
        return "Egress Denied";
    case 405:
        return "Method Not Allowed";
    case 407:
        return "Proxy Authentication Required";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

static void add_member(struct text *body, const char *name, struct span value)
{
    text_add_string(body, ",\"");
    text_add_string(body, name);
    text_add_string(body, "\":");
    text_add_json(body, value);
}

static void write_body(const struct session *session, const struct answer *answer,
                       struct text *body)
{
    const struct exchange *exchange = session->exchange;
    text_add_string(body, "{\"type\":\"about:blank\",\"title\":");
    text_add_json(body, span_of(answer->title));
    text_add_format(body, ",\"status\":%u", answer->status);
    add_member(body, "detail", answer->detail);
    add_member(body, "reason", span_of(answer->reason));
    if (session->tenant != NULL) {
        add_member(body, "app", session->tenant->subject.app);
        add_member(body, "environment", session->tenant->subject.environment);
    }
    if (exchange->has_target) {
        add_member(body, "host", host_span(&exchange->target.host));
        text_add_format(body, ",\"port\":%u", exchange->target.port);
    }
    add_member(body, "decision", span_of(session->record.id));
    text_add_string(body, "}\n");
}

/* Many clients show nothing of a refused CONNECT but its status line: so the reason stands there
 * too. */
static void write_answer(const struct session *session, const struct answer *answer,
                         struct text *out)
{
    struct text body;
    text_init(&body, BODY_MAXIMUM);
    write_body(session, answer, &body);
    text_add_format(out, "HTTP/1.1 %u %s: %s\r\n", answer->status, status_phrase(answer->status),
                    answer->reason);
    text_add_format(out, "Proxy-Status: sallyport; error=%s; details=\"%s\"\r\n", answer->error,
                    answer->reason);
    text_add_string(out, answer->fields);
    text_add_string(out, "Content-Type: application/problem+json\r\n");
    text_add_format(out, "Content-Length: %zu\r\n", body.length);
    text_add_string(out, session->exchange->keep_alive ? "Connection: keep-alive\r\n\r\n"
                                                       : "Connection: close\r\n\r\n");
    if (strcmp(session->exchange->method, "HEAD") != 0)
        text_add(out, text_span(&body));
    text_clear(&body);
}

/*
 * Ends what was under way with ANSWER, behind interim responses that may still be on their way. The
 * connection is kept when the next request's beginning is certain: the head was good and no body
 * follows it.
 */
static enum progress send_answer(struct session *session, const struct answer *answer)
{
    struct exchange *exchange = session->exchange;
    exchange->answered = true;
    session_give_tunnel(session);
    deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_IDLE);
    dial_cancel(&exchange->dial);
    upstream_free(exchange->upstream, true);
    exchange->upstream = NULL;
    exchange->keep_alive = exchange->keep_alive && http_request_is_bodiless(&exchange->request) &&
                           !session->worker->draining;
    write_answer(session, answer, &exchange->to_client.text);
    session->record.status = answer->status;
    session_consume_head(session);
    session->stage = stage_send;
    return PROGRESS_ON;
}

static enum progress stage_send(struct session *session)
{
    switch (outbox_flush(&session->exchange->to_client, &session->client)) {
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_OK:
        break;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        session_log_close(session, "client_reset");
        return PROGRESS_END;
    }
    session_log_close(session, session->record.outcome);
    if (session->exchange->keep_alive)
        return session_next_request(session);
    return session_linger(session);
}

/*
 * Closing with bytes unread would be a reset, and a reset can take the answer
 * from the client before it is read (RFC 9112, section 9.6): so our side ends
 * first, and what still comes is read past, within a bound.
 */
enum progress session_linger(struct session *session)
{
    session_free_exchange(session, false);
    buffer_clear(&session->input);
    if (session->is_turned_away)
        return PROGRESS_END;
    deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_LINGER);
    session->linger_left = LINGER_BYTES;
    session->stage = stage_end_our_side;
    return PROGRESS_ON;
}

static enum progress stage_end_our_side(struct session *session)
{
    switch (transport_shutdown(&session->client)) {
    case TRANSPORT_OK:
        session->stage = stage_linger;
        return PROGRESS_ON;
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    return PROGRESS_END;
}

static enum progress stage_linger(struct session *session)
{
    while (session->linger_left > 0) {
        size_t count;
        enum transport_result result = transport_read(
            &session->client, session->worker->lender->scratch,
            session->linger_left < RELAY_SCRATCH_SIZE ? session->linger_left : RELAY_SCRATCH_SIZE,
            &count);
        if (result == TRANSPORT_AGAIN)
            return PROGRESS_WAIT;
        if (result != TRANSPORT_OK)
            break;
        session->linger_left -= count;
    }
    return PROGRESS_END;
}

/* ---- the answers ------------------------------------------------------------ */

/* DETAIL in a form that the log takes. */
static void log_denial(struct session *session, enum reason reason, struct span detail)
{
    char words[512];
    snprintf(words, sizeof(words), "%.*s", SPAN_FORMAT(detail));
    session_log_decision(session, VERDICT_DENY, reason, words);
}

enum progress answer_denial(struct session *session, enum reason reason, struct span detail)
{
    const struct answer answer = {
        .status = 403,
        .title = "Egress denied",
        .error = reason == REASON_ADDRESS_PROHIBITED ? "destination_ip_prohibited"
                                                     : "http_request_denied",
        .reason = reason_name(reason),
        .detail = detail,
        .fields = "forge-proxy-error: BLOCKED_EGRESS\r\n",
    };
    session->record.outcome = "denied";
    if (reason == REASON_ADDRESS_PROHIBITED || reason == REASON_UNAUTHENTICATED ||
        reason == REASON_SNI_MISMATCH)
        log_denial(session, reason, detail);
    else
        session_log_decision(session, VERDICT_DENY, reason, NULL);
    return send_answer(session, &answer);
}

enum progress answer_malformed(struct session *session, unsigned status, const char *problem)
{
    const struct answer answer = {
        .status = status,
        .title = "Request refused",
        .error = "http_request_error",
        .reason = reason_name(REASON_INVALID_TARGET),
        .detail = span_of(problem),
        .fields = "",
    };
    if (session->exchange == NULL && !session_begin_exchange(session))
        return PROGRESS_END;
    session->exchange->keep_alive = false;
    session->record.outcome = "malformed";
    session_log_decision(session, VERDICT_DENY, REASON_INVALID_TARGET, problem);
    metrics_add(session->worker->metrics, METRIC_REQUESTS_MALFORMED, 1);
    return send_answer(session, &answer);
}

static enum progress ask_for_credentials(struct session *session)
{
    const struct answer answer = {
        .status = 407,
        .title = "Credentials required",
        .error = "http_request_denied",
        .reason = reason_name(REASON_UNAUTHENTICATED),
        .detail = SPAN("this proxy wants Proxy-Authorization: Basic with the user name "
                       "APP/ENVIRONMENT (or APP/ENVIRONMENT/INSTALLATION) and that app's secret"),
        .fields = "Proxy-Authenticate: Basic realm=\"sallyport\"\r\n",
    };
    session->record.outcome = "denied";
    session_log_decision(session, VERDICT_DENY, REASON_UNAUTHENTICATED, NULL);
    return send_answer(session, &answer);
}

/* Credentials would not help where a certificate has spoken already. */
enum progress answer_unauthenticated(struct session *session, const char *problem)
{
    const unsigned ways = session->listener->socket->configuration->identity;
    if (problem == NULL && ways & IDENTITY_BASIC)
        return ask_for_credentials(session);
    return answer_denial(session, REASON_UNAUTHENTICATED,
                         span_of(problem == NULL ? "nothing that this listener goes by tells which "
                                                   "app this connection is of"
                                                 : problem));
}

enum progress answer_limit(struct session *session, unsigned status, unsigned seconds,
                           const char *detail)
{
    char fields[48];
    const struct answer answer = {
        .status = status,
        .title = "Limit exceeded",
        .error = "http_request_denied",
        .reason = reason_name(REASON_LIMIT_EXCEEDED),
        .detail = span_of(detail),
        .fields = fields,
    };
    snprintf(fields, sizeof(fields), "Retry-After: %u\r\n", seconds);
    session->record.outcome = "denied";
    session_log_decision(session, VERDICT_DENY, REASON_LIMIT_EXCEEDED, detail);
    return send_answer(session, &answer);
}

enum progress answer_failure(struct session *session, unsigned status, const char *error,
                             const char *detail)
{
    const struct answer answer = {
        .status = status,
        .title = status < 500 ? "Request refused" : "Upstream failed",
        .error = error,
        .reason = error,
        .detail = span_of(detail),
        .fields = status == 503 ? "Retry-After: 1\r\n" : "",
    };
    session_log_own_decision(session);
    session->record.outcome = error;
    return send_answer(session, &answer);
}
