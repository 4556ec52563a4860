/*
 * A client of https:// origins, through a proxy that may look into its tunnels, or to the origin
 * itself:
 *
 *   tls_load PROXY ADDRESS PORT HOST TRUST PATH COUNT AT_ONCE
 *
 * fetches https://HOST:PORT/PATH COUNT times, AT_ONCE connections at a time, each of them new:
 * CONNECT to the port PROXY of 127.0.0.1 ("-": none, straight to ADDRESS), TLS that is verified by
 * the authorities in the file TRUST, a GET, its whole response of a length that is told, close.
 * Prints "done FETCHED BYTES HANDSHAKE FIRST": the medians, in microseconds, of a handshake
 * from its first byte on, and of what passes from the dial to the response's first byte.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tls.h"
#include "proxy/clock.h"
#include "test/bench/bench.h"

#define HEAD_SIZE     4096
#define READ_SIZE     (1 << 16)
#define COUNT_MAXIMUM 1000000

enum state { STATE_DIAL, STATE_CONNECT, STATE_HANDSHAKE, STATE_ASK, STATE_HEAD, STATE_BODY };

struct client {
    int fd;
    enum state state;
    bool waits_to_write;
    struct tls_stream *tls;
    uint64_t dialled, hello; /* nanoseconds, monotonic */
    uint64_t left;           /* bytes of the body */
    char head[HEAD_SIZE];
    size_t length;
};

static struct {
    bool direct;
    const char *address;
    uint16_t port;
    const char *host;
    struct tls_context *context;
    uint64_t count, begun, done, bytes;
    uint64_t *handshakes, *firsts;
    int epoll;
    char connect[512], request[512];
} run;

static void client_dial(struct client *client)
{
    run.begun++;
    *client = (struct client){.fd = bench_dial(run.address, run.port)};
    client->dialled = clock_nanoseconds();
    client->waits_to_write = true;
    bench_watch(run.epoll, EPOLL_CTL_ADD, client->fd, EPOLLOUT, client);
}

static void client_next(struct client *client)
{
    run.done++;
    tls_stream_shutdown(client->tls);
    tls_stream_free(client->tls);
    close(client->fd);
    if (run.begun < run.count)
        client_dial(client);
}

static void client_watch(struct client *client, bool to_write)
{
    if (client->waits_to_write == to_write)
        return;
    client->waits_to_write = to_write;
    bench_watch(run.epoll, EPOLL_CTL_MOD, client->fd, to_write ? EPOLLOUT : EPOLLIN, client);
}

static void say_hello(struct client *client)
{
    client->tls = tls_stream_new(run.context, client->fd, run.host);
    if (client->tls == NULL)
        bench_die("memory");
    client->state = STATE_HANDSHAKE;
    client->hello = clock_nanoseconds();
}

static void send_connect(struct client *client)
{
    const size_t length = strlen(run.connect);
    if (send(client->fd, run.connect, length, MSG_NOSIGNAL) != (ssize_t)length)
        bench_die("send");
    client->state = STATE_CONNECT;
}

/* False: there is no more of it now. */
static bool read_connected(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->head + client->length, HEAD_SIZE - 1 - client->length, 0);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        bench_die("the proxy closed early (%zd)", got);
    client->length += (size_t)got;
    client->head[client->length] = '\0';
    if (strstr(client->head, "\r\n\r\n") == NULL)
        return true;
    if (strncmp(client->head + 8, " 200 ", 5) != 0)
        bench_die("unexpected answer: %.60s", client->head);
    client->length = 0;
    say_hello(client);
    return true;
}

/* The same of TLS; OK is what follows when there is. */
static bool judge(struct client *client, enum tls_result result)
{
    if (result == TLS_OK)
        return true;
    if (result != TLS_WANT_READ && result != TLS_WANT_WRITE) {
        errno = EPROTO;
        bench_die("TLS ended: %s", tls_stream_reason(client->tls));
    }
    client_watch(client, result == TLS_WANT_WRITE);
    return false;
}

static void count_body(struct client *client, size_t count)
{
    if (count > client->left)
        bench_die("more came than was told");
    run.bytes += count;
    client->left -= count;
    client->state = STATE_BODY;
    if (client->left == 0)
        client_next(client);
}

static void take_head(struct client *client)
{
    static const char field[] = "\r\nContent-Length: ";
    const char *end = strstr(client->head, "\r\n\r\n");
    if (end == NULL)
        return;
    const char *length = strstr(client->head, field);
    if (strncmp(client->head + 8, " 200 ", 5) != 0 || length == NULL || length > end)
        bench_die("unexpected response: %.60s", client->head);
    client->left = strtoull(length + sizeof(field) - 1, NULL, 10);
    count_body(client, client->length - (size_t)(end + 4 - client->head));
}

