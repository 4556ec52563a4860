/*
 * When the process itself runs short, somebody has to give way, in this order: whoever
 * is nobody's yet (no credentials seen), then new work of the greediest app (most
 * connections and tunnels held), then all new work. What is under way goes on, each
 * refusal is answered 503 and logged, and a part of the descriptors is never given to
 * clients: it is for the admin pages, the log and the policy's files.
 *
 * Watched are descriptors, memory and the time that an app with work waits for its turn
 * of a worker; each has a limit, and the fullest decides. The log is watched where its
 * lines are made (session_log.c): there people wait instead, for a refusal is a
 * record, too. Nothing ticks: whoever asks looks.
 */
#ifndef SALLYPORT_PROXY_OVERLOAD_H
#define SALLYPORT_PROXY_OVERLOAD_H

#include "proxy/limiter.h"
#include "proxy/metrics.h"

enum overload_resource {
    OVERLOAD_DESCRIPTORS,
    OVERLOAD_MEMORY,
    OVERLOAD_TIME,
    OVERLOAD_RESOURCES,
};

/* Who gives way; each includes those before. */
enum overload_level {
    OVERLOAD_NONE,
    OVERLOAD_ANONYMOUS,
    OVERLOAD_GREEDIEST,
    OVERLOAD_EVERYONE,
    OVERLOAD_LEVELS,
};

struct overload;

/* Of WORKERS workers, whose METRICS count their connections. NULL: memory is out. */
struct overload *overload_new(const struct configuration *configuration, struct limiter *limiter,
                              struct metrics *const *metrics, size_t workers);
void overload_free(struct overload *overload);

/* Those of worker WORKER that its metrics do not count: pipes' descriptors, and its wait for a turn
 * in nanoseconds. */
void overload_note(struct overload *overload, size_t worker, size_t descriptors, uint64_t wait);

/* *resource: which is the fullest. Any thread. */
enum overload_level overload_level(struct overload *overload, enum overload_resource *resource);

/* Not even a refusal can be afforded: whoever comes has to wait in the backlog. */
bool overload_is_full(struct overload *overload);

/*
 * Does new work of ACCOUNT (NULL: nobody knows whose) have to give way? Then it is counted, and
 * *why says for what, in words that live for ever. Any thread.
 */
bool overload_gives_way(struct overload *overload, const struct limit_account *account,
                        const char **why);

/* A connection that is nobody's yet, while there are few others or no shortage. Else it gives way.
 */
bool overload_stranger_gives_way(struct overload *overload, const char **why);
void overload_count_stranger(struct overload *overload, int change);

/* A line where somebody has to give way; none: nobody has. */
void overload_write_trouble(struct overload *overload, struct text *out);
void overload_write_metrics(struct overload *overload, struct text *out);

#endif
