/*
 * Why: most clients that are given a file of authorities trust nobody else any
 * more, so what they are given holds the system's as well. Java reads no PEM: for it
 * the same certificates go into a PKCS #12 store, each with the attribute by which
 * Java knows a trusted certificate.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "certs/authority_private.h"

/* Oracle's trustedKeyUsage; its value says for what: anything. */
#define JAVA_TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

/* The system's authorities, where it has any, behind this one. */
static STACK_OF(X509) * collect(const struct authority *authority)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    X509 *next;
    BIO *file = BIO_new_file(PEM_FILE_SYSTEM_BUNDLE, "r");
    bool fine = all != NULL && sk_X509_push(all, authority->certificate) > 0 &&
                X509_up_ref(authority->certificate) == 1;
    while (fine && file != NULL && (next = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        fine = sk_X509_push(all, next) > 0;
        if (!fine)
            X509_free(next);
    }
    BIO_free(file);
    ERR_clear_error();
    if (fine)
        return all;
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

static BIO *bundle_of(const STACK_OF(X509) * all)
{
    BIO *memory = BIO_new(BIO_s_mem());
    for (int i = 0; i < sk_X509_num(all) && memory != NULL; i++) {
        if (PEM_write_bio_X509(memory, sk_X509_value(all, i)) == 1)
            continue;
        BIO_free(memory);
        memory = NULL;
    }
    return memory;
}

/* Each under a name of its own: its number. */
static bool add_to_store(STACK_OF(PKCS12_SAFEBAG) * *bags, X509 *certificate, int number)
{
    char name[32];
    ASN1_OBJECT *anything = OBJ_nid2obj(NID_anyExtendedKeyUsage);
    PKCS12_SAFEBAG *bag = PKCS12_add_cert(bags, certificate);
    snprintf(name, sizeof(name), number == 0 ? "sallyport" : "system-%d", number);
    return bag != NULL && PKCS12_add_friendlyname_utf8(bag, name, -1) == 1 &&
           PKCS12_add1_attr_by_txt(bag, JAVA_TRUSTED_KEY_USAGE, V_ASN1_OBJECT,
                                   (const unsigned char *)anything, -1) == 1;
}

static PKCS12 *store_of(const STACK_OF(X509) * all)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    PKCS12 *store = NULL;
    bool fine = true;
    for (int i = 0; i < sk_X509_num(all) && fine; i++)
        fine = add_to_store(&bags, sk_X509_value(all, i), i);
    if (fine && PKCS12_add_safe(&safes, bags, -1, 0, NULL) == 1)
        store = PKCS12_add_safes(safes, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    if (store != NULL && PKCS12_set_mac(store, AUTHORITY_TRUST_STORE_PASSWORD, -1, NULL, 0,
                                        PKCS12_DEFAULT_ITER, EVP_sha256()) == 1)
        return store;
    PKCS12_free(store);
    return NULL;
}

static BIO *java_store_of(const STACK_OF(X509) * all)
{
    PKCS12 *store = store_of(all);
    BIO *memory = store == NULL ? NULL : BIO_new(BIO_s_mem());
    if (memory != NULL && i2d_PKCS12_bio(memory, store) != 1) {
        BIO_free(memory);
        memory = NULL;
    }
    PKCS12_free(store);
    return memory;
}

bool authority_write_trust(const char *directory, struct error *error)
{
    struct authority authority;
    STACK_OF(X509) *all = NULL;
    bool written = authority_open_certificate(&authority, directory, error);
    if (written) {
        all = collect(&authority);
        written = authority_write(&authority, "bundle.pem", bundle_of(all), PEM_FILE_PUBLIC,
                                  PEM_FILE_REPLACE, error) &&
                  authority_write(&authority, "truststore.p12", java_store_of(all), PEM_FILE_PUBLIC,
                                  PEM_FILE_REPLACE, error);
    }
    sk_X509_pop_free(all, X509_free);
    authority_close(&authority);
    ERR_clear_error();
    return written;
}
