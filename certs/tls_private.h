/* Private to certs/: what a context is made of. */
#ifndef SALLYPORT_CERTS_TLS_PRIVATE_H
#define SALLYPORT_CERTS_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "certs/tls.h"
#include "certs/tls_socket.h"

struct tls_context {
    SSL_CTX *ssl_context;
    bool is_client;
    time_t crl_expires; /* 0: it has none */
    atomic_uint references;
};

/* ---- tls_trust.c ---- */

/* Verifies clients by FILES' client_ca and crl as CLIENTS says. False: ERROR says which file and
 * why. */
bool tls_trust_clients(struct tls_context *context, const struct tls_server_files *files,
                       enum tls_clients clients, struct error *error);

/* Verifies servers by the system's authorities and those in the file TRUST (NULL: none). */
bool tls_trust_servers(struct tls_context *context, const char *trust, struct error *error);

/* Verifies servers by what OTHER believes. */
void tls_trust_as(struct tls_context *context, const struct tls_context *other);

/* ---- tls_staple.c ---- */

/* A client's connections ask for a staple and heed it. */
void tls_staple_check(SSL_CTX *ssl_context);

#endif
