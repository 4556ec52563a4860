/*
 * The remotes: base URLs region by region, and what each remote may do. A new
 * remote whose every URL has just left fetch.backend has moved, and opens nothing.
 */
#include "policy/version_diff_rules.h"

/* ADDED is the rule of adding; that of removing stands behind it. */
static void compare_flag(struct comparison *comparison, const struct manifest_remote *old,
                         const struct manifest_remote *new, bool had, bool has,
                         enum version_rule_index added, const char *what)
{
    if (had == has)
        return;
    enum version_rule_index rule = has ? added : added + 1;
    comparison_add(comparison, rule, old->at, new->at, "remote %s %s %s", FINDING_QUOTE(new->key),
                   has ? "gains" : "loses", what);
}

/* Likewise. */
static void compare_strings(struct comparison *comparison, const struct manifest_remote *old,
                            const struct manifest_remote *new, struct names *before,
                            struct names *after, enum version_rule_index added, const char *what)
{
    size_t count;
    const struct name_pair *pairs = names_match(comparison, before, after, &count);
    for (size_t i = 0; i < count; i++) {
        const struct name *gone = pairs[i].old, *come = pairs[i].new;
        if ((gone == NULL) == (come == NULL))
            continue;
        struct span text = gone == NULL ? come->text : gone->text;
        comparison_add(comparison, gone == NULL ? added : added + 1, old->at, new->at,
                       "remote %s %s the %s %s", FINDING_QUOTE(new->key),
                       gone == NULL ? "gains" : "loses", what, FINDING_QUOTE(text));
    }
}

static struct names names_of(struct comparison *comparison, const struct span *items, size_t count)
{
    struct names names = names_new(comparison, count);
    for (size_t i = 0; i < count; i++)
        names_add(&names, items[i], NO_PLACE, i);
    return names;
}

static void compare_patterns(struct comparison *comparison, const struct manifest_remote *old,
                             const struct manifest_remote *new)
{
    compare_flag(comparison, old, new, old->configurable, new->configurable,
                 RULE_REMOTE_CONFIGURABLE_ADDED, "configurable: customers choose its endpoint");
    if (!old->configurable || !new->configurable)
        return;
    struct names before =
        names_of(comparison, old->supported_patterns, old->supported_pattern_count);
    struct names after =
        names_of(comparison, new->supported_patterns, new->supported_pattern_count);
    compare_strings(comparison, old, new, &before, &after, RULE_REMOTE_PATTERN_ADDED, "pattern");
}

static void compare_operations(struct comparison *comparison, const struct manifest_remote *old,
                               const struct manifest_remote *new)
{
    struct names before = names_of(comparison, old->operations, old->operation_count);
    struct names after = names_of(comparison, new->operations, new->operation_count);
    compare_strings(comparison, old, new, &before, &after, RULE_REMOTE_OPERATION_ADDED,
                    "operation");
}

static void compare_data(struct comparison *comparison, const struct manifest_remote *old,
                         const struct manifest_remote *new)
{
    compare_flag(comparison, old, new, old->storage_in_scope_eud, new->storage_in_scope_eud,
                 RULE_REMOTE_STORAGE_EUD_ADDED, "end-user data in its storage");
}

static void compare_tokens(struct comparison *comparison, const struct manifest_remote *old,
                           const struct manifest_remote *new)
{
    compare_flag(comparison, old, new, old->app_system_token, new->app_system_token,
                 RULE_REMOTE_TOKEN_ADDED, "the app's system token");
    compare_flag(comparison, old, new, old->app_user_token, new->app_user_token,
                 RULE_REMOTE_TOKEN_ADDED, "the users' token");
}

static const struct manifest_base_url *find_url(const struct manifest_remote *remote,
                                                struct span region)
{
    for (size_t i = 0; i < remote->url_count; i++) {
        if (span_equal(remote->urls[i].region, region))
            return &remote->urls[i];
    }
    return NULL;
}

