/*
 * From a manifest and its variables to an app_policy, and the stamps that tell
 * whether the two files have changed since.
 */
#include "policy/policy_file.h"

#include <sys/stat.h>
#include <time.h>

#define ARENA_MAXIMUM  ((size_t)256 << 20)
#define GRAIN          100000000 /* nanoseconds: file times are no finer than a kernel's tick */
#define WORDS_PER_FILE 5
#define STAMP_PLAIN    10 /* the words behind the two files' */
#define STAMP_PRESENT  11

struct reading {
    struct arena *arena;
    struct yaml_document *manifest;
    struct yaml_document *variables_file;
    struct variables variables;
};

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec;
}

/* False: the file is too young to be known again. */
static bool stamp_file(const char *path, uint64_t words[WORDS_PER_FILE])
{
    struct stat file;
    struct timespec now;
    if (stat(path, &file) != 0)
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    words[0] = file.st_dev;
    words[1] = file.st_ino;
    words[2] = (uint64_t)file.st_size;
    words[3] = nanoseconds(&file.st_mtim);
    words[4] = nanoseconds(&file.st_ctim);
    return nanoseconds(&now) >= words[4] + GRAIN && nanoseconds(&now) >= words[3] + GRAIN;
}

void policy_stamp_take(const char *manifest, const char *variables,
                       const struct policy_options *options, struct policy_stamp *stamp)
{
    *stamp = (struct policy_stamp){{0}};
    bool known = stamp_file(manifest, stamp->words);
    known = stamp_file(variables, stamp->words + WORDS_PER_FILE) && known;
    stamp->words[STAMP_PLAIN] = options->plain_http;
    stamp->words[STAMP_PRESENT] = 1;
    if (!known)
        *stamp = (struct policy_stamp){{0}};
}

bool policy_stamp_same(const struct policy_stamp *a, const struct policy_stamp *b)
{
    return a->words[STAMP_PRESENT] == 1 && memcmp(a, b, sizeof(*a)) == 0;
}

static bool out_of_memory(struct error *error, const char *path)
{
    error_set_at(error, path, (struct position){0, 0}, "too much to hold in memory");
    return false;
}

/* What is SET on the command line goes before what the file at PATH (NULL: none) says. */
static bool read_variables(struct reading *reading, const char *path, const struct variables *set,
                           struct error *error)
{
    if (path != NULL) {
        reading->variables_file = yaml_document_read(path, error);
        if (reading->variables_file == NULL)
            return false;
        if (!variables_read(&reading->variables, reading->arena, reading->variables_file, error))
            return false;
    }
    for (const struct variable *given = set == NULL ? NULL : set->first; given != NULL;
         given = given->next) {
        if (!variables_set(&reading->variables, reading->arena, given->name, given->value, error))
            return false;
    }
    return true;
}

static bool read_grant(struct reading *reading, const char *path,
                       const struct manifest_options *options, struct grant *grant,
                       struct error *error)
{
    struct manifest_options chosen = *options;
    struct findings findings;
    chosen.variables = &reading->variables;
    reading->manifest = yaml_document_read(path, error);
    if (reading->manifest == NULL)
        return false;
    findings_init(&findings, reading->arena, path);
    const struct manifest *manifest =
        manifest_read(reading->manifest, &chosen, reading->arena, &findings);
    if (manifest == NULL)
        return out_of_memory(error, path);
    if (findings_error(&findings, error))
        return false;
    if (!manifest_grant(manifest, SPAN(""), reading->arena, grant))
        return out_of_memory(error, path);
    return true;
}

struct app_policy *policy_file_load(const char *manifest_path, const char *variables_path,
                                    const struct manifest_options *options, struct span app,
                                    struct span environment, struct error *error)
{
    struct reading reading = {.arena = arena_new(ARENA_MAXIMUM)};
    struct app_policy *policy = NULL;
    struct grant grant;
    bool fine = reading.arena != NULL || out_of_memory(error, manifest_path);
    fine = fine && read_variables(&reading, variables_path, options->variables, error);
    if (fine && read_grant(&reading, manifest_path, options, &grant, error)) {
        policy = app_policy_new(app, environment, &grant);
        if (policy == NULL)
            out_of_memory(error, manifest_path);
    }
    yaml_document_free(reading.manifest);
    yaml_document_free(reading.variables_file);
    arena_free(reading.arena);
    return policy;
}
