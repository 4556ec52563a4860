/*
 * Whose certificates are believed. For clients: the authorities that the owner
 * names and nobody else, and what they have revoked; for servers: the system's,
 * and some more where the owner says so.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include "certs/certificate_names.h"
#include "certs/pem_file.h"
#include "certs/tls_error.h"
#include "certs/tls_private.h"

static bool load_authorities(SSL_CTX *ssl_context, const char *path, struct error *error)
{
    return tls_error_check_readable(path, "the authorities' file", error) &&
           (SSL_CTX_load_verify_file(ssl_context, path) == 1 ||
            tls_error_set_file(
                path, "no PEM certificates (-----BEGIN CERTIFICATE-----) of authorities", error));
}

/* ---- Clients --------------------------------------------------------------- */

/* Told to clients, so that they can choose among their certificates. */
static bool name_authorities(SSL_CTX *ssl_context, const char *path, struct error *error)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names == NULL)
        return tls_error_set_file(
            path, "no PEM certificates (-----BEGIN CERTIFICATE-----) of authorities", error);
    SSL_CTX_set_client_CA_list(ssl_context, names);
    return true;
}

/*
 * OpenSSL reads a certificate's extensions when it first needs them. When a list is loaded anew all
 * workers verify by the same authorities at once: what they share has been read by then.
 */
static void read_extensions(SSL_CTX *ssl_context)
{
    const STACK_OF(X509_OBJECT) *objects =
        X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl_context));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != NULL)
            (void)X509_check_purpose(authority, -1, 0);
    }
}

static void note_expiry(struct tls_context *context, const X509_CRL *list)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
    time_t expires = next == NULL ? 0 : certificate_time(next);
    if (expires > 0 && (context->crl_expires == 0 || expires < context->crl_expires))
        context->crl_expires = expires;
}

static int add_lists(struct tls_context *context, BIO *file)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl_context);
    X509_CRL *list;
    int added = 0;
    while ((list = PEM_read_bio_X509_CRL(file, NULL, NULL, NULL)) != NULL) {
        note_expiry(context, list);
        if (X509_STORE_add_crl(store, list) == 1)
            added++;
        X509_CRL_free(list);
    }
    return added;
}

/* The end of a PEM file is an error too, but one that is expected. */
static bool is_only_the_end(void)
{
    const unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool load_lists(struct tls_context *context, const char *path, struct error *error)
{
    if (path == NULL)
        return true;
    if (!tls_error_check_readable(path, "the list of what is revoked", error))
        return false;
    ERR_clear_error();
    BIO *file = BIO_new_file(path, "r");
    int added = file == NULL ? 0 : add_lists(context, file);
    BIO_free(file);
    if (added == 0 || !is_only_the_end())
        return tls_error_set_file(
            path, "no PEM list of revoked certificates (-----BEGIN X509 CRL-----)", error);
    ERR_clear_error();
    X509_STORE_set_flags(SSL_CTX_get_cert_store(context->ssl_context),
                         X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return true;
}

bool tls_trust_clients(struct tls_context *context, const struct tls_server_files *files,
                       enum tls_clients clients, struct error *error)
{
    const int required = clients == TLS_CLIENTS_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    if (!load_authorities(context->ssl_context, files->client_ca, error) ||
        !name_authorities(context->ssl_context, files->client_ca, error) ||
        !load_lists(context, files->crl, error))
        return false;
    read_extensions(context->ssl_context);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(context->ssl_context), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER | required, NULL);
    return true;
}

/* As the handshake does it. */
bool tls_trust_verify(const struct tls_context *context, X509 *certificate, STACK_OF(X509) * chain)
{
    SSL_CTX *ssl_context = context->ssl_context;
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    bool is_good =
        check != NULL &&
        X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ssl_context), certificate, chain) == 1 &&
        X509_STORE_CTX_set_default(check, "ssl_client") == 1 &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(check), SSL_CTX_get0_param(ssl_context)) ==
            1;
    if (is_good) {
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(check),
                                         SSL_CTX_get_security_level(ssl_context));
        is_good = X509_verify_cert(check) == 1;
    }
    X509_STORE_CTX_free(check);
    return is_good;
}

/* ---- Servers --------------------------------------------------------------- */

const char *tls_system_bundle(void)
{
    const char *const paths[] = {X509_get_default_cert_file(), PEM_FILE_SYSTEM_BUNDLE};
    const char *named = getenv(X509_get_default_cert_file_env());
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && named == NULL; i++) {
        if (access(paths[i], R_OK) == 0)
            named = paths[i];
    }
    return named;
}

/*
 * The bundle is read whole, now: a directory of hashed names would be read when a server is
 * verified, by threads that may open no file then. A system without one trusts nobody.
 */
static bool load_system(SSL_CTX *ssl_context, struct error *error)
{
    const char *bundle = tls_system_bundle();
    return bundle == NULL || load_authorities(ssl_context, bundle, error);
}

bool tls_trust_servers(struct tls_context *context, const char *trust, struct error *error)
{
    SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER, NULL);
    return load_system(context->ssl_context, error) &&
           (trust == NULL || load_authorities(context->ssl_context, trust, error));
}

void tls_trust_as(struct tls_context *context, const struct tls_context *other)
{
    SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set1_cert_store(context->ssl_context, SSL_CTX_get_cert_store(other->ssl_context));
}
