/* Memory is taken with the first byte and given back, wiped, with the last. */
#include "proxy/buffer.h"

#include <stdlib.h>

#include "proxy/spare.h"

/* The thread's own: nearly all buffers are of this size. */
static _Thread_local struct spare pieces = {.size = BUFFER_PIECE};

static char *allocate(size_t capacity)
{
    return capacity == BUFFER_PIECE ? spare_take(&pieces) : malloc(capacity);
}

static void release(char *storage, size_t capacity)
{
    if (capacity == BUFFER_PIECE)
        spare_give(&pieces, storage);
    else
        free(storage);
}

static char *grow(struct buffer *buffer, size_t capacity)
{
    char *larger = allocate(capacity);
    if (larger == NULL)
        return NULL;
    size_t kept = buffer->length;
    if (kept > 0)
        memcpy(larger, buffer->storage + buffer->start, kept);
    buffer_clear(buffer);
    *buffer = (struct buffer){.storage = larger, .length = kept, .capacity = capacity};
    return larger;
}

static void move_to_front(struct buffer *buffer)
{
    memmove(buffer->storage, buffer->storage + buffer->start, buffer->length);
    explicit_bzero(buffer->storage + buffer->length, buffer->start);
    buffer->start = 0;
}

char *buffer_reserve(struct buffer *buffer, size_t first, size_t maximum, size_t *size)
{
    if (buffer->length >= maximum)
        return NULL;
    if (buffer->start + buffer->length == buffer->capacity && buffer->start > 0)
        move_to_front(buffer);
    if (buffer->length == buffer->capacity) {
        size_t wanted = buffer->capacity == 0 ? first : buffer->capacity * 2;
        if (grow(buffer, wanted < maximum ? wanted : maximum) == NULL)
            return NULL;
    }
    size_t end = buffer->start + buffer->length;
    size_t room = buffer->capacity - end;
    *size = room < maximum - buffer->length ? room : maximum - buffer->length;
    return buffer->storage + end;
}

void buffer_commit(struct buffer *buffer, size_t count)
{
    buffer->length += count;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->start += count;
    buffer->length -= count;
    if (buffer->length == 0)
        buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->storage == NULL)
        return;
    explicit_bzero(buffer->storage, buffer->start + buffer->length);
    release(buffer->storage, buffer->capacity);
    *buffer = (struct buffer){.storage = NULL};
}

void buffer_clear_spare(void)
{
    spare_clear(&pieces);
}
