/*
 * Preloaded into a program under test: its clocks are ahead by as many seconds as the file
 * CLOCK_OFFSET holds: two 64-bit numbers, read at each look, for the wall clock (somebody sets the
 * time) and for the monotonic ones (it passes).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct offsets {
    int64_t wall, monotonic;
};

static const struct offsets *offsets;

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("CLOCK_OFFSET");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);
    offsets = mapped == MAP_FAILED ? NULL : mapped;
    close(fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result != 0 || offsets == NULL)
        return result;
    if (clock == CLOCK_REALTIME)
        now->tv_sec += offsets->wall;
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)
        now->tv_sec += offsets->monotonic;
    return result;
}
