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
#include <unistd.h>

#include "proxy/daemon_parts.h"
#include "proxy/launcher.h"
#include "proxy/machine.h"
#include "proxy/sandbox.h"
#include "proxy/supervisor.h"

#define WATCH_DEBOUNCE_MILLISECONDS 100

enum { EXIT_OK = 0, EXIT_NOT_STARTED = 1, EXIT_BAD_INPUT = 2 };

/* ---- putting it together ------------------------------------------------------------------ */

static bool fail_with_errno(struct error *error, const char *what)
{
    error_set(error, "cannot %s: %s", what, strerror(errno));
    return false;
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

/* *LISTENING: -1 where there is nothing to take over. */
static bool take_over_admin(const struct daemon *daemon, int *listening, struct error *error)
{
    const struct configuration *configuration = daemon->configuration;
    char address[TAKEOVER_ADDRESS_SIZE], what[TAKEOVER_WHAT_SIZE];
    takeover_address(configuration->admin_unix_path, &configuration->admin_ip,
                     configuration->admin_port, address);
    snprintf(what, sizeof(what), TAKEOVER_ADMIN "%s", address);
    return takeover_ask_one(&daemon->takeover, what, listening, error);
}

static bool make_admin(struct daemon *daemon, struct error *error)
{
    const struct admin_source source = {.context = &daemon->status,
                                        .write_trouble = status_write_trouble,
                                        .write_metrics = status_write_metrics};
    int listening;
    if (!daemon->configuration->has_admin)
        return true;
    if (!take_over_admin(daemon, &listening, error))
        return false;
    daemon->admin = admin_new(daemon->base, daemon->configuration, listening, &source, error);
    return daemon->admin != NULL;
}

static bool make_workers(struct daemon *daemon, struct error *error)
{
    const struct worker_shared shared = {
        .configuration = daemon->configuration,
        .guard = daemon->guard,
        .keyring = daemon->certificates.keyring,
        .limiter = daemon->limiter,
        .overload = daemon->overload,
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
    daemon->certificates.sockets = &daemon->sockets;
    daemon->certificates.log = daemon->policy.log;
    daemon->certificates.workers = daemon->workers;
    daemon->certificates.worker_count = daemon->worker_count;
    daemon->rosters = (struct roster_keeper){.sockets = &daemon->sockets,
                                             .log = daemon->policy.log,
                                             .workers = daemon->workers,
                                             .worker_count = daemon->worker_count};
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
    daemon->status.certificates = &daemon->certificates;
    daemon->status.rosters = &daemon->rosters;
    return true;
}

/* One queue a worker, and one for the main thread's own lines. */
static bool open_log(struct daemon *daemon, struct error *error)
{
    daemon->log =
        decision_log_open(daemon->configuration->log_decisions, daemon->worker_count + 1, error);
    if (daemon->log == NULL)
        return false;
    if (decision_log_cut(daemon->log) > 0)
        fprintf(stderr,
                "sallyport: %s ended in a record that was not finished; cut off: %zu bytes\n",
                daemon->configuration->log_decisions, decision_log_cut(daemon->log));
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
    daemon->watch =
        policy_watch_new(daemon->base, daemon->configuration->policy_path,
                         WATCH_DEBOUNCE_MILLISECONDS, daemon_loop_policy_changed, daemon, error);
    return daemon->watch != NULL;
}

/* Last of what is bound: it counts the descriptors that are in use already. */
static bool make_overload(struct daemon *daemon, struct error *error)
{
    daemon->overload =
        overload_new(daemon->configuration, daemon->limiter, daemon->metrics, daemon->worker_count);
    daemon->status.overload = daemon->overload;
    return daemon->overload != NULL || fail_with_errno(error, "start");
}

/* What needs the rights that the process was started with, and is done once. */
static bool bind_all(struct daemon *daemon, struct error *error)
{
    machine_raise_descriptor_limit();
    machine_return_memory();
    daemon->supervisor = supervisor_connect();
    if (!daemon_loop_make(daemon))
        return fail_with_errno(error, "make the main loop");
    return make_tables(daemon, error) &&
           listener_sockets_open(&daemon->sockets, daemon->configuration, daemon->worker_count,
                                 &daemon->takeover, error) &&
           certificate_keeper_open(&daemon->certificates, daemon->configuration, error) &&
           make_admin(daemon, error) && make_guard(daemon, error) &&
           daemon_succession_open(daemon, error) && make_overload(daemon, error);
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
    if (!certificate_keeper_start(&daemon->certificates, daemon->base)) {
        error_set(error, "out of memory");
        return EXIT_NOT_STARTED;
    }
    sandbox_confine_thread(SANDBOX_MAIN);
    return takeover_succeed(&daemon->takeover, error) ? EXIT_OK : EXIT_NOT_STARTED;
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
    supervisor_say_ready(daemon->supervisor);
    log_queue_event(daemon->policy.log, "start", SPAN("sallyport " SALLYPORT_VERSION),
                    snapshot_revision(daemon->policy.snapshot));
    policy_keeper_tell_ledger(&daemon->policy);
}

static void join_workers(struct daemon *daemon)
{
    if (daemon->done < daemon->started)
        daemon_loop_order(daemon, WORKER_STOP);
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

static void free_parts(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->worker_count && daemon->workers != NULL; i++)
        worker_free(daemon->workers[i]);
    for (size_t i = 0; i < daemon->worker_count && daemon->metrics != NULL; i++)
        metrics_free(daemon->metrics[i]);
    free(daemon->workers);
    free(daemon->metrics);
    policy_watch_free(daemon->watch);
    certificate_keeper_clear(&daemon->certificates);
    admin_free(daemon->admin);
    listener_sockets_close(&daemon->sockets);
    address_guard_free(daemon->guard);
    overload_free(daemon->overload);
    limiter_free(daemon->limiter);
    handover_free(daemon->handover);
    takeover_end(&daemon->takeover);
    daemon_loop_clear(daemon);
    if (daemon->launcher >= 0)
        close(daemon->launcher);
    policy_keeper_clear(&daemon->policy);
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
        takeover_fail(&daemon->takeover, &error);
    }
    join_workers(daemon);
    uint64_t lost = close_log(daemon, status == EXIT_OK);
    if (lost == 0)
        return status;
    fprintf(stderr, "sallyport: %llu log records could not be written\n", (unsigned long long)lost);
    return EXIT_NOT_STARTED;
}

/* Whom to take over from, where that can be known before the configuration is: it hears of what is
 * wrong there, too. */
static bool find_predecessor(struct daemon *daemon, const struct daemon_options *options,
                             struct error *error)
{
    if (!options->takeover || daemon->takeover.fd >= 0)
        return true;
    if (daemon->configuration != NULL)
        return takeover_find(&daemon->takeover, daemon->configuration, error);
    return options->takeover_from == NULL ||
           takeover_begin(&daemon->takeover, options->takeover_from, error);
}

/* A status to end with, or EXIT_OK. */
static int prepare(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
    daemon->launcher = launcher_make(options->configuration_path);
    if (daemon->launcher < 0) {
        fail_with_errno(error, "start");
        return EXIT_NOT_STARTED;
    }
    if (!find_predecessor(daemon, options, error))
        return EXIT_NOT_STARTED;
    daemon->configuration = configuration_read(options->configuration_path, error);
    daemon->policy.configuration = daemon->configuration;
    if (daemon->configuration == NULL)
        return EXIT_BAD_INPUT;
    return find_predecessor(daemon, options, error) ? EXIT_OK : EXIT_NOT_STARTED;
}

int daemon_run(const struct daemon_options *options)
{
    struct daemon daemon = {
        .done_fd = -1, .launcher = -1, .supervisor = -1, .takeover = {.fd = -1}};
    struct error error;
    signal(SIGPIPE, SIG_IGN);
    int status = prepare(&daemon, options, &error);
    if (status == EXIT_OK) {
        status = run(&daemon);
    } else {
        error_print(&error, stderr);
        takeover_fail(&daemon.takeover, &error);
    }
    free_parts(&daemon);
    return status;
}
