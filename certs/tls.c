/*
 * Why: OpenSSL answers in return values, an error queue per thread and errno,
 * and each must be asked in the right order; here that is done once.
 * Rests on: the queue is emptied before every call, so that what is found in it
 * afterwards belongs to this stream; a stream that failed is never asked again.
 */
#include "certs/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "certs/tls_private.h"

struct tls_stream {
    SSL *ssl;
    const char *reason; /* static storage */
    bool failed;
    bool closed; /* close_notify is out */
};

struct tls_stream *tls_stream_new(struct tls_context *context, int fd)
{
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    BIO *socket = tls_socket_new(context->method, fd);
    SSL *ssl = SSL_new(context->ssl_context);
    if (stream == NULL || socket == NULL || ssl == NULL) {
        SSL_free(ssl);
        BIO_free(socket);
        free(stream);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(ssl, socket, socket);
    SSL_set_accept_state(ssl);
    stream->ssl = ssl;
    stream->reason = "";
    return stream;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream == NULL)
        return;
    SSL_free(stream->ssl);
    free(stream);
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
    case SSL_ERROR_SSL: {
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        return fail(stream, reason == NULL ? "TLS failed" : reason);
    }
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

enum tls_result tls_stream_read(struct tls_stream *stream, void *bytes, size_t size, size_t *count)
{
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    return result_of(stream, SSL_read_ex(stream->ssl, bytes, size, count));
}

enum tls_result tls_stream_write(struct tls_stream *stream, const void *bytes, size_t size,
                                 size_t *count)
{
    if (stream->failed)
        return TLS_FAILED;
    begin_call();
    return result_of(stream, SSL_write_ex(stream->ssl, bytes, size, count));
}

enum tls_result tls_stream_shutdown(struct tls_stream *stream)
{
    if (stream->failed)
        return TLS_FAILED;
    if (stream->closed)
        return TLS_OK; /* a second SSL_shutdown would read, and eat what still comes */
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
    return TLS_OK;
}

const char *tls_stream_reason(const struct tls_stream *stream)
{
    return stream->reason;
}
