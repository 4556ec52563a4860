/*
 * The admin listener: /healthz (the process turns), /readyz (it would decide
 * well: policy good, log writable, not draining; else 503 with the reasons, a line each),
 * /metrics (Prometheus text). On the main thread's loop, by libevent's own HTTP
 * server: it is for the owner's network, not for strangers.
 */
#ifndef SALLYPORT_PROXY_ADMIN_H
#define SALLYPORT_PROXY_ADMIN_H

#include <event2/event.h>

#include "conf/configuration.h"
#include "policy/text.h"

struct admin;

/* What the pages show; called on the main thread. */
struct admin_source {
    void *context;
    /* Adds a line for each reason not to be ready; none: ready. */
    void (*write_trouble)(void *context, struct text *out);
    void (*write_metrics)(void *context, struct text *out);
};

/*
 * LISTENING, where it is not -1, is a socket that listens at the configured address
 * already; it is the admin's from now on. NULL: ERROR says why (address in use, …), with
 * the configuration's words.
 */
struct admin *admin_new(struct event_base *base, const struct configuration *configuration,
                        int listening, const struct admin_source *source, struct error *error);
void admin_free(struct admin *admin);

/* What it listens with. */
const int *admin_socket(const struct admin *admin);

/* Another process has that socket, too, and answers alone from now on. */
void admin_leave(struct admin *admin);

/* The port it listens on (the kernel's choice where the configuration says 0). */
uint16_t admin_port(const struct admin *admin);

#endif
