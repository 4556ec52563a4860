#include "proxy/session.h"

#include <stddef.h>
#include <stdlib.h>

#include "proxy/clock.h"
#include "proxy/identity.h"

static session_stage stage_tls_handshake;
static session_stage stage_read_head;
static session_stage stage_admit;
static session_stage stage_identify;
static session_stage stage_name_target;
static session_stage stage_decide;
static session_stage stage_dial;

/* ---- life ---------------------------------------------------------------- */

static void session_free(struct session *session)
{
    struct worker *worker = session->worker;
    session_free_exchange(session, false);
    session_free_tunnel(session, false);
    if (session->queue != NULL)
        TAILQ_REMOVE(session->queue, session, queue_link);
    TAILQ_REMOVE(&worker->sessions, session, link);
    worker->session_count--;
    worker_note_session_end(worker);
    deadline_end(worker->deadlines, &session->deadline);
    buffer_clear(&session->input);
    transport_close(&session->client, false);
    metrics_subtract(worker->metrics, METRIC_CONNECTIONS_OPEN, 1);
    free(session);
}

static void on_client_event(evutil_socket_t fd, short what, void *context)
{
    struct session *session = context;
    (void)fd;
    transport_note(&session->client, what);
    session_run(session);
}

void session_run(struct session *session)
{
    enum progress progress;
    do {
        progress = session->stage(session);
    } while (progress == PROGRESS_ON);
    if (progress == PROGRESS_END) {
        session_log_close(session, "error"); /* out of memory: all else has been logged */
        session_free(session);
    }
}

static void run_when_woken(void *context)
{
    session_run(context);
}

void session_abort(struct session *session, const char *outcome)
{
    session_log_close(session, outcome);
    session_free_exchange(session, true);
    session_free_tunnel(session, true);
    transport_close(&session->client, true);
    session_free(session);
}

void session_drain(struct session *session)
{
    if (session->stage == stage_read_head && session->input.length == 0)
        session_free(session);
}

void session_start(struct worker *worker, const struct listener *listener, int fd,
                   const struct sockaddr *peer)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        evutil_closesocket(fd);
        return;
    }
    session->worker = worker;
    session->listener = listener;
    if (!transport_open(&session->client, worker->base, fd, on_client_event, session)) {
        free(session);
        return;
    }
    ip_from_sockaddr(peer, &session->client_ip, &session->client_port);
    TAILQ_INSERT_TAIL(&worker->sessions, session, link);
    worker->session_count++;
    metrics_add(worker->metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
    metrics_add(worker->metrics, METRIC_CONNECTIONS_OPEN, 1);
    deadline_start(worker->deadlines, &session->deadline, DEADLINE_HEAD);
    session->tenant = identity_of_listener(&worker->tenants, listener->socket->configuration);
    session->stage = stage_read_head;
    if (listener->socket->tls != NULL) {
        if (!transport_start_tls(&session->client, listener->socket->tls)) {
            session_free(session);
            return;
        }
        session->stage = stage_tls_handshake;
    }
}

void session_free_exchange(struct session *session, bool reset)
{
    struct exchange *exchange = session->exchange;
    if (exchange == NULL)
        return;
    dial_cancel(&exchange->dial);
    upstream_free(exchange->upstream, reset);
    outbox_clear(&exchange->to_client);
    outbox_clear(&exchange->to_upstream);
    body_relay_clear(&exchange->up, session->worker->lender);
    body_relay_clear(&exchange->down, session->worker->lender);
    if (exchange->snapshot != NULL)
        snapshot_unref(exchange->snapshot);
    free(exchange);
    session->exchange = NULL;
}

/* ---- deadlines ------------------------------------------------------------ */

static struct session *session_of(struct deadline *deadline)
{
    return (struct session *)(void *)((char *)deadline - offsetof(struct session, deadline));
}

static void on_quiet(struct deadline *deadline, enum deadline_kind kind)
{
    (void)kind;
    session_abort(session_of(deadline), "timeout");
}

