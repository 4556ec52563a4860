/* What an admin opens beyond the manifest: egress groups, and remotes' endpoints. */
#include "policy/installation_edit.h"

static bool out_of_memory(struct error *error)
{
    error_set(error, "memory is out");
    return false;
}

/* A copy of COUNT items of SIZE with room for ADDED more. */
static void *grow(struct installation_edit *edit, const void *items, size_t count, size_t added,
                  size_t size)
{
    char *grown = arena_allocate_array(edit->file->arena, count + added, size);
    if (grown != NULL && count > 0)
        memcpy(grown, items, count * size);
    return grown;
}

bool installation_type_find(struct span name, enum manifest_list *list)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        *list = (enum manifest_list)i;
        if (span_equal(name, span_of(installation_type_name(*list))))
            return true;
    }
    return false;
}

/* ---- Egress groups ------------------------------------------------------------------------ */

static struct installation_group *find_group(const struct installation *installation,
                                             struct span key)
{
    for (size_t i = 0; i < installation->group_count; i++) {
        if (span_equal(installation->groups[i].key, key))
            return &installation->groups[i];
    }
    return NULL;
}

static struct installation_group *add_group(struct installation_edit *edit, struct span key)
{
    struct installation *installation = edit->installation;
    struct installation_group *groups =
        grow(edit, installation->groups, installation->group_count, 1, sizeof(*groups));
    if (groups == NULL)
        return NULL;
    installation->groups = groups;
    groups[installation->group_count] =
        (struct installation_group){.key = key, .description = SPAN("")};
    return &groups[installation->group_count++];
}

/* The domain in GROUP gets LISTS, too; NULL: it is not in it. */
static struct installation_domain *find_domain(const struct installation_group *group,
                                               struct span text)
{
    for (size_t i = 0; i < group->domain_count; i++) {
        if (span_equal(group->domains[i].text, text))
            return &group->domains[i];
    }
    return NULL;
}

static bool add_domains(struct installation_edit *edit, struct installation_group *group,
                        struct error *error)
{
    const struct installation_wish *wish = edit->wish;
    const uint32_t lists = wish->lists == 0 ? 1U << LIST_FETCH_BACKEND : wish->lists;
    struct installation_domain *domains =
        grow(edit, group->domains, group->domain_count, wish->domain_count, sizeof(*domains));
    if (domains == NULL)
        return out_of_memory(error);
    group->domains = domains;
    for (size_t i = 0; i < wish->domain_count; i++) {
        struct span text = span_of(wish->domains[i]);
        struct installation_domain *domain = find_domain(group, text);
        if (domain == NULL)
            domain = &domains[group->domain_count++];
        edit->unchanged = edit->unchanged && domain->lists == lists;
        domain->text = text;
        domain->lists = lists;
    }
    return true;
}

static bool add_egress(struct installation_edit *edit, struct span key, struct error *error)
{
    const struct installation_wish *wish = edit->wish;
    struct installation_group *group = find_group(edit->installation, key);
    if (wish->domain_count == 0) {
        error_set(error, "--domain ADDRESS says what egress group %.*s opens", SPAN_FORMAT(key));
        return false;
    }
    edit->unchanged = group != NULL;
    if (group == NULL)
        group = add_group(edit, key);
    if (group == NULL)
        return out_of_memory(error);
    if (wish->description != NULL) {
        struct span description = span_of(wish->description);
        edit->unchanged = edit->unchanged && span_equal(group->description, description);
        group->description = description;
    }
    snprintf(edit->told, sizeof(edit->told), "egress group %.*s opens %.200s%s", SPAN_FORMAT(key),
             wish->domains[0], wish->domain_count > 1 ? " and others" : "");
    return add_domains(edit, group, error);
}

static bool remove_egress(struct installation_edit *edit, struct span key, struct error *error)
{
    struct installation *installation = edit->installation;
    struct installation_group *group = find_group(installation, key);
    if (group == NULL) {
        error_set(error, "there is no egress group %.*s", SPAN_FORMAT(key));
        return false;
    }
    size_t behind = (size_t)(&installation->groups[installation->group_count] - (group + 1));
    memmove(group, group + 1, behind * sizeof(*group));
    installation->group_count--;
    snprintf(edit->told, sizeof(edit->told), "egress group %.*s removed", SPAN_FORMAT(key));
    return true;
}

static bool check_key(const char *key, struct error *error)
{
    if (manifest_key_valid(span_of(key)))
        return true;
    error_set(error, "%s is not a key; letters, digits, - and _ make one, at most 23",
              text_quote(span_of(key), (char[TEXT_QUOTE_SIZE]){0}));
    return false;
}

bool installation_edit_egress(struct installation_edit *edit, struct error *error)
{
    const char *action = edit->wish->arguments[0], *key = edit->wish->arguments[1];
    if (!check_key(key, error))
        return false;
    if (strcmp(action, "add") == 0)
        return add_egress(edit, span_of(key), error);
    if (strcmp(action, "remove") == 0)
        return remove_egress(edit, span_of(key), error);
    error_set(error, "egress add KEY or egress remove KEY is expected");
    return false;
}

/* ---- Remotes ------------------------------------------------------------------------------ */

static struct installation_remote *find_remote(const struct installation *installation,
                                               struct span key)
{
    for (size_t i = 0; i < installation->remote_count; i++) {
        if (span_equal(installation->remotes[i].key, key))
            return &installation->remotes[i];
    }
    return NULL;
}

static bool remove_remote(struct installation_edit *edit, struct span key, struct error *error)
{
    struct installation *installation = edit->installation;
    struct installation_remote *remote = find_remote(installation, key);
    if (remote == NULL) {
        error_set(error, "the remote %.*s has no endpoint of this site's own", SPAN_FORMAT(key));
        return false;
    }
    size_t behind = (size_t)(&installation->remotes[installation->remote_count] - (remote + 1));
    memmove(remote, remote + 1, behind * sizeof(*remote));
    installation->remote_count--;
    snprintf(edit->told, sizeof(edit->told), "remote %.*s back to the app's own endpoint",
             SPAN_FORMAT(key));
    return true;
}

static bool set_endpoint(struct installation_edit *edit, struct span key, struct error *error)
{
    struct installation *installation = edit->installation;
    struct span endpoint = span_of(edit->wish->endpoint);
    struct installation_remote *remote = find_remote(installation, key);
    edit->unchanged = remote != NULL && span_equal(remote->endpoint, endpoint);
    if (remote == NULL) {
        struct installation_remote *remotes =
            grow(edit, installation->remotes, installation->remote_count, 1, sizeof(*remotes));
        if (remotes == NULL)
            return out_of_memory(error);
        installation->remotes = remotes;
        remote = &remotes[installation->remote_count++];
        *remote = (struct installation_remote){.key = key};
    }
    remote->endpoint = endpoint;
    snprintf(edit->told, sizeof(edit->told), "remote %.*s at %.200s", SPAN_FORMAT(key),
             edit->wish->endpoint);
    return true;
}

bool installation_edit_remote(struct installation_edit *edit, struct error *error)
{
    const struct installation_wish *wish = edit->wish;
    if (!check_key(wish->arguments[0], error))
        return false;
    if ((wish->endpoint == NULL) != wish->remove) {
        error_set(error, "either --endpoint URL, or --remove");
        return false;
    }
    struct span key = span_of(wish->arguments[0]);
    return wish->remove ? remove_remote(edit, key, error) : set_endpoint(edit, key, error);
}
