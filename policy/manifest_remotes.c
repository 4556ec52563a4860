/*
 * The remotes. What fetch.backend names by key is opened by a remote's base
 * URL, so keys are unique and base URLs are addresses of one host; the rest of
 * a remote is read for those who speak of it.
 */
#include "policy/manifest_reader.h"

#include <stdlib.h>

#define KEY_MAXIMUM 23

const char *const manifest_regions[MANIFEST_REGION_COUNT + 1] = {
    "EU", "US", "AU", "DE", "SG", "CA", "IN", "KR", "JP", "GB", "CH", "default", NULL};

bool manifest_key_valid(struct span key)
{
    for (size_t i = 0; i < key.length; i++) {
        char byte = key.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && byte != '_' && byte != '-')
            return false;
    }
    return key.length > 0 && key.length <= KEY_MAXIMUM;
}

static bool read_key(struct manifest_reader *reader, const struct yaml_node *node,
                     struct manifest_remote *remote)
{
    const struct yaml_node *key = yaml_get(node, "key");
    if (key == NULL) {
        reader_complain(reader, node, "remote", "a remote without a key; write key: NAME");
        return false;
    }
    remote->at = key->at;
    if (!reader_string(reader, key, "a remote's key", &remote->key))
        return false;
    if (manifest_key_valid(remote->key))
        return true;
    reader_complain(reader, key, "remote",
                    "%s is not a remote's key; letters, digits, - and _ make one, at most %d",
                    FINDING_QUOTE(remote->key), KEY_MAXIMUM);
    return false;
}

/* One base URL: an address of one host. */
static void read_url(struct manifest_reader *reader, struct span region,
                     const struct yaml_node *node, struct manifest_remote *remote)
{
    struct manifest_base_url *url = &remote->urls[remote->url_count];
    struct error error;
    *url = (struct manifest_base_url){.region = region, .at = node->at, .end = node->end};
    remote->url_count++;
    if (!reader_string(reader, node, "baseUrl", &url->text))
        return;
    if (!address_parse(url->text, &url->address, &error)) {
        reader_complain(reader, node, "base-url", "%s", error.message);
        return;
    }
    if (url->address.wildcard || url->address.scheme == SCHEME_ANY) {
        reader_complain(reader, node, "base-url",
                        "%s is not one host; a baseUrl is a URL, such as https://api.example.com",
                        FINDING_QUOTE(url->text));
        return;
    }
    url->valid = manifest_check_scheme(reader, node, &url->address, url->text);
}

bool manifest_region_known(struct span name)
{
    for (size_t i = 0; manifest_regions[i] != NULL; i++) {
        if (span_equal(name, span_of(manifest_regions[i])))
            return true;
    }
    return false;
}

static void read_region_urls(struct manifest_reader *reader, const struct yaml_node *map,
                             struct manifest_remote *remote)
{
    for (size_t i = 0; i < map->count && remote->urls != NULL; i++) {
        const struct yaml_node *region = map->entries[i].key;
        if (region->kind == YAML_SCALAR && manifest_region_known(region->text)) {
            read_url(reader, region->text, map->entries[i].value, remote);
            continue;
        }
        reader_complain(reader, region, "region",
                        "%s is not a region; there are default, EU, US, AU, DE, SG, CA, IN, KR, "
                        "JP, GB and CH",
                        FINDING_QUOTE(region->text));
    }
}

static void read_base_url(struct manifest_reader *reader, const struct yaml_node *node,
                          struct manifest_remote *remote)
{
    const struct yaml_node *base = yaml_get(node, "baseUrl");
    bool missing = base == NULL || yaml_is_null(base);
    remote->by_region = !missing && base->kind == YAML_MAPPING;
    if (missing || (remote->by_region && base->count == 0)) {
        if (!remote->configurable)
            reader_complain(reader, missing ? node : base, "base-url",
                            "a remote without a baseUrl; give it one, or make it configurable");
        return;
    }
    remote->urls =
        reader_allocate(reader, remote->by_region ? base->count : 1, sizeof(*remote->urls));
    if (remote->by_region)
        read_region_urls(reader, base, remote);
    else if (remote->urls != NULL)
        read_url(reader, SPAN("default"), base, remote);
}

static void read_configurable(struct manifest_reader *reader, const struct yaml_node *node,
                              struct manifest_remote *remote)
{
    const struct yaml_node *configurable =
        reader_child(reader, node, "configurable", YAML_MAPPING, "configurable");
    if (configurable == NULL)
        return;
    remote->configurable = true;
    remote->supported_pattern_count =
        reader_strings(reader, configurable, "supportedPatterns", "supportedPatterns",
                       &remote->supported_patterns);
}

static void check_operations(struct manifest_reader *reader, const struct yaml_node *node)
{
    static const char *const known[] = {"storage", "compute", "fetch", "other", NULL};
    const struct yaml_node *list = yaml_get(node, "operations");
    for (size_t i = 0; list != NULL && i < list->count && list->kind == YAML_SEQUENCE; i++) {
        const struct yaml_node *item = list->items[i];
        bool found = !yaml_is_string(item);
        for (size_t k = 0; known[k] != NULL && !found; k++)
            found = span_equal(item->text, span_of(known[k]));
        if (!found)
            reader_complain(reader, item, "operation",
                            "%s is not an operation; there are storage, compute, fetch and other",
                            FINDING_QUOTE(item->text));
    }
}

