/*
 * Why: what every stream of a listener has in common is set once, here, and
 * never written again, so workers share it without a lock.
 * The choices: TLS 1.2 with forward secrecy and AEAD alone, or 1.3; one key
 * exchange a connection, no renegotiation, no compression; no session kept on
 * this side (tickets remain: tls_tickets.c).
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certificate_names.h"
#include "certs/tls_error.h"
#include "certs/tls_private.h"

#define SECURITY_LEVEL 2

/* RFC 7301's name for it, its length in front (section 3.1). */
static const unsigned char protocols[] = "\x08http/1.1";

struct tls_context *tls_context_ref(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

/* Streams hold what they need of it themselves. */
void tls_context_unref(struct tls_context *context)
{
    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) > 1)
        return;
    SSL_CTX_free(context->ssl_context);
    tls_tickets_free(context->tickets);
    free(context);
}

time_t tls_context_certificate_expires(const struct tls_context *context)
{
    return certificate_expires(SSL_CTX_get0_certificate(context->ssl_context));
}

time_t tls_context_crl_expires(const struct tls_context *context)
{
    return context->crl_expires;
}

bool tls_context_set_choice(SSL *ssl, const unsigned char *wanted)
{
    return SSL_set_app_data(ssl, (void *)(uintptr_t)wanted) == 1;
}

/* Where in OFFERED the name is that NAME, its length in front, is; NULL: nowhere. */
static const unsigned char *find_protocol(const unsigned char *offered, unsigned offered_length,
                                          const unsigned char *name)
{
    for (unsigned i = 0; i < offered_length; i += 1U + offered[i]) {
        const unsigned left = offered_length - i - 1;
        if (offered[i] == name[0] && left >= name[0] &&
            memcmp(&offered[i + 1], &name[1], name[0]) == 0)
            return &offered[i + 1];
    }
    return NULL;
}

/* RFC 7301 section 3.2: a client whose list has nothing of ours gets a fatal alert. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *offered, unsigned offered_length, void *unused)
{
    const unsigned char *wanted = SSL_get_app_data(ssl);
    (void)unused;
    for (wanted = wanted == NULL ? protocols : wanted; *wanted != 0; wanted += 1 + *wanted) {
        *out = find_protocol(offered, offered_length, wanted);
        *out_length = *wanted;
        if (*out != NULL)
            return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_rules(SSL_CTX *ssl_context, bool is_client)
{
    SSL_CTX_set_security_level(ssl_context, SECURITY_LEVEL);
    SSL_CTX_set_options(ssl_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_clear_options(ssl_context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl_context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ssl_context, 1);
    SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ssl_context, tls_error_refuse_passphrase);
    if (!is_client)
        SSL_CTX_set_alpn_select_cb(ssl_context, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ssl_context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl_context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

/* Whoever shows a certificate shows it each time: a resumed session has none, and would outlive its
 * revocation. */
static bool set_clients(struct tls_context *context, const struct tls_server_files *files,
                        enum tls_clients clients, struct error *error)
{
    if (clients == TLS_CLIENTS_UNASKED)
        return tls_tickets_start(context, error);
    tls_context_forbid_resumption(context);
    return tls_trust_clients(context, files, clients, error);
}

static bool load_certificate(SSL_CTX *ssl_context, const char *path, struct error *error)
{
    return tls_error_check_readable(path, "the certificate", error) &&
           (SSL_CTX_use_certificate_chain_file(ssl_context, path) == 1 ||
            tls_error_set_file(path, TLS_ERROR_NO_CERTIFICATE, error));
}

static bool load_key(SSL_CTX *ssl_context, const char *path, const char *certificate,
                     struct error *error)
{
    bool passphrase_asked = false;
    if (!tls_error_check_readable(path, "the key", error))
        return false;
    SSL_CTX_set_default_passwd_cb_userdata(ssl_context, &passphrase_asked);
    bool loaded = SSL_CTX_use_PrivateKey_file(ssl_context, path, SSL_FILETYPE_PEM) == 1 &&
                  SSL_CTX_check_private_key(ssl_context) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ssl_context, NULL);
    if (loaded)
        return true;
    if (ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH &&
        ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_TYPE_MISMATCH)
        return tls_error_set_key(path, passphrase_asked, error);
    error_set_at(error, path, (struct position){0, 0}, "this key does not belong to %s",
                 certificate);
    ERR_clear_error();
    return false;
}

struct tls_context *tls_context_new_bare(bool is_client, struct error *error)
{
    ERR_clear_error();
    struct tls_context *context = calloc(1, sizeof(*context));
    if (context != NULL) {
        context->ssl_context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
        context->is_client = is_client;
        atomic_init(&context->references, 1);
    }
    if (context != NULL && context->ssl_context != NULL &&
        set_rules(context->ssl_context, is_client))
        return context;
    tls_error_set("OpenSSL could not be set up", error);
    tls_context_unref(context);
    return NULL;
}

/* RFC 8446, section 8.1; the cache is off anyway. */
void tls_context_forbid_resumption(struct tls_context *context)
{
    SSL_CTX_set_options(context->ssl_context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context->ssl_context, 0);
}

struct tls_context *tls_context_new_server(const struct tls_server_files *files,
                                           enum tls_clients clients, struct error *error)
{
    struct tls_context *context = tls_context_new_bare(false, error);
    if (context == NULL)
        return NULL;
    if (load_certificate(context->ssl_context, files->certificate, error) &&
        load_key(context->ssl_context, files->key, files->certificate, error) &&
        set_clients(context, files, clients, error))
        return context;
    tls_context_unref(context);
    return NULL;
}

static struct tls_context *client_new(struct error *error)
{
    struct tls_context *context = tls_context_new_bare(true, error);
    if (context == NULL)
        return NULL;
    tls_staple_check(context->ssl_context);
    if (SSL_CTX_set_alpn_protos(context->ssl_context, protocols, sizeof(protocols) - 1) == 0)
        return context;
    tls_error_set("OpenSSL could not be set up", error);
    tls_context_unref(context);
    return NULL;
}

struct tls_context *tls_context_new_client(const char *trust, struct error *error)
{
    struct tls_context *context = client_new(error);
    if (context == NULL || tls_trust_servers(context, trust, error))
        return context;
    tls_context_unref(context);
    return NULL;
}

struct tls_context *tls_context_new_client_like(const struct tls_context *like,
                                                const char *certificate, const char *key,
                                                struct error *error)
{
    struct tls_context *context = client_new(error);
    if (context == NULL)
        return NULL;
    tls_trust_as(context, like);
    if (load_certificate(context->ssl_context, certificate, error) &&
        load_key(context->ssl_context, key, certificate, error))
        return context;
    tls_context_unref(context);
    return NULL;
}
