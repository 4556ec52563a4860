/* Reading, finding, judging; the edits themselves are in installation_edit.c. */
#include "policy/installation_file.h"

#include <sys/stat.h>

#include "policy/policy_directory.h"

#define ARENA_MAXIMUM ((size_t)1 << 30)

static bool out_of_memory(struct error *error)
{
    error_set(error, "memory is out");
    return false;
}

static bool is_there(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0;
}

static bool set_path(const struct installation_request *request, const char *name, char *path,
                     size_t size, struct error *error)
{
    int length = snprintf(path, size, "%s/%s/%s/%s", request->directory, request->app,
                          request->environment, name);
    if (length >= 0 && (size_t)length < size)
        return true;
    error_set(error, "the path of %s is too long", name);
    return false;
}

/* Whose installations they are has to be deployed, or a name mistyped would have none. */
static bool find_home(const struct installation_request *request, struct error *error)
{
    char path[4096];
    if (!set_path(request, "", path, sizeof(path), error))
        return false;
    if (is_there(path))
        return true;
    error_set_at(
        error, path, (struct position){0, 0},
        "there is no such app and environment; `sallyport deploy` makes the first version");
    return false;
}

static bool read_variables(struct installation_file *file, struct error *error)
{
    char path[4096];
    if (!set_path(file->request, "variables.yml", path, sizeof(path), error))
        return false;
    if (!is_there(path))
        return true;
    file->variables_document = yaml_document_read(path, error);
    return file->variables_document != NULL &&
           variables_read(&file->variables, file->arena, file->variables_document, error);
}

/* What DOCUMENT lists; NULL: ERROR has the place of the first mistake. */
static struct installations *read_document(const struct yaml_document *document,
                                           struct arena *arena, struct error *error)
{
    struct findings findings;
    findings_init(&findings, arena, yaml_document_file(document));
    struct installations *installations = installations_read(document, arena, &findings);
    if (installations == NULL)
        out_of_memory(error);
    return installations == NULL || findings_error(&findings, error) ? NULL : installations;
}

static bool read_list(struct installation_file *file, struct error *error)
{
    if (!is_there(file->path)) {
        file->installations = arena_allocate(file->arena, sizeof(*file->installations));
        return file->installations != NULL || out_of_memory(error);
    }
    file->document = yaml_document_read_within(file->path, &installations_limits, error);
    if (file->document != NULL)
        file->installations = read_document(file->document, file->arena, error);
    return file->installations != NULL;
}

bool installation_file_read(struct installation_file *file,
                            const struct installation_request *request, struct error *error)
{
    *file = (struct installation_file){.request = request, .arena = arena_new(ARENA_MAXIMUM)};
    if (file->arena == NULL)
        return out_of_memory(error);
    return policy_name_check(request->app, "app", error) &&
           policy_name_check(request->environment, "environment", error) &&
           (request->id == NULL || policy_name_check(request->id, "installation", error)) &&
           find_home(request, error) &&
           set_path(request, "installations.yml", file->path, sizeof(file->path), error) &&
           set_path(request, "versions", file->versions, sizeof(file->versions), error) &&
           read_variables(file, error) && read_list(file, error);
}

void installation_file_clear(struct installation_file *file)
{
    yaml_document_free(file->document);
    yaml_document_free(file->variables_document);
    arena_free(file->arena);
    *file = (struct installation_file){0};
}

/* ---- One installation --------------------------------------------------------------------- */

struct installation *installation_file_find(const struct installation_file *file,
                                            struct error *error)
{
    const struct installation_request *request = file->request;
    struct installation *found = installations_find(file->installations, span_of(request->id));
    if (found == NULL)
        error_set_at(error, file->path, (struct position){0, 0},
                     "there is no installation %s; `sallyport installation add` makes one",
                     request->id);
    return found;
}

struct installation *installation_file_add(struct installation_file *file, struct error *error)
{
    struct installations *list = file->installations;
    struct span id = span_of(file->request->id);
    const struct installation *old = installations_find(list, id);
    if (old != NULL) {
        error_set_at(error, file->path, old->at, "the installation %s is there already",
                     file->request->id);
        return NULL;
    }
    struct installation *items = arena_allocate_array(file->arena, list->count + 1, sizeof(*items));
    if (list->count >= INSTALLATIONS_MAXIMUM || items == NULL) {
        error_set_at(error, file->path, (struct position){0, 0},
                     "there are too many installations");
        return NULL;
    }
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
    items[list->count] = (struct installation){.id = id, .region = SPAN("")};
    return &items[list->count++];
}

bool installation_file_version(const struct installation_file *file, uint32_t major,
                               struct version *version, struct error *error)
{
    if (!version_find_newest(file->versions, major, version, error))
        return false;
    if (version->major != 0)
        return true;
    if (major == 0)
        error_set_at(error, file->versions, (struct position){0, 0},
                     "no version is deployed; `sallyport deploy` makes one");
    else
        error_set_at(error, file->versions, (struct position){0, 0},
                     "there is no version %u to approve", major);
    return false;
}

/* ---- Judging ------------------------------------------------------------------------------ */

static bool check_manifest(struct installation_file *file, const struct installation *installation,
                           struct error *error)
{
    char path[sizeof(file->versions) + VERSION_TEXT_SIZE + sizeof("//manifest.yml")];
    char number[VERSION_TEXT_SIZE];
    struct version version;
    struct command_manifest read = {.arena = NULL};
    struct findings findings;
    const struct manifest_options options = {.plain_http = file->request->plain_http,
                                             .variables = &file->variables};
    if (!installation_file_version(file, installation->approved, &version, error))
        return false;
    version_format(version, number);
    snprintf(path, sizeof(path), "%s/%s/manifest.yml", file->versions, number);
    bool fine = command_manifest_read(&read, path, &options, error);
    if (fine) {
        findings_init(&findings, file->arena, path);
        installation_check(installation, read.manifest, file->request->plain_http, &findings);
        fine = !findings_error(&findings, error);
    }
    command_manifest_clear(&read);
    return fine;
}

/* The bytes are not on disk yet: a place in them would say nothing. */
static bool judge_bytes(struct installation_file *file, const struct yaml_document *document,
                        struct error *error)
{
    struct installations *read = read_document(document, file->arena, error);
    const struct installation *changed =
        read == NULL ? NULL : installations_find(read, span_of(file->request->id));
    return changed != NULL && check_manifest(file, changed, error);
}

bool installation_file_judge(struct installation_file *file, struct text *text, struct error *error)
{
    installations_write(file->installations, text);
    if (text->overflow)
        return out_of_memory(error);
    struct yaml_document *document =
        yaml_document_parse_within(text_span(text), file->path, &installations_limits, error);
    bool fine = document != NULL && judge_bytes(file, document, error);
    if (!fine) {
        error->file[0] = '\0';
        error->at = (struct position){0, 0};
    }
    yaml_document_free(document);
    return fine;
}
