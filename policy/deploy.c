/* What a deploy rests on, in order: names, the manifest, the version before, the number, and
 * whether it would load. */
#include "policy/deploy.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "policy/lint.h"
#include "policy/policy_directory.h"

#define ARENA_MAXIMUM ((size_t)512 << 20)

static const struct position whole_file = {0, 0};

/* A path below the environment's directory; NULL: memory is out. */
static const char *path_of(struct deploy *deploy, const char *environment, const char *format, ...)
    PRINTF_LIKE(3, 4);

static const char *path_of(struct deploy *deploy, const char *environment, const char *format, ...)
{
    char path[4096];
    va_list arguments;
    int length = snprintf(path, sizeof(path), "%s/%s/%s", deploy->request->directory,
                          deploy->request->app, environment);
    if (length < 0 || (size_t)length >= sizeof(path))
        return NULL;
    va_start(arguments, format);
    int added = vsnprintf(path + length, sizeof(path) - (size_t)length, format, arguments);
    va_end(arguments);
    if (added < 0 || (size_t)added >= sizeof(path) - (size_t)length)
        return NULL;
    return arena_copy(deploy->arena, span_of(path)).data;
}

static bool is_there(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0;
}

static bool out_of_memory(struct error *error)
{
    error_set(error, "memory is out, or a path is too long");
    return false;
}

/* ---- Names -------------------------------------------------------------------------------- */

static bool check_names(const struct deploy_request *request, struct error *error)
{
    return policy_name_check(request->app, "app", error) &&
           policy_name_check(request->environment, "environment", error) &&
           (request->from == NULL || policy_name_check(request->from, "environment", error));
}

/* Versions are manifest.yml; another form beside it would be a second deployed manifest. */
static bool check_form(struct deploy *deploy, struct error *error)
{
    static const char *const others[] = {"manifest.yaml", "manifest.json"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const char *path = path_of(deploy, deploy->request->environment, "/%s", others[i]);
        if (path == NULL)
            return out_of_memory(error);
        if (!is_there(path))
            continue;
        error_set_at(error, path, whole_file,
                     "deploys write manifest.yml; rename this file, or take it away");
        return false;
    }
    return true;
}

/* ---- The manifest --------------------------------------------------------------------------- */

static bool read_variables(struct deploy *deploy, struct error *error)
{
    const char *path = path_of(deploy, deploy->request->environment, "/variables.yml");
    if (path == NULL)
        return out_of_memory(error);
    if (!is_there(path))
        return true;
    deploy->variables_document = yaml_document_read(path, error);
    return deploy->variables_document != NULL &&
           variables_read(&deploy->variables, deploy->arena, deploy->variables_document, error);
}

/* Whatever lint calls an error keeps a manifest from being deployed. */
static bool lint(struct command_manifest *read, const struct manifest_options *options,
                 const char *path, struct error *error)
{
    findings_init(&read->findings, read->arena, path);
    if (!lint_document(read->document, options, read->arena, &read->findings))
        return out_of_memory(error);
    return !findings_error(&read->findings, error);
}

static bool read_new(struct deploy *deploy, const struct manifest_options *options,
                     struct error *error)
{
    const struct deploy_request *request = deploy->request;
    const char *path =
        request->from == NULL ? request->manifest : path_of(deploy, request->from, "/manifest.yml");
    if (path == NULL)
        return out_of_memory(error);
    bool fine = command_manifest_read(&deploy->new, path, options, error);
    if (deploy->new.document == NULL || deploy->new.arena == NULL)
        return false;
    return lint(&deploy->new, options, path, error) && fine;
}

/* ---- The number ----------------------------------------------------------------------------- */

static bool find_base(struct deploy *deploy, struct version *newest, struct error *error)
{
    const struct deploy_request *request = deploy->request;
    const char *versions = path_of(deploy, request->environment, "/versions");
    if (versions == NULL)
        return out_of_memory(error);
    if (!version_find_newest(versions, 0, newest, error) ||
        !version_find_newest(versions, request->major, &deploy->base, error))
        return false;
    if (request->major == 0 || deploy->base.major != 0)
        return true;
    error_set_at(error, versions, whole_file, "there is no version of major %u to fix",
                 request->major);
    return false;
}

/* Production's sites rely on it (the platform's rules for versions). */
static bool check_changes(const struct deploy *deploy, struct error *error)
{
    const struct version_diff *diff = deploy->diff;
    for (size_t i = 0; i < diff->change_count; i++) {
        const struct version_change *change = &diff->changes[i];
        if (strcmp(change->rule->id, "customer-egress-removed-in-production") != 0)
            continue;
        error_set_at(error, diff->old_file, change->old_at,
                     "external.configurable.enabled cannot be removed in production; keep it");
        return false;
    }
    if (deploy->request->major == 0 || diff->bump != BUMP_MAJOR)
        return true;
    const struct version_change *change = &diff->changes[0];
    bool placed = change->new_at.line != 0;
    error_set_at(error, placed ? diff->new_file : diff->old_file,
                 placed ? change->new_at : change->old_at,
                 "no fix of major %u: %s (%s), which an admin approves first; deploy it without "
                 "--major-version",
                 deploy->request->major, change->message, change->rule->id);
    return false;
}

