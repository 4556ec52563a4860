/* What the process is made of; for daemon*.c alone. */
#ifndef SALLYPORT_PROXY_DAEMON_PARTS_H
#define SALLYPORT_PROXY_DAEMON_PARTS_H

#include <event2/event.h>

#include "proxy/admin.h"
#include "proxy/certificate_keeper.h"
#include "proxy/handover.h"
#include "proxy/policy_keeper.h"
#include "proxy/policy_watch.h"
#include "proxy/roster_keeper.h"
#include "proxy/status.h"
#include "proxy/takeover.h"
#include "proxy/worker.h"

#define DAEMON_SIGNALS 5 /* those that it handles */

struct daemon {
    struct configuration *configuration;
    struct policy_keeper policy;
    struct certificate_keeper certificates;
    struct roster_keeper rosters;
    struct listener_sockets sockets;
    struct address_guard *guard;
    struct limiter *limiter;
    struct overload *overload;
    struct decision_log *log;
    struct worker **workers;
    struct metrics **metrics;
    size_t worker_count;
    size_t started; /* workers whose thread runs */
    size_t done;    /* workers whose thread has ended */
    struct event_base *base;
    struct admin *admin;
    struct policy_watch *watch;
    struct event *signals[DAEMON_SIGNALS];
    struct event *done_event;
    struct event *drain_timer;
    struct event *look_timer; /* for the look at all files that follows one at some */
    uint64_t look_wanted;     /* since then, milliseconds, monotonic */
    int done_fd;
    struct status status; /* what the admin pages show of all this */

    int supervisor;            /* is told when all is ready; -1: nobody */
    int launcher;              /* starts the program again; -1: none */
    struct takeover takeover;  /* from the process before this one */
    struct handover *handover; /* to the one that follows; NULL: nobody may */
    bool admin_given;          /* to the one that follows */
    bool left;                 /* it serves now */
};

/* The loop's own events: signals, the workers' ends, the end of a drain. False: errno says why. */
bool daemon_loop_make(struct daemon *daemon);
void daemon_loop_clear(struct daemon *daemon);

/* To all workers that run. */
void daemon_loop_order(struct daemon *daemon, enum worker_order order);

/* The log is to be opened anew (LOG), or the policy to be loaded again (POLICY), here and in the
 * process that this one took over from. CONTEXT is the daemon. */
void daemon_loop_follow(void *context, enum takeover_word word);

/* The files of the policy have changed, those of CHANGE; CONTEXT is the daemon. */
void daemon_loop_policy_changed(void *context, const struct policy_change *change);

/* Waits for whoever takes over from this process, where the configuration lets them. False: ERROR
 * says why. */
bool daemon_succession_open(struct daemon *daemon, struct error *error);

/* SIGUSR2: has the program started again, to follow this process. */
void daemon_succession_start(struct daemon *daemon);

#endif
