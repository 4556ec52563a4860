/*
 * What a manifest says beside egress: scopes, content options, providers,
 * enforcement. Read for lint, diff and csp; a mistake here is never a reason
 * for a proxy to refuse.
 */
#include "policy/manifest_reader.h"

static bool read_scope(struct manifest_reader *reader, const struct yaml_node *name,
                       const struct yaml_node *options, struct manifest_scope *scope)
{
    *scope = (struct manifest_scope){.at = name->at};
    if (!reader_string(reader, name, "a scope", &scope->name))
        return false;
    if (options == NULL || yaml_is_null(options))
        return true;
    if (options->kind != YAML_MAPPING) {
        reader_wrong_kind(reader, options, "a scope's value", "a mapping");
        return true;
    }
    scope->allow_impersonation =
        reader_flag(reader, options, "allowImpersonation", "allowImpersonation", false);
    return true;
}

static void read_scopes(struct manifest_reader *reader, const struct yaml_node *permissions)
{
    struct manifest *manifest = reader->manifest;
    const struct yaml_node *scopes = yaml_get(permissions, "scopes");
    if (scopes == NULL || yaml_is_null(scopes))
        return;
    if (scopes->kind == YAML_SCALAR) {
        reader_wrong_kind(reader, scopes, "permissions.scopes", "a list or a mapping");
        return;
    }
    manifest->scopes = reader_allocate(reader, scopes->count, sizeof(*manifest->scopes));
    for (size_t i = 0; i < scopes->count && manifest->scopes != NULL; i++) {
        bool listed = scopes->kind == YAML_SEQUENCE;
        if (read_scope(reader, listed ? scopes->items[i] : scopes->entries[i].key,
                       listed ? NULL : scopes->entries[i].value,
                       &manifest->scopes[manifest->scope_count]))
            manifest->scope_count++;
    }
}

/* The strings of a list under content, each with its place. Returns how many. */
static size_t read_options(struct manifest_reader *reader, const struct yaml_node *content,
                           const char *key, const char *path, struct span **options,
                           struct position **places)
{
    const struct yaml_node *list = reader_child(reader, content, key, YAML_SEQUENCE, path);
    size_t count = 0;
    if (list == NULL)
        return 0;
    *options = reader_allocate(reader, list->count, sizeof(**options));
    *places = reader_allocate(reader, list->count, sizeof(**places));
    if (*options == NULL || *places == NULL)
        return 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!reader_string(reader, list->items[i], path, &(*options)[count]))
            continue;
        (*places)[count++] = list->items[i]->at;
    }
    return count;
}

static void read_content(struct manifest_reader *reader, const struct yaml_node *permissions)
{
    static const char *const known[] = {"styles", "scripts", NULL};
    struct manifest *manifest = reader->manifest;
    const struct yaml_node *content =
        reader_child(reader, permissions, "content", YAML_MAPPING, "permissions.content");
    if (content == NULL)
        return;
    reader_check_keys(reader, content, "permissions.content", known);
    manifest->content_style_count =
        read_options(reader, content, "styles", "permissions.content.styles",
                     &manifest->content_styles, &manifest->content_styles_at);
    manifest->content_script_count =
        read_options(reader, content, "scripts", "permissions.content.scripts",
                     &manifest->content_scripts, &manifest->content_scripts_at);
}

static void read_enforcement(struct manifest_reader *reader, const struct yaml_node *permissions)
{
    const struct yaml_node *node = yaml_get(permissions, "enforcement");
    struct span text;
    if (node == NULL || !reader_string(reader, node, "permissions.enforcement", &text))
        return;
    reader->manifest->app_managed = span_equal(text, SPAN("app-managed"));
    if (!reader->manifest->app_managed)
        reader_complain(reader, node, "enforcement",
                        "the enforcement %s is unknown; write app-managed, or leave it out",
                        FINDING_QUOTE(text));
}

static void add_remote_key(struct manifest_reader *reader, const struct yaml_node *node,
                           struct manifest_provider *provider)
{
    struct span *key = &provider->remotes[provider->remote_count];
    if (!reader_string(reader, node, "a provider's remote", key))
        return;
    provider->remotes_at[provider->remote_count++] = node->at;
}

