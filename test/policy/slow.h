/* How long a test may take: more under sanitizers and valgrind, which say so by SALLYPORT_SLOW. */
#ifndef SALLYPORT_TEST_POLICY_SLOW_H
#define SALLYPORT_TEST_POLICY_SLOW_H

#include <stdlib.h>
#include <time.h>

/* Processor seconds since START (of clock()), as an unhindered program would have needed them. */
static inline double seconds_since(clock_t start)
{
    const char *slow = getenv("SALLYPORT_SLOW");
    double factor = slow == NULL ? 1 : strtod(slow, NULL);
    return (double)(clock() - start) / CLOCKS_PER_SEC / (factor < 1 ? 1 : factor);
}

#endif
