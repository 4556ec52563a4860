/* Private to certs/: OpenSSL's reasons in our errors. Each call leaves its queue empty. */
#ifndef SALLYPORT_CERTS_TLS_ERROR_H
#define SALLYPORT_CERTS_TLS_ERROR_H

#include <stdbool.h>

#include "policy/error.h"

/*
 * OpenSSL's words for what it refused last, or OTHERWISE where it has none. Static. Where its last
 * word is only which of its parts failed ("PEM lib"), what that part said first.
 */
const char *tls_error_reason(const char *otherwise);

/* What certificates are wanted and are none. */
#define TLS_ERROR_NO_CERTIFICATE "not a PEM certificate (-----BEGIN CERTIFICATE-----)"

/* "PATH: WHAT: reason". Returns false. */
bool tls_error_set_file(const char *path, const char *what, struct error *error);

/*
 * Why PATH holds no key that can be used; PASSPHRASE_ASKED: by tls_error_refuse_passphrase. Returns
 * false.
 */
bool tls_error_set_key(const char *path, bool passphrase_asked, struct error *error);

/* "WHAT: reason", with no file. Returns false. */
bool tls_error_set(const char *what, struct error *error);

/* False: PATH cannot be opened; the reason is the system's, which OpenSSL would wrap. */
bool tls_error_check_readable(const char *path, const char *what, struct error *error);

/*
 * A pem_password_cb: a key under a passphrase cannot be read, a daemon has nobody to ask. ASKED, a
 * bool or NULL, becomes true.
 */
int tls_error_refuse_passphrase(char *buffer, int size, int writing, void *asked);

#endif