/* The remotes that a provider names: in its list, and one in each of its actions. */
static void read_provider_remotes(struct manifest_reader *reader, const struct yaml_node *node,
                                  struct manifest_provider *provider)
{
    const struct yaml_node *list =
        reader_child(reader, node, "remotes", YAML_SEQUENCE, "a provider's remotes");
    const struct yaml_node *actions =
        reader_child(reader, node, "actions", YAML_MAPPING, "a provider's actions");
    size_t count = (list == NULL ? 0 : list->count) + (actions == NULL ? 0 : actions->count);
    provider->remotes = reader_allocate(reader, count, sizeof(*provider->remotes));
    provider->remotes_at = reader_allocate(reader, count, sizeof(*provider->remotes_at));
    if (provider->remotes == NULL || provider->remotes_at == NULL)
        return;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        add_remote_key(reader, list->items[i], provider);
    for (size_t i = 0; actions != NULL && i < actions->count; i++) {
        const struct yaml_node *remote = yaml_get(actions->entries[i].value, "remote");
        if (remote != NULL)
            add_remote_key(reader, remote, provider);
    }
}

static bool read_provider(struct manifest_reader *reader, const struct yaml_node *node,
                          struct manifest_provider *provider)
{
    *provider = (struct manifest_provider){.at = node->at};
    if (!reader_is_mapping(reader, node, "a provider", "a mapping"))
        return false;
    const struct yaml_node *key = yaml_get(node, "key");
    const struct yaml_node *client = yaml_get(node, "clientId");
    if (key == NULL)
        reader_complain(reader, node, "provider", "a provider without a key; write key: NAME");
    if (key != NULL && reader_string(reader, key, "a provider's key", &provider->key))
        provider->at = key->at;
    if (client != NULL)
        (void)reader_string(reader, client, "clientId", &provider->client_id);
    read_provider_remotes(reader, node, provider);
    return true;
}

static void read_providers(struct manifest_reader *reader, const struct yaml_node *root)
{
    struct manifest *manifest = reader->manifest;
    const struct yaml_node *providers =
        reader_child(reader, root, "providers", YAML_MAPPING, "providers");
    const struct yaml_node *list =
        reader_child(reader, providers, "auth", YAML_SEQUENCE, "providers.auth");
    if (list == NULL)
        return;
    manifest->providers = reader_allocate(reader, list->count, sizeof(*manifest->providers));
    for (size_t i = 0; i < list->count && manifest->providers != NULL; i++) {
        if (read_provider(reader, list->items[i], &manifest->providers[manifest->provider_count]))
            manifest->provider_count++;
    }
}

static void check_permission_keys(struct manifest_reader *reader,
                                  const struct yaml_node *permissions)
{
    static const char *const in_permissions[] = {"enforcement", "scopes", "content", "external",
                                                 NULL};
    static const char *const in_external[] = {"configurable", "fetch",   "images", "fonts",
                                              "styles",       "scripts", "frames", "media",
                                              "navigation",   NULL};
    static const char *const in_fetch[] = {"backend", "client", NULL};
    const struct yaml_node *external = yaml_get(permissions, "external");
    const struct yaml_node *fetch = yaml_get(external, "fetch");
    if (permissions != NULL && permissions->kind == YAML_MAPPING)
        reader_check_keys(reader, permissions, "permissions", in_permissions);
    if (external != NULL && external->kind == YAML_MAPPING)
        reader_check_keys(reader, external, "permissions.external", in_external);
    if (fetch != NULL && fetch->kind == YAML_MAPPING)
        reader_check_keys(reader, fetch, "permissions.external.fetch", in_fetch);
}

/* Required: ari:cloud:ecosystem::app/ and something without a space. */
static void read_app_id(struct manifest_reader *reader, const struct yaml_node *root)
{
    struct manifest *manifest = reader->manifest;
    static const struct span prefix = {"ari:cloud:ecosystem::app/", 25};
    const struct yaml_node *app = reader_child(reader, root, "app", YAML_MAPPING, "app");
    const struct yaml_node *id = yaml_get(app, "id");
    if (id == NULL) {
        reader_complain(reader, app == NULL ? root : app, "app-id",
                        "app.id is missing; write app: {id: ari:cloud:ecosystem::app/UUID}");
        return;
    }
    manifest->app_id_at = id->at;
    if (!reader_string(reader, id, "app.id", &manifest->app_id))
        return;
    bool fits =
        span_starts_with(manifest->app_id, prefix) && manifest->app_id.length > prefix.length;
    for (size_t i = 0; i < manifest->app_id.length; i++)
        fits = fits && (unsigned char)manifest->app_id.data[i] > 0x20;
    if (!fits)
        reader_complain(reader, id, "app-id",
                        "%s is not an app's id; it is ari:cloud:ecosystem::app/UUID",
                        FINDING_QUOTE(manifest->app_id));
}

void manifest_read_aside(struct manifest_reader *reader, const struct yaml_node *root)
{
    reader->aside = true;
    const struct yaml_node *permissions = yaml_get(root, "permissions");
    read_app_id(reader, root);
    check_permission_keys(reader, permissions);
    read_scopes(reader, permissions);
    read_content(reader, permissions);
    read_enforcement(reader, permissions);
    read_providers(reader, root);
    reader->aside = false;
}
