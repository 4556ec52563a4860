/*
 * Private to certs/: OpenSSL's bytes over a socket by send(2) and recv(2), so
 * that writing to a peer that is gone is an error and never a SIGPIPE.
 */
#ifndef SALLYPORT_CERTS_TLS_SOCKET_H
#define SALLYPORT_CERTS_TLS_SOCKET_H

#include <openssl/bio.h>

/* A BIO over FD, which stays the caller's. NULL: memory is out. Any thread. */
BIO *tls_socket_new(int fd);

#endif
