/*
 * Order is all there is to this file: what is read, opened and started before
 * what, and how it ends. A daemon is filled from the top down; whatever was
 * reached is given back by free_parts.
 */
#include "proxy/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/admin.h"
#include "proxy/machine.h"
#include "proxy/policy_keeper.h"
#include "proxy/policy_watch.h"
#include "proxy/sandbox.h"
#include "proxy/status.h"
#include "proxy/worker.h"

#define WATCH_DEBOUNCE_MILLISECONDS 100

enum { EXIT_OK = 0, EXIT_NOT_STARTED = 1, EXIT_BAD_INPUT = 2 };

static const int handled_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
#define SIGNAL_COUNT (sizeof(handled_signals) / sizeof(handled_signals[0]))

struct daemon {
    struct configuration *configuration;
    struct policy_keeper policy;
    struct listener_sockets sockets;
    struct address_guard *guard;
    struct limiter *limiter;
    struct decision_log *log;
    struct worker **workers;
    struct metrics **metrics;
    size_t worker_count;
    size_t started; /* workers whose thread runs */
    size_t done;    /* workers whose thread has ended */
    struct event_base *base;
    struct admin *admin;
    struct policy_watch *watch;
    struct event *signals[SIGNAL_COUNT];
    struct event *done_event;
    struct event *drain_timer;
    int done_fd;
    struct status status; /* what the admin pages show of all this */
};

/* ---- signals and the end ------------------------------------------------------------ */

static void give_all(struct daemon *daemon, enum worker_order order)
{
    for (size_t i = 0; i < daemon->started; i++)
        worker_give_order(daemon->workers[i], order);
}

static void on_drain_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    give_all(context, WORKER_STOP);
}

/* The first call drains, the second ends at once. */
static void stop(struct daemon *daemon)
{
    const uint32_t drain = daemon->configuration->timeout_drain;
    const struct timeval interval = {.tv_sec = drain / 1000,
                                     .tv_usec = (suseconds_t)(drain % 1000) * 1000};
    if (daemon->status.stopping) {
        give_all(daemon, WORKER_STOP);
        return;
    }
    daemon->status.stopping = true;
    fprintf(stderr, "sallyport: stopping; what runs has %u s to finish\n", drain / 1000);
    event_add(daemon->drain_timer, &interval);
    give_all(daemon, WORKER_DRAIN);
}

static void on_worker_done(evutil_socket_t fd, short what, void *context)
{
    struct daemon *daemon = context;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof(count)) < 0)
        return;
    daemon->done += (size_t)count;
    if (daemon->done == daemon->started)
        event_base_loopbreak(daemon->base);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct daemon *daemon = context;
    (void)what;
    switch (number) {
    case SIGHUP:
        decision_log_reopen(daemon->log);
        policy_keeper_reload(&daemon->policy);
        break;
    case SIGUSR1:
        decision_log_reopen(daemon->log);
        break;
    default:
        stop(daemon);
        break;
    }
}

static void on_policy_changed(void *context)
{
    struct daemon *daemon = context;
    if (!daemon->status.stopping)
        policy_keeper_reload(&daemon->policy);
}

/* ---- putting it together ------------------------------------------------------------------ */

static bool fail_with_errno(struct error *error, const char *what)
{
    error_set(error, "cannot %s: %s", what, strerror(errno));
    return false;
}

static bool add_signals(struct daemon *daemon)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, handled_signals[i], on_signal, daemon);
        if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) != 0)
            return false;
    }
    return true;
}

static bool make_loop(struct daemon *daemon, struct error *error)
{
    daemon->base = event_base_new();
    daemon->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (daemon->base == NULL || daemon->done_fd < 0)
        return fail_with_errno(error, "make the main loop");
    daemon->drain_timer = evtimer_new(daemon->base, on_drain_over, daemon);
    daemon->done_event =
        event_new(daemon->base, daemon->done_fd, EV_READ | EV_PERSIST, on_worker_done, daemon);
    if (daemon->drain_timer == NULL || daemon->done_event == NULL ||
        event_add(daemon->done_event, NULL) != 0 || !add_signals(daemon))
        return fail_with_errno(error, "make the main loop");
    return true;
}

