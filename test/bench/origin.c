/*
 * The origin of the benches: `origin ADDRESS` prints its port and serves until it
 * is ended. The first byte of a connection says what it is:
 *   G  HTTP/1.1 keep-alive: a response of 64 bytes to each head
 *   B  bytes without end, for as long as the other side takes them
 *   anything else is sent back
 */
#include "test/bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 16384

enum kind { KIND_NEW, KIND_HTTP, KIND_BLAST, KIND_ECHO };

struct connection {
    int fd;
    enum kind kind;
    unsigned matched; /* bytes of the empty line that ends a head */
};

static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void connection_close(struct connection *connection)
{
    close(connection->fd);
    free(connection);
}

/* Answers each head that ends within BYTES. */
static bool answer_heads(struct connection *connection, const char *bytes, size_t length)
{
    static const char end[] = "\r\n\r\n";
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == end[connection->matched])
            connection->matched++;
        else
            connection->matched = bytes[i] == '\r';
        if (connection->matched < 4)
            continue;
        connection->matched = 0;
        if (send(connection->fd, response, sizeof response - 1, MSG_NOSIGNAL) < 0)
            return false;
    }
    return true;
}

static bool blast(const struct connection *connection)
{
    static const char block[1 << 16];
    for (int turn = 0; turn < 16; turn++) {
        if (send(connection->fd, block, sizeof block, MSG_NOSIGNAL) < 0)
            return errno == EAGAIN;
    }
    return true;
}

static enum kind kind_of(char first)
{
    if (first == 'G')
        return KIND_HTTP;
    return first == 'B' ? KIND_BLAST : KIND_ECHO;
}

static bool connection_turn(struct connection *connection, int epoll, uint32_t events)
{
    if (connection->kind == KIND_BLAST && (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0)
        return blast(connection);
    char bytes[READ_SIZE];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return true;
    if (got <= 0)
        return false;
    if (connection->kind == KIND_NEW)
        connection->kind = kind_of(bytes[0]);
    if (connection->kind == KIND_HTTP)
        return answer_heads(connection, bytes, (size_t)got);
    if (connection->kind == KIND_ECHO)
        return send(connection->fd, bytes, (size_t)got, MSG_NOSIGNAL) == got;
    bench_watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLOUT | EPOLLRDHUP, connection);
    return true;
}

static void accept_all(int listener, int epoll)
{
    int fd;
    while ((fd = bench_accept(listener)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL)
            bench_die("memory");
        connection->fd = fd;
        bench_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        bench_die("usage: origin ADDRESS");
    signal(SIGPIPE, SIG_IGN);
    int listener = bench_listen(argv[1]);
    int epoll = bench_epoll();
    bench_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[BENCH_EVENTS];
        int count = epoll_wait(epoll, events, BENCH_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL)
                accept_all(listener, epoll);
            else if (!connection_turn(connection, epoll, events[i].events))
                connection_close(connection);
        }
    }
}
