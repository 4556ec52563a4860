/*
 * TLS over a non-blocking socket, as a stream: the only face that OpenSSL shows
 * to the proxy. Contexts are shared by all workers and never written after they
 * are made; a stream belongs to one worker.
 */
#ifndef SALLYPORT_CERTS_TLS_H
#define SALLYPORT_CERTS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "policy/error.h"

struct tls_context;

enum tls_clients {
    TLS_CLIENTS_UNASKED,  /* no certificate is asked for */
    TLS_CLIENTS_OPTIONAL, /* none is fine, a wrong one ends the handshake */
    TLS_CLIENTS_REQUIRED,
};

/* PEM files. */
struct tls_server_files {
    const char *certificate; /* its chain may follow it */
    const char *key;
    const char *client_ca; /* authorities of client certificates; NULL with TLS_CLIENTS_UNASKED */
    const char *crl;       /* lists of what is revoked, of each authority; NULL: nothing is */
};

/*
 * For an https:// proxy listener: TLS 1.2 and 1.3, ALPN http/1.1, security level 2,
 * no renegotiation, no compression. Client certificates are verified for that purpose, whatever
 * is in client_ca is an authority (also one that is not self-signed), and with a
 * crl each authority of a chain needs a list in force. Whoever asks for client
 * certificates resumes no session: each connection shows its certificate anew. Others get
 * tickets that are good here alone, for TLS_TICKET_SECONDS at most.
 * NULL: ERROR names the file and OpenSSL's reason (also when key and certificate
 * do not belong together).
 */
struct tls_context *tls_context_new_server(const struct tls_server_files *files,
                                           enum tls_clients clients, struct error *error);

/*
 * For connections to servers: TLS 1.2 and 1.3, ALPN http/1.1 (tls_stream_offer_http2 for more),
 * security level 2, no session resumed. The server's chain, name (among the subject alternative
 * names alone, RFC 9525) and dates are verified, and what it staples (OCSP). TRUST: a PEM file of
 * authorities beside the system's, NULL: only those. All of them are read now, none later.
 */
struct tls_context *tls_context_new_client(const char *trust, struct error *error);

/* The file that the system's authorities are read from (SSL_CERT_FILE, or as Debian has it); NULL:
 * there is none. */
const char *tls_system_bundle(void);

/*
 * The same, believing whom LIKE, another client's, believes; to servers that ask it shows
 * the certificate in the PEM file, its chain behind it. ERROR as for a server.
 */
struct tls_context *tls_context_new_client_like(const struct tls_context *like,
                                                const char *certificate, const char *key,
                                                struct error *error);

/* Shared by threads; the last reference frees it. */
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is fine */

#define TLS_TICKET_SECONDS 3600

/*
 * From now on tickets are sealed with a new key, and those of the key before it are good still: to
 * be called every TLS_TICKET_SECONDS. Any thread. Of a context that gives no tickets: nothing.
 */
void tls_context_rotate_tickets(struct tls_context *context);

/* When the certificate that it shows expires; and its earliest CRL, 0 where it has none. */
time_t tls_context_certificate_expires(const struct tls_context *context);
time_t tls_context_crl_expires(const struct tls_context *context);

struct tls_stream;

/*
 * One side of a connection on FD (non-blocking, not owned): the server's or the client's, as
 * CONTEXT is; SERVER_NAME (a client's; a DNS name or an IP address) is sent
 * and has to be in the server's certificate, NULL for a server. NULL: memory is
 * out, or the name is none. Never raises SIGPIPE.
 */
struct tls_stream *tls_stream_new(struct tls_context *context, int fd, const char *server_name);
void tls_stream_free(struct tls_stream *stream);

/*
 * Before its handshake: h2, and behind it http/1.1, are what a client offers by ALPN (RFC 7301), or
 * what a server chooses from. False: memory is out.
 */
bool tls_stream_offer_http2(struct tls_stream *stream);

/* After the handshake: both sides have agreed on h2 by ALPN. */
bool tls_stream_chose_http2(const struct tls_stream *stream);

/* Where the bytes of a stream are, if not on a descriptor alone. */
struct tls_place {
    int fd;
    struct tls_stream *outer; /* TLS that it goes through, the new stream's from now on; NULL: none
                               */
    const void *early;        /* what has come of it already; copied */
    size_t early_length;
};

/* STREAM was made with CONTEXT. */
bool tls_stream_is_of(const struct tls_stream *stream, const struct tls_context *context);

/* What the verified certificate of the other side says of its owner. */
struct tls_peer {
    bool has_certificate;
    bool may_sign;         /* it is no leaf */
    char uri[512];         /* its one URI name; "" where there is none or more than one */
    char common_name[256]; /* its one common name; "" as above */
};

/* After the handshake; where a stream goes through another, the outermost's other side. Not
 * verified, or not there: has_certificate is false. */
void tls_stream_describe_peer(const struct tls_stream *stream, struct tls_peer *peer);

/* SHA-256 of the certificate that the other side has shown, verified or not. False: none. */
bool tls_stream_peer_digest(const struct tls_stream *stream, uint8_t digest[32]);

/*
 * Would CONTEXT, a server's, let in whoever has shown that certificate? It is verified again: its
 * chain, what it is for, its dates, what is revoked; some signatures' work. False where there is
 * none, or memory is out.
 */
bool tls_stream_peer_is_good(const struct tls_stream *stream, const struct tls_context *context);

/* The handshake failed on the other side's certificate: it was missing, or wrong as the reason
 * says. */
bool tls_stream_refused_peer(const struct tls_stream *stream);

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
 * After TLS_END writing goes on. Of more bytes than a record holds (16 KiB) one record is
 * written, which may wait in the kernel for the next: write the rest.
 */
enum tls_result tls_stream_read(struct tls_stream *stream, void *bytes, size_t size, size_t *count);
enum tls_result tls_stream_write(struct tls_stream *stream, const void *bytes, size_t size,
                                 size_t *count);

/*
 * TLS_WANT_READ: the other side has said nothing (but what TLS says to itself) and not
 * ended. TLS_OK: bytes wait to be read.
 */
enum tls_result tls_stream_peek(struct tls_stream *stream);

/* Bytes that came off the socket wait inside the stream. */
bool tls_stream_has_bytes(const struct tls_stream *stream);

/* Sends close_notify; reading goes on, writing does not. TLS_WANT_WRITE: call it again. */
enum tls_result tls_stream_shutdown(struct tls_stream *stream);

/* The failure in OpenSSL's or the system's words, for the log ("" where there was none). Static. */
const char *tls_stream_reason(const struct tls_stream *stream);

#endif
