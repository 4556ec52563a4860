/*
 * A YAML file from disk. Only regular files are read: a path that someone else
 * may choose must not hang us on a pipe or feed us a device.
 */
#include "policy/yaml_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct position whole_file = {0, 0};

static bool check_kind(int descriptor, const char *path, const struct yaml_limits *limits,
                       struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        error_set_at(error, path, whole_file, "cannot be looked at: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set_at(error, path, whole_file, "not a regular file but %s; give a YAML or JSON file",
                     S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket");
        return false;
    }
    if ((uint64_t)status.st_size > limits->bytes) {
        yaml_refuse_size(path, (size_t)status.st_size, limits, error);
        return false;
    }
    return true;
}

/* Fills BUFFER up to SIZE or the end of the file; how many bytes, or -1. */
static ssize_t read_whole(int descriptor, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(descriptor, buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static char *read_descriptor(int descriptor, const char *path, const struct yaml_limits *limits,
                             size_t *length, struct error *error)
{
    const size_t size = limits->bytes + 1; /* one more, to notice a file that grows */
    if (!check_kind(descriptor, path, limits, error))
        return NULL;
    char *bytes = malloc(size);
    if (bytes == NULL) {
        error_set_at(error, path, whole_file, "out of memory");
        return NULL;
    }
    ssize_t got = read_whole(descriptor, bytes, size);
    if (got < 0) {
        error_set_at(error, path, whole_file, "cannot be read: %s", strerror(errno));
        free(bytes);
        return NULL;
    }
    *length = (size_t)got;
    return bytes;
}

struct yaml_document *yaml_document_read_within(const char *path, const struct yaml_limits *limits,
                                                struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        error_set_at(error, path, whole_file, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    size_t length = 0;
    char *bytes = read_descriptor(descriptor, path, limits, &length, error);
    close(descriptor);
    if (bytes == NULL)
        return NULL;
    return yaml_document_take(bytes, length, path, limits, error);
}

struct yaml_document *yaml_document_read(const char *path, struct error *error)
{
    return yaml_document_read_within(path, &yaml_manifest_limits, error);
}
