/* The block that was used last is given first: it is still in the processor's cache. */
#include "proxy/spare.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>

void *spare_take(struct spare *spare)
{
    if (spare->count == 0)
        return malloc(spare->size);
    void *block = spare->blocks[--spare->count];
    ASAN_UNPOISON_MEMORY_REGION(block, spare->size);
    return block;
}

void spare_give(struct spare *spare, void *block)
{
    if (spare->count == SPARE_MAXIMUM) {
        free(block);
        return;
    }
    ASAN_POISON_MEMORY_REGION(block, spare->size);
    spare->blocks[spare->count++] = block;
}

void spare_clear(struct spare *spare)
{
    while (spare->count > 0)
        free(spare_take(spare));
}
