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
#include <sys/stat.h>
#include <unistd.h>

static bool ends_mid_line(const char *path, off_t size)
{
    char last = '\n';
    if (size == 0)
        return false;
    int reader = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader < 0)
        return false;
    ssize_t got = pread(reader, &last, 1, size - 1);
    close(reader);
    return got == 1 && last != '\n';
}

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
    if (opened.regular && fstat(opened.descriptor, &state) == 0)
        opened.owes_line_feed = ends_mid_line(path, state.st_size);
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