/* The same URL, in whatever spelling of its scheme, host and port. */
static bool same_url(struct span a_text, const struct address *a, struct span b_text,
                     const struct address *b)
{
    struct reach_item left = {.address = a, .path = SPAN("")};
    struct reach_item right = {.address = b, .path = SPAN("")};
    if (reach_compare(&left, &right) != 0)
        return false;
    return (!a->has_path && !b->has_path) || span_equal(a_text, b_text);
}

static bool url_kept(const struct manifest_base_url *old, const struct manifest_base_url *new)
{
    return same_url(old->text, &old->address, new->text, &new->address);
}

/* A region of NEW that OLD did not have. Returns whether there is something to say. */
static bool add_region(struct comparison *comparison, const struct manifest_remote *old,
                       const struct manifest_remote *new, const struct manifest_base_url *url)
{
    const struct manifest_base_url *only = old->url_count == 1 ? &old->urls[0] : NULL;
    if (only != NULL && !old->by_region && url_kept(only, url))
        return false;
    comparison_add(comparison, old->url_count == 0 ? RULE_BASE_URL_ADDED : RULE_REGION_ADDED,
                   old->at, url->at, "remote %s gains %s in %s", FINDING_QUOTE(new->key),
                   FINDING_QUOTE(url->text), FINDING_QUOTE(url->region));
    return true;
}

static bool compare_new_urls(struct comparison *comparison, const struct manifest_remote *old,
                             const struct manifest_remote *new)
{
    bool said = false;
    for (size_t i = 0; i < new->url_count; i++) {
        const struct manifest_base_url *url = &new->urls[i];
        const struct manifest_base_url *before = find_url(old, url->region);
        if (before == NULL) {
            said = add_region(comparison, old, new, url) || said;
            continue;
        }
        if (url_kept(before, url))
            continue;
        said = true;
        comparison_add(comparison, RULE_BASE_URL_CHANGED, before->at, url->at,
                       "remote %s changes its baseUrl in %s from %s to %s", FINDING_QUOTE(new->key),
                       FINDING_QUOTE(url->region), FINDING_QUOTE(before->text),
                       FINDING_QUOTE(url->text));
    }
    return said;
}

static bool compare_old_urls(struct comparison *comparison, const struct manifest_remote *old,
                             const struct manifest_remote *new)
{
    bool said = false;
    for (size_t i = 0; i<old->url_count &&new->url_count> 0; i++) {
        const struct manifest_base_url *url = &old->urls[i];
        if (find_url(new, url->region) != NULL)
            continue;
        said = true;
        comparison_add(comparison, RULE_REGION_REMOVED, url->at, new->at,
                       "remote %s loses %s in %s", FINDING_QUOTE(new->key),
                       FINDING_QUOTE(url->text), FINDING_QUOTE(url->region));
    }
    return said;
}

static void compare_urls(struct comparison *comparison, const struct manifest_remote *old,
                         const struct manifest_remote *new)
{
    if (old->url_count > 0 && new->url_count == 0) {
        comparison_add(comparison, RULE_CUSTOMER_MANAGED_BASE_URL_REMOVED, old->urls[0].at, new->at,
                       "remote %s loses its baseUrl: customers name its endpoint",
                       FINDING_QUOTE(new->key));
        return;
    }
    bool come = compare_new_urls(comparison, old, new);
    bool gone = compare_old_urls(comparison, old, new);
    if (come || gone || old->url_count == 0 || old->by_region == new->by_region)
        return;
    comparison_add(comparison, RULE_BASE_URL_FORM_CHANGED, old->urls[0].at, new->urls[0].at,
                   "remote %s writes its baseUrl %s, without a new URL", FINDING_QUOTE(new->key),
                   new->by_region ? "by regions" : "as one");
}

static void compare_remote(struct comparison *comparison, const struct manifest_remote *old,
                           const struct manifest_remote *new)
{
    compare_urls(comparison, old, new);
    compare_patterns(comparison, old, new);
    compare_operations(comparison, old, new);
    compare_tokens(comparison, old, new);
    compare_data(comparison, old, new);
}

