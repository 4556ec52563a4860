#include "test/proxy/wire.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void do_nothing(void *owner)
{
    (void)owner;
}

void wire_open(struct wire *wire, struct event_base *base)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    wire->far = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(wire->far, (struct sockaddr *)&address, length), 0);
    int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(near, 0);
    close(listener);
    ck_assert_int_eq(fcntl(wire->far, F_SETFL, O_NONBLOCK), 0);
    wire->base = base;
    wire->poller = poller_new(base);
    ck_assert(transport_open(&wire->near, wire->poller, near, do_nothing, NULL));
    wire_settle(base);
}

void wire_close(struct wire *wire)
{
    transport_close(&wire->near, false);
    poller_free(wire->poller);
    if (wire->far >= 0)
        close(wire->far);
    wire->far = -1;
}

void wire_settle(struct event_base *base)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

void wire_send(struct wire *wire, struct span bytes)
{
    ck_assert_int_eq(send(wire->far, bytes.data, bytes.length, MSG_NOSIGNAL),
                     (ssize_t)bytes.length);
    wire_settle(wire->base);
}

size_t wire_receive(struct wire *wire, char *bytes, size_t size, bool *ended)
{
    ssize_t got = recv(wire->far, bytes, size, 0);
    *ended = got == 0;
    if (got < 0)
        ck_assert_int_eq(errno, EAGAIN);
    wire_settle(wire->base);
    return got > 0 ? (size_t)got : 0;
}
