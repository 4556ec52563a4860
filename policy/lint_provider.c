/*
 * Providers reach their remotes through the proxy, so each remote that one
 * names must be there and must be one that fetch.backend permits: by its key,
 * or by an address that covers every base URL it has.
 */
#include "policy/lint_rules.h"

struct permissions {
    const struct cover *backend;
    bool *by_key;   /* for each remote: fetch.backend names it */
    bool *reported; /* for each remote: its lack was reported */
};

static size_t index_of(const struct manifest *manifest, const struct manifest_remote *remote)
{
    return (size_t)(remote - manifest->remotes);
}

static bool prepare(struct lint *lint, struct permissions *permissions)
{
    const struct manifest *manifest = lint->manifest;
    const struct manifest_entries *backend = &manifest->lists[LIST_FETCH_BACKEND];
    permissions->backend = cover_build(lint, backend);
    permissions->by_key =
        arena_allocate_array(lint->arena, manifest->remote_count + 1, sizeof(bool));
    permissions->reported =
        arena_allocate_array(lint->arena, manifest->remote_count + 1, sizeof(bool));
    if (permissions->backend == NULL || permissions->by_key == NULL ||
        permissions->reported == NULL) {
        lint->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < backend->count; i++) {
        const struct manifest_entry *entry = &backend->items[i];
        if (entry->form == ENTRY_REMOTE && entry->valid)
            permissions->by_key[index_of(manifest, manifest_find_remote(manifest, entry->text))] =
                true;
    }
    return true;
}

static bool is_permitted(const struct lint *lint, const struct permissions *permissions,
                         const struct manifest_remote *remote)
{
    if (permissions->by_key[index_of(lint->manifest, remote)])
        return true;
    for (size_t i = 0; i < remote->url_count; i++) {
        if (remote->urls[i].valid &&
            cover_find(permissions->backend, &remote->urls[i].address) == NULL)
            return false;
    }
    return remote->url_count > 0;
}

static void check_remote(const struct lint *lint, const struct permissions *permissions,
                         const struct manifest_provider *provider, size_t index)
{
    struct span key = provider->remotes[index];
    struct position at = provider->remotes_at[index];
    const struct manifest_remote *remote = manifest_find_remote(lint->manifest, key);
    if (remote == NULL) {
        finding_add(lint->findings, FINDING_ERROR, "provider-remote", at, (struct position){0, 0},
                    "the provider %s names the remote %s, which is not there; declare it under "
                    "remotes",
                    FINDING_QUOTE(provider->key), FINDING_QUOTE(key));
        return;
    }
    bool *reported = &permissions->reported[index_of(lint->manifest, remote)];
    if (*reported || is_permitted(lint, permissions, remote))
        return;
    *reported = true;
    finding_add(lint->findings, FINDING_ERROR, "provider-permission", at, (struct position){0, 0},
                "the provider %s needs the remote %s, which fetch.backend does not permit; add "
                "{remote: %.*s} to it",
                FINDING_QUOTE(provider->key), FINDING_QUOTE(key), SPAN_FORMAT(remote->key));
}

void lint_providers(struct lint *lint)
{
    struct permissions permissions;
    if (lint->manifest->provider_count == 0 || !prepare(lint, &permissions))
        return;
    for (size_t i = 0; i < lint->manifest->provider_count; i++) {
        const struct manifest_provider *provider = &lint->manifest->providers[i];
        for (size_t k = 0; k < provider->remote_count; k++)
            check_remote(lint, &permissions, provider, k);
    }
}
