/*
 * The manifest reader's main line. The order is that of need: variables before
 * every string, remotes before the lists that name them.
 */
#include "policy/manifest_reader.h"

static void read_configurable(struct manifest_reader *reader, const struct yaml_node *external)
{
    const struct yaml_node *configurable = reader_child(
        reader, external, "configurable", YAML_MAPPING, "permissions.external.configurable");
    if (configurable == NULL)
        return;
    reader->manifest->configurable_at = configurable->at;
    reader->manifest->configurable = reader_flag(
        reader, configurable, "enabled", "permissions.external.configurable.enabled", false);
}

static void read_root(struct manifest_reader *reader, const struct yaml_node *root)
{
    if (root->kind != YAML_MAPPING) {
        reader_wrong_kind(reader, root, "the manifest",
                          "a mapping with app, permissions and the rest");
        return;
    }
    manifest_read_variables(reader, root);
    manifest_read_remotes(reader, root);
    const struct yaml_node *permissions =
        reader_child(reader, root, "permissions", YAML_MAPPING, "permissions");
    const struct yaml_node *external =
        reader_child(reader, permissions, "external", YAML_MAPPING, "permissions.external");
    read_configurable(reader, external);
    manifest_read_lists(reader, external);
    manifest_read_aside(reader, root);
}

struct manifest *manifest_read(const struct yaml_document *document,
                               const struct manifest_options *options, struct arena *arena,
                               struct findings *findings)
{
    struct manifest *manifest = arena_allocate(arena, sizeof(*manifest));
    if (manifest == NULL)
        return NULL;
    manifest->file = yaml_document_file(document);
    struct manifest_reader reader = {
        .manifest = manifest, .options = options, .arena = arena, .findings = findings};
    read_root(&reader, yaml_document_root(document));
    return reader.out_of_memory ? NULL : manifest;
}
