/*
 * Why: the log outlives the workers that write to it, and each of them has a way
 * of its own into it. Here it is opened, asked and closed; decision_log_record
 * makes the lines, log_queue carries them, decision_log_writer writes them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/decision_log_writer.h"

static void free_log(struct decision_log *log)
{
    for (size_t i = 0; i < log->queue_count; i++) {
        if (log->queues[i] != NULL)
            log_queue_clear(log->queues[i]);
        free(log->queues[i]);
    }
    while (log->troubles != NULL) {
        struct trouble *next = log->troubles->next;
        free(log->troubles);
        log->troubles = next;
    }
    log_file_close(&log->file);
    if (log->waker.descriptor >= 0)
        close(log->waker.descriptor);
    free(log->path);
    free(log);
}

static struct decision_log *new_log(const char *path, size_t queues)
{
    struct decision_log *log = calloc(1, sizeof(*log) + queues * sizeof(struct log_queue *));
    if (log == NULL)
        return NULL;
    atomic_init(&log->trouble, "");
    log->open_trouble = "";
    log->write_trouble = "";
    log->file = (struct log_file){.descriptor = -1};
    log->queue_count = queues;
    log->path = span_duplicate(span_of(path));
    log->waker.descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = log->path != NULL && log->waker.descriptor >= 0;
    for (size_t i = 0; i < queues && good; i++) {
        log->queues[i] = malloc(sizeof(struct log_queue));
        good = log->queues[i] != NULL && log_queue_init(log->queues[i], &log->waker);
    }
    if (good)
        return log;
    free_log(log);
    return NULL;
}

/* The writer takes no signals: they are the main thread's, and SIGPIPE nobody's. */
static bool start_writer(struct decision_log *log)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&log->thread, NULL, decision_log_write_all, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return failure == 0;
}

struct decision_log *decision_log_open(const char *path, size_t queues, struct error *error)
{
    struct decision_log *log = new_log(path, queues);
    if (log == NULL) {
        error_set(error, "cannot make the decision log: %s", strerror(errno));
        return NULL;
    }
    if (!log_file_open(&log->file, path, error)) {
        free_log(log);
        return NULL;
    }
    log->cut = log->file.cut;
    if (!start_writer(log)) {
        error_set(error, "cannot start the decision log's writer: %s", strerror(errno));
        free_log(log);
        return NULL;
    }
    return log;
}

size_t decision_log_cut(const struct decision_log *log)
{
    return log->cut;
}

struct log_queue *decision_log_queue(struct decision_log *log, size_t index)
{
    return log->queues[index];
}

void decision_log_reopen(struct decision_log *log)
{
    atomic_store(&log->reopen, true);
    log_waker_ring(&log->waker);
}

uint64_t decision_log_close(struct decision_log *log, uint32_t timeout_ms)
{
    uint64_t made, written;
    atomic_store(&log->deadline, clock_milliseconds() + timeout_ms);
    atomic_store(&log->closing, true);
    log_waker_ring(&log->waker);
    pthread_join(log->thread, NULL);
    decision_log_counts(log, &made, &written);
    free_log(log);
    return made - written;
}

const char *decision_log_trouble(const struct decision_log *log)
{
    return atomic_load(&log->trouble);
}

void decision_log_counts(const struct decision_log *log, uint64_t *made, uint64_t *written)
{
    *made = 0;
    *written = 0;
    for (size_t i = 0; i < log->queue_count; i++) {
        *written += atomic_load(&log->queues[i]->written);
        *made += atomic_load(&log->queues[i]->made);
    }
}
