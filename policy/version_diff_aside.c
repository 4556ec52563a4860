/*
 * What declares no address but may need an admin's approval: scopes, content options,
 * providers, customer-managed egress, enforcement, the app's id.
 */
#include "policy/version_diff_rules.h"

static struct names scope_names(struct comparison *comparison, const struct manifest *manifest)
{
    struct names names = names_new(comparison, manifest->scope_count);
    for (size_t i = 0; i < manifest->scope_count; i++)
        names_add(&names, manifest->scopes[i].name, manifest->scopes[i].at, i);
    return names;
}

static void compare_scope(struct comparison *comparison, const struct name *old,
                          const struct name *new)
{
    bool had = comparison->old->scopes[old->index].allow_impersonation;
    bool has = comparison->new->scopes[new->index].allow_impersonation;
    if (had == has)
        return;
    comparison_add(comparison,
                   has ? RULE_SCOPE_IMPERSONATION_ADDED : RULE_SCOPE_IMPERSONATION_REMOVED, old->at,
                   new->at, "the scope %s may %s be used in a user's name",
                   FINDING_QUOTE(new->text), has ? "now" : "no longer");
}

static void compare_scopes(struct comparison *comparison)
{
    size_t count;
    struct names before = scope_names(comparison, comparison->old);
    struct names after = scope_names(comparison, comparison->new);
    const struct name_pair *pairs = names_match(comparison, &before, &after, &count);
    for (size_t i = 0; i < count; i++) {
        const struct name *old = pairs[i].old, *new = pairs[i].new;
        if (old == NULL)
            comparison_add(comparison, RULE_SCOPE_ADDED, NO_PLACE, new->at, "the scope %s is new",
                           FINDING_QUOTE(new->text));
        else if (new == NULL)
            comparison_add(comparison, RULE_SCOPE_REMOVED, old->at, NO_PLACE,
                           "the scope %s is gone", FINDING_QUOTE(old->text));
        else
            compare_scope(comparison, old, new);
    }
}

static struct names option_names(struct comparison *comparison, const struct span *options,
                                 const struct position *places, size_t count)
{
    struct names names = names_new(comparison, count);
    for (size_t i = 0; i < count; i++)
        names_add(&names, options[i], places[i], i);
    return names;
}

/* The first pair from FROM on with a name on one side only: of OLD, or of NEW. */
static size_t next_single(const struct name_pair *pairs, size_t count, size_t from, bool of_old)
{
    while (from < count) {
        const struct name *there = of_old ? pairs[from].old : pairs[from].new;
        const struct name *other = of_old ? pairs[from].new : pairs[from].old;
        if (there != NULL && other == NULL)
            return from;
        from++;
    }
    return count;
}

static void add_option_change(struct comparison *comparison, const char *list,
                              const struct name *gone, const struct name *come)
{
    if (gone == NULL && come != NULL)
        comparison_add(comparison, RULE_CSP_OPTION_ADDED, NO_PLACE, come->at, "content.%s gains %s",
                       list, FINDING_QUOTE(come->text));
    if (gone != NULL && come == NULL)
        comparison_add(comparison, RULE_CSP_OPTION_REMOVED, gone->at, NO_PLACE,
                       "content.%s loses %s", list, FINDING_QUOTE(gone->text));
    if (gone != NULL && come != NULL)
        comparison_add(comparison, RULE_CSP_OPTION_SWAPPED, gone->at, come->at,
                       "content.%s swaps %s for %s", list, FINDING_QUOTE(gone->text),
                       FINDING_QUOTE(come->text));
}

static void compare_options(struct comparison *comparison, const char *list, struct names before,
                            struct names after)
{
    size_t count;
    const struct name_pair *pairs = names_match(comparison, &before, &after, &count);
    size_t gone = next_single(pairs, count, 0, true);
    size_t come = next_single(pairs, count, 0, false);
    while (gone < count || come < count) {
        add_option_change(comparison, list, gone < count ? pairs[gone].old : NULL,
                          come < count ? pairs[come].new : NULL);
        gone = next_single(pairs, count, gone + (gone < count), true);
        come = next_single(pairs, count, come + (come < count), false);
    }
}

static void compare_content(struct comparison *comparison)
{
    const struct manifest *old = comparison->old, *new = comparison->new;
    compare_options(comparison, "styles",
                    option_names(comparison, old->content_styles, old->content_styles_at,
                                 old->content_style_count),
                    option_names(comparison, new->content_styles, new->content_styles_at,
                                 new->content_style_count));
    compare_options(comparison, "scripts",
                    option_names(comparison, old->content_scripts, old->content_scripts_at,
                                 old->content_script_count),
                    option_names(comparison, new->content_scripts, new->content_scripts_at,
                                 new->content_script_count));
}

