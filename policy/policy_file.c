/*
 * From an environment's files to an app_policy: its manifest with its variables,
 * where somebody has installed it, the versions that sites have approved, and its narrow.yml.
 */
#include "policy/policy_file.h"

#include <limits.h>

#include "policy/policy_narrow.h"
#include "policy/snapshot_private.h"

#define ARENA_MAXIMUM ((size_t)512 << 20)

/* A manifest and the document that its strings point into. */
struct read_manifest {
    struct yaml_document *document;
    const struct manifest *manifest;
};

struct reading {
    struct arena *arena;
    struct manifest_options options;
    bool refuse_everything; /* "*" may not be declared */
    struct span app;
    struct span environment;
    struct yaml_document *variables_file;
    struct variables variables;
    struct read_manifest deployed;
    struct read_manifest *approved; /* one a version in use, in the order of versions */
    struct grant_version *versions;
    size_t version_count;
    struct yaml_document *installations_file;
    struct installations *installations;
    struct error *error;
};

static bool out_of_memory(const struct reading *reading, const char *path)
{
    error_set_at(reading->error, path, (struct position){0, 0}, "too much to hold in memory");
    return false;
}

bool policy_version_path(const char *directory, const struct version *version, char *path)
{
    int length = snprintf(path, PATH_MAX, "%s/%u.%u/manifest.yml", directory, version->major,
                          version->minor);
    return length > 0 && length < PATH_MAX;
}

/* What is SET on the command line goes before what the file at PATH (NULL: none) says. */
static bool read_variables(struct reading *reading, const char *path, const struct variables *set)
{
    if (path != NULL) {
        reading->variables_file = yaml_document_read(path, reading->error);
        if (reading->variables_file == NULL)
            return false;
        if (!variables_read(&reading->variables, reading->arena, reading->variables_file,
                            reading->error))
            return false;
    }
    for (const struct variable *given = set == NULL ? NULL : set->first; given != NULL;
         given = given->next) {
        if (!variables_set(&reading->variables, reading->arena, given->name, given->value,
                           reading->error))
            return false;
    }
    return true;
}

static bool check_everything(const struct reading *reading, const struct manifest *manifest)
{
    const struct manifest_entries *backend = &manifest->lists[LIST_FETCH_BACKEND];
    for (size_t i = 0; i < backend->count; i++) {
        const struct manifest_entry *entry = &backend->items[i];
        if (!reading->refuse_everything || !entry->valid || entry->address.scheme != SCHEME_ANY)
            continue;
        error_set_at(reading->error, manifest->file, entry->at,
                     "\"*\" opens everything, which is refused in production; declare the hosts, "
                     "or set policy.production_everything: true");
        return false;
    }
    return true;
}

static bool read_manifest(struct reading *reading, const char *path, struct read_manifest *read)
{
    struct findings findings;
    read->document = yaml_document_read(path, reading->error);
    if (read->document == NULL)
        return false;
    findings_init(&findings, reading->arena, path);
    read->manifest = manifest_read(read->document, &reading->options, reading->arena, &findings);
    if (read->manifest == NULL)
        return out_of_memory(reading, path);
    return !findings_error(&findings, reading->error) && check_everything(reading, read->manifest);
}

/* ---- installations --------------------------------------------------------------------- */

static bool read_installations(struct reading *reading, const char *path)
{
    struct findings findings;
    reading->installations_file =
        yaml_document_read_within(path, &installations_limits, reading->error);
    if (reading->installations_file == NULL)
        return false;
    findings_init(&findings, reading->arena, path);
    reading->installations =
        installations_read(reading->installations_file, reading->arena, &findings);
    if (reading->installations == NULL)
        return out_of_memory(reading, path);
    return !findings_error(&findings, reading->error);
}

static bool is_approved(const struct installations *installations, uint32_t major)
{
    for (size_t i = 0; i < installations->count; i++) {
        if (installations->items[i].approved == major)
            return true;
    }
    return false;
}

/* Where no deploy has numbered versions yet, the deployed manifest is the first of all. */
static void use_deployed(struct reading *reading)
{
    reading->versions[0] =
        (struct grant_version){.version = {1, 1}, .manifest = reading->deployed.manifest};
    reading->version_count = 1;
}

/* Where VERSION's manifest is, or lies until it is deployed. */
static bool find_version(const struct policy_files *files, const struct version *version,
                         char path[PATH_MAX])
{
    const struct policy_candidate *candidate = files->candidate;
    if (candidate == NULL || version_compare(&candidate->version, version) != 0)
        return policy_version_path(files->versions_directory, version, path);
    int length = snprintf(path, PATH_MAX, "%s", candidate->manifest);
    return length > 0 && length < PATH_MAX;
}

