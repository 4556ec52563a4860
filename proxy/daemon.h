/*
 * The process: configuration, policy, listeners, log and workers put together,
 * then the main thread's loop, which handles signals, reloads and the admin
 * listener, and lets everything end in order.
 */
#ifndef SALLYPORT_PROXY_DAEMON_H
#define SALLYPORT_PROXY_DAEMON_H

/* Runs until SIGTERM or SIGINT. The process's exit status by the contract: 0, 1 or 2; errors go to
 * stderr. */
int daemon_run(const char *configuration_path);

#endif
