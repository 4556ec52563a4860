/*
 * Who asks, in the ways that a listener knows (conf/configuration.h has their
 * order): by what a connection shows, or by what a request says (Basic, RFC 7617).
 */
#ifndef SALLYPORT_PROXY_IDENTITY_H
#define SALLYPORT_PROXY_IDENTITY_H

#include "certs/tls.h"
#include "conf/configuration.h"
#include "proxy/http_head.h"
#include "proxy/proxy_header.h"
#include "proxy/tenant.h"

/* What a connection shows, whatever its requests say. */
struct identity {
    const struct tenant *tenant; /* NULL: nobody, so far */
    const char *problem;         /* why nobody, where something was shown; static, else NULL */
    bool settled;                /* certificate, front or kernel have spoken: no request is asked */
};

/*
 * Each settles *IDENTITY if the listener knows that way and the connection brings it; else
 * leaves it as it was. To be asked in the order front, certificate, peer, for the later ones
 * overrule: but for identity_of_peer, which does not. ROLES: of common names; NULL: they speak for
 * themselves.
 */
void identity_of_front(struct identity *identity, struct tenants *tenants,
                       const struct listener_configuration *listener, const struct roles *roles,
                       const struct proxy_header *header);
void identity_of_certificate(struct identity *identity, struct tenants *tenants,
                             const struct listener_configuration *listener,
                             const struct roles *roles, const struct tls_peer *peer);
/* FD: a unix socket's connection. */
void identity_of_peer(struct identity *identity, struct tenants *tenants,
                      const struct listener_configuration *listener, int fd);

/*
 * Where nothing is settled: the app that is meant unless a request says another, by the client's
 * address (family 0: unknown) or by the listener.
 */
void identity_of_place(struct identity *identity, struct tenants *tenants,
                       const struct listener_configuration *listener, const struct ip *client);

/* NULL: no credentials, malformed ones, or wrong ones; they cannot be told apart from outside. */
const struct tenant *identity_of_request(struct tenants *tenants,
                                         const struct credentials *credentials,
                                         const struct http_request *request);

#endif
