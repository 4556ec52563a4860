/* Digests and comparisons that take no hint from their input (OpenSSL behind them). */
#ifndef SALLYPORT_CERTS_DIGEST_H
#define SALLYPORT_CERTS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_SIZE 32

/* False: OpenSSL could not (treat as a wrong secret). */
bool digest_sha256(const void *bytes, size_t length, uint8_t digest[DIGEST_SHA256_SIZE]);

/* Constant time in LENGTH. */
bool digest_equal(const uint8_t *a, const uint8_t *b, size_t length);

#endif
