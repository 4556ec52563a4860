/*
 * Why: secrets are compared as digests, and neither the digest nor the
 * comparison may tell how far a guess was right.
 * Rests on OpenSSL's EVP_Q_digest and CRYPTO_memcmp.
 */
#include "certs/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

bool digest_sha256(const void *bytes, size_t length, uint8_t digest[DIGEST_SHA256_SIZE])
{
    size_t size = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, bytes, length, digest, &size) == 1)
        return size == DIGEST_SHA256_SIZE;
    ERR_clear_error();
    return false;
}

bool digest_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
