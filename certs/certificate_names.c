/*
 * Why: an identity is read from here, so what is ambiguous is refused: two URIs,
 * a NUL inside a string (which shorter readers would end at), control characters.
 */
#include "certs/certificate_names.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

static bool copy_printable(const unsigned char *bytes, int length, char *text, size_t size)
{
    if (length <= 0 || (size_t)length >= size)
        return false;
    for (int i = 0; i < length; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
        text[i] = (char)bytes[i];
    }
    text[length] = '\0';
    return true;
}

bool certificate_one_uri(const X509 *certificate, char *text, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    unsigned uris = 0;
    bool copied = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
        uris++;
        copied = copy_printable(ASN1_STRING_get0_data(uri), ASN1_STRING_length(uri), text, size);
    }
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    ERR_clear_error();
    return uris == 1 && copied;
}

bool certificate_one_common_name(const X509 *certificate, char *text, size_t size)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    unsigned char *bytes = NULL;
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    int length = ASN1_STRING_to_UTF8(&bytes, name);
    bool copied = bytes != NULL && copy_printable(bytes, length, text, size);
    OPENSSL_free(bytes);
    ERR_clear_error();
    return copied;
}

/* Without the extension OpenSSL has every key usage allowed. */
bool certificate_may_sign(X509 *certificate)
{
    const uint32_t flags = X509_get_extension_flags(certificate);
    return (flags & EXFLAG_CA) != 0 ||
           ((flags & EXFLAG_KUSAGE) != 0 &&
            (X509_get_key_usage(certificate) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0);
}

void certificate_serial_text(const X509 *certificate, char *text, size_t size)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = number == NULL ? NULL : BN_bn2hex(number);
    snprintf(text, size, "%s", digits == NULL ? "" : digits);
    OPENSSL_free(digits);
    BN_free(number);
}

time_t certificate_time(const ASN1_TIME *when)
{
    struct tm parts;
    return ASN1_TIME_to_tm(when, &parts) == 1 ? timegm(&parts) : (time_t)-1;
}

time_t certificate_expires(const X509 *certificate)
{
    return certificate_time(X509_get0_notAfter(certificate));
}
