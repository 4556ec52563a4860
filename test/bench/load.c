/*
 * The load of the benches:
 *
 *   load PROXY PORT WORK TARGET COUNT AT_ONCE
 *
 * asks the proxy for TARGET COUNT times, AT_ONCE connections at a time:
 *   connect  CONNECT, a byte there and back, close
 *   hello    CONNECT, a ClientHello for TARGET's host there and back, close
 *   deny     CONNECT that has to be refused with 403, close
 *   get      GET http://TARGET/ of 64 bytes, keep-alive
 *   relay    a tunnel that brings COUNT MiB over AT_ONCE streams together
 *   idle     COUNT tunnels, each used once, then held until standard input ends; for each line
 *            of it all are used once more
 * Prints "done N" (or "held N", then "answered N"); anything unexpected ends it with a word.
 */
#include "test/bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_SIZE 4096
#define READ_SIZE (1 << 18)

enum work { WORK_CONNECT, WORK_HELLO, WORK_DENY, WORK_GET, WORK_RELAY, WORK_IDLE };
enum state { STATE_DIAL, STATE_HEAD, STATE_ECHO, STATE_STREAM };

struct client {
    int fd;
    enum state state;
    char head[HEAD_SIZE];
    size_t length;
};

static struct {
    const char *address;
    uint16_t port;
    enum work work;
    uint64_t count; /* how many to do, or bytes to move */
    uint64_t begun;
    uint64_t done;
    struct client *clients;
    int epoll;
    char request[512];
    size_t request_length;
    uint8_t first[BENCH_HELLO_MAXIMUM]; /* what goes into a tunnel, and has to come back */
    size_t first_length;
} run;

static void client_dial(struct client *client)
{
    client->fd = bench_dial(run.address, run.port);
    client->state = STATE_DIAL;
    client->length = 0;
    bench_watch(run.epoll, EPOLL_CTL_ADD, client->fd, EPOLLOUT, client);
}

static void client_send(const struct client *client, const void *bytes, size_t length)
{
    if (send(client->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        bench_die("send");
}

/* What goes through the tunnel is on its way; its echo is to be read. */
static void client_send_first(struct client *client)
{
    client->length = 0;
    client_send(client, run.first, run.first_length);
}

static void client_ask(struct client *client)
{
    client_send(client, run.request, run.request_length);
    client->state = STATE_HEAD;
    client->length = 0;
}

/* One piece of work is done; the next on a new connection, if there is more to begin. */
static void client_next(struct client *client)
{
    run.done++;
    close(client->fd);
    client->fd = -1;
    if (run.begun == run.count)
        return;
    run.begun++;
    client_dial(client);
}

static void head_read(struct client *client, size_t body)
{
    const char *wanted = run.work == WORK_DENY ? " 403 " : " 200 ";
    if (strncmp(client->head + 8, wanted, 5) != 0) {
        errno = EPROTO;
        bench_die("unexpected answer: %.60s", client->head);
    }
    if (run.work == WORK_DENY) {
        client_next(client);
        return;
    }
    if (run.work == WORK_GET) {
        if (client->length - body < 64)
            return; /* the body is still on its way */
        run.done++;
        if (run.begun < run.count) {
            run.begun++;
            client_ask(client);
        }
        return;
    }
    client->state = run.work == WORK_RELAY ? STATE_STREAM : STATE_ECHO;
    client_send_first(client);
}

static void read_head(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->head + client->length, HEAD_SIZE - 1 - client->length, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        bench_die("the proxy closed early (%zd)", got);
    client->length += (size_t)got;
    client->head[client->length] = '\0';
    const char *end = strstr(client->head, "\r\n\r\n");
    if (end != NULL)
        head_read(client, (size_t)(end - client->head) + 4);
}

static void read_echo(struct client *client)
{
    char *bytes = client->head + client->length;
    ssize_t got = recv(client->fd, bytes, run.first_length - client->length, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || memcmp(bytes, run.first + client->length, (size_t)got) != 0)
        bench_die("the echo");
    client->length += (size_t)got;
    if (client->length < run.first_length)
        return;
    if (run.work != WORK_IDLE) {
        client_next(client);
        return;
    }
    run.done++; /* WORK_IDLE: held from here on */
    if (run.begun < run.count)
        client_dial(&run.clients[run.begun++]);
}

static void read_stream(struct client *client)
{
    static char bytes[READ_SIZE];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        bench_die("the stream ended");
    run.done += (uint64_t)got;
}

static void client_turn(struct client *client)
{
    switch (client->state) {
    case STATE_DIAL:
        bench_watch(run.epoll, EPOLL_CTL_MOD, client->fd, EPOLLIN, client);
        client_ask(client);
        return;
    case STATE_HEAD:
        read_head(client);
        return;
    case STATE_ECHO:
        read_echo(client);
        return;
    case STATE_STREAM:
        read_stream(client);
        return;
    }
}

static enum work work_named(const char *name)
{
    static const char *const names[] = {"connect", "hello", "deny", "get", "relay", "idle"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum work)i;
    errno = EINVAL;
    bench_die("%s", name);
}

static void make_request(const char *target)
{
    int length = 0;
    if (run.work == WORK_GET)
        length = snprintf(run.request, sizeof run.request,
                          "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", target, target);
    else
        length = snprintf(run.request, sizeof run.request,
                          "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target);
    if (length < 0 || (size_t)length >= sizeof run.request)
        bench_die("%s", target);
    run.request_length = (size_t)length;
}

static void make_first(const char *target)
{
    char host[BENCH_HELLO_HOST_MAXIMUM + 1];
    const size_t length = strcspn(target, ":");
    run.first[0] = run.work == WORK_RELAY ? 'B' : 'x';
    run.first_length = 1;
    if (run.work != WORK_HELLO)
        return;
    if (length >= sizeof host)
        bench_die("%s", target);
    memcpy(host, target, length);
    host[length] = '\0';
    run.first_length = bench_hello(host, run.first);
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

static void say(const char *word)
{
    printf("%s %llu\n", word, (unsigned long long)run.done);
    fflush(stdout);
}

static void hold(void)
{
    int byte;
    while ((byte = getchar()) != EOF) {
        if (byte != '\n')
            continue;
        run.done = 0;
        for (uint64_t i = 0; i < run.count; i++)
            client_send_first(&run.clients[i]);
        loop();
        say("answered");
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        errno = EINVAL;
        bench_die("usage: load PROXY PORT connect|hello|deny|get|relay|idle TARGET COUNT AT_ONCE");
    }
    signal(SIGPIPE, SIG_IGN);
    run.address = argv[1];
    run.port = (uint16_t)bench_number(argv[2], 1, 65535);
    run.work = work_named(argv[3]);
    run.count = bench_number(argv[5], 1, 100000000);
    make_request(argv[4]);
    make_first(argv[4]);
    uint64_t at_once = bench_number(argv[6], 1, 100000);
    uint64_t clients = run.work == WORK_IDLE ? run.count : at_once;
    if (run.work == WORK_RELAY)
        run.count <<= 20;
    run.epoll = bench_epoll();
    run.clients = calloc(clients, sizeof *run.clients);
    if (run.clients == NULL)
        bench_die("memory");
    while (run.begun < at_once && run.begun < run.count)
        client_dial(&run.clients[run.begun++]);
    loop();
    say(run.work == WORK_IDLE ? "held" : "done");
    if (run.work == WORK_IDLE)
        hold();
    free(run.clients);
    return 0;
}
