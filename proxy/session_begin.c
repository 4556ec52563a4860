/*
 * What comes before a connection's first request: what a front says of its client
 * (PROXY protocol), TLS, and with both who asks. Whoever is refused here has said no
 * word of HTTP yet: the connection ends, and the log says why.
 */
#include "proxy/session.h"
#include "proxy/withdrawal.h"

#define DETAIL_SIZE 256

static session_stage stage_read_header;
static session_stage stage_start_tls;
static session_stage stage_handshake;
static session_stage stage_identify;

static const struct listener_configuration *listener_of(const struct session *session)
{
    return session->listener->socket->configuration;
}

static void log_refusal(struct session *session, const char *detail)
{
    session_log_decision(session, VERDICT_DENY, REASON_UNAUTHENTICATED, detail);
    session_log_close(session, "denied");
}

static enum progress refuse(struct session *session, const char *detail)
{
    if (!session_log_has_room(session))
        return PROGRESS_WAIT;
    log_refusal(session, detail);
    return PROGRESS_END;
}

/* ---- PROXY protocol ---------------------------------------------------------- */

static bool is_front(const struct session *session)
{
    const struct listener_configuration *listener = listener_of(session);
    for (size_t i = 0; i < listener->front_count; i++) {
        if (ip_range_contains(&listener->fronts[i], &session->client_ip))
            return true;
    }
    return false;
}

enum progress session_begin(struct session *session)
{
    session->stage = stage_start_tls;
    if (listener_of(session)->front_count == 0)
        return PROGRESS_ON;
    session->stage = stage_read_header;
    return PROGRESS_ON;
}

/* What a file says of a common name may change (withdrawal.h). False: memory is out. */
static bool keep_name(struct session *session, struct span common_name)
{
    if (session->listener->roster->proxy == NULL || common_name.length == 0)
        return true;
    session->front_name = span_duplicate(common_name);
    return session->front_name != NULL;
}

/* A front that does not tell the client's address leaves it unknown: its own would be taken for it.
 */
static enum progress take_header(struct session *session, const struct proxy_header *header)
{
    if (!transport_skip(&session->client, header->length))
        return PROGRESS_END;
    session->stage = stage_start_tls;
    if (header->is_local)
        return PROGRESS_ON;
    session->client_ip = ip_unmapped(&header->client); /* as fronts say that listen for both */
    session->client_port = header->port;
    identity_of_front(&session->identity, &session->worker->tenants, listener_of(session),
                      session->listener->roster->proxy, header);
    return keep_name(session, header->common_name) ? PROGRESS_ON : PROGRESS_END;
}

/*
 * The header is looked at in the kernel's buffer until it is whole, and only then taken: what
 * follows may be TLS, which reads the socket itself.
 */
static enum progress stage_read_header(struct session *session)
{
    char bytes[PROXY_HEADER_MAXIMUM];
    struct proxy_header header;
    size_t count = 0;
    if (!is_front(session))
        return refuse(session, "only the fronts that proxy_protocol names may connect here");
    enum transport_result result = transport_peek(&session->client, bytes, sizeof(bytes), &count);
    if (result == TRANSPORT_AGAIN)
        return PROGRESS_WAIT;
    if (result != TRANSPORT_OK)
        return PROGRESS_END;
    switch (proxy_header_parse((struct span){bytes, count}, &header)) {
    case PROXY_HEADER_DONE:
        return take_header(session, &header);
    case PROXY_HEADER_BAD:
        return refuse(session, header.problem);
    case PROXY_HEADER_MORE:
        break;
    }
    return transport_await_more(&session->client) ? PROGRESS_WAIT : PROGRESS_END;
}

/* ---- TLS ----------------------------------------------------------------------- */

static enum progress stage_start_tls(struct session *session)
{
    session->stage = stage_identify;
    if (session->listener->tls == NULL)
        return PROGRESS_ON;
    session->stage = stage_handshake;
    return transport_start_tls(&session->client, session->listener->tls, NULL) ? PROGRESS_ON
                                                                               : PROGRESS_END;
}

/*
 * By TLS 1.3 a client may have sent its request before our alert reaches it: what it sent is
 * read past, for closing would be a reset and could take the alert away.
 */
static enum progress handshake_failed(struct session *session)
{
    const struct tls_stream *stream = session->client.tls;
    char detail[DETAIL_SIZE];
    if (!tls_stream_refused_peer(stream))
        return PROGRESS_END;
    if (!session_log_has_room(session))
        return PROGRESS_WAIT;
    snprintf(detail, sizeof(detail), "client certificate: %s", tls_stream_reason(stream));
    log_refusal(session, detail);
    transport_end_tls(&session->client);
    return session_linger(session);
}

static enum progress stage_handshake(struct session *session)
{
    switch (transport_handshake(&session->client)) {
    case TRANSPORT_OK:
        session->stage = stage_identify;
        return PROGRESS_ON;
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    return handshake_failed(session);
}

/* ---- Who asks -------------------------------------------------------------------- */

void session_identify(struct session *session)
{
    const struct listener_configuration *listener = listener_of(session);
    struct tenants *tenants = &session->worker->tenants;
    struct tls_peer peer;
    if (session->client.tls != NULL && listener->identity & IDENTITY_MTLS) {
        tls_stream_describe_peer(session->client.tls, &peer);
        identity_of_certificate(&session->identity, tenants, listener,
                                session->listener->roster->mtls, &peer);
    }
    identity_of_peer(&session->identity, tenants, listener, session->client.fd);
    identity_of_place(&session->identity, tenants, listener, &session->client_ip);
    session->tenant = session->identity.tenant;
    session_count_for_tenant(session);
}

static enum progress stage_identify(struct session *session)
{
    if (!withdrawal_lets_in(session))
        return refuse(session, "client certificate: withdrawn while it was being shown");
    session_identify(session);
    turns_identify(session);
    session->stage = session_greet;
    return PROGRESS_ON;
}
