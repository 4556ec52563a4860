/*
 * Readiness lives here alone: an edge sets a flag, "try again" clears it, and
 * nothing else touches either.
 */
#include "proxy/transport.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool transport_open(struct transport *transport, struct poller *poller, int fd,
                    transport_wake *wake, void *owner)
{
    *transport = (struct transport){.fd = fd, .poller = poller, .wake = wake, .owner = owner};
    if (poller_add(poller, transport))
        return true;
    close(fd);
    transport->fd = -1;
    return false;
}

bool transport_start_tls(struct transport *transport, struct tls_context *context,
                         const char *server_name)
{
    transport->tls = tls_stream_new(context, transport->fd, server_name);
    return transport->tls != NULL;
}

bool transport_start_minted_tls(struct transport *transport, const struct minter *minter,
                                struct mint_cache *cache, const char *host, struct span early)
{
    const struct tls_place place = {.fd = transport->fd,
                                    .outer = transport->tls,
                                    .early = early.data,
                                    .early_length = early.length};
    struct tls_stream *stream = mint_stream(minter, cache, host, &place);
    if (stream == NULL)
        return false;
    transport->tls = stream;
    return true;
}

void transport_end_tls(struct transport *transport)
{
    tls_stream_free(transport->tls);
    transport->tls = NULL;
}

void transport_note(struct transport *transport, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        transport->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        transport->writable = true;
    if (events & EPOLLRDHUP)
        transport->peer_closed = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        transport->remarkable = true;
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

/*
 * It reads whatever the edges have said, and may have taken what comes behind it off the socket,
 * too: no edge will tell of that any more.
 */
enum transport_result transport_handshake(struct transport *transport)
{
    const enum transport_result result = from_tls(transport, tls_stream_handshake(transport->tls));
    if (result == TRANSPORT_OK && tls_stream_has_bytes(transport->tls))
        transport->readable = true;
    return result;
}

/*
 * A short read has taken all that its edge told of, and more will come with an edge
 * of its own. Not so once an end, an error or urgent data (a read stops before it)
 * was reported: these may stand behind the bytes, by the same edge, and then only
 * "try again" says that there is nothing more.
 */
static enum transport_result read_plain(struct transport *transport, void *bytes, size_t size,
                                        size_t *count)
{
    ssize_t got = TEMP_FAILURE_RETRY(recv(transport->fd, bytes, size, 0));
    if (got > 0) {
        *count = (size_t)got;
        if (*count < size && !transport->remarkable)
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

enum transport_result transport_fill(struct transport *transport, struct buffer *buffer,
                                     size_t first, size_t maximum)
{
    size_t room, count;
    if (!transport->readable)
        return TRANSPORT_AGAIN;
    char *end = buffer_reserve(buffer, first, maximum, &room);
    if (end == NULL)
        return TRANSPORT_FAILED;
    enum transport_result result = transport_read(transport, end, room, &count);
    if (result == TRANSPORT_OK)
        buffer_commit(buffer, count);
    else if (buffer->length == 0)
        buffer_clear(buffer);
    return result;
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

enum transport_result transport_shutdown(struct transport *transport)
{
    if (transport->tls != NULL) {
        enum transport_result said = from_tls(transport, tls_stream_shutdown(transport->tls));
        if (said != TRANSPORT_OK)
            return said;
    }
    shutdown(transport->fd, SHUT_WR);
    return TRANSPORT_OK;
}

static ssize_t peek(const struct transport *transport)
{
    char byte;
    return TEMP_FAILURE_RETRY(recv(transport->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT));
}

enum transport_result transport_peek(struct transport *transport, void *bytes, size_t size,
                                     size_t *count)
{
    if (!transport->readable)
        return TRANSPORT_AGAIN;
    ssize_t got = TEMP_FAILURE_RETRY(recv(transport->fd, bytes, size, MSG_PEEK));
    if (got > 0) {
        *count = (size_t)got;
        return TRANSPORT_OK;
    }
    if (got == 0)
        return TRANSPORT_END;
    if (errno != EAGAIN)
        return TRANSPORT_FAILED;
    transport->readable = false;
    return TRANSPORT_AGAIN;
}

bool transport_await_more(struct transport *transport)
{
    transport->readable = false;
    return !transport->peer_closed;
}

bool transport_skip(struct transport *transport, size_t count)
{
    char bytes[256];
    while (count > 0) {
        const size_t size = count < sizeof(bytes) ? count : sizeof(bytes);
        ssize_t got = TEMP_FAILURE_RETRY(recv(transport->fd, bytes, size, 0));
        if (got <= 0)
            return false;
        count -= (size_t)got;
    }
    return true;
}

bool transport_is_quiet(struct transport *transport)
{
    if (transport->tls != NULL)
        return !transport->peer_closed &&
               from_tls(transport, tls_stream_peek(transport->tls)) == TRANSPORT_AGAIN;
    if (transport->peer_closed || peek(transport) >= 0 || errno != EAGAIN)
        return false;
    transport->readable = false;
    return true;
}

bool transport_seems_quiet(struct transport *transport)
{
    return !transport->readable || transport_is_quiet(transport);
}

bool transport_has_bytes(const struct transport *transport)
{
    return (transport->tls != NULL && tls_stream_has_bytes(transport->tls)) || peek(transport) > 0;
}

bool transport_is_broken(struct transport *transport)
{
    if (!transport->readable || peek(transport) >= 0)
        return false;
    if (errno != EAGAIN)
        return true;
    transport->readable = false;
    return false;
}

void transport_close(struct transport *transport, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (transport->fd < 0)
        return;
    if (reset)
        setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    poller_forget(transport->poller, transport);
    if (transport->tls != NULL)
        tls_stream_free(transport->tls);
    close(transport->fd);
    *transport = (struct transport){.fd = -1};
}
