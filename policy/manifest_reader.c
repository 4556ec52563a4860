/*
 * The small steps of reading a manifest: fetch a child, insist on its kind,
 * take a string. Each reports for itself, so that the parts that direct read
 * straight down.
 */
#include "policy/manifest_reader.h"

#include <stdarg.h>

#include "policy/nearest.h"

#define MESSAGE_SIZE 1024

void *reader_allocate(struct manifest_reader *reader, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void *memory = arena_allocate_array(reader->arena, count, size);
    if (memory == NULL)
        reader->out_of_memory = true;
    return memory;
}

/* What a proxy passes over in silence. */
static void pass_over(struct manifest_reader *reader, struct position at, const char *rule,
                      const char *message)
{
    struct error *told = reader->options->passed_over;
    if (told != NULL && told->message[0] == '\0' && strcmp(rule, "unknown-key") == 0)
        error_set_at(told, reader->findings->file, at, "%s", message);
}

static void report(struct manifest_reader *reader, enum finding_level level, struct position at,
                   struct position end, const char *rule, const char *message)
{
    if (!reader->aside || reader->options->thorough)
        finding_add(reader->findings, level, rule, at, end, "%s", message);
    else
        pass_over(reader, at, rule, message);
}

/* A list or a mapping is shown by its beginning alone. */
static struct position end_of(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR ? node->end : (struct position){0, 0};
}

void reader_complain(struct manifest_reader *reader, const struct yaml_node *node, const char *rule,
                     const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(reader, FINDING_ERROR, node->at, end_of(node), rule, message);
}

void reader_complain_at(struct manifest_reader *reader, struct position at, const char *rule,
                        const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(reader, FINDING_ERROR, at, (struct position){0, 0}, rule, message);
}

void reader_warn(struct manifest_reader *reader, const struct yaml_node *node, const char *rule,
                 const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(reader, FINDING_WARNING, node->at, end_of(node), rule, message);
}

void reader_wrong_kind(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *right)
{
    reader_complain(reader, node, "wrong-type", "%s is %s; it must be %s", path,
                    yaml_describe(node), right);
}

const struct yaml_node *reader_child(struct manifest_reader *reader, const struct yaml_node *parent,
                                     const char *key, enum yaml_kind kind, const char *path)
{
    const struct yaml_node *child = yaml_get(parent, key);
    if (child == NULL || yaml_is_null(child))
        return NULL;
    if (child->kind == kind)
        return child;
    reader_wrong_kind(reader, child, path, kind == YAML_SEQUENCE ? "a list" : "a mapping");
    return NULL;
}

const struct yaml_node *reader_list_within(struct manifest_reader *reader,
                                           const struct yaml_node *parent, const char *key,
                                           size_t maximum)
{
    const struct yaml_node *list = reader_child(reader, parent, key, YAML_SEQUENCE, key);
    if (list == NULL || list->count <= maximum)
        return list;
    reader_complain(reader, list->items[maximum], "too-many",
                    "more than %zu items of %s; have fewer", maximum, key);
    return NULL;
}

bool reader_is_mapping(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *right)
{
    if (node->kind == YAML_MAPPING)
        return true;
    reader_wrong_kind(reader, node, path, right);
    return false;
}

const struct yaml_node *reader_required_string(struct manifest_reader *reader,
                                               const struct yaml_node *parent, const char *key,
                                               const char *path)
{
    const struct yaml_node *node = yaml_get(parent, key);
    if (node == NULL) {
        reader_complain(reader, parent, "missing-key", "%s is missing; write %s: …", path, key);
        return NULL;
    }
    if (yaml_is_string(node))
        return node;
    reader_wrong_kind(reader, node, path, "a string; put it in quotes if it is meant as text");
    return NULL;
}

bool reader_string(struct manifest_reader *reader, const struct yaml_node *node, const char *path,
                   struct span *text)
{
    if (!yaml_is_string(node)) {
        reader_wrong_kind(reader, node, path, "a string; put it in quotes if it is meant as text");
        return false;
    }
    return manifest_replace_variables(reader, node, node->text, text);
}

bool reader_flag(struct manifest_reader *reader, const struct yaml_node *parent, const char *key,
                 const char *path, bool fallback)
{
    const struct yaml_node *child = yaml_get(parent, key);
    bool value = fallback;
    if (child != NULL && !yaml_boolean(child, &value))
        reader_wrong_kind(reader, child, path, "true or false");
    return value;
}

size_t reader_strings(struct manifest_reader *reader, const struct yaml_node *parent,
                      const char *key, const char *path, struct span **items)
{
    const struct yaml_node *list = reader_child(reader, parent, key, YAML_SEQUENCE, path);
    size_t count = 0;
    if (list == NULL)
        return 0;
    struct span *strings = reader_allocate(reader, list->count, sizeof(*strings));
    if (strings == NULL)
        return 0;
    for (size_t i = 0; i < list->count; i++) {
        if (reader_string(reader, list->items[i], path, &strings[count]))
            count++;
    }
    *items = strings;
    return count;
}

static bool is_one_of(struct span name, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (span_equal(name, span_of(*known)))
            return true;
    }
    return false;
}

static void complain_about_key(struct manifest_reader *reader, const struct yaml_node *key,
                               const char *path, const char *const *known)
{
    const char *nearest = nearest_name(key->text, known);
    if (nearest != NULL)
        reader_complain(reader, key, "unknown-key", "%s is not a key of %s; did you mean \"%s\"?",
                        FINDING_QUOTE(key->text), path, nearest);
    else
        reader_complain(reader, key, "unknown-key", "%s is not a key of %s; take it out",
                        FINDING_QUOTE(key->text), path);
}

void reader_check_keys(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *const *known)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->entries[i].key;
        if (key->kind != YAML_SCALAR || !is_one_of(key->text, known))
            complain_about_key(reader, key, path, known);
    }
}
