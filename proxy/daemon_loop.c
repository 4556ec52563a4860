/*
 * What may happen while the process runs, on the main thread's loop: signals, a
 * policy that has changed, workers that have ended.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/daemon_parts.h"

#define LOOK_REST_SECONDS       5
#define LOOK_WAITS_MILLISECONDS 60000

static const int handled_signals[DAEMON_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

void daemon_loop_order(struct daemon *daemon, enum worker_order order)
{
    for (size_t i = 0; i < daemon->started; i++)
        worker_give_order(daemon->workers[i], order);
}

static void on_drain_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    daemon_loop_order(context, WORKER_STOP);
}

/* The first call drains, the second ends at once. */
static void stop(struct daemon *daemon)
{
    const uint32_t drain = daemon->configuration->timeout_drain;
    const struct timeval interval = {.tv_sec = drain / 1000,
                                     .tv_usec = (suseconds_t)(drain % 1000) * 1000};
    if (daemon->status.stopping) {
        daemon_loop_order(daemon, WORKER_STOP);
        return;
    }
    daemon->status.stopping = true;
    if (!daemon->left) {
        handover_free(daemon->handover);
        daemon->handover = NULL;
    }
    fprintf(stderr, "sallyport: stopping; what runs has %u s to finish\n", drain / 1000);
    event_add(daemon->drain_timer, &interval);
    daemon_loop_order(daemon, WORKER_DRAIN);
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

void daemon_loop_follow(void *context, enum takeover_word word)
{
    struct daemon *daemon = context;
    switch (word) {
    case TAKEOVER_LOG:
        decision_log_reopen(daemon->log);
        break;
    case TAKEOVER_IDENTITIES:
        certificate_keeper_reload(&daemon->certificates);
        roster_keeper_reload(&daemon->rosters);
        break;
    default:
        policy_keeper_reload(&daemon->policy, NULL);
        break;
    }
    takeover_pass_on(&daemon->takeover, word);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct daemon *daemon = context;
    (void)what;
    switch (number) {
    case SIGHUP:
        daemon_loop_follow(daemon, TAKEOVER_LOG);
        daemon_loop_follow(daemon, TAKEOVER_POLICY);
        daemon_loop_follow(daemon, TAKEOVER_IDENTITIES);
        break;
    case SIGUSR1:
        daemon_loop_follow(daemon, TAKEOVER_LOG);
        break;
    case SIGUSR2:
        daemon_succession_start(daemon);
        break;
    default:
        stop(daemon);
        break;
    }
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    struct daemon *daemon = context;
    (void)fd;
    (void)what;
    if (!daemon->status.stopping)
        policy_keeper_look_again(&daemon->policy);
}

/* It keeps the next change waiting as long as it takes, so it waits for some rest; not for ever. */
static void put_off_look(struct daemon *daemon)
{
    static const struct timeval rest = {.tv_sec = LOOK_REST_SECONDS};
    const uint64_t now = clock_milliseconds();
    const bool pending = evtimer_pending(daemon->look_timer, NULL);
    if (!pending)
        daemon->look_wanted = now;
    if (!pending || now - daemon->look_wanted < LOOK_WAITS_MILLISECONDS)
        event_add(daemon->look_timer, &rest);
}

void daemon_loop_policy_changed(void *context, const struct policy_change *change)
{
    struct daemon *daemon = context;
    if (daemon->status.stopping)
        return;
    policy_keeper_reload(&daemon->policy, change);
    put_off_look(daemon);
    takeover_pass_on(&daemon->takeover, TAKEOVER_POLICY);
}

static bool add_signals(struct daemon *daemon)
{
    for (size_t i = 0; i < DAEMON_SIGNALS; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, handled_signals[i], on_signal, daemon);
        if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) != 0)
            return false;
    }
    return true;
}

bool daemon_loop_make(struct daemon *daemon)
{
    daemon->base = event_base_new();
    daemon->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (daemon->base == NULL || daemon->done_fd < 0)
        return false;
    daemon->drain_timer = evtimer_new(daemon->base, on_drain_over, daemon);
    daemon->look_timer = evtimer_new(daemon->base, on_look, daemon);
    daemon->done_event =
        event_new(daemon->base, daemon->done_fd, EV_READ | EV_PERSIST, on_worker_done, daemon);
    return daemon->drain_timer != NULL && daemon->look_timer != NULL &&
           daemon->done_event != NULL && event_add(daemon->done_event, NULL) == 0 &&
           add_signals(daemon);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

/* Each would have its default effect again, the process's end, before the last of its work is done.
 */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        sigaddset(&set, handled_signals[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void daemon_loop_clear(struct daemon *daemon)
{
    block_signals();
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        free_event(daemon->signals[i]);
    free_event(daemon->done_event);
    free_event(daemon->drain_timer);
    free_event(daemon->look_timer);
    if (daemon->base != NULL)
        event_base_free(daemon->base);
    if (daemon->done_fd >= 0)
        close(daemon->done_fd);
}
