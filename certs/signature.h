/*
 * Ed25519 signatures (RFC 8032) over bytes, with keys in PEM form (RFC 7468): what
 * a checkpoint of the ledger is signed and verified with. Pure functions: whoever
 * calls reads the files, and OpenSSL stays in this room; so policy/, which knows no
 * OpenSSL, may include this header beside certs/digest.h.
 */
#ifndef SALLYPORT_CERTS_SIGNATURE_H
#define SALLYPORT_CERTS_SIGNATURE_H

#include "policy/error.h"
#include "policy/span.h"

#define SIGNATURE_SIZE 64

/*
 * Signs BYTES with the private key in PEM, which has no pass phrase. False: ERROR says
 * why, without a file.
 */
bool signature_sign(struct span pem, struct span bytes, uint8_t signature[SIGNATURE_SIZE],
                    struct error *error);

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_WRONG, /* not this key's, or not of these bytes */
    SIGNATURE_NO_KEY /* PEM holds no Ed25519 key that can be read; ERROR says so */
};

/* Whether SIGNATURE over BYTES is that of the public key, or the certificate, in PEM. */
enum signature_verdict signature_verify(struct span pem, struct span bytes,
                                        const uint8_t signature[SIGNATURE_SIZE],
                                        struct error *error);

#endif
