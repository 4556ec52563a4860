/*
 * From a whole head to a decision: room in the log, who asks, what is asked, and
 * what the policy says to it. Nothing here reads from or writes to a connection.
 */
#include <ctype.h>
#include <stdlib.h>

#include "proxy/clock.h"
#include "proxy/session.h"

static session_stage stage_identify;
static session_stage stage_name_target;
static session_stage stage_decide;

/* No new decision while the log could not take its record: the client waits, it is not refused. */
static enum progress pass_to(session_stage *next, struct session *session)
{
    if (!session_log_has_room(session)) {
        if (transport_is_broken(&session->client))
            return PROGRESS_END;
        deadline_end(session->worker->deadlines, &session->deadline);
        return PROGRESS_WAIT;
    }
    deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_IDLE);
    session->stage = next;
    return PROGRESS_ON;
}

enum progress session_admit(struct session *session)
{
    return pass_to(stage_identify, session);
}

/* Whose request it is is known by now, and an app that has filled the log waits before the others.
 */
static enum progress stage_admit_app(struct session *session)
{
    return pass_to(stage_name_target, session);
}

/* In a tunnel that is looked into, requests are of whoever opened it. */
static const struct tenant *tenant_of_request(struct session *session)
{
    const struct listener_configuration *listener = session->listener->socket->configuration;
    const struct identity *own = &session->identity;
    const struct http_request *request = &session->exchange->request;
    if (session->inside != NULL)
        return session->tenant;
    if (!own->settled && listener->identity & IDENTITY_BASIC &&
        (request->has_proxy_authorization || own->tenant == NULL))
        return identity_of_request(&session->worker->tenants,
                                   session->listener->roster->credentials, request);
    return own->tenant;
}

enum mode session_mode(const struct session *session)
{
    if (span_equal(session->tenant->subject.environment, SPAN("production")))
        return MODE_ENFORCE;
    return session->worker->configuration->mode;
}

static enum progress stage_identify(struct session *session)
{
    enum progress progress;
    session->tenant = tenant_of_request(session);
    if (session_gives_way(session, &progress))
        return progress;
    if (session->tenant == NULL)
        return answer_unauthenticated(session, session->identity.problem);
    turns_identify(session);
    session_count_for_tenant(session);
    session->exchange->mode = session_mode(session);
    session->stage = stage_admit_app;
    return PROGRESS_ON;
}

/*
 * RFC 9112, section 3.2: a Host field that says another authority than the target is refused. Of
 * CONNECT it goes no further and decides nothing, and there are clients that name the proxy in it.
 * One that says the target's word for word has been judged with it.
 */
static const char *host_field_problem(const struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct target *target = &exchange->target;
    struct host host;
    uint16_t port;
    struct error error;
    uint16_t default_port =
        exchange->is_connect ? target->port : scheme_default_port(target->scheme);
    if (!request->has_host || span_equal(request->host, target_authority(request->target)))
        return NULL;
    if (!target_parse_authority(request->host, default_port, &host, &port, &error))
        return "the Host field is not a valid authority";
    if (exchange->is_connect)
        return NULL;
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
    if (session->inside != NULL)
        return inspect_name_target(session);
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
    if ((exchange->target.scheme == SCHEME_WS || exchange->target.scheme == SCHEME_WSS) &&
        !request->upgrade_websocket)
        return answer_malformed(session, 400, "ws:// or wss:// without a WebSocket handshake");
    session->stage = session_limit;
    return PROGRESS_ON;
}

/* What an app may use is asked before what it may reach: a flood of denials is a flood, too. */
enum progress session_limit(struct session *session)
{
    struct limit_account *account = session->tenant->account;
    const struct exchange *exchange = session->exchange;
    unsigned seconds = limit_take_request(account, clock_milliseconds());
    if (seconds > 0)
        return answer_limit(session, 429, seconds,
                            "this app's requests of this minute are used up");
    if (exchange->is_connect || exchange->request.upgrade_websocket) {
        if (!limit_take_tunnel(account))
            return answer_limit(session, 503, 1, "this app has as many tunnels open as it may");
        session->holds_tunnel = true;
    }
    session->stage = stage_decide;
    return PROGRESS_ON;
}

void session_decide_for(const struct snapshot *snapshot, const struct subject *subject,
                        const struct target *target, const struct request_line *request,
                        bool websocket, struct decision *decision)
{
    struct target as_websocket = *target;
    struct decision second;
    decide_request(snapshot, subject, target, request, decision);
    if (!websocket || decision->verdict == VERDICT_ALLOW)
        return;
    as_websocket.scheme = target->scheme == SCHEME_HTTPS ? SCHEME_WSS : SCHEME_WS;
    decide_request(snapshot, subject, &as_websocket, request, &second);
    if (second.verdict == VERDICT_ALLOW)
        *decision = second;
}

/*
 * What was judged is what is sent, so that no origin reads another path out of it.
 * False: memory is out.
 */
static bool send_as_judged(struct exchange *exchange, struct span judged)
{
    struct span given = path_without_query(exchange->path_and_query);
    struct span query = span_after(exchange->path_and_query, given.length);
    if (span_equal(given, judged))
        return true;
    exchange->judged = malloc(judged.length + query.length);
    if (exchange->judged == NULL)
        return false;
    memcpy(exchange->judged, judged.data, judged.length);
    if (query.length > 0)
        memcpy(exchange->judged + judged.length, query.data, query.length);
    exchange->path_and_query = (struct span){exchange->judged, judged.length + query.length};
    return true;
}

