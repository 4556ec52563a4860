/* Who asks: from the listener (static), or from Proxy-Authorization (Basic, RFC 7617). */
#ifndef SALLYPORT_PROXY_IDENTITY_H
#define SALLYPORT_PROXY_IDENTITY_H

#include "conf/configuration.h"
#include "proxy/http_head.h"
#include "proxy/tenant.h"

/* A static listener's one tenant; NULL: the listener asks each request, or memory is out. */
const struct tenant *identity_of_listener(struct tenants *tenants,
                                          const struct listener_configuration *listener);

/* NULL: no credentials, malformed ones, or wrong ones; they cannot be told apart from outside. */
const struct tenant *identity_of_request(struct tenants *tenants,
                                         const struct credentials *credentials,
                                         const struct http_request *request);

#endif
