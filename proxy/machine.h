/* What the machine gives this process: processors, descriptors and memory. */
#ifndef SALLYPORT_PROXY_MACHINE_H
#define SALLYPORT_PROXY_MACHINE_H

#include <stddef.h>

/* Those that this process may run on; at least 1. */
size_t machine_processor_count(void);

/* As many descriptors as may be had without asking anyone; where that fails the limit stays. */
void machine_raise_descriptor_limit(void);

/*
 * From now on large blocks, and the free end of the heap, go back to the machine as soon as they
 * are freed. By itself malloc keeps back the more, the larger the blocks that it has seen freed:
 * a reload of the policy, or a log that could not be written for a while, would leave the process
 * larger for good.
 */
void machine_return_memory(void);

#endif