static bool guard_listener(struct daemon *daemon, const struct ip *ip, uint16_t port,
                           struct error *error)
{
    if (address_guard_add_listener(daemon->guard, ip, port))
        return true;
    error_set(error, "out of memory");
    return false;
}

/* Every listener of ours is an address that is never dialled: the admin's too. */
static bool make_guard(struct daemon *daemon, struct error *error)
{
    const struct configuration *configuration = daemon->configuration;
    daemon->guard =
        address_guard_new(configuration->allow_ranges, configuration->allow_range_count);
    if (daemon->guard == NULL) {
        error_set(error, "out of memory");
        return false;
    }
    for (size_t i = 0; i < daemon->sockets.count; i++) {
        const struct listener_socket *socket = &daemon->sockets.items[i];
        if (socket->configuration->unix_path == NULL &&
            !guard_listener(daemon, &socket->configuration->ip, socket->port, error))
            return false;
    }
    if (daemon->admin == NULL || configuration->admin_unix_path != NULL)
        return true;
    return guard_listener(daemon, &configuration->admin_ip, admin_port(daemon->admin), error);
}

static bool make_admin(struct daemon *daemon, struct error *error)
{
    const struct admin_source source = {.context = &daemon->status,
                                        .write_trouble = status_write_trouble,
                                        .write_metrics = status_write_metrics};
    if (!daemon->configuration->has_admin)
        return true;
    daemon->admin = admin_new(daemon->base, daemon->configuration, &source, error);
    return daemon->admin != NULL;
}

static bool make_workers(struct daemon *daemon, struct error *error)
{
    const struct worker_shared shared = {
        .configuration = daemon->configuration,
        .guard = daemon->guard,
        .limiter = daemon->limiter,
        .done_fd = daemon->done_fd,
    };
    for (size_t i = 0; i < daemon->worker_count; i++) {
        daemon->workers[i] =
            worker_new(i, &shared, &daemon->sockets, daemon->policy.snapshot, daemon->metrics[i],
                       decision_log_queue(daemon->log, i), error);
        if (daemon->workers[i] == NULL)
            return false;
    }
    daemon->policy.workers = daemon->workers;
    daemon->policy.worker_count = daemon->worker_count;
    return true;
}

static bool make_tables(struct daemon *daemon, struct error *error)
{
    uint32_t configured = daemon->configuration->workers;
    daemon->worker_count = configured == 0 ? machine_processor_count() : configured;
    daemon->limiter = limiter_new(daemon->configuration);
    daemon->workers = calloc(daemon->worker_count, sizeof(struct worker *));
    daemon->metrics = calloc(daemon->worker_count, sizeof(struct metrics *));
    if (daemon->limiter == NULL || daemon->workers == NULL || daemon->metrics == NULL)
        return fail_with_errno(error, "start");
    for (size_t i = 0; i < daemon->worker_count; i++) {
        daemon->metrics[i] = metrics_new();
        if (daemon->metrics[i] == NULL)
            return fail_with_errno(error, "start");
    }
    daemon->status.metrics = daemon->metrics;
    daemon->status.worker_count = daemon->worker_count;
    daemon->status.policy = &daemon->policy;
    return true;
}

/* One queue a worker, and one for the main thread's own lines. */
static bool open_log(struct daemon *daemon, struct error *error)
{
    daemon->log =
        decision_log_open(daemon->configuration->log_decisions, daemon->worker_count + 1, error);
    if (daemon->log == NULL)
        return false;
    daemon->policy.log = decision_log_queue(daemon->log, daemon->worker_count);
    daemon->status.log = daemon->log;
    return true;
}

static bool start_workers(struct daemon *daemon, struct error *error)
{
    for (size_t i = 0; i < daemon->worker_count; i++) {
        if (!worker_start(daemon->workers[i], error))
            return false;
        daemon->started++;
    }
    return true;
}

static bool start_watch(struct daemon *daemon, struct error *error)
{
    if (!daemon->configuration->policy_watch)
        return true;
    daemon->watch = policy_watch_new(daemon->base, daemon->configuration->policy_path,
                                     WATCH_DEBOUNCE_MILLISECONDS, on_policy_changed, daemon, error);
    return daemon->watch != NULL;
}

/* What needs the rights that the process was started with, and is done once. */
static bool bind_all(struct daemon *daemon, struct error *error)
{
    machine_raise_descriptor_limit();
    return make_tables(daemon, error) && make_loop(daemon, error) &&
           listener_sockets_open(&daemon->sockets, daemon->configuration, daemon->worker_count,
                                 error) &&
           make_admin(daemon, error) && make_guard(daemon, error);
}

