/*
 * The table of files, and the comparison with the disk. A file is known again
 * by its stamp, unless it was so young when it was read that it could have been
 * written again within one tick of the file system's clock.
 */
#include "policy/ledger_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GRAIN         100000000U /* nanoseconds */
#define CAPACITY_FROM 64

static size_t hash_path(struct span path)
{
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a */
    for (size_t i = 0; i < path.length; i++)
        hash = (hash ^ (uint8_t)path.data[i]) * 0x100000001b3U;
    return (size_t)(hash ^ hash >> 32);
}

/* The slot of PATH, or the free one where it would lie; the table has one. */
static struct ledger_known **find_slot(struct ledger_known **slots, size_t capacity,
                                       struct span path)
{
    size_t at = hash_path(path) & (capacity - 1);
    while (slots[at] != NULL && !span_equal(span_of(slots[at]->path), path))
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static bool grow(struct ledger_files *files)
{
    size_t capacity = files->capacity == 0 ? CAPACITY_FROM : files->capacity * 2;
    struct ledger_known **slots = calloc(capacity, sizeof(struct ledger_known *));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < files->capacity; i++) {
        struct ledger_known *known = files->slots[i];
        if (known != NULL)
            *find_slot(slots, capacity, span_of(known->path)) = known;
    }
    free(files->slots);
    files->slots = slots;
    files->capacity = capacity;
    return true;
}

void ledger_files_clear(struct ledger_files *files)
{
    for (size_t i = 0; i < files->capacity; i++) {
        if (files->slots[i] != NULL)
            free(files->slots[i]->path);
        free(files->slots[i]);
    }
    free(files->slots);
    *files = (struct ledger_files){0};
}

struct ledger_known *ledger_files_find(const struct ledger_files *files, struct span path)
{
    return files->capacity == 0 ? NULL : *find_slot(files->slots, files->capacity, path);
}

static struct ledger_known *add_known(struct ledger_files *files, struct span path)
{
    if (2 * (files->count + 1) > files->capacity && !grow(files))
        return NULL;
    struct ledger_known *known = calloc(1, sizeof(*known));
    if (known == NULL)
        return NULL;
    known->path = span_duplicate(path);
    if (known->path == NULL) {
        free(known);
        return NULL;
    }
    *find_slot(files->slots, files->capacity, path) = known;
    files->count++;
    return known;
}

bool ledger_files_note(struct ledger_files *files, const struct ledger_entry *entry)
{
    for (size_t i = 0; i < entry->file_count; i++) {
        const struct ledger_file *file = &entry->files[i];
        struct ledger_known *known = ledger_files_find(files, file->path);
        if (known == NULL)
            known = add_known(files, file->path);
        if (known == NULL)
            return false;
        known->n = entry->n;
        memcpy(known->digest, file->digest.data, LEDGER_HASH_SIZE - 1);
        memset(known->stamp, 0, sizeof(known->stamp));
    }
    return true;
}

/* ---- The files themselves ------------------------------------------------------------ */

static bool read_descriptor(int file, char **bytes, size_t *length)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return false;
    errno = S_ISREG(status.st_mode) ? EFBIG : EINVAL;
    if (!S_ISREG(status.st_mode) || status.st_size > (off_t)LEDGER_FILE_SIZE_MAXIMUM)
        return false;
    const size_t size = (size_t)status.st_size + 1; /* one more, to notice a file that grows */
    char *buffer = malloc(size);
    size_t used = 0;
    while (buffer != NULL && used < size) {
        ssize_t got = read(file, buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0) {
            *bytes = buffer;
            *length = used;
            return true;
        }
        if (got < 0)
            break;
        used += (size_t)got;
        errno = EAGAIN; /* where the loop ends by it: it has grown */
    }
    free(buffer);
    return false;
}

static int open_file(int directory, const char *path)
{
    return openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

bool ledger_file_read(int directory, const char *path, char **bytes, size_t *length)
{
    int file = open_file(directory, path);
    if (file < 0)
        return false;
    bool fine = read_descriptor(file, bytes, length);
    int reason = errno;
    close(file);
    errno = reason;
    return fine;
}

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec;
}

/* False: there is no such file, or it is too young to be known again. */
static bool take_stamp(int directory, const char *path, uint64_t stamp[5])
{
    struct stat status;
    struct timespec now;
    if (fstatat(directory, path, &status, 0) != 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    stamp[0] = status.st_dev;
    stamp[1] = status.st_ino;
    stamp[2] = (uint64_t)status.st_size;
    stamp[3] = nanoseconds(&status.st_mtim);
    stamp[4] = nanoseconds(&status.st_ctim);
    return nanoseconds(&now) >= stamp[3] + GRAIN && nanoseconds(&now) >= stamp[4] + GRAIN;
}

static enum ledger_match missing(const struct ledger_known *known)
{
    return strcmp(known->digest, LEDGER_ZEROS) == 0 ? LEDGER_MATCH : LEDGER_MISSING;
}

enum ledger_match ledger_known_check(struct ledger_known *known, int directory)
{
    uint64_t stamp[5] = {0};
    char digest[LEDGER_HASH_SIZE], *bytes;
    size_t length;
    bool lasting = take_stamp(directory, known->path, stamp);
    if (lasting && memcmp(stamp, known->stamp, sizeof(stamp)) == 0)
        return LEDGER_MATCH;
    if (!ledger_file_read(directory, known->path, &bytes, &length))
        return errno == ENOENT || errno == ENOTDIR ? missing(known) : LEDGER_UNKNOWN;
    bool fine = ledger_digest((struct span){bytes, length}, digest);
    free(bytes);
    errno = ENOMEM;
    if (!fine)
        return LEDGER_UNKNOWN;
    if (strcmp(digest, known->digest) != 0)
        return LEDGER_DIFFERS;
    if (lasting)
        memcpy(known->stamp, stamp, sizeof(stamp));
    return LEDGER_MATCH;
}
