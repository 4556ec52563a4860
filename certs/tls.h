/*
 * TLS over a non-blocking socket, as a stream: the only face that OpenSSL shows
 * to the proxy. Contexts are shared by all workers and never written after they
 * are made; a stream belongs to one worker.
 */
#ifndef SALLYPORT_CERTS_TLS_H
#define SALLYPORT_CERTS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/error.h"

struct tls_context;

/*
 * For an https:// proxy listener: TLS 1.2 and 1.3, ALPN http/1.1, security level 2,
 * no renegotiation, no compression. PEM files; the certificate's chain may
 * follow it. NULL: ERROR names the file and OpenSSL's reason (also when key and
 * certificate do not belong together).
 */
struct tls_context *tls_context_new_server(const char *certificate, const char *key,
                                           struct error *error);
void tls_context_free(struct tls_context *context);

struct tls_stream;

/*
 * A server's side of a connection on FD (non-blocking, not owned). NULL: memory
 * is out. The context outlives it. Never raises SIGPIPE.
 */
struct tls_stream *tls_stream_new(struct tls_context *context, int fd);
void tls_stream_free(struct tls_stream *stream);

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,  /* again when the socket is readable */
    TLS_WANT_WRITE, /* again when it is writable */
    TLS_END,        /* the peer said close_notify */
    TLS_FAILED,     /* broken: reset, truncated, protocol error; only free is left */
};

/* The handshake; also done by itself in read and write. */
enum tls_result tls_stream_handshake(struct tls_stream *stream);

/*
 * At most SIZE (> 0) bytes; *count of them were read or written when TLS_OK.
 *
 * Bytes that came in one record may wait inside the stream while the socket is
 * silent: before waiting for the socket, read until TLS_WANT_READ. A write that
 * could not be done must be tried again with the same bytes first (from any
 * buffer; more may follow them). Reading may want to write and writing to read.
 * After TLS_END writing goes on.
 */
enum tls_result tls_stream_read(struct tls_stream *stream, void *bytes, size_t size, size_t *count);
enum tls_result tls_stream_write(struct tls_stream *stream, const void *bytes, size_t size,
                                 size_t *count);

/* Sends close_notify; reading goes on, writing does not. TLS_WANT_WRITE: call it again. */
enum tls_result tls_stream_shutdown(struct tls_stream *stream);

/* The failure in OpenSSL's or the system's words, for the log ("" where there was none). Static. */
const char *tls_stream_reason(const struct tls_stream *stream);

#endif
