/*
 * Why: OpenSSL's own socket BIO writes with write(2), and a peer that resets
 * its connection at the wrong moment would end the process where SIGPIPE is not
 * ignored. MSG_NOSIGNAL asks nothing of the rest of the program.
 */
#include "certs/tls_socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

static int descriptor_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool is_temporary(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static int socket_write(BIO *bio, const char *bytes, size_t size, size_t *count)
{
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(descriptor_of(bio), bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
        *count = (size_t)sent;
        return 1;
    }
    if (is_temporary(errno))
        BIO_set_retry_write(bio);
    return 0;
}

static int socket_read(BIO *bio, char *bytes, size_t size, size_t *count)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(descriptor_of(bio), bytes, size, 0);
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

BIO *tls_socket_new(int fd)
{
    pthread_once(&method_once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    return bio;
}
