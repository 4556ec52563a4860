/*
 * Why: one place says what our certificates look like, so that those which the
 * authority writes and those which are minted cannot differ by chance.
 * Rests on names being put in as values, never through OpenSSL's configuration
 * language, in which a name with a comma would be two; only constants go there.
 */
#include "certs/certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_BITS         127
#define COMMON_NAME_MAXIMUM 64 /* RFC 5280, appendix A.1: ub-common-name */

const struct certificate_profile certificate_root = {
    .basic_constraints = "critical,CA:TRUE",
    .key_usage = "critical,keyCertSign,cRLSign",
};

const struct certificate_profile certificate_intermediate = {
    .basic_constraints = "critical,CA:TRUE,pathlen:0",
    .key_usage = "critical,keyCertSign",
    .extended_key_usage = "serverAuth",
};

const struct certificate_profile certificate_server = {
    .basic_constraints = "critical,CA:FALSE",
    .key_usage = "critical,digitalSignature",
    .extended_key_usage = "serverAuth",
};

const struct certificate_profile certificate_client = {
    .basic_constraints = "critical,CA:FALSE",
    .key_usage = "critical,digitalSignature",
    .extended_key_usage = "clientAuth",
};

EVP_PKEY *certificate_key_new(void)
{
    return EVP_EC_gen("P-256");
}

bool certificate_set_random_serial(ASN1_INTEGER *serial)
{
    BIGNUM *number = BN_new();
    bool set = number != NULL &&
               BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, serial) != NULL;
    BN_free(number);
    return set;
}

/* ---- Subject --------------------------------------------------------------- */

static bool add_to_name(X509_NAME *name, const char *field, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                      -1, 0) == 1;
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    if (!add_to_name(name, "O", "Sallyport"))
        return false;
    return strlen(common_name) > COMMON_NAME_MAXIMUM || add_to_name(name, "CN", common_name);
}

/* ---- Extensions -------------------------------------------------------------- */

static bool add_constant(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    if (value == NULL)
        return true;
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* Takes TEXT as the value of a name that is written in ASCII. */
static bool set_text_name(GENERAL_NAME *name, int type, const char *text)
{
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (value == NULL || ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_IA5STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    return true;
}

static bool set_name(GENERAL_NAME *name, const char *text)
{
    if (strstr(text, "://") != NULL)
        return set_text_name(name, GEN_URI, text);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    if (address == NULL)
        return set_text_name(name, GEN_DNS, text);
    GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    return true;
}

static bool add_names(X509 *certificate, const char *const *names, size_t count)
{
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    bool fine = list != NULL;
    for (size_t i = 0; i < count && fine; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        fine = name != NULL && set_name(name, names[i]) && sk_GENERAL_NAME_push(list, name) > 0;
        if (!fine)
            GENERAL_NAME_free(name);
    }
    if (fine && count > 0)
        fine = X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1;
    sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
    return fine;
}

/* RFC 5280, section 4.2.1.10: for URIs the constraint is about the host, here that host alone. */
static bool add_permitted_host(X509 *certificate, const char *host)
{
    if (host == NULL)
        return true;
    NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
    GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
    bool added = constraints != NULL && subtree != NULL &&
                 set_text_name(subtree->base, GEN_URI, host) &&
                 (constraints->permittedSubtrees = sk_GENERAL_SUBTREE_new_null()) != NULL &&
                 sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, subtree) > 0;
    if (!added)
        GENERAL_SUBTREE_free(subtree);
    added = added && X509_add1_ext_i2d(certificate, NID_name_constraints, constraints, 1, 0) == 1;
    NAME_CONSTRAINTS_free(constraints);
    return added;
}

static bool add_extensions(X509 *certificate, const struct certificate_order *order)
{
    const struct certificate_profile *profile = order->profile;
    X509V3_CTX context;
    X509V3_set_ctx(&context, order->issuer == NULL ? certificate : order->issuer, certificate, NULL,
                   NULL, 0);
    return add_constant(certificate, &context, NID_basic_constraints, profile->basic_constraints) &&
           add_constant(certificate, &context, NID_key_usage, profile->key_usage) &&
           add_constant(certificate, &context, NID_ext_key_usage, profile->extended_key_usage) &&
           add_constant(certificate, &context, NID_subject_key_identifier, "hash") &&
           (order->issuer == NULL ||
            add_constant(certificate, &context, NID_authority_key_identifier, "keyid:always")) &&
           add_names(certificate, order->names, order->name_count) &&
           add_permitted_host(certificate, order->permitted_uri_host);
}

/* ---- The certificate ------------------------------------------------------------ */

/* A leaf that outlives what vouches for it would only look valid. */
static bool set_validity(X509 *certificate, const struct certificate_order *order)
{
    time_t end = order->not_after;
    if (ASN1_TIME_set(X509_getm_notBefore(certificate), order->not_before) == NULL)
        return false;
    if (order->issuer != NULL && X509_cmp_time(X509_get0_notAfter(order->issuer), &end) < 0)
        return X509_set1_notAfter(certificate, X509_get0_notAfter(order->issuer)) == 1;
    return ASN1_TIME_set(X509_getm_notAfter(certificate), order->not_after) != NULL;
}

static bool fill(X509 *certificate, const struct certificate_order *order)
{
    const X509 *issuer = order->issuer == NULL ? certificate : order->issuer;
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           certificate_set_random_serial(X509_get_serialNumber(certificate)) &&
           set_subject(certificate, order->common_name) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           set_validity(certificate, order) &&
           X509_set_pubkey(certificate, order->subject_key) == 1 &&
           add_extensions(certificate, order) &&
           X509_sign(certificate, order->issuer == NULL ? order->subject_key : order->issuer_key,
                     EVP_sha256()) > 0;
}

X509 *certificate_new(const struct certificate_order *order)
{
    X509 *certificate = X509_new();
    if (certificate != NULL && fill(certificate, order))
        return certificate;
    X509_free(certificate);
    return NULL;
}
