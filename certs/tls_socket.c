/*
 * Why: OpenSSL's own socket BIO writes with write(2), and a peer that resets
 * its connection at the wrong moment would end the process where SIGPIPE is not
 * ignored. MSG_NOSIGNAL asks nothing of the rest of the program.
 */
#include "certs/tls_socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool is_temporary(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

/* What another stream said, as a BIO says it. */
static int from_outer(BIO *bio, enum tls_result result)
{
    if (result == TLS_WANT_READ)
        BIO_set_retry_read(bio);
    if (result == TLS_WANT_WRITE)
        BIO_set_retry_write(bio);
    if (result == TLS_END)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return result == TLS_OK;
}

static int socket_write(BIO *bio, const char *bytes, size_t size, size_t *count)
{
    const struct tls_socket *socket = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (socket->outer != NULL)
        return from_outer(bio, tls_stream_write(socket->outer, bytes, size, count));
    ssize_t sent = send(socket->fd, bytes, size, MSG_NOSIGNAL | (socket->more ? MSG_MORE : 0));
    if (sent >= 0) {
        *count = (size_t)sent;
        return 1;
    }
    if (is_temporary(errno))
        BIO_set_retry_write(bio);
    return 0;
}

static void drop_early(struct tls_socket *socket)
{
    free(socket->early);
    socket->early = NULL;
}

static int take_early(struct tls_socket *socket, char *bytes, size_t size, size_t *count)
{
    const size_t left = socket->early_length - socket->early_taken;
    *count = size < left ? size : left;
    memcpy(bytes, socket->early + socket->early_taken, *count);
    socket->early_taken += *count;
    if (socket->early_taken == socket->early_length)
        drop_early(socket);
    return 1;
}

static int socket_read(BIO *bio, char *bytes, size_t size, size_t *count)
{
    struct tls_socket *socket = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (socket->early != NULL)
        return take_early(socket, bytes, size, count);
    if (socket->outer != NULL)
        return from_outer(bio, tls_stream_read(socket->outer, bytes, size, count));
    ssize_t got = recv(socket->fd, bytes, size, 0);
    if (got > 0) {
        *count = (size_t)got;
        return 1;
    }
    if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (got < 0 && is_temporary(errno))
        BIO_set_retry_read(bio);
    return 0;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH; /* nothing is ever held back */
}

/* OpenSSL has numbers for some hundred kinds of BIO in a process's life: this one is made once. */
static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
    int type = BIO_get_new_index();
    if (type == -1)
        return;
    method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "sallyport socket");
    if (method == NULL)
        return;
    BIO_meth_set_write_ex(method, socket_write);
    BIO_meth_set_read_ex(method, socket_read);
    BIO_meth_set_ctrl(method, socket_control);
}

BIO *tls_socket_new(struct tls_socket *socket)
{
    pthread_once(&method_once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, socket);
    BIO_set_init(bio, 1);
    return bio;
}

void tls_socket_clear(struct tls_socket *socket)
{
    drop_early(socket);
    tls_stream_free(socket->outer);
    socket->outer = NULL;
}
