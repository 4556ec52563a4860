/*
 * Why: a worker must never wait for a disk, and no record may be lost.
 * Rests on: a chunk's `length` is published after its bytes, `next` after the
 * new chunk's length, both sequentially consistent, as is `sleeping`: either the
 * worker sees that the writer sleeps, or the writer sees the new length before
 * it does. A chunk with a successor is written to again only when it has come back
 * to the worker, empty, as the spare one.
 */
#include "proxy/log_queue.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND 1000000L

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

static struct log_chunk *chunk_new(void)
{
    struct log_chunk *chunk = malloc(sizeof(*chunk));
    if (chunk == NULL)
        return NULL;
    atomic_init(&chunk->next, NULL);
    atomic_init(&chunk->length, 0);
    return chunk;
}

/* Memory that is out comes back: the writer frees what it has written. */
static struct log_chunk *chunk_new_patiently(struct log_queue *queue)
{
    struct log_chunk *chunk;
    while ((chunk = chunk_new()) == NULL) {
        log_waker_wake(queue->waker);
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    }
    return chunk;
}

static struct log_chunk *next_chunk(struct log_queue *queue)
{
    struct log_chunk *spare = atomic_exchange(&queue->spare, NULL);
    if (spare == NULL)
        return chunk_new_patiently(queue);
    atomic_store_explicit(&spare->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&spare->length, 0, memory_order_relaxed);
    return spare;
}

bool log_queue_init(struct log_queue *queue, struct log_waker *waker)
{
    uint8_t random[sizeof(queue->id_random)];
    memset(queue, 0, sizeof(*queue));
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        queue->id_random[i] = digits[random[i] % 32];
    queue->waker = waker;
    queue->head = queue->tail = chunk_new();
    return queue->tail != NULL;
}

void log_queue_clear(struct log_queue *queue)
{
    while (queue->head != NULL) {
        struct log_chunk *next = atomic_load(&queue->head->next);
        free(queue->head);
        queue->head = next;
    }
    free(atomic_exchange(&queue->spare, NULL));
}

void log_waker_ring(struct log_waker *waker)
{
    uint64_t one = 1;
    ssize_t written = write(waker->descriptor, &one, sizeof(one));
    (void)written; /* full: it has been woken often enough */
}

void log_waker_wake(struct log_waker *waker)
{
    if (atomic_load(&waker->sleeping) && atomic_exchange(&waker->sleeping, false))
        log_waker_ring(waker);
}

void log_queue_append(struct log_queue *queue, struct span line)
{
    struct log_chunk *tail = queue->tail;
    size_t length = atomic_load_explicit(&tail->length, memory_order_relaxed);
    bool fits = line.length <= LOG_CHUNK_SIZE - length;
    if (!fits) {
        tail = next_chunk(queue);
        length = 0;
    }
    memcpy(tail->bytes + length, line.data, line.length);
    atomic_store(&tail->length, length + line.length);
    if (!fits) {
        atomic_store(&queue->tail->next, tail);
        queue->tail = tail;
    }
    queue->appended += line.length;
    atomic_store_explicit(&queue->made,
                          atomic_load_explicit(&queue->made, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    log_waker_wake(queue->waker);
}

static uint64_t count_consumed(const struct log_queue *queue)
{
    return atomic_load_explicit(&queue->consumed, memory_order_relaxed);
}

bool log_queue_has_room(const struct log_queue *queue)
{
    return queue->appended - count_consumed(queue) < LOG_QUEUE_HIGH_WATER;
}

bool log_queue_has_room_for(const struct log_queue *queue, const struct log_share *share)
{
    const uint64_t consumed = count_consumed(queue);
    const uint64_t waiting = queue->appended - consumed;
    if (waiting < LOG_QUEUE_LOW_WATER)
        return true;
    return waiting < LOG_QUEUE_HIGH_WATER &&
           (share->last <= consumed || share->bytes < LOG_SHARE_MAXIMUM);
}

uint64_t log_queue_bytes(const struct log_queue *queue)
{
    return queue->appended;
}

void log_queue_charge(const struct log_queue *queue, struct log_share *share, uint64_t from)
{
    if (share->last <= count_consumed(queue))
        share->bytes = 0;
    share->bytes += queue->appended - from;
    share->last = queue->appended;
}

static void put_digits(char *place, size_t count, uint64_t value)
{
    while (count-- > 0) {
        place[count] = digits[value % 32];
        value /= 32;
    }
}

/* 9 digits of milliseconds since 1970, 8 of chance, 7 that count; base 32, in ASCII's order. */
void log_queue_make_id(struct log_queue *queue, char id[DECISION_ID_SIZE])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* to a scheduler tick: rough is enough */
    put_digits(id, 9, (uint64_t)now.tv_sec * 1000U + (uint64_t)(now.tv_nsec / MILLISECOND));
    memcpy(id + 9, queue->id_random, sizeof(queue->id_random));
    put_digits(id + 17, 7, queue->id_counter++);
    id[DECISION_ID_SIZE - 1] = '\0';
}

struct span log_queue_peek(struct log_queue *queue)
{
    for (;;) {
        struct log_chunk *head = queue->head;
        struct log_chunk *next = atomic_load(&head->next);
        size_t length = atomic_load(&head->length);
        if (queue->offset < length || next == NULL)
            return (struct span){head->bytes + queue->offset, length - queue->offset};
        free(atomic_exchange(&queue->spare, head));
        queue->head = next;
        queue->offset = 0;
    }
}

void log_queue_consume(struct log_queue *queue, size_t count)
{
    const char *at = queue->head->bytes + queue->offset;
    const char *end = at + count;
    uint64_t lines = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        lines++;
    }
    queue->offset += count;
    atomic_fetch_add_explicit(&queue->consumed, count, memory_order_relaxed);
    atomic_fetch_add_explicit(&queue->written, lines, memory_order_relaxed);
}
