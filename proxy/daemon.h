/*
 * The process: configuration, policy, listeners, log and workers put together,
 * then the main thread's loop, which handles signals, reloads and the admin
 * listener, and lets everything end in order.
 */
#ifndef SALLYPORT_PROXY_DAEMON_H
#define SALLYPORT_PROXY_DAEMON_H

#include <stdbool.h>

struct daemon_options {
    const char *configuration_path;
    bool takeover; /* take the place of another process */
    const char
        *takeover_from; /* the address of its first listener; NULL: one of the configuration's */
};

/* Runs until SIGTERM or SIGINT, or until another process has taken its place and what ran here has
 * ended. The process's exit status by the contract: 0, 1 or 2; errors go to stderr. */
int daemon_run(const struct daemon_options *options);

#endif
