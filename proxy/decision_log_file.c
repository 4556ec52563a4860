/*
 * Why: a log may be a file or a pipe that somebody reads slowly, inherited as
 * standard output and shared with others, so its flags are not ours to change.
 * Rests on: poll(2) says writable only where PIPE_BUF bytes fit (pipe(7)), and so
 * many are written in one piece; it is given no more at a time, and so never
 * blocks, nor mixes with the lines of another process that writes to it, as the one
 * does that takes over from this. To a file each write is one piece anyhow.
 */
#include "proxy/decision_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log_queue.h"

#define LOCK_ATTEMPTS 20 /* a millisecond apart: whoever has the lock alone has it for a moment */

/* ---- an unfinished line -------------------------------------------------------- */

/*
 * The last bytes of the file, which has SIZE, into TAIL: all after the last line feed, as far
 * as a record can reach. *length of them; false: there is no such line, or it cannot be read.
 */
static bool read_unfinished(int reader, off_t size, char tail[LOG_RECORD_MAXIMUM], size_t *length)
{
    const size_t wanted = size < (off_t)LOG_RECORD_MAXIMUM ? (size_t)size : LOG_RECORD_MAXIMUM;
    if (pread(reader, tail, wanted, size - (off_t)wanted) != (ssize_t)wanted)
        return false;
    const char *feed = memrchr(tail, '\n', wanted);
    const size_t before = feed == NULL ? 0 : (size_t)(feed - tail) + 1;
    *length = wanted - before;
    memmove(tail, tail + before, *length);
    return *length > 0;
}

/* Whatever else somebody has written there is not ours to cut. */
static bool begins_a_record(const char *line, size_t length)
{
    static const char beginning[] = LOG_RECORD_BEGINNING;
    const size_t compared = length < sizeof(beginning) - 1 ? length : sizeof(beginning) - 1;
    return length < LOG_RECORD_MAXIMUM && memcmp(line, beginning, compared) == 0;
}

/* Whoever writes this file holds its lock. Whoever turned it over meanwhile has changed its size.
 */
static bool cut_off(int descriptor, off_t size, size_t length)
{
    struct stat state;
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &state) == 0 &&
           state.st_size == size && ftruncate(descriptor, size - (off_t)length) == 0;
}

static void mend_end(struct log_file *file, const char *path, off_t size)
{
    char tail[LOG_RECORD_MAXIMUM];
    size_t length;
    int reader = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader < 0)
        return;
    if (read_unfinished(reader, size, tail, &length)) {
        if (begins_a_record(tail, length) && cut_off(file->descriptor, size, length))
            file->cut = length;
        file->owes_line_feed = file->cut == 0;
    }
    close(reader);
}

/* A file system without locks has none to wait for. */
static void hold_lock(int descriptor)
{
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        if (flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
    }
}

/* ---- the file ------------------------------------------------------------------- */

static void look_at(struct log_file *file)
{
    struct stat state;
    file->regular = fstat(file->descriptor, &state) == 0 && S_ISREG(state.st_mode);
}

bool log_file_open(struct log_file *file, const char *path, struct error *error)
{
    struct log_file opened = {.descriptor = STDOUT_FILENO};
    struct stat state;
    if (strcmp(path, "-") == 0) {
        look_at(&opened);
        *file = opened;
        return true;
    }
    opened.ours = true;
    opened.descriptor =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (opened.descriptor < 0) {
        error_set_at(error, path, (struct position){0, 0}, "cannot open the decision log: %s",
                     strerror(errno));
        return false;
    }
    look_at(&opened);
    if (opened.regular && fstat(opened.descriptor, &state) == 0 && state.st_size > 0)
        mend_end(&opened, path, state.st_size);
    if (opened.regular)
        hold_lock(opened.descriptor);
    *file = opened;
    return true;
}

void log_file_close(struct log_file *file)
{
    if (file->ours)
        close(file->descriptor);
    file->ours = false;
}

/* As many whole lines as a pipe takes at once, so that two processes can share one; what is longer
 * than that goes in pieces. */
static size_t length_at_once(const struct iovec *part)
{
    if (part->iov_len <= PIPE_BUF)
        return part->iov_len;
    const char *end = memrchr(part->iov_base, '\n', PIPE_BUF);
    return end == NULL ? PIPE_BUF : (size_t)(end - (const char *)part->iov_base) + 1;
}

ssize_t log_file_write(const struct log_file *file, const struct iovec *parts, int count)
{
    if (file->regular)
        return writev(file->descriptor, parts, count);
    return write(file->descriptor, parts[0].iov_base, length_at_once(&parts[0]));
}
