/*
 * One entry of installations.yml: who installed the app, which version is
 * approved, and what the site's admin has configured beside it.
 */
#include "policy/installation_reader.h"

#include "policy/policy_name.h"

static const char *const type_names[LIST_COUNT] = {
    [LIST_FETCH_BACKEND] = "FETCH_BACKEND_SIDE",
    [LIST_FETCH_CLIENT] = "FETCH_CLIENT_SIDE",
    [LIST_IMAGES] = "IMAGES",
    [LIST_FONTS] = "FONTS",
    [LIST_STYLES] = "STYLES",
    [LIST_SCRIPTS] = "SCRIPTS",
    [LIST_FRAMES] = "FRAMES",
    [LIST_MEDIA] = "MEDIA",
    [LIST_NAVIGATION] = "NAVIGATION",
};

const char *installation_type_name(enum manifest_list list)
{
    return type_names[list];
}

static bool read_key(struct manifest_reader *reader, const struct yaml_node *node, const char *path,
                     struct span *key, struct position *at)
{
    const struct yaml_node *found = reader_required_string(reader, node, "key", path);
    if (found == NULL)
        return false;
    *key = found->text;
    *at = found->at;
    if (manifest_key_valid(*key))
        return true;
    reader_complain(reader, found, "key",
                    "%s is not a key; letters, digits, - and _ make one, at most 23",
                    FINDING_QUOTE(*key));
    return false;
}

/* ---- egress ------------------------------------------------------------------------ */

static bool find_type(struct span name, enum manifest_list *list)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (!span_equal(name, span_of(type_names[i])))
            continue;
        *list = (enum manifest_list)i;
        return true;
    }
    return false;
}

static void read_type(struct manifest_reader *reader, const struct yaml_node *node, uint32_t *lists)
{
    enum manifest_list list;
    if (node->kind != YAML_SCALAR || !find_type(node->text, &list)) {
        reader_complain(reader, node, "type",
                        "%s is not a type of egress; there are FETCH_BACKEND_SIDE, "
                        "FETCH_CLIENT_SIDE, IMAGES, FONTS, STYLES, SCRIPTS, FRAMES, MEDIA and "
                        "NAVIGATION",
                        node->kind == YAML_SCALAR ? FINDING_QUOTE(node->text)
                                                  : yaml_describe(node));
        return;
    }
    if (*lists & 1U << list)
        reader_complain(reader, node, "type", "%s stands twice; keep one of them",
                        type_names[list]);
    *lists |= 1U << list;
}

static void read_types(struct manifest_reader *reader, const struct yaml_node *node,
                       uint32_t *lists)
{
    const struct yaml_node *types = reader_list_within(reader, node, "type", LIST_COUNT);
    if (types == NULL || types->count == 0) {
        reader_complain(reader, node, "type",
                        "a domain without a type; write type: [FETCH_BACKEND_SIDE]");
        return;
    }
    for (size_t i = 0; i < types->count; i++)
        read_type(reader, types->items[i], lists);
}

static bool read_domain(struct manifest_reader *reader, const struct yaml_node *node,
                        struct installation_domain *domain)
{
    static const char *const known[] = {"domain", "type", NULL};
    struct error error;
    if (!reader_is_mapping(reader, node, "a configured domain", "{domain: …, type: […]}"))
        return false;
    reader_check_keys(reader, node, "a configured domain", known);
    read_types(reader, node, &domain->lists);
    const struct yaml_node *text =
        reader_required_string(reader, node, "domain", "a configured domain");
    if (text == NULL)
        return false;
    domain->text = text->text;
    domain->at = text->at;
    if (!address_parse(domain->text, &domain->address, &error)) {
        reader_complain(reader, text, "domain", "%s", error.message);
        return false;
    }
    if (domain->address.scheme != SCHEME_ANY)
        return true;
    reader_complain(reader, text, "domain",
                    "\"*\" would open everything; name a domain, such as \"*.example.com\"");
    return false;
}

static void read_domains(struct manifest_reader *reader, const struct yaml_node *node,
                         struct installation_group *group)
{
    const struct yaml_node *list =
        reader_list_within(reader, node, "configured", INSTALLATION_DOMAINS_MAXIMUM);
    if (list == NULL)
        return;
    group->domains = reader_allocate(reader, list->count, sizeof(*group->domains));
    for (size_t i = 0; i < list->count && group->domains != NULL; i++) {
        if (read_domain(reader, list->items[i], &group->domains[group->domain_count]))
            group->domain_count++;
    }
}

