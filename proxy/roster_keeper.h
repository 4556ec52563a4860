/*
 * Keeps who is who on the listeners: reads the files of credentials and of common names again
 * when told. A file that does not load changes nothing but what is said about it (in the log, on
 * /readyz, in a metric); the other listeners' are taken.
 */
#ifndef SALLYPORT_PROXY_ROSTER_KEEPER_H
#define SALLYPORT_PROXY_ROSTER_KEEPER_H

#include "proxy/listener_sockets.h"
#include "proxy/worker.h"

struct roster_keeper {
    struct listener_sockets *sockets;
    struct log_queue *log; /* the main thread's */
    struct worker *const *workers;
    size_t worker_count;
    uint64_t reloads;
    uint64_t failed_reloads;
    bool stale; /* files on disk do not load: `error` says why */
    struct error error;
};

/* From the next request on, and for certificates that were shown already (withdrawal.h). */
void roster_keeper_reload(struct roster_keeper *keeper);

/* For /readyz: a line where files do not load. */
void roster_keeper_write_trouble(const struct roster_keeper *keeper, struct text *out);

/* For /metrics. */
void roster_keeper_write_metrics(const struct roster_keeper *keeper, struct text *out);

#endif
