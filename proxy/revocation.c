/*
 * What can last is looked at: tunnels, and requests whose body one side makes as long as it likes.
 * All others are decided anew each time anyway.
 */
#include "proxy/revocation.h"

#include <stdlib.h>

#include "proxy/session.h"

bool tunnel_target_set(struct tunnel_target *kept, const struct target *target)
{
    char storage[sizeof(target->host.text) + 2];
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    host_add_to_text(&target->host, &text);
    *kept = (struct tunnel_target){
        .scheme = target->scheme, .port = target->port, .host = span_duplicate(text_span(&text))};
    return kept->host != NULL;
}

void tunnel_target_clear(struct tunnel_target *kept)
{
    free(kept->host);
    kept->host = NULL;
}

static bool is_declared(const struct session *session, const struct target *target, bool websocket)
{
    struct decision decision;
    session_decide_anew(session, target, websocket, &decision);
    return decision.verdict == VERDICT_ALLOW;
}

static bool is_tunnel_declared(const struct session *session)
{
    const struct tunnel_target *kept = &session->tunnel->target;
    struct target target = {.scheme = kept->scheme, .port = kept->port};
    struct error error;
    return host_parse(span_of(kept->host), &target.host, &error) &&
           is_declared(session, &target, kept->scheme != SCHEME_TUNNEL);
}

/* A request that was allowed and that the upstream, which has been reached, is to answer, or
 * answers. */
static bool is_under_way(const struct session *session)
{
    const struct exchange *exchange = session->exchange;
    return exchange != NULL && exchange->decision_logged && !exchange->is_connect &&
           !exchange->answered;
}

static bool is_still_declared(const struct session *session)
{
    if (session->tunnel != NULL)
        return is_tunnel_declared(session);
    return is_declared(session, &session->exchange->target,
                       session->exchange->request.upgrade_websocket);
}

/* Something more would leave: a tunnel's bytes, or a request, or the rest of one. */
static bool has_more_to_send(const struct session *session)
{
    const struct exchange *exchange = session->exchange;
    if (session->tunnel != NULL)
        return true;
    if (exchange->request_aborted)
        return false;
    return !exchange->request_sent || !upstream_has_sent(exchange->upstream);
}

/*
 * With `drain` it may go on for as long as a stop would let it; then DEADLINE_REVOKED ends it. So
 * it is with a request that has been sent: its answer may come.
 */
static void revoke(struct session *session)
{
    struct worker *worker = session->worker;
    if (worker->configuration->policy_revoke == REVOKE_CLOSE && has_more_to_send(session))
        session_revoke(session);
    else if (session->deadline.kind != DEADLINE_REVOKED)
        deadline_start(worker->deadlines, &session->deadline, DEADLINE_REVOKED);
}

/* A rule that came back in time: the tunnel is an ordinary one again. */
static void pardon(struct session *session)
{
    if (session->deadline.kind == DEADLINE_REVOKED)
        deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_IDLE);
}

bool revocation_lets_begin(struct session *session)
{
    const struct worker *worker = session->worker;
    if (session->is_withdrawn)
        return false;
    if (session->exchange->snapshot == worker->snapshot ||
        worker->configuration->policy_revoke == REVOKE_KEEP ||
        session_mode(session) != MODE_ENFORCE)
        return true;
    return is_still_declared(session);
}

/* TEXT is a host's own; as it stands in a URL, an IPv6 address is in brackets. */
static bool read_canonical(struct span text, struct host *host)
{
    char storage[sizeof(host->text) + 2];
    struct text bracketed;
    struct error error;
    if (span_find(text, ':') == text.length)
        return host_parse(text, host, &error);
    text_init_fixed(&bracketed, storage, sizeof(storage));
    text_add_char(&bracketed, '[');
    text_add(&bracketed, text);
    text_add_char(&bracketed, ']');
    return host_parse(text_span(&bracketed), host, &error);
}

/* A connection may be for requests, WebSockets, or tunnels that are looked into. */
static bool is_wanted(const struct tenant *tenant, struct span host, uint16_t port, bool is_tls,
                      const void *context)
{
    const struct worker *worker = context;
    struct target target = {.scheme = is_tls ? SCHEME_HTTPS : SCHEME_HTTP, .port = port};
    struct decision decision;
    if (!read_canonical(host, &target.host))
        return false;
    session_decide_for(worker->snapshot, &tenant->subject, &target, NULL, true, &decision);
    return decision.verdict == VERDICT_ALLOW;
}

void revocation_apply(struct worker *worker)
{
    struct session *session, *next;
    upstream_pool_sift(&worker->upstreams, is_wanted, worker);
    http2_upstreams_sift(&worker->http2_upstreams, is_wanted, worker);
    if (worker->configuration->policy_revoke == REVOKE_KEEP)
        return;
    for (session = TAILQ_FIRST(&worker->sessions); session != NULL; session = next) {
        next = TAILQ_NEXT(session, link);
        if ((session->tunnel == NULL && !is_under_way(session)) || session->is_withdrawn ||
            session_mode(session) != MODE_ENFORCE)
            continue;
        if (is_still_declared(session))
            pardon(session);
        else
            revoke(session);
    }
}
