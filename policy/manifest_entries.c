/*
 * The egress lists of permissions.external. An entry is a string, an object
 * with an address, or the key of a remote. In fetch.backend, which is what the
 * proxy enforces, anything else is an error; in the browser's lists it is one
 * for lint alone.
 */
#include "policy/manifest_reader.h"

struct list_place {
    const char *group; /* the mapping under external that holds it; NULL: external itself */
    const char *key;
    enum manifest_list list;
    bool takes_remotes;
};

static const struct list_place places[LIST_COUNT] = {
    {"fetch", "backend", LIST_FETCH_BACKEND, true}, {"fetch", "client", LIST_FETCH_CLIENT, true},
    {NULL, "images", LIST_IMAGES, false},           {NULL, "fonts", LIST_FONTS, false},
    {NULL, "styles", LIST_STYLES, false},           {NULL, "scripts", LIST_SCRIPTS, false},
    {NULL, "frames", LIST_FRAMES, false},           {NULL, "media", LIST_MEDIA, false},
    {NULL, "navigation", LIST_NAVIGATION, false},
};

const char *manifest_list_name(enum manifest_list list)
{
    static const char *const names[LIST_COUNT] = {
        "fetch.backend", "fetch.client", "images", "fonts",      "styles",
        "scripts",       "frames",       "media",  "navigation",
    };
    return names[list];
}

bool manifest_check_scheme(struct manifest_reader *reader, const struct yaml_node *node,
                           const struct address *address, struct span text)
{
    if (address->scheme != SCHEME_HTTP && address->scheme != SCHEME_WS)
        return true;
    const char *secure = address->scheme == SCHEME_HTTP ? "https" : "wss";
    if (reader->options->plain_http) {
        reader_warn(reader, node, "plain-http", "%s is not encrypted; write %s:// if it can be had",
                    FINDING_QUOTE(text), secure);
        return true;
    }
    reader_complain(reader, node, "plain-http",
                    "%s is not encrypted; write %s://, or allow plain http in the configuration",
                    FINDING_QUOTE(text), secure);
    return false;
}

/* RFC 3986, section 3.1. */
static bool is_scheme_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool other = (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return name.length > 0;
}

/* "slack:", "slack://…": an application's own scheme, none of the web's and none that may never be.
 */
static bool is_custom_scheme(struct span text)
{
    enum scheme known;
    size_t colon = span_find(text, ':');
    struct span name = span_slice(text, 0, colon);
    if (colon == text.length || !is_scheme_name(name) || address_scheme_refused(name) ||
        scheme_parse(name, &known))
        return false;
    for (size_t i = colon; i < text.length; i++) {
        if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7F)
            return false;
    }
    struct span rest = span_after(text, colon + 1);
    return rest.length == 0 || span_starts_with(rest, SPAN("//"));
}

bool manifest_browser_address(struct span text, struct address *address, bool *valid,
                              struct error *error)
{
    *valid = address_parse(text, address, error);
    if (*valid)
        return true;
    return text.length <= ADDRESS_LENGTH_MAXIMUM && is_custom_scheme(text);
}

/* The entry's address; `valid` only where it may be granted. */
static void read_address(struct manifest_reader *reader, enum manifest_list list,
                         const struct yaml_node *node, struct manifest_entry *entry)
{
    struct error error;
    entry->at = node->at;
    entry->end = node->end;
    if (!reader_string(reader, node, "an address", &entry->text))
        return;
    bool readable =
        list == LIST_FETCH_BACKEND
            ? (entry->valid = address_parse(entry->text, &entry->address, &error))
            : manifest_browser_address(entry->text, &entry->address, &entry->valid, &error);
    if (!readable)
        reader_complain(reader, node, "address", "%s", error.message);
    if (entry->valid)
        entry->valid = manifest_check_scheme(reader, node, &entry->address, entry->text);
}

