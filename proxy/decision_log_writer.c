/*
 * Why: one thread does all the waiting for disks and slow readers.
 * Rests on: what is written is consumed at once, byte for byte, so that after
 * any failure the next turn goes on at the very byte; and a file is changed only
 * between two lines. It sleeps on an eventfd that workers ring only while it
 * sleeps; after waking, and after a batch that was small, it lets lines gather for
 * a moment, so that a busy log costs five hundred writes a second at most and its
 * workers no ring, an idle one nothing.
 */
#include "proxy/decision_log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/sandbox.h"

#define PARTS_MAXIMUM       64
#define RETRY_MILLISECONDS  250
#define REOPEN_MILLISECONDS 1000
#define STUCK_MILLISECONDS  1000
#define GATHER_NANOSECONDS  2000000L
#define SMALL_BATCH         ((size_t)32 * 1024) /* bytes */

struct batch {
    int count;
    struct iovec parts[PARTS_MAXIMUM + 1];
    size_t queues[PARTS_MAXIMUM + 1];
};

/* Marks a part that belongs to no queue. */
#define NO_QUEUE SIZE_MAX

/* MESSAGE, kept for as long as the log. */
static const char *keep_message(struct decision_log *log, const char *message)
{
    for (struct trouble *at = log->troubles; at != NULL; at = at->next) {
        if (strcmp(at->text, message) == 0)
            return at->text;
    }
    struct trouble *kept = malloc(sizeof(*kept) + strlen(message) + 1);
    if (kept == NULL)
        return "cannot write the decision log";
    memcpy(kept->text, message, strlen(message) + 1);
    kept->next = log->troubles;
    log->troubles = kept;
    return kept->text;
}

static void set_write_trouble(struct decision_log *log, const char *reason)
{
    char message[PATH_MAX + 128];
    snprintf(message, sizeof(message), "cannot write %s: %s", log->path, reason);
    log->write_trouble = reason[0] == '\0' ? "" : keep_message(log, message);
    atomic_store(&log->trouble,
                 log->write_trouble[0] == '\0' ? log->open_trouble : log->write_trouble);
}

static void set_open_trouble(struct decision_log *log, const struct error *error)
{
    char message[sizeof(*error)];
    log->open_trouble = "";
    if (error != NULL) {
        error_format(error, message, sizeof(message));
        log->open_trouble = keep_message(log, message);
    }
    if (log->write_trouble[0] == '\0')
        atomic_store(&log->trouble, log->open_trouble);
}

static void reopen(struct decision_log *log)
{
    struct log_file opened;
    struct error error;
    if (!log_file_open(&opened, log->path, &error)) {
        set_open_trouble(log, &error);
        return;
    }
    log_file_close(&log->file);
    log->file = opened;
    set_open_trouble(log, NULL);
}

static uint64_t remaining(const struct decision_log *log)
{
    uint64_t now = clock_milliseconds();
    uint64_t deadline = atomic_load(&log->deadline);
    return deadline > now ? deadline - now : 0;
}

/* No wait may outlast the deadline of a closing log. */
static int bounded_wait(const struct decision_log *log, int milliseconds)
{
    if (!atomic_load(&log->closing))
        return milliseconds;
    uint64_t left = remaining(log) + 1;
    return left < (uint64_t)milliseconds ? (int)left : milliseconds;
}

/* Waits until it is rung or DESCRIPTOR (-1: none) can be written. True: it can. */
static bool wait_for(struct decision_log *log, int descriptor, int milliseconds)
{
    struct pollfd polled[] = {{.fd = log->waker.descriptor, .events = POLLIN},
                              {.fd = descriptor, .events = POLLOUT}};
    uint64_t rung;
    if (poll(polled, 2, milliseconds) < 0)
        return false;
    if (polled[0].revents != 0 && read(log->waker.descriptor, &rung, sizeof(rung)) < 0)
        return false;
    return polled[1].revents != 0;
}

