/* Write aside, flush, rename; see the header. */
#include "policy/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE_MODE (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

static bool refuse(const char *path, const char *what, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "%s: %s", what, strerror(errno));
    return false;
}

bool file_write_all(int descriptor, struct span bytes)
{
    while (bytes.length > 0) {
        ssize_t count = write(descriptor, bytes.data, bytes.length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        bytes = span_after(bytes, (size_t)count);
    }
    return true;
}

/* Flushes the folder that PATH stands in, so that the new name lasts. */
static bool flush_folder(const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof(folder)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (slash != NULL)
        memcpy(folder, path, length);
    folder[length] = '\0';
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool flushed = fsync(descriptor) == 0;
    close(descriptor);
    return flushed;
}

/* What cannot be replaced by a rename: a pipe, a terminal. */
static bool write_through(const char *path, struct span bytes, struct error *error)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    bool written = descriptor >= 0 && file_write_all(descriptor, bytes);
    if (!written)
        (void)refuse(path, "cannot be written", error);
    if (descriptor >= 0)
        close(descriptor);
    return written;
}

/* The mode that a file of PATH's has, or a new one would. */
static mode_t mode_for(const struct stat *old)
{
    if (old != NULL)
        return old->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    mode_t mask = umask(0);
    (void)umask(mask);
    return NEW_FILE_MODE & ~mask;
}

static bool replace_by(const char *aside, int descriptor, const char *path, struct span bytes,
                       mode_t mode)
{
    return file_write_all(descriptor, bytes) && fchmod(descriptor, mode) == 0 &&
           fsync(descriptor) == 0 && rename(aside, path) == 0 && flush_folder(path);
}

bool file_replace(const char *path, struct span bytes, struct error *error)
{
    struct stat old;
    bool is_there = stat(path, &old) == 0;
    if (is_there && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode))
        return write_through(path, bytes, error);
    char *aside = NULL;
    if (asprintf(&aside, "%s.XXXXXX", path) < 0)
        return refuse(path, "cannot be written", error);
    int descriptor = mkostemp(aside, O_CLOEXEC);
    bool replaced = descriptor >= 0 &&
                    replace_by(aside, descriptor, path, bytes, mode_for(is_there ? &old : NULL));
    if (!replaced)
        (void)refuse(path, "cannot be written", error);
    if (descriptor >= 0)
        close(descriptor);
    if (descriptor >= 0 && !replaced)
        (void)unlink(aside);
    free(aside);
    return replaced;
}
