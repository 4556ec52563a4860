/*
 * The distinct names of one minute, as many as a limit allows, for all workers at
 * once: a table of keyed hashes with room for twice the limit, 16 bytes a name and
 * no more, whatever an app asks for. Each entry carries its minute, so that the next
 * minute finds the table empty without anybody clearing it.
 *
 * A hash has 47 bits here and its key is the process's own: that two names look alike
 * is chance (one in 10^8 for a thousand names), and nobody outside can bring it about.
 */
#ifndef SALLYPORT_PROXY_NAME_SET_H
#define SALLYPORT_PROXY_NAME_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/span.h"

struct name_set;

/* For at most LIMIT (> 0) names a minute. NULL: memory is out. */
struct name_set *name_set_new(uint32_t limit);
void name_set_free(struct name_set *set);

/*
 * Is NAME (1 byte at least) in the set of MINUTE, or is there room for it? Then it is from now on.
 * False: it is not, and its minute is full. From any thread.
 */
bool name_set_take(struct name_set *set, struct span name, uint64_t minute);

#endif
