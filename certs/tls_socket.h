/*
 * Private to certs/: OpenSSL's bytes over a socket by send(2) and recv(2), so
 * that writing to a peer that is gone is an error and never a SIGPIPE; or through
 * another stream, for TLS inside of TLS.
 */
#ifndef SALLYPORT_CERTS_TLS_SOCKET_H
#define SALLYPORT_CERTS_TLS_SOCKET_H

#include <openssl/bio.h>

#include "certs/tls.h"

/* Where a stream's bytes come from and go to. Reads take `early` first. */
struct tls_socket {
    int fd;
    bool more;                /* than is written now follows at once: it may go in one packet */
    struct tls_stream *outer; /* TLS that they go through; NULL: none; owned */
    char *early;              /* read already, for this stream; NULL: nothing (left); owned */
    size_t early_length;
    size_t early_taken;
};

/* A BIO over SOCKET, which outlives it. NULL: memory is out. Any thread. */
BIO *tls_socket_new(struct tls_socket *socket);

/* Frees what SOCKET owns. */
void tls_socket_clear(struct tls_socket *socket);

#endif