/* ---- fields that override the request line ------------------------------------------- */

/* CGI and its kin see '-' and '_' as one letter (RFC 3875, section 4.1.18). */
static bool reads_as(struct span name, const char *known)
{
    if (name.length != strlen(known))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        const int byte = name.data[i] == '_' ? '-' : (unsigned char)name.data[i];
        if (tolower(byte) != tolower((unsigned char)known[i]))
            return false;
    }
    return true;
}

static bool is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (reads_as(name, names[i]))
            return true;
    }
    return false;
}

/* The method that VALUE overrides the request's with is decided, too; in capitals, as it is read.
 */
static void decide_override(const struct session *session, const struct request_line *request,
                            struct span value, struct decision *decision)
{
    const struct exchange *exchange = session->exchange;
    struct request_line other = *request;
    struct decision second;
    char method[HTTP_METHOD_MAXIMUM];
    other.method =
        span_slice(value, 0, value.length < sizeof(method) ? value.length : sizeof(method));
    for (size_t i = 0; i < other.method.length; i++)
        method[i] = (char)toupper((unsigned char)other.method.data[i]);
    other.method.data = method;
    session_decide_for(exchange->snapshot, &session->tenant->subject, &exchange->target, &other,
                       exchange->request.upgrade_websocket, &second);
    if (second.verdict != VERDICT_ALLOW)
        *decision = second;
}

/*
 * There are frameworks that take method and path from fields. Where narrow.yml speaks of the
 * target, a request is held to those as well: DECISION, which allows it, becomes theirs.
 */
static void judge_overrides(const struct session *session, const struct request_line *request,
                            struct decision *decision)
{
    static const char *const methods[] = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                          "X-Method-Override"};
    static const char *const paths[] = {"X-Original-URL", "X-Rewrite-URL"};
    const struct http_fields *fields = &session->exchange->request.fields;
    const bool path_judged = decision->path_judged;
    for (size_t i = 0; i < fields->count && decision->verdict == VERDICT_ALLOW; i++) {
        const struct http_field *field = &fields->items[i];
        if (is_one_of(field->name, methods, sizeof(methods) / sizeof(methods[0])))
            decide_override(session, request, field->value, decision);
        if (!path_judged || !is_one_of(field->name, paths, sizeof(paths) / sizeof(paths[0])))
            continue;
        decision->verdict = VERDICT_DENY;
        decision->reason = REASON_PATH_NOT_DECLARED;
        decision->path_problem = "a field that some servers take for the path stands beside it";
    }
}

static enum progress deny(struct session *session)
{
    const struct exchange *exchange = session->exchange;
    char storage[2048];
    struct text detail;
    text_init_fixed(&detail, storage, sizeof(storage));
    decision_explain(&exchange->decision, &session->tenant->subject, &exchange->target, &detail);
    return answer_denial(session, exchange->decision.reason, text_span(&detail));
}

void session_decide_anew(const struct session *session, const struct target *target, bool websocket,
                         struct decision *decision)
{
    static const struct request_line looked_into = {.inspected = true};
    const bool is_inspected = session->exchange != NULL && session->exchange->is_inspected;
    session_decide_for(session->worker->snapshot, &session->tenant->subject, target,
                       is_inspected ? &looked_into : NULL, websocket, decision);
}

enum progress session_deny_anew(struct session *session)
{
    struct exchange *exchange = session->exchange;
    if (session->is_withdrawn)
        return session_cut_off(session, "revoked");
    snapshot_unref(exchange->snapshot);
    exchange->snapshot = snapshot_ref(session->worker->snapshot);
    session_decide_anew(session, &exchange->target, exchange->request.upgrade_websocket,
                        &exchange->decision);
    return deny(session);
}

static enum progress stage_decide(struct session *session)
{
    struct path path;
    struct exchange *exchange = session->exchange;
    const struct subject *subject = &session->tenant->subject;
    struct decision *decision = &exchange->decision;
    exchange->is_inspected =
        exchange->is_connect &&
        keyring_minter(session->worker->keyring, subject, &exchange->target.host) != NULL;
    const struct request_line request = {.method = span_of(exchange->method),
                                         .inspected = exchange->is_inspected,
                                         .has_path = !exchange->is_connect,
                                         .path = path_without_query(exchange->path_and_query),
                                         .normal = &path};
    uint64_t started = clock_nanoseconds();
    path.wire = SPAN(""); /* its storage is written only where it is used */
    exchange->snapshot = snapshot_ref(session->worker->snapshot);
    session_decide_for(exchange->snapshot, subject, &exchange->target, &request,
                       exchange->request.upgrade_websocket, decision);
    if (decision->narrow_file != NULL && decision->verdict == VERDICT_ALLOW)
        judge_overrides(session, &request, decision);
    metrics_observe(session->worker->metrics, HISTOGRAM_DECISION_SECONDS,
                    clock_nanoseconds() - started);
    if (decision->verdict != VERDICT_ALLOW && session_enforces(session))
        return deny(session);
    if (decision->verdict == VERDICT_ALLOW && decision->path_judged &&
        !send_as_judged(exchange, path.wire))
        return PROGRESS_END;
    session->stage = session_reach;
    return PROGRESS_ON;
}
