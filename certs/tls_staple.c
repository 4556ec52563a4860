/*
 * What a server staples to its handshake about its own certificate (OCSP, RFC
 * 6960; RFC 6066, section 8). Whoever has a stolen key would not staple that it is
 * revoked, so a staple can only take trust away: one that says "revoked", in time and
 * signed by who may, ends the handshake, and so does the lack of one that says "good"
 * where the certificate demands it (RFC 7633). Nobody is asked over the network.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "certs/tls_private.h"

#define CLOCK_SKEW     300 /* seconds */
#define STATUS_REQUEST 5   /* the TLS extension's number: what "must staple" names */

/* RFC 7633: the certificate says that its servers staple. */
static bool must_staple(const X509 *certificate)
{
    bool must = false;
    TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
    for (int i = 0; i < sk_ASN1_INTEGER_num(features) && !must; i++)
        must = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return must;
}

/* Is SINGLE about CERTIFICATE of ISSUER, whatever digest it names them by? */
static bool is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer)
{
    ASN1_OBJECT *digest = NULL;
    OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
    OCSP_id_get0_info(NULL, &digest, NULL, NULL, theirs);
    const EVP_MD *kind = EVP_get_digestbyobj(digest);
    OCSP_CERTID *ours = kind == NULL ? NULL : OCSP_cert_to_id(kind, certificate, issuer);
    bool same = ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

/* V_OCSP_CERTSTATUS_UNKNOWN: it says nothing of the certificate that counts now. */
static int status_in(OCSP_BASICRESP *basic, X509 *certificate, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (!is_about(single, certificate, issuer))
            continue;
        int status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
        if (OCSP_check_validity(from, until, CLOCK_SKEW, -1) == 1)
            return status;
    }
    return V_OCSP_CERTSTATUS_UNKNOWN;
}

static int stapled_status(SSL *ssl, X509 *certificate, X509 *issuer)
{
    const unsigned char *bytes = NULL;
    long length = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    if (bytes == NULL || length <= 0)
        return status;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &bytes, length);
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    if (basic != NULL && OCSP_basic_verify(basic, SSL_get0_verified_chain(ssl),
                                           SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), 0) == 1)
        status = status_in(basic, certificate, issuer);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return status;
}

/* OpenSSL calls it behind the verification of the chain. 0 ends the handshake. */
static int check_staple(SSL *ssl, void *unused)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    (void)unused;
    if (sk_X509_num(chain) < 2)
        return 1; /* the server's own certificate is trusted as it is: there is no issuer to ask */
    X509 *certificate = sk_X509_value(chain, 0);
    int status = stapled_status(ssl, certificate, sk_X509_value(chain, 1));
    if (status == V_OCSP_CERTSTATUS_REVOKED)
        SSL_set_verify_result(ssl, X509_V_ERR_CERT_REVOKED);
    if (status == V_OCSP_CERTSTATUS_UNKNOWN && must_staple(certificate)) {
        SSL_set_verify_result(ssl, X509_V_ERR_OCSP_VERIFY_NEEDED);
        return 0;
    }
    return status != V_OCSP_CERTSTATUS_REVOKED;
}

void tls_staple_check(SSL_CTX *ssl_context)
{
    SSL_CTX_set_tlsext_status_type(ssl_context, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_tlsext_status_cb(ssl_context, check_staple);
}
