/*
 * To verify a certificate costs some signatures, and an app has many connections with one: what
 * was found is kept, while all are looked through, in a table that forgets where two meet.
 */
#include "proxy/withdrawal.h"

#include <string.h>

#include "proxy/session.h"

#define DIGEST_SIZE 32
#define LOOKS       256

struct look {
    const struct listener *listener; /* NULL: there is none here */
    uint8_t digest[DIGEST_SIZE];
    bool is_good;
};

static bool is_good(const struct session *session, struct look looks[LOOKS])
{
    const struct tls_stream *stream = session->client.tls;
    const struct listener *listener = session->listener;
    uint8_t digest[DIGEST_SIZE];
    if (!tls_stream_peer_digest(stream, digest))
        return false;
    struct look *look = &looks[digest[0] % LOOKS];
    if (look->listener != listener || memcmp(look->digest, digest, DIGEST_SIZE) != 0) {
        *look = (struct look){.listener = listener,
                              .is_good = tls_stream_peer_is_good(stream, listener->tls)};
        memcpy(look->digest, digest, DIGEST_SIZE);
    }
    return look->is_good;
}

/* Who has shown no certificate is known by other things; so may be who has, and is yet let in by
 * it. */
static bool shows_certificate(const struct session *session, struct tls_peer *peer)
{
    if (session->client.tls == NULL)
        return false;
    tls_stream_describe_peer(session->client.tls, peer);
    return peer->has_certificate;
}

/* Somebody else's now, by the same certificate, or nobody's. */
static bool is_another(const struct session *session, const struct tls_peer *peer)
{
    struct identity now = {.tenant = NULL};
    identity_of_certificate(&now, &session->worker->tenants,
                            session->listener->socket->configuration,
                            session->listener->roster->mtls, peer);
    return now.tenant != session->identity.tenant;
}

/* The same of a certificate that a front has verified. */
static bool is_another_to_front(const struct session *session)
{
    struct identity now = {.tenant = NULL};
    const struct proxy_header told = {.spiffe = {"", 0},
                                      .common_name = span_of(session->front_name)};
    identity_of_front(&now, &session->worker->tenants, session->listener->socket->configuration,
                      session->listener->roster->proxy, &told);
    return now.tenant != session->identity.tenant;
}

static bool is_to_go(const struct session *session, struct look looks[LOOKS])
{
    struct tls_peer peer;
    const unsigned ways = session->listener->socket->configuration->identity;
    const bool shows = shows_certificate(session, &peer);
    if (shows && !is_good(session, looks))
        return true;
    if (shows && ways & IDENTITY_MTLS)
        return is_another(session, &peer);
    return session->front_name != NULL && is_another_to_front(session);
}

static bool is_idle(const struct session *session)
{
    return session->exchange == NULL && session->tunnel == NULL &&
           (session_http2(session) == NULL || http2_server_is_idle(session_http2(session)));
}

/* With `drain` what is under way goes on for as long as a stop would let it, and nothing begins. */
static void withdraw(struct session *session)
{
    struct worker *worker = session->worker;
    if (worker->configuration->policy_revoke == REVOKE_CLOSE || is_idle(session)) {
        session_abort(session, "revoked");
        return;
    }
    session->is_withdrawn = true;
    if (session_http2(session) != NULL)
        http2_server_drain(session_http2(session));
    if (session->exchange != NULL)
        session->exchange->keep_alive = false;
    if (session->deadline.kind != DEADLINE_REVOKED)
        deadline_start(worker->deadlines, &session->deadline, DEADLINE_REVOKED);
}

void withdrawal_apply(struct worker *worker)
{
    struct look looks[LOOKS] = {{.listener = NULL}};
    struct session *session, *next;
    if (worker->configuration->policy_revoke == REVOKE_KEEP)
        return;
    for (session = TAILQ_FIRST(&worker->sessions); session != NULL; session = next) {
        next = TAILQ_NEXT(session, link);
        if (is_to_go(session, looks))
            withdraw(session);
    }
}

bool withdrawal_lets_in(const struct session *session)
{
    struct tls_peer peer;
    if (!shows_certificate(session, &peer) ||
        tls_stream_is_of(session->client.tls, session->listener->tls))
        return true;
    return tls_stream_peer_is_good(session->client.tls, session->listener->tls);
}
