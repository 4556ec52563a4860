/* Private to certs/: what a context is made of. */
#ifndef SALLYPORT_CERTS_TLS_PRIVATE_H
#define SALLYPORT_CERTS_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "certs/tls.h"
#include "certs/tls_socket.h"

struct tls_context {
    SSL_CTX *ssl_context;
    BIO_METHOD *method; /* what its streams read and write with */
};

#endif
