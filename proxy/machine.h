/* What the machine gives this process: processors and descriptors. */
#ifndef SALLYPORT_PROXY_MACHINE_H
#define SALLYPORT_PROXY_MACHINE_H

#include <stddef.h>

/* Those that this process may run on; at least 1. */
size_t machine_processor_count(void);

/* As many descriptors as may be had without asking anyone; where that fails the limit stays. */
void machine_raise_descriptor_limit(void);

#endif
