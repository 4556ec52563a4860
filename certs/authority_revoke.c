/*
 * Revoking: the index says it, and crl.pem is made of the index, anew each time.
 * The list is valid as long as the authority is: a list that ran out would refuse
 * everybody, and here is nobody who makes a new one every week.
 */
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certs/authority_private.h"
#include "certs/tls_error.h"

static bool add_revoked(X509_CRL *list, const struct authority_entry *entry)
{
    BIGNUM *number = NULL;
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, entry->revoked);
    ASN1_INTEGER *serial =
        BN_hex2bn(&number, entry->serial) > 0 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    bool added = revoked != NULL && when != NULL && serial != NULL &&
                 X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
                 X509_REVOKED_set_revocationDate(revoked, when) == 1 &&
                 X509_CRL_add0_revoked(list, revoked) == 1;
    if (!added)
        X509_REVOKED_free(revoked);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    BN_free(number);
    return added;
}

/* RFC 5280, section 5.2.3: it only ever grows; the clock does. */
static bool add_number(X509_CRL *list, time_t now)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool added = number != NULL && ASN1_INTEGER_set_int64(number, (int64_t)now) == 1 &&
                 X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1;
    ASN1_INTEGER_free(number);
    return added;
}

static bool add_issuer(X509_CRL *list, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_nconf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool added = extension != NULL && X509_CRL_add_ext(list, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool fill(X509_CRL *list, const struct authority *authority,
                 const struct authority_index *index)
{
    const time_t now = time(NULL);
    ASN1_TIME *updated = ASN1_TIME_set(NULL, now);
    bool fine =
        updated != NULL && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate)) == 1 &&
        X509_CRL_set1_lastUpdate(list, updated) == 1 &&
        X509_CRL_set1_nextUpdate(list, X509_get0_notAfter(authority->certificate)) == 1 &&
        add_issuer(list, authority->certificate) && add_number(list, now);
    for (size_t i = 0; i < index->count && fine; i++)
        fine = index->entries[i].revoked == 0 || add_revoked(list, &index->entries[i]);
    ASN1_TIME_free(updated);
    return fine && X509_CRL_sort(list) == 1 &&
           X509_CRL_sign(list, authority->key, EVP_sha256()) > 0;
}

bool authority_write_crl(const struct authority *authority, const struct authority_index *index,
                         struct error *error)
{
    X509_CRL *list = X509_CRL_new();
    BIO *content = NULL;
    if (list != NULL && fill(list, authority, index))
        content = BIO_new(BIO_s_mem());
    bool made = content != NULL && PEM_write_bio_X509_CRL(content, list) == 1;
    X509_CRL_free(list);
    if (made)
        return authority_write(authority, "crl.pem", content, PEM_FILE_PUBLIC, PEM_FILE_REPLACE,
                               error);
    BIO_free(content);
    return tls_error_set("the list of what is revoked could not be made", error);
}

static size_t mark(struct authority_index *index, const char *name)
{
    size_t marked = 0;
    for (size_t i = 0; i < index->count; i++) {
        struct authority_entry *entry = &index->entries[i];
        if (authority_entry_state(entry) != AUTHORITY_VALID ||
            (strcmp(entry->name, name) != 0 && strcasecmp(entry->serial, name) != 0))
            continue;
        entry->revoked = time(NULL);
        marked++;
    }
    return marked;
}

static bool revoke(const struct authority *authority, struct authority_index *index,
                   const char *name, size_t *count, struct error *error)
{
    if (!authority_index_read(authority, index, error))
        return false;
    *count = mark(index, name);
    if (*count == 0)
        return authority_refuse(authority, "index.txt", error,
                                "no valid certificate is called %s, or has that serial; sallyport "
                                "ca list shows them",
                                name);
    return authority_index_write(authority, index, error) &&
           authority_write_crl(authority, index, error);
}

bool authority_revoke(const char *directory, const char *name, size_t *count, struct error *error)
{
    struct authority authority;
    struct authority_index index = {NULL, 0};
    bool revoked = authority_open(&authority, directory, error) &&
                   revoke(&authority, &index, name, count, error);
    authority_index_clear(&index);
    authority_close(&authority);
    return revoked;
}
