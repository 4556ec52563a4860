/*
 * narrow.yml from YAML to entries. Each part reports its own mistakes and goes on,
 * so that one look at a hand-edited file finds them all.
 */
#include "policy/narrow_file.h"

#include "policy/manifest_reader.h"
#include "policy/path.h"

#define EXAMPLE "write a list of entries such as - {address: api.example.com, methods: [GET]}"

const struct yaml_limits narrow_limits = {.bytes = (size_t)8 << 20,
                                          .nodes = 1000000,
                                          .memory = (size_t)256 << 20,
                                          .kind = "a narrow.yml"};

/* ---- methods --------------------------------------------------------------------- */

/* RFC 9110, section 5.6.2. */
static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        bool alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9');
        if (!alphanumeric && (byte == '\0' || strchr("!#$%&'*+-.^_`|~", byte) == NULL))
            return false;
    }
    return text.length > 0;
}

bool narrow_method_valid(struct span method)
{
    return is_token(method) && method.length <= NARROW_METHOD_LENGTH;
}

static bool check_method(struct manifest_reader *reader, const struct yaml_node *node)
{
    struct span method = node->text;
    if (node->kind != YAML_SCALAR) {
        reader_wrong_kind(reader, node, "a method", "a word, such as GET");
        return false;
    }
    if (!narrow_method_valid(method)) {
        reader_complain(reader, node, "method",
                        "%s is not a method; write one as requests have it, such as GET",
                        FINDING_QUOTE(method));
        return false;
    }
    if (span_equal(method, SPAN("*"))) {
        reader_complain(reader, node, "method", "\"*\" is no method; leave `methods` out for any");
        return false;
    }
    if (span_equal(method, SPAN("CONNECT"))) {
        reader_complain(reader, node, "method",
                        "CONNECT opens a tunnel and is none of a host's methods; tunnels go by "
                        "`opaque: allow`");
        return false;
    }
    return true;
}

static bool has_method(const struct narrow_entry *entry, struct span method)
{
    for (size_t i = 0; i < entry->method_count; i++) {
        if (span_equal(entry->methods[i], method))
            return true;
    }
    return false;
}

/* The list under KEY; NULL: there is none, or it cannot be taken, which an error says. */
static const struct yaml_node *required_items(struct manifest_reader *reader,
                                              const struct yaml_node *entry, const char *key,
                                              size_t maximum)
{
    const struct yaml_node *node = yaml_get(entry, key);
    if (node == NULL)
        return NULL;
    if (node->kind != YAML_SEQUENCE)
        reader_wrong_kind(reader, node, key, "a list");
    else if (node->count == 0)
        reader_complain(reader, node, "empty",
                        "an empty list of %s allows nothing; name at least one, or take the "
                        "address out of the manifest",
                        key);
    else if (node->count > maximum)
        reader_complain(reader, node->items[maximum], "too-many",
                        "more than %zu %s in one entry; have fewer", maximum, key);
    else
        return node;
    return NULL;
}

static void read_methods(struct manifest_reader *reader, const struct yaml_node *node,
                         struct narrow_entry *entry)
{
    const struct yaml_node *list = required_items(reader, node, "methods", NARROW_METHODS_MAXIMUM);
    entry->any_method = yaml_get(node, "methods") == NULL;
    if (list == NULL)
        return;
    entry->methods = reader_allocate(reader, list->count, sizeof(*entry->methods));
    for (size_t i = 0; entry->methods != NULL && i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        if (!check_method(reader, item))
            continue;
        if (has_method(entry, item->text))
            reader_complain(reader, item, "method", "%s stands twice; keep one of them",
                            FINDING_QUOTE(item->text));
        else
            entry->methods[entry->method_count++] = item->text;
    }
}

/* ---- paths ----------------------------------------------------------------------- */

