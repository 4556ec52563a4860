/*
 * Why: OpenSSL answers in return values, an error queue per thread and errno,
 * and each must be asked in the right order; here that is done once.
 * Rests on: the queue is emptied before every call, so that what is found in it
 * afterwards belongs to this stream; a stream that failed is never asked again.
 */
#include "certs/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certificate_names.h"
#include "certs/tls_private.h"

/* Bytes that are taken off a socket at a time where many come: three records of the longest, and
 * still a block that malloc keeps at hand (proxy/machine.c). */
#define BULK_READ ((size_t)3 * (SSL3_RT_HEADER_LENGTH + SSL3_RT_MAX_ENCRYPTED_LENGTH))

struct tls_stream {
    SSL *ssl;
    struct tls_context *context; /* a reference */
    struct tls_socket socket;
    const char *reason; /* static storage */
    bool failed;
    bool refused_peer; /* ... because of its certificate */
    bool closed;       /* close_notify is out */
};

/* RFC 6066, section 3: an address is verified, but not sent. */
static bool set_server_name(SSL *ssl, const char *server_name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1)
        return true;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, server_name) == 1 && SSL_set_tlsext_host_name(ssl, server_name) == 1;
}

static bool set_side(SSL *ssl, const struct tls_context *context, const char *server_name)
{
    if (!context->is_client) {
        SSL_set_accept_state(ssl);
        return true;
    }
    SSL_set_connect_state(ssl);
    return server_name != NULL && set_server_name(ssl, server_name);
}

static bool set_identity(SSL *ssl, const struct tls_identity *identity)
{
    return identity == NULL ||
           SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) == 1;
}

static bool set_socket(struct tls_stream *stream, const struct tls_place *place)
{
    stream->socket.fd = place->fd;
    if (place->early_length > 0) {
        stream->socket.early = malloc(place->early_length);
        if (stream->socket.early == NULL)
            return false;
        memcpy(stream->socket.early, place->early, place->early_length);
        stream->socket.early_length = place->early_length;
    }
    BIO *bio = tls_socket_new(&stream->socket);
    if (bio == NULL)
        return false;
    SSL_set_bio(stream->ssl, bio, bio);
    return true;
}

static struct tls_stream *new_stream(struct tls_context *context,
                                     const struct tls_identity *identity,
                                     const struct tls_place *place, const char *server_name)
{
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->reason = "";
    stream->context = tls_context_ref(context);
    stream->ssl = SSL_new(context->ssl_context);
    bool made = stream->ssl != NULL && set_side(stream->ssl, context, server_name) &&
                set_identity(stream->ssl, identity) && set_socket(stream, place);
    ERR_clear_error();
    if (!made) {
        tls_stream_free(stream);
        return NULL;
    }
    stream->socket.outer = place->outer;
    return stream;
}

struct tls_stream *tls_stream_new(struct tls_context *context, int fd, const char *server_name)
{
    const struct tls_place place = {.fd = fd};
    return new_stream(context, NULL, &place, server_name);
}

struct tls_stream *tls_stream_new_as(struct tls_context *context,
                                     const struct tls_identity *identity,
                                     const struct tls_place *place)
{
    return new_stream(context, identity, place, NULL);
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream == NULL)
        return;
    SSL_free(stream->ssl);
    tls_socket_clear(&stream->socket);
    tls_context_unref(stream->context);
    free(stream);
}

/* With each name's length in front (RFC 7301, section 3.1); what is wanted most comes first. */
bool tls_stream_offer_http2(struct tls_stream *stream)
{
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    if (!stream->context->is_client)
        return tls_context_set_choice(stream->ssl, protocols);
    return SSL_set_alpn_protos(stream->ssl, protocols, sizeof(protocols) - 1) == 0;
}

bool tls_stream_chose_http2(const struct tls_stream *stream)
{
    const unsigned char *name;
    unsigned length;
    SSL_get0_alpn_selected(stream->ssl, &name, &length);
    return length == 2 && memcmp(name, "h2", length) == 0;
}

bool tls_stream_is_of(const struct tls_stream *stream, const struct tls_context *context)
{
    return stream->context == context;
}

static const char *system_reason(int code)
{
    const char *words = code == 0 ? NULL : strerrordesc_np(code);
    return words == NULL ? "the connection ended without a word" : words;
}

static enum tls_result fail(struct tls_stream *stream, const char *reason)
{
    stream->failed = true;
    stream->reason = reason;
    ERR_clear_error();
    return TLS_FAILED;
}

static void begin_call(void)
{
    ERR_clear_error();
    errno = 0;
}

