#include "test/fuzz/session_world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/session.h"

#define TIMERS_MAXIMUM     64
#define NANOSECONDS_A_LOOK 20000 /* how long whoever looks at the clock has worked since */
#define QUERIES_MAXIMUM    16

struct world world;

/* ---- time: it stands still until the test lets it pass -------------------------------- */

struct timer {
    struct event *event;
    uint64_t due; /* milliseconds */
};

static uint64_t now = 1000000; /* milliseconds */
static uint64_t looks;         /* at the clock: each takes a moment */
static bool due_at_once;       /* the real loop has something more to do */
static struct timer timers[TIMERS_MAXIMUM];
static size_t timer_count;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);
int __real_event_del(struct event *event);
int __wrap_event_del(struct event *event);
void __real_event_free(struct event *event);
void __wrap_event_free(struct event *event);
int __real_event_pending(const struct event *event, short what, struct timeval *timeout);
int __wrap_event_pending(const struct event *event, short what, struct timeval *timeout);

/* Between two inputs it is the test's framework that asks. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (!world.in_progress)
        return __real_clock_gettime(clock, time);
    uint64_t nanoseconds = now * 1000000 + ++looks * NANOSECONDS_A_LOOK;
    *time = (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000),
                              .tv_nsec = (long)(nanoseconds % 1000000000)};
    return 0;
}

static uint64_t milliseconds_now(void)
{
    return now + looks * NANOSECONDS_A_LOOK / 1000000;
}

static struct timer *find_timer(const struct event *event)
{
    for (size_t i = 0; i < timer_count; i++) {
        if (timers[i].event == event)
            return &timers[i];
    }
    return NULL;
}

static void forget_timer(const struct event *event)
{
    struct timer *timer = find_timer(event);
    if (timer != NULL)
        *timer = timers[--timer_count];
}

/* What is due at once stays with the real loop. */
int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
    if (timeout == NULL)
        return __real_event_add(event, timeout);
    if (timeout->tv_sec == 0 && timeout->tv_usec == 0) {
        due_at_once = true;
        return __real_event_add(event, timeout);
    }
    forget_timer(event);
    require(timer_count < TIMERS_MAXIMUM);
    uint64_t wait = (uint64_t)timeout->tv_sec * 1000 + (uint64_t)timeout->tv_usec / 1000;
    timers[timer_count++] = (struct timer){event, milliseconds_now() + wait};
    return 0;
}

int __wrap_event_del(struct event *event)
{
    forget_timer(event);
    return __real_event_del(event);
}

void __wrap_event_free(struct event *event)
{
    forget_timer(event);
    __real_event_free(event);
}

int __wrap_event_pending(const struct event *event, short what, struct timeval *timeout)
{
    return find_timer(event) != NULL || __real_event_pending(event, what, timeout) != 0;
}

void world_pass(uint64_t milliseconds)
{
    now += milliseconds;
    for (size_t i = timer_count; i-- > 0;) {
        if (i >= timer_count || timers[i].due > milliseconds_now())
            continue;
        struct event *event = timers[i].event;
        forget_timer(event);
        event_active(event, EV_TIMEOUT, 1);
    }
}

/* ---- connections to origins -------------------------------------------------------------- */

static int near_fd = -1, far_fd = -1; /* of the socket that was made last */
static bool refuse_later;

int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length);

int __wrap_socket(int family, int type, int protocol)
{
    int pair[2];
    require(family == AF_INET || family == AF_INET6);
    require((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM && protocol == 0);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    near_fd = pair[0];
    far_fd = pair[1];
    return near_fd;
}

/* Nothing is dialled but what is declared. */
static const struct world_place *place_at(const struct sockaddr *address)
{
    static const uint8_t network[] = {93, 184, 216};
    struct ip ip;
    uint16_t port;
    require(ip_from_sockaddr(address, &ip, &port));
    require(ip.family == 4 && memcmp(ip.bytes, network, sizeof(network)) == 0);
    for (size_t i = 0; i < world_place_count; i++) {
        if (world_places[i].last_byte == ip.bytes[3] && world_places[i].port == port)
            return &world_places[i];
    }
    abort();
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    const struct world_place *place = place_at(address);
    (void)length;
    require(fd == near_fd && far_fd >= 0);
    if (world.connect == CONNECT_REFUSED || world.upstream_count == WORLD_UPSTREAMS) {
        close(far_fd);
        far_fd = -1;
        errno = ECONNREFUSED;
        return -1;
    }
    refuse_later = world.connect == CONNECT_REFUSED_LATER;
    world.upstreams[world.upstream_count++] = (struct world_upstream){far_fd, place};
    far_fd = -1;
    errno = EINPROGRESS;
    return world.connect == CONNECT_AT_ONCE ? 0 : -1;
}

/* Asked for SO_ERROR alone: how the connect went. */
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    const int code = refuse_later ? ECONNREFUSED : 0;
    require(fd >= 0 && level == SOL_SOCKET && option == SO_ERROR && *length == sizeof(code));
    memcpy(value, &code, sizeof(code));
    refuse_later = false;
    return 0;
}

