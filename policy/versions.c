/*
 * Numbers from names of directories. A manifest's being there is asked from the
 * newest version down, so that with thousands of deploys behind an app only as
 * many files are looked at as there are majors.
 */
#include "policy/versions.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "policy/text.h"

static bool parse_number(struct span digits, uint32_t *number)
{
    uint64_t value = 0;
    if (digits.length == 0 || digits.data[0] == '0' ||
        !span_parse_decimal(digits, VERSION_NUMBER_MAXIMUM, &value))
        return false;
    *number = (uint32_t)value;
    return true;
}

bool version_parse(struct span name, struct version *version)
{
    size_t dot = span_find(name, '.');
    return dot < name.length && parse_number(span_slice(name, 0, dot), &version->major) &&
           parse_number(span_after(name, dot + 1), &version->minor);
}

int version_compare(const struct version *a, const struct version *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    return (a->minor > b->minor) - (a->minor < b->minor);
}

static int compare_items(const void *a, const void *b)
{
    return version_compare(a, b);
}

static bool add(struct versions *versions, struct version version)
{
    /* Room doubles at each power of two. */
    if ((versions->count & (versions->count - 1)) == 0) {
        size_t room = versions->count == 0 ? 1 : versions->count * 2;
        void *grown = reallocarray(versions->items, room, sizeof(*versions->items));
        if (grown == NULL)
            return false;
        versions->items = grown;
    }
    versions->items[versions->count++] = version;
    return true;
}

static bool read_names(DIR *open, const char *directory, struct versions *versions,
                       struct error *error)
{
    const struct dirent *entry;
    while ((entry = readdir(open)) != NULL) {
        struct version version;
        if (entry->d_name[0] == '.')
            continue;
        if (!version_parse(span_of(entry->d_name), &version)) {
            error_set_at(error, directory, (struct position){0, 0},
                         "%s is no version; expected MAJOR.MINOR/manifest.yml, both from 1",
                         text_quote(span_of(entry->d_name), (char[TEXT_QUOTE_SIZE]){0}));
            return false;
        }
        if (!add(versions, version)) {
            error_set_at(error, directory, (struct position){0, 0}, "memory is out");
            return false;
        }
    }
    return true;
}

static bool has_manifest(const char *directory, const struct version *version)
{
    char path[PATH_MAX];
    struct stat file;
    int length = snprintf(path, sizeof(path), "%s/%u.%u/manifest.yml", directory, version->major,
                          version->minor);
    return length > 0 && (size_t)length < sizeof(path) && stat(path, &file) == 0;
}

/* From the newest on: keeps what is a version, in the same order, at the array's end. */
static void keep_versions(const char *directory, bool newest_minors, struct versions *versions)
{
    size_t kept = versions->count;
    for (size_t i = versions->count; i-- > 0;) {
        const struct version version = versions->items[i];
        bool known_major = kept < versions->count && versions->items[kept].major == version.major;
        if ((newest_minors && known_major) || !has_manifest(directory, &version))
            continue;
        versions->items[--kept] = version;
    }
    versions->count -= kept;
    if (versions->count > 0)
        memmove(versions->items, versions->items + kept,
                versions->count * sizeof(*versions->items));
}

bool versions_list(const char *directory, bool newest_minors, struct versions *versions,
                   struct error *error)
{
    *versions = (struct versions){0};
    DIR *open = opendir(directory);
    if (open == NULL && errno == ENOENT)
        return true;
    if (open == NULL) {
        error_set_at(error, directory, (struct position){0, 0}, "cannot be read: %s",
                     strerror(errno));
        return false;
    }
    bool read = read_names(open, directory, versions, error);
    closedir(open);
    if (!read)
        return false;
    if (versions->count > 1)
        qsort(versions->items, versions->count, sizeof(*versions->items), compare_items);
    keep_versions(directory, newest_minors, versions);
    return true;
}

bool versions_put(struct versions *versions, struct version version)
{
    for (size_t i = 0; i < versions->count; i++) {
        if (versions->items[i].major != version.major)
            continue;
        versions->items[i] = version;
        return true;
    }
    if (!add(versions, version))
        return false;
    qsort(versions->items, versions->count, sizeof(*versions->items), compare_items);
    return true;
}

void versions_clear(struct versions *versions)
{
    free(versions->items);
    *versions = (struct versions){0};
}
