/*
 * Preloaded into a program under test: its wall clock is off by as many seconds as
 * the file CLOCK_OFFSET holds (a 64-bit number, read at each look). The monotonic
 * clocks go on, as they do when somebody sets the time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int64_t *offset;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("CLOCK_OFFSET");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
    offset = mapped == MAP_FAILED ? NULL : mapped;
    close(fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && offset != NULL)
        now->tv_sec += *offset;
    return result;
}