/* An exchange that hangs is answered while an answer can still be told from the response. */
static void on_idle(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    const struct exchange *exchange = session->exchange;
    if (exchange == NULL || exchange->upstream == NULL || exchange->is_connect ||
        exchange->response_begun) {
        on_quiet(deadline, kind);
        return;
    }
    session->exchange->keep_alive = false;
    answer_failure(session, 504, "http_response_timeout", "the host did not answer in time");
    session_run(session);
}

/* A client that has said nothing is let go in silence; one that stopped midway is told. */
static void on_head_late(struct deadline *deadline, enum deadline_kind kind)
{
    struct session *session = session_of(deadline);
    if (session->input.length == 0 || session->stage == stage_tls_handshake) {
        on_quiet(deadline, kind);
        return;
    }
    if (answer_malformed(session, 408, "the request head did not arrive in time") == PROGRESS_ON)
        session_run(session);
    else
        on_quiet(deadline, kind);
}

void session_set_deadline_callbacks(struct worker *worker)
{
    deadlines_set_callback(worker->deadlines, DEADLINE_HEAD, on_head_late);
    deadlines_set_callback(worker->deadlines, DEADLINE_KEEP_ALIVE, on_quiet);
    deadlines_set_callback(worker->deadlines, DEADLINE_HELLO, on_quiet);
    deadlines_set_callback(worker->deadlines, DEADLINE_IDLE, on_idle);
    deadlines_set_callback(worker->deadlines, DEADLINE_LINGER, on_quiet);
}

/* ---- stages: from the connection to a head -------------------------------- */

static enum progress stage_tls_handshake(struct session *session)
{
    switch (transport_handshake(&session->client)) {
    case TRANSPORT_OK:
        session->stage = stage_read_head;
        return PROGRESS_ON;
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    return PROGRESS_END;
}

enum progress session_next_request(struct session *session)
{
    struct worker *worker = session->worker;
    session_free_exchange(session, false);
    session->record = (struct session_record){.id = ""};
    session->head_searched = 0;
    if (worker->draining)
        return PROGRESS_END;
    deadline_start(worker->deadlines, &session->deadline,
                   session->input.length == 0 ? DEADLINE_KEEP_ALIVE : DEADLINE_HEAD);
    session->stage = stage_read_head;
    return PROGRESS_ON;
}

enum transport_result session_read_input(struct session *session, size_t maximum)
{
    size_t room, count;
    char *end = buffer_reserve(&session->input, maximum, &room);
    if (end == NULL)
        return TRANSPORT_FAILED;
    enum transport_result result = transport_read(&session->client, end, room, &count);
    if (result == TRANSPORT_OK)
        buffer_commit(&session->input, count);
    else if (session->input.length == 0)
        buffer_clear(&session->input);
    return result;
}

bool session_begin_exchange(struct session *session)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return false;
    outbox_init(&exchange->to_client);
    outbox_init(&exchange->to_upstream);
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
    exchange->request = *request;
    memcpy(exchange->method, request->method.data, request->method.length);
    exchange->is_connect = span_equal(request->method, SPAN("CONNECT"));
    exchange->keep_alive = request->keep_alive;
    session->stage = stage_admit;
    return PROGRESS_ON;
}

/* The end came before the head was whole: nobody is there to be answered, but it is logged. */
static enum progress head_cut_short(struct session *session)
{
    if (session->input.length > 0) {
        session_log_decision(session, VERDICT_DENY, REASON_INVALID_TARGET,
                             "the connection ended within a request head");
        session_log_close(session, "client_reset");
    }
    return PROGRESS_END;
}

/*
 * The first bytes that come are parsed at once (mostly they are a whole head, and
 * what is no HTTP is refused at once); after that the parser is asked again only
 * when the head's end is there, so that a byte at a time costs no more than its look.
 */
static enum progress stage_read_head(struct session *session)
{
    struct http_request *request = &session->worker->request;
    for (;;) {
        struct span bytes = buffer_span(&session->input);
        bool first_look = session->head_searched == 0;
        if (bytes.length > session->head_searched &&
            (http_head_find_end(bytes, session->head_searched) > 0 || first_look)) {
            enum http_parse parse = http_request_parse(bytes, request);
            if (parse == HTTP_DONE)
                return take_head(session, request);
            if (parse == HTTP_BAD)
                return answer_malformed(session, request->status, request->problem);
        }
        session->head_searched = bytes.length;
        enum transport_result result = session_read_input(session, HTTP_HEAD_MAXIMUM + 1);
        if (result == TRANSPORT_AGAIN)
            return PROGRESS_WAIT;
        if (result != TRANSPORT_OK)
            return head_cut_short(session);
        if (session->deadline.kind != DEADLINE_HEAD)
            deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_HEAD);
    }
}