static void read_description(struct manifest_reader *reader, const struct yaml_node *node,
                             struct span *description)
{
    *description = SPAN("");
    if (yaml_get(node, "description") == NULL)
        return;
    const struct yaml_node *text =
        reader_required_string(reader, node, "description", "a description");
    if (text == NULL)
        return;
    bool fine = text->text.length <= INSTALLATION_DESCRIPTION_MAXIMUM;
    for (size_t i = 0; i < text->text.length && fine; i++)
        fine = (unsigned char)text->text.data[i] >= ' ' && text->text.data[i] != 0x7F;
    if (!fine)
        reader_complain(reader, text, "description",
                        "a description is one line of at most %d bytes without control characters",
                        INSTALLATION_DESCRIPTION_MAXIMUM);
    *description = text->text;
}

static bool read_group(struct manifest_reader *reader, const struct yaml_node *node,
                       struct installation_group *group)
{
    static const char *const known[] = {"key", "description", "configured", NULL};
    if (!reader_is_mapping(reader, node, "an egress group", "a mapping with key and configured"))
        return false;
    reader_check_keys(reader, node, "an egress group", known);
    read_description(reader, node, &group->description);
    read_domains(reader, node, group);
    return read_key(reader, node, "an egress group's key", &group->key, &group->at);
}

static void read_groups(struct manifest_reader *reader, const struct yaml_node *node,
                        struct installation *installation)
{
    const struct yaml_node *list =
        reader_list_within(reader, node, "egress", INSTALLATION_GROUPS_MAXIMUM);
    if (list == NULL)
        return;
    struct installation_group *groups = reader_allocate(reader, list->count, sizeof(*groups));
    for (size_t i = 0; i < list->count && groups != NULL; i++) {
        struct installation_group *group = &groups[installation->group_count];
        if (!read_group(reader, list->items[i], group))
            continue;
        for (size_t k = 0; k < installation->group_count; k++) {
            if (span_equal(groups[k].key, group->key))
                reader_complain_at(reader, group->at, "duplicate",
                                   "the egress group %s stands twice, first on line %u; keep one "
                                   "of them",
                                   FINDING_QUOTE(group->key), groups[k].at.line);
        }
        installation->group_count++;
    }
    installation->groups = groups;
}

/* ---- remotes ------------------------------------------------------------------------- */

static bool read_endpoint(struct manifest_reader *reader, const struct yaml_node *node,
                          struct installation_remote *remote)
{
    static const char *const known[] = {"endpoint", NULL};
    struct error error;
    const struct yaml_node *configured = yaml_get(node, "configured");
    if (configured == NULL) {
        reader_complain(reader, node, "missing-key",
                        "a remote without an endpoint; write configured: {endpoint: …}");
        return false;
    }
    if (!reader_is_mapping(reader, configured, "configured", "{endpoint: URL}"))
        return false;
    reader_check_keys(reader, configured, "configured", known);
    const struct yaml_node *text =
        reader_required_string(reader, configured, "endpoint", "an endpoint");
    if (text == NULL)
        return false;
    remote->endpoint = text->text;
    remote->endpoint_at = text->at;
    if (!address_parse(remote->endpoint, &remote->address, &error)) {
        reader_complain(reader, text, "endpoint", "%s", error.message);
        return false;
    }
    if (remote->address.scheme != SCHEME_ANY && !remote->address.wildcard)
        return true;
    reader_complain(reader, text, "endpoint",
                    "%s is not one host; an endpoint is a URL, such as https://api.example.com",
                    FINDING_QUOTE(remote->endpoint));
    return false;
}

static bool read_remote(struct manifest_reader *reader, const struct yaml_node *node,
                        struct installation_remote *remote)
{
    static const char *const known[] = {"key", "configured", NULL};
    if (!reader_is_mapping(reader, node, "a remote", "{key: …, configured: {endpoint: URL}}"))
        return false;
    reader_check_keys(reader, node, "a remote", known);
    return read_key(reader, node, "a remote's key", &remote->key, &remote->at) &&
           read_endpoint(reader, node, remote);
}

