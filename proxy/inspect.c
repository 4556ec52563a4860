/*
 * A tunnel that is looked into. The upstream has been verified and 200 said; now the
 * client's TLS ends here, and its inside becomes the connection that the session's
 * stages read from: heads are read, decided, forwarded and logged as anywhere, with
 * the target fixed. So nothing else has to know of it: the client's transport is the
 * inner stream, `session->inside` narrows what requests may be, and the verified
 * connection goes to the tenant's pool, where the first request finds it.
 */
#include <stdlib.h>

#include "proxy/session.h"

#define MINTED_MAXIMUM 1024 /* leaves that a worker keeps */

static session_stage stage_handshake;

static bool start_tls(struct session *session)
{
    struct worker *worker = session->worker;
    const struct host *host = &session->inside->host;
    if (worker->minted == NULL)
        worker->minted = mint_cache_new(MINTED_MAXIMUM);
    const struct minter *minter = keyring_minter(worker->keyring, &session->tenant->subject, host);
    return worker->minted != NULL && minter != NULL &&
           transport_start_minted_tls(&session->client, minter, worker->minted, host->text,
                                      buffer_span(&session->input));
}

/* The client gets what the host has: h2 is offered where it is spoken behind us, too. */
static bool offer_protocols(struct session *session)
{
    return !session->exchange->upstream->is_stream || tls_stream_offer_http2(session->client.tls);
}

enum progress inspect_begin(struct session *session)
{
    const struct target *target = &session->exchange->target;
    session->inside = malloc(sizeof(*session->inside));
    if (session->inside == NULL)
        return PROGRESS_END;
    *session->inside = (struct inside){.host = target->host, .port = target->port};
    if (!start_tls(session) || !offer_protocols(session)) {
        session_log_close(session, "error");
        return PROGRESS_END;
    }
    buffer_clear(&session->input);
    session->stage = stage_handshake;
    return PROGRESS_ON;
}

/* The CONNECT is over; what follows is in records of its own. */
static enum progress open_inside(struct session *session)
{
    struct exchange *exchange = session->exchange;
    if (revocation_lets_begin(session))
        upstream_pool_give(&session->worker->upstreams, exchange->upstream, session->tenant,
                           &exchange->target.host);
    else
        upstream_free(exchange->upstream, true);
    exchange->upstream = NULL;
    session_log_close(session, "inspected");
    return tls_stream_chose_http2(session->client.tls) ? http2_server_begin(session)
                                                       : session_next_request(session);
}

/* Mostly the client does not believe the authority, or wants a protocol that is not spoken here. */
static enum progress handshake_failed(struct session *session)
{
    session->exchange->problem = tls_stream_reason(session->client.tls);
    session_log_close(session, "tls_handshake_failed");
    transport_end_tls(&session->client);
    return session_linger(session);
}

static enum progress stage_handshake(struct session *session)
{
    switch (transport_handshake(&session->client)) {
    case TRANSPORT_OK:
        return open_inside(session);
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    return handshake_failed(session);
}

/* ---- Requests inside -------------------------------------------------------------- */

static const char *form_problem(const struct exchange *exchange)
{
    const struct span target = exchange->request.target;
    if (exchange->is_connect)
        return "CONNECT inside of a tunnel";
    if (span_starts_with(target, SPAN("/")) ||
        (span_equal(target, SPAN("*")) && span_equal(exchange->request.method, SPAN("OPTIONS"))))
        return NULL;
    return "inside of a tunnel a request target is a path: /…";
}

/*
 * Whoever is asked for by Host is who answers, whatever the tunnel's name was (domain fronting). It
 * is refused in report mode too: what is sent on bears the tunnel's name, and would be
 * another request.
 */
static enum progress refuse_host(struct session *session, const struct host *asked, uint16_t port)
{
    char storage[1024];
    struct text detail;
    text_init_fixed(&detail, storage, sizeof(storage));
    text_add_format(&detail,
                    "the Host field asks for %s:%u inside of a tunnel to %s:%u; open a "
                    "tunnel to each host",
                    asked->text, port, session->inside->host.text, session->inside->port);
    return answer_denial(session, REASON_SNI_MISMATCH, text_span(&detail));
}

enum progress inspect_name_target(struct session *session)
{
    struct exchange *exchange = session->exchange;
    const struct http_request *request = &exchange->request;
    const struct inside *inside = session->inside;
    struct host host;
    struct error error;
    uint16_t port;
    exchange->target =
        (struct target){.scheme = SCHEME_HTTPS, .host = inside->host, .port = inside->port};
    exchange->has_target = true;
    const char *problem = form_problem(exchange);
    if (problem != NULL)
        return answer_malformed(session, 400, problem);
    if (span_equal(request->method, SPAN("TRACE")))
        return answer_malformed(session, 405, "TRACE is not carried");
    if (span_starts_with(request->target, SPAN("/")))
        exchange->path_and_query = request->target;
    session->stage = session_limit;
    if (!request->has_host)
        return PROGRESS_ON;
    if (!target_parse_authority(request->host, scheme_default_port(SCHEME_HTTPS), &host, &port,
                                &error))
        return answer_malformed(session, 400, "the Host field is not a valid authority");
    if (port != inside->port || !span_equal(host_span(&host), host_span(&inside->host)))
        return refuse_host(session, &host, port);
    return PROGRESS_ON;
}
