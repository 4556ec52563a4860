/* What the decision log is made of; for decision_log*.c alone. */
#ifndef SALLYPORT_PROXY_DECISION_LOG_WRITER_H
#define SALLYPORT_PROXY_DECISION_LOG_WRITER_H

#include <pthread.h>

#include "proxy/decision_log_file.h"
#include "proxy/log_queue.h"

/* A message that was published once; readers may still hold it, so it stays until the end. */
struct trouble {
    struct trouble *next;
    char text[];
};

struct decision_log {
    /* any thread */
    const char *_Atomic trouble;
    atomic_bool reopen;
    atomic_bool closing;
    _Atomic uint64_t deadline; /* milliseconds, monotonic: when closing gives up */
    struct log_waker waker;
    pthread_t thread;
    /* the writer's own */
    char *path;
    size_t cut; /* when it was opened first: bytes of an unfinished record; never changes */
    struct log_file file;
    struct trouble *troubles;
    const char *open_trouble;  /* "": the file could be opened the last time */
    const char *write_trouble; /* "": it could be written the last time */
    size_t first;              /* the queue to go on with */
    bool mid_line;             /* its line has been begun */
    size_t queue_count;
    struct log_queue *queues[];
};

/* The writer thread. */
void *decision_log_write_all(void *log);

#endif