/* The log opens before any thread takes a request. Signals belong to the main thread: the others
 * have them blocked. */
static bool start_threads(struct daemon *daemon, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started =
        open_log(daemon, error) && make_workers(daemon, error) && start_workers(daemon, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* What reloads and rotation will do again is done the first time, too, with the rights that are
 * left then. */
static int start(struct daemon *daemon, struct error *error)
{
    if (!bind_all(daemon, error) || !sandbox_enter(daemon->configuration, error))
        return EXIT_NOT_STARTED;
    if (!policy_keeper_load(&daemon->policy, error))
        return EXIT_BAD_INPUT;
    if (!start_watch(daemon, error) || !start_threads(daemon, error))
        return EXIT_NOT_STARTED;
    sandbox_confine_thread(SANDBOX_MAIN);
    return EXIT_OK;
}

static void say_ready(const struct daemon *daemon)
{
    char address[IP_TEXT_SIZE];
    listener_sockets_announce(&daemon->sockets, stderr);
    if (daemon->admin != NULL && daemon->configuration->admin_unix_path == NULL) {
        ip_format_with_port(&daemon->configuration->admin_ip, admin_port(daemon->admin), address);
        fprintf(stderr, "sallyport: admin on %s\n", address);
    }
    fprintf(stderr, "sallyport: ready\n");
    log_queue_event(daemon->policy.log, "start", SPAN("sallyport " SALLYPORT_VERSION),
                    snapshot_revision(daemon->policy.snapshot));
}

static void join_workers(struct daemon *daemon)
{
    if (daemon->done < daemon->started)
        give_all(daemon, WORKER_STOP);
    for (size_t i = 0; i < daemon->started; i++)
        worker_join(daemon->workers[i]);
}

/* Returns how many log records could not be written. */
static uint64_t close_log(struct daemon *daemon, bool was_running)
{
    if (daemon->log == NULL)
        return 0;
    if (was_running)
        log_queue_event(daemon->policy.log, "stop", (struct span){"", 0},
                        snapshot_revision(daemon->policy.snapshot));
    return decision_log_close(daemon->log, daemon->configuration->timeout_drain);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

static void free_parts(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->worker_count && daemon->workers != NULL; i++)
        worker_free(daemon->workers[i]);
    for (size_t i = 0; i < daemon->worker_count && daemon->metrics != NULL; i++)
        metrics_free(daemon->metrics[i]);
    free(daemon->workers);
    free(daemon->metrics);
    policy_watch_free(daemon->watch);
    admin_free(daemon->admin);
    listener_sockets_close(&daemon->sockets);
    address_guard_free(daemon->guard);
    limiter_free(daemon->limiter);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        free_event(daemon->signals[i]);
    free_event(daemon->done_event);
    free_event(daemon->drain_timer);
    if (daemon->base != NULL)
        event_base_free(daemon->base);
    if (daemon->done_fd >= 0)
        close(daemon->done_fd);
    if (daemon->policy.snapshot != NULL)
        snapshot_unref(daemon->policy.snapshot);
    configuration_free(daemon->configuration);
}

static int run(struct daemon *daemon)
{
    struct error error;
    int status = start(daemon, &error);
    if (status == EXIT_OK) {
        say_ready(daemon);
        event_base_dispatch(daemon->base);
    } else {
        error_print(&error, stderr);
    }
    join_workers(daemon);
    uint64_t lost = close_log(daemon, status == EXIT_OK);
    if (lost == 0)
        return status;
    fprintf(stderr, "sallyport: %llu log records could not be written\n", (unsigned long long)lost);
    return EXIT_NOT_STARTED;
}

int daemon_run(const char *configuration_path)
{
    struct daemon daemon = {.done_fd = -1};
    struct error error;
    int status = EXIT_BAD_INPUT;
    signal(SIGPIPE, SIG_IGN);
    daemon.configuration = configuration_read(configuration_path, &error);
    daemon.policy.configuration = daemon.configuration;
    if (daemon.configuration == NULL)
        error_print(&error, stderr);
    else
        status = run(&daemon);
    free_parts(&daemon);
    return status;
}