/* TLS to origins is left out: what would go through it is what they get. */
struct tls_context *__wrap_keyring_context(const struct keyring *keyring,
                                           const struct subject *subject, const struct host *host);

struct tls_context *__wrap_keyring_context(const struct keyring *keyring,
                                           const struct subject *subject, const struct host *host)
{
    require(keyring != NULL && subject->app.length > 0 &&
            world_find_name(host_span(host), false) != NULL);
    return NULL;
}

/* ---- names --------------------------------------------------------------------------------- */

struct resolver_query {
    resolver_callback *callback; /* NULL: not in use */
    void *context;
    const struct world_place *place;
};

static struct resolver_query queries[QUERIES_MAXIMUM];

struct resolver_query *__wrap_resolver_lookup(struct resolver *resolver, struct span tenant,
                                              struct span name, resolver_callback *callback,
                                              void *context, struct resolver_answer *answer);
void __wrap_resolver_cancel(struct resolver_query *query);

static void add_address(struct resolver_answer *answer, const char *text)
{
    require(ip_parse(span_of(text), &answer->addresses[answer->count++]));
}

static void add_place(struct resolver_answer *answer, const struct world_place *place)
{
    char text[20];
    snprintf(text, sizeof(text), "93.184.216.%u", place->last_byte);
    add_address(answer, text);
}

static void add_prohibited(struct resolver_answer *answer)
{
    static const char *const addresses[] = {"127.0.0.1", "169.254.169.254",    "10.0.0.1",
                                            "::1",       "::ffff:192.168.0.1", "64:ff9b::7f00:1"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        add_address(answer, addresses[i]);
}

static void make_answer(struct resolver_answer *answer, const struct world_place *place)
{
    static const enum resolver_status statuses[LOOKUP_COUNT] = {
        [LOOKUP_NOT_FOUND] = RESOLVER_NOT_FOUND,
        [LOOKUP_FAILED] = RESOLVER_FAILED,
        [LOOKUP_TIMEOUT] = RESOLVER_TIMEOUT,
    };
    memset(answer, 0, sizeof(*answer));
    answer->status = statuses[world.lookup];
    if (answer->status != RESOLVER_OK)
        return;
    if (world.lookup == LOOKUP_PROHIBITED || world.lookup == LOOKUP_PROHIBITED_FIRST)
        add_prohibited(answer);
    if (world.lookup != LOOKUP_PROHIBITED)
        add_place(answer, place);
    if (world.lookup == LOOKUP_TWICE)
        add_place(answer, place);
}

/* No name is asked for that nobody declares. */
struct resolver_query *__wrap_resolver_lookup(struct resolver *resolver, struct span tenant,
                                              struct span name, resolver_callback *callback,
                                              void *context, struct resolver_answer *answer)
{
    const struct world_place *place = world_find_name(name, false);
    (void)resolver;
    require(place != NULL && tenant.length > 0);
    for (size_t i = 0; i < QUERIES_MAXIMUM && world.lookup == LOOKUP_LATER; i++) {
        if (queries[i].callback == NULL) {
            queries[i] = (struct resolver_query){callback, context, place};
            return &queries[i];
        }
    }
    make_answer(answer, place);
    return NULL;
}

void __wrap_resolver_cancel(struct resolver_query *query)
{
    require(query->callback != NULL);
    query->callback = NULL;
}

void world_answer_queries(void)
{
    struct resolver_answer answer;
    for (size_t i = 0; i < QUERIES_MAXIMUM; i++) {
        resolver_callback *callback = queries[i].callback;
        if (callback == NULL)
            continue;
        queries[i].callback = NULL;
        make_answer(&answer, queries[i].place);
        callback(queries[i].context, &answer);
    }
}

/* ---- the worker ---------------------------------------------------------------------------- */

static struct snapshot *whole, *narrowed;

/* sha256 of "secret" */
static const char credentials[] =
    "- {app: one, environment: production, sha256: "
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n";

static const char settings[] =
    "listeners:\n"
    "  - {address: 127.0.0.1:1, identity: {static: {app: demo, environment: development}}}\n"
    "  - {address: 127.0.0.1:2, identity: {static: {app: two, environment: production}}}\n"
    "  - {address: 127.0.0.1:3, identity: {static: {app: demo, environment: development,"
    " installation: site-1}}}\n"
    "  - {address: 127.0.0.1:4, identity: {basic: credentials.yml}}\n"
    "  - {address: 127.0.0.1:5, proxy_protocol: [127.0.0.1],"
    " identity: {source: [{from: 10.0.0.0/8, app: front, environment: production}]}}\n"
    "  - {address: 127.0.0.1:6, identity: {static: {app: inner, environment: production}}}\n"
    "policy: {path: policy, plain_http: true}\n"
    "limits: {requests_per_minute: 100, tunnels: 2}\n"
    "network: {hosts_file: \"\"}\n";

enum world_app world_app_of(size_t index)
{
    static const enum world_app apps[WORLD_LISTENERS] = {WORLD_DEMO, WORLD_TWO,   WORLD_DEMO,
                                                         WORLD_ONE,  WORLD_FRONT, WORLD_INNER};
    return apps[index];
}

/* All but one name no files. */
static struct roster *make_roster(const struct listener_configuration *listener)
{
    struct listener_configuration named = {.port = 0};
    char path[] = "/tmp/fuzz_session.XXXXXX";
    struct error error;
    int fd = mkstemp(path);
    require(fd >= 0 && write(fd, credentials, sizeof(credentials) - 1) > 0);
    close(fd);
    named.credentials_path = listener->credentials_path == NULL ? NULL : path;
    struct roster *made = roster_read(&named, &error);
    unlink(path);
    require(made != NULL);
    return made;
}

/* Nobody listens: clients are handed in. */
static const struct listener_sockets *make_sockets(const struct configuration *configuration)
{
    static struct listener_socket items[WORLD_LISTENERS];
    static struct listener_sockets sockets = {
        .items = items, .count = WORLD_LISTENERS, .workers = 1};
    static int fds[WORLD_LISTENERS];
    require(configuration->listener_count == WORLD_LISTENERS);
    for (size_t i = 0; i < WORLD_LISTENERS; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK);
        items[i] = (struct listener_socket){.configuration = &configuration->listeners[i],
                                            .roster = configuration->listeners[i].roster,
                                            .port = (uint16_t)(i + 1),
                                            .fds = &fds[i],
                                            .fd_count = 1};
    }
    return &sockets;
}