static void read_category(struct manifest_reader *reader, const struct yaml_node *object,
                          struct manifest_entry *entry)
{
    const struct yaml_node *node = yaml_get(object, "category");
    struct span category;
    if (node == NULL || !reader_string(reader, node, "category", &category))
        return;
    entry->analytics = span_equal(category, SPAN("analytics"));
    if (!entry->analytics)
        reader_complain(reader, node, "category",
                        "the category %s is unknown; write analytics, or leave it out",
                        FINDING_QUOTE(category));
}

static bool read_remote(struct manifest_reader *reader, const struct list_place *place,
                        const struct yaml_node *object, struct manifest_entry *entry)
{
    static const char *const known[] = {"remote", NULL};
    const struct yaml_node *node = yaml_get(object, "remote");
    if (!place->takes_remotes) {
        reader_complain(reader, object, "entry",
                        "a remote in %s; remotes stand in fetch.backend and fetch.client only",
                        manifest_list_name(place->list));
        return false;
    }
    entry->form = ENTRY_REMOTE;
    entry->at = node->at;
    entry->end = node->end;
    reader_check_keys(reader, object, "an entry that names a remote", known);
    if (!reader_string(reader, node, "remote", &entry->text))
        return false;
    entry->valid = manifest_find_remote(reader->manifest, entry->text) != NULL;
    if (!entry->valid)
        reader_complain(reader, node, "unknown-remote",
                        "no remote has the key %s; declare it under remotes",
                        FINDING_QUOTE(entry->text));
    return true;
}

static bool read_object(struct manifest_reader *reader, const struct list_place *place,
                        const struct yaml_node *object, struct manifest_entry *entry)
{
    static const char *const known[] = {"address", "category", "inScopeEUD", NULL};
    const struct yaml_node *address = yaml_get(object, "address");
    if (yaml_get(object, "remote") != NULL)
        return read_remote(reader, place, object, entry);
    entry->form = ENTRY_OBJECT;
    reader_check_keys(reader, object, "an entry", known);
    if (address == NULL) {
        reader_complain(reader, object, "entry",
                        "an entry without an address; write {address: api.example.com}%s",
                        place->takes_remotes ? " or {remote: KEY}" : "");
        return false;
    }
    read_address(reader, place->list, address, entry);
    read_category(reader, object, entry);
    entry->in_scope_eud = reader_flag(reader, object, "inScopeEUD", "inScopeEUD", true);
    return true;
}

static bool read_entry(struct manifest_reader *reader, const struct list_place *place,
                       const struct yaml_node *node, struct manifest_entry *entry)
{
    *entry = (struct manifest_entry){.in_scope_eud = true};
    if (node->kind == YAML_MAPPING)
        return read_object(reader, place, node, entry);
    if (!yaml_is_string(node)) {
        reader_complain(reader, node, "entry", "%s in %s; an entry is an address, {address: …}%s",
                        yaml_describe(node), manifest_list_name(place->list),
                        place->takes_remotes ? " or {remote: KEY}" : "");
        return false;
    }
    entry->form = ENTRY_STRING;
    read_address(reader, place->list, node, entry);
    return true;
}

static void read_list(struct manifest_reader *reader, const struct list_place *place,
                      const struct yaml_node *parent)
{
    struct manifest_entries *entries = &reader->manifest->lists[place->list];
    char path[64];
    snprintf(path, sizeof(path), "permissions.external.%s", manifest_list_name(place->list));
    const struct yaml_node *list = reader_child(reader, parent, place->key, YAML_SEQUENCE, path);
    if (list == NULL)
        return;
    entries->items = reader_allocate(reader, list->count, sizeof(*entries->items));
    if (entries->items == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (read_entry(reader, place, list->items[i], &entries->items[entries->count]))
            entries->count++;
    }
}

void manifest_read_lists(struct manifest_reader *reader, const struct yaml_node *external)
{
    const struct yaml_node *fetch =
        reader_child(reader, external, "fetch", YAML_MAPPING, "permissions.external.fetch");
    for (size_t i = 0; i < LIST_COUNT; i++) {
        reader->aside = places[i].list != LIST_FETCH_BACKEND;
        read_list(reader, &places[i], places[i].group == NULL ? external : fetch);
    }
    reader->aside = false;
}
