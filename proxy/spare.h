/*
 * Blocks of one size that were given back, kept for whoever needs one next: what each request
 * takes for a moment is too large for the allocator's quick lists. Of one thread. While a block is
 * kept, AddressSanitizer takes it for freed.
 */
#ifndef SALLYPORT_PROXY_SPARE_H
#define SALLYPORT_PROXY_SPARE_H

#include <stddef.h>

#define SPARE_MAXIMUM 16 /* blocks: more than a worker uses at once, where it is not behind */

struct spare {
    size_t size; /* bytes of a block */
    size_t count;
    void *blocks[SPARE_MAXIMUM];
};

/* A block with anything in it, for spare_give or free; NULL: memory is out. */
void *spare_take(struct spare *spare);

/* Takes BLOCK back, which holds nothing worth a look any more. */
void spare_give(struct spare *spare, void *block);

/* Frees all that are kept. */
void spare_clear(struct spare *spare);

#endif