/* The newest minors of the majors that somebody has approved, and the newest version of all. */
static bool read_versions(struct reading *reading, const struct policy_files *files)
{
    size_t count = files->versions.count;
    reading->approved = arena_allocate_array(reading->arena, count + 1, sizeof(*reading->approved));
    reading->versions = arena_allocate_array(reading->arena, count + 1, sizeof(*reading->versions));
    if (reading->approved == NULL || reading->versions == NULL)
        return out_of_memory(reading, files->installations);
    if (count == 0)
        use_deployed(reading);
    for (size_t i = 0; i < count; i++) {
        const struct version *version = &files->versions.items[i];
        struct read_manifest *read = &reading->approved[reading->version_count];
        char path[PATH_MAX];
        if (i + 1 < count && !is_approved(reading->installations, version->major))
            continue;
        reading->version_count++;
        if (!find_version(files, version, path) || !read_manifest(reading, path, read))
            return false;
        reading->versions[reading->version_count - 1] =
            (struct grant_version){*version, read->manifest};
    }
    return true;
}

static const struct manifest *approved_manifest(const struct reading *reading, uint32_t major)
{
    for (size_t i = 0; i < reading->version_count; i++) {
        if (reading->versions[i].version.major == major)
            return reading->versions[i].manifest;
    }
    return NULL;
}

/* What is said of an installation that no manifest bears out is an error at its line. */
static bool check_installations(struct reading *reading)
{
    const struct installations *installations = reading->installations;
    struct findings findings;
    findings_init(&findings, reading->arena, installations->file);
    for (size_t i = 0; i < installations->count; i++) {
        const struct installation *installation = &installations->items[i];
        const struct manifest *manifest = approved_manifest(reading, installation->approved);
        if (manifest == NULL)
            finding_add(&findings, FINDING_ERROR, "approved", installation->approved_at,
                        (struct position){0, 0},
                        "there is no version %u of the app; the newest is %u",
                        installation->approved,
                        reading->versions[reading->version_count - 1].version.major);
        else
            installation_check(installation, manifest, reading->options.plain_http, &findings);
    }
    return !findings_error(&findings, reading->error);
}

static bool add_installations(struct reading *reading, const struct policy_files *files,
                              struct app_policy *policy)
{
    if (!read_installations(reading, files->installations) || !read_versions(reading, files) ||
        !check_installations(reading))
        return false;
    struct grant_table *table =
        grant_table_new(reading->installations, reading->versions, reading->version_count,
                        app_policy_own_trie(policy));
    if (table == NULL)
        return out_of_memory(reading, files->installations);
    app_policy_set_installations(policy, table);
    return true;
}

/* ---- the whole ------------------------------------------------------------------------- */

static struct app_policy *make_policy(struct reading *reading, const struct policy_files *files)
{
    struct grant grant;
    if (!read_manifest(reading, files->manifest, &reading->deployed))
        return NULL;
    struct app_policy *policy = NULL;
    if (manifest_grant(reading->deployed.manifest, SPAN(""), reading->arena, &grant))
        policy = app_policy_new(reading->app, reading->environment, &grant);
    if (policy == NULL) {
        out_of_memory(reading, files->manifest);
        return NULL;
    }
    if ((files->installations == NULL || add_installations(reading, files, policy)) &&
        (files->narrow == NULL || policy_narrow_load(files->narrow, reading->deployed.manifest,
                                                     policy, reading->arena, reading->error)))
        return policy;
    app_policy_unref(policy);
    return NULL;
}

static void reading_clear(struct reading *reading)
{
    yaml_document_free(reading->deployed.document);
    for (size_t i = 0; reading->approved != NULL && i < reading->version_count; i++)
        yaml_document_free(reading->approved[i].document);
    yaml_document_free(reading->installations_file);
    yaml_document_free(reading->variables_file);
    arena_free(reading->arena);
}

/* READING has its options, names and error. */
static struct app_policy *load(struct reading *reading, const struct policy_files *files,
                               const struct variables *set)
{
    struct app_policy *policy = NULL;
    reading->arena = arena_new(ARENA_MAXIMUM);
    reading->options.variables = &reading->variables;
    if (reading->arena == NULL)
        out_of_memory(reading, files->manifest);
    else if (read_variables(reading, files->variables, set))
        policy = make_policy(reading, files);
    reading_clear(reading);
    return policy;
}

struct app_policy *policy_files_load(const struct policy_files *files,
                                     const struct policy_options *options, struct span app,
                                     struct span environment, struct error *error)
{
    struct reading reading = {
        .options = {.plain_http = options->plain_http, .passed_over = options->passed_over},
        .refuse_everything =
            !options->production_everything && span_equal(environment, SPAN("production")),
        .app = app,
        .environment = environment,
        .error = error,
    };
    return load(&reading, files, NULL);
}

struct app_policy *policy_file_load(const char *manifest_path, const char *variables_path,
                                    const struct manifest_options *options, struct span app,
                                    struct span environment, struct error *error)
{
    const struct policy_files files = {.manifest = manifest_path, .variables = variables_path};
    struct reading reading = {
        .options = *options, .app = app, .environment = environment, .error = error};
    return load(&reading, &files, options->variables);
}