static void read_remotes(struct manifest_reader *reader, const struct yaml_node *node,
                         struct installation *installation)
{
    const struct yaml_node *list =
        reader_list_within(reader, node, "remotes", INSTALLATION_GROUPS_MAXIMUM);
    if (list == NULL)
        return;
    struct installation_remote *remotes = reader_allocate(reader, list->count, sizeof(*remotes));
    for (size_t i = 0; i < list->count && remotes != NULL; i++) {
        struct installation_remote *remote = &remotes[installation->remote_count];
        if (!read_remote(reader, list->items[i], remote))
            continue;
        for (size_t k = 0; k < installation->remote_count; k++) {
            if (span_equal(remotes[k].key, remote->key))
                reader_complain_at(reader, remote->at, "duplicate",
                                   "the remote %s stands twice, first on line %u; keep one of them",
                                   FINDING_QUOTE(remote->key), remotes[k].at.line);
        }
        installation->remote_count++;
    }
    installation->remotes = remotes;
}

/* ---- the whole entry ------------------------------------------------------------------- */

static bool read_id(struct manifest_reader *reader, const struct yaml_node *node,
                    struct installation *installation)
{
    const struct yaml_node *id = reader_required_string(reader, node, "id", "an installation's id");
    if (id == NULL)
        return false;
    installation->id = id->text;
    installation->at = id->at;
    if (policy_name_valid(id->text))
        return true;
    reader_complain(reader, id, "id",
                    "%s cannot be the id of an installation; it is " POLICY_NAME_FORM,
                    FINDING_QUOTE(id->text));
    return false;
}

static void read_approved(struct manifest_reader *reader, const struct yaml_node *node,
                          struct installation *installation)
{
    const struct yaml_node *approved = yaml_get(node, "approved");
    uint64_t major = 0;
    if (approved == NULL) {
        reader_complain(reader, node, "missing-key",
                        "an installation without an approved version; write approved: MAJOR");
        return;
    }
    installation->approved_at = approved->at;
    bool plain = approved->kind == YAML_SCALAR && !approved->quoted && approved->text.length > 0 &&
                 approved->text.data[0] != '0';
    if (plain && span_parse_decimal(approved->text, INSTALLATION_MAJOR_MAXIMUM, &major))
        installation->approved = (uint32_t)major;
    else
        reader_complain(reader, approved, "approved",
                        "not a major version; it is a whole number from 1, such as approved: 2");
}

static void read_region(struct manifest_reader *reader, const struct yaml_node *node,
                        struct installation *installation)
{
    const struct yaml_node *region = yaml_get(node, "region");
    installation->region = SPAN("");
    if (region == NULL)
        return;
    if (region->kind == YAML_SCALAR && manifest_region_known(region->text)) {
        if (!span_equal(region->text, SPAN("default")))
            installation->region = region->text;
        return;
    }
    reader_complain(reader, region, "region",
                    "not a region; there are default, EU, US, AU, DE, SG, CA, IN, KR, JP, GB and "
                    "CH");
}

static void read_analytics(struct manifest_reader *reader, const struct yaml_node *node,
                           struct installation *installation)
{
    const struct yaml_node *analytics = yaml_get(node, "analytics");
    if (analytics == NULL)
        return;
    installation->analytics_off =
        analytics->kind == YAML_SCALAR && span_equal(analytics->text, SPAN("off"));
    if (!installation->analytics_off &&
        (analytics->kind != YAML_SCALAR || !span_equal(analytics->text, SPAN("on"))))
        reader_complain(reader, analytics, "analytics",
                        "analytics is on or off; write one of them");
}

bool installation_read(struct manifest_reader *reader, const struct yaml_node *node,
                       struct installation *installation)
{
    static const char *const known[] = {"id",        "approved",  "region",
                                        "analytics", "suspended", "log_access",
                                        "egress",    "remotes",   NULL};
    *installation = (struct installation){0};
    if (!reader_is_mapping(reader, node, "an installation", "a mapping with id and approved"))
        return false;
    reader_check_keys(reader, node, "an installation", known);
    read_approved(reader, node, installation);
    read_region(reader, node, installation);
    read_analytics(reader, node, installation);
    installation->suspended = reader_flag(reader, node, "suspended", "suspended", false);
    installation->log_access = reader_flag(reader, node, "log_access", "log_access", false);
    read_groups(reader, node, installation);
    read_remotes(reader, node, installation);
    return read_id(reader, node, installation);
}