/* What decides no egress. */
static void read_rest(struct manifest_reader *reader, const struct yaml_node *node,
                      struct manifest_remote *remote)
{
    reader->aside = true;
    remote->operation_count =
        reader_strings(reader, node, "operations", "operations", &remote->operations);
    check_operations(reader, node);
    const struct yaml_node *auth = reader_child(reader, node, "auth", YAML_MAPPING, "auth");
    const struct yaml_node *app =
        reader_child(reader, auth, "appSystemToken", YAML_MAPPING, "auth.appSystemToken");
    const struct yaml_node *user =
        reader_child(reader, auth, "appUserToken", YAML_MAPPING, "auth.appUserToken");
    const struct yaml_node *storage =
        reader_child(reader, node, "storage", YAML_MAPPING, "storage");
    remote->app_system_token =
        reader_flag(reader, app, "enabled", "auth.appSystemToken.enabled", false);
    remote->app_user_token =
        reader_flag(reader, user, "enabled", "auth.appUserToken.enabled", false);
    remote->storage_in_scope_eud =
        reader_flag(reader, storage, "inScopeEUD", "storage.inScopeEUD", false);
    reader->aside = false;
}

static bool read_remote(struct manifest_reader *reader, const struct yaml_node *node,
                        struct manifest_remote *remote)
{
    *remote = (struct manifest_remote){0};
    if (!reader_is_mapping(reader, node, "a remote", "a mapping with key and baseUrl"))
        return false;
    if (!read_key(reader, node, remote))
        return false;
    read_configurable(reader, node, remote);
    read_base_url(reader, node, remote);
    read_rest(reader, node, remote);
    return true;
}

static int compare_spans(struct span a, struct span b)
{
    if (a.length != b.length)
        return a.length < b.length ? -1 : 1;
    return a.length == 0 ? 0 : memcmp(a.data, b.data, a.length);
}

/* By key, then by place in the manifest: the pointers go into one array. */
static int compare_remotes(const void *left, const void *right)
{
    const struct manifest_remote *a = *(struct manifest_remote *const *)left;
    const struct manifest_remote *b = *(struct manifest_remote *const *)right;
    int order = compare_spans(a->key, b->key);
    return order != 0 ? order : (a > b) - (a < b);
}

static int compare_key(const void *key, const void *remote)
{
    return compare_spans(*(const struct span *)key,
                         (*(struct manifest_remote *const *)remote)->key);
}

static void refuse_doubles(struct manifest_reader *reader)
{
    struct manifest_remote *const *sorted = reader->manifest->remotes_by_key;
    for (size_t i = 1; i < reader->manifest->remote_count; i++) {
        if (!span_equal(sorted[i - 1]->key, sorted[i]->key))
            continue;
        reader_complain_at(reader, sorted[i]->at, "remote",
                           "the remote %s is declared twice, first on line %u; keep one of them",
                           FINDING_QUOTE(sorted[i]->key), sorted[i - 1]->at.line);
    }
}

static void sort_remotes(struct manifest_reader *reader)
{
    struct manifest *manifest = reader->manifest;
    manifest->remotes_by_key =
        reader_allocate(reader, manifest->remote_count, sizeof(struct manifest_remote *));
    if (manifest->remotes_by_key == NULL)
        return;
    for (size_t i = 0; i < manifest->remote_count; i++)
        manifest->remotes_by_key[i] = &manifest->remotes[i];
    qsort(manifest->remotes_by_key, manifest->remote_count, sizeof(struct manifest_remote *),
          compare_remotes);
    refuse_doubles(reader);
}

void manifest_read_remotes(struct manifest_reader *reader, const struct yaml_node *root)
{
    struct manifest *manifest = reader->manifest;
    const struct yaml_node *list = reader_child(reader, root, "remotes", YAML_SEQUENCE, "remotes");
    if (list == NULL)
        return;
    manifest->remotes = reader_allocate(reader, list->count, sizeof(*manifest->remotes));
    if (manifest->remotes == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (read_remote(reader, list->items[i], &manifest->remotes[manifest->remote_count]))
            manifest->remote_count++;
    }
    sort_remotes(reader);
}

const struct manifest_remote *manifest_find_remote(const struct manifest *manifest, struct span key)
{
    if (manifest->remotes_by_key == NULL)
        return NULL;
    struct manifest_remote *const *found =
        bsearch(&key, manifest->remotes_by_key, manifest->remote_count,
                sizeof(struct manifest_remote *), compare_key);
    return found == NULL ? NULL : *found;
}

size_t manifest_count_addresses(const struct manifest *manifest,
                                const struct manifest_entries *entries)
{
    size_t count = 0;
    for (size_t i = 0; i < entries->count; i++) {
        const struct manifest_remote *remote =
            entries->items[i].form == ENTRY_REMOTE
                ? manifest_find_remote(manifest, entries->items[i].text)
                : NULL;
        count += remote == NULL ? 1 : remote->url_count;
    }
    return count;
}
