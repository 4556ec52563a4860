/*
 * From a manifest to what it grants: fetch.backend with its remotes replaced by
 * the base URLs of one region. What could not be read grants nothing.
 */
#include "policy/manifest.h"

static const struct manifest_base_url *url_of_region(const struct manifest_remote *remote,
                                                     struct span region)
{
    for (size_t i = 0; i < remote->url_count; i++) {
        if (span_equal(remote->urls[i].region, region))
            return &remote->urls[i];
    }
    return NULL;
}

/* The base URL for REGION, else the default; NULL where a remote has neither. */
static const struct manifest_base_url *choose_url(const struct manifest_remote *remote,
                                                  struct span region)
{
    const struct manifest_base_url *chosen = url_of_region(remote, region);
    return chosen != NULL ? chosen : url_of_region(remote, SPAN("default"));
}

static bool is_left_out(const struct manifest_choice *choice, struct span key)
{
    for (size_t i = 0; i < choice->without_count; i++) {
        if (span_equal(choice->without[i], key))
            return true;
    }
    return false;
}

static bool rule_of_remote(const struct manifest *manifest, const struct manifest_entry *entry,
                           const struct manifest_choice *choice, struct grant_rule *rule)
{
    const struct manifest_remote *remote = manifest_find_remote(manifest, entry->text);
    const struct manifest_base_url *url =
        remote == NULL ? NULL : choose_url(remote, choice->region);
    if (url == NULL || !url->valid || is_left_out(choice, entry->text))
        return false;
    *rule = (struct grant_rule){
        .address = url->address, .text = url->text, .list = GRANT_REMOTE, .at = url->at};
    return true;
}

static bool rule_of_entry(const struct manifest *manifest, const struct manifest_entry *entry,
                          const struct manifest_choice *choice, struct grant_rule *rule)
{
    if (entry->form == ENTRY_REMOTE)
        return rule_of_remote(manifest, entry, choice, rule);
    if (!entry->valid || (entry->analytics && choice->without_analytics))
        return false;
    *rule = (struct grant_rule){.address = entry->address,
                                .text = entry->text,
                                .list = GRANT_FETCH_BACKEND,
                                .analytics = entry->analytics,
                                .at = entry->at};
    return true;
}

bool manifest_grant_chosen(const struct manifest *manifest, const struct manifest_choice *choice,
                           struct arena *arena, struct grant *grant)
{
    const struct manifest_entries *backend = &manifest->lists[LIST_FETCH_BACKEND];
    *grant = (struct grant){.file = manifest->file};
    if (backend->count == 0)
        return true;
    grant->rules = arena_allocate_array(arena, backend->count, sizeof(*grant->rules));
    if (grant->rules == NULL)
        return false;
    for (size_t i = 0; i < backend->count; i++) {
        if (rule_of_entry(manifest, &backend->items[i], choice, &grant->rules[grant->count]))
            grant->count++;
    }
    return true;
}

bool manifest_grant(const struct manifest *manifest, struct span region, struct arena *arena,
                    struct grant *grant)
{
    const struct manifest_choice choice = {.region = region};
    return manifest_grant_chosen(manifest, &choice, arena, grant);
}