static bool read_head(struct client *client)
{
    size_t count;
    char *end = client->head + client->length;
    if (!judge(client, tls_stream_read(client->tls, end, HEAD_SIZE - 1 - client->length, &count)))
        return false;
    if (client->length == 0)
        run.firsts[run.done] = clock_nanoseconds() - client->dialled;
    client->length += count;
    client->head[client->length] = '\0';
    take_head(client);
    return true;
}

static bool read_body(struct client *client)
{
    static char bytes[READ_SIZE];
    size_t count;
    if (!judge(client, tls_stream_read(client->tls, bytes, sizeof bytes, &count)))
        return false;
    count_body(client, count);
    return true;
}

static bool ask(struct client *client)
{
    size_t count;
    const size_t length = strlen(run.request);
    if (!judge(client, tls_stream_write(client->tls, run.request, length, &count)))
        return false;
    if (count != length)
        bench_die("the request did not fit");
    client->state = STATE_HEAD;
    return true;
}

static bool shake_hands(struct client *client)
{
    if (!judge(client, tls_stream_handshake(client->tls)))
        return false;
    run.handshakes[run.done] = clock_nanoseconds() - client->hello;
    client->state = STATE_ASK;
    return true;
}

/* False: it waits. */
static bool client_step(struct client *client)
{
    switch (client->state) {
    case STATE_DIAL:
        client_watch(client, false);
        if (run.direct)
            say_hello(client);
        else
            send_connect(client);
        return true;
    case STATE_CONNECT:
        return read_connected(client);
    case STATE_HANDSHAKE:
        return shake_hands(client);
    case STATE_ASK:
        return ask(client);
    case STATE_HEAD:
        return read_head(client);
    case STATE_BODY:
        return read_body(client);
    }
    return false;
}

/* A new connection waits for its own event. */
static void client_turn(struct client *client)
{
    const uint64_t done = run.done;
    while (run.done == done && client_step(client))
        continue;
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double median_us(uint64_t *figures)
{
    const uint64_t middle = run.count / 2;
    qsort(figures, run.count, sizeof *figures, compare);
    return (double)figures[middle] / 1000;
}

static void loop(void)
{
    while (run.done < run.count) {
        struct epoll_event events[BENCH_EVENTS];
        int count = epoll_wait(run.epoll, events, BENCH_EVENTS, 30000);
        if (count == 0) {
            errno = ETIMEDOUT;
            bench_die("%llu of %llu", (unsigned long long)run.done, (unsigned long long)run.count);
        }
        for (int i = 0; i < count; i++)
            client_turn(events[i].data.ptr);
    }
}

static void set_up(char **argv)
{
    struct error error;
    run.direct = strcmp(argv[1], "-") == 0;
    run.address = run.direct ? argv[2] : "127.0.0.1";
    run.port = (uint16_t)bench_number(run.direct ? argv[3] : argv[1], 1, 65535);
    run.host = argv[4];
    run.count = bench_number(argv[7], 1, COUNT_MAXIMUM);
    run.context = tls_context_new_client(argv[5], &error);
    if (run.context == NULL)
        bench_die("%s", error.message);
    snprintf(run.connect, sizeof run.connect, "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
             run.host, argv[3], run.host, argv[3]);
    snprintf(run.request, sizeof run.request, "GET /%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", argv[6],
             run.host, argv[3]);
    run.epoll = bench_epoll();
    run.handshakes = calloc(run.count, sizeof *run.handshakes);
    run.firsts = calloc(run.count, sizeof *run.firsts);
    if (run.handshakes == NULL || run.firsts == NULL)
        bench_die("memory");
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        errno = EINVAL;
        bench_die("usage: tls_load PROXY|- ADDRESS PORT HOST TRUST PATH COUNT AT_ONCE");
    }
    signal(SIGPIPE, SIG_IGN);
    set_up(argv);
    const uint64_t at_once = bench_number(argv[8], 1, run.count);
    struct client *clients = calloc(at_once, sizeof *clients);
    if (clients == NULL)
        bench_die("memory");
    for (uint64_t i = 0; i < at_once; i++)
        client_dial(&clients[i]);
    loop();
    printf("done %llu %llu %.1f %.1f\n", (unsigned long long)run.done,
           (unsigned long long)run.bytes, median_us(run.handshakes), median_us(run.firsts));
    free(clients);
    free(run.handshakes);
    free(run.firsts);
    tls_context_unref(run.context);
    return 0;
}
