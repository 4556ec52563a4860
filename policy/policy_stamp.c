/*
 * What is remembered of an environment's files, to know later whether any has
 * changed: of each its device, inode, size and times, as they are; of the versions
 * in use, which may be many, a sum of the same.
 */
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "policy/fingerprint.h"
#include "policy/policy_file.h"

#define GRAIN          100000000 /* nanoseconds: file times are no finer than a kernel's tick */
#define WORDS_PER_FILE 5
#define STAMP_VERSIONS 25 /* the words behind the five files' */
#define STAMP_COUNT    26
#define STAMP_OPTIONS  27
#define STAMP_PRESENT  28

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec;
}

/* False: the file is too young to be known again. */
static bool stamp_file(const char *path, const struct timespec *now, uint64_t words[WORDS_PER_FILE])
{
    struct stat file;
    if (path == NULL || stat(path, &file) != 0)
        return true;
    words[0] = file.st_dev;
    words[1] = file.st_ino;
    words[2] = (uint64_t)file.st_size;
    words[3] = nanoseconds(&file.st_mtim);
    words[4] = nanoseconds(&file.st_ctim);
    return nanoseconds(now) >= words[4] + GRAIN && nanoseconds(now) >= words[3] + GRAIN;
}

static bool stamp_versions(const struct policy_files *files, const struct timespec *now,
                           struct policy_stamp *stamp)
{
    uint64_t sum = FINGERPRINT_START;
    bool known = true;
    for (size_t i = 0; i < files->versions.count; i++) {
        const struct version *version = &files->versions.items[i];
        uint64_t words[WORDS_PER_FILE] = {0};
        char path[PATH_MAX];
        policy_version_path(files->versions_directory, version, path);
        known = stamp_file(path, now, words) && known;
        sum = fingerprint_add(sum, version, sizeof(*version));
        sum = fingerprint_add(sum, words, sizeof(words));
    }
    stamp->words[STAMP_VERSIONS] = sum;
    stamp->words[STAMP_COUNT] = files->versions.count;
    return known;
}

void policy_stamp_take(const struct policy_files *files, const struct policy_options *options,
                       struct policy_stamp *stamp)
{
    const char *const paths[] = {files->manifest, files->variables, files->installations,
                                 files->versions_directory, files->narrow};
    struct timespec now;
    bool known = true;
    *stamp = (struct policy_stamp){{0}};
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        known = stamp_file(paths[i], &now, stamp->words + i * WORDS_PER_FILE) && known;
    known = stamp_versions(files, &now, stamp) && known;
    stamp->words[STAMP_OPTIONS] =
        (uint64_t)options->plain_http << 1 | (uint64_t)options->production_everything;
    stamp->words[STAMP_PRESENT] = 1;
    if (!known)
        *stamp = (struct policy_stamp){{0}};
}

bool policy_stamp_same(const struct policy_stamp *a, const struct policy_stamp *b)
{
    return a->words[STAMP_PRESENT] == 1 && memcmp(a, b, sizeof(*a)) == 0;
}