/* ---- stages: from a head to a decision ------------------------------------ */

/* No new decision while the log could not take its record: the client waits, it is not refused. */
static enum progress stage_admit(struct session *session)
{
    if (!log_queue_has_room(session->worker->log)) {
        if (session->client.readable && transport_is_broken(&session->client))
            return PROGRESS_END;
        deadline_end(session->worker->deadlines, &session->deadline);
        worker_wait_for_log(session->worker, session);
        return PROGRESS_WAIT;
    }
    deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_IDLE);
    session->stage = stage_identify;
    return PROGRESS_ON;
}

static enum progress stage_identify(struct session *session)
{
    const struct listener_configuration *listener = session->listener->socket->configuration;
    if (listener->identity == IDENTITY_BASIC)
        session->tenant = identity_of_request(&session->worker->tenants, listener->credentials,
                                              &session->exchange->request);
    if (session->tenant == NULL)
        return answer_unauthenticated(session);
    if (span_equal(session->tenant->subject.environment, SPAN("production")))
        session->exchange->mode = MODE_ENFORCE;
    session->stage = stage_name_target;
    return PROGRESS_ON;
}

/* RFC 9112, section 3.2: a Host field that says another authority than the target is refused. */
static const char *host_field_problem(const struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct target *target = &exchange->target;
    struct host host;
    uint16_t port;
    struct error error;
    uint16_t default_port =
        exchange->is_connect ? target->port : scheme_default_port(target->scheme);
    if (!request->has_host)
        return NULL;
    if (!target_parse_authority(request->host, default_port, &host, &port, &error))
        return "the Host field is not a valid authority";
    if (port != target->port || !span_equal(host_span(&host), host_span(&target->host)))
        return "the Host field names another authority than the request target";
    return NULL;
}

static const char *form_problem(const struct http_request *request)
{
    if (span_starts_with(request->target, SPAN("/")))
        return "origin-form request target; this is a forward proxy: send an absolute URL or "
               "CONNECT host:port";
    if (span_equal(request->target, SPAN("*")))
        return "this proxy answers no OPTIONS * of its own; send an absolute URL";
    return NULL;
}

static enum progress stage_name_target(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct http_request *request = &exchange->request;
    struct error error;
    const char *problem = form_problem(request);
    if (problem != NULL)
        return answer_malformed(session, 400, problem);
    if (span_equal(request->method, SPAN("TRACE")))
        return answer_malformed(session, 405, "TRACE is not carried");
    bool parsed = exchange->is_connect
                      ? target_parse_connect(request->target, &exchange->target, &error)
                      : target_parse_absolute(request->target, &exchange->target,
                                              &exchange->path_and_query, &error);
    if (!parsed)
        return answer_malformed(session, 400, error.message);
    exchange->has_target = true;
    problem = host_field_problem(exchange);
    if (problem != NULL)
        return answer_malformed(session, 400, problem);
    if (exchange->target.scheme == SCHEME_HTTPS || exchange->target.scheme == SCHEME_WSS)
        return answer_malformed(session, 501,
                                "https:// in absolute form is not carried; use CONNECT host:port");
    session->stage = stage_decide;
    return PROGRESS_ON;
}

/* A WebSocket handshake is an http request by its form; a declared ws:// address means it as well.
 */
static void decide_as_websocket(const struct exchange *exchange, const struct subject *subject,
                                struct decision *decision)
{
    struct target target = exchange->target;
    struct decision second;
    target.scheme = SCHEME_WS;
    decide(exchange->snapshot, subject, &target, &second);
    if (second.verdict == VERDICT_ALLOW)
        *decision = second;
}