/* The entry of OLD's fetch.backend that has left it and was this URL; NULL: none. */
static const struct manifest_entry *find_mover(const struct comparison *comparison,
                                               const struct manifest_base_url *url)
{
    const struct reach *reach = comparison->lists[LIST_FETCH_BACKEND].old_reach;
    const struct manifest_entries *entries = &comparison->old->lists[LIST_FETCH_BACKEND];
    struct reach_item item = {.address = &url->address, .path = SPAN(""), .situations = 1};
    const struct reach_item *cover = NULL;
    if (reach_missing(reach, &item, &cover) != 0 || cover->entry->form == ENTRY_REMOTE)
        return NULL;
    const struct manifest_entry *entry = cover->entry;
    size_t index = (size_t)(entry - entries->items);
    bool left = comparison->lists[LIST_FETCH_BACKEND].old_fates[index] != FATE_KEPT;
    return left && !entry->analytics &&
                   same_url(entry->text, &entry->address, url->text, &url->address)
               ? entry
               : NULL;
}

static bool has_moved(const struct comparison *comparison, const struct manifest_remote *remote)
{
    for (size_t i = 0; i < remote->url_count; i++) {
        if (find_mover(comparison, &remote->urls[i]) == NULL)
            return false;
    }
    return remote->url_count > 0 && !remote->configurable;
}

/* An entry only ever asked for "fetch": any other operation of its remote is new. */
static void move_remote(struct comparison *comparison, const struct manifest_remote *new)
{
    static struct span fetch[] = {{"fetch", 5}};
    const struct manifest_entries *entries = &comparison->old->lists[LIST_FETCH_BACKEND];
    struct manifest_remote old = {.operations = fetch, .operation_count = 1};
    for (size_t i = 0; i < new->url_count; i++) {
        const struct manifest_entry *entry = find_mover(comparison, &new->urls[i]);
        size_t index = (size_t)(entry - entries->items);
        comparison->lists[LIST_FETCH_BACKEND].old_fates[index] = FATE_SPOKEN;
        old.at = entry->at;
        comparison_add(comparison, RULE_EGRESS_MOVED_TO_REMOTES, entry->at, new->urls[i].at,
                       "%s moves from fetch.backend to the remote %s", FINDING_QUOTE(entry->text),
                       FINDING_QUOTE(new->key));
    }
    if (new->operation_count > 0)
        compare_operations(comparison, &old, new);
    compare_tokens(comparison, &old, new);
    compare_data(comparison, &old, new);
}

static void add_remote(struct comparison *comparison, const struct manifest_remote *remote)
{
    static const struct manifest_remote none = {0};
    if (has_moved(comparison, remote)) {
        move_remote(comparison, remote);
        return;
    }
    if (remote->configurable && remote->url_count == 0) {
        comparison_add(comparison, RULE_CUSTOMER_MANAGED_REMOTE_ADDED, NO_PLACE, remote->at,
                       "the remote %s is new; customers name its endpoint",
                       FINDING_QUOTE(remote->key));
        compare_data(comparison, &none, remote);
        return;
    }
    comparison_add(comparison, RULE_REMOTE_ADDED, NO_PLACE, remote->at, "the remote %s is new",
                   FINDING_QUOTE(remote->key));
}

static struct names keys_of(struct comparison *comparison, const struct manifest *manifest)
{
    struct names names = names_new(comparison, manifest->remote_count);
    for (size_t i = 0; i < manifest->remote_count; i++)
        names_add(&names, manifest->remotes[i].key, manifest->remotes[i].at, i);
    return names;
}

void compare_remotes(struct comparison *comparison)
{
    size_t count;
    struct names before = keys_of(comparison, comparison->old);
    struct names after = keys_of(comparison, comparison->new);
    const struct name_pair *pairs = names_match(comparison, &before, &after, &count);
    for (size_t i = 0; i < count; i++) {
        const struct name *old = pairs[i].old, *new = pairs[i].new;
        if (old == NULL)
            add_remote(comparison, &comparison->new->remotes[new->index]);
        else if (new == NULL)
            comparison_add(comparison, RULE_REMOTE_REMOVED, old->at, NO_PLACE,
                           "the remote %s is gone", FINDING_QUOTE(old->text));
        else
            compare_remote(comparison, &comparison->old->remotes[old->index],
                           &comparison->new->remotes[new->index]);
    }
}