static void gather(struct decision_log *log, struct batch *batch)
{
    static char line_feed[] = "\n";
    batch->count = 0;
    if (log->file.owes_line_feed) {
        batch->parts[0] = (struct iovec){line_feed, 1};
        batch->queues[batch->count++] = NO_QUEUE;
    }
    for (size_t i = 0; i < log->queue_count && batch->count < PARTS_MAXIMUM; i++) {
        size_t index = (log->first + i) % log->queue_count;
        struct span bytes = log_queue_peek(log->queues[index]);
        if (bytes.length == 0)
            continue;
        batch->parts[batch->count] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.length};
        batch->queues[batch->count++] = index;
    }
    if (batch->count == 1 && batch->queues[0] == NO_QUEUE)
        batch->count = 0;
}

/* LENGTH bytes of BATCH have been written. */
static void advance(struct decision_log *log, const struct batch *batch, size_t length)
{
    for (int i = 0; i < batch->count && length > 0; i++) {
        const struct iovec *part = &batch->parts[i];
        size_t taken = length < part->iov_len ? length : part->iov_len;
        length -= taken;
        if (batch->queues[i] == NO_QUEUE) {
            log->file.owes_line_feed = false;
            continue;
        }
        log->mid_line = ((const char *)part->iov_base)[taken - 1] != '\n';
        log_queue_consume(log->queues[batch->queues[i]], taken);
        log->first = batch->queues[i];
        if (taken == part->iov_len)
            log->first = (log->first + 1) % log->queue_count;
    }
}

static bool anything_to_do(struct decision_log *log)
{
    bool found = atomic_load(&log->reopen) || atomic_load(&log->closing);
    for (size_t i = 0; i < log->queue_count && !found; i++)
        found = log_queue_peek(log->queues[i]).length > 0;
    return found;
}

/* A log that closes is not kept waiting. */
static void let_gather(const struct decision_log *log)
{
    if (!atomic_load(&log->closing))
        nanosleep(&(struct timespec){.tv_nsec = GATHER_NANOSECONDS}, NULL);
}

static void sleep_until_woken(struct decision_log *log)
{
    int milliseconds = log->open_trouble[0] == '\0' ? -1 : REOPEN_MILLISECONDS;
    atomic_store(&log->waker.sleeping, true);
    if (!anything_to_do(log))
        wait_for(log, -1, milliseconds);
    atomic_store(&log->waker.sleeping, false);
    if (log->open_trouble[0] != '\0')
        atomic_store(&log->reopen, true);
    let_gather(log);
}

/* False: not now; the reader is slow, or somebody rang. */
static bool may_write(struct decision_log *log)
{
    if (log->file.regular)
        return true;
    uint64_t began = clock_milliseconds();
    if (wait_for(log, log->file.descriptor, bounded_wait(log, STUCK_MILLISECONDS)))
        return true;
    if (clock_milliseconds() - began >= STUCK_MILLISECONDS / 2)
        set_write_trouble(log, "its reader does not read");
    return false;
}

static void write_batch(struct decision_log *log, const struct batch *batch)
{
    ssize_t written = log_file_write(&log->file, batch->parts, batch->count);
    if (written > 0) {
        advance(log, batch, (size_t)written);
        if (log->write_trouble[0] != '\0')
            set_write_trouble(log, "");
        if ((size_t)written < SMALL_BATCH)
            let_gather(log);
        return;
    }
    if (written < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    set_write_trouble(log, written < 0 ? strerror(errno) : "nothing could be written");
    wait_for(log, -1, bounded_wait(log, RETRY_MILLISECONDS));
}

/* False: the writer's work is done. */
static bool turn(struct decision_log *log)
{
    struct batch batch;
    bool closing = atomic_load(&log->closing);
    if (closing && remaining(log) == 0)
        return false;
    if (!log->mid_line && atomic_exchange(&log->reopen, false))
        reopen(log);
    gather(log, &batch);
    if (batch.count > 0) {
        if (may_write(log))
            write_batch(log, &batch);
        return true;
    }
    if (closing)
        return false;
    sleep_until_woken(log);
    return true;
}

void *decision_log_write_all(void *log)
{
    sandbox_confine_thread(SANDBOX_LOG_WRITER);
    while (turn(log))
        ;
    return NULL;
}
