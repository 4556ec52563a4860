/*
 * Private to certs/: PEM files read, and written so that nobody ever sees half
 * of one, or a key that others may read.
 */
#ifndef SALLYPORT_CERTS_PEM_FILE_H
#define SALLYPORT_CERTS_PEM_FILE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "policy/error.h"

/* Where Debian keeps the authorities that it believes. */
#define PEM_FILE_SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

enum { PEM_FILE_PUBLIC = 0644, PEM_FILE_SECRET = 0600 };

enum pem_file_writing {
    PEM_FILE_NEW,     /* only where there is no such file yet: errno EEXIST */
    PEM_FILE_REPLACE, /* in place of what is there */
};

/*
 * The bytes of CONTENT (a memory BIO) as NAME in the directory that FD stands
 * for, by way of a hidden file beside it that is renamed when all of it is on the
 * disk. MODE whatever the umask is. False: errno says why.
 */
bool pem_file_write(int directory, const char *name, BIO *content, unsigned mode,
                    enum pem_file_writing writing);

/* In OpenSSL's secure memory where there is any, wiped when freed: BIO_free. */
BIO *pem_file_of_key(const EVP_PKEY *key);
BIO *pem_file_of_certificates(X509 *first, X509 *second /* NULL: none */);

/*
 * The first certificate or key of the file at PATH; NULL: ERROR has the path and the reason, never
 * any of the content. A key under a passphrase is refused: there is nobody to ask.
 */
X509 *pem_file_read_certificate(const char *path, struct error *error);
STACK_OF(X509) * pem_file_read_chain(const char *path, struct error *error); /* all there are */
EVP_PKEY *pem_file_read_key(const char *path, struct error *error);

#endif
