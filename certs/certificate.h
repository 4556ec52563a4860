/*
 * Private to certs/: keys and certificates as this house makes them, for
 * authorities that live in a directory and for leaves that are minted: ECDSA P-256
 * with SHA-256, random serials of 127 bits, every extension that RFC 5280 wants.
 * What fails leaves its reason in OpenSSL's error queue.
 */
#ifndef SALLYPORT_CERTS_CERTIFICATE_H
#define SALLYPORT_CERTS_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

/* What a certificate is for; extension values in the words of x509v3_config(5). */
struct certificate_profile {
    const char *basic_constraints;
    const char *key_usage;
    const char *extended_key_usage; /* NULL: not limited */
};

extern const struct certificate_profile certificate_root;
/* Signs servers' leaves and nothing else: no client certificate passes below it, and no CA. */
extern const struct certificate_profile certificate_intermediate;
extern const struct certificate_profile certificate_server;
extern const struct certificate_profile certificate_client;

struct certificate_order {
    const struct certificate_profile *profile;
    const char *common_name;  /* left out where it is longer than the 64 characters it may have */
    const char *const *names; /* subject alternative names: a URI, an IP address or a DNS name */
    size_t name_count;
    const char *permitted_uri_host; /* a name constraint on what it signs; NULL: none */
    time_t not_before;
    time_t not_after; /* cut where the issuer's is earlier */
    EVP_PKEY *subject_key;
    X509 *issuer; /* NULL: it signs itself with subject_key */
    EVP_PKEY *issuer_key;
};

/* The caller's: X509_free. NULL: OpenSSL could not, or a name is none. */
X509 *certificate_new(const struct certificate_order *order);

/* A new P-256 key, the caller's: EVP_PKEY_free. NULL: OpenSSL could not. */
EVP_PKEY *certificate_key_new(void);

/* A random positive serial of 127 bits (RFC 5280, section 4.1.2.2: at most 20 octets). */
bool certificate_set_random_serial(ASN1_INTEGER *serial);

#endif
