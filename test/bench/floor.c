/*
 * The floor under the figures: a relay that checks nothing. `floor LISTEN ORIGIN
 * PORT copy|splice` prints its port. CONNECT is answered 200 and whatever follows
 * is relayed to the one origin; another head is relayed as it is; a CONNECT whose
 * target begins with "denied" is answered 403. What a proxy costs above this is the
 * price of its work.
 */
#include "test/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 65536

struct pair;

struct side {
    int fd; /* -1: not there yet */
    struct pair *pair;
    struct side *other;
    bool ended;   /* said its end */
    char *held;   /* copy: what the other side could not take yet */
    size_t begin; /* of the held bytes */
    size_t length;
    int pipe[2]; /* splice: the same; made when first needed */
};

struct pair {
    struct side client;
    struct side origin;
    bool opened; /* the head was read */
    bool dead;
    struct pair *next_dead;
};

static struct {
    const char *origin;
    uint16_t port;
    bool splice;
    int epoll;
    struct pair *dead;
} floor_state;

static void pair_kill(struct pair *pair)
{
    if (pair->dead)
        return;
    pair->dead = true;
    struct side *sides[] = {&pair->client, &pair->origin};
    for (int i = 0; i < 2; i++) {
        if (sides[i]->fd >= 0)
            close(sides[i]->fd);
        if (sides[i]->pipe[0] >= 0) {
            close(sides[i]->pipe[0]);
            close(sides[i]->pipe[1]);
        }
        free(sides[i]->held);
    }
    pair->next_dead = floor_state.dead;
    floor_state.dead = pair;
}

/* A side is read while nothing of it waits, and written while something waits for it. */
static void side_watch(struct side *side)
{
    if (side->fd < 0)
        return;
    uint32_t events = 0;
    if (side->length == 0 && !side->ended)
        events |= EPOLLIN;
    if (side->other->length != 0)
        events |= EPOLLOUT;
    bench_watch(floor_state.epoll, EPOLL_CTL_MOD, side->fd, events, side);
}

static ssize_t side_read(struct side *from)
{
    if (floor_state.splice) {
        if (from->pipe[0] < 0 && pipe2(from->pipe, O_NONBLOCK | O_CLOEXEC) != 0)
            return -1;
        return splice(from->fd, NULL, from->pipe[1], NULL, PIECE,
                      SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    }
    if (from->held == NULL && (from->held = malloc(PIECE)) == NULL)
        return -1;
    from->begin = 0;
    return recv(from->fd, from->held, PIECE, 0);
}

static ssize_t side_write(struct side *from)
{
    if (floor_state.splice)
        return splice(from->pipe[0], NULL, from->other->fd, NULL, from->length,
                      SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    return send(from->other->fd, from->held + from->begin, from->length, MSG_NOSIGNAL);
}

/* Moves what FROM has to the other side; false: the pair is over. */
static bool side_flush(struct side *from)
{
    while (from->length != 0) {
        ssize_t put = side_write(from);
        if (put < 0 && errno == EAGAIN)
            return true;
        if (put <= 0)
            return false;
        from->begin += (size_t)put;
        from->length -= (size_t)put;
    }
    if (from->ended)
        shutdown(from->other->fd, SHUT_WR);
    return true;
}

static bool side_pump(struct side *from)
{
    if (from->length == 0 && !from->ended) {
        ssize_t got = side_read(from);
        if (got < 0)
            return errno == EAGAIN;
        from->ended = got == 0;
        from->length = (size_t)got;
    }
    return side_flush(from) && !(from->ended && from->other->ended);
}

static bool pair_dial(struct pair *pair)
{
    pair->opened = true;
    pair->origin.fd = bench_dial(floor_state.origin, floor_state.port);
    bench_watch(floor_state.epoll, EPOLL_CTL_ADD, pair->origin.fd, EPOLLIN, &pair->origin);
    return true;
}

/* The head, peeked at: CONNECT is taken and answered, any other stays where it is. */
static bool pair_open(struct pair *pair)
{
    static const char refused[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    static const char opened[] = "HTTP/1.1 200 OK\r\n\r\n";
    char head[4096];
    ssize_t got = recv(pair->client.fd, head, sizeof head - 1, MSG_PEEK);
    if (got < 0)
        return errno == EAGAIN;
    if (got == 0)
        return false;
    head[got] = '\0';
    if (strncmp(head, "CONNECT ", 8) != 0)
        return pair_dial(pair);
    const char *end = strstr(head, "\r\n\r\n");
    if (end == NULL)
        return true;
    size_t length = (size_t)(end - head) + 4;
    if (recv(pair->client.fd, head, length, 0) != (ssize_t)length)
        return false;
    if (strncmp(head + 8, "denied", 6) == 0)
        return send(pair->client.fd, refused, sizeof refused - 1, MSG_NOSIGNAL) > 0;
    return send(pair->client.fd, opened, sizeof opened - 1, MSG_NOSIGNAL) > 0 && pair_dial(pair);
}

static void side_turn(struct side *side, uint32_t events)
{
    struct pair *pair = side->pair;
    if (pair->dead)
        return;
    bool alive = (events & EPOLLERR) == 0;
    if (alive && !pair->opened) {
        alive = pair_open(pair);
        if (!alive)
            pair_kill(pair);
        return;
    }
    if (alive && (events & EPOLLOUT) != 0)
        alive = side_flush(side->other);
    if (alive && (events & (EPOLLIN | EPOLLHUP)) != 0)
        alive = side_pump(side);
    if (!alive) {
        pair_kill(pair);
        return;
    }
    side_watch(side);
    side_watch(side->other);
}

static void side_init(struct side *side, struct pair *pair, struct side *other)
{
    *side = (struct side){.fd = -1, .pair = pair, .other = other, .pipe = {-1, -1}};
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = bench_accept(listener)) >= 0) {
        struct pair *pair = calloc(1, sizeof *pair);
        if (pair == NULL)
            bench_die("memory");
        side_init(&pair->client, pair, &pair->origin);
        side_init(&pair->origin, pair, &pair->client);
        pair->client.fd = fd;
        bench_watch(floor_state.epoll, EPOLL_CTL_ADD, fd, EPOLLIN, &pair->client);
    }
}

/* Only now, when no event of this turn can still name them. */
static void free_dead(void)
{
    while (floor_state.dead != NULL) {
        struct pair *pair = floor_state.dead;
        floor_state.dead = pair->next_dead;
        free(pair);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        errno = EINVAL;
        bench_die("usage: floor LISTEN ORIGIN PORT copy|splice");
    }
    signal(SIGPIPE, SIG_IGN);
    floor_state.origin = argv[2];
    floor_state.port = (uint16_t)bench_number(argv[3], 1, 65535);
    floor_state.splice = strcmp(argv[4], "splice") == 0;
    floor_state.epoll = bench_epoll();
    int listener = bench_listen(argv[1]);
    bench_watch(floor_state.epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[BENCH_EVENTS];
        int count = epoll_wait(floor_state.epoll, events, BENCH_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener);
            else
                side_turn(events[i].data.ptr, events[i].events);
        }
        free_dead();
    }
}
