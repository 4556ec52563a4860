/*
 * One connection as a stream of bytes, plain or TLS, on a worker's loop.
 *
 * The one trick: a descriptor is registered once, edge-triggered, for its whole
 * life, and what the edges said is remembered in `readable` and `writable`. So
 * no epoll change is ever paid between accept and close, and no call is made
 * that could only answer "try again".
 */
#ifndef SALLYPORT_PROXY_TRANSPORT_H
#define SALLYPORT_PROXY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/mint.h"
#include "policy/span.h"
#include "proxy/buffer.h"
#include "proxy/poller.h"

enum transport_result {
    TRANSPORT_OK,
    TRANSPORT_AGAIN,  /* an event will tell when it is worth trying again */
    TRANSPORT_END,    /* the peer has ended its side */
    TRANSPORT_FAILED, /* reset, truncated, broken; only closing is left */
};

typedef void transport_wake(void *owner);

struct transport {
    transport_wake *wake; /* called on each edge, when it has been noted; it and its owner may */
    void *owner;          /* change hands at any time */
    struct poller *poller;
    struct tls_stream *tls; /* NULL: plain; owned */
    int fd;                 /* -1: closed */
    bool readable;
    bool writable;
    bool peer_closed; /* the peer's FIN was seen; bytes before it may still wait */
    bool remarkable;  /* an end, an error or urgent data was reported, ever */
};

/*
 * Takes FD over (non-blocking already) and registers it: WAKE(OWNER) on each
 * edge. False: FD is closed, the transport too.
 */
bool transport_open(struct transport *transport, struct poller *poller, int fd,
                    transport_wake *wake, void *owner);

/*
 * Makes TLS out of a plain transport: the server's side, or, as CONTEXT is, the client's, which
 * goes to SERVER_NAME (else NULL). False: memory is out.
 */
bool transport_start_tls(struct transport *transport, struct tls_context *context,
                         const char *server_name);

/* Plain again, without a word: what still comes is not understood. */
void transport_end_tls(struct transport *transport);

/* Plain: as transport_read, but what is read stays to be read again. */
enum transport_result transport_peek(struct transport *transport, void *bytes, size_t size,
                                     size_t *count);
/* What was peeked at is not enough: an edge tells when there is more. False: there will be no more.
 */
bool transport_await_more(struct transport *transport);
/* Plain: takes COUNT bytes that were peeked at. False: the connection is broken. */
bool transport_skip(struct transport *transport, size_t count);

/*
 * Makes the server's side of TLS, as HOST (mint_stream), out of what the transport carries:
 * a plain stream, or one that is TLS already. EARLY: what was read of it. False: it stays as it
 * is.
 */
bool transport_start_minted_tls(struct transport *transport, const struct minter *minter,
                                struct mint_cache *cache, const char *host, struct span early);

/* TLS: the handshake, TRANSPORT_OK when it is done. */
enum transport_result transport_handshake(struct transport *transport);

/* Remembers what an edge said (epoll's flags). */
void transport_note(struct transport *transport, uint32_t events);

/* At most SIZE (> 0) bytes; *count of them when TRANSPORT_OK. */
enum transport_result transport_read(struct transport *transport, void *bytes, size_t size,
                                     size_t *count);

/*
 * Reads once behind BUFFER's unused bytes, which begin with FIRST and grow to at most MAXIMUM
 * (buffer_reserve; TRANSPORT_FAILED where it gives no room). Where nothing is to be read no memory
 * is taken, and an empty buffer keeps none.
 */
enum transport_result transport_fill(struct transport *transport, struct buffer *buffer,
                                     size_t first, size_t maximum);

enum transport_result transport_write(struct transport *transport, const void *bytes, size_t size,
                                      size_t *count);

/* Ends our side (TLS says so first: TRANSPORT_AGAIN, call again); reading goes on. */
enum transport_result transport_shutdown(struct transport *transport);

/* The peer has sent nothing (of its own, by TLS) and not ended: a connection at rest. Takes no
 * byte. */
bool transport_is_quiet(struct transport *transport);

/* The same as far as edges tell: the kernel is asked only where they leave it open. */
bool transport_seems_quiet(struct transport *transport);

/* Bytes wait to be read; takes none. */
bool transport_has_bytes(const struct transport *transport);

/* True when the connection is known to be broken already (reset); takes no byte. */
bool transport_is_broken(struct transport *transport);

/* Closes; harmless on a closed one. RESET: with a RST, so that the peer sees a failure, not an end.
 */
void transport_close(struct transport *transport, bool reset);

#endif
