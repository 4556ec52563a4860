/*
 * Why: a checkpoint has to convince somebody who trusts neither the machine nor
 * the file. Rests on OpenSSL's one-shot EVP_DigestSign for Ed25519.
 */
#include "certs/signature.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* A key that is locked stays so: nobody is asked for a pass phrase. */
static int refuse_pass_phrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static BIO *open_pem(struct span pem)
{
    return pem.length > INT32_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.length);
}

static EVP_PKEY *read_private(struct span pem)
{
    BIO *bio = open_pem(pem);
    EVP_PKEY *key =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, refuse_pass_phrase, NULL);
    BIO_free(bio);
    return key;
}

static EVP_PKEY *read_certificate(struct span pem)
{
    BIO *bio = open_pem(pem);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, refuse_pass_phrase, NULL);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get_pubkey(certificate);
    X509_free(certificate);
    BIO_free(bio);
    return key;
}

static EVP_PKEY *read_public(struct span pem)
{
    BIO *bio = open_pem(pem);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, refuse_pass_phrase, NULL);
    BIO_free(bio);
    return key == NULL ? read_certificate(pem) : key;
}

/* KEY where it is an Ed25519 key; else it is freed, and ERROR says what would be right. */
static EVP_PKEY *keep_ed25519(EVP_PKEY *key, const char *kind, struct error *error)
{
    ERR_clear_error();
    if (key != NULL && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
        return key;
    error_set(error, "%s; an Ed25519 %s key in PEM form is needed%s",
              key == NULL ? "no key that can be read" : "a key of another kind", kind,
              strcmp(kind, "private") == 0 ? ", without a pass phrase"
                                           : ", or a certificate of one");
    EVP_PKEY_free(key);
    return NULL;
}

bool signature_sign(struct span pem, struct span bytes, uint8_t signature[SIGNATURE_SIZE],
                    struct error *error)
{
    size_t size = SIGNATURE_SIZE;
    EVP_PKEY *key = keep_ed25519(read_private(pem), "private", error);
    if (key == NULL)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, signature, &size, (const unsigned char *)bytes.data,
                               bytes.length) == 1 &&
                size == SIGNATURE_SIZE;
    if (!fine)
        error_set(error, "nothing can be signed with this key");
    ERR_clear_error();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return fine;
}

enum signature_verdict signature_verify(struct span pem, struct span bytes,
                                        const uint8_t signature[SIGNATURE_SIZE],
                                        struct error *error)
{
    EVP_PKEY *key = keep_ed25519(read_public(pem), "public", error);
    if (key == NULL)
        return SIGNATURE_NO_KEY;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, SIGNATURE_SIZE,
                                 (const unsigned char *)bytes.data, bytes.length) == 1;
    ERR_clear_error();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good ? SIGNATURE_GOOD : SIGNATURE_WRONG;
}
