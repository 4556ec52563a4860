/*
 * To a connected upstream: an idle connection of the same tenant if there is
 * one, else a dial, and TLS where the request is to go through it. An allowed decision is
 * logged here, when it is known that the address may be dialled too.
 */
#include "proxy/clock.h"
#include "proxy/session.h"

static session_stage stage_dial;
static session_stage stage_handshake;

static enum progress upstream_reached(struct session *session)
{
    struct exchange *exchange = session->exchange;
    session->record.upstream_ip = exchange->upstream->ip;
    session->record.upstream_port = exchange->upstream->port;
    if (!revocation_lets_begin(session))
        return session_deny_anew(session);
    session_log_own_decision(session);
    session->stage = exchange->is_connect ? tunnel_begin : forward_begin;
    return PROGRESS_ON;
}

/*
 * Under a wildcard an app makes names up, and each carries a few bytes to whoever serves
 * that domain's DNS: so the number of names is bounded. One declared by itself says nothing,
 * and neither does one that nobody has to be asked for. 0: it may be resolved; else the
 * seconds until it may.
 */
static unsigned take_name(struct session *session)
{
    const struct exchange *exchange = session->exchange;
    const struct decision *decision = &exchange->decision;
    const struct host *host = &exchange->target.host;
    bool is_declared = decision->reason == REASON_DECLARED && !decision->rule_wildcard;
    if (host->kind != HOST_NAME || is_declared ||
        resolver_knows(session->worker->resolver, session->tenant->key, host_span(host)))
        return 0;
    return limit_take_name(session->tenant->account, host_span(host), clock_milliseconds());
}

/* What TLS to the target is made with; NULL: none of ours, also where a tunnel carries the
 * client's. */
static struct tls_context *context_for(const struct session *session)
{
    const struct target *target = &session->exchange->target;
    if (!session->exchange->is_inspected && target->scheme != SCHEME_HTTPS &&
        target->scheme != SCHEME_WSS)
        return NULL;
    return keyring_context(session->worker->keyring, &session->tenant->subject, &target->host);
}

/* A tunnel's bytes need a connection of their own. */
static bool may_be_kept(const struct exchange *exchange)
{
    if (exchange->is_connect)
        return exchange->is_inspected;
    return !exchange->retried && !exchange->request.upgrade_websocket;
}

/* WebSockets go over HTTP/1.1 alone: RFC 8441 is not spoken here. */
static bool may_speak_http2(const struct exchange *exchange)
{
    return !exchange->http1_only && !exchange->request.upgrade_websocket;
}

static struct upstream_key key_of(const struct session *session)
{
    const struct exchange *exchange = session->exchange;
    return (struct upstream_key){.tenant = session->tenant,
                                 .host = &exchange->target.host,
                                 .port = exchange->target.port,
                                 .tls = context_for(session)};
}

/* A stream of a connection that there is; NULL: a new connection is needed. */
static struct upstream *take_stream(struct session *session)
{
    const struct upstream_key key = key_of(session);
    if (key.tls == NULL || !may_be_kept(session->exchange) || !may_speak_http2(session->exchange))
        return NULL;
    return http2_upstreams_take(&session->worker->http2_upstreams, &key, session_wake, session);
}

static struct upstream *take_kept(struct session *session)
{
    const struct upstream_key key = key_of(session);
    struct upstream *upstream = take_stream(session);
    if (upstream != NULL || !may_be_kept(session->exchange))
        return upstream;
    return upstream_pool_take(&session->worker->upstreams, &key, session_wake, session);
}

/* No second try is made on a kept connection: that one must be fresh. */
enum progress session_reach(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct worker *worker = session->worker;
    exchange->upstream = take_kept(session);
    if (exchange->upstream != NULL)
        return upstream_reached(session);
    unsigned seconds = take_name(session);
    if (seconds > 0)
        return answer_limit(session, 429, seconds,
                            "this app's new names under a wildcard of this minute are used up");
    dial_start(&exchange->dial, worker, session->tenant, &exchange->target, session_wake, session);
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

static bool start_tls(struct exchange *exchange, struct tls_context *context)
{
    struct transport *transport = &exchange->upstream->transport;
    return transport_start_tls(transport, context, exchange->target.host.text) &&
           (!may_speak_http2(exchange) || tls_stream_offer_http2(transport->tls));
}

static enum progress stage_dial(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct dial *dial = &exchange->dial;
    if (dial->status == DIAL_RUNNING)
        return PROGRESS_WAIT;
    if (dial->status != DIAL_CONNECTED)
        return dial_failed(session, dial);
    exchange->upstream = dial_take(dial, session_wake, session);
    session->record.stale_address = dial->answer.stale;
    struct tls_context *context = context_for(session);
    if (context == NULL)
        return upstream_reached(session);
    deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_ORIGIN_TLS);
    session->stage = stage_handshake;
    return start_tls(exchange, context) ? PROGRESS_ON : PROGRESS_END;
}

/* ---- TLS -------------------------------------------------------------------------- */

/* The reason is told to whoever asked: without it nobody knows whom to turn to. */
static enum progress handshake_failed(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct tls_stream *stream = exchange->upstream->transport.tls;
    const bool is_certificate = tls_stream_refused_peer(stream);
    char detail[512];
    exchange->problem = tls_stream_reason(stream);
    snprintf(detail, sizeof(detail), "%s %s: %s",
             is_certificate ? "the certificate that the host showed is not good for"
                            : "there is no TLS to be had from",
             exchange->target.host.text, exchange->problem);
    session->record.upstream_ip = exchange->upstream->ip;
    session->record.upstream_port = exchange->upstream->port;
    return answer_failure(session, 502,
                          is_certificate ? "tls_certificate_error" : "tls_protocol_error", detail);
}

/* Others may have come first meanwhile: then theirs serves for all, and this one is let go. */
static enum progress begin_http2(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct upstream_key key = key_of(session);
    struct upstream *connection = exchange->upstream;
    if (!revocation_lets_begin(session))
        return session_deny_anew(session);
    exchange->upstream = take_stream(session);
    if (exchange->upstream != NULL) {
        upstream_free(connection, false);
        return upstream_reached(session);
    }
    exchange->upstream = http2_upstreams_add(&session->worker->http2_upstreams, connection, &key,
                                             session_wake, session);
    if (exchange->upstream != NULL)
        return upstream_reached(session);
    return answer_failure(session, 503, "proxy_internal_error",
                          "the proxy is out of memory or descriptors; try again soon");
}

static enum progress stage_handshake(struct session *session)
{
    switch (transport_handshake(&session->exchange->upstream->transport)) {
    case TRANSPORT_OK:
        deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_IDLE);
        return tls_stream_chose_http2(session->exchange->upstream->transport.tls)
                   ? begin_http2(session)
                   : upstream_reached(session);
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    return handshake_failed(session);
}