static struct names provider_names(struct comparison *comparison, const struct manifest *manifest)
{
    struct names names = names_new(comparison, manifest->provider_count);
    for (size_t i = 0; i < manifest->provider_count; i++)
        names_add(&names, manifest->providers[i].key, manifest->providers[i].at, i);
    return names;
}

static struct names remote_names(struct comparison *comparison,
                                 const struct manifest_provider *provider)
{
    struct names names = names_new(comparison, provider->remote_count);
    for (size_t i = 0; i < provider->remote_count; i++)
        names_add(&names, provider->remotes[i], provider->remotes_at[i], i);
    return names;
}

static void compare_provider(struct comparison *comparison, const struct manifest_provider *old,
                             const struct manifest_provider *new)
{
    size_t count;
    struct names before = remote_names(comparison, old), after = remote_names(comparison, new);
    const struct name_pair *pairs = names_match(comparison, &before, &after, &count);
    if (!span_equal(old->client_id, new->client_id))
        comparison_add(comparison, RULE_PROVIDER_CLIENT_ID_CHANGED, old->at, new->at,
                       "the provider %s changes its clientId", FINDING_QUOTE(new->key));
    for (size_t i = 0; i < count; i++) {
        const struct name *gone = pairs[i].old, *come = pairs[i].new;
        if (gone == NULL)
            comparison_add(comparison, RULE_PROVIDER_REMOTE_ADDED, old->at, come->at,
                           "the provider %s gains the remote %s", FINDING_QUOTE(new->key),
                           FINDING_QUOTE(come->text));
        else if (come == NULL)
            comparison_add(comparison, RULE_PROVIDER_REMOTE_REMOVED, gone->at, new->at,
                           "the provider %s loses the remote %s", FINDING_QUOTE(new->key),
                           FINDING_QUOTE(gone->text));
    }
}

static void compare_providers(struct comparison *comparison)
{
    size_t count;
    struct names before = provider_names(comparison, comparison->old);
    struct names after = provider_names(comparison, comparison->new);
    const struct name_pair *pairs = names_match(comparison, &before, &after, &count);
    for (size_t i = 0; i < count; i++) {
        const struct name *old = pairs[i].old, *new = pairs[i].new;
        if (old == NULL)
            comparison_add(comparison, RULE_PROVIDER_ADDED, NO_PLACE, new->at,
                           "the provider %s is new", FINDING_QUOTE(new->text));
        else if (new == NULL)
            comparison_add(comparison, RULE_PROVIDER_REMOVED, old->at, NO_PLACE,
                           "the provider %s is gone", FINDING_QUOTE(old->text));
        else
            compare_provider(comparison, &comparison->old->providers[old->index],
                             &comparison->new->providers[new->index]);
    }
}

static void compare_customer_egress(struct comparison *comparison)
{
    const struct manifest *old = comparison->old, *new = comparison->new;
    if (old->configurable == new->configurable)
        return;
    if (new->configurable)
        comparison_add(comparison, RULE_CUSTOMER_EGRESS_ADDED, old->configurable_at,
                       new->configurable_at, "customers may add egress of their own");
    else if (comparison->options->production)
        comparison_add(comparison, RULE_CUSTOMER_EGRESS_REMOVED_IN_PRODUCTION, old->configurable_at,
                       new->configurable_at,
                       "external.configurable.enabled cannot be removed in production; keep it");
    else
        comparison_add(comparison, RULE_CUSTOMER_EGRESS_REMOVED, old->configurable_at,
                       new->configurable_at,
                       "customers may no longer add egress of their own; in production this "
                       "cannot be removed");
}

void compare_aside(struct comparison *comparison)
{
    const struct manifest *old = comparison->old, *new = comparison->new;
    compare_scopes(comparison);
    compare_content(comparison);
    compare_providers(comparison);
    compare_customer_egress(comparison);
    if (old->app_managed != new->app_managed)
        comparison_add(comparison, RULE_ENFORCEMENT_CHANGED, old->app_id_at, new->app_id_at,
                       "permissions.enforcement is %s app-managed",
                       new->app_managed ? "now" : "no longer");
    if (old->app_id.length > 0 && new->app_id.length > 0 && !span_equal(old->app_id, new->app_id))
        comparison_add(comparison, RULE_APP_ID_CHANGED, old->app_id_at, new->app_id_at,
                       "the app is %s and was %s", FINDING_QUOTE(new->app_id),
                       FINDING_QUOTE(old->app_id));
}
