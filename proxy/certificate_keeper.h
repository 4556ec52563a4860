/*
 * Keeps what TLS listeners, and the proxy as a client of origins, show and believe: reads
 * certificates, keys and lists of what is revoked again when told, and says beforehand when one of
 * them expires; the keys of their session tickets it changes by the hour. A file that does not load
 * changes nothing but what is said about it (in the log, on /readyz, in a metric).
 */
#ifndef SALLYPORT_PROXY_CERTIFICATE_KEEPER_H
#define SALLYPORT_PROXY_CERTIFICATE_KEEPER_H

#include "proxy/listener.h"
#include "proxy/worker.h"

struct certificate_keeper {
    const struct configuration *configuration;
    struct keyring *keyring; /* the main thread's reference to the newest */
    struct listener_sockets *sockets;
    struct log_queue *log; /* the main thread's */
    struct worker *const *workers;
    size_t worker_count;
    struct event *timer;
    struct event *ticket_timer;
    uint64_t reloads;
    uint64_t failed_reloads;
    bool stale; /* files on disk do not load: `error` says why */
    struct error error;
};

/* Reads what the proxy shows and believes as a client, for the first time. False: ERROR has the
 * file. */
bool certificate_keeper_open(struct certificate_keeper *keeper,
                             const struct configuration *configuration, struct error *error);

/* Looks for what expires soon now, and once a day on BASE, and changes the keys of session tickets.
 * False: memory is out. */
bool certificate_keeper_start(struct certificate_keeper *keeper, struct event_base *base);
void certificate_keeper_clear(struct certificate_keeper *keeper);

/* Each listener whose files load has them from its next connection on, and so do connections to
 * origins. */
void certificate_keeper_reload(struct certificate_keeper *keeper);

/* For /readyz: a line where files do not load. */
void certificate_keeper_write_trouble(const struct certificate_keeper *keeper, struct text *out);

/* For /metrics. */
void certificate_keeper_write_metrics(const struct certificate_keeper *keeper, struct text *out);

#endif
