/* Private to certs/: what is read out of a certificate. */
#ifndef SALLYPORT_CERTS_CERTIFICATE_NAMES_H
#define SALLYPORT_CERTS_CERTIFICATE_NAMES_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

/*
 * The one URI among the subject alternative names, as a string in TEXT. False:
 * there is none, or more than one (SPIFFE X509-SVID, section 2), or it does not fit, or a byte in
 * it is none that a URI has.
 */
bool certificate_one_uri(const X509 *certificate, char *text, size_t size);

/* The one common name of the subject; false as above. */
bool certificate_one_common_name(const X509 *certificate, char *text, size_t size);

/* It is an authority's, or may sign certificates or lists of what is revoked: no leaf (SPIFFE
 * X509-SVID, section 5.2). */
bool certificate_may_sign(X509 *certificate);

/* The serial in hexadecimal, cut where TEXT is too small. */
void certificate_serial_text(const X509 *certificate, char *text, size_t size);

/* notAfter. */
time_t certificate_expires(const X509 *certificate);

/* -1: no time that can be. */
time_t certificate_time(const ASN1_TIME *when);

#endif
