/*
 * Readiness lives here alone: an edge sets a flag, "try again" clears it, and
 * nothing else touches either.
 */
#include "proxy/transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool transport_open(struct transport *transport, struct event_base *base, int fd,
                    event_callback_fn callback, void *owner)
{
    const short edges = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    *transport = (struct transport){.fd = fd};
    if (event_assign(&transport->event, base, fd, edges, callback, owner) == 0 &&
        event_add(&transport->event, NULL) == 0)
        return true;
    close(fd);
    transport->fd = -1;
    return false;
}

bool transport_start_tls(struct transport *transport, struct tls_context *context)
{
    transport->tls = tls_stream_new(context, transport->fd);
    return transport->tls != NULL;
}

void transport_note(struct transport *transport, short what)
{
    if (what & (EV_READ | EV_CLOSED))
        transport->readable = true;
    if (what & EV_WRITE)
        transport->writable = true;
    if (what & EV_CLOSED)
        transport->peer_closed = true;
}

static enum transport_result from_tls(struct transport *transport, enum tls_result result)
{
    switch (result) {
    case TLS_OK:
        return TRANSPORT_OK;
    case TLS_WANT_READ:
        transport->readable = false;
        return TRANSPORT_AGAIN;
    case TLS_WANT_WRITE:
        transport->writable = false;
        return TRANSPORT_AGAIN;
    case TLS_END:
        return TRANSPORT_END;
    case TLS_FAILED:
        return TRANSPORT_FAILED;
    }
    return TRANSPORT_FAILED;
}

enum transport_result transport_handshake(struct transport *transport)
{
    return from_tls(transport, tls_stream_handshake(transport->tls));
}

/*
 * A short read has emptied the socket: the next byte, or the FIN, will be an edge
 * of its own. Unless the FIN is here already: its edge is spent, so read on to
 * meet the end.
 */
static enum transport_result read_plain(struct transport *transport, void *bytes, size_t size,
                                        size_t *count)
{
    ssize_t got = TEMP_FAILURE_RETRY(recv(transport->fd, bytes, size, 0));
    if (got > 0) {
        *count = (size_t)got;
        if (*count < size && !transport->peer_closed)
            transport->readable = false;
        return TRANSPORT_OK;
    }
    if (got == 0)
        return TRANSPORT_END;
    if (errno != EAGAIN)
        return TRANSPORT_FAILED;
    transport->readable = false;
    return TRANSPORT_AGAIN;
}

enum transport_result transport_read(struct transport *transport, void *bytes, size_t size,
                                     size_t *count)
{
    if (!transport->readable)
        return TRANSPORT_AGAIN;
    if (transport->tls != NULL)
        return from_tls(transport, tls_stream_read(transport->tls, bytes, size, count));
    return read_plain(transport, bytes, size, count);
}

static enum transport_result write_plain(struct transport *transport, const void *bytes,
                                         size_t size, size_t *count)
{
    ssize_t put = TEMP_FAILURE_RETRY(send(transport->fd, bytes, size, MSG_NOSIGNAL));
    if (put >= 0) {
        *count = (size_t)put;
        if (*count < size)
            transport->writable = false;
        return TRANSPORT_OK;
    }
    if (errno != EAGAIN)
        return TRANSPORT_FAILED;
    transport->writable = false;
    return TRANSPORT_AGAIN;
}

enum transport_result transport_write(struct transport *transport, const void *bytes, size_t size,
                                      size_t *count)
{
    if (!transport->writable)
        return TRANSPORT_AGAIN;
    if (transport->tls != NULL)
        return from_tls(transport, tls_stream_write(transport->tls, bytes, size, count));
    return write_plain(transport, bytes, size, count);
}

void transport_shutdown(struct transport *transport)
{
    if (transport->tls != NULL)
        (void)tls_stream_shutdown(transport->tls); /* if it does not go out, close follows anyway */
    shutdown(transport->fd, SHUT_WR);
}

bool transport_is_broken(const struct transport *transport)
{
    char byte;
    return recv(transport->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN &&
           errno != EINTR;
}

void transport_close(struct transport *transport, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (transport->fd < 0)
        return;
    if (reset)
        setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    event_del(&transport->event);
    if (transport->tls != NULL)
        tls_stream_free(transport->tls);
    close(transport->fd);
    *transport = (struct transport){.fd = -1};
}