static enum progress stage_decide(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct subject *subject = &session->tenant->subject;
    struct decision *decision = &exchange->decision;
    uint64_t started = clock_nanoseconds();
    exchange->snapshot = snapshot_ref(session->worker->snapshot);
    decide(exchange->snapshot, subject, &exchange->target, decision);
    if (decision->verdict != VERDICT_ALLOW && exchange->request.upgrade_websocket)
        decide_as_websocket(exchange, subject, decision);
    metrics_observe(session->worker->metrics, HISTOGRAM_DECISION_SECONDS,
                    clock_nanoseconds() - started);
    if (decision->verdict != VERDICT_ALLOW && session_enforces(session)) {
        char storage[2048];
        struct text detail;
        text_init_fixed(&detail, storage, sizeof(storage));
        decision_explain(decision, subject, &exchange->target, &detail);
        return answer_denial(session, decision->reason, text_span(&detail));
    }
    session->stage = session_reach;
    return PROGRESS_ON;
}

/* ---- stages: to a connected upstream --------------------------------------- */

static enum progress upstream_reached(struct session *session)
{
    struct exchange *exchange = session->exchange;
    session->record.upstream_ip = exchange->upstream->ip;
    session->record.upstream_port = exchange->upstream->port;
    if (!exchange->retried)
        session_log_decision(session, exchange->decision.verdict, exchange->decision.reason, NULL);
    session->stage = exchange->is_connect ? tunnel_begin : forward_begin;
    return PROGRESS_ON;
}

/* A pooled connection serves absolute-form only, and no second try: that one must be fresh. */
enum progress session_reach(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct worker *worker = session->worker;
    if (!exchange->is_connect && !exchange->retried && !exchange->request.upgrade_websocket)
        exchange->upstream =
            upstream_pool_take(&worker->upstreams, session->tenant, &exchange->target.host,
                               exchange->target.port, run_when_woken, session);
    if (exchange->upstream != NULL)
        return upstream_reached(session);
    dial_start(&exchange->dial, worker, session->tenant, &exchange->target, run_when_woken,
               session);
    session->stage = stage_dial;
    return PROGRESS_ON;
}

static enum progress dial_failed(struct session *session, const struct dial *dial)
{
    struct exchange *exchange = session->exchange;
    if (dial->status == DIAL_PROHIBITED) {
        char address[IP_TEXT_SIZE], storage[512];
        struct text detail;
        ip_format(&dial->prohibited_ip, address);
        text_init_fixed(&detail, storage, sizeof(storage));
        text_add_format(&detail,
                        "%s leads to %s, which is prohibited (%s); only the proxy's configuration "
                        "(network.allow_ranges) can permit it",
                        exchange->target.host.text, address, dial->prohibited);
        return answer_denial(session, REASON_ADDRESS_PROHIBITED, text_span(&detail));
    }
    session_log_decision(session, exchange->decision.verdict, exchange->decision.reason, NULL);
    switch (dial->status) {
    case DIAL_NAME_NOT_FOUND:
        return answer_failure(session, 502, "dns_error", "the name does not exist");
    case DIAL_NAME_TIMEOUT:
        return answer_failure(session, 504, "dns_timeout", "the resolver did not answer in time");
    case DIAL_NAME_FAILED:
        return answer_failure(session, 502, "dns_error", "the resolver could not answer");
    case DIAL_REFUSED:
        return answer_failure(session, 502, "connection_refused",
                              "the host refused the connection");
    case DIAL_TIMEOUT:
        return answer_failure(session, 504, "connection_timeout",
                              "the host did not accept the connection in time");
    case DIAL_OUT_OF_DESCRIPTORS:
        return answer_failure(session, 503, "connection_limit_reached",
                              "the proxy has no descriptors left; try again soon");
    default:
        return answer_failure(session, 502, "destination_ip_unroutable",
                              "the host cannot be reached");
    }
}

static enum progress stage_dial(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct dial *dial = &exchange->dial;
    if (dial->status == DIAL_RUNNING)
        return PROGRESS_WAIT;
    if (dial->status != DIAL_CONNECTED)
        return dial_failed(session, dial);
    exchange->upstream = dial_take(dial, run_when_woken, session);
    return upstream_reached(session);
}
