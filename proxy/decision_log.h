/*
 * The decision log (README.md): JSON lines, made once in the
 * worker, carried by one queue a worker to one writer thread, written whole.
 *
 * Nothing is ever dropped: a queue is a chain of chunks that takes what it is
 * given. What bounds it is asked beforehand: a worker takes on a new request only
 * while its queue has room, so a log that cannot be written (full disk) stops new
 * decisions, not their records; and of a queue that is half full no app may have more
 * than a quarter. Every request in flight may still add its lines.
 */
#ifndef SALLYPORT_PROXY_DECISION_LOG_H
#define SALLYPORT_PROXY_DECISION_LOG_H

#include "conf/configuration.h"
#include "policy/decision.h"

#define DECISION_ID_SIZE 25 /* 24 characters and NUL */

struct decision_log;
struct log_queue;

/*
 * Opens PATH ("-": stdout) for appending and starts the writer with QUEUES queues. NULL: ERROR
 * says why (cannot open, …).
 */
struct decision_log *decision_log_open(const char *path, size_t queues, struct error *error);

/* Bytes of a record that an earlier process had left unfinished at the end of the file, and that
 * were cut off when it was opened here. */
size_t decision_log_cut(const struct decision_log *log);

struct log_queue *decision_log_queue(struct decision_log *log, size_t index);

/* Opens the path anew before the next line (logrotate). Any thread. */
void decision_log_reopen(struct decision_log *log);

/*
 * After the workers have ended: writes all that is queued, for at most
 * TIMEOUT_MS, ends the writer, frees. Returns how many records could not be written (0: none).
 */
uint64_t decision_log_close(struct decision_log *log, uint32_t timeout_ms);

/* "" while the log can be written, else the reason; for /readyz. Any thread; valid always. */
const char *decision_log_trouble(const struct decision_log *log);

/* Records made by workers, and written to the file. Any thread. */
void decision_log_counts(const struct decision_log *log, uint64_t *made, uint64_t *written);

/* --- the worker's side ------------------------------------------------- */

/* May the worker take on one more request? */
bool log_queue_has_room(const struct log_queue *queue);

/* What one app has in a queue. All zero: nothing yet. */
struct log_share {
    uint64_t bytes; /* its lines since none of them waited, at least */
    uint64_t last;  /* bytes of the queue up to the end of its last line */
};

/*
 * The same for the app whose SHARE it is: where lines have piled up, those who wrote most of
 * them wait first, so that a slow disk slows the apps that fill the log, and others go on.
 */
bool log_queue_has_room_for(const struct log_queue *queue, const struct log_share *share);

/* Bytes that were ever put into the queue. */
uint64_t log_queue_bytes(const struct log_queue *queue);

/* SHARE's are the lines that were put into QUEUE since it had FROM bytes. */
void log_queue_charge(const struct log_queue *queue, struct log_share *share, uint64_t from);

/* A new decision's id: unique over processes, sortable by time roughly. */
void log_queue_make_id(struct log_queue *queue, char id[DECISION_ID_SIZE]);

/* Bytes that log_add_subject writes at most. */
#define LOG_SUBJECT_MAXIMUM 2560

/* Whose a record is: its members app, environment and installation, to be made once for them all.
 */
void log_add_subject(struct text *text, const struct subject *subject);

struct decision_record {
    const char *id;
    struct span subject; /* by log_add_subject; "": nobody's (unauthenticated or malformed) */
    struct span client;  /* "ip:port" or "unix" */
    struct span method;  /* "" where it could not be read */
    const char *scheme;  /* NULL: null */
    struct span host;    /* "": null */
    uint16_t port;
    enum verdict verdict;
    enum reason reason;
    const struct decision_rule *rule; /* NULL: none */
    const char *detail;               /* further words for malformed requests; NULL: none */
    enum mode mode;
    const char *policy; /* revision */
};

void log_queue_decision(struct log_queue *queue, const struct decision_record *record);

struct close_record {
    const char *id;
    struct span subject;  /* as above */
    struct span upstream; /* "ip:port" that was dialled; "": null */
    bool stale_address;   /* dialled by an old answer, while the resolvers failed; said if so */
    unsigned status;      /* sent to the client */
    uint64_t bytes_up;
    uint64_t bytes_down;
    uint64_t duration_ns;
    const char
        *outcome; /* "ok", "client_reset", "upstream_reset", "timeout", "denied", "error", … */
    const char *detail; /* why, where the outcome alone does not tell; NULL: none */
};

void log_queue_close(struct log_queue *queue, const struct close_record *record);

/* A line about the proxy itself: {"time", "event": EVENT, "detail": …, "policy": …}. From the
 * queue's own thread. */
void log_queue_event(struct log_queue *queue, const char *event, struct span detail,
                     const char *policy);

/* {"time", "event": "ledger", "n", "hash", "policy"}: the head of the policy's ledger. */
void log_queue_ledger(struct log_queue *queue, uint64_t n, const char *hash, const char *policy);

#endif
