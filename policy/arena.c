/*
 * Why: a manifest or a snapshot is thousands of small things with one life; to
 * free them one by one is work and a chance to forget one.
 * Rests on: chunks that double, so that an arena of any size is a few chunks and
 * wastes at most about as much as it holds.
 */
#include "policy/arena.h"

#include <stdlib.h>

#define CHUNK_SIZE 4096

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

struct arena {
    struct chunk *first; /* the one that is being filled */
    size_t used;
    size_t limit;
    size_t next_size; /* chunks double, so that a big arena is a few chunks */
};

struct arena *arena_new(size_t limit)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        return NULL;
    arena->limit = limit;
    arena->next_size = CHUNK_SIZE;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->first; chunk != NULL;) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(arena);
}

static struct chunk *add_chunk(struct arena *arena, size_t at_least)
{
    size_t size = arena->next_size > at_least ? arena->next_size : at_least;
    struct chunk *chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->next = arena->first;
    arena->first = chunk;
    if (arena->next_size < (size_t)1024 * 1024)
        arena->next_size *= 2;
    return chunk;
}

void *arena_allocate(struct arena *arena, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    if (size > PTRDIFF_MAX - alignment)
        return NULL;
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    if (rounded > arena->limit - arena->used)
        return NULL;
    struct chunk *chunk = arena->first;
    if (chunk == NULL || chunk->size - chunk->used < rounded)
        chunk = add_chunk(arena, rounded);
    if (chunk == NULL)
        return NULL;
    void *memory = (char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used += rounded;
    return memory;
}

void *arena_allocate_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_allocate(arena, total);
}

struct span arena_copy(struct arena *arena, struct span text)
{
    char *copy = arena_allocate(arena, text.length + 1);
    if (copy == NULL)
        return (struct span){NULL, 0};
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    return (struct span){copy, text.length};
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