/* OpenSSL's "certificate verify failed" is the least of what it knows. */
static const char *protocol_reason(struct tls_stream *stream)
{
    const unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    const int library_reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    const bool is_untrue = library_reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                           library_reason == SSL_R_INVALID_STATUS_RESPONSE;
    stream->refused_peer = is_untrue || library_reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    if (is_untrue)
        return X509_verify_cert_error_string(SSL_get_verify_result(stream->ssl));
    return reason == NULL ? "TLS failed" : reason;
}

/* What RETURNED, which some call of OpenSSL on this stream gave back, means. */
static enum tls_result result_of(struct tls_stream *stream, int returned)
{
    int system_code = errno;
    switch (SSL_get_error(stream->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_END;
    case SSL_ERROR_SSL:
        return fail(stream, protocol_reason(stream));
    default:
        return fail(stream, system_reason(system_code));
    }
}

enum tls_result tls_stream_handshake(struct tls_stream *stream)
{
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    return result_of(stream, SSL_do_handshake(stream->ssl));
}

/* OpenSSL takes its buffer anew when it is empty, and wipes it whole when it gives it back: a large
 * one is for streams alone that are in the middle of much. */
static void fit_buffer(const struct tls_stream *stream)
{
    SSL_set_default_read_buffer_len(stream->ssl, SSL_has_pending(stream->ssl) ? BULK_READ : 0);
}

enum tls_result tls_stream_read(struct tls_stream *stream, void *bytes, size_t size, size_t *count)
{
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    const enum tls_result result = result_of(stream, SSL_read_ex(stream->ssl, bytes, size, count));
    fit_buffer(stream);
    return result;
}

enum tls_result tls_stream_write(struct tls_stream *stream, const void *bytes, size_t size,
                                 size_t *count)
{
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    stream->socket.more = size > SSL3_RT_MAX_PLAIN_LENGTH;
    const enum tls_result result = result_of(stream, SSL_write_ex(stream->ssl, bytes, size, count));
    stream->socket.more = false;
    return result;
}

enum tls_result tls_stream_peek(struct tls_stream *stream)
{
    char byte;
    size_t count;
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    return result_of(stream, SSL_peek_ex(stream->ssl, &byte, 1, &count));
}

bool tls_stream_has_bytes(const struct tls_stream *stream)
{
    return SSL_has_pending(stream->ssl) == 1 ||
           (stream->socket.outer != NULL && tls_stream_has_bytes(stream->socket.outer));
}

static enum tls_result shut_outer(const struct tls_stream *stream)
{
    return stream->socket.outer == NULL ? TLS_OK : tls_stream_shutdown(stream->socket.outer);
}

enum tls_result tls_stream_shutdown(struct tls_stream *stream)
{
    if (stream->failed)
        return TLS_FAILED;
    if (stream->closed) /* a second SSL_shutdown would read, and eat what still comes */
        return shut_outer(stream);
    if (!SSL_is_init_finished(stream->ssl))
        return fail(stream, "closed before the handshake was done");
    begin_call();
    int returned = SSL_shutdown(stream->ssl);
    if (returned < 0) {
        enum tls_result result = result_of(stream, returned);
        if (result != TLS_WANT_READ)
            return result;
    }
    stream->closed = true;
    return shut_outer(stream);
}

const char *tls_stream_reason(const struct tls_stream *stream)
{
    return stream->reason;
}

/* Who is connected shows its certificate there. */
static const struct tls_stream *outermost(const struct tls_stream *stream)
{
    while (stream->socket.outer != NULL)
        stream = stream->socket.outer;
    return stream;
}

void tls_stream_describe_peer(const struct tls_stream *stream, struct tls_peer *peer)
{
    stream = outermost(stream);
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    *peer = (struct tls_peer){.has_certificate = false};
    if (certificate == NULL || SSL_get_verify_result(stream->ssl) != X509_V_OK ||
        !SSL_is_init_finished(stream->ssl))
        return;
    peer->has_certificate = true;
    peer->may_sign = certificate_may_sign(certificate);
    if (!certificate_one_uri(certificate, peer->uri, sizeof(peer->uri)))
        peer->uri[0] = '\0';
    if (!certificate_one_common_name(certificate, peer->common_name, sizeof(peer->common_name)))
        peer->common_name[0] = '\0';
}

bool tls_stream_peer_digest(const struct tls_stream *stream, uint8_t digest[32])
{
    const X509 *certificate = SSL_get0_peer_certificate(outermost(stream)->ssl);
    return certificate != NULL && X509_digest(certificate, EVP_sha256(), digest, NULL) == 1;
}

bool tls_stream_peer_is_good(const struct tls_stream *stream, const struct tls_context *context)
{
    const SSL *ssl = outermost(stream)->ssl;
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    const bool is_good =
        certificate != NULL && tls_trust_verify(context, certificate, SSL_get_peer_cert_chain(ssl));
    ERR_clear_error();
    return is_good;
}

bool tls_stream_refused_peer(const struct tls_stream *stream)
{
    return stream->refused_peer;
}