static bool check_segment(struct manifest_reader *reader, const struct yaml_node *node,
                          struct span segment)
{
    if (span_find(segment, '*') == segment.length || segment.length == 1)
        return true;
    reader_complain(reader, node, "path",
                    "%s: \"*\" stands for a whole segment, or at the end for all below; write "
                    "{regex: …} for parts of one, and %%2A for the character",
                    FINDING_QUOTE(node->text));
    return false;
}

static bool check_segments(struct manifest_reader *reader, const struct yaml_node *node)
{
    struct span rest = node->text;
    for (size_t depth = 0; rest.length > 0; depth++) {
        size_t end = span_find(rest, '/');
        if (!check_segment(reader, node, span_slice(rest, 0, end)))
            return false;
        rest = span_after(rest, end < rest.length ? end + 1 : end);
        if (depth <= NARROW_DEPTH_MAXIMUM)
            continue;
        reader_complain(reader, node, "path", "more than %d segments; have fewer",
                        NARROW_DEPTH_MAXIMUM);
        return false;
    }
    return true;
}

/* A pattern is normalised as requests' paths are, so that it means what they are compared with. */
static bool read_pattern(struct manifest_reader *reader, const struct yaml_node *node,
                         struct narrow_path *pattern)
{
    struct path path;
    if (node->text.length == 0 || node->text.data[0] != '/') {
        reader_complain(reader, node, "path", "%s is not a path; it begins with \"/\"",
                        FINDING_QUOTE(node->text));
        return false;
    }
    if (!path_normalise(node->text, &path)) {
        reader_complain(reader, node, "path",
                        "%s: %s; write it as requests have it, without a query",
                        FINDING_QUOTE(node->text), path.problem);
        return false;
    }
    if (!check_segments(reader, node))
        return false;
    pattern->text = arena_copy(reader->arena, path.wire);
    pattern->decoded = arena_copy(reader->arena, path.text);
    bool kept = pattern->text.data != NULL && pattern->decoded.data != NULL;
    reader->out_of_memory = reader->out_of_memory || !kept;
    return kept;
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool holds_encoding(struct span text)
{
    for (size_t i = 0; i + 2 < text.length; i++) {
        if (text.data[i] == '%' && is_hex(text.data[i + 1]) && is_hex(text.data[i + 2]))
            return true;
    }
    return false;
}

static bool read_regex(struct manifest_reader *reader, const struct yaml_node *node,
                       struct narrow_path *path)
{
    static const char *const known[] = {"regex", NULL};
    const struct yaml_node *text = yaml_get(node, "regex");
    reader_check_keys(reader, node, "a path", known);
    if (text == NULL || text->kind != YAML_SCALAR || yaml_is_null(text)) {
        reader_complain(reader, text == NULL ? node : text, "regex",
                        "no expression; write regex: '/v2/[0-9]+'");
        return false;
    }
    if (holds_encoding(text->text)) {
        reader_complain(reader, text, "regex",
                        "paths are decoded before they are matched; write the character itself "
                        "instead of its percent-encoding");
        return false;
    }
    *path = (struct narrow_path){.text = text->text, .at = text->at, .regex = true};
    return true;
}

static bool read_path(struct manifest_reader *reader, const struct yaml_node *node,
                      struct narrow_path *path)
{
    if (node->kind == YAML_MAPPING)
        return read_regex(reader, node, path);
    if (node->kind != YAML_SCALAR) {
        reader_wrong_kind(reader, node, "a path", "a pattern such as /v2/*, or {regex: …}");
        return false;
    }
    *path = (struct narrow_path){.at = node->at};
    return read_pattern(reader, node, path);
}

static void read_paths(struct manifest_reader *reader, const struct yaml_node *node,
                       struct narrow_entry *entry)
{
    const struct yaml_node *list = required_items(reader, node, "paths", NARROW_PATHS_MAXIMUM);
    size_t regexes = 0;
    entry->any_path = yaml_get(node, "paths") == NULL;
    if (list == NULL)
        return;
    entry->paths = reader_allocate(reader, list->count, sizeof(*entry->paths));
    for (size_t i = 0; entry->paths != NULL && i < list->count; i++) {
        struct narrow_path *path = &entry->paths[entry->path_count];
        if (!read_path(reader, list->items[i], path))
            continue;
        entry->path_count++;
        if (path->regex && ++regexes == NARROW_REGEXES_MAXIMUM + 1)
            reader_complain(reader, list->items[i], "too-many",
                            "more than %d regular expressions in one entry; have fewer",
                            NARROW_REGEXES_MAXIMUM);
    }
}

/* ---- entries --------------------------------------------------------------------- */

static void read_address(struct manifest_reader *reader, const struct yaml_node *node,
                         struct narrow_entry *entry)
{
    const struct yaml_node *text = yaml_get(node, "address");
    struct error error;
    if (text == NULL || !yaml_is_string(text)) {
        reader_complain(reader, text == NULL ? node : text, "address",
                        "no address; write address: with one that the manifest declares");
        return;
    }
    entry->text = text->text;
    entry->at = text->at;
    if (!address_parse(text->text, &entry->address, &error))
        reader_complain(reader, text, "address", "%s", error.message);
    else if (entry->address.has_path)
        reader_complain(reader, text, "address",
                        "%s: an address here has no path; write paths: beside it",
                        FINDING_QUOTE(text->text));
}

static void read_opaque(struct manifest_reader *reader, const struct yaml_node *node,
                        struct narrow_entry *entry)
{
    const struct yaml_node *text = yaml_get(node, "opaque");
    if (text == NULL)
        return;
    entry->opaque = text->kind == YAML_SCALAR && span_equal(text->text, SPAN("allow"));
    if (!entry->opaque)
        reader_complain(reader, text, "opaque",
                        "opaque is allow or is left out: tunnels that are not inspected are "
                        "denied then");
}

static void read_entry(struct manifest_reader *reader, const struct yaml_node *node,
                       struct narrow_entry *entry)
{
    static const char *const known[] = {"address", "methods", "paths", "opaque", NULL};
    if (!reader_is_mapping(reader, node, "an entry", "a mapping with an address"))
        return;
    reader_check_keys(reader, node, "an entry", known);
    read_address(reader, node, entry);
    read_methods(reader, node, entry);
    read_paths(reader, node, entry);
    read_opaque(reader, node, entry);
    if (entry->any_method && entry->any_path)
        reader_complain(reader, node, "nothing",
                        "the entry takes nothing away; name methods or paths, or take it out");
}

static void read_list(struct manifest_reader *reader, const struct yaml_node *root,
                      struct narrow_file *file)
{
    if (yaml_is_null(root)) {
        /* A file cut short must not open what it shut. */
        reader_complain(reader, root, "nothing",
                        "the file is empty; " EXAMPLE ", [] if nothing is to be narrowed, or take "
                        "the file away");
        return;
    }
    if (root->kind != YAML_SEQUENCE) {
        reader_complain(reader, root, "wrong-type", "%s instead of a list; " EXAMPLE,
                        yaml_describe(root));
        return;
    }
    if (root->count > NARROW_ENTRIES_MAXIMUM) {
        reader_complain(reader, root->items[NARROW_ENTRIES_MAXIMUM], "too-many",
                        "more than %d entries; have fewer", NARROW_ENTRIES_MAXIMUM);
        return;
    }
    file->items = reader_allocate(reader, root->count, sizeof(*file->items));
    for (size_t i = 0; file->items != NULL && i < root->count; i++)
        read_entry(reader, root->items[i], &file->items[file->count++]);
}

struct narrow_file *narrow_file_read(const struct yaml_document *document, struct arena *arena,
                                     struct findings *findings)
{
    const struct manifest_options options = {.plain_http = true};
    struct manifest_reader reader = {.options = &options, .arena = arena, .findings = findings};
    struct narrow_file *file = arena_allocate(arena, sizeof(*file));
    if (file == NULL)
        return NULL;
    file->file = yaml_document_file(document);
    read_list(&reader, yaml_document_root(document), file);
    return reader.out_of_memory ? NULL : file;
}
