/* Private to certs/: what a context is made of. */
#ifndef SALLYPORT_CERTS_TLS_PRIVATE_H
#define SALLYPORT_CERTS_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "certs/tls.h"
#include "certs/tls_socket.h"

struct tls_tickets;

struct tls_context {
    SSL_CTX *ssl_context;
    bool is_client;
    time_t crl_expires;          /* 0: it has none */
    struct tls_tickets *tickets; /* owned; NULL: it gives none */
    atomic_uint references;
};

/* ---- tls_context.c ---- */

/* With the rules of the house, and no certificate yet. NULL: ERROR says why. */
struct tls_context *tls_context_new_bare(bool is_client, struct error *error);

/* A server's: no tickets, and no session is kept. */
void tls_context_forbid_resumption(struct tls_context *context);

/* A server's stream chooses the first of PROTOCOLS (RFC 7301's names, lengths in front, a NUL
 * behind them; static) that its client offers. False: memory is out. */
bool tls_context_set_choice(SSL *ssl, const unsigned char *protocols);

/* ---- tls.c ---- */

/* Whom a server is to be taken for, where its context does not say. */
struct tls_identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain;
};

/* NULL: as tls_stream_new, and PLACE's outer stream is still the caller's. */
struct tls_stream *tls_stream_new_as(struct tls_context *context,
                                     const struct tls_identity *identity,
                                     const struct tls_place *place);

/* ---- tls_trust.c ---- */

/* Verifies clients by FILES' client_ca and crl as CLIENTS says. False: ERROR says which file and
 * why. */
bool tls_trust_clients(struct tls_context *context, const struct tls_server_files *files,
                       enum tls_clients clients, struct error *error);

/* Whether a client with CERTIFICATE, and CHAIN behind it, is let in by CONTEXT, a server's. */
bool tls_trust_verify(const struct tls_context *context, X509 *certificate, STACK_OF(X509) * chain);

/* Verifies servers by the system's authorities and those in the file TRUST (NULL: none). */
bool tls_trust_servers(struct tls_context *context, const char *trust, struct error *error);

/* Verifies servers by what OTHER believes. */
void tls_trust_as(struct tls_context *context, const struct tls_context *other);

/* ---- tls_tickets.c ---- */

/* A server's: it gives tickets, under keys of its own. False: ERROR says why. */
bool tls_tickets_start(struct tls_context *context, struct error *error);

/* Wiped; NULL is fine. */
void tls_tickets_free(struct tls_tickets *tickets);

/* ---- tls_staple.c ---- */

/* A client's connections ask for a staple and heed it. */
void tls_staple_check(SSL_CTX *ssl_context);

#endif