void world_make(void)
{
    static struct log_waker waker;
    static struct worker_shared shared;
    struct error error;
    struct configuration *configuration =
        configuration_parse(SPAN(settings), "sallyport.yml", &error);
    require(configuration != NULL);
    for (size_t i = 0; i < configuration->listener_count; i++)
        configuration->listeners[i].roster = make_roster(&configuration->listeners[i]);
    whole = world_snapshot(false);
    narrowed = world_snapshot(true);
    shared.configuration = configuration;
    shared.guard = address_guard_new(NULL, 0);
    shared.limiter = limiter_new(configuration);
    shared.keyring = keyring_new(configuration, &error);
    waker.descriptor = eventfd(0, EFD_NONBLOCK);
    world.metrics = metrics_new();
    require(shared.guard != NULL && shared.limiter != NULL && world.metrics != NULL &&
            shared.keyring != NULL);
    require(log_queue_init(&world.log, &waker));
    world.worker = worker_new(0, &shared, make_sockets(configuration), whole, world.metrics,
                              &world.log, &error);
    require(world.worker != NULL);
}

void world_set_policy(bool narrow)
{
    world.narrowed = narrow;
    worker_set_snapshot(world.worker, narrow ? narrowed : whole);
}

void world_begin(void)
{
    world.in_progress = true;
    world.upstream_count = 0;
    world.lookup = LOOKUP_AT_ONCE;
    world.connect = CONNECT_AT_ONCE;
    refuse_later = false;
    if (world.narrowed)
        world_set_policy(false);
    world_turn();
}

void world_end(void)
{
    world.in_progress = false;
}

/* The tunnel's TLS is over: its inside is what the client says. Where memory is out it ends
 * instead.
 */
static void begin_inside(struct session *session)
{
    struct error error;
    session->inside = calloc(1, sizeof(*session->inside));
    if (session->inside == NULL || session->tenant == NULL) {
        session_abort(session, "error");
        return;
    }
    require(host_parse(SPAN(WORLD_INSIDE), &session->inside->host, &error));
    session->inside->port = WORLD_INSIDE_PORT;
}

int world_open_client(size_t index)
{
    int pair[2];
    const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    session_start(world.worker, &world.worker->listeners.items[index], pair[0],
                  (const struct sockaddr *)&peer);
    struct session *session = TAILQ_LAST(&world.worker->sessions, session_list);
    if (index == WORLD_INNER_LISTENER && session != NULL && session->client.fd == pair[0])
        begin_inside(session);
    return pair[1];
}

unsigned world_counted_tunnels(void)
{
    const struct tenants *tenants = &world.worker->tenants;
    unsigned counted = 0;
    for (size_t i = 0; i < sizeof(tenants->buckets) / sizeof(tenants->buckets[0]); i++) {
        for (const struct tenant *tenant = tenants->buckets[i]; tenant != NULL;
             tenant = tenant->next)
            counted += atomic_load(&tenant->account->tunnels);
    }
    return counted;
}

bool world_turn(void)
{
    due_at_once = false;
    event_base_loop(world.worker->base, EVLOOP_NONBLOCK);
    return due_at_once;
}