static bool compare(struct deploy *deploy, const struct manifest_options *options,
                    struct error *error)
{
    const struct version_diff_options diff_options = {
        .production = strcmp(deploy->request->environment, "production") == 0};
    deploy->old_path = path_of(deploy, deploy->request->environment, "/versions/%u.%u/manifest.yml",
                               deploy->base.major, deploy->base.minor);
    if (deploy->old_path == NULL)
        return out_of_memory(error);
    if (!command_manifest_read(&deploy->old, deploy->old_path, options, error))
        return false;
    deploy->diff =
        version_diff(deploy->old.manifest, deploy->new.manifest, &diff_options, deploy->arena);
    if (deploy->diff == NULL)
        return out_of_memory(error);
    deploy->unchanged = span_equal(yaml_document_source(deploy->old.document),
                                   yaml_document_source(deploy->new.document));
    return check_changes(deploy, error);
}

static bool choose_number(struct deploy *deploy, const struct version *newest, struct error *error)
{
    deploy->number = deploy->base;
    deploy->newest = deploy->base.major == newest->major;
    if (deploy->unchanged)
        return true;
    if (deploy->diff == NULL || deploy->diff->bump == BUMP_MAJOR)
        deploy->number = (struct version){deploy->base.major + 1, 1};
    else
        deploy->number.minor++;
    if (deploy->number.major <= VERSION_NUMBER_MAXIMUM &&
        deploy->number.minor <= VERSION_NUMBER_MAXIMUM)
        return true;
    error_set(error, "there are no more version numbers");
    return false;
}

/* By the proxies' own reader: what they would not load is never written. Whether they let
 * production declare everything is their configuration's to say. */
static bool judge(const struct deploy *deploy, struct error *error)
{
    const struct deploy_request *request = deploy->request;
    const struct policy_options options = {.plain_http = request->plain_http,
                                           .production_everything = true};
    const struct policy_candidate candidate = {.version = deploy->number,
                                               .manifest = yaml_document_file(deploy->new.document),
                                               .deployed = deploy->newest};
    return deploy->unchanged ||
           policy_directory_judge(request->directory, span_of(request->app),
                                  span_of(request->environment), &options, &candidate, error);
}

bool deploy_prepare(struct deploy *deploy, const struct deploy_request *request,
                    struct error *error)
{
    struct version newest;
    *deploy = (struct deploy){.request = request, .arena = arena_new(ARENA_MAXIMUM)};
    const struct manifest_options options = {
        .plain_http = request->plain_http, .variables = &deploy->variables, .thorough = true};
    if (deploy->arena == NULL)
        return out_of_memory(error);
    if (!check_names(request, error) || !check_form(deploy, error) ||
        !read_variables(deploy, error) || !read_new(deploy, &options, error) ||
        !find_base(deploy, &newest, error))
        return false;
    if (deploy->base.major != 0 && !compare(deploy, &options, error))
        return false;
    return choose_number(deploy, &newest, error) && judge(deploy, error);
}

void deploy_clear(struct deploy *deploy)
{
    command_manifest_clear(&deploy->old);
    command_manifest_clear(&deploy->new);
    yaml_document_free(deploy->variables_document);
    arena_free(deploy->arena);
    *deploy = (struct deploy){0};
}

/* ---- Writing -------------------------------------------------------------------------------- */

bool deploy_write(const struct deploy *deploy, struct ledger_book *book, const char *by,
                  const char *why, struct error *error)
{
    const struct deploy_request *request = deploy->request;
    const struct span bytes = yaml_document_source(deploy->new.document);
    char version[VERSION_TEXT_SIZE], kept[LEDGER_PATH_MAXIMUM], deployed[LEDGER_PATH_MAXIMUM];
    version_format(deploy->number, version);
    snprintf(kept, sizeof(kept), "%s/%s/versions/%s/manifest.yml", request->app,
             request->environment, version);
    snprintf(deployed, sizeof(deployed), "%s/%s/manifest.yml", request->app, request->environment);
    const struct ledger_entry entry = {.event = SPAN("deploy"),
                                       .app = span_of(request->app),
                                       .environment = span_of(request->environment),
                                       .version = span_of(version),
                                       .by = span_of(by),
                                       .why = span_of(why)};
    const struct ledger_change changes[] = {{kept, bytes}, {deployed, bytes}};
    return ledger_book_commit(book, &entry, changes, deploy->newest ? 2 : 1, error);
}
