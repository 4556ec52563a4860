/*
 * The walk over all files of a policy directory that decide something
 * (README.md, the policy directory), so that the audit finds those that no entry names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/ledger_audit.h"

enum level { LEVEL_APPS, LEVEL_ENVIRONMENTS, LEVEL_FILES, LEVEL_VERSIONS, LEVEL_VERSION };

struct walk {
    int directory;
    bool (*visit)(void *context, const char *path);
    void *context;
    char path[LEDGER_PATH_MAXIMUM + 1];
};

static const char *const policy_files[] = {"manifest.yml",  "manifest.yaml", "manifest.json",
                                           "variables.yml", "narrow.yml",    "installations.yml"};
static const char *const version_files[] = {"manifest.yml"};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk_level(struct walk *walk, size_t length, enum level level);

/* What NAME, below the LENGTH bytes of the path, is for LEVEL. */
static bool walk_name(struct walk *walk, size_t length, enum level level, const char *name)
{
    int added = snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s",
                         length == 0 ? "" : "/", name);
    errno = ENAMETOOLONG;
    if (added < 0 || length + (size_t)added >= sizeof(walk->path))
        return false;
    length += (size_t)added;
    if (level == LEVEL_FILES && strcmp(name, "versions") == 0)
        return walk_level(walk, length, LEVEL_VERSIONS);
    if (level == LEVEL_FILES)
        return !is_one_of(name, policy_files, sizeof(policy_files) / sizeof(policy_files[0])) ||
               walk->visit(walk->context, walk->path);
    if (level == LEVEL_VERSION)
        return !is_one_of(name, version_files, 1) || walk->visit(walk->context, walk->path);
    return walk_level(walk, length, level + 1);
}

/* The names in the directory that the first LENGTH bytes of the path lead to. */
static bool walk_level(struct walk *walk, size_t length, enum level level)
{
    struct dirent **entries;
    walk->path[length] = '\0';
    int count = scandirat(walk->directory, length == 0 ? "." : walk->path, &entries, is_visible,
                          compare_entries);
    if (count < 0)
        return errno == ENOTDIR || errno == ENOENT;
    bool fine = true;
    int reason = 0;
    for (int i = 0; i < count; i++) {
        fine = fine && walk_name(walk, length, level, entries[i]->d_name);
        reason = errno;
        free(entries[i]);
    }
    free(entries);
    errno = reason;
    return fine;
}

bool ledger_walk_files(int directory, bool (*visit)(void *context, const char *path), void *context)
{
    struct walk walk = {.directory = directory, .visit = visit, .context = context};
    return walk_level(&walk, 0, LEVEL_APPS);
}

bool ledger_walk_place(int directory, const char *place,
                       bool (*visit)(void *context, const char *path), void *context)
{
    struct walk walk = {.directory = directory, .visit = visit, .context = context};
    int length = snprintf(walk.path, sizeof(walk.path), "%s", place);
    errno = ENAMETOOLONG;
    return length > 0 && (size_t)length < sizeof(walk.path) &&
           walk_level(&walk, (size_t)length, LEVEL_FILES);
}
