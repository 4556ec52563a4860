/* Reading one manifest for a command; see the header. */
#include "policy/command_manifest.h"

#define ARENA_MAXIMUM ((size_t)256 * 1024 * 1024)

/* The first error that makes a manifest unfit; NULL: none. */
static const struct finding *find_refusal(const struct findings *findings)
{
    for (const struct finding *finding = findings->first; finding != NULL;
         finding = finding->next) {
        if (finding->level == FINDING_ERROR && strcmp(finding->rule, "app-id") != 0)
            return finding;
    }
    return NULL;
}

static bool refuse_memory(const char *path, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "too much to hold in memory");
    return false;
}

bool command_manifest_read(struct command_manifest *read, const char *path,
                           const struct manifest_options *options, struct error *error)
{
    struct manifest_options thorough = *options;
    thorough.thorough = true;
    *read = (struct command_manifest){.arena = arena_new(ARENA_MAXIMUM)};
    if (read->arena == NULL)
        return refuse_memory(path, error);
    read->document = yaml_document_read(path, error);
    if (read->document == NULL)
        return false;
    findings_init(&read->findings, read->arena, path);
    read->manifest = manifest_read(read->document, &thorough, read->arena, &read->findings);
    if (read->manifest == NULL || read->findings.lost)
        return refuse_memory(path, error);
    const struct finding *refusal = find_refusal(&read->findings);
    if (refusal != NULL)
        error_set_at(error, path, refusal->at, "%s", refusal->message);
    return refusal == NULL;
}

void command_manifest_clear(struct command_manifest *read)
{
    yaml_document_free(read->document);
    arena_free(read->arena);
    *read = (struct command_manifest){0};
}
