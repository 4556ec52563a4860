/*
 * Memory by region: many small things that live and die together. Allocation
 * moves a pointer; freeing frees all at once. An arena has a hard maximum, so
 * that no input can eat the machine.
 */
#ifndef SALLYPORT_POLICY_ARENA_H
#define SALLYPORT_POLICY_ARENA_H

#include <stddef.h>

#include "policy/span.h"

struct arena;

/* At most LIMIT bytes are ever handed out. NULL when memory is out. Owned by the caller:
 * arena_free. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *arena);

/* SIZE zeroed bytes aligned for any type; NULL when the limit is reached or memory is out. */
void *arena_allocate(struct arena *arena, size_t size);

/* COUNT × SIZE zeroed bytes; NULL also when the product overflows. */
void *arena_allocate_array(struct arena *arena, size_t count, size_t size);

/* A copy that ends in NUL (not counted in the span's length); {NULL, 0} on failure. */
struct span arena_copy(struct arena *arena, struct span text);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

#endif
