/*
 * Bytes that came in and are not used up yet. One piece of memory (parsers want
 * their bytes in a row), a hard maximum, and wiped before it is given back: no
 * tenant finds another's bytes in fresh memory.
 */
#ifndef SALLYPORT_PROXY_BUFFER_H
#define SALLYPORT_PROXY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/span.h"

/* Bytes to begin with, unless there is a reason for others: most heads are smaller. */
#define BUFFER_PIECE 4096

struct buffer {
    char *storage;
    size_t start;  /* of the unused bytes */
    size_t length; /* of the unused bytes */
    size_t capacity;
};

/* The unused bytes. Valid until the buffer is next written or cleared. */
static inline struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->length == 0 ? "" : buffer->storage + buffer->start,
                         buffer->length};
}

/*
 * Room behind the unused bytes: at least one byte and *size of them. An empty
 * buffer begins with FIRST bytes and grows to at most MAXIMUM unused bytes in all.
 * NULL: MAXIMUM is reached, or memory is out.
 */
char *buffer_reserve(struct buffer *buffer, size_t first, size_t maximum, size_t *size);

/* COUNT bytes were written where buffer_reserve said. */
void buffer_commit(struct buffer *buffer, size_t count);

/* The first COUNT unused bytes are done with. Memory of an empty buffer is given back. */
void buffer_consume(struct buffer *buffer, size_t count);

/* Wipes and frees. */
void buffer_clear(struct buffer *buffer);

/* Frees what the thread keeps for its next buffers of BUFFER_PIECE bytes; before it ends. */
void buffer_clear_spare(void);

#endif
