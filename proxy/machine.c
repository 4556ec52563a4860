/* Asked for once at the start, before the sandbox closes these ways. */
#include "proxy/machine.h"

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>

#define LARGE_BLOCK                                                                                \
    65536 /* bytes: the log's are so large, and what a policy is made of while it loads */

size_t machine_processor_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (size_t)CPU_COUNT(&set);
}

void machine_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void machine_return_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
}
