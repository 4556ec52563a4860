/*
 * Whole sessions on a worker, by a script that the input is. Whatever clients and
 * origins say, in whatever pieces and order: no name is asked for and no
 * connection made that no rule declares (session_world), what an origin gets can
 * be read in one way only (session_judge) and is one tenant's, every decision has
 * its close (session_ledger), and in the end nothing is left open.
 *
 * The script: bytes of the first client, up to a 0xFF; the byte behind one says
 * who acts next (its low half what is done, its high half by whom), and the bytes
 * up to the next 0xFF are what is said. 0xFF 0xFF is the byte itself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "test/fuzz/session_judge.h"
#include "test/fuzz/session_ledger.h"
#include "test/fuzz/session_world.h"

#define MARK           0xFF
#define CLIENTS        6
#define TURNS_MAXIMUM  4096
#define SCRIPT_MAXIMUM (1 << 20)

enum act {
    ACT_CLIENT_SAYS,
    ACT_ORIGIN_SAYS,
    ACT_CLIENT_ENDS,
    ACT_CLIENT_LEAVES,
    ACT_ORIGIN_ENDS,
    ACT_ORIGIN_LEAVES,
    ACT_TIME_PASSES,
    ACT_LOOKUPS,
    ACT_CONNECTS,
    ACT_QUERIES_END,
    ACT_CLIENT_STOPS_READING,
    ACT_ORIGIN_STOPS_READING,
    ACT_ALL_READ,
    ACT_POLICY,
    ACT_COUNT,
};

struct client {
    int fd; /* -1: none */
    bool paused;
};

struct origin {
    struct judge judge;
    bool begun;
    bool paused;
    bool behind;   /* was paused: what comes may have been sent under another policy */
    size_t tenant; /* a listener's index; WORLD_LISTENERS: not known */
};

static struct client clients[CLIENTS];
static struct origin origins[WORLD_UPSTREAMS];
static size_t speaking; /* the client who acts in this turn; CLIENTS: somebody else */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* ---- what comes out of the proxy ---------------------------------------------------------- */

/* Bytes that a client's own words set in motion are its tenant's, and a connection has one. */
static void check_tenant(struct origin *origin, const struct world_place *place)
{
    if (speaking == CLIENTS)
        return;
    require(speaking != WORLD_INNER_LISTENER || world_names(place, SPAN(WORLD_INSIDE)));
    require((place->apps & world_app_of(speaking)) != 0);
    require(origin->tenant == WORLD_LISTENERS || origin->tenant == speaking);
    origin->tenant = speaking;
}

/* No tunnel begins that the policy in force does not declare, whatever was said before it. */
static void check_policy(const struct origin *origin, const struct world_place *place)
{
    require(origin->behind || !world.narrowed || place->later ||
            origin->judge.state != JUDGE_HELLO);
}

static size_t hear(int *fd, char *bytes, size_t size)
{
    ssize_t got = recv(*fd, bytes, size, 0);
    if (got > 0)
        return (size_t)got;
    if (got == 0 || errno != EAGAIN) {
        close(*fd);
        *fd = -1;
    }
    return 0;
}

static size_t hear_origin(size_t index)
{
    static char bytes[64 * 1024];
    struct world_upstream *upstream = &world.upstreams[index];
    struct origin *origin = &origins[index];
    size_t got = hear(&upstream->fd, bytes, sizeof(bytes));
    if (got == 0)
        return 0;
    ledger_take(&world.log);
    require(ledger_allowed(upstream->place));
    if (!origin->begun)
        judge_begin(&origin->judge, upstream->place, ledger_allowed_tunnel(upstream->place),
                    ledger_allowed_request(upstream->place));
    origin->begun = true;
    check_tenant(origin, upstream->place);
    check_policy(origin, upstream->place);
    judge_take(&origin->judge, (struct span){bytes, got});
    return got;
}

static bool hear_all(void)
{
    static char bytes[64 * 1024];
    size_t heard = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0 && !clients[i].paused)
            heard += hear(&clients[i].fd, bytes, sizeof(bytes));
    }
    for (size_t i = 0; i < world.upstream_count; i++) {
        if (world.upstreams[i].fd >= 0 && !origins[i].paused)
            heard += hear_origin(i);
    }
    return heard > 0;
}

/* Until nothing moves any more. */
static void settle(void)
{
    unsigned turns = 0;
    bool more = true;
    while (more) {
        more = world_turn();
        more = hear_all() || more;
        ledger_take(&world.log);
        require(++turns < TURNS_MAXIMUM);
    }
}

/* ---- what is done ---------------------------------------------------------------------------- */

static void say(int fd, struct span words)
{
    if (fd >= 0 && words.length > 0 && send(fd, words.data, words.length, MSG_NOSIGNAL) < 0)
        require(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
}

static struct client *client_at(size_t index)
{
    struct client *client = &clients[index];
    if (client->fd < 0)
        *client = (struct client){.fd = world_open_client(index)};
    return client;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void act_client(enum act act, size_t index, struct span words)
{
    speaking = index;
    struct client *client = client_at(index);
    say(client->fd, words);
    if (act == ACT_CLIENT_ENDS)
        shutdown(client->fd, SHUT_WR);
    if (act == ACT_CLIENT_LEAVES)
        close_fd(&client->fd);
    if (act == ACT_CLIENT_STOPS_READING)
        client->paused = true;
}

/* INDEX counts back from the newest. */
static void act_origin(enum act act, size_t index, struct span words)
{
    if (index >= world.upstream_count)
        return;
    index = world.upstream_count - 1 - index;
    int *fd = &world.upstreams[index].fd;
    if (*fd < 0)
        return;
    if (memmem(words.data, words.length, "101", 3) != NULL)
        origins[index].judge.switched = true;
    say(*fd, words);
    if (act == ACT_ORIGIN_ENDS)
        shutdown(*fd, SHUT_WR);
    if (act == ACT_ORIGIN_LEAVES)
        close_fd(fd);
    if (act == ACT_ORIGIN_STOPS_READING)
        origins[index].paused = origins[index].behind = true;
}

static void all_read(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].paused = false;
    for (size_t i = 0; i < WORLD_UPSTREAMS; i++)
        origins[i].paused = false;
}

static void act_world(enum act act, size_t number)
{
    static const uint64_t milliseconds[] = {10, 1000, 3000, 6000, 11000, 31000, 61000, 700000};
    switch (act) {
    case ACT_TIME_PASSES:
        world_pass(milliseconds[number % 8]);
        return;
    case ACT_LOOKUPS:
        world.lookup = (enum world_lookup)(number % LOOKUP_COUNT);
        return;
    case ACT_CONNECTS:
        world.connect = (enum world_connect)(number % CONNECT_COUNT);
        return;
    case ACT_QUERIES_END:
        if (world.lookup == LOOKUP_LATER)
            world.lookup = LOOKUP_AT_ONCE;
        world_answer_queries();
        return;
    case ACT_ALL_READ:
        all_read();
        return;
    case ACT_POLICY:
        world_set_policy(number % 2 == 0);
        return;
    default:
        return;
    }
}

static void do_act(uint8_t code, struct span words)
{
    enum act act = (enum act)((code & 0x0F) % ACT_COUNT);
    size_t number = code >> 4;
    speaking = CLIENTS;
    switch (act) {
    case ACT_CLIENT_SAYS:
    case ACT_CLIENT_ENDS:
    case ACT_CLIENT_LEAVES:
    case ACT_CLIENT_STOPS_READING:
        act_client(act, number % CLIENTS, words);
        break;
    case ACT_ORIGIN_SAYS:
    case ACT_ORIGIN_ENDS:
    case ACT_ORIGIN_LEAVES:
    case ACT_ORIGIN_STOPS_READING:
        act_origin(act, number, words);
        break;
    default:
        act_world(act, number);
        break;
    }
    settle();
}

/* ---- the script --------------------------------------------------------------------------------
 */

/* The words up to the next mark, into STORAGE; *at moves to the code behind it, or to SIZE. */
static struct span next_words(const uint8_t *bytes, size_t size, size_t *at, char *storage)
{
    size_t used = 0;
    while (*at < size) {
        uint8_t byte = bytes[(*at)++];
        if (byte != MARK) {
            storage[used++] = (char)byte;
            continue;
        }
        if (*at < size && bytes[*at] != MARK)
            break;
        if (*at < size) {
            storage[used++] = (char)MARK;
            (*at)++;
        }
    }
    return (struct span){storage, used};
}

static void run_script(const uint8_t *bytes, size_t size)
{
    static char storage[SCRIPT_MAXIMUM];
    uint8_t code = ACT_CLIENT_SAYS;
    size_t at = 0;
    for (;;) {
        struct span words = next_words(bytes, size, &at, storage);
        do_act(code, words);
        if (at == size)
            break;
        code = bytes[at++];
    }
}

/* All have left and all time has passed: nothing may be left of it. */
static void end_all(void)
{
    const struct worker *worker = world.worker;
    speaking = CLIENTS;
    all_read();
    for (size_t i = 0; i < CLIENTS; i++)
        close_fd(&clients[i].fd);
    settle();
    for (size_t i = 0; i < world.upstream_count; i++)
        close_fd(&world.upstreams[i].fd);
    world_answer_queries();
    settle();
    for (int i = 0; i < 4; i++) {
        world_pass(1000000);
        settle();
    }
    require(worker->session_count == 0 && worker->upstreams.count == 0 && ledger_is_closed());
    require(metrics_sum(&world.metrics, 1, METRIC_CONNECTIONS_OPEN) == 0);
    require(metrics_sum(&world.metrics, 1, METRIC_UPSTREAMS_OPEN) == 0);
    require(metrics_sum(&world.metrics, 1, METRIC_TUNNELS_OPEN) == 0);
    require(world_counted_tunnels() == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_make();
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > SCRIPT_MAXIMUM)
        return 0;
    world_begin();
    ledger_begin();
    for (size_t i = 0; i < WORLD_UPSTREAMS; i++) {
        origins[i].begun = origins[i].paused = origins[i].behind = false;
        origins[i].judge.switched = false;
        origins[i].tenant = WORLD_LISTENERS;
    }
    run_script(bytes, size);
    end_all();
    world_end();
    return 0;
}
